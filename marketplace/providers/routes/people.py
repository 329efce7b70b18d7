"""Pages on which an organisation keeps who can sign in for it: people, invitations, requests, and its details."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import ROLE_LABELS, Permission, Principal, Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.errors import HereAlready
from marketplace.providers.models import Organisation, OrganisationKind, WorkerKind
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.repository.workers import WorkerRepository
from marketplace.providers.service.details import DetailsForm, DetailsService, copy_errors
from marketplace.providers.service.invitations import ROLES, InvitationForm, InvitationService
from marketplace.providers.service.join_requests import AnswerForm, JoinRequestService
from marketplace.providers.service.people import PeopleService, own_organisation

DETAILS = (
    "name",
    "summary",
    "address_line",
    "postcode",
    "phone",
    "email",
    "website",
    "charity_number",
    "company_number",
)


class OwnPeopleController(Controller):
    """Who can sign in for the own organisation."""

    path = "/provider/people"

    @get("/", permission=Permission.WORKERS_OWN)
    async def show(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """List people, open invitations and requests to join."""
        organisation, colleagues = await PeopleService(db).colleagues(principal)
        now = clock_of(db).now()
        requests = await JoinRequestService(db).own(principal)
        context = {
            "organisation": organisation,
            "colleagues": colleagues,
            "requests": requests,
            "invitations": [
                {
                    "id": row.id,
                    "email": row.email or "By letter",
                    "is_letter": not row.email,
                    "role": ROLE_LABELS[Role(row.role)],
                    "until": row.expires_at,
                    "is_over": row.expires_at <= now,
                }
                for row in await PeopleRepository(db).invitations(organisation.id, now)
            ],
        }
        return Template("providers/people/own.html", context=context)

    @get("/invite", permission=Permission.WORKERS_OWN)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form for an invitation."""
        return await _invite_page(db, principal, {"role": Role.PROVIDER.value}, {})

    @post("/invite", permission=Permission.WORKERS_OWN)
    async def invite(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send an invitation."""
        service = InvitationService(db, request.app.state.settings.secret_key)
        try:
            form = InvitationForm.read(data)

            async def act() -> str:
                await service.invite(principal, form)
                return "/provider/people"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _invite_page(db, principal, typed(data), error.fields)
        flash(request, "The invitation is on its way. It works once, for 14 days")
        return answer

    @post("/invitations/{invitation_id:str}/revoke", permission=Permission.WORKERS_OWN)
    async def revoke(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invitation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take an invitation back."""

        async def act() -> str:
            service = InvitationService(db, request.app.state.settings.secret_key)
            await service.revoke(principal, _id(invitation_id))
            return "/provider/people"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "The invitation no longer works")
        return answer

    @post("/invitations/{invitation_id:str}/resend", permission=Permission.WORKERS_OWN)
    async def resend(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        invitation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Send a new link for an invitation."""

        async def act() -> str:
            service = InvitationService(db, request.app.state.settings.secret_key)
            await service.resend(principal, _id(invitation_id))
            return "/provider/people"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "A new link is on its way. The old one no longer works")
        return answer

    @get("/{user_id:str}/end", permission=Permission.WORKERS_OWN)
    async def ask_end(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], user_id: FromPath[str]
    ) -> Template:
        """Say what ending somebody's access does."""
        organisation, colleagues = await PeopleService(db).colleagues(principal)
        person = next((one for one in colleagues if one.user_id == _id(user_id)), None)
        if person is None:
            raise NotFound
        return Template("providers/people/end.html", context={"organisation": organisation, "person": person})

    @post("/{user_id:str}/end", permission=Permission.WORKERS_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        user_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End somebody's access."""
        wanted = _id(user_id)

        async def act() -> str:
            await PeopleService(db).end(principal, wanted)
            return "/sign-in" if wanted == principal.user_id else "/provider/people"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "They can no longer sign in for your organisation")
        return answer

    @get("/requests/{request_id:str}", permission=Permission.WORKERS_OWN)
    async def request_page(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], request_id: FromPath[str]
    ) -> Template:
        """Show a request to join."""
        row, organisation = await JoinRequestService(db).one_of_own(principal, _id(request_id))
        return _request_page(row, organisation, {}, {})

    @post("/requests/{request_id:str}", permission=Permission.WORKERS_OWN)
    async def answer_request(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Let somebody in, or not."""
        service = JoinRequestService(db)
        row, organisation = await service.one_of_own(principal, _id(request_id))
        try:
            form = AnswerForm.read(data)
        except InvalidInput as error:
            return _request_page(row, organisation, data, error.fields)

        async def act() -> str:
            await service.decide_own(principal, row.id, form)
            return "/provider/people"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "They can sign in now. We have told them" if form.is_accepted else "We have told them")
        return answer


class OwnDetailsController(Controller):
    """The own organisation's details."""

    path = "/provider/details"

    @get("/", permission=Permission.WORKERS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form."""
        organisation = await own_organisation(db, principal)
        values = {name: getattr(organisation, name) or "" for name in DETAILS}
        return _details_page(organisation, values, {}, is_alike=False)

    @post("/", permission=Permission.WORKERS_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change the details."""
        organisation = await own_organisation(db, principal)
        service = DetailsService(db)
        errors: dict[str, str] = {}
        is_alike = bool(data.get("is_another"))
        try:
            form = DetailsForm.read(data)

            async def act() -> str:
                await service.change(principal, form)
                return "/provider/organisation"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            errors = error.fields
        except HereAlready as error:
            errors, is_alike = copy_errors(error), error.by == "name"
            service.note_refusal(principal, error)
        if errors:
            await db.refresh(organisation)
            return _details_page(organisation, typed(data), errors, is_alike=is_alike)
        flash(request, "Your details are changed")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _invite_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    organisation = await own_organisation(db, principal)
    workers = await WorkerRepository(db).working(organisation.id, today(clock_of(db)))
    of_kind = {kind: [(str(row.id), row.name) for row in workers if row.kind is kind] for kind in WorkerKind}
    context = {
        "organisation": organisation,
        "roles": [
            (role.value, ROLE_LABELS[role], words)
            for role, words in ROLES.items()
            if role is Role.PROVIDER or of_kind[WorkerKind(role.value)]
        ],
        "planners": of_kind[WorkerKind.PLANNER],
        "assistants": of_kind[WorkerKind.PA],
        "carers": of_kind[WorkerKind.CARE_WORKER],
        "values": values,
        "errors": errors,
    }
    return Template("providers/people/invite.html", context=context, status_code=422 if errors else 200)


def _request_page(row: Any, organisation: Organisation, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "row": row,
        "organisation": organisation,
        "action": f"/provider/people/requests/{row.id}",
        "back": "/provider/people",
        "is_ours": True,
        "is_council": False,
        "values": values,
        "errors": errors,
    }
    return Template("providers/people/request.html", context=context, status_code=422 if errors else 200)


def _details_page(organisation: Organisation, values: FormData, errors: dict[str, str], *, is_alike: bool) -> Template:
    context = {
        "organisation": organisation,
        "alone": organisation.kind is OrganisationKind.SOLE_PA,
        "is_alike": is_alike,
        "values": values,
        "errors": errors,
    }
    return Template("providers/people/details.html", context=context, status_code=422 if errors else 200)
