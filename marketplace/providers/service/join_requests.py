"""Requests to be let into an organisation that is here: asked with a confirmed e-mail address, decided by its people.

Where nobody can sign in for the organisation the council of the request decides, and knows that it does (V15).
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Permission, Principal, Role, audit
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import Forbidden, NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.holidays import after_working_days
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import JoinRequestMoved
from marketplace.providers.models import JoinRequest, JoinRequestStatus, Organisation
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.service.people import PeopleService, own_organisation

REMIND_AFTER_WORKING_DAYS: Final = 3


class AnswerForm(msgspec.Struct, frozen=True):
    """What is answered to a request."""

    is_accepted: bool
    reason: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "AnswerForm":
        """Read the form; a refusal needs a reason.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        answer = form.option("answer", "what you decide", ["accept", "refuse"])
        reason = form.text("reason", "the reason, for the person who asked", required=answer == "refuse", longest=500)
        form.done()
        return cls(answer == "accept", reason)


class Waiting(msgspec.Struct, frozen=True):
    """A request that waits, as a council sees it."""

    request: JoinRequest
    organisation: Organisation
    is_ours: bool
    """Nobody can sign in for the organisation, so the council decides."""


class JoinRequestService:
    """Asks and decides. Runs in scope `every`; what it reads it names by organisation or by council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.people = PeopleRepository(db)

    async def ask(
        self,
        organisation: Organisation,
        council_id: UUID,
        *,
        name: str,
        email: str,
        password_hash: str,
        message: str,
    ) -> JoinRequest | None:
        """Keep a request whose e-mail address was confirmed.

        Returns:
            None where the address acts for the organisation already; a request that waits is kept as it is.
        """
        user = await AccountRepository(self.db).user_by_email(email)
        if user is not None and await self.people.access(organisation.id, today(self.clock), user_id=user.id):
            return None
        row = JoinRequest(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation.id,
            status=JoinRequestStatus.WAITING,
            name=name,
            email=email,
            # Who has an account signs in with the password they have.
            password_hash="" if user is not None else password_hash,
            message=message,
            reason="",
            asked_at=self.clock.now(),
        )
        if await self.people.waits(organisation.id, email):
            return row
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            None,
            "providers.ask_to_join",
            council_id=council_id,
            subject_kind="join_request",
            subject_id=row.id,
            after={"organisation_id": organisation.id},
        )
        self._publish(row)
        return row

    async def own(self, principal: Principal) -> list[JoinRequest]:
        """Return requests to join the user's organisation."""
        organisation = await own_organisation(self.db, principal)
        return [request for request, _ in await self.people.requests(organisation_id=organisation.id)]

    async def of_council(self, principal: Principal) -> list[Waiting]:
        """Return requests of the user's council, and which of them the council is to decide."""
        principal.require(Permission.ORGANISATIONS_MERGE)
        await scope_to(self.db, "every")
        rows = await self.people.requests(council_id=principal.council_id)
        kept = await self.people.kept([organisation.id for _, organisation in rows], today(self.clock))
        return [Waiting(request, organisation, organisation.id not in kept) for request, organisation in rows]

    async def one_of_own(self, principal: Principal, request_id: UUID) -> tuple[JoinRequest, Organisation]:
        """Return a request to join the user's organisation.

        Raises:
            NotFound: There is none.
        """
        organisation = await own_organisation(self.db, principal)
        request = await self.people.request(request_id)
        if request.organisation_id != organisation.id:
            raise NotFound
        return request, organisation

    async def one_of_council(self, principal: Principal, request_id: UUID) -> Waiting:
        """Return a request of the user's council.

        Raises:
            NotFound: There is none.
        """
        principal.require(Permission.ORGANISATIONS_MERGE)
        await scope_to(self.db, "every")
        request = await self.people.request(request_id)
        if request.council_id != principal.council_id:
            raise NotFound
        organisation = await OrganisationRepository(self.db).find(request.organisation_id)
        is_kept = await self.people.has_keeper(organisation.id, today(self.clock))
        return Waiting(request, organisation, not is_kept)

    async def decide_own(self, principal: Principal, request_id: UUID, form: AnswerForm) -> JoinRequest:
        """Let somebody into the own organisation, or not.

        Raises:
            NotFound: No request of theirs.
            StepRefused: It was decided in the meantime.
        """
        _, organisation = await self.one_of_own(principal, request_id)
        return await self._decide(principal, request_id, organisation, form)

    async def decide_for_council(self, principal: Principal, request_id: UUID, form: AnswerForm) -> JoinRequest:
        """Let somebody into an organisation that nobody can sign in for, or not.

        Raises:
            NotFound: No request of the council's.
            Forbidden: The organisation has people, who decide.
            StepRefused: It was decided in the meantime.
        """
        waiting = await self.one_of_council(principal, request_id)
        if not waiting.is_ours:
            raise Forbidden("People can sign in for this organisation, so they decide who joins it.")
        return await self._decide(principal, request_id, waiting.organisation, form)

    async def remind(self) -> int:
        """Ask those who decide a second time, once, when a request waits longer than three working days.

        Runs in a transaction with scope `every`. Returns how many requests.
        """
        day, now = today(self.clock), self.clock.now()
        reminded = 0
        for row in await self.people.to_remind(now - timedelta(days=REMIND_AFTER_WORKING_DAYS)):
            if after_working_days(local(row.asked_at).date(), REMIND_AFTER_WORKING_DAYS) > day:
                continue
            row.reminded_at = now
            self._publish(row)
            reminded += 1
        await self.db.flush()
        return reminded

    async def _decide(
        self, principal: Principal, request_id: UUID, organisation: Organisation, form: AnswerForm
    ) -> JoinRequest:
        await OrganisationRepository(self.db).lock(organisation.id)
        request = await self.people.request(request_id, locked=True)
        if request.status is not JoinRequestStatus.WAITING:
            raise StepRefused("Somebody has answered this request already.")
        if form.is_accepted:
            await self._let_in(principal, request, organisation)
        request.status = JoinRequestStatus.ACCEPTED if form.is_accepted else JoinRequestStatus.REFUSED
        request.reason, request.password_hash = form.reason, ""
        request.decided_by_user_id, request.decided_at = principal.user_id, self.clock.now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.decide_join_request",
            council_id=request.council_id,
            subject_kind="join_request",
            subject_id=request.id,
            before={"status": JoinRequestStatus.WAITING},
            after={"status": request.status, "organisation_id": organisation.id},
            why=form.reason,
        )
        self._publish(request)
        return request

    async def _let_in(self, principal: Principal, request: JoinRequest, organisation: Organisation) -> None:
        accounts = AccountRepository(self.db)
        user = await accounts.user_by_email(request.email)
        if user is None:
            if await accounts.is_known(request.email) or not request.password_hash:
                raise StepRefused("The account of this e-mail address was closed. Ask them to write to your council.")
            user = await AccountService(self.db).create_user(request.email, request.name, request.password_hash)
        await PeopleService(self.db).give(principal, user, organisation, request.council_id, Role.PROVIDER)

    def _publish(self, row: JoinRequest) -> None:
        publish(
            self.db,
            JoinRequestMoved(
                council_id=row.council_id,
                request_id=row.id,
                organisation_id=row.organisation_id,
                status=row.status.value,
            ),
        )
