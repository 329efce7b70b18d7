"""Forms of offers for requirements for care: the offer, saying no, marks, what the person said, the award."""

from collections.abc import Collection, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.words import INTERESTS, SKILLS
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.matching.care.scoring import MOST_MARK
from marketplace.matching.forms import LONGEST_REASON, LONGEST_TEXT
from marketplace.matching.forms_care import day_values, read_version
from marketplace.matching.models import HeardHow, Requirement, RequirementOffer, RequirementVisit
from marketplace.matching.words_care import CARE_DECLINE_LABELS

MOST_RATE_PENCE = 20_000
"""£200 an hour: more is a slip of the keyboard."""


class CareOfferForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider offers."""

    rate_pence: int
    visit_ids: list[UUID]
    """Empty: the whole week."""
    starts_on: date
    valid_until: date
    outcomes_answer: str
    workers_answer: str
    worker_skills: list[str]
    worker_interests: list[str]
    below_cost_reason: str
    version: int

    @classmethod
    def read(
        cls, data: dict[str, Any], requirement: Requirement, visits: Sequence[RequirementVisit], on: date
    ) -> "CareOfferForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        rate = form.pounds("rate_pence", "the price for an hour", least=1, most=MOST_RATE_PENCE)
        may_share = requirement.split_agreed and requirement.most_providers > 1
        scope = form.option("scope", "how much of the week you offer", ("all", "some")) if may_share else "all"
        ids = [str(visit.id) for visit in visits]
        chosen = form.options("visit_ids", "visits of this week", ids) if scope == "some" else []
        if scope == "some" and not chosen:
            form.wrong("visit_ids", "Select the visits that you can do")
        starts_on = form.day("starts_on", "the day you can start")
        if starts_on and not max(on, requirement.starts_on) <= starts_on <= requirement.latest_start_on:
            form.wrong("starts_on", "The day must be within the days that the council asks for")
        valid_until = form.day("valid_until", "how long the offer stands")
        if valid_until and (requirement.answer_by is None or valid_until < requirement.answer_by.date()):
            form.wrong("valid_until", "The offer must stand at least until the time for offers has ended")
        elif valid_until and valid_until > on + timedelta(days=366):
            form.wrong("valid_until", "The day must be within a year")
        if requirement.required_gender and not form.ticked("meets_gender"):
            form.wrong("meets_gender", "Confirm the gender of the workers, or say no to this requirement")
        if requirement.essential_language and not form.ticked("meets_language"):
            form.wrong("meets_language", "Confirm the language of the workers, or say no to this requirement")
        if requirement.required_skills and not form.ticked("meets_skills"):
            form.wrong("meets_skills", "Confirm the skills of the workers, or say no to this requirement")
        found = cls(
            rate_pence=rate or 0,
            # All visits one by one are the whole week.
            visit_ids=[UUID(item) for item in chosen] if len(chosen) < len(ids) else [],
            starts_on=starts_on or requirement.starts_on,
            valid_until=valid_until or on,
            outcomes_answer=form.text("outcomes_answer", "how you would reach the outcomes", longest=LONGEST_TEXT),
            workers_answer=form.text("workers_answer", "who would come", required=False, longest=LONGEST_TEXT),
            worker_skills=form.options("worker_skills", "the skills", SKILLS),
            worker_interests=form.options("worker_interests", "the interests", INTERESTS),
            below_cost_reason=form.text("below_cost_reason", "the reason", required=False, longest=LONGEST_REASON),
            version=read_version(form),
        )
        form.done()
        return found


class CareDeclineForm(msgspec.Struct, frozen=True):
    """Why a provider says no."""

    code: str
    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "CareDeclineForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        code = form.option("reason", "why you say no", CARE_DECLINE_LABELS)
        more = form.text("more", "more about the reason", required=False, longest=LONGEST_REASON)
        if code == "other" and not more:
            form.wrong("more", "Say why you say no")
        form.done()
        label = CARE_DECLINE_LABELS[code]
        return cls(code, more if code == "other" else f"{label}: {more}" if more else label)


class Mark(msgspec.Struct, frozen=True):
    """A mark for how an offer would reach the outcomes."""

    points: int
    reason: str


def read_marks(data: dict[str, Any], offer_ids: Sequence[UUID]) -> dict[UUID, Mark]:
    """Read a mark with its reason for every offer.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    found = {}
    for number, offer_id in enumerate(offer_ids, start=1):
        points = form.number(f"mark-{offer_id}", f"a mark for offer {number}", least=0, most=MOST_MARK)
        reason = form.text(f"why-{offer_id}", f"the reason for the mark of offer {number}", longest=LONGEST_REASON)
        found[offer_id] = Mark(points, reason)
    form.done()
    return found


class HeardForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the person said about the offers."""

    how: HeardHow
    said: str
    organisation_id: UUID | None

    @classmethod
    def read(cls, data: dict[str, Any], organisations: Collection[UUID]) -> "HeardForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        chosen = form.raw("organisation_id")
        if chosen and chosen not in {str(item) for item in organisations}:
            form.wrong("organisation_id", "Select a provider from the list")
        found = cls(
            how=form.choice("how", "how they were heard", HeardHow) or HeardHow.ONLINE,
            said=form.text("said", "what they said, in their words", longest=LONGEST_TEXT),
            organisation_id=parse_id(chosen) if chosen else None,
        )
        form.done()
        return found


class AwardForm(msgspec.Struct, frozen=True, kw_only=True):
    """Which offers are awarded, and why not the first."""

    offer_ids: list[UUID]
    reason: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], offers: Collection[UUID]) -> "AwardForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        ids = form.options("offer_ids", "offers from the list", [str(item) for item in offers], required=True)
        found = cls(
            offer_ids=[UUID(item) for item in ids],
            reason=form.text("reason", "the reason", required=False, longest=LONGEST_REASON),
            version=read_version(form),
        )
        form.done()
        return found


def offer_values(offer: RequirementOffer, visit_ids: Collection[UUID]) -> dict[str, Any]:
    """Return an offer as the values of its form."""
    return {
        "rate_pence": f"{offer.rate_pence / 100:.2f}",
        "scope": "some" if visit_ids else "all",
        "visit_ids": [str(item) for item in visit_ids],
        **day_values("starts_on", offer.starts_on),
        **day_values("valid_until", offer.valid_until),
        "outcomes_answer": offer.outcomes_answer,
        "workers_answer": offer.workers_answer,
        "worker_skills": offer.worker_skills,
        "worker_interests": offer.worker_interests,
        "below_cost_reason": offer.below_cost_reason,
        "meets_gender": "yes",
        "meets_language": "yes",
        "meets_skills": "yes",
        "version": str(offer.version),
    }
