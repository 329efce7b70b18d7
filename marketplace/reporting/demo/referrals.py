"""Tells the history of referrals: the real engine ranks the planners of the day, they answer, plans begin."""

from datetime import date, datetime, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.core.clock import local, week_start
from marketplace.matching import engine
from marketplace.matching.engine import Accreditation, Candidate, CandidateTable, Case, RankedCandidate, grid_metres
from marketplace.matching.models import (
    CapacityReservation,
    Complexity,
    Offer,
    Referral,
    ReferralSource,
    Shortlist,
    Urgency,
)
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.matching.words import engine_labels
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.people import INTERIM, WANTS
from marketplace.reporting.demo.content.plans import CLOSED, COMPLEX, DECLINED, OVERRIDES
from marketplace.reporting.demo.stories import Story
from marketplace.reporting.demo.world import Client, Council, Helper, Shop, World, working_day

WEEK = timedelta(days=7)
HORIZON_WEEKS = 6
PLANS_PER_WEEK = 5
_TIER = {Urgency.CRISIS: 0, Urgency.URGENT: 1, Urgency.STANDARD: 2}


class Matched(msgspec.Struct, frozen=True, kw_only=True):
    """A referral that a planner took on."""

    story: Story
    referral_id: UUID
    client: Client
    shop: Shop
    helper: Helper
    at: datetime


