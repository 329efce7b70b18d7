"""The person's page of who looked at their things."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import ROLE_LABELS, AccountRepository, Permission, Principal
from marketplace.core.ids import parse_id
from marketplace.people.repository_views import PAGE
from marketplace.people.views import ViewService
from marketplace.people.words import VIEWED


class ViewController(Controller):
    """Who looked."""

    @get("/profile/who-looked", permission=Permission.PROFILE_OWN)
    async def who_looked(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List who looked at what and when, the latest first."""
        rows = await ViewService(db).of_own(principal, parse_id(after or ""))
        shown = rows[:PAGE]
        accounts = AccountRepository(db)
        context = {
            "rows": shown,
            "names": await accounts.names({row.user_id for row in shown}),
            "organisations": await accounts.organisation_names(
                {row.organisation_id for row in shown if row.organisation_id}
            ),
            "roles": ROLE_LABELS,
            "viewed": VIEWED,
            "more": shown[-1].id if len(rows) > PAGE else None,
        }
        return Template("people/who_looked.html", context=context)


ROUTES = [ViewController]
