"""What a council decides about an accreditation: suspend, reinstate, extend, remove, with the effects shown before."""

from collections.abc import Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, setting
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, StepRefused
from marketplace.core.formats import plural, uk_date, uk_datetime
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.errors import DecidedMeanwhile
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    AccreditationHold,
    AccreditationStatus,
    ActionKind,
    HoldCause,
)
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.standing import Effects, StandingRepository
from marketplace.providers.service.standing.service import (
    LONGEST_PERIOD,
    StandingService,
    facts,
    tell_of,
)
from marketplace.providers.states import ACCREDITATION

REPLY_DAYS: Final = "providers.reply_days"


class Decision(StrEnum):
    """What may be decided about an accreditation that exists."""

    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    EXTEND = "extend"
    REMOVE = "remove"


DECISION_LABELS: Final[dict[Decision, tuple[str, str]]] = {
    Decision.SUSPEND: ("Suspend", "No new offers or bookings until you reinstate it"),
    Decision.REINSTATE: (
        "Reinstate",
        "It counts again from today until its last day. A planned removal is called off",
    ),
    Decision.EXTEND: ("Extend", "Set a later last day"),
    Decision.REMOVE: ("Remove", "For good: a new accreditation is needed to come back"),
}
DONE_WORDS: Final[dict[ActionKind, str]] = {
    ActionKind.AWARD: "Accredited",
    ActionKind.SUSPEND: "Suspended",
    ActionKind.REINSTATE: "Reinstated",
    ActionKind.EXTEND: "Extended",
    ActionKind.REMOVE: "Removed",
}
WITH_REPLY: Final = frozenset({Decision.SUSPEND, Decision.REMOVE})
"""Decisions against a provider, to which it may reply."""


