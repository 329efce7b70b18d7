"""Pages of the case timeline, for the person and for council staff."""

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.reporting.service.timeline import TimelineService


@get("/my-timeline", permission=Permission.PLAN_OWN)
async def my_timeline(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show the person what has happened, what is next and who does it."""
    context = {"timeline": await TimelineService(db).own(principal), "is_own": True}
    return Template("reporting/timeline.html", context=context)


@get("/people/{person_id:str}/timeline", permission=Permission.PEOPLE_READ)
async def timeline_of_person(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], person_id: FromPath[str]
) -> Template:
    """Show staff somebody's case."""
    wanted = parse_id(person_id)
    if wanted is None:
        raise NotFound
    context = {"timeline": await TimelineService(db).of_person(principal, wanted), "is_own": False}
    return Template("reporting/timeline.html", context=context)
