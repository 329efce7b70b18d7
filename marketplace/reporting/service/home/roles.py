"""Which dashboard each role sees."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.reporting.schemas import Home
from marketplace.reporting.service.home.council import (
    accreditor_home,
    admin_home,
    broker_home,
    manager_home,
    quality_home,
    social_worker_home,
)
from marketplace.reporting.service.home.desk import Desk
from marketplace.reporting.service.home.finance import finance_checker_home, finance_home
from marketplace.reporting.service.home.person import person_home
from marketplace.reporting.service.home.providers import care_worker_home, planner_home, provider_home

_HOMES: dict[Role, Callable[[Desk, Principal], Awaitable[Home]]] = {
    Role.PERSON: person_home,
    Role.REPRESENTATIVE: person_home,
    Role.PLANNER: planner_home,
    Role.PROVIDER: provider_home,
    Role.PA: provider_home,
    Role.CARE_WORKER: care_worker_home,
    Role.SOCIAL_WORKER: social_worker_home,
    Role.BROKER: broker_home,
    Role.QUALITY_CHECKER: quality_home,
    Role.ACCREDITOR: accreditor_home,
    Role.FINANCE: finance_home,
    Role.FINANCE_CHECKER: finance_checker_home,
    Role.MANAGER: manager_home,
    Role.ADMIN: admin_home,
}


class HomeService:
    """The dashboard of whoever is signed in."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def of(self, principal: Principal) -> Home:
        """Return the dashboard of a role."""
        principal.require(Permission.DASHBOARD)
        return await _HOMES[principal.role](Desk(self.db), principal)
