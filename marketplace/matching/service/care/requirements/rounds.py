"""A round: who is ranked and asked, and how it ends."""

from collections.abc import Sequence
from uuid import UUID

from marketplace.accounts import Principal
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.matching.calendar import answer_deadline
from marketplace.matching.errors_care import NotYet, RequirementNotOpen
from marketplace.matching.events import RequirementOpened
from marketplace.matching.forms_care import OpenForm
from marketplace.matching.models import Requirement, RequirementInvitation, RequirementRoute, UnmetReason, WeightPurpose
from marketplace.matching.packs_care import identifiers, may_show
from marketplace.matching.repository import WeightRepository
from marketplace.matching.service.care.candidates import CareRankingService
from marketplace.matching.service.care.ranking import RankedProviders
from marketplace.matching.service.care.requirements.steps import state_words
from marketplace.matching.service.care.requirements.unmet import UnmetNeeds, why_nobody
from marketplace.matching.states import REQUIREMENT, RequirementStatus
from marketplace.people.models import Person

LATE = "The time for offers has ended"
ALL_DECLINED = "Everybody who was asked said no"
NOBODY = "Nobody could be asked"


class RequirementRounds(UnmetNeeds):
    """Verbs of a round."""

    async def ranked(self, principal: Principal, row: Requirement, person: Person | None = None) -> RankedProviders:
        """Rank who could deliver a requirement now.

        Raises:
            CannotRank: The place is not known, or there is no visit.
        """
        visits = await self.requirements.visits(row.council_id, row.id)
        person = person or await self.people.find(row.council_id, row.person_id)
        return await CareRankingService(self.db).rank(row, visits, person, principal.council_name)

    async def open(self, principal: Principal, requirement_id: UUID, form: OpenForm) -> Requirement:
        """Ask providers: the first alone, several, or everybody who is accredited and covers the place.

        The ranking is made afresh: who no longer fits is not asked. The clock counts working hours. The weights by
        which offers are scored are fixed now. Where nobody can be asked, the need is logged as unmet at once.

        Raises:
            RequirementChanged: Somebody else saved it since the page was drawn.
            RequirementNotOpen: It is awarded, withdrawn, or offers are under way.
            NotYet: The text may tell who the person is, or the first day has passed.
            InvalidInput: Who was chosen cannot be asked any more.
        """
        row = await self._locked(principal, requirement_id, form.version)
        if row.status not in (RequirementStatus.DRAFT, RequirementStatus.NO_OFFERS, RequirementStatus.CLOSED):
            raise RequirementNotOpen(state_words(row))
        person = await self.people.find(row.council_id, row.person_id)
        self._need_ready(row, person)
        ranked = await self.ranked(principal, row, person)
        asked = await self._whom(row, form, ranked)
        await self._end_offers(row, principal.user_id, "The council asks again")
        on, now = today(self.clock), self.clock.now()
        weights = await WeightRepository(self.db).in_force(row.council_id, WeightPurpose.OFFERS, on)
        row.route, row.round, row.opened_at = form.route, row.round + 1, now
        row.answer_by = answer_deadline(now, ranked.answer_hours)
        row.award_weight_set_id = weights.id if weights is not None else None
        row.ranking = {**ranked.stored(), "made_at": now.isoformat(), "round": row.round, "by": str(principal.user_id)}
        REQUIREMENT.move(self.db, row, RequirementStatus.OPEN, by=principal.user_id, why=form.reason)
        await self._invite(row, [(item, ranked) for item in asked])
        await self.db.flush()
        self._note(
            principal,
            "matching.open_requirement",
            row,
            after={
                "round": row.round,
                "route": row.route,
                "asked": asked,
                "ranking": ranked.fingerprint,
                "weights": ranked.weights_version,
            },
            why=form.reason,
        )
        if not asked:
            await self._end_round(row, None, NOBODY, why_nobody(ranked))
            return row
        outbox.publish(self.db, RequirementOpened(council_id=row.council_id, requirement_id=row.id, round=row.round))
        return row

    async def close_early(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """End a round before its time, once everybody who was asked has answered.

        Raises:
            NotYet: Somebody has not answered.
        """
        row = await self._locked(principal, requirement_id, version)
        if row.status is not RequirementStatus.OPEN:
            raise RequirementNotOpen(state_words(row))
        if await self._waits_for(row):
            raise NotYet("Somebody who was asked has not answered yet, and has time until the clock ends.")
        await self._end_round(row, principal, "Everybody who was asked has answered")
        return row

    async def close_on_time(self, council_id: UUID, requirement_id: UUID) -> bool:
        """End a round whose clock has ended. Returns whether there was anything to end."""
        row = await self.requirements.find(council_id, requirement_id, locked=True)
        ended = row.answer_by is not None and self.clock.now() >= row.answer_by
        if row.status is not RequirementStatus.OPEN or not ended:
            return False
        await self._end_round(row, None, LATE)
        return True

    async def close_if_all_declined(self, row: Requirement) -> None:
        """End a round at once when everybody who was asked said no. The caller has locked the requirement."""
        asked = await self._asked(row)
        if not asked or any(item.declined_at is None for item in asked):
            return
        if not await self.offers.count_live(row.council_id, row.id):
            await self._end_round(row, None, ALL_DECLINED)

    async def refuse_all(
        self, principal: Principal, requirement_id: UUID, version: int, reason: UnmetReason, why: str
    ) -> Requirement:
        """Take none of the offers: the need is logged as unmet with its reason, and the ways on are open (K6)."""
        row = await self._locked(principal, requirement_id, version)
        if row.status is not RequirementStatus.CLOSED:
            raise RequirementNotOpen(state_words(row))
        await self._end_offers(row, principal.user_id, why)
        await self._move_unmet(row, principal, why, reason)
        return row

    def _need_ready(self, row: Requirement, person: Person) -> None:
        if not may_show(identifiers(row, person), is_checked=row.checked_text):
            raise NotYet("The text may tell who the person is. Look at what providers will see first.")
        if row.latest_start_on < today(self.clock):
            raise NotYet("The last day for a start has passed. Change the days first.")

    async def _whom(self, row: Requirement, form: OpenForm, ranked: RankedProviders) -> list[UUID]:
        """Return who is asked, best placed first."""
        order = [line.id for line in ranked.lines]
        declined = {item.organisation_id for item in await self._asked(row, every=True) if item.declined_at}
        match form.route:
            case RequirementRoute.LOT:
                return order
            case RequirementRoute.FIRST if not form.organisation_ids:
                # Who said no is passed over; the broker may name them all the same.
                return [item for item in order if item not in declined][:1]
            case _:
                gone = [item for item in form.organisation_ids if item not in order]
                if gone:
                    raise InvalidInput({"organisation_ids": "One of them cannot be asked any more. Look again"})
                return [item for item in order if item in form.organisation_ids]

    async def _waits_for(self, row: Requirement) -> bool:
        answered = {offer.organisation_id for offer in await self.offers.of_requirement(row.council_id, row.id)}
        return any(item.declined_at is None and item.organisation_id not in answered for item in await self._asked(row))

    async def _invite(self, row: Requirement, asked: Sequence[tuple[UUID, RankedProviders]]) -> None:
        """Ask organisations; who was asked in an earlier round is asked anew."""
        known = {item.organisation_id: item for item in await self._asked(row, every=True)}
        for organisation_id, ranked in asked:
            line = ranked.line(organisation_id)
            item = known.get(organisation_id)
            if item is None:
                item = RequirementInvitation(
                    council_id=row.council_id, requirement_id=row.id, organisation_id=organisation_id
                )
                self.db.add(item)
            item.round, item.invited_at, item.rank = row.round, self.clock.now(), line.rank if line else None
            item.seen_at = item.reminded_at = item.declined_at = None
            item.decline_reason = ""

    async def _end_round(
        self, row: Requirement, principal: Principal | None, why: str, reason: UnmetReason | None = None
    ) -> None:
        """Close a round: with offers to compare, or as not met."""
        if not await self.offers.count_live(row.council_id, row.id):
            await self._move_unmet(row, principal, why, reason or await self._why_unmet(row))
            return
        by = principal.user_id if principal else None
        REQUIREMENT.move(self.db, row, RequirementStatus.CLOSED, by=by, why=why)
        await self.db.flush()
        self._note(principal, "matching.close_requirement", row, why=why)
        self._tell_closed(row)
