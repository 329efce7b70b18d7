"""Offering a referral to one planner, and the planner's answer."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today, week_start
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, PlatformError, broken_constraint
from marketplace.core.events import Event
from marketplace.core.formats import uk_date, uk_deadline
from marketplace.matching.calendar import answer_deadline
from marketplace.matching.engine import RankedCandidate, Rule
from marketplace.matching.errors import (
    AgainstChoice,
    AlreadyPlanned,
    AnswerTooLate,
    InConflict,
    NotAccredited,
    OfferClosed,
    PlaceTaken,
    PlanningWaits,
    RankingChanged,
    ReferralNotOpen,
)
from marketplace.matching.events import (
    OfferAccepted,
    OfferDeclined,
    OfferHandedBack,
    OfferLapsed,
    OfferMade,
    OfferWithdrawn,
)
from marketplace.matching.forms import OfferForm
from marketplace.matching.models import CapacityReservation, Offer, Referral
from marketplace.matching.repository import ConflictRepository, OfferRepository, ReferralRepository
from marketplace.matching.service.open_proposals import OpenAlerts, OpenProposals
from marketplace.matching.service.shortlists import Shortlisted, ShortlistService
from marketplace.matching.states import OFFER, REFERRAL, OfferStatus, ReferralStatus
from marketplace.matching.words import OFFER_LABELS, STATUS_LABELS
from marketplace.people import PeopleRepository, may_plan_long_term
from marketplace.providers.models import ServiceLine, Worker
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.planners import PlannerRepository
from marketplace.providers.service.planners import WORKING_DAYS, PlannerService

LATE = "Nobody answered in time"
STOPPED = "The organisation takes no new work from this council at present"


class OfferService:
    """Offers to planners."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.offers = OfferRepository(db)
        self.referrals = ReferralRepository(db)
        self.planners = PlannerService(db)

    async def make(self, principal: Principal, referral_id: UUID, form: OfferForm) -> Offer:
        """Offer a referral to the planner a broker chose, and hold one of that planner's places.

        The ranking is made afresh and stored; the planner must stand where the broker saw them, so that the decision is
        the one that was taken. The referral is locked first, so two brokers cannot both offer it.

        Raises:
            ReferralNotOpen: It is not waiting.
            NotAccredited: The organisation's accreditation is not live today (invariant 6).
            PlaceTaken: The planner's last place in that week has gone.
            RankingChanged: The planner stands elsewhere now.
            AgainstChoice: The person chose somebody else, who can take it.
            InvalidInput: Their choice cannot take it, and no reason is given for the other planner.
        """
        referral, worker, made = await self.ready(principal, referral_id, form.worker_id)
        entry = _as_shown(made, form)
        if made.choice is not None and made.choice.cannot and not form.override_reason:
            raise InvalidInput({"override_reason": "Say what the person said when you told them their choice cannot"})
        week_on = week_start(date.fromordinal(entry.first_day))
        offer = await self.write(principal, referral, worker, made, entry, week_on, form.override_reason)
        await OpenProposals(self.db).settle(principal, offer)
        return offer

    async def ready(
        self, principal: Principal, referral_id: UUID, worker_id: UUID
    ) -> tuple[Referral, Worker, Shortlisted]:
        """Lock a referral that is to be offered, see that it waits and the planner may take it, and rank afresh.

        Raises:
            ReferralNotOpen: It is not waiting.
            NotAccredited: The organisation's accreditation is not live today (invariant 6).
            PlanningWaits: The person is in a crisis, or the stages before long-term support are not done.
        """
        principal.require(Permission.REFERRALS_MATCH)
        council_id = principal.council_id
        referral = await self.referrals.find(council_id, referral_id, locked=True)
        if referral.status is not ReferralStatus.RECEIVED:
            raise ReferralNotOpen(f"Its state is now: {STATUS_LABELS[referral.status].lower()}.")
        waits = await may_plan_long_term(self.db, council_id, referral.person_id)
        if waits is not None:
            raise PlanningWaits(f"{waits}.")
        found = (await PlannerRepository(self.db).with_organisation([worker_id])).get(worker_id)
        if found is None:
            raise NotFound
        await self._need_accreditation(found[0].organisation_id, found[1].name, council_id)
        person = await PeopleRepository(self.db).find(council_id, referral.person_id)
        made = await ShortlistService(self.db).rank(referral, person, principal.council_name)
        return referral, found[0], made

    async def write(
        self,
        principal: Principal,
        referral: Referral,
        worker: Worker,
        made: Shortlisted,
        entry: RankedCandidate,
        week_on: date,
        override_reason: str,
        *,
        proposal_id: UUID | None = None,
    ) -> Offer:
        """Write an offer with its stored ranking, and hold the place. The referral is locked and waits.

        Raises:
            NotAccredited: The accreditation ends before the week: a proposal may be for a later one than was ranked.
            PlaceTaken: The planner's last place in that week has gone.
        """
        council_id, clock = principal.council_id, clock_of(self.db)
        ended = await self._why_not_accredited(worker.organisation_id, council_id, week_on)
        if ended is not None:
            raise NotAccredited(f"The organisation of {worker.name} {ended}. Choose somebody else.")
        shortlist = ShortlistService(self.db).store(principal, referral, made)
        await self.db.flush()
        now = clock.now()
        hours: int = await setting(self.db, council_id, "matching.offer_hours", today(clock))
        offer = Offer(
            council_id=council_id,
            referral_id=referral.id,
            shortlist_id=shortlist.id,
            worker_id=worker.id,
            organisation_id=worker.organisation_id,
            status=OfferStatus.OFFERED,
            rank=entry.rank,
            score=entry.total,
            override_reason=override_reason,
            proposal_id=proposal_id,
            decided_by_user_id=principal.user_id,
            offered_at=now,
            answer_by=answer_deadline(now, int(hours)),
        )
        self.db.add(offer)
        await self.db.flush()
        place = await self._take_place(offer, worker, week_on)
        OFFER.begin(self.db, offer, by=principal.user_id, why=override_reason)
        REFERRAL.move(self.db, referral, ReferralStatus.OFFERED, by=principal.user_id)
        self._note(
            principal,
            "matching.make_offer",
            offer,
            after={"worker_id": worker.id, "rank": entry.rank, "week_on": week_on, "place": place},
            why=override_reason,
        )
        self._publish(OfferMade, offer)
        await OpenAlerts(self.db).settle(principal, offer, worker.name)
        return offer

    async def withdraw(self, principal: Principal, referral_id: UUID, why: str) -> Offer:
        """Take back an offer that waits for its answer.

        Raises:
            OfferClosed: No offer waits: the planner was quicker.
        """
        principal.require(Permission.REFERRALS_MATCH)
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        offer = await self.offers.open_of(principal.council_id, referral.id, locked=True)
        if offer is None:
            raise OfferClosed(f"The state of the referral is now: {STATUS_LABELS[referral.status].lower()}.")
        await self._end(offer, referral, OfferStatus.WITHDRAWN, principal, why)
        self._note(principal, "matching.withdraw_offer", offer, why=why)
        self._publish(OfferWithdrawn, offer)
        return offer

    async def take_back(self, principal: Principal, offer_id: UUID, why: str) -> Offer:
        """Take back an offer, also one that was accepted, because a decision about the person is taken again.

        The caller holds `CONTESTS_ANSWER` and has locked the referral. Who listens to `OfferHandedBack` learns that the
        planner who had accepted no longer plans.

        Raises:
            AlreadyPlanned: The plan is signed off: it is changed by a review, not by another planner.
        """
        principal.require(Permission.CONTESTS_ANSWER)
        seen = await self.offers.find(principal.council_id, offer_id)
        referral = await self.referrals.find(principal.council_id, seen.referral_id, locked=True)
        if referral.planned_at is not None:
            raise AlreadyPlanned(
                "What was agreed is in place. Let the decision stand, and change the plan by a review."
            )
        offer = await self.offers.find(principal.council_id, offer_id, locked=True)
        was_accepted = offer.status is OfferStatus.ACCEPTED
        answered_at = offer.answered_at
        await self._end(offer, referral, OfferStatus.WITHDRAWN, principal, why)
        if was_accepted:
            offer.answered_at, offer.handed_back_at, offer.hand_back_reason = answered_at, offer.answered_at, why
        self._note(principal, "matching.withdraw_offer", offer, why=why)
        self._publish(OfferWithdrawn, offer)
        if was_accepted:
            outbox.publish(
                self.db,
                OfferHandedBack(
                    council_id=offer.council_id,
                    offer_id=offer.id,
                    referral_id=referral.id,
                    person_id=referral.person_id,
                    worker_id=offer.worker_id,
                    organisation_id=offer.organisation_id,
                ),
            )
        return offer

    async def withdraw_stopped(self, council_id: UUID, offer_id: UUID) -> bool:
        """Take back an open offer of an organisation that may not plan for the council today, or then (invariant 6).

        Its planner and the broker are told; nobody is told why. Returns whether there was anything to take back.
        """
        seen = await self.offers.find(council_id, offer_id)
        referral = await self.referrals.find(council_id, seen.referral_id, locked=True)
        offer = await self.offers.find(council_id, offer_id, locked=True)
        week_on = (await self.offers.place_of(council_id, [offer.id])).get(offer.id)
        if offer.status is not OfferStatus.OFFERED or (
            await self._why_not_accredited(offer.organisation_id, council_id, week_on) is None
        ):
            return False
        await self._end(offer, referral, OfferStatus.WITHDRAWN, None, STOPPED)
        self._note(None, "matching.withdraw_offer", offer, why=STOPPED)
        self._publish(OfferWithdrawn, offer)
        return True

    async def accept(self, principal: Principal, offer_id: UUID) -> Offer:
        """Take a referral on.

        Raises:
            NotFound: The offer is not the planner's.
            OfferClosed: It was taken back or answered before.
            AnswerTooLate: The time to answer has ended.
            NotAccredited: The organisation's accreditation has ended since.
            InConflict: A conflict of interest was declared since.
        """
        offer, referral = await self._open_for(principal, offer_id)
        now = clock_of(self.db).now()
        if now >= offer.answer_by:
            raise AnswerTooLate(f"It ended on {uk_deadline(offer.answer_by)}. The council offers it to somebody else.")
        row = (await PlannerRepository(self.db).with_organisation([offer.worker_id]))[offer.worker_id]
        week_on = (await self.offers.place_of(offer.council_id, [offer.id])).get(offer.id)
        await self._need_accreditation(
            offer.organisation_id, row[1].name, offer.council_id, week_on, then="The council takes the offer back."
        )
        if await ConflictRepository(self.db).between(offer, referral.person_id) is not None:
            raise InConflict("The council recorded it after the offer was made. It offers this to somebody else.")
        OFFER.move(self.db, offer, OfferStatus.ACCEPTED, by=principal.user_id)
        offer.answered_at = now
        REFERRAL.move(self.db, referral, ReferralStatus.MATCHED, by=principal.user_id)
        self._note(principal, "matching.accept_offer", offer)
        outbox.publish(
            self.db,
            OfferAccepted(
                council_id=offer.council_id,
                offer_id=offer.id,
                referral_id=referral.id,
                person_id=referral.person_id,
                worker_id=offer.worker_id,
                organisation_id=offer.organisation_id,
            ),
        )
        return offer

    async def decline(self, principal: Principal, offer_id: UUID, why: str) -> Offer:
        """Say no to a referral: the place is free again and the referral goes back into the queue.

        Raises:
            NotFound: The offer is not the planner's.
            OfferClosed: It was taken back or answered before.
        """
        offer, referral = await self._open_for(principal, offer_id)
        offer.decline_reason = why
        await self._end(offer, referral, OfferStatus.DECLINED, principal, why)
        self._note(principal, "matching.decline_offer", offer, why=why)
        self._publish(OfferDeclined, offer)
        return offer

    async def lapse(self, council_id: UUID, offer_id: UUID) -> bool:
        """End an offer whose time to answer has passed. Returns whether there was anything to end."""
        seen = await self.offers.find(council_id, offer_id)
        referral = await self.referrals.find(council_id, seen.referral_id, locked=True)
        offer = await self.offers.find(council_id, offer_id, locked=True)
        if offer.status is not OfferStatus.OFFERED or clock_of(self.db).now() < offer.answer_by:
            return False
        await self._end(offer, referral, OfferStatus.LAPSED, None, LATE)
        self._note(None, "matching.lapse_offer", offer, why=LATE)
        self._publish(OfferLapsed, offer)
        return True

    async def _open_for(self, principal: Principal, offer_id: UUID) -> tuple[Offer, Referral]:
        """Lock the referral, then the planner's own offer, and see that it waits for an answer."""
        principal.require(Permission.OFFERS_ANSWER)
        if principal.worker_id is None:
            raise NotFound
        seen = await self.offers.for_worker(offer_id, principal.worker_id, principal.councils)
        referral = await self.referrals.find(seen.council_id, seen.referral_id, locked=True)
        offer = await self.offers.for_worker(offer_id, principal.worker_id, principal.councils, locked=True)
        if offer.status is not OfferStatus.OFFERED:
            raise OfferClosed(f"Its state is now: {OFFER_LABELS[offer.status].lower()}.")
        return offer, referral

    async def _end(
        self, offer: Offer, referral: Referral, to: OfferStatus, principal: Principal | None, why: str
    ) -> None:
        """End an open offer: free its place and put the referral back into the queue."""
        by = principal.user_id if principal else None
        OFFER.move(self.db, offer, to, by=by, why=why)
        offer.answered_at = clock_of(self.db).now()
        await self.offers.free_place(offer.council_id, offer.id)
        REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=by, why=why)

    async def _need_accreditation(
        self,
        organisation_id: UUID,
        name: str,
        council_id: UUID,
        week_on: date | None = None,
        *,
        then: str = "Choose somebody else.",
    ) -> None:
        why = await self._why_not_accredited(organisation_id, council_id, week_on)
        if why is not None:
            raise NotAccredited(f"{name} {why}. {then}")

    async def _why_not_accredited(self, organisation_id: UUID, council_id: UUID, week_on: date | None) -> str | None:
        """Say why an organisation may not plan for a council today, or on any working day of the week of a place."""
        on = today(clock_of(self.db))
        why = await self.planners.why_not_accredited(organisation_id, council_id, on)
        if why is not None or week_on is None or week_on <= on:
            return why
        accreditations = AccreditationRepository(self.db)
        for day in (week_on + timedelta(days=offset) for offset in range(WORKING_DAYS)):
            if await accreditations.is_live(organisation_id, council_id, ServiceLine.SUPPORT_PLANNING, day, on):
                return None
        return f"is not accredited for support planning in the week of {uk_date(week_on)}"

    async def _take_place(self, offer: Offer, worker: Worker, week_on: date) -> int:
        """Hold the smallest free place of a week. The unique key on planner, week and number decides a race.

        The loser looks again, so two brokers who want two places of the same week both get one.

        Raises:
            PlaceTaken: The week is full.
        """
        plans_per_week: int = await setting(
            self.db, offer.council_id, "matching.plans_per_week", today(clock_of(self.db))
        )
        while True:
            week = await self.planners.week(worker, week_on, int(plans_per_week))
            place = week.next_place
            if place is None:
                raise PlaceTaken(
                    f"{worker.name} has no place left in the week of {uk_date(week_on)}. Look at the shortlist again."
                )
            try:
                async with self.db.begin_nested():
                    self.db.add(
                        CapacityReservation(
                            council_id=offer.council_id,
                            worker_id=worker.id,
                            week_on=week_on,
                            place=place,
                            offer_id=offer.id,
                        )
                    )
            except IntegrityError as error:
                if broken_constraint(error) != "uq_capacity_reservations_worker_id_week_on_place":
                    raise
            else:
                return place

    def _note(
        self,
        principal: Principal | None,
        action: str,
        offer: Offer,
        *,
        after: dict[str, object] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=offer.council_id,
            subject_kind="offer",
            subject_id=offer.id,
            after={"status": offer.status, **(after or {})},
            why=why,
        )

    def _publish(
        self, kind: type[OfferMade] | type[OfferDeclined] | type[OfferWithdrawn] | type[OfferLapsed], offer: Offer
    ) -> None:
        event: Event = kind(
            council_id=offer.council_id,
            offer_id=offer.id,
            referral_id=offer.referral_id,
            worker_id=offer.worker_id,
            organisation_id=offer.organisation_id,
        )
        outbox.publish(self.db, event)


