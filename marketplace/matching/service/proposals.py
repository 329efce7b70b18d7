"""A broker's decisions about what a run proposes: confirm, reject. Nothing is confirmed by itself (UK GDPR 22A-22D)."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import week_start
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import NotFound, PlatformError
from marketplace.core.formats import uk_date
from marketplace.matching.errors import (
    AgainstChoice,
    CannotRank,
    NotAccredited,
    PlaceTaken,
    ProposalDecided,
    RankingChanged,
    ReferralNotOpen,
)
from marketplace.matching.models import AssignmentRun, Offer, Proposal
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.repository.runs import ProposalRepository, RunRepository
from marketplace.matching.service.offers import OfferService, not_listed
from marketplace.matching.service.runs import need_done
from marketplace.matching.states import PROPOSAL, ProposalStatus
from marketplace.matching.words_runs import PROPOSAL_LABELS

_STANDS_IN_THE_WAY = (PlaceTaken, RankingChanged, ReferralNotOpen, NotAccredited, CannotRank, AgainstChoice)
"""What may have changed since the run: the proposal is put aside with these words, and the others go on."""


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What came of confirming some proposals."""

    offered: int
    not_offered: int
    since: datetime
    """From when on: with the user it finds them again."""


class ProposalService:
    """Decisions about proposals."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.proposals = ProposalRepository(db)
        self.runs = RunRepository(db)

    async def accept(self, principal: Principal, run_id: UUID, proposal_id: UUID) -> Offer:
        """Confirm one proposal: the planner has the offer, with a place held.

        Raises:
            NotFound: Not of this run, or another council's.
            RunNotDone: The run has no result.
            ProposalDecided: Somebody was quicker, or it is out of date.
            PlaceTaken, RankingChanged, ReferralNotOpen, NotAccredited, CannotRank, AgainstChoice: Things changed since.
        """
        run, proposal = await self._open(principal, run_id, proposal_id)
        offer = await self._offer(principal, run, proposal)
        PROPOSAL.move(self.db, proposal, ProposalStatus.ACCEPTED, by=principal.user_id)
        self._decide(principal, proposal, "")
        proposal.offer_id = offer.id
        self._note(principal, "matching.accept_proposal", proposal)
        await self.db.flush()
        return offer

    async def reject(self, principal: Principal, run_id: UUID, proposal_id: UUID, why: str) -> Proposal:
        """Say no to a proposal, with the reason. The referral goes on waiting.

        Raises:
            NotFound: Not of this run, or another council's.
            RunNotDone: The run has no result.
            ProposalDecided: Somebody was quicker, or it is out of date.
        """
        _, proposal = await self._open(principal, run_id, proposal_id)
        PROPOSAL.move(self.db, proposal, ProposalStatus.REJECTED, by=principal.user_id, why=why)
        self._decide(principal, proposal, why)
        self._note(principal, "matching.reject_proposal", proposal, why)
        await self.db.flush()
        return proposal

    async def put_aside(self, principal: Principal, run_id: UUID, proposal_id: UUID, why: str) -> None:
        """Note what stood in the way of a proposal that a broker wanted to confirm."""
        try:
            _, proposal = await self._open(principal, run_id, proposal_id)
        except ProposalDecided:
            return
        PROPOSAL.move(self.db, proposal, ProposalStatus.OUTDATED, by=principal.user_id, why=why)
        self._decide(principal, proposal, why)
        self._note(principal, "matching.put_proposal_aside", proposal, why)

    async def _offer(self, principal: Principal, run: AssignmentRun, proposal: Proposal) -> Offer:
        """Offer the referral as proposed.

        The planner is ranked afresh for the referral and the ranking stored, so that the decision can be repeated. They
        may stand elsewhere in it than when the list was worked out: what counts is that they break no rule and that a
        place is left in the proposed week.
        """
        if proposal.worker_id is None or proposal.start_on is None:
            raise NotFound
        offers = OfferService(self.db)
        referral, worker, made = await offers.ready(principal, proposal.referral_id, proposal.worker_id)
        entry = made.standing(worker.id)
        if entry is None:
            raise not_listed(made, worker.id)
        if made.choice is not None and made.choice.cannot:
            raise AgainstChoice("They chose a planner who cannot take it. Tell them and decide on the referral’s page.")
        week_on = week_start(proposal.start_on)
        if week_start(date.fromordinal(entry.first_day)) > week_on:
            raise PlaceTaken(f"{worker.name} has no place left in the week of {uk_date(week_on)}.")
        why = why_chosen(run, proposal) if entry.rank > 1 else ""
        return await offers.write(principal, referral, worker, made, entry, week_on, why, proposal_id=proposal.id)

    async def _open(self, principal: Principal, run_id: UUID, proposal_id: UUID) -> tuple[AssignmentRun, Proposal]:
        principal.require(Permission.MATCH_RUNS)
        run = await self.runs.find(principal.council_id, run_id)
        need_done(run)
        seen = await self.proposals.find(principal.council_id, proposal_id)
        if seen.run_id != run.id:
            raise NotFound
        # The referral first, as whoever makes an offer does: two who reach for both wait for each other in one order.
        await ReferralRepository(self.db).find(principal.council_id, seen.referral_id, locked=True)
        proposal = await self.proposals.find(principal.council_id, proposal_id, locked=True)
        if proposal.status is not ProposalStatus.PROPOSED:
            raise ProposalDecided(f"Its state is now: {PROPOSAL_LABELS[proposal.status].lower()}.")
        return run, proposal

    def _decide(self, principal: Principal, proposal: Proposal, why: str) -> None:
        proposal.decided_by_user_id = principal.user_id
        proposal.decided_at = clock_of(self.db).now()
        proposal.why = why

    def _note(self, principal: Principal, action: str, proposal: Proposal, why: str = "") -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=proposal.council_id,
            subject_kind="proposal",
            subject_id=proposal.id,
            after={"status": proposal.status, "referral_id": proposal.referral_id, "worker_id": proposal.worker_id},
            why=why,
        )


async def accept_some(principal: Principal, run_id: UUID, proposal_ids: Sequence[UUID]) -> Decided:
    """Confirm proposals, each in its own transaction: where one cannot be followed any more, the others are.

    The referral is locked for its own transaction alone, and two brokers who confirm the same list meet one line at a
    time. Lines that were decided meanwhile are left as they are.
    """
    principal.require(Permission.MATCH_RUNS)
    councils = [principal.council_id]
    async with transaction(session_maker(), councils) as db:
        since = clock_of(db).now()
        need_done(await RunRepository(db).find(principal.council_id, run_id))
    offered = 0
    for proposal_id in proposal_ids:
        try:
            async with transaction(session_maker(), councils) as db:
                await ProposalService(db).accept(principal, run_id, proposal_id)
            offered += 1
        except (ProposalDecided, NotFound):
            continue
        except _STANDS_IN_THE_WAY as error:
            async with transaction(session_maker(), councils) as db:
                await ProposalService(db).put_aside(principal, run_id, proposal_id, in_words(error))
    return Decided(offered=offered, not_offered=len(proposal_ids) - offered, since=since)


def why_chosen(run: AssignmentRun, proposal: Proposal) -> str:
    """Say why somebody who is not the first of the referral's own ranking: the reason that the run gave (L8, K3)."""
    why = str(proposal.detail.get("why") or "").rstrip(".")
    return f"Confirmed from proposal {run.reference} for the whole waiting list{': ' if why else ''}{why}"[:500]


def in_words(error: PlatformError) -> str:
    """Write what stood in the way as a broker reads it: the title, then what was said, without advice to look again."""
    detail = (error.detail or "").replace(" Look at the shortlist again.", "").replace(" Choose somebody else.", "")
    return f"{error.title}. {detail}".strip()
