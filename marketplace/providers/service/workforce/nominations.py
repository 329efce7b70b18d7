"""Nominating and selecting planners: a call, people put forward, a choice with reasons (R10)."""

from collections import Counter
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.words import NEEDS, SKILLS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.formats import plural, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import DecidedMeanwhile
from marketplace.providers.events import NominationMoved
from marketplace.providers.models import (
    Nomination,
    NominationCall,
    NominationStatus,
    Organisation,
    Worker,
)
from marketplace.providers.repository.nominations import MOST_NOMINATIONS, NominationRepository
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.service.workforce.people import WorkforceService

LONGEST_OPEN: Final = timedelta(days=366)
STATEMENT: Final = 2_000
CHOICES: Final = {"select": "Select", "not_select": "Do not select"}
_STATUS_OF: Final = {"select": NominationStatus.SELECTED, "not_select": NominationStatus.NOT_SELECTED}


class CallForm(msgspec.Struct, frozen=True, kw_only=True):
    """A call for planners."""

    title: str
    about: str
    chosen_by: str
    places: int
    closes_on: date

    @classmethod
    def read(cls, data: dict[str, Any], day: date) -> "CallForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        title = form.text("title", "a title", longest=120)
        about = form.text("about", "what it is about", longest=3_000)
        chosen_by = form.text("chosen_by", "what counts", longest=1_000)
        places = form.number("places", "how many planners you look for", least=1, most=1_000)
        closes = form.day("closes_on", "the last day for nominations")
        if closes and not day <= closes <= day + LONGEST_OPEN:
            form.wrong("closes_on", "The last day must be today or later, and within a year")
        form.done()
        if closes is None:
            raise AssertionError("done() refuses a form without it")
        return cls(title=title, about=about, chosen_by=chosen_by, places=places, closes_on=closes)


class ChoiceForm(msgspec.Struct, frozen=True):
    """What is chosen about one nomination."""

    status: NominationStatus
    reason: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ChoiceForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        choice = form.option("choice", "what you choose", CHOICES)
        reason = form.text("reason", "the reason", longest=1_000)
        version = form.number("version", "the version", least=1, most=10**9)
        form.done()
        return cls(_STATUS_OF[choice], reason, version)


class Range(msgspec.Struct, frozen=True):
    """One thing that planners bring, and how many of the selected and of all nominated bring it."""

    kind: str
    name: str
    selected: int
    nominated: int


def is_open(call: NominationCall, day: date) -> bool:
    """Whether a call takes nominations on a day."""
    return call.decided_at is None and call.closes_on >= day


def widest_range(rows: Sequence[tuple[Nomination, Worker, Organisation]]) -> list[Range]:
    """Count what the nominated and the selected bring: languages, knowledge and places. Gaps come first."""
    nominated, selected = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for nomination, worker, _ in rows:
        brings = {
            *(("Language", language) for language in worker.languages if language != "English"),
            *(("Knows about", NEEDS.get(code, code)) for code in worker.specialisms),
            *(("Skill", SKILLS.get(code, code)) for code in worker.skills),
            *([("Area", worker.town)] if worker.town else []),
        }
        nominated.update(brings)
        if nomination.status is NominationStatus.SELECTED:
            selected.update(brings)
    order = ("Area", "Language", "Knows about", "Skill")
    return sorted(
        (Range(kind, name, selected[kind, name], times) for (kind, name), times in nominated.items()),
        key=lambda row: (order.index(row.kind), row.selected > 0, row.name),
    )


