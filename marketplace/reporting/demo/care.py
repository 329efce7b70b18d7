"""Makes requirements for care: one in each state a council, with offers, an award, and needs that were not met."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts.council_settings import DEFAULTS
from marketplace.accounts.permissions import Role
from marketplace.core.clock import week_start
from marketplace.matching.calendar import answer_deadline
from marketplace.matching.care.legal_cost import CostRules, legal_cost
from marketplace.matching.care.scoring import DEFAULT_OFFER_WEIGHTS, OfferFacts, Quality, score_offer
from marketplace.matching.care.week import quarters, weekly_price, worker_minutes
from marketplace.matching.models import (
    HeardHow,
    Preference,
    Requirement,
    RequirementAward,
    RequirementInvitation,
    RequirementOffer,
    RequirementRoute,
    RequirementVisit,
    UnmetReason,
    UnmetRequirement,
    Urgency,
)
from marketplace.matching.states import RequirementOfferStatus, RequirementStatus
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Client, Council, Shop, World, working_day


class _Visit(msgspec.Struct, frozen=True):
    """A visit of the week before it is a row."""

    weekday: int
    starts_local: time
    minutes: int
    workers: int = 1


class _Tale(msgspec.Struct, frozen=True, kw_only=True):
    """What a requirement is about, how far it came and when it began."""

    end: RequirementStatus
    days_ago: int
    urgency: Urgency
    summary: str
    outcomes: str
    visits: tuple[_Visit, ...]
    skills: tuple[str, ...] = ()
    unmet: UnmetReason = UnmetReason.NO_OFFERS
    answers: bool = True
    """Whether providers have sent offers in the round that is told."""


def _daily(*starts: time, minutes: int = 30, workers: int = 1, days: Sequence[int] = range(7)) -> tuple[_Visit, ...]:
    return tuple(_Visit(day, start, minutes, workers) for day in days for start in starts)


_MORNING, _NOON, _TEA, _BED = time(8), time(12, 30), time(17), time(20, 30)
_TALES = (
    _Tale(
        end=RequirementStatus.DRAFT,
        days_ago=1,
        urgency=Urgency.STANDARD,
        summary="Help to wash and dress, and company at breakfast. Walks with a frame.",
        outcomes="To be up and dressed by nine and to keep walking to the garden.",
        visits=_daily(_MORNING, minutes=45),
        skills=("personal_care",),
    ),
    _Tale(
        end=RequirementStatus.OPEN,
        days_ago=1,
        urgency=Urgency.STANDARD,
        summary="Help with washing, meals and medicines after a stay in hospital. Two workers for the hoist.",
        outcomes="To stay at home and not go back into hospital.",
        visits=(*_daily(_MORNING, _BED, workers=2), *_daily(_NOON)),
    ),
    _Tale(
        end=RequirementStatus.CLOSED,
        days_ago=6,
        urgency=Urgency.STANDARD,
        summary="Memory loss. Needs the same few faces, a calm voice and time to do things without hurry.",
        outcomes="To eat well, to feel safe in the evening and to go out twice a week.",
        visits=(*_daily(_MORNING, _TEA, minutes=45), *_daily(time(14), minutes=120, days=(1, 3))),
    ),
    _Tale(
        end=RequirementStatus.AWARDED,
        days_ago=30,
        urgency=Urgency.URGENT,
        summary="Help in the morning and at bedtime. Sight loss: says where things stand.",
        outcomes="To cook one meal a day without help again.",
        visits=_daily(_MORNING, _BED),
    ),
    _Tale(
        end=RequirementStatus.NO_OFFERS,
        days_ago=9,
        urgency=Urgency.STANDARD,
        summary="Help at night, twice, to turn in bed. Awake nights.",
        outcomes="To sleep without sores and without fear of the night.",
        visits=_daily(time(23), time(4), workers=2),
        unmet=UnmetReason.NO_HOURS,
        answers=False,
    ),
    *(
        _Tale(
            end=RequirementStatus.NO_OFFERS,
            days_ago=40 + 16 * number,
            urgency=Urgency.STANDARD,
            summary="Help with washing and dressing at the weekend.",
            outcomes="To see friends on Sundays.",
            visits=_daily(_MORNING, _TEA, days=(5, 6)),
            unmet=reason,
            answers=False,
        )
        for number, reason in enumerate(
            (UnmetReason.NO_HOURS, UnmetReason.TOO_FAR, UnmetReason.NO_HOURS, UnmetReason.PRICE, UnmetReason.NO_HOURS)
        )
    ),
    _Tale(
        end=RequirementStatus.WITHDRAWN,
        days_ago=20,
        urgency=Urgency.URGENT,
        summary="Help at lunch time while the family is away.",
        outcomes="To have a hot meal every day.",
        visits=_daily(_NOON),
        answers=False,
    ),
)
_ANSWERS = (
    "A team of four who live near. They come in turns, so that there is always a face that is known.",
    "We start small: two visits together with the family, then a plan of what to try each week.",
    "A worker who cooks and one who drives. Both have done this for years.",
)


def make_care(world: World, council: Council) -> None:
    """Keep requirements of a council: each state once, and some needs that were not met."""
    # Derby has no home care company on the platform: personal assistants bring its care.
    for service in (ServiceLine.HOME_CARE, ServiceLine.PERSONAL_ASSISTANCE):
        providers = [shop for shop in council.shops if service in shop.body.services][:4]
        if providers:
            break
    clients = council.clients[: 3 * len(_TALES)]
    for number, tale in enumerate(_TALES):
        client = clients[(3 * number + 1) % len(clients)]
        _Teller(world, council, service, providers, client, number, tale).tell()


class _Teller:
    """Writes one requirement's story down."""

    def __init__(
        self,
        world: World,
        council: Council,
        service: ServiceLine,
        providers: Sequence[Shop],
        client: Client,
        number: int,
        tale: _Tale,
    ) -> None:
        self.service = service
        self.world, self.council, self.client, self.tale = world, council, client, tale
        self.providers = providers
        self.broker = council.staff["broker"]
        day = working_day(world.today - timedelta(days=tale.days_ago))
        # An open round begins today or on the last working day, so that its clock still runs.
        self.made_at = world.at(min(day, world.today), 9, 10 + number)
        self.reference = f"C-{self.made_at.year}-{number + 1:05}"
        self.opened_at = min(self.made_at + timedelta(hours=1), world.now)
        hours: dict[str, int] = DEFAULTS["matching.requirement_hours"]
        self.answer_by = answer_deadline(self.opened_at, hours[tale.urgency.value])
        self.starts_on = week_start(max(world.today, self.answer_by.date())) + timedelta(days=14)
        if tale.end is RequirementStatus.AWARDED:
            self.starts_on = week_start(self.answer_by.date()) + timedelta(days=14)
        rules = CostRules(
            wage_pence=world.wage_pence,
            employer_percent=int(DEFAULTS["matching.employer_cost_percent"]),
            travel_minutes=int(DEFAULTS["matching.travel_minutes_per_visit"]),
        )
        self.cost = legal_cost(tale.visits, rules)
        self.ceiling = -(-self.cost.total_pence * 13 // 1_000) * 100

    def tell(self) -> None:
        """Write the requirement with everything that belongs to it."""
        tale, book = self.tale, self.world.book
        end = tale.end
        if end is RequirementStatus.CLOSED and self.answer_by > self.world.now:
            end = RequirementStatus.OPEN
        if end is RequirementStatus.OPEN and self.answer_by <= self.world.now:
            end = RequirementStatus.CLOSED if tale.answers else RequirementStatus.NO_OFFERS
        is_asked = end is not RequirementStatus.DRAFT
        requirement_id = book.add(
            Requirement,
            self.made_at,
            council_id=self.council.id,
            reference=self.reference,
            person_id=self.client.id,
            status=end,
            service_line=self.service,
            lot_code="",
            route=RequirementRoute.LOT,
            urgency=tale.urgency,
            summary=tale.summary,
            outcomes=tale.outcomes,
            needs=list(self.client.needs) or ["older"],
            required_skills=list(tale.skills),
            required_gender=None,
            essential_language=None,
            interests=list(self.client.interests)[:2],
            outward=self.client.spot.outward,
            radius_metres=None,
            chosen_organisation_id=None,
            excluded_organisation_ids=[],
            known_organisation_ids=[],
            most_providers=1,
            split_agreed=False,
            starts_on=self.starts_on,
            latest_start_on=self.starts_on + timedelta(days=14),
            ceiling_weekly_pence=self.ceiling,
            agreed_ceiling_pence=self.ceiling,
            plan_version_id=None,
            opened_at=self.opened_at if is_asked else None,
            answer_by=self.answer_by if is_asked else None,
            round=1 if is_asked else 0,
            award_weight_set_id=None,
            checked_text=False,
            created_by_user_id=self.broker,
            created_at=self.made_at,
            closed_reason="The family is back and helps" if end is RequirementStatus.WITHDRAWN else "",
            version=1,
        )
        visit_ids = [
            book.add(
                RequirementVisit,
                self.made_at,
                council_id=self.council.id,
                requirement_id=requirement_id,
                weekday=visit.weekday,
                starts_local=visit.starts_local,
                minutes=visit.minutes,
                workers=visit.workers,
            )
            for visit in tale.visits
        ]
        self._steps(requirement_id, end)
        if is_asked:
            self._invite(requirement_id, end)
        if end is RequirementStatus.NO_OFFERS:
            self._unmet(requirement_id)
        if tale.answers and end in (RequirementStatus.OPEN, RequirementStatus.CLOSED, RequirementStatus.AWARDED):
            self._offers(requirement_id, visit_ids, end)

    def _steps(self, requirement_id: UUID, end: RequirementStatus) -> None:
        moves: list[Move] = [(RequirementStatus.DRAFT, self.made_at, self.broker, "")]
        closed_at = min(self.answer_by, self.world.now)
        if end is not RequirementStatus.DRAFT:
            moves.append((RequirementStatus.OPEN, self.opened_at, self.broker, ""))
        if end in (RequirementStatus.CLOSED, RequirementStatus.AWARDED):
            moves.append((RequirementStatus.CLOSED, closed_at, None, "The time for offers has ended"))
        if end is RequirementStatus.NO_OFFERS:
            moves.append((end, closed_at, None, "The time for offers has ended"))
        if end is RequirementStatus.AWARDED:
            moves.append((end, self._awarded_at, self.broker, ""))
        if end is RequirementStatus.WITHDRAWN:
            moves.append((end, self._awarded_at, self.broker, "The family is back and helps"))
        self.world.book.steps("requirement", self.council.id, requirement_id, moves)

    @property
    def _awarded_at(self) -> datetime:
        return min(self.answer_by + timedelta(days=1), self.world.now)

    def _invite(self, requirement_id: UUID, end: RequirementStatus) -> None:
        for rank, shop in enumerate(self.providers, start=1):
            declined = end is RequirementStatus.NO_OFFERS and rank == 1
            self.world.book.add(
                RequirementInvitation,
                self.opened_at,
                council_id=self.council.id,
                requirement_id=requirement_id,
                organisation_id=shop.id,
                round=1,
                invited_at=self.opened_at,
                rank=rank,
                seen_at=self.opened_at if rank == 1 else None,
                reminded_at=None,
                declined_at=self.opened_at if declined else None,
                decline_reason="We have no free hours at these times" if declined else "",
            )

    def _unmet(self, requirement_id: UUID) -> None:
        taken = quarters(self.tale.visits)
        at = min(self.answer_by, self.world.now)
        self.world.book.add(
            UnmetRequirement,
            at,
            council_id=self.council.id,
            requirement_id=requirement_id,
            round=1,
            service_line=self.service,
            outward=self.client.spot.outward,
            lad_code=self.client.spot.lad_code,
            bands=[f"{number // 5}-{number % 5}" for number in sorted(taken)],
            quarters=sum(taken.values()),
            reason=self.tale.unmet,
            logged_at=at,
        )

    def _offers(self, requirement_id: UUID, visit_ids: Sequence[UUID], end: RequirementStatus) -> None:
        """Keep an offer of each provider; with an award the first has won."""
        sent_at = min(self.opened_at + timedelta(minutes=90), self.world.now)
        is_awarded = end is RequirementStatus.AWARDED
        for number, shop in enumerate(self.providers[:3]):
            rate = self.cost.least_rate_pence + 60 + 85 * number
            price = weekly_price(rate, self.tale.visits)
            scores: dict[str, object] = {}
            total = None
            if is_awarded:
                facts = OfferFacts(
                    weekly_pence=price,
                    ceiling_pence=self.ceiling,
                    legal_pence=self.cost.total_pence,
                    accepted_below_cost=False,
                    quality=Quality(),
                    is_known=False,
                    starts_on=self.starts_on,
                    wanted_on=self.starts_on,
                    latest_on=self.starts_on + timedelta(days=14),
                    mark=4 - number,
                    mark_reason="Says who comes and what changes",
                )
                score = score_offer(facts, DEFAULT_OFFER_WEIGHTS)
                scores = {"mark": facts.mark, "reason": facts.mark_reason, "by": str(self.broker)}
                scores["score"], total = score.as_json(), score.total
            status = RequirementOfferStatus.SUBMITTED
            if is_awarded:
                status = RequirementOfferStatus.LOST if number else RequirementOfferStatus.WON
            offer_id = self.world.book.add(
                RequirementOffer,
                sent_at,
                council_id=self.council.id,
                requirement_id=requirement_id,
                organisation_id=shop.id,
                status=status,
                rate_pence=rate,
                weekly_pence=price,
                starts_on=self.starts_on,
                valid_until=self.starts_on + timedelta(days=30),
                outcomes_answer=_ANSWERS[number],
                workers_answer="Workers with at least two years of experience.",
                worker_interests=list(self.client.interests)[:1],
                worker_skills=["personal_care", "medicines"][: 2 - number % 2],
                legal_cost=self.cost.as_json(),
                is_below_cost=price < self.cost.total_pence,
                below_cost_reason="",
                scores=scores,
                total=total,
                made_by_user_id=shop.user_id,
                made_at=sent_at,
                submitted_at=sent_at,
                version=1,
            )
            moves: list[Move] = [(RequirementOfferStatus.SUBMITTED, sent_at, shop.user_id, "")]
            if is_awarded:
                moves.append((RequirementOfferStatus.SHORTLISTED, self._awarded_at, self.broker, ""))
                moves.append((status, self._awarded_at, self.broker, "Another offer was chosen" if number else ""))
            self.world.book.steps("requirement_offer", self.council.id, offer_id, moves)
            if is_awarded and not number:
                self._award(requirement_id, offer_id, shop, rate, price, visit_ids)

    def _award(
        self, requirement_id: UUID, offer_id: UUID, shop: Shop, rate: int, price: int, visit_ids: Sequence[UUID]
    ) -> None:
        heard_at = min(self.answer_by + timedelta(hours=2), self._awarded_at)
        preference_id = self.world.book.add(
            Preference,
            heard_at,
            council_id=self.council.id,
            person_id=self.client.id,
            referral_id=None,
            requirement_id=requirement_id,
            how=HeardHow.IN_PERSON,
            said="I would like the same few people, and that they tell me when they are late.",
            worker_id=None,
            organisation_id=None,
            heard_at=heard_at,
            heard_by_user_id=self.broker,
        )
        award_id = self.world.book.add(
            RequirementAward,
            self._awarded_at,
            council_id=self.council.id,
            requirement_id=requirement_id,
            offer_id=offer_id,
            organisation_id=shop.id,
            preference_id=preference_id,
            visit_ids=sorted(str(item) for item in visit_ids),
            rate_pence=rate,
            weekly_pence=price,
            starts_on=self.starts_on,
            rank=1,
            override_reason="",
            awarded_by_user_id=self.broker,
            awarded_at=self._awarded_at,
            taken_back_why="",
        )
        self.world.book.audit(
            self.council.id,
            self._awarded_at,
            "matching.award_requirement",
            "requirement",
            requirement_id,
            (self.broker, Role.BROKER.value),
            after={"status": "awarded", "award_id": str(award_id), "minutes": worker_minutes(self.tale.visits)},
        )
