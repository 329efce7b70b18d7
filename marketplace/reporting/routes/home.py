"""The first page after signing in."""

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.reporting.service.home import HomeService


@get("/home", permission=Permission.DASHBOARD)
async def home(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show what needs the reader now."""
    return Template("reporting/home.html", context={"home": await HomeService(db).of(principal)})
