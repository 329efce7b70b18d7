"""Forms of referrals and offers."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, LANGUAGES, NEEDS, SKILLS, Gender
from marketplace.core.forms import FormReader
from marketplace.matching.models import Complexity, ConflictKind, HeardHow, Referral, ReferralSource, Urgency
from marketplace.matching.words import DECLINE_REASONS

LONGEST_TEXT = 4_000
LONGEST_REASON = 500
MOST_WEEKLY_PENCE = 1_000_000
"""£10,000 a week: more is a slip of the keyboard (a yearly sum)."""

GENDER_RULES = (Gender.FEMALE.value, Gender.MALE.value)
"""Genders a person may ask a planner to have."""
CHOSE = ("planner", "organisation", "nobody")
"""What a form on hearing somebody asks: whether they chose, and whom."""
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
    required_skills: list[str]
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
            required_skills=form.options("required_skills", "the skills", SKILLS),
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
    """Why somebody who is not first, or not the person's choice. The first needs none."""

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
            override_reason=reason,
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


class HeardForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a person said they want, and whom they chose."""

    how: HeardHow
    said: str
    worker_id: UUID | None
    organisation_id: UUID | None

    @classmethod
    def read(cls, data: dict[str, Any], *, workers: Collection[UUID], organisations: Collection[UUID]) -> "HeardForm":
        """Read the form.

        Args:
            data: The form.
            workers: Planners that may be named.
            organisations: Organisations that may be named.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        how = form.choice("how", "how you heard them", HeardHow)
        said = form.text("said", "what they said, in their words", longest=LONGEST_TEXT)
        chose = form.option("chose", "whether they chose somebody", CHOSE)
        worker_id = _known(form, "worker_id", "the planner they chose", workers) if chose == "planner" else None
        organisation_id = (
            _known(form, "organisation_id", "the organisation they chose", organisations)
            if chose == "organisation"
            else None
        )
        if chose == "planner" and worker_id is None:
            form.wrong("worker_id", "Select the planner they chose")
        if chose == "organisation" and organisation_id is None:
            form.wrong("organisation_id", "Select the organisation they chose")
        form.done()
        return cls(how=how or HeardHow.TELEPHONE, said=said, worker_id=worker_id, organisation_id=organisation_id)


class ContestForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with a decision, and what should happen instead."""

    said: str
    wants: str
    worker_id: UUID | None

    @classmethod
    def read(cls, data: dict[str, Any], *, workers: Collection[UUID]) -> "ContestForm":
        """Read the form. `workers` may be named instead.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(
            said=form.text("said", "what is wrong", longest=LONGEST_TEXT),
            wants=form.text("wants", "what should happen instead", required=False, longest=LONGEST_TEXT),
            worker_id=_known(form, "worker_id", "the planner you want", workers),
        )
        form.done()
        return found


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The council's answer to a contest."""

    is_upheld: bool
    answer: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "AnswerForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        outcome = form.option("outcome", "what you decided", ("upheld", "kept"))
        answer = form.text("answer", "the answer to the person", longest=LONGEST_TEXT)
        version = form.number("version", "the version", least=1, most=1_000_000, required=False)
        form.done()
        return cls(is_upheld=outcome == "upheld", answer=answer, version=version)


class ConflictForm(msgspec.Struct, frozen=True, kw_only=True):
    """A conflict of interest: who must not act for whom, and why."""

    worker_id: UUID | None
    organisation_id: UUID | None
    person_id: UUID | None
    kind: ConflictKind
    note: str

    @classmethod
    def read(
        cls,
        data: dict[str, Any],
        *,
        workers: Collection[UUID],
        organisations: Collection[UUID],
        person_id: UUID | None,
    ) -> "ConflictForm":
        """Read the form.

        Args:
            data: The form.
            workers: Planners that may be named.
            organisations: Organisations that may be named.
            person_id: The person whose reference was typed, None when nobody has it.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        party = form.option("party", "who has the conflict", ("worker", "organisation"))
        worker_id = _known(form, "worker_id", "the planner", workers) if party == "worker" else None
        organisation_id = (
            _known(form, "organisation_id", "the organisation", organisations) if party == "organisation" else None
        )
        if party == "worker" and worker_id is None:
            form.wrong("worker_id", "Select the planner")
        if party == "organisation" and organisation_id is None:
            form.wrong("organisation_id", "Select the organisation")
        with_whom = form.option("with_whom", "with whom", ("person", "everybody"))
        reference = form.text("person_reference", "the person’s reference", required=with_whom == "person")
        if with_whom == "person" and reference and person_id is None:
            form.wrong("person_reference", "We know nobody with this reference. Look it up on the person’s page")
        kind = form.choice("kind", "what kind of conflict it is", ConflictKind)
        note = form.text("note", "the note", required=kind is ConflictKind.OTHER, longest=LONGEST_REASON)
        form.done()
        return cls(
            worker_id=worker_id,
            organisation_id=organisation_id,
            person_id=person_id if with_whom == "person" else None,
            kind=kind or ConflictKind.OTHER,
            note=note,
        )


def _known(form: FormReader, name: str, label: str, ids: Collection[UUID]) -> UUID | None:
    found = form.id(name, label, required=False)
    if found is not None and found not in ids:
        form.wrong(name, f"Select {label} from the list")
        return None
    return found
