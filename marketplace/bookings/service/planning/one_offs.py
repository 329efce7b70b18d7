"""One visit more, inside an agreement: at its price, on a day of its own. The provider says yes or no."""

from datetime import date, time, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts import Principal, audit, setting
from marketplace.bookings.errors import FamilyRule, NotEnoughLeft, NotYet
from marketplace.bookings.models import Booking, Funding, SupportAgreement
from marketplace.bookings.policies import FURTHEST_AHEAD, LEAST_NOTICE, service_of
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.service.agreements.prices import rate_of, terms_on, visit_price
from marketplace.bookings.service.employment.family import FamilyService
from marketplace.bookings.service.planning.access import AgreementAccess
from marketplace.bookings.service.planning.diary import Diary
from marketplace.bookings.service.planning.patterns import is_in_any, span_of
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.service.requests import publish_requested
from marketplace.bookings.states import BOOKING, BookingStatus
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds, uk_date

NOT_FREE = "Your assistant is not free then. Choose another time, or ask anyway"


class Extra(msgspec.Struct, frozen=True, kw_only=True):
    """A visit that somebody wishes for besides the weekly ones."""

    visit_on: date
    starts_local: time
    minutes: int
    note: str = ""


class NotFreeThen(InvalidInput):
    """The assistant is taken at that time; the person chooses another, or asks anyway."""


class OneOffs(AgreementAccess):
    """The verb of a single visit inside an agreement."""

    async def price(self, agreement: SupportAgreement, extra: Extra) -> int:
        """Return what it would cost, in pence.

        Raises:
            InvalidInput: The time is not possible, or the agreement or the council's payment does not cover the day.
            NotEnoughLeft: The direct payment does not reach.
        """
        return (await self._checked(agreement, extra))[1]

    async def is_free(self, agreement: SupportAgreement, extra: Extra) -> bool:
        """Whether the assistant of an agreement is free then, as far as the platform knows; held from here on.

        True where the agreement names nobody: then its provider finds somebody.
        """
        if agreement.worker_id is None:
            return True
        span = span_of(extra.visit_on, extra.starts_local, extra.minutes)
        travel = await self._travel(agreement)
        workers = await self.rows.hold_workers([agreement.worker_id])
        until = span.ends_at + timedelta(hours=2)
        diary = Diary(await OfferRepository(self.db).calendars(workers, span.starts_at, until))
        return diary.is_free(agreement.worker_id, span, travel)

    async def request(self, principal: Principal, agreement_id: UUID, extra: Extra, *, anyway: bool = False) -> Booking:
        """Ask the provider for one visit more, for the person.

        Args:
            principal: The person, or who acts for them.
            agreement_id: The agreement.
            extra: The visit.
            anyway: The person knows that their assistant is not free then, and asks nevertheless.

        Raises:
            NotFreeThen: The assistant is not free, and the person was not told yet.
            InvalidInput, NotEnoughLeft: As `price`.
        """
        agreement = await self.of_person(principal, agreement_id, to_change=True)
        span = span_of(extra.visit_on, extra.starts_local, extra.minutes)
        travel = await self._travel(agreement)
        is_free = await self.is_free(agreement, extra)
        if not is_free and not anyway:
            raise NotFreeThen({"starts_local": NOT_FREE})
        worker_id = agreement.worker_id if is_free else None
        rate, cost = await self._checked(agreement, extra, locked=True)
        visit = Booking(
            council_id=agreement.council_id,
            person_id=agreement.person_id,
            listing_id=agreement.listing_id,
            organisation_id=agreement.organisation_id,
            agreement_id=agreement.id,
            worker_id=worker_id,
            travel_minutes=travel,
            status=BookingStatus.REQUESTED,
            funding=agreement.funding,
            visit_on=extra.visit_on,
            starts_local=extra.starts_local,
            starts_at=span.starts_at,
            ends_at=span.ends_at,
            minutes=extra.minutes,
            rate_pence=rate,
            cost_pence=cost,
            note=extra.note,
            requested_at=self.clock.now(),
            requested_by_user_id=principal.user_id,
        )
        self.db.add(visit)
        await self.db.flush()
        BOOKING.begin(self.db, visit, by=principal.user_id)
        audit.record(
            self.db,
            principal,
            "bookings.request_extra_visit",
            council_id=visit.council_id,
            subject_kind="booking",
            subject_id=visit.id,
            after={"agreement_id": agreement.id, "starts_at": visit.starts_at, "cost_pence": cost},
        )
        publish_requested(self.db, visit)
        return visit

    async def _travel(self, agreement: SupportAgreement) -> int:
        return int(await setting(self.db, agreement.council_id, "bookings.travel_minutes", today(self.clock)))

    async def _checked(self, agreement: SupportAgreement, extra: Extra, *, locked: bool = False) -> tuple[int, int]:
        """Hold a wish to the rules; returns rate and cost in pence."""
        self.need_running(agreement)
        now, day = self.clock.now(), extra.visit_on
        span = span_of(day, extra.starts_local, extra.minutes)
        if span.starts_at < now + LEAST_NOTICE:
            raise InvalidInput({"visit_on": "The visit must start at least 2 hours from now"})
        if span.starts_at > now + FURTHEST_AHEAD:
            raise InvalidInput({"visit_on": "The visit must be within the next 26 weeks"})
        view = terms_on(await self.views(agreement), day)
        if view is None or day < agreement.starts_on or (agreement.ends_on is not None and day >= agreement.ends_on):
            raise InvalidInput({"visit_on": f"The agreement does not cover {uk_date(day)}"})
        if is_in_any((await self.rows.pauses([agreement.id])).get(agreement.id, []), day):
            raise InvalidInput({"visit_on": "Visits pause on that day. Choose another day, or end the pause first"})
        if day >= (await self.rows.deaths([agreement.person_id])).get(agreement.person_id, date.max):
            raise NotYet("No visits can be booked any more.")
        listing = (await self.rows.listings([agreement.listing_id]))[agreement.listing_id]
        if extra.minutes < listing.least_minutes:
            raise InvalidInput({"minutes": f"The shortest visit is {listing.least_minutes} minutes"})
        cost = visit_price(view, day, extra.minutes)
        if agreement.funding is Funding.DIRECT_PAYMENT:
            if await FamilyService(self.db).blocked([agreement]):
                raise FamilyRule
            key = (agreement.organisation_id, service_of(listing.category).value, day)
            if key not in await self.rows.accredited(agreement.council_id, [key], today(self.clock)):
                raise InvalidInput({"visit_on": f"The council does not pay this provider for {uk_date(day)}"})
            purse = await purse_of(self.db, agreement.council_id, agreement.person_id, locked=locked)
            if purse is None or (purse.budget_ends_on is not None and day >= purse.budget_ends_on):
                raise InvalidInput({"visit_on": f"No direct payment runs on {uk_date(day)}"})
            short = cost - purse.free_on(day)
            if short > 0:
                message = (
                    f"This visit costs {pounds(cost)}, and the direct payment is {pounds(short)} short then. "
                    "Choose a shorter visit or a later day"
                )
                raise NotEnoughLeft({"minutes": message}, short_pence=short, affordable_minutes=0)
        return rate_of(view, day), cost
