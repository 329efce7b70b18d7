"""Reading agreements: who may see which, and everything a page shows of one."""

from collections.abc import Sequence
from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.permissions import Role
from marketplace.bookings.models import AgreementTerms, Funding, Side, SupportAgreement, VisitPattern
from marketplace.bookings.repository_agreements import AgreementRow, SupportAgreementRepository
from marketplace.bookings.service.agreements.fingerprint import seen_print
from marketplace.bookings.service.agreements.pattern_form import PatternLine, counting_on, lines_of
from marketplace.bookings.service.agreements.prices import TermsView, terms_on
from marketplace.bookings.service.agreements.rules import asks_relation
from marketplace.bookings.service.agreements.week import BudgetEffect, WeekCost, budget_effect, week_cost
from marketplace.bookings.service.purse import purse_of
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.places.postcodes import Postcode
from marketplace.people.models import Person

OPEN = frozenset({TermsStatus.DRAFT, TermsStatus.OFFERED})


class AgreementView(msgspec.Struct, frozen=True, kw_only=True):
    """An agreement as one side sees it."""

    row: AgreementRow
    side: Side
    today: date
    all_terms: tuple[TermsView, ...]
    """By number."""
    patterns: tuple[VisitPattern, ...]
    knows_person: bool
    """Whether the reader may know the person's name."""

    @property
    def agreement(self) -> SupportAgreement:
        """The agreement."""
        return self.row.agreement

    @property
    def lines(self) -> tuple[PatternLine, ...]:
        """The weekly visits that count now, or from the first day on."""
        return lines_of(counting_on(self.patterns, max(self.today, self.agreement.starts_on)))

    @property
    def open_terms(self) -> TermsView | None:
        """The version that is written or waits for an answer; None when there is none."""
        return next((view for view in reversed(self.all_terms) if view.terms.status in OPEN), None)

    @property
    def current(self) -> TermsView | None:
        """The terms that count today, or the first to count; None before anything was agreed."""
        day = max(self.today, self.agreement.starts_on)
        return terms_on(self.all_terms, day)

    @property
    def shown(self) -> TermsView:
        """What the page is about: what counts, else what was offered last."""
        return self.current or self.all_terms[-1]

    @property
    def coming(self) -> tuple[TermsView, ...]:
        """Agreed versions that begin later."""
        agreed = [view for view in self.all_terms if view.terms.status is TermsStatus.AGREED]
        return tuple(view for view in agreed if view.terms.starts_on > max(self.today, self.agreement.starts_on))

    @property
    def read_versions(self) -> tuple[TermsView, ...]:
        """Versions that both sides have seen."""
        return tuple(view for view in self.all_terms if view.terms.status is not TermsStatus.DRAFT)

    @property
    def waits_for_me(self) -> bool:
        """Whether the reader's side is asked for an answer, and it is not too late."""
        found = self.open_terms
        return (
            found is not None
            and found.terms.status is TermsStatus.OFFERED
            and found.terms.offered_by is not self.side
            and not self.is_late(found.terms)
        )

    @property
    def is_mine_open(self) -> bool:
        """Whether the reader's side wrote what is open, so that it can be taken back."""
        found = self.open_terms
        return found is not None and found.terms.offered_by is self.side

    @property
    def may_end(self) -> bool:
        """Whether a notice can be given."""
        return self.agreement.status is AgreementStatus.AGREED

    @property
    def last_on(self) -> date | None:
        """The last day."""
        return self.agreement.ends_on - timedelta(days=1) if self.agreement.ends_on else None

    @property
    def asks_relation(self) -> bool:
        """Whether the person has to say how they are related to their assistant before they sign."""
        return self.side is Side.PERSON and asks_relation(self.row.listing) and self.agreement.relation is None

    @property
    def with_name(self) -> str:
        """Whom the reader has it with, as far as they may know."""
        return self.row.organisation.name if self.side is Side.PERSON else self.person_name

    @property
    def person_name(self) -> str:
        """The person's name, or where somebody lives until both have signed."""
        person = self.row.person
        if self.side is Side.PERSON or self.knows_person:
            return person.name
        return somewhere(person)

    def is_late(self, terms: AgreementTerms) -> bool:
        """Whether the last day to answer went by."""
        return terms.answer_by is not None and terms.answer_by < self.today

    def week(self, view: TermsView) -> WeekCost:
        """What a usual week costs under a version."""
        return week_cost(view, self.lines, max(self.today, view.terms.starts_on))

    @property
    def seen(self) -> str:
        """The print of what is open, for the form that signs it."""
        return seen_print(self.agreement, self.open_terms or self.shown, self.patterns)

    @property
    def earliest_last_on(self) -> date:
        """The last day at the earliest, when notice is given today."""
        return self.today + timedelta(days=self.shown.terms.notice_days)


