"""Signing: one side signs and sends, the other signs or declines. Whoever comes second learns what came first."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import NotOpen, TermsChanged
from marketplace.bookings.events import AgreementAnswered, AgreementOffered
from marketplace.bookings.models import AgreementTerms, Side, SupportAgreement
from marketplace.bookings.repository_agreements import AgreementRow
from marketplace.bookings.service.agreements.drafts import DraftSteps
from marketplace.bookings.service.agreements.fingerprint import seen_print, terms_print
from marketplace.bookings.service.agreements.forms import SignForm
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.service.agreements.rules import AgreementRules, asks_relation
from marketplace.bookings.states import AGREEMENT_TERMS, SUPPORT_AGREEMENT, AgreementStatus, TermsStatus
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.core.formats import uk_date

LONGEST_ANSWER: Final = timedelta(days=30)
"""How long an offer of a new agreement waits at most; never beyond its first day."""
_GONE: Final = {
    TermsStatus.AGREED: "Both sides have signed it already.",
    TermsStatus.DECLINED: "It was declined in the meantime.",
    TermsStatus.WITHDRAWN: "It was taken back in the meantime.",
    TermsStatus.LAPSED: "It was not answered in time.",
    TermsStatus.DRAFT: "It has not been sent yet.",
}


class Held:
    """An agreement with everything about it, locked, as one side holds it while it acts."""

    def __init__(self, row: AgreementRow, side: Side, views: tuple[TermsView, ...]) -> None:
        self.row, self.side, self.views = row, side, views
        self.agreement = row.agreement

    @property
    def last(self) -> TermsView:
        """The newest version."""
        return self.views[-1]


class SigningSteps(DraftSteps):
    """The verbs of sending, signing, declining and taking back."""

    async def sign(self, principal: Principal, agreement_id: UUID, form: SignForm) -> SupportAgreement:
        """Sign what is open: a draft of one's own, which is sent with that, or what the other side offered.

        Raises:
            NotFound: Not theirs.
            Forbidden: The same user has signed for the other side.
            NotOpen: It was signed, declined, taken back, or its last day to answer went by.
            TermsChanged: It is not what was on the page.
            InvalidInput, PaidRelative: A rule does not hold any more, as `AgreementRules.check`.
        """
        held = await self._hold(principal, agreement_id)
        terms = held.last.terms
        if terms.status is TermsStatus.DRAFT and terms.offered_by is held.side:
            return await self._send(principal, held, form)
        if terms.status is not TermsStatus.OFFERED:
            raise NotOpen(_GONE[terms.status])
        if terms.offered_by is held.side:
            raise NotOpen("You have signed this already. It waits for the other side.")
        self._refuse_late(terms)
        signed_by = terms.provider_signed_by_user_id if held.side is Side.PERSON else terms.person_signed_by_user_id
        if signed_by == principal.user_id:
            # Whoever acts for a person and also works for the provider would agree with themselves.
            raise Forbidden("You signed this for the other side. Somebody else has to sign for this one.")
        await self._refuse_other(held, form.seen)
        if terms.number == 1:
            await self._say_relation(held, form)
            await self._check(principal, held)
        self._put_signature(principal, held.side, terms, form.name)
        AGREEMENT_TERMS.move(self.db, terms, TermsStatus.AGREED, by=principal.user_id)
        if held.agreement.status is AgreementStatus.OFFERED:
            SUPPORT_AGREEMENT.move(self.db, held.agreement, AgreementStatus.AGREED, by=principal.user_id)
        await self.db.flush()
        self._answered(principal, held, "bookings.sign_agreement")
        return held.agreement

    async def decline(self, principal: Principal, agreement_id: UUID, reason: str) -> SupportAgreement:
        """Say no to what the other side offered, with a reason. Of an agreement that runs, the terms before go on.

        Raises:
            NotFound: Not theirs.
            NotOpen: There is nothing to answer (any more).
        """
        held = await self._hold(principal, agreement_id)
        terms = held.last.terms
        if terms.status is not TermsStatus.OFFERED:
            raise NotOpen(_GONE[terms.status])
        if terms.offered_by is held.side:
            raise NotOpen("You wrote this offer yourself. You can take it back.")
        AGREEMENT_TERMS.move(self.db, terms, TermsStatus.DECLINED, by=principal.user_id, why=reason)
        self._close(held, AgreementStatus.DECLINED, principal.user_id, reason)
        await self.db.flush()
        self._answered(principal, held, "bookings.decline_agreement", reason)
        return held.agreement

    async def withdraw(self, principal: Principal, agreement_id: UUID) -> SupportAgreement:
        """Take back what one's own side wrote, as long as the other side has not signed.

        Raises:
            NotFound: Not theirs.
            NotOpen: The other side has answered, or it is not one's own.
        """
        held = await self._hold(principal, agreement_id)
        terms = held.last.terms
        if terms.status not in (TermsStatus.DRAFT, TermsStatus.OFFERED):
            raise NotOpen(_GONE[terms.status])
        if terms.offered_by is not held.side:
            raise NotOpen("The other side wrote this. You can decline it.")
        was_offered = terms.status is TermsStatus.OFFERED
        AGREEMENT_TERMS.move(self.db, terms, TermsStatus.WITHDRAWN, by=principal.user_id)
        self._close(held, AgreementStatus.WITHDRAWN, principal.user_id)
        await self.db.flush()
        if was_offered:
            self._answered(principal, held, "bookings.withdraw_agreement")
        else:
            self._note(principal, held.agreement, "bookings.withdraw_agreement", terms=terms.status)
        return held.agreement

    async def lapse(self, agreement_id: UUID) -> bool:
        """Let an offer go whose last day to answer went by: the terms before go on, a new agreement never begins.

        Returns whether there was one. The platform does this once a day.
        """
        found = await self.agreements.locked(agreement_id)
        if found is None:
            return False
        row, views = await self._read(found)
        held = Held(row, Side.PERSON, views)
        terms = held.last.terms
        late = terms.answer_by is not None and terms.answer_by < today(self.clock)
        if terms.status is not TermsStatus.OFFERED or not late:
            return False
        AGREEMENT_TERMS.move(self.db, terms, TermsStatus.LAPSED, by=None)
        self._close(held, AgreementStatus.WITHDRAWN, None, "Nobody answered in time")
        await self.db.flush()
        self._answered(None, held, "bookings.lapse_agreement")
        return True

    # What they share

    async def _hold(self, principal: Principal, agreement_id: UUID) -> Held:
        """Lock an agreement and then its versions: signing, declining and taking back come one after the other."""
        side = self.side(principal)
        principal.require(Permission.BOOKINGS_REQUEST if side is Side.PERSON else Permission.BOOKINGS_ANSWER)
        found = await self.agreements.one(self.mine(principal).where(SupportAgreement.id == agreement_id), locked=True)
        row, views = await self._read(found)
        return Held(row, side, views)

    async def _read(self, agreement: SupportAgreement) -> tuple[AgreementRow, tuple[TermsView, ...]]:
        row = await self.agreements.row(
            self.agreements.of(agreement.council_id).where(SupportAgreement.id == agreement.id)
        )
        if row is None:
            raise NotFound
        return row, await self.views_of(await self.agreements.locked_terms(agreement.id))

    async def _send(self, principal: Principal, held: Held, form: SignForm) -> SupportAgreement:
        agreement, terms = held.agreement, held.last.terms
        await self.agreements.hold_person(agreement.council_id, agreement.person_id)
        await self._refuse_other(held, form.seen)
        await self._say_relation(held, form)
        await self._check(principal, held)
        await self._refuse_second(agreement)
        day = today(self.clock)
        terms.answer_by = min(agreement.starts_on, day + LONGEST_ANSWER)
        await self._offer(principal, held.side, agreement, held.last, form.name)
        SUPPORT_AGREEMENT.move(self.db, agreement, AgreementStatus.OFFERED, by=principal.user_id)
        await self.db.flush()
        self._note(principal, agreement, "bookings.offer_agreement", answer_by=terms.answer_by, sha256=terms.sha256)
        return agreement

    async def _offer(
        self, principal: Principal, side: Side, agreement: SupportAgreement, view: TermsView, name: str
    ) -> None:
        """Sign a draft of terms and send it; the database keeps it as it is from here on."""
        terms = view.terms
        patterns = await self.agreements.patterns([agreement.id], today(self.clock))
        terms.sha256 = terms_print(agreement, view, patterns)
        self._put_signature(principal, side, terms, name)
        AGREEMENT_TERMS.move(self.db, terms, TermsStatus.OFFERED, by=principal.user_id)
        await self.db.flush()
        outbox.publish(
            self.db,
            AgreementOffered(
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                person_id=agreement.person_id,
                organisation_id=agreement.organisation_id,
                terms_id=terms.id,
                by_side=side.value,
                is_change=terms.number > 1,
            ),
        )

    async def _refuse_other(self, held: Held, seen: str) -> None:
        patterns = await self.agreements.patterns([held.agreement.id], today(self.clock))
        if seen != seen_print(held.agreement, held.last, patterns):
            raise TermsChanged("Read it again before you sign. Nothing was signed.")
        is_offered = held.last.terms.status is TermsStatus.OFFERED
        if is_offered and held.last.terms.sha256 != terms_print(held.agreement, held.last, patterns):
            raise TermsChanged("It is not what the other side signed. Ask them to send it again.")

    async def _refuse_second(self, agreement: SupportAgreement) -> None:
        """Two agreements about one offer never wait or run at the same time."""
        others = await self.agreements.between(agreement.council_id, agreement.person_id, agreement.listing_id)
        for other in others:
            if other.id == agreement.id or other.status is AgreementStatus.DRAFT:
                continue
            if other.status is AgreementStatus.OFFERED:
                raise StepRefused(f"The other side has sent you {other.reference} about this. Answer that one.")
            if other.ends_on is None or other.ends_on > agreement.starts_on:
                raise StepRefused(f"You agreed {other.reference} about this already, and it runs on that day.")

    def _refuse_late(self, terms: AgreementTerms) -> None:
        if terms.answer_by is not None and terms.answer_by < today(self.clock):
            rest = "The terms before go on." if terms.number > 1 else "Ask for a new one."
            raise NotOpen(f"The last day to answer was {uk_date(terms.answer_by)}. {rest}")

    async def _say_relation(self, held: Held, form: SignForm) -> None:
        if held.side is not Side.PERSON or not asks_relation(held.row.listing) or held.agreement.relation is not None:
            return
        if form.relation is None:
            raise InvalidInput({"relation": "Select how you are related"})
        held.agreement.relation, held.agreement.lives_with = form.relation, form.lives_with
        await self.db.flush()

    async def _check(self, principal: Principal, held: Held) -> None:
        council = principal.council_name if held.side is Side.PERSON else "The council"
        await AgreementRules(self.db).check(held.agreement, held.row.listing, held.row.organisation, council, held.side)

    def _put_signature(self, principal: Principal, side: Side, terms: AgreementTerms, name: str) -> None:
        # Who acts for somebody signs with both names.
        words = f"{name}, acting for {principal.acting_for}" if principal.acting_for else name
        now = self.clock.now()
        if side is Side.PERSON:
            terms.person_signed_at, terms.person_signed_by_user_id = now, principal.user_id
            terms.person_signature = words
        else:
            terms.provider_signed_at, terms.provider_signed_by_user_id = now, principal.user_id
            terms.provider_signature = words

    def _close(self, held: Held, to: AgreementStatus, by: UUID | None, why: str = "") -> None:
        """End an agreement that never began; one that runs goes on."""
        if held.agreement.status in (AgreementStatus.DRAFT, AgreementStatus.OFFERED):
            SUPPORT_AGREEMENT.move(self.db, held.agreement, to, by=by)
            # The reason itself is personal: it stands on the agreement, which a person's export and erasure find.
            held.agreement.end_reason = why

    def _answered(self, principal: Principal | None, held: Held, action: str, why: str = "") -> None:
        agreement, terms = held.agreement, held.last.terms
        self._note(principal, agreement, action, why=why, number=terms.number, terms=terms.status, sha256=terms.sha256)
        outbox.publish(
            self.db,
            AgreementAnswered(
                council_id=agreement.council_id,
                agreement_id=agreement.id,
                person_id=agreement.person_id,
                organisation_id=agreement.organisation_id,
                terms_id=terms.id,
                outcome=terms.status.value,
            ),
        )
