"""Steps of early starts, direct payments that are set up, the sign-off, the panel and reviews, as people take them."""

import re
from collections.abc import Awaitable, Callable
from datetime import date

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import set_setting, setting
from marketplace.accounts.models import Council, Membership, User
from marketplace.people.models import Person
from marketplace.plans.states import PlanStatus
from marketplace.providers.models import Organisation, Worker
from tests.factories import Member, make_person_member
from tests.factories_plans import PlanWorld, make_plan, make_plan_referral
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

CONDITIONS = ("asked", "not_prohibited", "can_manage", "appropriate")
WHY = "We talked about it at her kitchen table."


def rule(site: Site, council: str, key: str, value: object) -> None:
    """Have a council's setting count from today on, as its administrators would have set it."""

    async def write(db: AsyncSession) -> None:
        slug = council.removesuffix(".example")
        council_id = (await db.scalars(select(Council.id).where(Council.slug == slug))).one()
        if await setting(db, council_id, key, site.today) != value:
            await set_setting(db, None, council_id, key, value, starts_on=site.today)

    site.arrange(write)


def newcomer(site: Site, council: str, family_name: str) -> tuple[str, str]:
    """Record somebody who can sign in and has nothing else yet. Returns their address and their name."""

    def write() -> Callable[[AsyncSession], Awaitable[tuple[str, str]]]:
        async def make(db: AsyncSession) -> tuple[str, str]:
            slug = council.removesuffix(".example")
            row = (await db.scalars(select(Council).where(Council.slug == slug))).one()
            email = f"{family_name.lower()}@journeys.example"
            person, member = await make_person_member(db, row, given_name="Edna", family_name=family_name)
            member.membership.starts_on = date(2020, 1, 1)
            values = {"email": email, "id": member.user.id, "like": f"person@{council}"}
            await db.execute(
                text(
                    "UPDATE users SET email = :email, password_hash = like_user.password_hash,"
                    " password_set_at = like_user.password_set_at"
                    " FROM users AS like_user WHERE like_user.email = :like AND users.id = :id"
                ),
                values,
            )
            return email, person.name

        return make

    return site.arrange(write())


def plan_to_sign(
    site: Site, council: str, email: str, status: PlanStatus = PlanStatus.AWAITING_SIGN_OFF
) -> tuple[str, str]:
    """Write a plan of £80 a week that its planner made with somebody, and that the person agreed to.

    Args:
        site: Where.
        council: Whose people write, check and sign.
        email: Whose plan.
        status: How far it is.

    Returns:
        The plan's path and the referral's reference.
    """

    async def make(db: AsyncSession) -> tuple[str, str]:
        async def member(address: str) -> Member:
            user = (await db.scalars(select(User).where(User.email == address))).one()
            held = (await db.scalars(select(Membership).where(Membership.user_id == user.id))).one()
            return Member(user, held, await db.get_one(Council, held.council_id))

        staff = {key: await member(f"{key}@{council}") for key in ("planner", "quality", "worker", "manager")}
        person_user, worker_id = await member(email), staff["planner"].membership.worker_id
        worker = await db.get_one(Worker, worker_id)
        world = PlanWorld(
            council=person_user.council,
            person=await db.get_one(Person, person_user.membership.person_id),
            organisation=await db.get_one(Organisation, worker.organisation_id),
            worker=worker,
            person_user=person_user,
            representative=person_user,
            planner=staff["planner"],
            checker=staff["quality"],
            social_worker=staff["worker"],
            manager=staff["manager"],
        )
        referral = await make_plan_referral(db, world, due_on=site.today)
        plan, _ = await make_plan(db, world, status, referral=referral)
        return f"/plans/{plan.id}", referral.reference

    return site.arrange(make)


def find_person(walker: Walker, name: str) -> str:
    """Open somebody's page as staff. Returns its path."""
    walker.open("/people")
    walker.fill(q=name.split()[-1])
    walker.press("Search")
    walker.follow(re.compile(name.split()[-1]))
    return path_of(walker)


def estimate(walker: Walker, person: str, weekly: str) -> None:
    """Set an estimate by hand; what is missing is named first."""
    walker.open(f"{person}/budgets")
    walker.press("Set the estimate")
    assert "There is a problem" in walker.text
    walker.choose("kind", "support")
    walker.choose("route", "direct_payment")
    walker.fill(weekly=weekly, reason="What the first talk came to.")
    send(walker, "Set the estimate")


def prepare_payment(walker: Walker, person: str, starts_on: date, *, frequency: str) -> str:
    """Begin a set-up and lay it before the person; the conditions are asked one by one. Returns its path."""
    walker.open(person)
    send(walker, "Set up a direct payment")
    path = path_of(walker)
    walker.press("Offer it to the person")
    assert "There is a problem" in walker.text
    walker.look()
    walker.choose("capacity", "yes")
    walker.choose("managed_by", "self")
    walker.choose("frequency", frequency)
    walker.choose("holding", "council_held")
    walker.fill(weekly="5000", needs="Washing, dressing, and getting out to the club.")
    walker.date("starts_on", starts_on)
    for key in CONDITIONS[:-1]:
        walker.choose(f"met_{key}", "yes")
        walker.fill(**{f"why_{key}": WHY})
    walker.press("Offer it to the person")
    # More than the budget is refused first, then the condition that nobody has looked at.
    assert "Enter that or less" in walker.text
    assert walker.page.locator("[name=why_asked]").input_value() == WHY
    walker.fill(weekly="60")
    walker.press("Offer it to the person")
    assert f"Condition {len(CONDITIONS)} has to be met" in walker.text
    walker.choose(f"met_{CONDITIONS[-1]}", "yes")
    walker.fill(**{f"why_{CONDITIONS[-1]}": WHY})
    send(walker, "Offer it to the person")
    assert "With the person" in walker.text
    return path


def accept_payment(walker: Walker) -> None:
    """Say yes to a direct payment as the person, who has to read the terms."""
    walker.open("/money/set-up")
    walker.press("Send my answer")
    assert "There is a problem" in walker.text
    walker.choose("answer", "yes")
    walker.press("Send my answer")
    assert "There is a problem" in walker.text
    walker.choose("answer", "yes")
    walker.choose("has_read", "yes")
    send(walker, "Send my answer")
    assert "You said yes" in walker.text


def say(walker: Walker, kind: str, words: str, by_name: str = "") -> None:
    """Add a line to one of the lists of a review."""
    if walker.page.locator("select[name=kind]").count():
        walker.page.locator("select[name=kind]").select_option(kind)
    else:
        walker.choose("kind", kind)
    walker.fill(words=words, by_name=by_name)
    send(
        walker,
        "Add this line" if walker.page.get_by_role("button", name="Add this line").count() else "Add to the list",
    )
    assert words in walker.text
