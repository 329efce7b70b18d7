"""What organisations earn from facts of other packages: one row for one event, ever."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit, setting
from marketplace.bookings.events import BookingApproved, BookingRestApproved
from marketplace.bookings.models import Funding
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.payments.errors import NoTariff
from marketplace.payments.models import AccrualKind, Tariff, TariffEvent
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.earning_facts import Case, EarningFacts
from marketplace.payments.repository.supply import VatRepository
from marketplace.payments.repository.tariffs import SERVICE_OF
from marketplace.payments.rules import Circumstance, Price, StageAt, Words, months_after, stage_source
from marketplace.payments.service.blocks import BlockService
from marketplace.payments.service.earning import Earning, announce, earn, reference
from marketplace.payments.service.tariffs import price_of, rule_on
from marketplace.payments.vat import vat_of
from marketplace.plans.events import PlanSignedOff, PlanSubmittedForCheck, ReviewSigned
from marketplace.plans.models import ReviewKind
from marketplace.providers.models import Organisation, ServiceLine

REVIEW_COVERS = timedelta(days=84)
"""A new version begun within so many days after a review is the review's "update the plan" (D13): where the council
pays for reviews, it earns nothing more."""


class Priced(NamedTuple):
    """A rule and what it makes of an event."""

    tariff: Tariff
    price: Price
    lines: tuple[Words, ...]

    @property
    def pence(self) -> int:
        """The whole, gross."""
        return sum(line.pence for line in self.lines)


async def priced(
    db: AsyncSession,
    council_id: UUID,
    organisation_id: UUID,
    event: TariffEvent,
    day: date,
    *,
    minutes: int = 0,
    case: Case | None = None,
) -> Priced | None:
    """Price an event by the rule of its day; None where no rule pays for it.

    Args:
        db: The transaction.
        council_id: Who pays.
        organisation_id: Who earns.
        event: What happened.
        day: When it was complete.
        minutes: Recorded time with the person.
        case: Whose plan it is about: decides the uplifts. None: no uplift.
    """
    tariff = await rule_on(db, council_id, organisation_id, event, day)
    if tariff is None:
        return None
    price = price_of(tariff)
    circumstances: Iterable[Circumstance] = ()
    if case is not None and price.uplifts:
        circumstances = case.circumstances(await setting(db, council_id, "payments.rural_areas", day))
    vat_rate = 0
    if price.vat_on_top:
        organisation = await db.get_one(Organisation, organisation_id)
        stated = await VatRepository(db).of_organisations(council_id, [organisation_id])
        vat = vat_of(stated.get(organisation_id, []), organisation, SERVICE_OF[event], day)
        vat_rate = vat.rate if vat else 0
    return Priced(tariff, price, tuple(price.working(minutes, frozenset(circumstances), vat_rate)))


class AccrualService:
    """Turns facts of other packages into money earned. Repeating a fact does nothing."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.accruals = AccrualRepository(db)
        self.facts = EarningFacts(db)

    async def accrue_plan(self, event: PlanSignedOff) -> bool:
        """Note what a completed plan version has earned, and post it.

        The rule is the one of the day the plan was completed, whenever the message arrives (C3). Stages that were paid
        on the way, and what was paid when the plan was given up for a time, are taken off; stages to come are left.

        Returns:
            Whether it was new.

        Raises:
            NoTariff: The council has no tariff for that day.
        """
        version_id, day = event.plan_version_id, event.completed_on
        if await self._has_plan(version_id):
            return False
        case = await self.facts.case(event.council_id, version_id)
        found = await self._plan_price(event, case, event.visit_minutes, day)
        if found is None:
            if case is not None and await self._is_in_review(case, event.organisation_id, day):
                self._note(event.council_id, "plan_version", version_id, "payments.plan_in_review")
                return False
            raise NoTariff(
                f"Plan version {version_id} was completed on {uk_date(day)}, "
                "and the council has set no tariff for that day."
            )
        before = await self.facts.earned_before(version_id, event.plan_id)
        due = found.price.earned_by(found.pence, StageAt.SIGNED_OFF)
        if due <= before:
            self._note(event.council_id, "plan_version", version_id, "payments.plan_paid_before")
            return False
        has_stages = bool(found.price.stages)
        added = await earn(
            self.db,
            Earning(
                council_id=event.council_id,
                organisation_id=event.organisation_id,
                kind=AccrualKind.PLAN_STAGE if has_stages else AccrualKind.PLAN,
                source_id=stage_source(version_id, StageAt.SIGNED_OFF) if has_stages else version_id,
                description=f"Support plan completed on {uk_date(day)}, {reference(version_id)}",
                amount_pence=due - before,
                working=_stage_working(found, due, before),
                tariff_id=found.tariff.id,
                minutes=event.visit_minutes,
                person_id=case.person_id if case else None,
                service_line=ServiceLine.SUPPORT_PLANNING,
                earned_on=day,
            ),
        )
        return added is not None

    async def accrue_submitted(self, event: PlanSubmittedForCheck) -> bool:
        """Note the stage that some tariffs pay when a plan first goes to its quality check.

        It is a payment on account by the rule of that day: at sign-off the rule of that later day gives the whole fee.

        Returns:
            Whether it earned something new.
        """
        source_id = stage_source(event.plan_version_id, StageAt.SUBMITTED)
        if await self.accruals.has(AccrualKind.PLAN_STAGE, source_id) or await self._has_plan(event.plan_version_id):
            return False
        case = await self.facts.case(event.council_id, event.plan_version_id)
        found = await self._plan_price(event, case, event.visit_minutes, event.submitted_on)
        if found is None:
            return False
        due = found.price.earned_by(found.pence, StageAt.SUBMITTED)
        before = await self.facts.earned_before(event.plan_version_id, event.plan_id)
        if due <= before:
            return False
        words = f"Support plan sent for its check on {uk_date(event.submitted_on)}"
        earning = Earning(
            council_id=event.council_id,
            organisation_id=event.organisation_id,
            kind=AccrualKind.PLAN_STAGE,
            source_id=source_id,
            description=f"{words}, {reference(event.plan_version_id)}",
            amount_pence=due - before,
            working=_stage_working(found, due, before),
            tariff_id=found.tariff.id,
            minutes=event.visit_minutes,
            person_id=event.person_id,
            service_line=ServiceLine.SUPPORT_PLANNING,
            earned_on=event.submitted_on,
        )
        return announce(self.db, earning, await earn(self.db, earning))

    async def accrue_review(self, event: ReviewSigned) -> bool:
        """Note what a review has earned, as often as the rule allows for a person (D13).

        Returns:
            Whether it earned something new. A council without a rule for reviews pays nothing for them; nor is a
            first review paid unless the council counts it; nor a second one within the rule's months.
        """
        if await self.accruals.has(AccrualKind.REVIEW, event.review_id):
            return False
        kind = await self.facts.review_kind(event.council_id, event.review_id)
        day = event.held_on
        if kind is ReviewKind.WELFARE_CHECK and not await setting(
            self.db, event.council_id, "payments.first_review_earns", day
        ):
            return False
        case = await self.facts.newest_case(event.council_id, event.plan_id)
        found = await priced(self.db, event.council_id, event.organisation_id, TariffEvent.REVIEW_HELD, day, case=case)
        if found is None:
            return False
        await self.facts.hold_person(event.person_id)
        near = await self._review_near(event, found.tariff.once_months)
        if near is not None:
            why = f"A review of {uk_date(near)} has earned it for {found.tariff.once_months} months"
            self._note(event.council_id, "review", event.review_id, "payments.review_paid_before", why)
            return False
        earning = Earning(
            council_id=event.council_id,
            organisation_id=event.organisation_id,
            kind=AccrualKind.REVIEW,
            source_id=event.review_id,
            description=f"Review held on {uk_date(day)}, {reference(event.review_id)}",
            amount_pence=found.pence,
            working=found.lines,
            tariff_id=found.tariff.id,
            person_id=event.person_id,
            service_line=ServiceLine.SUPPORT_PLANNING,
            earned_on=day,
        )
        return announce(self.db, earning, await earn(self.db, earning))

    async def accrue_visit(self, event: BookingApproved | BookingRestApproved) -> bool:
        """Note what an approved visit has earned, as far as the council pays it from a direct payment that it holds.

        The ledger's entry was posted by bookings when the visit was approved. Card money goes straight to the payee,
        people who hold their own direct payment pay themselves, and a fund pays who manages it: none of that goes
        through a bill. What had been held back of a visit at first is a row of its own. A visit that is counted in a
        block contract earns nothing: its months do (`service.blocks`).

        Returns:
            Whether it was new.
        """
        is_rest = isinstance(event, BookingRestApproved)
        pence = event.accrued_pence
        if isinstance(event, BookingApproved) and pence is None:
            pence = event.cost_pence if event.funding == Funding.DIRECT_PAYMENT else 0
        if not pence or pence <= 0:
            return False
        words = "Rest of the visit" if is_rest else "Visit"
        visited = await self.facts.visit(event.council_id, event.booking_id)
        if visited is not None and await BlockService(self.db).count_in(
            event.council_id,
            event.booking_id,
            event.organisation_id,
            visited.service_line,
            event.visit_on,
            pence,
            is_rest=is_rest,
        ):
            return False
        added = await earn(
            self.db,
            Earning(
                council_id=event.council_id,
                organisation_id=event.organisation_id,
                kind=AccrualKind.VISIT,
                source_id=rest_of(event.booking_id) if is_rest else event.booking_id,
                description=f"{words} on {uk_date(event.visit_on)}, {reference(event.booking_id)}",
                amount_pence=pence,
                person_id=visited.person_id if visited else None,
                service_line=visited.service_line if visited else None,
                minutes=visited.minutes if visited and not is_rest else None,
                earned_on=event.visit_on,
            ),
        )
        return added is not None

    async def _has_plan(self, version_id: UUID) -> bool:
        """Whether a version's sign-off earned before, with or without stages."""
        return await self.accruals.has(AccrualKind.PLAN, version_id) or await self.accruals.has(
            AccrualKind.PLAN_STAGE, stage_source(version_id, StageAt.SIGNED_OFF)
        )

    async def _plan_price(
        self, event: PlanSignedOff | PlanSubmittedForCheck, case: Case | None, minutes: int, day: date
    ) -> Priced | None:
        """Price a version: a later one as a re-plan where the book knows that, unless a review's fee covers it."""
        asked = (self.db, event.council_id, event.organisation_id)
        if case is not None and case.number > 1:
            if await self._is_in_review(case, event.organisation_id, day):
                return None
            again = await priced(*asked, TariffEvent.REPLAN, day, minutes=minutes, case=case)
            if again is not None:
                return again
        return await priced(*asked, TariffEvent.PLAN_COMPLETED, day, minutes=minutes, case=case)

    async def _is_in_review(self, case: Case, organisation_id: UUID, day: date) -> bool:
        """Whether a later version is the update of the plan that a review's fee pays for (D13)."""
        if case.number < 2:
            return False
        began = await self.facts.began_on(case.version_id) or day
        if await self.facts.held_review(case.plan_id, began - REVIEW_COVERS, day) is None:
            return False
        return await rule_on(self.db, case.council_id, organisation_id, TariffEvent.REVIEW_HELD, day) is not None

    async def _review_near(self, event: ReviewSigned, months: int | None) -> date | None:
        """Return the day of a paid review of the same person that is too near, either way: messages may come late."""
        if months is None:
            return None
        asked = (event.council_id, event.person_id, event.held_on)
        last = await self.facts.last_review_earned(*asked)
        if last is not None and event.held_on < months_after(last, months):
            return last
        following = await self.facts.next_review_earned(*asked)
        return following if following is not None and following < months_after(event.held_on, months) else None

    def _note(self, council_id: UUID, kind: str, subject_id: UUID, action: str, why: str = "") -> None:
        audit.record(self.db, None, action, council_id=council_id, subject_kind=kind, subject_id=subject_id, why=why)


def _stage_working(found: Priced, due: int, before: int) -> tuple[Words, ...]:
    """Write how a stage's amount comes about: the whole fee, less what comes later, less what came before."""
    lines = list(found.lines)
    if found.pence > due:
        lines.append(Words("Earned at a later stage", due - found.pence))
    if before:
        lines.append(Words("Earned before", -before))
    return tuple(lines)


def rest_of(booking_id: UUID) -> UUID:
    """Return the id under which the rest of a part-approved visit is earned: always the same for a visit."""
    return uuid5(booking_id, "visit-approved-rest")
