"""Taking referrals, with their people and indicative budgets, from the council's case system (L12).

A file may be sent again: the same numbers are the same people and referrals, and what has not changed leaves no trace.
A row that is wrong is refused with its reason; the others are taken. A referral of somebody for whom nothing long-term
may be planned yet (B1, B2) comes in and waits, as one recorded by hand does: no estimate is set, and the report
says so.
"""

import hashlib
import io
import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountService, Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, PlatformError
from marketplace.core.outbox import publish
from marketplace.matching.forms import ReferralForm, referral_values
from marketplace.matching.models import Complexity, Referral, ReferralSource, Urgency
from marketplace.matching.service import ReferralService
from marketplace.matching.service.referrals import CHANGEABLE
from marketplace.people import PeopleRepository, PeopleService, may_plan_long_term
from marketplace.people.budgets import BudgetService
from marketplace.people.forms import PersonForm, person_values
from marketplace.people.models import FundingRoute, Person
from marketplace.plans.events_exchange import ExchangeAsked
from marketplace.plans.exchange_reading import GivenFileRows, GivenRow, read_rows
from marketplace.plans.models import ExchangeRun
from marketplace.plans.repository.exchange import ExchangeRepository

MOST_PROBLEMS: Final = 1_000
UNREAD: Final = "Nobody reads this column; the rows were taken without it"
FROM_CASE_SYSTEM: Final = "Worked out in the council’s case system"
"""Reason of an indicative budget that came in a file; the person reads it."""
NO_ESTIMATE: Final = "The referral is here and waits, and the sum was not taken. {why}. Then send the row again"
_OURS = re.compile(r"^R-[0-9]{4}-[0-9]{5}$", re.IGNORECASE)
_PERSON = ("given_name", "family_name", "address_line", "town", "postcode", "phone", "email", "languages")
_BOTH = ("needs", "communication_needs")
_REFERRAL = ("source", "urgency", "complexity", "complexity_reason", "wants", "interim_plan")
_COLUMNS = {"indicative_weekly_pence": "indicative_weekly_pounds", "reference": "person_reference"}


class RowTooMany(InvalidInput):
    """The file has more rows than a page can take in its time."""


