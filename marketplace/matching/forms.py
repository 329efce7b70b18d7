"""Forms of referrals and offers."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, LANGUAGES, NEEDS, Gender
from marketplace.core.forms import FormReader
from marketplace.matching.models import Complexity, Referral, ReferralSource, Urgency
from marketplace.matching.words import DECLINE_REASONS

LONGEST_TEXT = 4_000
LONGEST_REASON = 500
MOST_WEEKLY_PENCE = 1_000_000
"""£10,000 a week: more is a slip of the keyboard (a yearly sum)."""

GENDER_RULES = (Gender.FEMALE.value, Gender.MALE.value)
"""Genders a person may ask a planner to have."""
NO_RULE = "any"
"""What the form sends when the person does not mind."""


class ReferralForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a council worker knows when somebody needs a plan."""

    source: ReferralSource
    urgency: Urgency
    complexity: Complexity
    complexity_reason: str
    needs: list[str]
    communication_needs: list[str]
    wants: str
    interim_plan: str
    indicative_weekly_pence: int
    required_gender: str | None
    essential_language: str | None
    person_informed: bool
    chosen_worker_id: UUID | None
    previous_worker_id: UUID | None
    excluded_organisation_ids: list[str]
    version: int

    @classmethod
    def read(
        cls, data: dict[str, Any], *, workers: Collection[UUID], organisations: Collection[UUID]
    ) -> "ReferralForm":
        """Read the form.

        Args:
            data: The form.
            workers: Planners that may be named.
            organisations: Organisations that may be named.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        complexity = form.choice("complexity", "how complex this is", Complexity)
        reason = form.text("complexity_reason", "why it is complex", required=False, longest=LONGEST_TEXT)
        if complexity is Complexity.COMPLEX and not reason:
            form.wrong("complexity_reason", "Say why this needs a council worker")
        chosen = _known(form, "chosen_worker_id", "the planner the person chose", workers)
        excluded = form.options(
            "excluded_organisation_ids",
            "the organisations the person does not want",
            [str(organisation) for organisation in organisations],
        )
        budget = form.pounds("indicative_weekly_pence", "the indicative budget for a week", most=MOST_WEEKLY_PENCE)
        gender = form.option("required_gender", "the gender", (NO_RULE, *GENDER_RULES), required=False)
        version = form.raw("version")
        found = cls(
            source=form.choice("source", "which team refers", ReferralSource) or ReferralSource.FRONTLINE,
            urgency=form.choice("urgency", "how urgent this is", Urgency) or Urgency.STANDARD,
            complexity=complexity or Complexity.STANDARD,
            complexity_reason=reason if complexity is Complexity.COMPLEX else "",
            needs=form.options("needs", "what support is about", NEEDS, required=True),
            communication_needs=form.options("communication_needs", "the communication needs", COMMUNICATION_NEEDS),
            wants=form.text("wants", "what the person wants", required=False, longest=LONGEST_TEXT),
            interim_plan=form.text("interim_plan", "the interim plan", required=False, longest=LONGEST_TEXT),
            indicative_weekly_pence=budget or 0,
            required_gender=None if gender in ("", NO_RULE) else gender,
            essential_language=form.option("essential_language", "the language", LANGUAGES, required=False) or None,
            person_informed=form.ticked("person_informed"),
            chosen_worker_id=chosen,
            previous_worker_id=_known(form, "previous_worker_id", "the planner who knows the person", workers),
            excluded_organisation_ids=excluded,
            version=int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0,
        )
        form.done()
        return found


def referral_values(referral: Referral) -> dict[str, Any]:
    """Return a referral as the values of its form."""
    values: dict[str, Any] = {name: getattr(referral, name) for name in ReferralForm.__struct_fields__}
    return {
        **values,
        "source": referral.source.value,
        "urgency": referral.urgency.value,
        "complexity": referral.complexity.value,
        "indicative_weekly_pence": f"{referral.indicative_weekly_pence / 100:.2f}",
        "person_informed": "yes" if referral.person_informed else "",
        "chosen_worker_id": str(referral.chosen_worker_id or ""),
        "previous_worker_id": str(referral.previous_worker_id or ""),
        "required_gender": referral.required_gender or NO_RULE,
        "essential_language": referral.essential_language or "",
        "version": str(referral.version),
    }


class ReasonForm(msgspec.Struct, frozen=True):
    """Why something is done."""

    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ReasonForm":
        """Read the form.

        Raises:
            InvalidInput: Without a reason.
        """
        form = FormReader(data)
        found = cls(form.text("reason", "the reason", longest=LONGEST_REASON))
        form.done()
        return found


class OfferForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom a broker chose, and where the page showed that planner."""

    worker_id: UUID
    rank: int
    score: int
    first_day: int
    """Number of the day (`date.toordinal()`) on which the place was shown."""
    override_reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "OfferForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages; `override_reason` is needed for anybody who is not first (L8, K3).
        """
        form = FormReader(data)
        worker_id = form.id("worker_id", "a planner")
        rank = form.number("rank", "the rank", least=1, most=100_000)
        reason = form.text("override_reason", "the reason", required=False, longest=LONGEST_REASON)
        if rank > 1 and not reason:
            form.wrong("override_reason", "Say why you choose somebody who is not first")
        found = cls(
            worker_id=worker_id or UUID(int=0),
            rank=rank,
            score=form.number("score", "the points", least=0, most=1_000_000),
            first_day=form.number("first_day", "the day", least=1, most=3_652_059),
            override_reason=reason if rank > 1 else "",
        )
        form.done()
        return found


class DeclineForm(msgspec.Struct, frozen=True):
    """Why a planner says no."""

    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "DeclineForm":
        """Read the form: one of the usual reasons, more in words if wanted.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        code = form.option("reason", "why you say no", DECLINE_REASONS)
        more = form.text("more", "more about the reason", required=False, longest=LONGEST_REASON)
        if code == "other" and not more:
            form.wrong("more", "Say why you say no")
        form.done()
        label = DECLINE_REASONS[code]
        if code == "other":
            return cls(more)
        return cls(f"{label}: {more}" if more else label)


def _known(form: FormReader, name: str, label: str, ids: Collection[UUID]) -> UUID | None:
    found = form.id(name, label, required=False)
    if found is not None and found not in ids:
        form.wrong(name, f"Select {label} from the list")
        return None
    return found