def _as_shown(made: Shortlisted, form: OfferForm) -> RankedCandidate:
    """Return the planner's line of the fresh ranking, if it is the one the broker saw.

    Raises:
        PlaceTaken: The planner has no place by then any more.
        RankingChanged: Anything else is different.
    """
    entry = made.entry(form.worker_id)
    if entry is None:
        raise not_listed(made, form.worker_id)
    if entry.first_day > form.first_day:
        week = uk_date(week_start(date.fromordinal(form.first_day)))
        raise PlaceTaken(f"The planner has no place left in the week of {week}. Look at the shortlist again.")
    if (entry.rank, entry.total, entry.first_day) != (form.rank, form.score, form.first_day):
        raise RankingChanged("The planner you chose stands elsewhere now. Look at the shortlist again.")
    return entry


def not_listed(made: Shortlisted, worker_id: UUID) -> PlatformError:
    """Say why a planner is not on a fresh ranking."""
    left_out = made.why_left_out(worker_id)
    if left_out is not None and left_out.rules == (Rule.HAS_CAPACITY,):
        return PlaceTaken("The planner has no place left. Look at the shortlist again.")
    if made.choice is not None and left_out is not None and Rule.PERSONS_CHOICE in left_out.rules:
        return AgainstChoice("They come first. Talk with the person if you think that somebody else fits better.")
    reasons = "; ".join(left_out.reasons) if left_out is not None else "The planner is not on the shortlist"
    return RankingChanged(f"{reasons}. Look at the shortlist again.")
