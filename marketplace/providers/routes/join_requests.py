"""The council's page of requests to join organisations: it decides where nobody can sign in for one."""

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
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.service.join_requests import AnswerForm, JoinRequestService, Waiting


class JoinRequestController(Controller):
    """Requests in the council."""

    path = "/join-requests"

    @get("/", permission=Permission.ORGANISATIONS_MERGE)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what waits for the council, what waits for organisations, and what was decided last."""
        waiting = await JoinRequestService(db).of_council(principal)
        decided = await PeopleRepository(db).decided(principal.council_id)
        context = {
            "ours": [one for one in waiting if one.is_ours],
            "theirs": [one for one in waiting if not one.is_ours],
            "decided": decided,
        }
        return Template("providers/people/requests.html", context=context)

    @get("/{request_id:str}", permission=Permission.ORGANISATIONS_MERGE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], request_id: FromPath[str]
    ) -> Template:
        """Show a request."""
        return _page(await JoinRequestService(db).one_of_council(principal, _id(request_id)), {}, {})

    @post("/{request_id:str}", permission=Permission.ORGANISATIONS_MERGE)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Let somebody in, or not."""
        service = JoinRequestService(db)
        waiting = await service.one_of_council(principal, _id(request_id))
        try:
            form = AnswerForm.read(data)
        except InvalidInput as error:
            return _page(waiting, data, error.fields)

        async def act() -> str:
            await service.decide_for_council(principal, waiting.request.id, form)
            return "/join-requests"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "They can sign in now. We have told them" if form.is_accepted else "We have told them")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _page(waiting: Waiting, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "row": waiting.request,
        "organisation": waiting.organisation,
        "action": f"/join-requests/{waiting.request.id}",
        "back": "/join-requests",
        "is_ours": waiting.is_ours,
        "is_council": True,
        "values": values,
        "errors": errors,
    }
    return Template("providers/people/request.html", context=context, status_code=422 if errors else 200)
