"""A personal assistant's way onto a council's register: filled in at leisure, sent, renewed each year (R24).

What is asked for: references, checks, training, insurance, a code of conduct, six months' trading or a starter route,
renewal each year (domain.md 4.3).
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal, audit, setting
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import PaApprovalMoved
from marketplace.providers.models import (
    Organisation,
    OrganisationKind,
    PaApproval,
    PaReference,
    Worker,
)
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.pa_register import PaRegisterRepository
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.service.passport.service import PassportService
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.service.workforce.conduct import CURRENT
from marketplace.providers.service.workforce.pa_terms import (
    OPEN,
    REFERENCES,
    ROUTES,
    TRADING,
    Application,
    months_after,
    papers_of,
)
from marketplace.providers.service.workforce.people import WorkforceService
from marketplace.providers.states import PA_APPROVAL, PaApprovalStatus


class ApprovalService:
    """The assistant's side."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.register = PaRegisterRepository(db)

    async def assistant(self, principal: Principal) -> tuple[Organisation, Worker | None]:
        """Return the organisation of somebody who works alone, and themselves where they are recorded.

        Raises:
            NotFound: The organisation is not one person.
        """
        organisation = await WorkforceService(self.db).organisation(principal)
        if organisation.kind is not OrganisationKind.SOLE_PA:
            raise NotFound
        day = today(self.clock)
        staff = [
            row
            for row in await WorkforceRepository(self.db).staff(organisation.id)
            if row.ends_on is None or row.ends_on > day
        ]
        own = next((row for row in staff if row.id == principal.worker_id), staff[0] if staff else None)
        return organisation, own

    async def all(self, principal: Principal) -> tuple[Organisation, Worker | None, list[tuple[PaApproval, Council]]]:
        """Return the assistant's approvals by all councils."""
        organisation, worker = await self.assistant(principal)
        return organisation, worker, list(await self.register.of_worker(organisation.id))

    async def councils(self) -> Sequence[Council]:
        """Return the councils that keep a register."""
        return await AccountRepository(self.db).councils()

    async def application(self, principal: Principal, approval_id: UUID, *, locked: bool = False) -> Application:
        """Return one approval with all that belongs to it. The transaction reaches its council afterwards.

        Raises:
            NotFound: Somebody else's.
        """
        organisation, _ = await self.assistant(principal)
        known = await self.register.own(organisation.id, approval_id)
        await reach_council(self.db, principal, known.council_id)
        row = await self.register.own(organisation.id, approval_id, locked=True) if locked else known
        council = await AccountRepository(self.db).council(row.council_id)
        workers = await WorkforceRepository(self.db).by_id([row.worker_id])
        if council is None:
            raise NotFound
        day = today(self.clock)
        evidence = await EvidenceRepository(self.db).of_organisation(organisation.id)
        return Application(
            row=row,
            council=council,
            organisation=organisation,
            worker=workers[row.worker_id],
            references=await self.register.references(row.id),
            papers=papers_of(evidence, day),
            status_test=await self.register.status_test(organisation.id, row.worker_id),
            trading_months=int(await setting(self.db, row.council_id, TRADING, day)),
            day=day,
        )

    async def start(self, principal: Principal, council_id: UUID) -> PaApproval:
        """Begin an application to a council. What an earlier one said is carried over.

        Raises:
            NotFound: No such council, or not somebody who works alone.
            StepRefused: One is open there, the person is not recorded, or an approval runs on.
        """
        organisation, worker = await self.assistant(principal)
        if worker is None:
            raise StepRefused("First add yourself under “Workers”. Then come back and apply.")
        if await AccountRepository(self.db).council(council_id) is None:
            raise NotFound
        await reach_every_council(self.db)
        earlier = [row for row, council in await self.register.of_worker(organisation.id) if council.id == council_id]
        await reach_council(self.db, principal, council_id)
        if any(row.status in OPEN for row in earlier):
            raise StepRefused("You have an open application to this council. Go back and continue it.")
        if any(row.status is PaApprovalStatus.APPROVED for row in earlier):
            raise StepRefused("This council has approved you. You can renew that in the last 60 days of the year.")
        row = self._new(organisation, worker, council_id)
        if earlier:
            row.route, row.trading_since = earlier[0].route, earlier[0].trading_since
        await self._add(principal, row, "providers.start_pa_approval")
        if earlier:
            await self._copy_references(earlier[0], row, with_outcome=False)
        return row

    async def set_route(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> None:
        """Say how long somebody has worked as a personal assistant.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It was sent.
            InvalidInput: With all messages.
        """
        found = await self._draft(principal, approval_id)
        form = FormReader(data)
        route = form.option("route", "how long you have worked as a personal assistant", ROUTES)
        since = form.day("trading_since", "since when", required=route == "six_months") if route != "starter" else None
        if since and since > found.day:
            form.wrong("trading_since", "The day must be today or in the past")
        elif since:
            ready = months_after(since, found.trading_months)
            if ready > found.day:
                form.wrong(
                    "trading_since",
                    f"This council asks for {found.trading_months} months. Until {uk_date(ready)} choose “I am "
                    "starting out”",
                )
        form.done()
        before = {"route": found.row.route, "trading_since": found.row.trading_since}
        found.row.route, found.row.trading_since = route, since
        await self._save(
            principal, found.row, "providers.set_pa_route", before, {"route": route, "trading_since": since}
        )

    async def agree(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> None:
        """Agree to the code of conduct as it stands now.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It was sent.
            InvalidInput: It is not ticked.
        """
        found = await self._draft(principal, approval_id)
        form = FormReader(data)
        if not form.ticked("agreed"):
            form.wrong("agreed", "Tick that you agree to the code of conduct")
        form.done()
        before = {"conduct_version": found.row.conduct_version}
        found.row.conduct_version, found.row.conduct_agreed_at = CURRENT, self.clock.now()
        await self._save(principal, found.row, "providers.agree_pa_conduct", before, {"conduct_version": CURRENT})

    async def set_references(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> None:
        """Name the people who can speak for the assistant. A changed one is taken up anew.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It was sent.
            InvalidInput: With all messages.
        """
        found = await self._draft(principal, approval_id)
        form = FormReader(data)
        wanted = []
        for number in range(1, REFERENCES + 1):
            which = "the first" if number == 1 else "the second"
            wanted.append(
                (
                    form.text(f"name{number}", f"the name of {which} person", longest=100),
                    form.text(f"knows{number}", f"how {which} person knows you", longest=300),
                    form.text(f"contact{number}", f"the phone number or e-mail address of {which} person", longest=200),
                )
            )
        if wanted[0][0] and wanted[0][0].casefold() == wanted[1][0].casefold():
            form.wrong("name2", "Name two different people")
        own = {found.organisation.name.casefold(), found.worker.name.casefold()}
        for number, (name, _, _) in enumerate(wanted, start=1):
            if name.casefold() in own:
                form.wrong(f"name{number}", "Name somebody other than yourself")
        form.done()
        known = {(row.name, row.knows_as, row.contact): row for row in found.references}
        for row in found.references:
            if (row.name, row.knows_as, row.contact) not in wanted:
                await self.db.delete(row)
        for name, knows_as, contact in wanted:
            if (name, knows_as, contact) not in known:
                self.db.add(
                    PaReference(
                        id=new_id(),
                        council_id=found.row.council_id,
                        approval_id=found.row.id,
                        name=name,
                        knows_as=knows_as,
                        contact=contact,
                    )
                )
        await self._save(principal, found.row, "providers.set_pa_references", None, {"references": len(wanted)})

    async def send(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> PaApproval:
        """Send an application to the council, which may use the evidence from now on.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It was sent already.
            InvalidInput: What is missing, by part of the task list.
        """
        found = await self._draft(principal, approval_id)
        missing = found.missing()
        if not FormReader(data).ticked("true"):
            missing["true"] = "Tick that what you say is true"
        if missing:
            raise InvalidInput(missing)
        await self._send(principal, found)
        return found.row

    async def renew(self, principal: Principal, approval_id: UUID, data: dict[str, Any]) -> PaApproval:
        """Ask for the next year on one page: everything is carried over, and what changed is said.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It is too early, too late, or asked for already.
            InvalidInput: What is missing, by field.
        """
        found = await self.application(principal, approval_id, locked=True)
        if not found.may_renew:
            raise StepRefused("You can renew an approval in the 60 days before it ends.")
        form = FormReader(data)
        has_changed = form.option("has_changed", "whether something has changed", ("yes", "no"))
        changes = form.text("changes", "what has changed", required=has_changed == "yes", longest=2_000)
        if not form.ticked("agreed"):
            form.wrong("agreed", "Tick that you agree to the code of conduct")
        form.done()
        if await self.register.open_of(found.row.council_id, found.row.worker_id) is not None:
            raise StepRefused("You have asked for this already. Go back to see how it stands.")
        row = self._new(found.organisation, found.worker, found.row.council_id)
        row.renews_id, row.changes = found.row.id, changes if has_changed == "yes" else ""
        row.route, row.trading_since = found.row.route, found.row.trading_since
        row.conduct_version, row.conduct_agreed_at = CURRENT, self.clock.now()
        await self._add(principal, row, "providers.renew_pa_approval")
        await self._copy_references(found.row, row, with_outcome=True)
        await self._send(principal, await self.application(principal, row.id, locked=True))
        return row

    async def take_back(self, principal: Principal, approval_id: UUID) -> PaApproval:
        """Take an application back to change it, before the council decides.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It is not with the council.
        """
        found = await self.application(principal, approval_id, locked=True)
        PA_APPROVAL.move(self.db, found.row, PaApprovalStatus.DRAFT, by=principal.user_id)
        found.row.applied_at = None
        await self._save(principal, found.row, "providers.take_back_pa_approval", {"status": "applied"},
                         {"status": "draft"})  # fmt: skip
        return found.row

    async def withdraw(self, principal: Principal, approval_id: UUID) -> PaApproval:
        """Give an application up.

        Raises:
            NotFound: Somebody else's.
            StepRefused: It is decided.
        """
        found = await self.application(principal, approval_id, locked=True)
        before = {"status": found.row.status}
        was_sent = found.row.status is PaApprovalStatus.APPLIED
        PA_APPROVAL.move(self.db, found.row, PaApprovalStatus.WITHDRAWN, by=principal.user_id)
        await self._save(principal, found.row, "providers.withdraw_pa_approval", before, {"status": found.row.status})
        if was_sent:
            publish_move(self.db, found.row)
        return found.row

    def _new(self, organisation: Organisation, worker: Worker, council_id: UUID) -> PaApproval:
        return PaApproval(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation.id,
            worker_id=worker.id,
            status=PaApprovalStatus.DRAFT,
            route="",
            trading_since=None,
            conduct_version="",
            conduct_agreed_at=None,
            changes="",
            reason="",
            started_at=self.clock.now(),
            applied_at=None,
        )

    async def _add(self, principal: Principal, row: PaApproval, action: str) -> None:
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            if broken_constraint(error) == "ix_pa_approvals_open":
                raise StepRefused("You have an open application to this council. Go back and continue it.") from error
            raise
        PA_APPROVAL.begin(self.db, row, by=principal.user_id)
        await self._save(principal, row, action, None, {"status": row.status, "renews_id": row.renews_id})

    async def _copy_references(self, earlier: PaApproval, row: PaApproval, *, with_outcome: bool) -> None:
        for known in await self.register.references(earlier.id):
            copy = PaReference(
                id=new_id(),
                council_id=row.council_id,
                approval_id=row.id,
                name=known.name,
                knows_as=known.knows_as,
                contact=known.contact,
            )
            if with_outcome:
                copy.outcome, copy.note = known.outcome, known.note
                copy.taken_by_user_id, copy.taken_at = known.taken_by_user_id, known.taken_at
            self.db.add(copy)
        await self.db.flush()

    async def _send(self, principal: Principal, found: Application) -> None:
        PA_APPROVAL.move(self.db, found.row, PaApprovalStatus.APPLIED, by=principal.user_id)
        found.row.applied_at = self.clock.now()
        await self._save(principal, found.row, "providers.send_pa_approval", {"status": "draft"},
                         {"status": "applied", "route": found.row.route})  # fmt: skip
        await PassportService(self.db).share_quietly(principal, found.organisation, found.row.council_id)
        publish_move(self.db, found.row)

    async def _draft(self, principal: Principal, approval_id: UUID) -> Application:
        found = await self.application(principal, approval_id, locked=True)
        if not found.is_draft:
            raise StepRefused("This application was sent. Take it back first if you want to change it.")
        return found

    async def _save(
        self,
        principal: Principal,
        row: PaApproval,
        action: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        await self.db.flush()
        record(self.db, principal, row, action, before=before, after=after)


def record(
    db: AsyncSession,
    principal: Principal | None,
    row: PaApproval,
    action: str,
    *,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    why: str = "",
) -> None:
    """Write the audit row of a change to an approval."""
    audit.record(
        db,
        principal,
        action,
        council_id=row.council_id,
        subject_kind="pa_approval",
        subject_id=row.id,
        before=before,
        after=after,
        why=why,
    )


def publish_move(db: AsyncSession, row: PaApproval, status: str = "") -> None:
    """Say where an approval is now; "due" is the reminder that its year ends."""
    publish(
        db,
        PaApprovalMoved(
            council_id=row.council_id,
            approval_id=row.id,
            organisation_id=row.organisation_id,
            status=status or row.status.value,
        ),
    )
