"""What the calendar, evidence and the register do to accreditations, without anybody deciding.

`Accreditation.told_counts` keeps whether it counted when that was last made known, so that each change is told once.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import AccreditationChanged, StandingChanged
from marketplace.providers.models import Accreditation, AccreditationHold, AccreditationStatus, HoldCause
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.repository.standing_facts import facts_of
from marketplace.providers.service.registration import is_registered
from marketplace.providers.service.standing.explain import in_words, why_not
from marketplace.providers.states import ACCREDITATION

BACK = "What was missing is there again"


class StandingWatch:
    """Brings accreditations in line with today. Runs in a transaction that reaches every council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.standing = StandingRepository(db)

    async def run(self) -> int:
        """Do all that is due. Returns how many changes were told; running it again tells none of them twice."""
        told = await self._begin_planned()
        await self.apply_register(None)
        return told + await self.apply(None)

    async def apply(self, organisation_id: UUID | None) -> int:
        """Tell of accreditations, of one organisation or of all, that started or stopped to count."""
        day = today(self.clock)
        found = await self.standing.turned(day, organisation_id)
        facts = await facts_of(self.db, [row for row, _ in found])
        told = 0
        for row, counts in found:
            was, row.told_counts = row.told_counts, counts
            # One that is new was told of when it was awarded; one that has not begun yet has nothing to tell.
            if was is None or (not counts and row.live_from > day):
                continue
            reasons = why_not(facts[row.id], day)
            self._publish(row, counts=counts, why=BACK if counts else in_words(reasons))
            told += 1
        await self.db.flush()
        return told

    async def apply_register(self, organisation_id: UUID | None) -> int:
        """Hold accreditations that need a registration while there is none, and lift the hold when it is back."""
        day, now = today(self.clock), self.clock.now()
        changed = 0
        known: dict[UUID, bool] = {}
        for row in await self.standing.registered_only(day, organisation_id):
            if row.organisation_id not in known:
                known[row.organisation_id] = await is_registered(self.db, row.organisation_id)
            hold = await self.standing.open_hold(row.id, HoldCause.REGISTRATION)
            if known[row.organisation_id] is (hold is None):
                continue
            if hold is None:
                self.db.add(
                    AccreditationHold(
                        id=new_id(),
                        council_id=row.council_id,
                        accreditation_id=row.id,
                        cause=HoldCause.REGISTRATION,
                        starts_on=day,
                        ends_on=None,
                        made_at=now,
                        ended_at=None,
                    )
                )
            else:
                hold.ends_on, hold.ended_at = max(day, hold.starts_on), now
            await self.db.flush()
            self._note(row, "providers.hold_accreditation" if hold is None else "providers.lift_accreditation_hold")
            changed += 1
        return changed

    async def _begin_planned(self) -> int:
        """Move accreditations whose planned suspension or removal begins today; the decision itself was told before."""
        day = today(self.clock)
        moved = await self.standing.due(day)
        for row, is_removal in moved:
            to = AccreditationStatus.REMOVED if is_removal else AccreditationStatus.SUSPENDED
            ACCREDITATION.move(self.db, row, to, by=None, why="As decided before")
            row.told_counts = False
            self._note(row, f"providers.begin_{'removal' if is_removal else 'suspension'}")
            publish(
                self.db,
                AccreditationChanged(
                    council_id=row.council_id,
                    organisation_id=row.organisation_id,
                    accreditation_id=row.id,
                    service_line=row.service_line.value,
                    status=to.value,
                ),
            )
        await self.db.flush()
        return len(moved)

    def _publish(self, row: Accreditation, *, counts: bool, why: str) -> None:
        self._note(row, "providers.standing_back" if counts else "providers.standing_stopped", why)
        publish(
            self.db,
            StandingChanged(
                council_id=row.council_id,
                accreditation_id=row.id,
                organisation_id=row.organisation_id,
                counts=counts,
                why=why,
            ),
        )

    def _note(self, row: Accreditation, action: str, why: str = "") -> None:
        audit.record(
            self.db,
            None,
            action,
            council_id=row.council_id,
            subject_kind="accreditation",
            subject_id=row.id,
            after={"status": row.status, "counts": row.told_counts},
            why=why,
        )
