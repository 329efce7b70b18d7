"""Steps of the journeys of direct payments for and with others: who acts, a signed plan, filling the set-up, funds."""

from datetime import date

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.accounts.models import Council, Membership, Representation, User
from marketplace.accounts.permissions import RepresentativeKind
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.people import PeopleRepository
from marketplace.plans.direct_payments import WITH_CAPACITY, WITHOUT_CAPACITY
from marketplace.plans.repository.setups import SetupRepository
from marketplace.providers.models import Organisation
from tests.factories import make_member
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.own_plan_steps import principal_of
from tests.journeys.walker import Walker

WHY = "We talked about it with her and her nephew."


async def let_in(db: AsyncSession, council: str, email: str) -> None:
    """Give somebody the password of the demo."""
    await db.execute(
        text(
            "UPDATE users SET password_hash = other.password_hash, password_set_at = other.password_set_at"
            " FROM users AS other WHERE other.email = :like AND users.email = :email"
        ),
        {"like": f"person@{council}", "email": email},
    )


def acts_for(site: Site, council: str, person: str, name: str) -> str:
    """Let somebody act for a person as a nominee, money included. Returns their address."""
    email = f"{name.split()[0].lower()}@{person.replace('@', '.')}"

    async def write(db: AsyncSession) -> str:
        who = await principal_of(db, person)
        found = await PeopleRepository(db).find(who.council_id, who.need_person())
        row = await db.get_one(Council, who.council_id)
        given = {"person_id": found.id, "acting_for_name": found.name}
        member = await make_member(db, Role.REPRESENTATIVE, row, name=name, email=email, **given)
        member.membership.starts_on = date(2020, 1, 1)
        represents = (await db.scalars(select(Representation).where(Representation.email == email))).one()
        represents.starts_on = date(2020, 1, 1)
        await let_in(db, council, email)
        return email

    return site.arrange(write)


def has_papers(site: Site, email: str) -> None:
    """Let somebody who acts for a person be their deputy: the court's order was looked at."""

    async def write(db: AsyncSession) -> None:
        row = (await db.scalars(select(Representation).where(Representation.email == email))).one()
        row.kind = RepresentativeKind.DEPUTY

    site.arrange(write)


def fund_manager(site: Site, council: str) -> tuple[str, str, str]:
    """Return an organisation that may hold funds: its id, its name, and who signs in for it."""

    async def read(db: AsyncSession) -> tuple[str, str, str]:
        who = await principal_of(db, f"worker@{council}")
        found: list[Organisation] = list(await SetupRepository(db).fund_managers(who.council_id, today(clock_of(db))))
        question = (
            select(Membership.organisation_id, User.email)
            .join(User, User.id == Membership.user_id)
            .where(Membership.role == Role.PROVIDER, Membership.council_id == who.council_id)
        )
        emails = {row[0]: row[1] for row in (await db.execute(question)).all()}
        best = next((one for one in found if one.id in emails), found[0])
        await let_in(db, council, emails[best.id])
        return str(best.id), best.name, emails[best.id]

    return site.arrange(read)


def begin(walker: Walker, person: str) -> str:
    """Begin a set-up on somebody's page. Returns its path."""
    walker.open(person)
    send(walker, "Set up a direct payment")
    return path_of(walker)


def meet_conditions(walker: Walker, *, has_capacity: bool = True) -> None:
    """Tick each condition and say how one knows."""
    for one in WITH_CAPACITY if has_capacity else WITHOUT_CAPACITY:
        walker.choose(f"met_{one.key}", "yes")
        walker.fill(**{f"why_{one.key}": WHY})


def refused(walker: Walker, button: str, *fields: str) -> None:
    """Press a button of a wrong form: each message leads to something on the page, and these fields are named."""
    walker.press(button)
    walker.look()
    links = walker.page.locator(".govuk-error-summary a")
    named = {str(link.get_attribute("href")).lstrip("#") for link in links.all()}
    assert set(fields) <= named, f"{fields} are not all in {named}"
    for one in named:
        assert walker.page.locator(f"[id='{one}'], [id='{one}-day']").count(), f"{one} leads nowhere"
