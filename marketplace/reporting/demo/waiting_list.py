"""Makes the waiting list: more people than next week has places for, and what the product proposes for them.

The rows of the list are written with the others. What follows from it is done afterwards by the product's own services:
a run over the waiting list, a broker's decisions about some of its lines, a planner who says no, one who is away.
"""

from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import week_start
from marketplace.matching.forms_runs import RunForm
from marketplace.matching.models import (
    AssignmentRun,
    Complexity,
    Offer,
    Proposal,
    Referral,
    ReferralSource,
    RematchCause,
    Urgency,
)
from marketplace.matching.repository.alerts import HeldOfferRepository
from marketplace.matching.run_engine import read_answer, work_out
from marketplace.matching.service.alerts import AlertService
from marketplace.matching.service.offers import OfferService
from marketplace.matching.service.proposals import ProposalService
from marketplace.matching.service.run_inputs import gather
from marketplace.matching.service.run_job import RunJob
from marketplace.matching.service.runs import RunService
from marketplace.matching.states import ProposalStatus, ReferralStatus
from marketplace.providers.models import ServiceLine, WorkerAbsence
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.people import INTERIM, WANTS
from marketplace.reporting.demo.people import make_person
from marketplace.reporting.demo.world import Council, World, working_day

PEOPLE: Final = {"lancashire": 60, "doncaster": 25, "derby": 25}
"""How many wait, by the council's slug."""
_URGENCIES: Final = (Urgency.CRISIS, Urgency.URGENT, Urgency.STANDARD)
_SHARES: Final = (7, 23, 70)
_WOMAN_ONLY_EVERY: Final = 11
_LANGUAGE_EVERY: Final = 13
"""Every so many people ask for a woman, or need their own language."""
NEXT_WEEK: Final = RunForm(districts=[], urgencies=[], weeks=1, share_cap_percent=None, fairness="none")
_ON_LEAVE_EVERY: Final = 3
_CONFIRMED, _REJECTED = 6, 2
_NO: Final = ("She asked on the phone for somebody from her own town.", "His sister works for this organisation.")
_DECLINED: Final = "I have no time that week"


def make_waiting_list(world: World, council: Council) -> None:
    """Keep people who wait for a planner, spread over the council's districts."""
    # Rows of a table are written in one go, so each has the same columns.
    for row in world.book.of(Referral):
        row.setdefault("planned_at", None)
    first = council.text.volume.people + 1
    serial = max(
        int(str(row["reference"])[-5:])
        for row in world.book.of(Referral)
        if row["council_id"] == council.id and str(row["reference"]).startswith(f"R-{world.today.year}-")
    )
    _leave(world, council)
    for number in range(PEOPLE[council.text.slug]):
        _referral(world, council, first + number, serial + 1 + number, number)


def _leave(world: World, council: Council) -> None:
    """Let some planners be on leave next week: that makes places short, and some of what they hold late news."""
    monday = week_start(world.today) + timedelta(days=7)
    planners = [
        helper
        for shop in council.shops
        if ServiceLine.SUPPORT_PLANNING in shop.body.services
        for helper in shop.helpers
        if helper.hand.name != council.text.lead_planner[1]
    ]
    for helper in planners[1::_ON_LEAVE_EVERY]:
        if not any(helper.is_away(monday + timedelta(days=day)) for day in range(7)):
            world.book.add(
                WorkerAbsence,
                world.now,
                worker_id=helper.id,
                starts_on=monday,
                ends_on=monday + timedelta(days=7),
                reason="Annual leave",
            )


def _referral(world: World, council: Council, person_number: int, serial: int, number: int) -> None:
    rng = world.rng
    client = make_person(world, council, person_number, None)
    urgency = rng.choices(_URGENCIES, _SHARES)[0]
    days_ago = rng.randint(1, {Urgency.CRISIS: 2, Urgency.URGENT: 9}.get(urgency, 24))
    received_on = working_day(world.today - timedelta(days=days_ago))
    received_at = world.at(min(received_on, world.today), rng.randint(8, 9), rng.randint(0, 59))
    plan_days: dict[str, int] = council.text.settings["matching.plan_days"][0]
    own_language = client.languages[-1] if len(client.languages) > 1 else None
    recorder = rng.choice(council.recorders)
    referral_id = world.book.id(received_at)
    world.book.put(
        Referral,
        id=referral_id,
        council_id=council.id,
        reference=f"R-{world.today.year}-{serial:05}",
        person_id=client.id,
        status=ReferralStatus.RECEIVED,
        source=rng.choices(list(ReferralSource), (62, 10, 20, 8))[0],
        urgency=urgency,
        complexity=Complexity.STANDARD,
        complexity_reason="",
        needs=list(client.needs),
        wants=rng.choice(WANTS),
        interim_plan=rng.choice(INTERIM),
        communication_needs=list(client.communication_needs),
        required_gender="female" if number % _WOMAN_ONLY_EVERY == _WOMAN_ONLY_EVERY - 1 else None,
        essential_language=own_language if number % _LANGUAGE_EVERY == 0 else None,
        indicative_weekly_pence=client.weekly_pence or 12_000,
        person_informed=True,
        chosen_worker_id=None,
        excluded_organisation_ids=[],
        previous_worker_id=None,
        received_at=received_at,
        due_on=received_on + timedelta(days=plan_days[urgency.value]),
        recorded_by_user_id=recorder,
        closed_reason="",
        version=1,
        planned_at=None,
    )
    moves: list[Move] = [(ReferralStatus.RECEIVED, received_at, recorder, "")]
    world.book.steps("referral", council.id, referral_id, moves)
    world.book.audit(
        council.id,
        received_at,
        "matching.record_referral",
        "referral",
        referral_id,
        (recorder, Role.SOCIAL_WORKER.value),
        after={"status": ReferralStatus.RECEIVED.value, "urgency": urgency.value},
    )


