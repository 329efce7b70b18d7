"""Somebody who writes their own plan, with a direct payment that has started early (L10, D4)."""

from datetime import timedelta
from typing import Final

from marketplace.core.clock import local
from marketplace.matching.models import Complexity, Referral, ReferralSource, Urgency
from marketplace.matching.states import ReferralStatus
from marketplace.plans.models import (
    EarlyStart,
    Plan,
    PlannedBy,
    PlanSection,
    PlanVersion,
)
from marketplace.plans.states import PlanStatus
from marketplace.reporting.demo.world import Client, Council, World

SECTIONS: Final = (
    ("people", "My brother, two neighbours, and the men from the depot.", "profile"),
    ("week", "Monday is washing day. On Thursday my brother comes. The weekend is long.", ""),
)


def quiet(council: Council) -> list[Client]:
    """People who are behind no sign-in."""
    stars = {client.id for client in council.stars.values()}
    return [client for client in council.clients if client.id not in stars]


def make_own_plan(world: World, council: Council) -> None:
    """Let somebody write their own plan, with a direct payment that has started early (L10, D4)."""
    referrals = [row for row in world.book.of(Referral) if row["council_id"] == council.id]
    referred = {row["person_id"] for row in referrals}
    client = next((one for one in quiet(council) if one.id not in referred), None)
    if client is None:
        return
    at = world.now - timedelta(days=9)
    day = local(at).date()
    number = sum(row["received_at"].year == at.year for row in referrals) + 1
    referral_id = world.book.id(at)
    world.book.put(
        Referral,
        **{
            **referrals[0],
            "id": referral_id,
            "reference": f"R-{at.year}-{number + 500:05}",
            "person_id": client.id,
            "status": ReferralStatus.SELF_PLANNED,
            "source": ReferralSource.SELF,
            "urgency": Urgency.STANDARD,
            "complexity": Complexity.STANDARD,
            "complexity_reason": "",
            "needs": list(client.needs),
            "wants": "",
            "interim_plan": "",
            "communication_needs": list(client.communication_needs),
            "indicative_weekly_pence": client.weekly_pence,
            "person_informed": True,
            "chosen_worker_id": None,
            "received_at": at,
            "due_on": day + timedelta(days=35),
            "recorded_by_user_id": client.user_id,
            "closed_reason": "",
            "version": 2,
        },
    )
    steps = [(ReferralStatus.RECEIVED, at, client.user_id, ""), (ReferralStatus.SELF_PLANNED, at, client.user_id, "")]
    world.book.steps("referral", council.id, referral_id, [(str(to), when, by, why) for to, when, by, why in steps])
    plan_id = world.book.add(
        Plan,
        at,
        council_id=council.id,
        referral_id=referral_id,
        person_id=client.id,
        planned_by=PlannedBy.PERSON,
        organisation_id=None,
        worker_id=None,
        created_at=at,
    )
    version = {**world.book.of(PlanVersion)[0], "id": world.book.id(at), "council_id": council.id, "plan_id": plan_id}
    for name, value in version.items():
        if name.endswith(("_at", "_user_id")):
            version[name] = None
        elif isinstance(value, str) and name not in ("id", "status"):
            version[name] = ""
    version |= {
        "number": 1,
        "status": PlanStatus.DRAFT,
        "about_me": "I was a bus driver for thirty years. I like company and a good laugh.",
        "visit_minutes": 0,
        "checks": {},
        "updated_at": at,
        "version": 1,
    }
    world.book.put(PlanVersion, **version)
    world.book.steps("plan_version", council.id, version["id"], [(PlanStatus.DRAFT, at, client.user_id, "")])
    for key, words, source in SECTIONS:
        world.book.add(
            PlanSection,
            at,
            council_id=council.id,
            plan_version_id=version["id"],
            key=key,
            words=words,
            source=source,
            edited_by_user_id=client.user_id,
            edited_by_helper_id=None,
            author=client.name,
            edited_at=at,
            earlier=[],
            version=1,
        )
    world.book.add(
        EarlyStart,
        at,
        council_id=council.id,
        person_id=client.id,
        plan_id=plan_id,
        starts_on=day,
        sign_off_by=day + timedelta(days=42),
        reason="The assistant was found before the plan was ready, and may not wait.",
        agreed_by_user_id=council.recorders[0],
        agreed_at=at,
        extended_reason="",
        extended_by_user_id=None,
        told=[],
        ended_at=None,
        ended_how="",
        version=1,
    )
