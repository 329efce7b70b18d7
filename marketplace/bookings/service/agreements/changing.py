"""New terms of an agreement that runs: offered with a first day and a reason, never silently."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import NotOpen
from marketplace.bookings.models import AgreementTerms, Side, SupportAgreement
from marketplace.bookings.service.agreements.drafts import rate_rows
from marketplace.bookings.service.agreements.fair import working_of
from marketplace.bookings.service.agreements.fingerprint import seen_print
from marketplace.bookings.service.agreements.forms import ChangeForm
from marketplace.bookings.service.agreements.pattern_form import counting_on, lines_of
from marketplace.bookings.service.agreements.prices import TermsView, terms_on
from marketplace.bookings.service.agreements.rules import LEAST_ANSWER_DAYS, LEAST_CHANGE_NOTICE
from marketplace.bookings.service.agreements.signing import SigningSteps
from marketplace.bookings.service.agreements.views import AgreementView
from marketplace.bookings.service.agreements.week import week_cost
from marketplace.bookings.states import AGREEMENT_TERMS, AgreementStatus, TermsStatus
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id


class ChangingSteps(SigningSteps):
    """The verbs of changing terms."""

    async def preview_change(self, principal: Principal, view: AgreementView, form: ChangeForm) -> TermsView:
        """Return what new terms would be; nothing is written.

        Raises:
            InvalidInput: A day is too near or too late, or nothing would change.
            NotOpen, StepRefused: The agreement does not run, or an offer waits already.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        terms = self._terms(view.agreement, view.all_terms, form, view.side)
        preview = TermsView(terms, form.terms.rates, form.terms.nights)
        self._refuse_change(view.agreement, view.all_terms, form, preview)
        return preview

    async def working_of_change(self, view: AgreementView, preview: TermsView) -> dict[str, object]:
        """Return the fair-price working of new terms."""
        week = view.week(preview)
        employment = await self._employment(view.agreement)
        return await working_of(
            self.db, view.agreement, view.row.organisation, week, preview.terms.starts_on, employment
        )

    async def offer_change(
        self, principal: Principal, agreement_id: UUID, form: ChangeForm, name: str, seen: str
    ) -> SupportAgreement:
        """Sign new terms and send them. They count from their first day if the other side agrees before.

        Args:
            principal: Who offers, for the provider.
            agreement_id: The agreement.
            form: The new terms.
            name: The typed name.
            seen: The print of the agreement as it was on the page.

        Raises:
            NotFound: Not theirs.
            InvalidInput, NotOpen, StepRefused: As `preview_change`.
            TermsChanged: The agreement is not what was on the page.
        """
        principal.require(Permission.BOOKINGS_ANSWER)
        held = await self._hold(principal, agreement_id)
        agreement = held.agreement
        terms = self._terms(agreement, held.views, form, held.side)
        self._refuse_change(agreement, held.views, form, TermsView(terms, form.terms.rates, form.terms.nights))
        await self._refuse_other(held, seen)
        self.db.add(terms)
        await self.db.flush()
        AGREEMENT_TERMS.begin(self.db, terms, by=principal.user_id)
        rates = rate_rows(terms, form.terms)
        self.db.add_all(rates)
        view = TermsView.of(terms, rates)
        patterns = await self.agreements.patterns([agreement.id], today(self.clock))
        lines = lines_of(counting_on(patterns, form.starts_on))
        week = week_cost(view, lines, form.starts_on)
        before = terms_on(held.views, form.starts_on)
        terms.weekly_pence = week.weekly_pence
        terms.weekly_before_pence = week_cost(before, lines, form.starts_on).weekly_pence if before else None
        employment = await self._employment(agreement)
        terms.working = await working_of(self.db, agreement, held.row.organisation, week, form.starts_on, employment)
        await self.db.flush()
        await self._offer(principal, held.side, agreement, view, name)
        self._note(
            principal,
            agreement,
            "bookings.offer_change",
            number=terms.number,
            weekly_before_pence=terms.weekly_before_pence,
            weekly_pence=terms.weekly_pence,
            sha256=terms.sha256,
        )
        return agreement

    def _terms(
        self, agreement: SupportAgreement, views: tuple[TermsView, ...], form: ChangeForm, side: Side
    ) -> AgreementTerms:
        return AgreementTerms(
            id=new_id(),
            council_id=agreement.council_id,
            agreement_id=agreement.id,
            number=views[-1].terms.number + 1,
            status=TermsStatus.DRAFT,
            offered_by=side,
            starts_on=form.starts_on,
            reason=form.reason,
            price_unit=views[-1].terms.price_unit,
            answer_by=form.answer_by,
            created_at=self.clock.now(),
            **form.terms.columns,
        )

    def _refuse_change(
        self, agreement: SupportAgreement, views: tuple[TermsView, ...], form: ChangeForm, preview: TermsView
    ) -> None:
        day = today(self.clock)
        if agreement.status is not AgreementStatus.AGREED:
            raise NotOpen("Terms can be changed while an agreement runs.")
        if any(view.terms.status is TermsStatus.OFFERED for view in views):
            raise StepRefused(
                "New terms wait for an answer already. Take them back first, or wait: two offers at once would be "
                "hard to understand."
            )
        wrong: dict[str, str] = {}
        earliest = day + LEAST_CHANGE_NOTICE
        agreed = [view for view in views if view.terms.status is TermsStatus.AGREED]
        newest = max(view.terms.starts_on for view in agreed)
        if form.starts_on < earliest:
            wrong["starts_on"] = f"New terms begin on {uk_date(earliest)} at the earliest: answering takes time"
        elif form.starts_on <= newest:
            wrong["starts_on"] = f"The first day must be after {uk_date(newest)}, when the last agreed terms begin"
        elif agreement.ends_on is not None and form.starts_on >= agreement.ends_on:
            last = uk_date(agreement.ends_on - timedelta(days=1))
            wrong["starts_on"] = f"The agreement ends on {last}. The new terms must begin before"
        if form.answer_by < day + LEAST_ANSWER_DAYS:
            wrong.setdefault("answer_by", f"The last day to answer must be {uk_date(day + LEAST_ANSWER_DAYS)} or later")
        before = terms_on(agreed, max(form.starts_on, newest))
        if before is not None and _same(before, preview):
            wrong["form"] = "Nothing is different from the terms now. Change at least one price or condition"
        if wrong:
            raise InvalidInput(wrong)

    async def seen_of(self, agreement: SupportAgreement, views: tuple[TermsView, ...]) -> str:
        """Return the print of an agreement as it stands, for the form that offers a change."""
        patterns = await self.agreements.patterns([agreement.id], today(self.clock))
        return seen_print(agreement, views[-1], patterns)


def _same(one: TermsView, other: TermsView) -> bool:
    names = (
        "notice_days",
        "free_cancel_hours",
        "late_cancel_percent",
        "retainer_percent",
        "retainer_days",
        "pay_basis",
        "tolerance_minutes",
        "second_worker_percent",
        "words",
    )
    return (
        dict(one.rates) == dict(other.rates)
        and dict(one.nights) == dict(other.nights)
        and all(getattr(one.terms, name) == getattr(other.terms, name) for name in names)
    )
