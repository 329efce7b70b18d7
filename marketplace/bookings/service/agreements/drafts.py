"""Writing an agreement: one side drafts it, as often as it likes; the other sees nothing before it is sent."""

from uuid import UUID

import msgspec

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.council_settings import setting
from marketplace.accounts.permissions import Role
from marketplace.bookings.errors import NotBookable
from marketplace.bookings.models import AgreementRate, AgreementTerms, Employment, Side, SupportAgreement
from marketplace.bookings.repository import OfferRepository
from marketplace.bookings.repository_employment import EmploymentRepository
from marketplace.bookings.service.agreements.fair import working_of
from marketplace.bookings.service.agreements.forms import AgreementForm, TermsForm
from marketplace.bookings.service.agreements.pattern_form import rows_of
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.service.agreements.rules import AgreementRules, is_regular
from marketplace.bookings.service.agreements.views import AgreementReader
from marketplace.bookings.service.agreements.week import week_cost
from marketplace.bookings.states import AGREEMENT_TERMS, SUPPORT_AGREEMENT, AgreementStatus, TermsStatus
from marketplace.core.clock import today
from marketplace.core.errors import NotFound, StepRefused
from marketplace.people.models import Person
from marketplace.providers.models import Enquiry, Listing, ListingRate, Organisation
from marketplace.providers.repository.enquiries import EnquiryRepository
from marketplace.providers.repository.rates import RateRepository


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What a form of a new agreement needs to know."""

    listing: Listing
    organisation: Organisation
    rates: list[ListingRate]
    free_cancel_hours: int


class DraftSteps(AgreementReader):
    """The verbs before an agreement is sent."""

    async def start(self, principal: Principal, listing_id: UUID) -> Start:
        """Return what regular support can be agreed from.

        Raises:
            NotFound: No such listing is on the market; or, for a provider, it is not theirs.
            NotBookable: Its price is for something else than visits, or nobody new is taken on.
        """
        side = self.side(principal)
        offers = OfferRepository(self.db)
        found = await offers.listing(listing_id)
        if found is None:
            raise NotFound
        listing, organisation = found
        if side is Side.PROVIDER:
            self._own(principal, listing)
        if not is_regular(listing):
            raise NotBookable(f"{organisation.name} agrees this with you directly. It is not priced by the visit.")
        if not await offers.takes_new(listing.id, today(self.clock)):
            raise NotBookable(f"{organisation.name} takes on no new people at present.")
        hours = await setting(self.db, principal.council_id, "bookings.free_cancellation_hours", today(self.clock))
        return Start(
            listing=listing,
            organisation=organisation,
            rates=list(await RateRepository(self.db).of(listing.id)),
            free_cancel_hours=int(hours),
        )

    def _own(self, principal: Principal, listing: Listing) -> None:
        if listing.organisation_id != principal.need_organisation():
            raise NotFound
        if principal.role is Role.PA and listing.worker_id != principal.worker_id:
            raise NotFound

    async def open_draft(self, principal: Principal, listing_id: UUID, person_id: UUID) -> SupportAgreement | None:
        """Return what is written by this side, offered or running about a listing already, to go there instead."""
        side = self.side(principal)
        found = await self.agreements.between(principal.council_id, person_id, listing_id)
        seen = [row for row in found if row.status is not AgreementStatus.DRAFT or row.written_by is side]
        return next((row for row in seen if row.ends_on is None or row.status is not AgreementStatus.AGREED), None)

    async def client(self, principal: Principal, person_id: UUID) -> Person:
        """Return somebody whom a provider visits or visited.

        Raises:
            NotFound: They do not know each other.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        organisation_id = principal.need_organisation()
        if not await self.agreements.knows(principal.councils, organisation_id, person_id):
            raise NotFound
        return await self.agreements.person(principal.councils, person_id)

    async def asked(self, principal: Principal, enquiry_id: UUID) -> Enquiry:
        """Return an enquiry to a provider, whose asker may be offered regular support.

        Raises:
            NotFound: Somebody else's.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        alone = principal.worker_id if principal.role is Role.PA else None
        enquiries = EnquiryRepository(self.db)
        mine = enquiries.of_provider(principal.councils, principal.need_organisation(), alone)
        return await enquiries.one(mine.where(Enquiry.id == enquiry_id))

    async def draft(
        self, principal: Principal, start: Start, form: AgreementForm, person_id: UUID, council_id: UUID
    ) -> SupportAgreement:
        """Write a new agreement. The caller knows that this side may write one with that person.

        Raises:
            StepRefused: There is one about this listing already.
            InvalidInput, PaidRelative: As `AgreementRules.check`.
        """
        side = self._may_write(principal)
        person = await self.agreements.hold_person(council_id, person_id)
        if person.died_on is not None:
            raise NotFound
        if await self.open_draft(principal, start.listing.id, person_id) is not None:
            raise StepRefused("There is an agreement about this already. Open it to go on with it.")
        agreement = SupportAgreement(
            council_id=council_id,
            reference=await self.agreements.next_reference(council_id),
            person_id=person_id,
            organisation_id=start.organisation.id,
            listing_id=start.listing.id,
            # An assistant's agreement is with that assistant alone.
            worker_id=start.listing.worker_id,
            funding=form.funding,
            relation=form.relation,
            lives_with=form.lives_with,
            status=AgreementStatus.DRAFT,
            written_by=side,
            starts_on=form.starts_on,
            ends_on=form.ends_on,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        await self._rules(principal, agreement, start)
        self.db.add(agreement)
        await self.db.flush()
        SUPPORT_AGREEMENT.begin(self.db, agreement, by=principal.user_id)
        terms = AgreementTerms(
            council_id=council_id,
            agreement_id=agreement.id,
            number=1,
            status=TermsStatus.DRAFT,
            offered_by=side,
            starts_on=form.starts_on,
            price_unit=start.listing.price_unit,
            created_at=self.clock.now(),
            **form.terms.columns,
        )
        self.db.add(terms)
        await self.db.flush()
        AGREEMENT_TERMS.begin(self.db, terms, by=principal.user_id)
        await self._fill(agreement, terms, start, form)
        self._note(principal, agreement, "bookings.draft_agreement")
        return agreement

    async def redraft(
        self, principal: Principal, agreement_id: UUID, start: Start, form: AgreementForm
    ) -> SupportAgreement:
        """Write a draft anew.

        Raises:
            NotFound: Not theirs.
            StepRefused: It was sent in the meantime.
            InvalidInput, PaidRelative: As `AgreementRules.check`.
        """
        side = self._may_write(principal)
        mine = self.mine(principal).where(SupportAgreement.id == agreement_id)
        agreement = await self.agreements.one(mine, locked=True)
        if agreement.status is not AgreementStatus.DRAFT or agreement.written_by is not side:
            raise StepRefused("It was sent already, so it cannot be changed. You can take it back and write a new one.")
        agreement.funding, agreement.starts_on, agreement.ends_on = form.funding, form.starts_on, form.ends_on
        agreement.relation, agreement.lives_with = form.relation, form.lives_with
        with self.db.no_autoflush:
            await self._rules(principal, agreement, start)
        terms = (await self.agreements.locked_terms(agreement.id))[0]
        await self.agreements.empty_draft(agreement.id, terms.id)
        terms.starts_on = form.starts_on
        for name, value in form.terms.columns.items():
            setattr(terms, name, value)
        await self._fill(agreement, terms, start, form)
        self._note(principal, agreement, "bookings.redraft_agreement")
        return agreement

    def _may_write(self, principal: Principal) -> Side:
        side = self.side(principal)
        principal.require(Permission.BOOKINGS_REQUEST if side is Side.PERSON else Permission.BOOKINGS_ANSWER)
        return side

    async def _rules(self, principal: Principal, agreement: SupportAgreement, start: Start) -> None:
        side = self.side(principal)
        council = principal.council_name if side is Side.PERSON else "The council"
        await AgreementRules(self.db).check(agreement, start.listing, start.organisation, council, side)

    async def _fill(
        self, agreement: SupportAgreement, terms: AgreementTerms, start: Start, form: AgreementForm
    ) -> None:
        """Write the rates and visits of a draft, and what they come to."""
        rates = rate_rows(terms, form.terms)
        self.db.add_all(rates)
        self.db.add_all(
            rows_of(
                form.lines,
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                starts_on=agreement.starts_on,
                created_at=self.clock.now(),
                worker_id=agreement.worker_id,
            )
        )
        view = TermsView.of(terms, rates)
        week = week_cost(view, form.lines, agreement.starts_on)
        terms.weekly_pence = week.weekly_pence
        employment = await self._employment(agreement)
        terms.working = await working_of(self.db, agreement, start.organisation, week, agreement.starts_on, employment)
        await self.db.flush()

    async def _employment(self, agreement: SupportAgreement) -> Employment | None:
        if agreement.worker_id is None:
            return None
        employments = EmploymentRepository(self.db)
        return await employments.with_worker(agreement.council_id, agreement.person_id, agreement.worker_id)

    def _note(
        self, principal: Principal | None, agreement: SupportAgreement, action: str, *, why: str = "", **after: object
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=agreement.council_id,
            subject_kind="support_agreement",
            subject_id=agreement.id,
            after={"status": agreement.status, "starts_on": agreement.starts_on, "ends_on": agreement.ends_on, **after},
            why=why,
        )


def rate_rows(terms: AgreementTerms, form: TermsForm) -> list[AgreementRate]:
    """Return the rows of rates of a version."""
    return [
        AgreementRate(
            council_id=terms.council_id, terms_id=terms.id, day_kind=kind, is_sleep_in=is_night, price_pence=pence
        )
        for is_night, prices in ((False, form.rates), (True, form.nights))
        for kind, pence in prices.items()
    ]
