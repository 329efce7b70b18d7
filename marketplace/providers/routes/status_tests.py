"""Pages of the kept results of the employment status check."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.models import WorkerKind
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.regulated import STATUS_TEST
from marketplace.providers.service.status_tests import OUTCOMES, StatusTestService

PATH = "/provider/evidence/status-tests"


class StatusTestController(Controller):
    """The own organisation's results."""

    path = PATH

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the results and the form for another."""
        return await _page(db, principal, {}, {})

    @post("/", permission=Permission.ORGANISATION_OWN)
    async def keep(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep a result."""

        async def act() -> str:
            await StatusTestService(db).keep(principal, data)
            return PATH

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, data, error.fields)
        flash(request, "The result is kept")
        return answer

    @post("/{test_id:str}/remove", permission=Permission.ORGANISATION_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        test_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Remove a result."""
        found: UUID | None = parse_id(test_id)
        if found is None:
            raise NotFound

        async def act() -> str:
            await StatusTestService(db).remove(principal, found)
            return PATH

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "The result is removed")
        return answer


async def _page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    organisation, rows = await StatusTestService(db).own(principal)
    workers = [] if principal.worker_id else await OrganisationRepository(db).workers(organisation.id)
    context = {
        "items": [
            {
                "id": row.id,
                "outcome": OUTCOMES.get(row.outcome, row.outcome),
                "reference": row.reference,
                "taken_on": uk_date(row.taken_on),
                "about": worker.name if worker and not principal.worker_id else "",
            }
            for row, worker in rows
        ],
        "outcomes": list(OUTCOMES.items()),
        "workers": [(str(worker.id), worker.name) for worker in workers if worker.kind is WorkerKind.PA],
        "status_test": STATUS_TEST,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evidence/status_tests.html", context=context, status_code=422 if errors else 200)
