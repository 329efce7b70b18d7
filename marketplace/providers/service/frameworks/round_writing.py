"""The council opens rounds, moves their closing, cancels them (D7, B19)."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import ChangedMeanwhile, RoundMoved
from marketplace.providers.events import RoundAnnounced
from marketplace.providers.models import Framework, FrameworkVersion, Round
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.round_forms import ExtendForm, RoundForm
from marketplace.providers.service.frameworks.rounds import round_state
from marketplace.providers.states import FrameworkVersionStatus

CLOSING_NOTICE: Final = timedelta(days=7)
"""How long before closing organisations are reminded."""


class RoundService:
    """Writes rounds. Every method asks for `FRAMEWORKS_EDIT`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.frameworks = FrameworkRepository(db)

    async def find(self, principal: Principal, round_id: UUID, *, locked: bool = False) -> Round:
        """Return a round of the council's.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.frameworks.rounds.find(principal.council_id, round_id, locked=locked)

    async def usable_versions(self, framework: Framework) -> Sequence[FrameworkVersion]:
        """Return the versions that a round may be held under, the newest first."""
        rows = await self.frameworks.versions.of_framework(framework.id)
        return [row for row in rows if row.status is FrameworkVersionStatus.PUBLISHED]

    async def add(self, principal: Principal, framework_id: UUID, form: RoundForm) -> Round:
        """Add a round. When it opens, those who wait for it are told.

        Raises:
            NotFound: The framework is not the council's.
            RoundMoved: The framework has no further rounds.
            InvalidInput: The version is not one of its published ones.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        framework = await self.frameworks.find(principal.council_id, framework_id, locked=True)
        if framework.closed_at is not None:
            raise RoundMoved("This framework is closed. Open it again before you add a round.")
        await self._known_version(framework, form.version_id)
        row = Round(
            id=new_id(),
            council_id=framework.council_id,
            framework_id=framework.id,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
            **_facts(form),
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, "providers.add_round", row, after=_facts(form))
        return row

    async def change(self, principal: Principal, round_id: UUID, form: RoundForm) -> Round:
        """Change a round that has not opened yet.

        Raises:
            RoundMoved: It has opened, or is cancelled.
            ChangedMeanwhile: A colleague saved it since the page was opened.
        """
        row = await self.find(principal, round_id, locked=True)
        self._in_state(row, {"coming"}, "It has opened. You can still move its closing time or cancel it.")
        if row.version != form.version:
            raise ChangedMeanwhile
        await self._known_version(await self.frameworks.framework(row.framework_id), form.version_id)
        before = {name: getattr(row, name) for name in _facts(form)}
        for name, value in _facts(form).items():
            setattr(row, name, value)
        await self.db.flush()
        self._record(principal, "providers.change_round", row, before=before, after=_facts(form))
        return row

    async def extend(self, principal: Principal, round_id: UUID, form: ExtendForm) -> Round:
        """Move the closing of an open round to a later time, and tell everybody who applies or may apply.

        Raises:
            RoundMoved: It is not open: what has closed stays closed for all alike.
            ChangedMeanwhile: A colleague saved it since the page was opened.
        """
        row = await self.find(principal, round_id, locked=True)
        self._in_state(row, {"open"}, "Only an open round can close later: what has closed stays closed for all alike.")
        if row.version != form.version:
            raise ChangedMeanwhile
        if form.closes_at <= row.closes_at:
            raise InvalidInput({"closes": "The new closing time must be later than the present one"})
        before = {name: getattr(row, name) for name in ("closes_at", "late_until", "decides_on", "starts_on")}
        if row.late_until is not None:
            row.late_until += form.closes_at - row.closes_at
        row.closes_at, row.decides_on, row.starts_on = form.closes_at, form.decides_on, form.starts_on
        if row.closes_at - self.clock.now() > CLOSING_NOTICE:
            # The reminder belongs to the new closing time.
            row.told_closing_at = None
        await self.db.flush()
        after = {name: getattr(row, name) for name in before}
        self._record(principal, "providers.extend_round", row, before=before, after=after, why=form.reason)
        publish(self.db, RoundAnnounced(council_id=row.council_id, round_id=row.id, what="extended"))
        return row

    async def cancel(self, principal: Principal, round_id: UUID, data: dict[str, Any]) -> Round:
        """Cancel a round with the reason that everybody reads.

        Raises:
            RoundMoved: It has closed, or is cancelled already.
            InvalidInput: No reason.
        """
        form = FormReader(data)
        reason = form.text("reason", "why the round is cancelled", longest=1_000)
        form.done()
        row = await self.find(principal, round_id, locked=True)
        self._in_state(row, {"coming", "open", "late"}, "It has closed or is cancelled already.")
        row.cancelled_at, row.cancelled_because = self.clock.now(), reason
        await self.db.flush()
        self._record(
            principal,
            "providers.cancel_round",
            row,
            before={"cancelled_at": None},
            after={"cancelled_at": row.cancelled_at},
            why=reason,
        )
        publish(self.db, RoundAnnounced(council_id=row.council_id, round_id=row.id, what="cancelled"))
        return row

    async def announce_due(self) -> int:
        """Announce rounds that have opened, and those that close within seven days; each once. Returns how many.

        Runs in a transaction with scope `every`, as often as it likes. A round that is shorter than the notice is
        announced once, with its closing date.
        """
        now = self.clock.now()
        told = 0
        for row in await self.frameworks.rounds.to_announce(now, now + CLOSING_NOTICE):
            is_closing = row.closes_at - now <= CLOSING_NOTICE
            what = "open" if row.told_open_at is None else "closing"
            if row.told_open_at is None:
                row.told_open_at = now
            if is_closing and row.told_closing_at is None:
                row.told_closing_at = now
            publish(self.db, RoundAnnounced(council_id=row.council_id, round_id=row.id, what=what))
            told += 1
        await self.db.flush()
        return told

    def _in_state(self, row: Round, states: set[str], refusal: str) -> None:
        if round_state(row, self.clock.now()) not in states:
            raise RoundMoved(refusal)

    async def _known_version(self, framework: Framework, version_id: UUID) -> None:
        if all(version.id != version_id for version in await self.usable_versions(framework)):
            raise InvalidInput({"version_id": "Select a published version of this framework"})

    def _record(
        self,
        principal: Principal,
        action: str,
        row: Round,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any],
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="round",
            subject_id=row.id,
            before=before,
            after=after,
            why=why,
        )


def _facts(form: RoundForm) -> dict[str, Any]:
    return {
        "name": form.name,
        "version_id": form.version_id,
        "opens_at": form.opens_at,
        "questions_until": form.questions_until,
        "closes_at": form.closes_at,
        "late_rule": form.late_rule,
        "late_until": form.late_until,
        "decides_on": form.decides_on,
        "starts_on": form.starts_on,
        "reopens_on": form.reopens_on,
    }