class CallService:
    """The council's side: calls, choices, decisions."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.nominations = NominationRepository(db)

    async def open(self, principal: Principal, form: CallForm) -> NominationCall:
        """Look for planners.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        call = NominationCall(
            id=new_id(),
            council_id=principal.council_id,
            title=form.title,
            about=form.about,
            chosen_by=form.chosen_by,
            places=form.places,
            closes_on=form.closes_on,
            decided_at=None,
            reason="",
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        self.db.add(call)
        await self.db.flush()
        self._record(principal, call, "providers.open_call", after=msgspec.structs.asdict(form))
        return call

    async def call(
        self, principal: Principal, call_id: UUID
    ) -> tuple[NominationCall, list[tuple[Nomination, Worker, Organisation]]]:
        """Return a call of the own council with who is nominated.

        Raises:
            NotFound: None of this council's.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        call = await self.nominations.call(call_id, council_id=principal.council_id)
        return call, await self.nominations.of_call(call)

    async def choose(self, principal: Principal, nomination_id: UUID, form: ChoiceForm) -> Nomination:
        """Note what is chosen about one nomination. Nobody is told before the call is decided.

        Raises:
            NotFound: None of this council's, or taken back.
            StepRefused: The call is still open, or decided.
            DecidedMeanwhile: Somebody else chose since the page was opened.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        known = await self.nominations.nomination(nomination_id, council_id=principal.council_id)
        call = await self.nominations.call(known.call_id, council_id=principal.council_id, locked=True)
        self._refuse_early(call)
        row = await self.nominations.nomination(nomination_id, council_id=principal.council_id, locked=True)
        if row.status is NominationStatus.WITHDRAWN:
            raise StepRefused("The organisation took this nomination back.")
        if row.version != form.version:
            raise DecidedMeanwhile("Nothing of yours was recorded. Look at the nomination again before you choose.")
        before = {"status": row.status, "reason": row.reason}
        row.status, row.reason = form.status, form.reason
        row.decided_by_user_id, row.decided_at = principal.user_id, self.clock.now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.choose_nomination",
            council_id=row.council_id,
            subject_kind="nomination",
            subject_id=row.id,
            before=before,
            after={"status": row.status, "reason": row.reason, "worker_id": row.worker_id},
            why=form.reason,
        )
        return row

    async def decide(self, principal: Principal, call_id: UUID, data: dict[str, Any]) -> NominationCall:
        """Decide a call as a whole: every organisation is told what became of its people.

        Raises:
            NotFound: None of this council's.
            StepRefused: Still open, or decided already.
            InvalidInput: Somebody waits for a choice, or more were selected than there are places and no reason given.
        """
        principal.require(Permission.WORKFORCE_DECIDE)
        call = await self.nominations.call(call_id, council_id=principal.council_id, locked=True)
        self._refuse_early(call)
        rows = await self.nominations.of_call(call)
        waiting = sum(1 for row, _, _ in rows if row.status is NominationStatus.NOMINATED)
        selected = sum(1 for row, _, _ in rows if row.status is NominationStatus.SELECTED)
        form = FormReader(data)
        over = form.text("over_reason", "the reason", required=False, longest=1_000)
        if waiting:
            form.wrong("form", f"{plural(waiting, 'nomination waits', 'nominations wait')} for your choice")
        elif selected > call.places and not over:
            form.wrong(
                "over_reason",
                f"You selected {selected} for {plural(call.places, 'place')}. Say why, or select fewer",
            )
        form.done()
        now = self.clock.now()
        call.decided_at, call.reason = now, over if selected > call.places else ""
        await self.db.flush()
        self._record(
            principal,
            call,
            "providers.decide_call",
            before={"decided_at": None},
            after={"decided_at": now, "selected": selected, "nominated": len(rows), "places": call.places},
            why=call.reason,
        )
        for row, _, _ in rows:
            _publish(self.db, row)
        return call

    def _refuse_early(self, call: NominationCall) -> None:
        if call.decided_at is not None:
            raise StepRefused("This call is decided, and everybody has been told.")
        if is_open(call, today(self.clock)):
            raise StepRefused(
                f"Nominations are open until the end of {uk_date(call.closes_on)}. Choose after that day, so that all "
                "are looked at side by side."
            )

    def _record(
        self,
        principal: Principal,
        call: NominationCall,
        action: str,
        *,
        after: dict[str, Any],
        before: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=call.council_id,
            subject_kind="nomination_call",
            subject_id=call.id,
            before=before,
            after=after,
            why=why,
        )


