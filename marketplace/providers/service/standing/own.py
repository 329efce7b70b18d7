"""Where an organisation stands with every council: what it may do, what that rests on, and what was decided."""

from datetime import date, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.providers.models import (
    SERVICE_LABELS,
    Accreditation,
    AccreditationAction,
    ActionKind,
    Evidence,
    Organisation,
)
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.repository.standing_facts import Facts, facts_of
from marketplace.providers.service.organisations import state_words
from marketplace.providers.service.reach import reach_every_council
from marketplace.providers.service.standing.decisions import DONE_WORDS
from marketplace.providers.service.standing.explain import Support, in_words, next_change, rests_on, why_not

DAY: Final = timedelta(days=1)
LONG_AGO: Final = timedelta(days=400)
"""Accreditations that ended longer ago are history and left out here."""


class ActionView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision as one of the two sides sees it."""

    id: UUID
    what: str
    """ "Suspended from 3 March 2027"."""
    kind: ActionKind
    made_on: str
    by: str
    """Who decided; empty on the provider's side."""
    reason: str
    """Empty where the provider is not told."""
    is_confidential: bool
    reply: str
    replied_on: str
    answer: str
    answered_on: str
    reply_until: date | None
    may_reply: bool
    may_answer: bool


class StandingView(msgspec.Struct, frozen=True, kw_only=True):
    """An accreditation with everything that decides about it."""

    id: UUID
    council: str
    service: str
    lot: str
    state: str
    words: str
    live_from: date
    last_day: date
    counts: bool
    stops: str
    """When it stops as things stand, and why: "31 March 2027: DBS check ended after 30 March 2027"."""
    supports: list[Support]
    trusts_others: bool
    needs_registration: bool
    actions: list[ActionView]


class OwnStanding:
    """Reads standing for pages of both sides."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.day = today(clock_of(db))
        self.standing = StandingRepository(db)

    async def of_principal(self, principal: Principal) -> tuple[Organisation, list[StandingView]]:
        """Return the own organisation's accreditations by all councils, those with days to come first."""
        principal.require(Permission.APPLICATIONS_OWN)
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        # Decisions belong to the council that took them; every question here names the organisation.
        await reach_every_council(self.db)
        rows = [
            row for row in await self.standing.of_organisation(organisation.id) if row.live_until > self.day - LONG_AGO
        ]
        rows.sort(key=lambda row: (row.live_until <= self.day, row.removed_on is not None))
        return organisation, await self.views(rows, for_provider=True)

    async def views(self, rows: list[Accreditation], *, for_provider: bool) -> list[StandingView]:
        """Return accreditations with what decides about them. Seven questions, however many there are."""
        facts = await facts_of(self.db, rows)
        actions = await self.standing.actions([row.id for row in rows])
        lots = await self.standing.lots(row.lot_id for row in rows)
        councils = {row.id: row.name for row in await MarketRepository(self.db).councils()}
        found = []
        for row in rows:
            known = facts[row.id]
            reasons = why_not(known, self.day)
            state, words = state_words(row, self.day, reasons)
            lot = lots.get(row.lot_id) if row.lot_id else None
            found.append(
                StandingView(
                    id=row.id,
                    council=councils[row.council_id],
                    service=SERVICE_LABELS[row.service_line],
                    lot=f"{lot.code} {lot.name}" if lot else "",
                    state=state,
                    words=words,
                    live_from=row.live_from,
                    last_day=row.live_until - DAY,
                    counts=not reasons,
                    stops=self._stops(known) if not reasons else "",
                    supports=rests_on(known, self.day),
                    trusts_others=row.trusts_other_councils,
                    needs_registration=row.needs_registration,
                    actions=[
                        self._action(action, name, for_provider=for_provider)
                        for action, name in actions.get(row.id, [])
                    ],
                )
            )
        return found

    def _stops(self, facts: Facts) -> str:
        change = next_change(facts, self.day)
        return f"{uk_date(change[0])}: {in_words(change[1])}" if change else ""

    def _action(self, action: AccreditationAction, name: str, *, for_provider: bool) -> ActionView:
        from_day = "" if action.kind is ActionKind.EXTEND else f" from {uk_date(action.starts_on)}"
        can_reply = action.reply_until is not None and action.reply_until >= self.day and action.replied_at is None
        return ActionView(
            id=action.id,
            what=f"{DONE_WORDS[action.kind]}{from_day}",
            kind=action.kind,
            made_on=uk_date(action.made_at),
            by="" if for_provider else name,
            reason="" if for_provider and action.is_confidential else action.reason,
            is_confidential=action.is_confidential,
            reply=action.reply,
            replied_on=uk_date(action.replied_at) if action.replied_at else "",
            answer=action.answer,
            answered_on=uk_date(action.answered_at) if action.answered_at else "",
            reply_until=action.reply_until,
            may_reply=for_provider and can_reply,
            may_answer=not for_provider and action.replied_at is not None and action.answered_at is None,
        )


async def stopped_by(db: AsyncSession, paper: Evidence) -> list[str]:
    """Return what a piece of evidence stops on the day it ends, each as "Home care for Example Council"."""
    councils = {row.id: row.name for row in await MarketRepository(db).councils()}
    return [f"{SERVICE_LABELS[row.service_line]} for {councils[row.council_id]}" for row in await _stopped(db, paper)]


async def is_stopped_by_end(db: AsyncSession, accreditation: Accreditation, day: date) -> bool:
    """Whether an accreditation stopped on a day because evidence ended: the message of that end names it already."""
    papers = await EvidenceRepository(db).ended(accreditation.organisation_id, day)
    return any([accreditation.id in {row.id for row in await _stopped(db, paper)} for paper in papers])


async def _stopped(db: AsyncSession, paper: Evidence) -> list[Accreditation]:
    """Return the accreditations that stop, or stopped, to count on the day a piece of evidence ends.

    One for which another piece counts beyond that day is left out, and so is one that stops on that day for something
    else alone.
    """
    if paper.expires_on is None:
        return []
    rows = await StandingRepository(db).of_organisation(paper.organisation_id)
    facts = await facts_of(db, rows)
    return [
        row
        for row in rows
        if not why_not(facts[row.id], paper.expires_on - DAY)
        and any(reason.code == paper.kind.value for reason in why_not(facts[row.id], paper.expires_on))
    ]
