"""Agreements: offered with an award, signed by both sides, then the accreditation counts (C2)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import SameHand
from marketplace.providers.events import AgreementMoved
from marketplace.providers.models import Agreement, Application, Lot
from marketplace.providers.repository.agreements import WAITING, AgreementRepository
from marketplace.providers.repository.evaluation import DeskRepository, EvaluationRepository
from marketplace.providers.service.agreement_words import (
    ExtendForm,
    SignForm,
    add_months,
    hash_of,
    shown_hash,
    terms_text,
)
from marketplace.providers.service.evaluation.fairness import Fairness
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.service.standing.service import StandingService
from marketplace.providers.states import AGREEMENT, AgreementStatus, ApplicationStatus

LONGEST_EXTENSION: Final = timedelta(days=365)
"""How far away a new last day to sign may be."""
REMIND_BEFORE: Final = timedelta(days=7)
"""How long before the last day to sign the organisation is reminded."""


def is_late(row: Agreement, day: date) -> bool:
    """Whether the organisation's last day to sign has passed without its signature."""
    return row.status is AgreementStatus.OFFERED and row.sign_by is not None and row.sign_by < day


class AgreementService:
    """Offers agreements and takes signatures."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.agreements = AgreementRepository(db)
        self.desk = DeskRepository(db)
        self.fairness = Fairness(db)

    # The offer

    async def offer(self, principal: Principal, application: Application, lots: Sequence[Lot]) -> Agreement:
        """Offer an agreement for the lots an application was awarded.

        An organisation has one reference under a framework; each new agreement is its next version. One that still
        waits for a signature is replaced at once; one that is signed runs until the new one is signed and begins.

        Args:
            principal: Who decided.
            application: The application, locked.
            lots: Every lot it was awarded, those of an earlier decision included.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        day = today(self.clock)
        round_, version, framework = await self.desk.round_of(application)
        organisation = await self.desk.organisation(application.organisation_id)
        earlier = await self.agreements.earlier(application.council_id, application.organisation_id, framework.id)
        if earlier is not None and earlier.status in WAITING:
            self._replaced(principal, earlier, "A newer version is offered")
        reference = earlier.reference if earlier else f"AG-{application.reference.removeprefix('A-')}"
        number = earlier.number + 1 if earlier else 1
        council = await AccountRepository(self.db).council(application.council_id)
        starts_on = max(round_.starts_on, day)
        terms = terms_text(
            version.agreement_terms,
            reference=reference,
            number=number,
            council=council.name if council else principal.council_name,
            organisation=organisation.name,
            specification=f"{framework.name}, version {version.number} of the specification",
            lots=lots,
            starts_on=starts_on,
        )
        days = int(await setting(self.db, application.council_id, "providers.signing_days", day))
        row = Agreement(
            id=new_id(),
            council_id=application.council_id,
            organisation_id=application.organisation_id,
            application_id=application.id,
            lot_ids={"lots": [str(lot.id) for lot in lots]},
            reference=reference,
            number=number,
            status=AgreementStatus.OFFERED,
            terms=terms,
            terms_hash=hash_of(terms),
            starts_on=starts_on,
            ends_on=add_months(starts_on, max(lot.agreement_months for lot in lots)),
            sign_by=day + timedelta(days=days),
            created_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        AGREEMENT.begin(self.db, row, by=principal.user_id)
        self._tell(row)
        self._record(principal, row, "providers.offer_agreement", before=None)
        return row

    async def offer_again(self, principal: Principal, agreement_id: UUID) -> Agreement:
        """Offer the next version of an agreement that was declined, or not signed in time.

        Raises:
            NotFound: Another council's.
            StepRefused: It is signed, waits for its signature, or is not the newest.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        found = await self.agreements.find(principal.council_id, agreement_id)
        if found.application_id is None:
            raise NotFound
        application = await self.desk.find_sent(principal.council_id, found.application_id, locked=True)
        evaluations = await EvaluationRepository(self.db).of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.offer_agreement")
        row = await self.agreements.find(principal.council_id, agreement_id, locked=True)
        if application.status is not ApplicationStatus.AWARDED or not self.may_offer_again(row):
            raise StepRefused("A new version can be offered when the last one was declined or not signed in time.")
        versions = await self.agreements.of_reference(row)
        if versions[-1].id != row.id:
            raise StepRefused("There is a newer version of this agreement.")
        return await self.offer(principal, application, await self.lots(row))

    def may_offer_again(self, row: Agreement) -> bool:
        """Whether an agreement was declined, or is past its last day without the organisation's signature."""
        return row.status is AgreementStatus.DECLINED or is_late(row, today(self.clock))

    async def extend(self, principal: Principal, agreement_id: UUID, form: ExtendForm) -> Agreement:
        """Give an organisation a later last day to sign. It is told, and reminded again.

        Raises:
            NotFound: Another council's.
            HasInterest: The principal works or worked for the organisation; an audit row stays.
            InvalidInput: The day is not later, or more than a year away.
            StepRefused: It was signed, declined or replaced in the meantime.
        """
        principal.require(Permission.APPLICATIONS_DECIDE)
        found = await self.agreements.find(principal.council_id, agreement_id)
        if found.application_id is not None:
            application = await self.desk.find_sent(principal.council_id, found.application_id, locked=True)
            evaluations = await EvaluationRepository(self.db).of_application(application)
            await self.fairness.refuse_ties(principal, application, evaluations, "providers.extend_agreement")
        row = await self.agreements.find(principal.council_id, agreement_id, locked=True)
        if row.status is not AgreementStatus.OFFERED:
            raise StepRefused("It does not wait for the organisation's signature any more.")
        day, before = today(self.clock), row.sign_by
        if form.sign_by < day or (before is not None and form.sign_by <= before):
            raise InvalidInput({"sign_by": "The new last day to sign must be later than the one before"})
        if form.sign_by > day + LONGEST_EXTENSION:
            raise InvalidInput({"sign_by": "The new last day to sign must be within a year"})
        row.sign_by, row.reminded_at = form.sign_by, None
        await self.db.flush()
        self._tell(row)
        audit.record(
            self.db,
            principal,
            "providers.extend_agreement",
            council_id=row.council_id,
            subject_kind="agreement",
            subject_id=row.id,
            before={"sign_by": before},
            after={"sign_by": row.sign_by, "reference": row.reference, "number": row.number},
            why=form.reason,
        )
        return row

    async def lots(self, row: Agreement) -> Sequence[Lot]:
        """Return the lots an agreement covers."""
        return await self.desk.lots_by_id(UUID(item) for item in row.lot_ids["lots"])

    # The organisation

    async def own_list(self, principal: Principal) -> Sequence[Agreement]:
        """Return the agreements of the user's organisation with every council."""
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        return await self.agreements.of_organisation(organisation_id)

    async def own(self, principal: Principal, agreement_id: UUID, *, locked: bool = False) -> Agreement:
        """Return an agreement of the user's organisation, whatever council it is with.

        Raises:
            NotFound: Somebody else's.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        row = await self.agreements.own(organisation_id, agreement_id, locked=locked)
        await reach_council(self.db, principal, row.council_id)
        return row

    async def sign(self, principal: Principal, agreement_id: UUID, form: SignForm) -> Agreement:
        """Sign for the organisation.

        Raises:
            NotFound: Somebody else's agreement.
            StepRefused: It was signed, declined or replaced in the meantime, its last day to sign has passed, or other
                terms were on the page.
        """
        row = await self.own(principal, agreement_id, locked=True)
        if is_late(row, today(self.clock)) and row.sign_by is not None:
            raise StepRefused(
                f"The last day to sign it was {uk_date(row.sign_by)}. Ask the council for more time. "
                "It can offer the agreement again."
            )
        self._refuse_other_terms(row, form)
        row.provider_signed_name, row.provider_signed_role = form.name, form.role
        row.provider_signed_by_user_id, row.provider_signed_at = principal.user_id, self.clock.now()
        before = row.status
        self._move(principal, row, AgreementStatus.PROVIDER_SIGNED, "")
        await self.db.flush()
        self._record(principal, row, "providers.sign_agreement", before=before)
        return row

    async def decline(self, principal: Principal, agreement_id: UUID, reason: str) -> Agreement:
        """Say no to an agreement, with a reason; it can be declined until the council has signed, too.

        Raises:
            NotFound: Somebody else's agreement.
            StepRefused: Both have signed, or it was declined or replaced.
        """
        row = await self.own(principal, agreement_id, locked=True)
        before = row.status
        self._move(principal, row, AgreementStatus.DECLINED, reason)
        await self.db.flush()
        self._record(principal, row, "providers.decline_agreement", before=before, why=reason)
        return row

    # The council

    async def find(self, principal: Principal, agreement_id: UUID) -> Agreement:
        """Return a council's agreement.

        Raises:
            NotFound: Another council's.
        """
        principal.require(Permission.APPLICATIONS_READ)
        return await self.agreements.find(principal.council_id, agreement_id)

    async def why_not_sign(self, principal: Principal, application: Application | None) -> str:
        """Return why the principal may not sign for the council though the role would allow it; empty otherwise."""
        if application is not None and application.decided_by_user_id == principal.user_id:
            return "You decided about this application, so somebody else signs for the council."
        return ""

    async def countersign(self, principal: Principal, agreement_id: UUID, form: SignForm) -> Agreement:
        """Sign for the council. With the second signature every lot is accredited, from the agreement's first day on.

        The first day is that of the round, or today where that has passed.

        Raises:
            Forbidden: The role does not sign.
            NotFound: Another council's.
            SameHand: The principal decided about the application; an audit row stays.
            HasInterest: The principal works or worked for the organisation; an audit row stays.
            StepRefused: The organisation has not signed, or it was signed, declined or replaced in the meantime.
        """
        principal.require(Permission.AGREEMENTS_SIGN)
        found = await self.agreements.find(principal.council_id, agreement_id)
        application = None
        if found.application_id is not None:
            application = await self.desk.find_sent(principal.council_id, found.application_id, locked=True)
            await self._refuse_countersigner(principal, application)
        row = await self.agreements.find(principal.council_id, agreement_id, locked=True)
        if row.status is AgreementStatus.OFFERED:
            raise StepRefused("The organisation signs first. It has not signed yet.")
        self._refuse_other_terms(row, form)
        lots = await self.lots(row)
        day = today(self.clock)
        row.council_signed_name, row.council_signed_role = form.name, form.role
        row.council_signed_by_user_id, row.council_signed_at = principal.user_id, self.clock.now()
        row.starts_on = max(row.starts_on, day)
        row.ends_on = add_months(row.starts_on, max(lot.agreement_months for lot in lots))
        before = row.status
        self._move(principal, row, AgreementStatus.SIGNED, "")
        await self.db.flush()
        await self._award(principal, row, lots, day)
        await self._replace(principal, row, day)
        self._record(principal, row, "providers.countersign_agreement", before=before)
        return row

    async def _refuse_countersigner(self, principal: Principal, application: Application) -> None:
        evaluations = await EvaluationRepository(self.db).of_application(application)
        await self.fairness.refuse_ties(principal, application, evaluations, "providers.countersign_agreement")
        why = await self.why_not_sign(principal, application)
        if why:
            await self.fairness.note(principal, application, "providers.countersign_agreement", why)
            raise SameHand(why)

    async def _award(self, principal: Principal, row: Agreement, lots: Sequence[Lot], day: date) -> None:
        held = await self.agreements.lots_awarded(row.council_id, row.organisation_id, day)
        for lot in lots:
            if lot.id in held:
                continue  # Awarded under the version before; a new version does not award it a second time.
            try:
                await StandingService(self.db).award(
                    principal,
                    organisation_id=row.organisation_id,
                    lot=lot,
                    service_line=lot.service_line,
                    live_from=row.starts_on,
                    live_until=add_months(row.starts_on, lot.agreement_months),
                    agreement_id=row.id,
                    reason=f"Agreement {row.reference}, version {row.number}, signed by both sides",
                )
            except InvalidInput as error:
                raise StepRefused(
                    f"Lot {lot.code} cannot be accredited: {'. '.join(error.fields.values())}."
                ) from error

    async def _replace(self, principal: Principal, row: Agreement, day: date) -> None:
        if row.starts_on > day:
            return  # The calendar does it on the first day.
        for older in await self.agreements.of_reference(row):
            if older.number < row.number and older.status is AgreementStatus.SIGNED:
                await self._take_over(principal, older, row)
        await self.db.flush()

    async def _take_over(self, principal: Principal | None, older: Agreement, newer: Agreement) -> bool:
        """Let a signed version take the place of the one before. Returns whether it did.

        Accreditations of the older one rest on the newer one from then on. An older one that also covers a lot which
        the newer one does not stays in force beside it: else that lot would be accredited without an agreement.
        """
        covered = {lot.code for lot in await self.lots(newer)}
        if any(lot.code not in covered for lot in await self.lots(older)):
            return False
        for accreditation in await self.agreements.accreditations(older):
            accreditation.agreement_id = newer.id
        self._replaced(principal, older, f"Version {newer.number} took its place")
        return True

    def _refuse_other_terms(self, row: Agreement, form: SignForm) -> None:
        if form.seen_hash and form.seen_hash != shown_hash(row):
            raise StepRefused("The terms are not those you read. Open the agreement again and read it.")

    # The calendar

    async def remind(self) -> int:
        """Remind organisations whose days to sign run out within a week. Returns how many agreements.

        Runs in a transaction with scope `every`; each agreement is reminded of once.
        """
        rows = await self.agreements.to_remind(today(self.clock) + REMIND_BEFORE)
        for row in rows:
            row.reminded_at = self.clock.now()
            self._tell(row)
        await self.db.flush()
        return len(rows)

    async def turn(self) -> int:
        """End agreements whose time is over and those whose successor begins today. Returns how many.

        Runs in a transaction with scope `every`. Accreditations have their own days and are not touched.
        """
        day = today(self.clock)
        ended = 0
        for row in await self.agreements.signed_and_over(day):
            self._move(None, row, AgreementStatus.ENDED, "Its time is over")
            self._record(None, row, "providers.end_agreement", before=AgreementStatus.SIGNED)
            ended += 1
        await self.db.flush()
        for row in await self.agreements.taken_over(day):
            newer = [item for item in await self.agreements.of_reference(row) if _is_begun(item, row, day)]
            ended += await self._take_over(None, row, newer[-1])
        await self.db.flush()
        return ended

    def _replaced(self, principal: Principal | None, row: Agreement, why: str) -> None:
        before = row.status
        self._move(principal, row, AgreementStatus.REPLACED, why)
        self._record(principal, row, "providers.replace_agreement", before=before, why=why)

    def _move(self, principal: Principal | None, row: Agreement, to: AgreementStatus, why: str) -> None:
        AGREEMENT.move(self.db, row, to, by=principal.user_id if principal else None, why=why)
        self._tell(row)

    def _tell(self, row: Agreement) -> None:
        publish(
            self.db,
            AgreementMoved(
                council_id=row.council_id,
                agreement_id=row.id,
                organisation_id=row.organisation_id,
                status=row.status.value,
            ),
        )

    def _record(
        self,
        principal: Principal | None,
        row: Agreement,
        action: str,
        *,
        before: AgreementStatus | None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="agreement",
            subject_id=row.id,
            before={"status": before} if before else None,
            after={
                "status": row.status,
                "reference": row.reference,
                "number": row.number,
                "terms_hash": row.terms_hash.hex(),
                "starts_on": row.starts_on,
                "ends_on": row.ends_on,
                "provider_signed_name": row.provider_signed_name,
                "council_signed_name": row.council_signed_name,
            },
            why=why,
        )


def _is_begun(newer: Agreement, older: Agreement, day: date) -> bool:
    return newer.number > older.number and newer.status is AgreementStatus.SIGNED and newer.starts_on <= day
