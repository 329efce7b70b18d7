"""What must hold before an agreement is offered or signed, with words and a way out for each."""

from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.bookings.errors import PaidRelative
from marketplace.bookings.models import Funding, Side, SupportAgreement
from marketplace.bookings.policies import service_of
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.repository_employment import EmploymentRepository, ExceptionRepository
from marketplace.bookings.service.employment.family import needs_exception
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.states import ExceptionStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.providers.models import (
    BOOKABLE_UNITS,
    SERVICE_LABELS,
    DayKind,
    Listing,
    ListingRate,
    Organisation,
    PriceUnit,
)
from marketplace.providers.repository.accreditations import AccreditationRepository

FURTHEST_START: Final = timedelta(days=366)
"""How far ahead an agreement may begin; prices further away are guesses."""
LEAST_CHANGE_NOTICE: Final = timedelta(days=7)
"""How far ahead new terms of a running agreement begin at least, so that there is time to answer. Our own figure."""
LEAST_ANSWER_DAYS: Final = timedelta(days=3)
"""How many days the other side has at least to answer new terms. Our own figure."""


def is_regular(listing: Listing) -> bool:
    """Whether regular support can be agreed from a listing: its price says what one visit costs."""
    return listing.price_unit in BOOKABLE_UNITS


def asks_relation(listing: Listing) -> bool:
    """Whether the family rule needs an answer: the agreement is with one assistant."""
    return listing.worker_id is not None


def listed_rates(listing: Listing, rates: list[ListingRate], on: date) -> dict[DayKind, int]:
    """Return what a listing costs on a day by kind of day, in pence; empty for a free offer."""
    if listing.price_unit is PriceUnit.FREE:
        return {}
    found = {DayKind.ANY: listing.price_pence}
    for kind in DayKind:
        running = [
            rate
            for rate in rates
            if rate.day_kind is kind and rate.starts_on <= on and (rate.ends_on is None or on < rate.ends_on)
        ]
        if running:
            found[kind] = max(running, key=lambda rate: rate.starts_on).price_pence
    return found


class AgreementRules:
    """Holds an agreement to its rules."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)

    async def check(
        self, agreement: SupportAgreement, listing: Listing, organisation: Organisation, council: str, by: Side
    ) -> None:
        """Hold an agreement to its days, its money and the accreditation of who delivers.

        Args:
            agreement: It need not be stored yet.
            listing: What it is about.
            organisation: Who delivers.
            council: Name of the council, for the words.
            by: Who reads the words.

        Raises:
            InvalidInput: What is wrong, by field.
            PaidRelative: The family rule forbids it.
        """
        wrong = self._days(agreement)
        if not await OfferRepository(self.db).takes_new(listing.id, today(self.clock)):
            wrong["form"] = f"{organisation.name} takes on no new people at present. Choose another provider"
        if agreement.funding is Funding.DIRECT_PAYMENT and "starts_on" not in wrong:
            wrong |= await self._money(agreement, listing, organisation, council, by)
        if wrong:
            raise InvalidInput(wrong)
        await self.check_family(agreement, by)

    def _days(self, agreement: SupportAgreement) -> dict[str, str]:
        day = today(self.clock)
        if agreement.starts_on < day:
            return {"starts_on": f"The first day was {uk_date(agreement.starts_on)}. It must be today or later"}
        if agreement.starts_on > day + FURTHEST_START:
            return {"starts_on": "The first day must be within a year"}
        return {}

    async def _money(
        self, agreement: SupportAgreement, listing: Listing, organisation: Organisation, council: str, by: Side
    ) -> dict[str, str]:
        starts_on, wrong = agreement.starts_on, {}
        purse = await purse_of(self.db, agreement.council_id, agreement.person_id, on=starts_on)
        if purse is None:
            whose = "You have" if by is Side.PERSON else "The person has"
            wrong["funding"] = f"{whose} no direct payment on {uk_date(starts_on)}. Choose another first day, or card"
        service = service_of(listing.category)
        is_live = await AccreditationRepository(self.db).is_live(
            organisation.id, agreement.council_id, service, starts_on, today(self.clock)
        )
        if not is_live:
            who = organisation.name if by is Side.PERSON else "you"
            way = "Choose another provider or another first day" if by is Side.PERSON else "Ask the council why"
            wrong["funding"] = (
                f"{council} does not pay {who} for {SERVICE_LABELS[service].lower()} on {uk_date(starts_on)}. {way}"
            )
        return wrong

    async def check_family(self, agreement: SupportAgreement, by: Side) -> None:
        """Hold an agreement with one assistant to the family rule, once the person has said how they are related.

        Raises:
            PaidRelative: They live together as relatives or are partners, and the council has not allowed it.
        """
        if agreement.worker_id is None or agreement.relation is None or agreement.funding is not Funding.DIRECT_PAYMENT:
            return
        employment = await EmploymentRepository(self.db).with_worker(
            agreement.council_id, agreement.person_id, agreement.worker_id
        )
        # What was said when the assistant was taken on counts, too: the stricter of both answers.
        said = employment is not None and needs_exception(employment.relation, lives_with=employment.lives_with)
        if not said and not needs_exception(agreement.relation, lives_with=bool(agreement.lives_with)):
            return
        found = await ExceptionRepository(self.db).newest(employment.id) if employment else None
        if found is not None and found.status is ExceptionStatus.ALLOWED:
            return
        if by is Side.PROVIDER:
            # Who is related to whom is the person's to tell.
            raise PaidRelative("The council has to allow this first. The person can ask it.")
        if employment is None:
            # The council decides about a job, so the assistant is entered first, with what was said here.
            said_here = {"relation": agreement.relation.value, "lives_with": "yes" if agreement.lives_with else "no"}
            ask_at = f"/employer/new?{urlencode({'listing': str(agreement.listing_id), **said_here})}"
        else:
            ask_at = f"/employer/{employment.id}"
        if found is None or found.status is ExceptionStatus.WITHDRAWN:
            raise PaidRelative(
                "The rules for direct payments do not let you pay your partner, or a close relative in your home, "
                "unless your council says that it is necessary. You can ask your council to allow it.",
                ask_at=ask_at,
            )
        if found.status is ExceptionStatus.ASKED:
            raise PaidRelative(
                "You have asked your council to allow this. You can sign when it has said yes.",
                ask_at=ask_at,
                is_asked=True,
            )
        raise PaidRelative(f"Your council said no. It wrote: {found.decision_reason}", ask_at=ask_at)
