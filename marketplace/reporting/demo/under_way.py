"""What is under way when the demo opens: people who move council, set-ups of direct payments, limits of sign-off.

None of it is about those behind the sign-ins: their stories are for whoever tries the demo.
"""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.core.formats import pounds
from marketplace.people.models import FundingRoute, Holding, Person
from marketplace.plans.direct_payments import TERMS_VERSION, conditions_for
from marketplace.plans.limits import LAST_ROLE, SIGNING_ROLES
from marketplace.plans.models import (
    ApprovalLimit,
    CouncilMove,
    DirectPaymentSetup,
    Frequency,
    IncomingCase,
    ManagedBy,
    Plan,
    PlanItem,
    PlanVersion,
)
from marketplace.plans.states import PlanStatus, SetupStatus
from marketplace.reporting.demo.own_plans import quiet
from marketplace.reporting.demo.world import Client, Council, World

LIMIT_PENCE: Final = 150_000
"""£1,500 a week: nearly every plan is signed off where it is made (D19)."""
OVER_PENCE: Final = 5_000
IN_DAYS: Final = 24
"""Until the move that both councils know of."""


def make_under_way(world: World, councils: list[Council]) -> None:
    """Write limits and set-ups of every council, and who moves between them or away."""
    for council in councils:
        _limits(world, council)
        _setups(world, council)
    by_slug = {council.text.slug: council for council in councils}
    lancashire, doncaster, derby = (by_slug[slug] for slug in ("lancashire", "doncaster", "derby"))
    _pass_on(world, doncaster, lancashire)
    _asked(world, lancashire, derby, IN_DAYS * 2)
    _asked(world, derby, None, IN_DAYS)


def _limits(world: World, council: Council) -> None:
    at = world.founded_at
    for role in SIGNING_ROLES:
        if role is not LAST_ROLE:
            world.book.add(
                ApprovalLimit,
                at,
                council_id=council.id,
                role=Role(role),
                weekly_pence=LIMIT_PENCE,
                over_budget_pence=OVER_PENCE,
                starts_on=at.date(),
                set_by_user_id=council.staff["manager"],
                set_at=at,
            )


def _managed(council: Council) -> list[Client]:
    """People whose support the council arranges, from the last to the first: the first have other stories."""
    found = [one for one in quiet(council) if one.route is FundingRoute.COUNCIL_MANAGED and one.weekly_pence]
    return found[::-1]


def _setups(world: World, council: Council) -> None:
    """Prepare a direct payment for somebody, and lay one before somebody else."""
    for days_ago, (client, is_offered) in zip(
        (3, 6), zip(_managed(council), (False, True), strict=False), strict=False
    ):
        at = world.at(world.today - timedelta(days=days_ago), 10)
        worker = council.recorders[0]
        keys = [one.key for one in conditions_for(has_capacity=True)]
        met = keys if is_offered else keys[:2]
        setup_id = world.book.add(
            DirectPaymentSetup,
            at,
            council_id=council.id,
            person_id=client.id,
            plan_id=None,
            status=SetupStatus.OFFERED if is_offered else SetupStatus.DRAFT,
            has_capacity=True,
            managed_by=ManagedBy.SELF,
            representation_id=None,
            manager_accepted_at=None,
            conditions={key: {"met": True, "why": "We talked about it at the kitchen table."} for key in met},
            holding=Holding.OWN_ACCOUNT if is_offered else Holding.COUNCIL_HELD,
            frequency=Frequency.FOUR_WEEKLY,
            amount_pence=4 * (client.weekly_pence - client.own_weekly_pence) if is_offered else 0,
            weekly_pence=client.weekly_pence,
            once_pence=0,
            organisation_id=None,
            needs="Help to wash and dress, and to get out." if is_offered else "",
            starts_on=world.today + timedelta(days=21) if is_offered else None,
            terms_version=TERMS_VERSION if is_offered else "",
            decided_by_user_id=worker if is_offered else None,
            decided_at=at + timedelta(hours=1) if is_offered else None,
            agreed_by_user_id=None,
            agreed_at=None,
            reason="",
            created_at=at,
            version=2 if is_offered else 1,
        )
        moves: list[tuple[str, Any, UUID | None, str]] = [(SetupStatus.DRAFT.value, at, worker, "")]
        if is_offered:
            moves.append((SetupStatus.OFFERED.value, at + timedelta(hours=1), worker, ""))
        world.book.steps("direct_payment_setup", council.id, setup_id, moves)


def _move(world: World, council: Council, client: Client, to: Council | None, in_days: int, **answer: Any) -> UUID:
    at = world.at(world.today - timedelta(days=5), 11)
    values: dict[str, Any] = {
        "consent": "asked",
        "consent_words": "",
        "shared": [],
        "support": "",
        "answered_by_user_id": None,
        "answered_at": None,
        "version": 1,
    }
    row_id = world.book.add(
        CouncilMove,
        at,
        council_id=council.id,
        person_id=client.id,
        moves_on=world.today + timedelta(days=in_days),
        to_council_id=to.id if to is not None else None,
        to_name="" if to is not None else "Rutland County Council",
        recorded_by_user_id=council.recorders[0],
        recorded_at=at,
        cancelled_at=None,
        day_told_at=None,
        **{**values, **answer},
    )
    world.book.audit(
        council.id, at, "plans.record_move", "council_move", row_id, (council.recorders[0], "social_worker")
    )
    return row_id


def _asked(world: World, council: Council, to: Council | None, in_days: int) -> None:
    """Somebody who has not answered yet what may be passed on."""
    _move(world, council, _managed(council)[2], to, in_days)


def _pass_on(world: World, council: Council, new: Council) -> None:
    """Somebody with a plan who said yes: the new council reads the copy."""
    people = {client.id: client for client in _managed(council)[3:]}
    plans = {row["id"]: row["person_id"] for row in world.book.of(Plan) if row["person_id"] in people}
    signed = [
        row for row in world.book.of(PlanVersion) if row["plan_id"] in plans and row["status"] == PlanStatus.SIGNED_OFF
    ]
    if not signed:
        return
    version = signed[-1]
    client = people[plans[version["plan_id"]]]
    person = next(row for row in world.book.of(Person) if row["id"] == client.id)
    at = world.at(world.today - timedelta(days=4), 15)
    answer = {
        "consent": "yes",
        "shared": ["profile", "plan"],
        "support": "goes_on",
        "answered_by_user_id": client.user_id,
        "answered_at": at,
        "version": 2,
    }
    move_id = _move(world, council, client, new, IN_DAYS, **answer)
    items = [row for row in world.book.of(PlanItem) if row["plan_version_id"] == version["id"]]
    names = ("given_name", "family_name", "phone", "email", "needs", "languages", "communication_needs")
    born_on = person.get("born_on")
    world.book.add(
        IncomingCase,
        at,
        council_id=new.id,
        move_id=move_id,
        from_name=council.text.name,
        moves_on=world.today + timedelta(days=IN_DAYS),
        extract={
            "shared": ["profile", "plan"],
            "person": {name: person[name] for name in names} | {"born_on": born_on.isoformat() if born_on else ""},
            "profile": [["What is important to me", person["important_to_me"]]],
            "plan": {
                "sections": [["About me", version["about_me"]]],
                "items": [
                    {"outcome": row["outcome"], "what": row["what"], "cost": pounds(row["weekly_pence"])}
                    for row in items
                ],
                "signed": True,
            },
        },
        received_at=at,
        withdrawn_at=None,
        person_id=None,
        contact_id=None,
        started_by_user_id=None,
        started_at=None,
        day_told_at=None,
        version=1,
    )