def somewhere(person: Person) -> str:
    """Return what a provider reads instead of a name until both have signed."""
    postcode = Postcode.parse(person.postcode)
    near = person.town or (postcode.outward if postcode else "")
    return f"Somebody near {near}" if near else "Somebody in your area"


class AgreementReader:
    """Finds agreements for one side, and puts together what a page shows."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.agreements = SupportAgreementRepository(db)

    def side(self, principal: Principal) -> Side:
        """Return the side somebody is on.

        Raises:
            Forbidden: On neither.
        """
        if principal.may(Permission.BOOKINGS_ANSWER):
            return Side.PROVIDER
        principal.require(Permission.BOOKINGS_OWN)
        return Side.PERSON

    def mine(self, principal: Principal) -> Select[SupportAgreement]:
        """Start a question about the agreements of a person or provider; an assistant sees their own."""
        if self.side(principal) is Side.PERSON:
            return self.agreements.of_person(principal.council_id, principal.need_person())
        alone = principal.worker_id if principal.role is Role.PA else None
        return self.agreements.of_provider(principal.councils, principal.need_organisation(), alone)

    async def view(self, principal: Principal, agreement_id: UUID) -> AgreementView:
        """Return an agreement as somebody sees it.

        Raises:
            NotFound: Not theirs.
        """
        row = await self.agreements.row(self.mine(principal).where(SupportAgreement.id == agreement_id))
        if row is None:
            raise NotFound
        side = self.side(principal)
        terms = await self.agreements.terms([row.agreement.id])
        return AgreementView(
            row=row,
            side=side,
            today=today(self.clock),
            all_terms=await self.views_of(terms),
            patterns=tuple(await self.agreements.patterns([row.agreement.id], today(self.clock))),
            knows_person=side is Side.PERSON or await self.knows(principal, row.agreement),
        )

    async def knows(self, principal: Principal, agreement: SupportAgreement) -> bool:
        """Whether a provider may know whom an agreement is with: both have signed, or they visit them already."""
        if agreement.status in (AgreementStatus.AGREED, AgreementStatus.ENDED):
            return True
        return await self.agreements.knows(principal.councils, agreement.organisation_id, agreement.person_id)

    async def views_of(self, terms: Sequence[AgreementTerms]) -> tuple[TermsView, ...]:
        """Put versions together with their rates, in their order."""
        rates = await self.agreements.rates([one.id for one in terms])
        return tuple(TermsView.of(one, rates) for one in terms)

    async def effect(self, view: AgreementView, terms: TermsView) -> BudgetEffect | None:
        """Return what a version does to the person's direct payment; None for a provider, or when cards pay."""
        agreement = view.agreement
        if view.side is not Side.PERSON or agreement.funding is not Funding.DIRECT_PAYMENT:
            return None
        on = max(view.today, terms.terms.starts_on)
        purse = await purse_of(self.db, agreement.council_id, agreement.person_id, on=on)
        before = None
        if view.current is not None and view.current is not terms:
            before = view.week(view.current).weekly_pence
        others = await self.others_weekly(agreement, on)
        return budget_effect(purse, view.week(terms).weekly_pence, others, before)

    async def others_weekly(self, agreement: SupportAgreement, on: date) -> int:
        """Return what a usual week of the person's other agreements costs, in pence."""
        running = await self.agreements.running_of(agreement.council_id, agreement.person_id, on)
        ids = [other.id for other in running if other.id != agreement.id]
        if not ids:
            return 0
        views = await self.views_of(await self.agreements.terms(ids))
        patterns = await self.agreements.patterns(ids, on)
        total = 0
        for other in ids:
            terms = terms_on([view for view in views if view.terms.agreement_id == other], on)
            if terms is not None:
                mine = counting_on([row for row in patterns if row.agreement_id == other], on)
                total += week_cost(terms, lines_of(mine), on).weekly_pence
        return total
