"""Workers as their organisation keeps them: added, changed, and gone with their history kept."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.words import GENDER_LABELS, INTERESTS, LANGUAGES, NEEDS, SKILLS, Gender
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.core.places import METRES_PER_MILE, Postcode
from marketplace.providers.errors import WorkerChanged
from marketplace.providers.events import ListingChanged, WorkerTimeChanged
from marketplace.providers.models import Organisation, OrganisationKind, Worker, WorkerAbsence, WorkerKind
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.places import PlaceRepository, Point
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.repository.workforce import WorkforceRepository
from marketplace.providers.service.join_places import nearest_town
from marketplace.providers.service.reach import reach_every_council
from marketplace.providers.service.workers import MOST_MILES

WORKER_KINDS: Final = {
    WorkerKind.PLANNER: "Support planner",
    WorkerKind.CARE_WORKER: "Care worker",
    WorkerKind.PA: "Personal assistant",
}
MOST_BIO: Final = 600
FURTHEST: Final = timedelta(days=366)
"""How far ahead a first or last day may be, and how far back a last day."""
_LISTS: Final[dict[str, tuple[str, Any]]] = {
    "languages": ("the languages", LANGUAGES),
    "specialisms": ("what they know about", NEEDS),
    "skills": ("the skills", SKILLS),
    "interests": ("the interests", INTERESTS),
}
_FACTS: Final = (
    "kind",
    "name",
    "gender",
    "languages",
    "specialisms",
    "skills",
    "interests",
    "town",
    "radius_metres",
    "fte_percent",
    "bio",
    "starts_on",
    "ends_on",
)


class WorkerForm(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as their organisation describes them."""

    kind: WorkerKind
    name: str
    gender: Gender
    languages: list[str]
    specialisms: list[str]
    skills: list[str]
    interests: list[str]
    postcode: str
    """Empty keeps the base that is known."""
    radius_metres: int
    fte_percent: int
    bio: str
    starts_on: date
    version: int | None
    """Which state of the worker the page showed."""

    @classmethod
    def read(cls, data: dict[str, Any], day: date, *, is_new: bool) -> "WorkerForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        kind = form.choice("kind", "what they do", WorkerKind)
        name = form.text("name", "their name", longest=100)
        gender = form.choice("gender", "their gender", Gender, required=False)
        lists = {field: form.options(field, label, given) for field, (label, given) in _LISTS.items()}
        if not lists["languages"]:
            form.wrong("languages", "Select at least one language")
        postcode = form.postcode("postcode", "the postcode", required=is_new)
        miles = form.number("radius_miles", "how many miles they travel", least=1, most=MOST_MILES)
        percent = form.number("fte_percent", "how much they work", least=1, most=100)
        bio = form.text("bio", "the words about them", required=False, longest=MOST_BIO)
        starts = form.day("starts_on", "their first day")
        if starts and starts > day + FURTHEST:
            form.wrong("starts_on", "The first day must be within a year")
        version = form.number("version", "the version", least=1, most=10**9, required=False) if not is_new else None
        form.done()
        if kind is None or starts is None:
            raise AssertionError("done() refuses a form without these")
        return cls(
            kind=kind,
            name=name,
            gender=gender or Gender.NOT_SAID,
            **lists,
            postcode=postcode,
            radius_metres=round(miles * METRES_PER_MILE),
            fte_percent=percent,
            bio=bio,
            starts_on=starts,
            version=version if data.get("version") else None,
        )


class Staff(msgspec.Struct, frozen=True):
    """Everybody of an organisation: who is here, away today, yet to begin, or gone."""

    here: list[Worker]
    away: list[tuple[Worker, WorkerAbsence]]
    coming: list[Worker]
    left: list[Worker]

    @property
    def current(self) -> list[Worker]:
        """Those who have not left, by name."""
        return sorted(
            [*self.here, *(row for row, _ in self.away), *self.coming], key=lambda row: (row.name, str(row.id))
        )


def facts(worker: Worker) -> dict[str, Any]:
    """Return what an audit row keeps of a worker: no postcode and no point."""
    return {name: getattr(worker, name) for name in _FACTS}


def gender_options() -> list[tuple[str, str]]:
    """Choices of the form."""
    return [(gender.value, words) for gender, words in GENDER_LABELS.items()]