async def act_on_waiting_list(db: AsyncSession, councils: list[Council]) -> None:
    """Let the product work on what is stored: in the first council a run with decisions, everywhere late news."""
    await _note_planned(db)
    await _propose(db, councils[0])
    for council in councils:
        await _hear_late_news(db, council)
    await db.flush()
    # Messages about made-up events go nowhere: they are history, as all the others are.
    await db.execute(text("UPDATE outbox_messages SET relayed_at = created_at WHERE relayed_at IS NULL"))


async def _note_planned(db: AsyncSession) -> None:
    await db.execute(
        text(
            "UPDATE referrals r SET planned_at = p.at FROM ("
            "SELECT plans.referral_id, min(v.signed_off_at) AS at FROM plans "
            "JOIN plan_versions v ON v.plan_id = plans.id "
            "WHERE v.signed_off_at IS NOT NULL GROUP BY plans.referral_id) p WHERE p.referral_id = r.id"
        )
    )


async def _propose(db: AsyncSession, council: Council) -> None:
    """Ask for a proposal for next week, work it out, and decide about some of it."""
    broker = await _principal(db, council, council.staff["broker"], Role.BROKER)
    run = await RunService(db).ask(broker, NEXT_WEEK)
    job = RunJob(db)
    begun = await job.begin(council.id, run.id)
    if begun is None:
        raise AssertionError("nobody else works on it")
    gathered = await gather(db, run)
    await job.keep_inputs(council.id, run.id, begun.tries, gathered)
    answer = read_answer(work_out(gathered.inputs, lambda _: None))
    await job.store(council.id, run.id, begun.tries, answer, gathered)
    await _decide(db, broker, run)


async def _decide(db: AsyncSession, broker: Principal, run: AssignmentRun) -> None:
    rows = (
        await db.scalars(
            select(Proposal)
            .join(Referral, Referral.id == Proposal.referral_id)
            # What came in this very moment is not decided in the same one: steps stand in the order of time.
            .where(Proposal.run_id == run.id, Proposal.worker_id.is_not(None), Referral.received_at < run.asked_at)
            .order_by(Proposal.id)
            .limit(_CONFIRMED + _REJECTED)
        )
    ).all()
    proposals = ProposalService(db)
    for proposal in rows[:_CONFIRMED]:
        await proposals.accept(broker, run.id, proposal.id)
    for proposal, why in zip(rows[_CONFIRMED:], _NO, strict=False):
        await proposals.reject(broker, run.id, proposal.id, why)
    declined = next((row for row in rows if row.status is ProposalStatus.ACCEPTED and row.worker_id), None)
    if declined is not None and declined.offer_id is not None:
        await _decline(db, declined.council_id, declined.offer_id)


async def _decline(db: AsyncSession, council_id: UUID, offer_id: UUID) -> None:
    offer = await db.get_one(Offer, offer_id)
    row = (
        await db.execute(
            select(Membership, User)
            .join(User, User.id == Membership.user_id)
            .where(Membership.worker_id == offer.worker_id, Membership.council_id == council_id)
        )
    ).first()
    if row is None:
        return
    planner = Principal(
        user_id=row[1].id,
        name=row[1].name,
        role=Role.PLANNER,
        council_id=council_id,
        council_name="",
        council_slug="",
        councils=(council_id,),
        organisation_id=offer.organisation_id,
        worker_id=offer.worker_id,
    )
    await OfferService(db).decline(planner, offer.id, _DECLINED)
    await db.flush()
    await AlertService(db).note_ended(
        council_id, offer.id, RematchCause.DECLINED, f"{row[1].name} said no: {_DECLINED}."
    )


async def _hear_late_news(db: AsyncSession, council: Council) -> None:
    """Look at what planners hold, as happens every night."""
    await AlertService(db).look(council.id, await HeldOfferRepository(db).held(council.id))


async def _principal(db: AsyncSession, council: Council, user_id: UUID, role: Role) -> Principal:
    user = await db.get_one(User, user_id)
    return Principal(
        user_id=user.id,
        name=user.name,
        role=role,
        council_id=council.id,
        council_name=council.text.name,
        council_slug=council.text.slug,
        councils=(council.id,),
    )