class Desk:
    """The brokers of one council over six months. Stories come in the order in which referrals were received."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.planners: list[tuple[Shop, Helper]] = [
            (shop, helper)
            for shop in council.shops
            if ServiceLine.SUPPORT_PLANNING in shop.body.services
            for helper in shop.helpers
        ]
        self.bases = {helper.id: grid_metres(helper.spot.lat, helper.spot.lon) for _, helper in self.planners}
        self.taken: dict[tuple[UUID, date], int] = {}
        self.cases: dict[UUID, int] = {}
        self.years: dict[int, int] = {}
        self.plan_days: dict[str, int] = council.text.settings["matching.plan_days"][0]
        self.retains = bool(council.text.settings.get("matching.retain_complex", (True, ""))[0])

    def tell(self, story: Story) -> Matched | None:
        """Write a referral's history down. Returns what a plan begins with, if it came to that."""
        world, rng, council = self.world, self.world.rng, self.council
        client = story.client
        received_on = world.today - timedelta(days=story.days_ago)
        received_at = world.at(received_on, rng.randint(8, 15), rng.randint(0, 59))
        self.years[received_on.year] = self.years.get(received_on.year, 0) + 1
        reference = f"R-{received_on.year}-{self.years[received_on.year]:05}"
        referral_id = world.book.id(received_at)
        recorder = rng.choice(council.recorders)
        is_complex = story.end == "retained" or (story.end is None and rng.random() < 0.04)
        is_retained = is_complex and self.retains
        first = ReferralStatus.RECEIVED
        if is_retained:
            first = ReferralStatus.RETAINED
        elif story.end == "incomplete":
            first = ReferralStatus.INCOMPLETE
        moves: list[Move] = [(first, received_at, recorder, COMPLEX[0] if is_retained else "")]
        chosen = self._chosen(story)
        matched: Matched | None = None
        closed_reason = ""
        if first is ReferralStatus.RECEIVED and story.end == "closed":
            closed_reason = rng.choice(CLOSED)
            at = world.at(working_day(received_on + timedelta(days=2)), 14, rng.randint(0, 59))
            moves.append((ReferralStatus.CLOSED, at, council.staff["broker"], closed_reason))
        elif first is ReferralStatus.RECEIVED and story.end != "waiting":
            matched = self._find_planner(story, referral_id, reference, received_at, moves, chosen)
        world.book.put(
            Referral,
            id=referral_id,
            council_id=council.id,
            reference=reference,
            person_id=client.id,
            status=ReferralStatus(moves[-1][0]),
            source=rng.choices(list(ReferralSource), (62, 10, 20, 8))[0],
            urgency=story.urgency,
            complexity=Complexity.COMPLEX if is_complex else Complexity.STANDARD,
            complexity_reason=rng.choice(COMPLEX) if is_complex else "",
            needs=list(client.needs),
            wants="" if story.end == "incomplete" else rng.choice(WANTS),
            interim_plan=rng.choice(INTERIM),
            communication_needs=list(client.communication_needs),
            required_gender=None,
            essential_language=None,
            indicative_weekly_pence=client.weekly_pence or 12_000,
            person_informed=story.end != "incomplete",
            chosen_worker_id=chosen,
            excluded_organisation_ids=[],
            previous_worker_id=None,
            received_at=received_at,
            due_on=received_on + timedelta(days=self.plan_days[story.urgency.value]),
            recorded_by_user_id=recorder,
            closed_reason=closed_reason,
            version=len(moves),
        )
        world.book.steps("referral", council.id, referral_id, moves)
        world.book.audit(
            council.id,
            received_at,
            "matching.record_referral",
            "referral",
            referral_id,
            (recorder, Role.SOCIAL_WORKER.value),
            after={"status": first.value, "reference": reference},
        )
        return matched

    def _chosen(self, story: Story) -> UUID | None:
        """Where complex cases are not kept by the council, people choose their planner themselves (Doncaster, D14)."""
        if self.retains or story.is_lead:
            return None
        live = [
            helper.id for shop, helper in self.planners if shop.live_until > self.world.today and helper.hand.fte >= 60
        ]
        return self.world.rng.choice(live) if self.world.rng.random() < 0.6 else None

    def _find_planner(
        self,
        story: Story,
        referral_id: UUID,
        reference: str,
        received_at: datetime,
        moves: list[Move],
        chosen: UUID | None,
    ) -> Matched | None:
        world, rng = self.world, self.world.rng
        declined: dict[str, date] = {}
        day = working_day(local(received_at).date() + timedelta(days=story.pace.offer))
        while True:
            offered_at = max(world.at(day, rng.randint(9, 15), rng.randint(0, 59)), received_at)
            if day > world.today or offered_at >= world.now:
                return None
            made = self._rank(story, referral_id, reference, offered_at, declined, chosen)
            if made is None:
                return None
            entry, shortlist_id, override = made
            shop, helper = next(pair for pair in self.planners if str(pair[1].id) == entry.id)
            answer_days = min(story.pace.answer, 1) if declined else story.pace.answer
            answered_at = offered_at + timedelta(days=answer_days, hours=rng.randint(1, 3), minutes=rng.randint(0, 59))
            if answered_at.weekday() >= 5:
                answered_at += timedelta(days=2)
            is_open = answered_at >= world.now or story.end == "offered"
            says_no = not story.is_lead and story.end is None and len(declined) < 2 and rng.random() < 0.14
            status = OfferStatus.OFFERED if is_open else OfferStatus.DECLINED if says_no else OfferStatus.ACCEPTED
            why = rng.choice(DECLINED) if status is OfferStatus.DECLINED else ""
            offer_id = self._offer(
                referral_id, shortlist_id, shop, helper, entry, offered_at, answered_at, status, override, why
            )
            moves.append((ReferralStatus.OFFERED, offered_at, self.council.staff["broker"], ""))
            if status is not OfferStatus.DECLINED:
                self._take_place(offer_id, helper, entry, offered_at)
            if status is OfferStatus.OFFERED:
                return None
            if status is OfferStatus.ACCEPTED:
                moves.append((ReferralStatus.MATCHED, answered_at, helper.user_id, ""))
                self.cases[helper.id] = self.cases.get(helper.id, 0) + 1
                return Matched(
                    story=story, referral_id=referral_id, client=story.client, shop=shop, helper=helper, at=answered_at
                )
            moves.append((ReferralStatus.RECEIVED, answered_at, helper.user_id, why))
            declined[entry.id] = local(answered_at).date()
            received_at = answered_at
            day = working_day(local(answered_at).date() + timedelta(days=1))

    def _rank(
        self,
        story: Story,
        referral_id: UUID,
        reference: str,
        at: datetime,
        declined: dict[str, date],
        chosen: UUID | None,
    ) -> tuple[RankedCandidate, UUID, str] | None:
        """Ask the engine and keep its answer as the product does. None when nobody can take the case."""
        client, rng = story.client, self.world.rng
        on = local(at).date()
        start = on if story.urgency is Urgency.CRISIS else week_start(on) + WEEK
        council = str(self.council.id)
        x_metres, y_metres = grid_metres(client.spot.lat, client.spot.lon)
        case = Case(
            id=str(referral_id),
            service=ServiceLine.SUPPORT_PLANNING.value,
            council=council,
            start_day=start.toordinal(),
            x_metres=x_metres,
            y_metres=y_metres,
            window_days=HORIZON_WEEKS * 7,
            excluded_worker_ids=frozenset(declined),
            chosen_worker_id=str(chosen) if chosen else None,
            wished_languages=frozenset(client.languages) - {"English"},
            needs=frozenset(client.needs),
            interests=frozenset(client.interests),
            urgency_tier=_TIER[story.urgency],
            labels=engine_labels(council, self.council.text.name),
        )
        candidates = tuple(self._candidate(shop, helper, start) for shop, helper in self.planners)
        table = CandidateTable.from_candidates(candidates)
        ranking = engine.rank(case, table, limit=50, left_out_limit=300, salt=reference)
        if not ranking.entries:
            return None
        entry, override = ranking.entries[0], ""
        if story.is_lead:
            lead = str(self.council.lead_planner.id)
            entry = next((line for line in ranking.entries if line.id == lead), entry)
        elif len(ranking.entries) > 2 and rng.random() < 0.1:
            entry = ranking.entries[rng.randint(1, 2)]
        if entry.rank > 1:
            override = rng.choice(OVERRIDES)
        shortlist_id = self.world.book.add(
            Shortlist,
            at,
            council_id=self.council.id,
            referral_id=referral_id,
            made_at=at,
            made_by_user_id=self.council.staff["broker"],
            weights_version=engine.DEFAULT_WEIGHTS.version,
            inputs=engine.dump_inputs(case, candidates, engine.DEFAULT_WEIGHTS, reference),
            ranking={
                "result": msgspec.json.decode(msgspec.json.encode(ranking)),
                "declined": {worker_id: day.isoformat() for worker_id, day in declined.items()},
                "without_base": [],
            },
            fingerprint=ranking.fingerprint,
        )
        return entry, shortlist_id, override

    def _candidate(self, shop: Shop, helper: Helper, start: date) -> Candidate:
        hand = helper.hand
        x_metres, y_metres = self.bases[helper.id]
        monday = week_start(start)
        first = start
        while helper.is_away(first):
            first += timedelta(days=1)
        places = hand.fte * PLANS_PER_WEEK // 100
        return Candidate(
            id=str(helper.id),
            organisation_id=str(shop.id),
            x_metres=x_metres,
            y_metres=y_metres,
            accreditations=(
                Accreditation(
                    service=ServiceLine.SUPPORT_PLANNING.value,
                    council=str(self.council.id),
                    from_day=(self.world.starts_on - timedelta(days=60)).toordinal(),
                    until_day=shop.live_until.toordinal(),
                ),
            ),
            radius_metres=round(hand.miles * 1609.344),
            gender=hand.gender.value,
            languages=frozenset(("English", *hand.languages)),
            specialisms=frozenset(hand.specialisms),
            interests=frozenset(hand.interests),
            first_free_day=first.toordinal(),
            places_from_week=engine.week_of(monday.toordinal()),
            free_places_by_week=tuple(
                self._free(helper, monday + index * WEEK, places) for index in range(HORIZON_WEEKS)
            ),
            week_capacity=places,
            open_cases=self.cases.get(helper.id, 0),
        )

    def _free(self, helper: Helper, monday: date, places: int) -> int:
        there = sum(not helper.is_away(monday + timedelta(days=day)) for day in range(5)) if helper.away else 5
        return max(0, places * there // 5 - self.taken.get((helper.id, monday), 0))

    def _take_place(self, offer_id: UUID, helper: Helper, entry: RankedCandidate, at: datetime) -> None:
        monday = week_start(date.fromordinal(entry.first_day))
        place = self.taken.get((helper.id, monday), 0) + 1
        self.taken[helper.id, monday] = place
        self.world.book.add(
            CapacityReservation,
            at,
            council_id=self.council.id,
            worker_id=helper.id,
            week_on=monday,
            place=place,
            offer_id=offer_id,
        )

    def _offer(
        self,
        referral_id: UUID,
        shortlist_id: UUID,
        shop: Shop,
        helper: Helper,
        entry: RankedCandidate,
        at: datetime,
        answered_at: datetime,
        status: OfferStatus,
        override: str,
        why: str,
    ) -> UUID:
        book, broker = self.world.book, self.council.staff["broker"]
        answer_by = at + timedelta(days=2)
        if answer_by.weekday() >= 5 or answer_by.weekday() < 2:
            answer_by += timedelta(days=2)
        if status is OfferStatus.OFFERED:
            answer_by = max(answer_by, self.world.now + timedelta(hours=20))
        is_open = status is OfferStatus.OFFERED
        offer_id = book.add(
            Offer,
            at,
            council_id=self.council.id,
            referral_id=referral_id,
            shortlist_id=shortlist_id,
            worker_id=helper.id,
            organisation_id=shop.id,
            status=status,
            rank=entry.rank,
            score=entry.total,
            override_reason=override,
            decided_by_user_id=broker,
            offered_at=at,
            answer_by=max(answer_by, answered_at + timedelta(hours=1)) if not is_open else answer_by,
            answered_at=None if is_open else answered_at,
            decline_reason=why,
        )
        moves: list[Move] = [(OfferStatus.OFFERED, at, broker, override)]
        if not is_open:
            moves.append((status, answered_at, helper.user_id, why))
        book.steps("offer", self.council.id, offer_id, moves)
        book.audit(
            self.council.id,
            at,
            "matching.make_offer",
            "offer",
            offer_id,
            (broker, Role.BROKER.value),
            after={"worker_id": str(helper.id), "rank": entry.rank},
            why=override,
        )
        if not is_open and helper.user_id:
            action = "matching.accept_offer" if status is OfferStatus.ACCEPTED else "matching.decline_offer"
            by = (helper.user_id, Role.PLANNER.value)
            book.audit(self.council.id, answered_at, action, "offer", offer_id, by, why=why)
        return offer_id