class Taken(StrEnum):
    """What became of a row."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


class ExchangeService:
    """Hand-overs with the case system of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.exchange = ExchangeRepository(db)
        self.people = PeopleRepository(db)

    async def runs(self, principal: Principal) -> Sequence[ExchangeRun]:
        """Return the latest hand-overs."""
        principal.require(Permission.EXCHANGE)
        return await self.exchange.latest(principal.council_id)

    async def run(self, principal: Principal, run_id: UUID) -> ExchangeRun:
        """Return one hand-over with its problems.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.EXCHANGE)
        return await self.exchange.find(principal.council_id, run_id)

    async def take(self, principal: Principal, name: str, content: bytes) -> ExchangeRun:
        """Take a whole file of referrals at once, as the command line does.

        Args:
            principal: Who hands it over; recorded as who made the referrals.
            name: Name of the file.
            content: CSV or JSON as `/exchange/schema/referrals.json` says.

        Returns:
            The run with counts and the problem of each row that was refused.

        Raises:
            UnreadableFile: The whole file cannot be read; nothing was taken.
        """
        run, given = await self._begin(principal, name, content)
        await self._some(principal, run, given, len(given.rows))
        return run

    async def accept(self, principal: Principal, name: str, content: bytes, most: int) -> ExchangeRun:
        """Keep a file whose rows are taken in the background; the run says how far it is.

        Raises:
            UnreadableFile: The whole file cannot be read.
            RowTooMany: More rows than `most`.
        """
        run, given = await self._begin(principal, name, content)
        if len(given.rows) > most:
            raise RowTooMany({"file": f"The file must have {most:,} rows or fewer. Split it into several files"})
        run.content = content
        await self.db.flush()
        publish(self.db, ExchangeAsked(council_id=run.council_id, run_id=run.id))
        return run

    async def go_on(self, run_id: UUID, council_id: UUID, given: GivenFileRows, most: int) -> bool:
        """Take the next rows of a file that was kept, in the name of who handed it over.

        Whoever else works on the run waits: each row is taken once, in the order of the file.

        Returns:
            Whether rows are left.
        """
        run = await self.exchange.find(council_id, run_id, locked=True)
        if run.ended_at is not None:
            return False
        principal = await self._starter(run)
        if principal is None:
            run.trouble = "Whoever handed the file over may not do so any more. Rows that were not taken stay out"
            await self._end(None, run)
            return False
        await self._some(principal, run, given, most)
        return run.ended_at is None

    async def _begin(self, principal: Principal, name: str, content: bytes) -> tuple[ExchangeRun, GivenFileRows]:
        principal.require(Permission.EXCHANGE)
        given = read_rows(io.BytesIO(content), content)
        run = ExchangeRun(
            council_id=principal.council_id,
            direction="in",
            what="referrals",
            format=given.format,
            file_name=name[:200],
            sha256=hashlib.sha256(content).hexdigest(),
            rows=len(given.rows),
            created=0,
            updated=0,
            unchanged=0,
            refused=0,
            done=0,
            problems=[
                {
                    "row": 0,
                    "column": column[:100],
                    "problem": UNREAD,
                }
                for column in given.unknown
            ][:MOST_PROBLEMS],
            started_by_user_id=principal.user_id,
            started_at=clock_of(self.db).now(),
        )
        self.db.add(run)
        await self.db.flush()
        return run, given

    async def _some(self, principal: Principal, run: ExchangeRun, given: GivenFileRows, most: int) -> None:
        """Take the next rows of a file and count what became of them."""
        counts = dict.fromkeys(Taken, 0)
        problems = list(run.problems)
        seen = {_key(row) for row in given.rows[: run.done]}
        rows = given.rows[run.done : run.done + most]
        for row in rows:
            wrong, waits = await self._row(principal, row, seen, counts)
            run.refused += bool(wrong)
            problems += [{"row": row.number, "column": column, "problem": words} for column, words in wrong.items()]
            if waits:
                problem = NO_ESTIMATE.format(why=waits)
                column = "indicative_weekly_pounds"
                problems.append({"row": row.number, "column": column, "problem": problem, "is_taken": True})
        run.created += counts[Taken.CREATED]
        run.updated += counts[Taken.UPDATED]
        run.unchanged += counts[Taken.UNCHANGED]
        run.problems = problems[:MOST_PROBLEMS]
        run.done += len(rows)
        if run.done >= run.rows:
            await self._end(principal, run)
        await self.db.flush()

    async def _end(self, principal: Principal | None, run: ExchangeRun) -> None:
        run.ended_at, run.content = clock_of(self.db).now(), None
        await self.db.flush()
        note_run(self.db, principal, run)

    async def _starter(self, run: ExchangeRun) -> Principal | None:
        """Return who handed a file over, as somebody who may do so today."""
        if run.started_by_user_id is None:
            return None
        email = await self.exchange.email_of(run.started_by_user_id)
        for principal in await AccountService(self.db).roles_of(email):
            if principal.council_id == run.council_id and principal.may(Permission.EXCHANGE):
                return principal
        return None

    async def _row(
        self, principal: Principal, row: GivenRow, seen: set[str], counts: dict[Taken, int]
    ) -> tuple[dict[str, str], str]:
        """Take one row by itself; returns what is wrong with it, by column, and why its estimate has to wait."""
        if row.problem:
            return {"": row.problem}, ""
        key = _key(row)
        if key and key in seen:
            return {"referral_reference": "The file has this referral already"}, ""
        seen.add(key)
        try:
            async with self.db.begin_nested():
                taken, waits = await self._take(principal, row.cells)
        except InvalidInput as error:
            return {_COLUMNS.get(name, name): words for name, words in error.fields.items()}, ""
        except PlatformError as error:
            return {"": f"{error.title}. {error}".strip()}, ""
        except DBAPIError as error:
            if error.connection_invalidated:
                raise
            return {"": "This row cannot be stored. Look for characters that do not belong there"}, ""
        counts[taken] += 1
        return {}, waits

    async def _take(self, principal: Principal, cells: dict[str, Any]) -> tuple[Taken, str]:
        reference, person_reference = cells.get("referral_reference", ""), cells.get("person_reference", "")
        missing = {
            name: "This is missing" for name in ("referral_reference", "person_reference") if not cells.get(name)
        }
        if len(reference) > 40 or len(person_reference) > 40:
            missing = {"referral_reference": "References must be 40 characters or fewer"}
        if missing:
            raise InvalidInput(missing)
        referral = await self.exchange.referral(principal.council_id, reference)
        if referral is None and _OURS.match(reference):
            raise InvalidInput(
                {"referral_reference": "This looks like a number of ours, and there is no such referral"}
            )
        person = await self.people.by_reference(principal.council_id, person_reference)
        if referral is not None and (person is None or referral.person_id != person.id):
            raise InvalidInput({"person_reference": "This referral is somebody else’s here"})
        person, is_changed = await self._person(principal, person, cells)
        form = _referral_form(referral, cells)
        if referral is None:
            await ReferralService(self.db).record(principal, person.id, form, reference=reference)
            _, waits = await self._budget(principal, person, form.indicative_weekly_pence)
            return Taken.CREATED, waits
        if any(getattr(referral, name) != getattr(form, name) for name in form.__struct_fields__ if name != "version"):
            if referral.status not in CHANGEABLE:
                raise InvalidInput({"referral_reference": "It is with a planner, planned or closed, and cannot change"})
            await ReferralService(self.db).update(principal, referral.id, form)
            is_changed = True
        is_set, waits = await self._budget(principal, person, form.indicative_weekly_pence)
        return Taken.UPDATED if is_changed or is_set else Taken.UNCHANGED, waits

    async def _person(self, principal: Principal, person: Person | None, cells: dict[str, Any]) -> tuple[Person, bool]:
        """Record a person, or change what the row says otherwise; a cell left empty changes nothing."""
        values: dict[str, Any] = {"gender": "not_said", "reference": cells["person_reference"]}
        if person is not None:
            values = person_values(person)
        values |= {name: cells[name] for name in (*_PERSON, *_BOTH) if name in cells}
        if "born_on" in cells:
            values = {name: value for name, value in values.items() if not name.startswith("born_on-")}
            values["born_on"] = cells["born_on"]
        form = PersonForm.read(values, today(clock_of(self.db)))
        service = PeopleService(self.db)
        if person is None:
            return await service.record(principal, form), True
        before = person.version
        changed = await service.update(principal, person.id, form)
        return changed, changed.version != before

    async def _budget(self, principal: Principal, person: Person, weekly_pence: int) -> tuple[bool, str]:
        """Keep an indicative budget where it is another sum than the one known; the plan makes it final.

        Returns:
            Whether it was set, and why it has to wait; empty where it need not.
        """
        known = await self.exchange.indicative(principal.council_id, person.id)
        if not weekly_pence or (known is not None and known.weekly_pence == weekly_pence):
            return False, ""
        if waits := await may_plan_long_term(self.db, principal.council_id, person.id):
            return False, waits
        await BudgetService(self.db).set_indicative(
            principal,
            person.id,
            weekly_pence,
            one_off_pence=known.one_off_pence if known is not None else 0,
            route=known.route if known is not None else FundingRoute.COUNCIL_MANAGED,
            reason=FROM_CASE_SYSTEM,
        )
        return True, ""


def _key(row: GivenRow) -> str:
    """Return what tells one referral of a file from another."""
    return str(row.cells.get("referral_reference", "")).lower()


def note_run(db: AsyncSession, principal: Principal | None, run: ExchangeRun) -> None:
    """Write down a hand-over, without what was in it."""
    names = ("direction", "what", "format", "rows", "created", "updated", "unchanged", "refused", "sha256")
    audit.record(
        db,
        principal,
        "plans.exchange",
        council_id=run.council_id,
        subject_kind="exchange_run",
        subject_id=run.id,
        after={name: getattr(run, name) for name in names},
    )


def _referral_form(referral: Referral | None, cells: dict[str, Any]) -> ReferralForm:
    """Read a row as the form of a referral; a cell left empty changes nothing."""
    values: dict[str, Any] = {
        "source": ReferralSource.FRONTLINE.value,
        "urgency": Urgency.STANDARD.value,
        "complexity": Complexity.STANDARD.value,
        "required_gender": "any",
    }
    workers: list[UUID] = []
    organisations: list[UUID] = []
    if referral is not None:
        values = referral_values(referral)
        workers = [item for item in (referral.chosen_worker_id, referral.previous_worker_id) if item is not None]
        organisations = [UUID(item) for item in referral.excluded_organisation_ids]
    values |= {name: cells[name] for name in (*_BOTH, *_REFERRAL) if name in cells}
    if "person_informed" in cells:
        if cells["person_informed"] not in ("yes", "no"):
            raise InvalidInput({"person_informed": "Write yes or no"})
        values["person_informed"] = cells["person_informed"]
    if "indicative_weekly_pounds" in cells:
        values["indicative_weekly_pence"] = cells["indicative_weekly_pounds"]
    return ReferralForm.read(values, workers=workers, organisations=organisations)