class DecisionForm(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about an accreditation."""

    decision: Decision
    reason: str
    live_until: date | None = None
    """First day on which it no longer counts, for an extension."""
    starts_on: date | None = None
    """First day of a suspension or removal; None is today."""
    is_confidential: bool = False
    seen: str | None = None
    """The newest decision that the page showed; None where no page was shown."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> "DecisionForm":
        """Read the form. Days of the parts that were not chosen are left alone.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        decision = form.choice("decision", "what you decide", Decision)
        reason = form.text("reason", "the reason", longest=1_000)
        last = form.day("last_day", "the new last day") if decision is Decision.EXTEND else None
        starts = None
        if decision in WITH_REPLY:
            starts = form.day(f"{decision}_on", "the first day", required=False)
        is_confidential = decision is Decision.SUSPEND and form.ticked("confidential")
        form.done()
        if decision is None:
            raise AssertionError("done() refuses a form without it")
        return cls(
            decision=decision,
            reason=reason,
            live_until=last + timedelta(days=1) if last else None,
            starts_on=starts,
            is_confidential=is_confidential,
            seen=form.raw("seen") if "seen" in data else None,
        )


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision would do, shown before it is taken."""

    row: Accreditation
    form: DecisionForm
    starts_on: date
    effects: Effects
    others: int
    """Other accreditations for the same service that go on, so that offers and bookings go on under them."""
    reply_until: date | None
    seen: str


def effect_words(effects: Effects) -> str:
    """Say what rests on an accreditation: "3 planners, 2 open offers and 1 coming visit"; empty where nothing does."""
    counted = (
        (effects.planners, "planner"),
        (effects.open_offers, "open offer"),
        (effects.coming_visits, "coming visit"),
    )
    *first, last = [plural(count, word) for count, word in counted if count] or [""]
    return f"{', '.join(first)} and {last}" if first else last


def allowed(row: Accreditation, hold: AccreditationHold | None, day: date) -> Sequence[Decision]:
    """Return what may be decided about an accreditation as it stands.

    Args:
        row: The accreditation.
        hold: Its suspension that lasts or is planned.
        day: Today.

    One that has ended is not extended: there was a gap, and the register must say so. It is accredited anew.
    """
    if row.status is AccreditationStatus.REMOVED or row.live_until <= day:
        return ()
    found = []
    if hold is None:
        found.append(Decision.SUSPEND)
    if hold is not None or row.removed_on is not None:
        found.append(Decision.REINSTATE)
    if hold is None and row.removed_on is None:
        found.append(Decision.EXTEND)
    found.append(Decision.REMOVE)
    return found


class DecisionService:
    """Takes decisions about accreditations of the principal's council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.organisations = OrganisationRepository(db)
        self.standing = StandingRepository(db)

    async def preview(self, principal: Principal, accreditation_id: UUID, form: DecisionForm) -> Preview:
        """Check a decision and say what it would affect. Nothing is written.

        Raises:
            NotFound: None of this council's.
            StepRefused: It does not allow this from where it is.
            InvalidInput: A day that cannot be.
        """
        principal.require(Permission.ACCREDITATION_DECIDE)
        row = await self.organisations.accreditation(principal.council_id, accreditation_id)
        hold = await self.standing.open_hold(row.id, HoldCause.SUSPENSION)
        self._refuse_odd(row, hold, form)
        day = today(clock_of(self.db))
        return Preview(
            row=row,
            form=form,
            starts_on=self._first_day(form),
            effects=await self._effects(row),
            others=len(await self._others(row, day)),
            reply_until=await self._reply_until(row.council_id, form),
            seen=await self.seen(row.id),
        )

    async def seen(self, accreditation_id: UUID) -> str:
        """Return what stands for the newest decision, to notice one that came in between."""
        last = await self.standing.last_action(accreditation_id)
        return str(last[0].id) if last else ""

    async def decide(self, principal: Principal, accreditation_id: UUID, form: DecisionForm) -> AccreditationAction:
        """Suspend, reinstate, extend or remove an accreditation of the own council.

        Open offers and requests that wait follow by events; agreed visits are left alone.

        Raises:
            NotFound: None of this council's.
            DecidedMeanwhile: Somebody else decided after the page was shown.
            StepRefused: It does not allow this from where it is.
            InvalidInput: A day that cannot be, or an extension that meets another period.
        """
        principal.require(Permission.ACCREDITATION_DECIDE)
        known = await self.organisations.accreditation(principal.council_id, accreditation_id)
        # The organisation first, then its accreditation: the order in which `award` takes its locks, too.
        await self.organisations.lock(known.organisation_id)
        row = await self.organisations.accreditation(principal.council_id, accreditation_id, locked=True)
        await self._refuse_overtaken(row, form)
        hold = await self.standing.open_hold(row.id, HoldCause.SUSPENSION)
        self._refuse_odd(row, hold, form)
        before = facts(row)
        effects = await self._effects(row)
        now, day = clock_of(self.db).now(), today(clock_of(self.db))
        starts_on = self._first_day(form)
        match form.decision:
            case Decision.SUSPEND:
                self.db.add(
                    AccreditationHold(
                        id=new_id(),
                        council_id=row.council_id,
                        accreditation_id=row.id,
                        cause=HoldCause.SUSPENSION,
                        starts_on=starts_on,
                        ends_on=None,
                        made_at=now,
                        ended_at=None,
                    )
                )
                if starts_on <= day:
                    ACCREDITATION.move(
                        self.db, row, AccreditationStatus.SUSPENDED, by=principal.user_id, why=form.reason
                    )
            case Decision.REINSTATE:
                if hold is not None:
                    hold.ends_on = max(day, hold.starts_on)
                    hold.ended_at = now
                row.removed_on = row.removed_at = None
                if row.status is AccreditationStatus.SUSPENDED:
                    ACCREDITATION.move(self.db, row, AccreditationStatus.LIVE, by=principal.user_id, why=form.reason)
            case Decision.EXTEND:
                if form.live_until is not None:
                    row.live_until = form.live_until
                    await StandingService(self.db).refuse_overlap(row, "last_day")
            case Decision.REMOVE:
                row.removed_on, row.removed_at = starts_on, now
                if starts_on <= day:
                    ACCREDITATION.move(self.db, row, AccreditationStatus.REMOVED, by=principal.user_id, why=form.reason)
        if not form.is_confidential:
            row.reason = form.reason
        row.decided_by_user_id, row.decided_at = principal.user_id, now
        action = AccreditationAction(
            id=new_id(),
            council_id=row.council_id,
            accreditation_id=row.id,
            organisation_id=row.organisation_id,
            kind=ActionKind(form.decision.value),
            starts_on=starts_on,
            reason=form.reason,
            is_confidential=form.is_confidential,
            effects=effects._asdict(),
            made_by_user_id=principal.user_id,
            made_at=now,
            reply_until=await self._reply_until(row.council_id, form),
            reply="",
            answer="",
        )
        self.db.add(action)
        await self.db.flush()
        # Everybody is told of the decision itself: the calendar need not say so once more.
        row.told_counts = row.id in await self.standing.counting([row.id], day)
        await self.db.flush()
        tell_of(self.db, principal, row, action, f"providers.{form.decision.value}_accreditation", before=before)
        return action

    def _first_day(self, form: DecisionForm) -> date:
        return form.starts_on or today(clock_of(self.db))

    def _refuse_odd(self, row: Accreditation, hold: AccreditationHold | None, form: DecisionForm) -> None:
        day = today(clock_of(self.db))
        if form.decision not in allowed(row, hold, day):
            state = "ended" if row.live_until <= day else row.status.value
            raise StepRefused(f"This accreditation is {state} now. Go back and look at it again.")
        field = f"{form.decision}_on"
        if form.starts_on is not None and form.starts_on < day:
            raise InvalidInput({field: "The first day must be today or later: what was agreed until now stands"})
        if form.starts_on is not None and form.starts_on >= row.live_until:
            last = uk_date(row.live_until - timedelta(days=1))
            raise InvalidInput({field: f"The accreditation ends by itself after {last}"})
        if form.decision is Decision.REMOVE and row.removed_on is not None and self._first_day(form) >= row.removed_on:
            raise InvalidInput(
                {field: f"It is already to be removed from {uk_date(row.removed_on)}. Choose an earlier day"}
            )
        if form.live_until is not None:
            if form.live_until <= row.live_until:
                last = uk_date(row.live_until - timedelta(days=1))
                raise InvalidInput({"last_day": f"The new last day must be after {last}"})
            if form.live_until - row.live_from > LONGEST_PERIOD:
                raise InvalidInput({"last_day": "The last day must be within 10 years of the first day"})

    async def _refuse_overtaken(self, row: Accreditation, form: DecisionForm) -> None:
        if form.seen is None:
            return
        last = await self.standing.last_action(row.id)
        if last is None or str(last[0].id) == form.seen:
            return
        action, who = last
        by = f" by {who}" if who else ""
        raise DecidedMeanwhile(
            f"{DONE_WORDS[action.kind]}{by} on {uk_datetime(action.made_at)}, after you opened the page. "
            "Nothing of yours was recorded. Look at it again before you decide."
        )

    async def _effects(self, row: Accreditation) -> Effects:
        clock = clock_of(self.db)
        return await self.standing.effects(
            row.council_id, row.organisation_id, row.service_line, clock.now(), today(clock)
        )

    async def _others(self, row: Accreditation, day: date) -> set[UUID]:
        same = [
            other.id
            for other in await self.standing.of_organisation(row.organisation_id)
            if other.id != row.id and other.council_id == row.council_id and other.service_line is row.service_line
        ]
        return await self.standing.counting(same, day) if same else set()

    async def _reply_until(self, council_id: UUID, form: DecisionForm) -> date | None:
        if form.decision not in WITH_REPLY:
            return None
        day = today(clock_of(self.db))
        return day + timedelta(days=int(await setting(self.db, council_id, REPLY_DAYS, day)))
