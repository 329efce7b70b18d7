"""What counts how much: the version in force, drafts, and publishing (matching.md 3.1: weights are policy)."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import uk_date
from marketplace.matching import engine
from marketplace.matching.engine import Weights
from marketplace.matching.errors import WeightsChanged, WeightsPublished
from marketplace.matching.models import WeightPurpose, WeightSet
from marketplace.matching.repository import WeightRepository
from marketplace.matching.states import WEIGHT_SET, WeightStatus
from marketplace.matching.weight_forms import PublishForm, WeightsForm


def weights_of(published: Mapping[str, Any]) -> Weights:
    """Return the weights a council published; the engine's own for what it does not name."""
    return msgspec.convert({**msgspec.to_builtins(engine.DEFAULT_WEIGHTS), **published}, Weights)


def weights_in(row: WeightSet) -> Weights:
    """Return a row's weights under the version people quote, such as "2027-04-01/planning-2"."""
    return weights_of({**row.values, "version": version_of(row)})


def version_of(row: WeightSet) -> str:
    """Return the version of a row: its first day, purpose and number; a draft has no day."""
    day = row.starts_on.isoformat() if row.starts_on else "draft"
    return f"{day}/{row.purpose.value}-{row.number}"


class WeightService:
    """Weights of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.weights = WeightRepository(db)

    async def in_force(
        self, council_id: UUID, purpose: WeightPurpose, on: date, settings: Mapping[str, Any] | None = None
    ) -> tuple[Weights, WeightSet | None]:
        """Return the weights that count on a day and the version they come from.

        Without a published version the council's setting counts, and without that the engine's own: both without a row.
        `settings` are the council's, when the caller has read them already.
        """
        row = await self.weights.in_force(council_id, purpose, on)
        if row is not None:
            return weights_in(row), row
        known = settings or {"matching.weights": await setting(self.db, council_id, "matching.weights", on)}
        return weights_of(known["matching.weights"]), None

    async def draft(self, principal: Principal, purpose: WeightPurpose) -> WeightSet:
        """Begin a new version from the one in force. An open draft for the purpose is returned instead of a second."""
        principal.require(Permission.WEIGHTS_PUBLISH)
        council_id, clock = principal.council_id, clock_of(self.db)
        number = await self.weights.next_number(council_id, purpose)
        open_draft = await self.weights.open_draft(council_id, purpose)
        if open_draft is not None:
            return open_draft
        weights, _ = await self.in_force(council_id, purpose, today(clock))
        values = msgspec.to_builtins(weights)
        del values["version"]
        row = WeightSet(
            council_id=council_id,
            purpose=purpose,
            number=number,
            status=WeightStatus.DRAFT,
            values=values,
            drafted_by_user_id=principal.user_id,
            drafted_at=clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        WEIGHT_SET.begin(self.db, row, by=principal.user_id)
        self._note(principal, "matching.draft_weights", row, after={"purpose": purpose, "number": number})
        return row

    async def change(self, principal: Principal, weight_set_id: UUID, form: WeightsForm) -> WeightSet:
        """Save a draft.

        Raises:
            WeightsPublished: It is published.
            WeightsChanged: Somebody else saved it since the form was drawn.
        """
        principal.require(Permission.WEIGHTS_PUBLISH)
        row = await self._draft(principal, weight_set_id, form.version)
        before = dict(row.values)
        row.values = {**row.values, **form.values}
        await self.db.flush()
        changed = {name: value for name, value in form.values.items() if before.get(name) != value}
        self._note(
            principal,
            "matching.change_weights",
            row,
            before={name: before.get(name) for name in changed},
            after=changed,
        )
        return row

    async def publish(self, principal: Principal, weight_set_id: UUID, form: PublishForm) -> WeightSet:
        """Publish a draft from a day on. It never changes again; the next version takes over on its first day.

        Who drafted may publish: a manager answers for both, and everybody can read the result.

        Raises:
            WeightsPublished: It is published.
            WeightsChanged: Somebody else saved it since the form was drawn.
            InvalidInput: The day is past, or before the first day of a version that is published already.
        """
        principal.require(Permission.WEIGHTS_PUBLISH)
        row = await self._draft(principal, weight_set_id, form.version)
        if form.starts_on < today(clock_of(self.db)):
            raise InvalidInput(
                {"starts_on": "The first day must be today or later: rankings of past days stay as they were"}
            )
        last = await self.weights.last_published(row.council_id, row.purpose)
        if last is not None and last.starts_on is not None and form.starts_on < last.starts_on:
            raise InvalidInput(
                {
                    "starts_on": f"Version {last.number} is published from {uk_date(last.starts_on)}. "
                    "Choose that day or a later one"
                }
            )
        row.starts_on = form.starts_on
        row.reason = form.reason
        row.published_by_user_id = principal.user_id
        row.published_at = clock_of(self.db).now()
        WEIGHT_SET.move(self.db, row, WeightStatus.PUBLISHED, by=principal.user_id, why=form.reason)
        await self.db.flush()
        self._note(
            principal,
            "matching.publish_weights",
            row,
            after={"starts_on": form.starts_on, **row.values},
            why=form.reason,
        )
        return row

    async def discard(self, principal: Principal, weight_set_id: UUID) -> None:
        """Throw a draft away."""
        principal.require(Permission.WEIGHTS_PUBLISH)
        row = await self.weights.find(principal.council_id, weight_set_id, locked=True)
        if row.status is not WeightStatus.DRAFT:
            raise WeightsPublished
        self._note(principal, "matching.discard_weights", row, before={"number": row.number})
        await self.db.delete(row)
        await self.db.flush()

    async def _draft(self, principal: Principal, weight_set_id: UUID, version: int) -> WeightSet:
        row = await self.weights.find(principal.council_id, weight_set_id, locked=True)
        if row.status is not WeightStatus.DRAFT:
            raise WeightsPublished("Begin a new draft instead.")
        if row.version != version:
            raise WeightsChanged("Open it again, look at what has changed, then make your change.")
        return row

    def _note(
        self,
        principal: Principal,
        action: str,
        row: WeightSet,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="weight_set",
            subject_id=row.id,
            before=before,
            after=after,
            why=why,
        )