class NominationService:
    """The organisation's side: put somebody forward, take them back."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.nominations = NominationRepository(db)

    async def organisation(self, principal: Principal) -> Organisation:
        """Return the organisation of somebody who may nominate: who speaks for all of it.

        Raises:
            NotFound: A worker among several.
        """
        workforce = WorkforceService(self.db)
        organisation = await workforce.organisation(principal)
        if not workforce.keeps_all(principal, organisation):
            raise NotFound
        return organisation

    async def open_call(self, principal: Principal, call_id: UUID) -> NominationCall:
        """Return a call under which the organisation may nominate. The transaction reaches its council afterwards.

        Raises:
            NotFound: Of a council that it does not deal with.
            StepRefused: It is closed.
        """
        organisation = await self.organisation(principal)
        await reach_every_council(self.db)
        is_for = await self.nominations.is_open_to(organisation.id, principal.councils, call_id)
        call = await self.nominations.call(call_id)
        if not is_for:
            raise NotFound
        await reach_council(self.db, principal, call.council_id)
        if not is_open(call, today(self.clock)):
            raise StepRefused(f"The last day for nominations was {uk_date(call.closes_on)}.")
        return call

    async def nominate(self, principal: Principal, call_id: UUID, data: dict[str, Any]) -> Nomination:
        """Put a worker forward with a statement; one that was taken back may be put forward again.

        Raises:
            NotFound: Not a call or a worker of this organisation.
            StepRefused: The call is closed.
            InvalidInput: With all messages.
        """
        organisation = await self.organisation(principal)
        call = await self.open_call(principal, call_id)
        call = await self.nominations.call(call.id, locked=True)
        form = FormReader(data)
        worker_id = form.id("worker_id", "who you nominate")
        statement = form.text("statement", "why you nominate them", longest=STATEMENT)
        if not form.ticked("agreed"):
            form.wrong("agreed", "Ask them first, then tick that they agree")
        form.done()
        if worker_id is None:
            raise AssertionError("done() refuses a form without it")
        worker = await WorkerRepository(self.db).find(organisation.id, worker_id)
        if worker.ends_on is not None:
            raise InvalidInput({"worker_id": f"{worker.name} leaves or has left. Choose somebody else"})
        now = self.clock.now()
        row = await self.nominations.earlier(call.id, worker.id)
        if row is not None and row.status is not NominationStatus.WITHDRAWN:
            raise InvalidInput({"worker_id": f"{worker.name} is nominated already"})
        if row is None and len(await self.nominations.of_call(call)) >= MOST_NOMINATIONS:
            raise InvalidInput({"form": "This call has as many nominations as one can have"})
        if row is None:
            row = Nomination(
                id=new_id(),
                council_id=call.council_id,
                call_id=call.id,
                organisation_id=organisation.id,
                worker_id=worker.id,
            )
            self.db.add(row)
        row.status, row.statement, row.reason = NominationStatus.NOMINATED, statement, ""
        row.nominated_by_user_id, row.nominated_at = principal.user_id, now
        row.decided_by_user_id = row.decided_at = None
        await self.db.flush()
        self._record(principal, row, "providers.nominate_planner", None, {"status": row.status})
        _publish(self.db, row)
        return row

    async def withdraw(self, principal: Principal, nomination_id: UUID) -> Nomination:
        """Take a nomination back, until the call is decided.

        Raises:
            NotFound: None of this organisation's.
            StepRefused: The call is decided, or it was taken back already.
        """
        organisation = await self.organisation(principal)
        await reach_every_council(self.db)
        known = await self.nominations.nomination(nomination_id, organisation_id=organisation.id)
        await reach_council(self.db, principal, known.council_id)
        call = await self.nominations.call(known.call_id, locked=True)
        row = await self.nominations.nomination(nomination_id, organisation_id=organisation.id, locked=True)
        if call.decided_at is not None:
            raise StepRefused("This call is decided.")
        if row.status is NominationStatus.WITHDRAWN:
            raise StepRefused("You took this nomination back already.")
        before = {"status": row.status}
        row.status, row.reason = NominationStatus.WITHDRAWN, ""
        await self.db.flush()
        self._record(principal, row, "providers.withdraw_nomination", before, {"status": row.status})
        _publish(self.db, row)
        return row

    def _record(
        self, principal: Principal, row: Nomination, action: str, before: dict[str, Any] | None, after: dict[str, Any]
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="nomination",
            subject_id=row.id,
            before=before,
            after={**after, "worker_id": row.worker_id, "call_id": row.call_id},
        )


def _publish(db: AsyncSession, row: Nomination) -> None:
    publish(
        db,
        NominationMoved(
            council_id=row.council_id,
            nomination_id=row.id,
            organisation_id=row.organisation_id,
            status=row.status.value,
        ),
    )
