"""Shares parts of plans with those who support people: one that runs and was read, one that the person ended."""

from datetime import timedelta

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.people.models import RecordView
from marketplace.plans.models import Plan, PlanShare, PlanVersion
from marketplace.plans.states import PlanStatus
from marketplace.reporting.demo.world import Client, Council, Shop, World

SHARED = ["communication", "about_me", "good_days", "outcomes", "risks"]
FEW = ["communication", "about_me"]


def make_plan_shares(world: World, council: Council) -> None:
    """Share the plans of the first two people that have one in place with the organisations of the demo's sign-ins."""
    signed = {row["plan_id"] for row in world.book.of(PlanVersion) if row["status"] is PlanStatus.SIGNED_OFF}
    planned = {row["person_id"] for row in world.book.of(Plan) if row["id"] in signed}
    people = sorted((client for client in council.clients if client.id in planned), key=lambda one: not one.is_star)
    roles = {
        (row["organisation_id"], row["user_id"]): row["role"]
        for row in world.book.of(Membership)
        if row["council_id"] == council.id and row["role"] in (Role.PROVIDER, Role.PA)
    }
    shops = [shop for shop in council.shops if (shop.id, shop.user_id) in roles and shop.live_until > world.today]
    if not people or not shops:
        return
    # Those behind `pa@` and `provider@` first, so that their sign-ins have something to read.
    shops.sort(key=lambda shop: shop.body.key not in (council.text.assistant, council.text.provider))
    first = people[0]
    _share(world, council, first, shops[0], SHARED, 20, reads=roles[shops[0].id, shops[0].user_id])
    if len(shops) > 1:
        _share(world, council, first, shops[1], FEW, 50, ended_days=15)
    for client in people[1:3]:
        _share(world, council, client, shops[0], FEW, 9)


def _share(
    world: World,
    council: Council,
    client: Client,
    shop: Shop,
    sections: list[str],
    days: int,
    *,
    reads: Role | None = None,
    ended_days: int | None = None,
) -> None:
    """Share for twelve weeks from some days ago; `reads`: in which role somebody of the organisation looked since."""
    given_at = world.now - timedelta(days=days)
    starts_on = local(given_at).date()
    ended_at = None if ended_days is None else world.now - timedelta(days=ended_days)
    world.book.add(
        PlanShare,
        given_at,
        council_id=council.id,
        person_id=client.id,
        organisation_id=shop.id,
        sections=sections,
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=84),
        given_by_user_id=client.user_id,
        given_at=given_at,
        ended_at=ended_at,
        ended_by_user_id=None if ended_at is None else client.user_id,
        end_reason="",
        version=1 if ended_at is None else 2,
    )
    if reads is not None:
        seen_at = given_at + timedelta(days=2)
        world.book.add(
            RecordView,
            seen_at,
            council_id=council.id,
            person_id=client.id,
            user_id=shop.user_id,
            role=reads,
            organisation_id=shop.id,
            what="shared_plan",
            viewed_on=local(seen_at).date(),
            times=2,
            last_at=seen_at,
        )
