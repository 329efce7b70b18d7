"""The page of the ranking that a requirement was opened with, worked out again."""

from datetime import datetime
from uuid import UUID

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.routes.care.pages import base_context, find, page
from marketplace.matching.service.care.ranking import organisations_in, repeat_ranking
from marketplace.providers.repository.care import CareFacts


class RankingController(Controller):
    """Stored rankings of providers."""

    @get("/requirements/{requirement_id:str}/ranking", permission=Permission.REQUIREMENTS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show the ranking of the last round, ranked once more from its stored inputs."""
        requirement = await find(db, principal, requirement_id)
        stored = await RequirementRepository(db).ranking(principal.council_id, requirement.id)
        if stored is None:
            raise NotFound
        names = await CareFacts(db).names(organisations_in(stored))
        by = UUID(stored["by"])
        users = await AccountRepository(db).names({by})
        context = {
            **await base_context(db, principal, requirement),
            "stored": stored,
            "made_at": datetime.fromisoformat(stored["made_at"]),
            "made_by": users.get(by, "Somebody who has left"),
            "repeat": repeat_ranking(stored, names),
        }
        return page("ranking", context)