class WorkforceService:
    """Writes an organisation's workers. A worker with an own account among several changes their own page only."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.workers = WorkerRepository(db)
        self.workforce = WorkforceRepository(db)

    async def organisation(self, principal: Principal) -> Organisation:
        """Return the user's organisation.

        Raises:
            Forbidden: The role keeps no workers.
            NotFound: It acts for no organisation.
        """
        principal.require(Permission.WORKERS_OWN)
        return await OrganisationRepository(self.db).find(principal.need_organisation())

    def keeps_all(self, principal: Principal, organisation: Organisation) -> bool:
        """Whether the user keeps every worker of the organisation, not just themselves."""
        return principal.worker_id is None or organisation.kind is OrganisationKind.SOLE_PA

    async def staff(self, principal: Principal) -> tuple[Organisation, Staff]:
        """Return everybody, sorted by whether they are here today."""
        organisation = await self.organisation(principal)
        rows: Sequence[Worker] = await self.workforce.staff(organisation.id)
        if not self.keeps_all(principal, organisation):
            rows = [row for row in rows if row.id == principal.worker_id]
        day = today(self.clock)
        away = await self.workforce.away([row.id for row in rows], day)
        found = Staff([], [], [], [])
        for row in rows:
            if row.ends_on is not None and row.ends_on <= day:
                found.left.append(row)
            elif row.starts_on > day:
                found.coming.append(row)
            elif row.id in away:
                found.away.append((row, away[row.id]))
            else:
                found.here.append(row)
        return organisation, found

    async def worker(
        self, principal: Principal, worker_id: UUID, *, locked: bool = False
    ) -> tuple[Organisation, Worker]:
        """Return a worker that the user may keep.

        Raises:
            NotFound: Of another organisation, or a colleague of one who keeps only themselves.
        """
        organisation = await self.organisation(principal)
        if not self.keeps_all(principal, organisation) and worker_id != principal.worker_id:
            raise NotFound
        return organisation, await self.workers.find(organisation.id, worker_id, locked=locked)

    async def may_add(self, principal: Principal, organisation: Organisation) -> bool:
        """Whether another worker may be added: somebody who works alone is one."""
        if not self.keeps_all(principal, organisation):
            return False
        if organisation.kind is not OrganisationKind.SOLE_PA:
            return True
        return not await self.workers.working(organisation.id, today(self.clock))

    async def add(self, principal: Principal, form: WorkerForm) -> Worker:
        """Add a worker.

        Raises:
            NotFound: The user keeps only themselves.
            InvalidInput: The postcode is not in use, or somebody who works alone has a worker already.
        """
        organisation = await self.organisation(principal)
        # Locked: two forms sent at once must not make two of somebody who works alone.
        await OrganisationRepository(self.db).lock(organisation.id)
        if not self.keeps_all(principal, organisation):
            raise NotFound
        if not await self.may_add(principal, organisation):
            raise InvalidInput(
                {"name": "You are registered as somebody who works alone. Ask your council to change it"}
            )
        self._refuse_kind(organisation, form)
        worker = Worker(id=new_id(), organisation_id=organisation.id, created_at=self.clock.now())
        await self._fill(worker, form)
        self.db.add(worker)
        await self.db.flush()
        self._record(principal, worker, "providers.add_worker", None, facts(worker))
        return worker

    async def change(self, principal: Principal, worker_id: UUID, form: WorkerForm) -> Worker:
        """Change a worker. What matching and the market show of them follows.

        Raises:
            NotFound: Not one this user keeps.
            WorkerChanged: Somebody else changed them after the page was opened.
            StepRefused: They have left: their history stays as it is.
            InvalidInput: The postcode is not in use.
        """
        organisation, worker = await self.worker(principal, worker_id, locked=True)
        if form.version is not None and form.version != worker.version:
            raise WorkerChanged
        self._refuse_gone(worker)
        self._refuse_kind(organisation, form)
        before = facts(worker)
        if not self.keeps_all(principal, organisation):
            # What decides about work in the organisation is the organisation's to say.
            form = msgspec.structs.replace(
                form, kind=worker.kind, fte_percent=worker.fte_percent, starts_on=worker.starts_on
            )
        await self._fill(worker, form)
        await self.db.flush()
        after = facts(worker)
        is_moved = bool(form.postcode)
        self._record(principal, worker, "providers.change_worker", before, {**after, "is_base_changed": is_moved})
        await self._tell(principal, worker)
        return worker

    async def make_planner(self, principal: Principal, worker_id: UUID) -> Worker:
        """Mark a worker as a planner, after a council selected them (R10).

        Raises:
            NotFound: Not one this user keeps.
        """
        organisation, worker = await self.worker(principal, worker_id, locked=True)
        if not self.keeps_all(principal, organisation):
            raise NotFound
        self._refuse_gone(worker)
        before = facts(worker)
        worker.kind = WorkerKind.PLANNER
        await self.db.flush()
        self._record(principal, worker, "providers.change_worker", before, facts(worker))
        await self._tell(principal, worker)
        return worker

    async def visits_after(self, worker: Worker, day: date, principal: Principal) -> int:
        """Count agreed visits and open requests of a worker after a day, in every council."""
        await reach_every_council(self.db)
        found = await self.workforce.visits_from(worker.id, day)
        await scope_to(self.db, principal.councils)
        return found

    async def leave(self, principal: Principal, worker_id: UUID, data: dict[str, Any]) -> int:
        """Note a worker's last day. Bookings, plans and training stay; nothing new is given after that day.

        Returns:
            How many visits are agreed or asked for after the last day, for the organisation to move.

        Raises:
            NotFound: Not one this user keeps.
            InvalidInput: A day that cannot be.
        """
        organisation, worker = await self.worker(principal, worker_id, locked=True)
        if not self.keeps_all(principal, organisation):
            raise NotFound
        self._refuse_gone(worker)
        day = today(self.clock)
        form = FormReader(data)
        last = form.day("last_day", "their last day")
        if last and last < worker.starts_on:
            form.wrong("last_day", "The last day must be the same as or after their first day")
        elif last and not day - FURTHEST <= last <= day + FURTHEST:
            form.wrong("last_day", "The last day must be within a year of today")
        form.done()
        if last is None:
            raise AssertionError("done() refuses a form without it")
        before = {"ends_on": worker.ends_on}
        worker.ends_on = last + timedelta(days=1)
        roles = 0
        await reach_every_council(self.db)
        for membership in await self.workforce.memberships(worker.id, worker.ends_on):
            # Somebody who works alone stops working, and can still sign in to settle what is open.
            if membership.user_id != principal.user_id:
                membership.ends_on = max(worker.ends_on, membership.starts_on)
                roles += 1
        visits = await self.workforce.visits_from(worker.id, worker.ends_on)
        await self.db.flush()
        await scope_to(self.db, principal.councils)
        after = {"ends_on": worker.ends_on, "visits_after": visits, "roles_ended": roles}
        self._record(principal, worker, "providers.end_worker", before, after)
        await self._tell(principal, worker)
        return visits

    async def stay(self, principal: Principal, worker_id: UUID) -> Worker:
        """Take a last day back that has not come yet. Accounts that were to end are opened again by an invitation.

        Raises:
            NotFound: Not one this user keeps.
            StepRefused: They have left, or no last day is noted.
        """
        organisation, worker = await self.worker(principal, worker_id, locked=True)
        if not self.keeps_all(principal, organisation):
            raise NotFound
        self._refuse_gone(worker)
        if worker.ends_on is None:
            raise StepRefused("No last day is noted. Go back and look at the page again.")
        before, ended_on = {"ends_on": worker.ends_on}, worker.ends_on
        worker.ends_on = None
        await reach_every_council(self.db)
        for membership in await self.workforce.memberships(worker.id, today(self.clock)):
            if membership.ends_on == ended_on:
                membership.ends_on = None
        await self.db.flush()
        await scope_to(self.db, principal.councils)
        self._record(principal, worker, "providers.keep_worker", before, {"ends_on": None})
        await self._tell(principal, worker)
        return worker

    async def _fill(self, worker: Worker, form: WorkerForm) -> None:
        if form.postcode:
            point, town = await self._base(form.postcode)
            worker.postcode, worker.town = form.postcode, town
            worker.lat, worker.lon = point
        worker.kind, worker.name, worker.gender = form.kind, form.name, form.gender
        worker.languages, worker.specialisms = form.languages, form.specialisms
        worker.skills, worker.interests = form.skills, form.interests
        worker.radius_metres, worker.fte_percent = form.radius_metres, form.fte_percent
        worker.bio, worker.starts_on = form.bio, form.starts_on

    async def _base(self, text: str) -> tuple[Point, str]:
        postcode = Postcode.parse(text)
        found = await PlaceRepository(self.db).postcode(postcode) if postcode else None
        if found is None:
            raise InvalidInput({"postcode": "We cannot find this postcode. Check it. If it is new, use one close by"})
        return found[0], nearest_town(found[0])

    def _refuse_kind(self, organisation: Organisation, form: WorkerForm) -> None:
        if organisation.kind is OrganisationKind.SOLE_PA and form.kind is not WorkerKind.PA:
            raise InvalidInput({"kind": "You are registered as a personal assistant who works alone"})

    def _refuse_gone(self, worker: Worker) -> None:
        if worker.ends_on is not None and worker.ends_on <= today(self.clock):
            raise StepRefused("They have left. Their history stays as it is. If they come back, add them again.")

    def _record(
        self,
        principal: Principal,
        worker: Worker,
        action: str,
        before: dict[str, Any] | None,
        after: dict[str, Any] | None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="worker",
            subject_id=worker.id,
            before=before,
            after=after,
        )

    async def _tell(self, principal: Principal, worker: Worker) -> None:
        publish(
            self.db,
            WorkerTimeChanged(
                council_id=principal.council_id, organisation_id=worker.organisation_id, worker_id=worker.id
            ),
        )
        for listing_id in await self.workers.listing_ids(worker.id):
            publish(self.db, ListingChanged(council_id=principal.council_id, listing_id=listing_id))
