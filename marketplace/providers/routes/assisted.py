"""Pages on which a council officer registers a group on its behalf and helps it until somebody of it signs in."""

from typing import Any
from uuid import UUID

import segno
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.errors import HereAlready
from marketplace.providers.models import EVIDENCE_LABELS, EvidenceKind, Joining, OrganisationKind
from marketplace.providers.service.assisted import HOW, TOLD, AssistedService
from marketplace.providers.service.duplicates import AlikeBy
from marketplace.providers.service.evidence import (
    DBS_LEVELS,
    DBS_OUTCOMES,
    EXPECTED,
    INSURANCE,
    EvidenceForm,
    state_of,
)
from marketplace.providers.service.invitations import secret_of
from marketplace.providers.service.joining_answers import KINDS


class AssistedController(Controller):
    """Registering groups on their behalf."""

    path = "/organisations/enter"

    @get("/", permission=Permission.ORGANISATIONS_ENTER)
    async def show_all(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """List what officers of the council began and finished."""
        entries = await _service(request, db).entries(principal)
        context = {
            "drafts": [row for row, organisation in entries if organisation is None],
            "done": [(row, organisation) for row, organisation in entries if organisation is not None],
        }
        return Template("providers/assisted/index.html", context=context)

    @get("/new", permission=Permission.ORGANISATIONS_ENTER)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the empty form."""
        day = today(clock_of(db))
        values = {"told_on-day": day.day, "told_on-month": day.month, "told_on-year": day.year}
        return _form(principal, None, values, {}, is_alike=False)

    @post("/", permission=Permission.ORGANISATIONS_ENTER)
    async def enter(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Register the group, or keep what was typed for later."""
        return await _take(request, db, principal, None, data)

    @get("/{joining_id:str}", permission=Permission.ORGANISATIONS_ENTER)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
    ) -> Template:
        """Show a draft to go on with, or what was entered."""
        service, wanted = _service(request, db), _id(joining_id)
        try:
            draft = await service.draft(principal, wanted)
        except NotFound:
            return await _entered_page(request, db, principal, wanted, {}, {})
        return _form(principal, draft, dict(draft.answers), {}, is_alike=bool(draft.answers.get("is_another")))

    @post("/{joining_id:str}", permission=Permission.ORGANISATIONS_ENTER)
    async def go_on(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Go on with a draft."""
        await scope_to(db, "every")
        return await _take(request, db, principal, await _service(request, db).draft(principal, _id(joining_id)), data)

    @get("/{joining_id:str}/letter", permission=Permission.ORGANISATIONS_ENTER)
    async def letter(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
    ) -> Template:
        """Show the letter to print for a group without e-mail."""
        found = await _service(request, db).entered(principal, _id(joining_id))
        if found.invitation is None or found.invitation.email or found.has_people:
            raise NotFound
        settings = request.app.state.settings
        code = secret_of(settings.secret_key, found.invitation.id, is_letter=True)
        address = f"{str(settings.public_url).rstrip('/')}/invitations"
        context = {
            "organisation": found.organisation,
            "contact": found.joining.answers.get("contact_name", ""),
            "joining_id": found.joining.id,
            "code": code,
            "address": address,
            "picture": segno.make(f"{address}/{code.replace('-', '')}", error="m").svg_inline(scale=4, omitsize=False),
            "until": found.invitation.expires_at,
        }
        headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
        return Template("providers/assisted/letter.html", context=context, headers=headers)

    @post("/{joining_id:str}/invitation", permission=Permission.ORGANISATIONS_ENTER)
    async def invite_again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send another link, or make another letter."""
        wanted = _id(joining_id)

        async def act() -> str:
            await _service(request, db).invite_again(principal, wanted, data)
            return f"/organisations/enter/{wanted}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _entered_page(request, db, principal, wanted, typed(data), error.fields)
        flash(request, "There is a new invitation. The old one no longer works")
        return answer

    @get("/{joining_id:str}/evidence", permission=Permission.ORGANISATIONS_ENTER)
    async def evidence_form(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
        kind: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form for a piece of evidence on the group's behalf."""
        return await _evidence_page(request, db, principal, _id(joining_id), kind or "", {}, {})

    @post("/{joining_id:str}/evidence", permission=Permission.ORGANISATIONS_ENTER)
    async def give_evidence(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        joining_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Give a piece of evidence on the group's behalf."""
        wanted, kind = _id(joining_id), str(data.get("kind") or "")
        try:
            form = EvidenceForm.read(_kind(kind), data, today(clock_of(db)))
        except InvalidInput as error:
            return await _evidence_page(request, db, principal, wanted, kind, typed(data), error.fields)

        async def act() -> str:
            await _service(request, db).give_evidence(principal, wanted, form)
            return f"/organisations/enter/{wanted}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Kept. It counts once somebody at a council has seen the paper")
        return answer


async def _take(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, draft: Joining | None, data: FormData
) -> Redirect | Template:
    service = _service(request, db)
    draft_id = draft.id if draft else None
    if data.get("action") == "save":

        async def keep() -> str:
            row = await service.save(principal, draft_id, data)
            return f"/organisations/enter/{row.id}"

        answer = await submit(request, db, principal.actor, data, keep)
        flash(request, "Kept. You can go on within 7 days")
        return answer

    async def act() -> str:
        row = await service.enter(principal, draft_id, data)
        return f"/organisations/enter/{row.id}"

    errors: dict[str, str] = {}
    is_alike = bool(data.get("is_another"))
    try:
        async with db.begin_nested():
            answer = await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        errors = error.fields
    except HereAlready as error:
        service.note_refusal(principal, error)
        is_alike = error.by == AlikeBy.NAME
        words = f"{error.name} is here already with this number. It is not added a second time"
        if is_alike:
            words = f"{error.name} is here with this name and postcode. If this is another group, tick the box below"
        errors = {"name": words}
    if errors:
        if draft is not None:
            await db.refresh(draft)
        return _form(principal, draft, typed(data), errors, is_alike=is_alike)
    flash(request, "The group is registered")
    return answer


def _form(
    principal: Principal, draft: Joining | None, values: FormData, errors: dict[str, str], *, is_alike: bool
) -> Template:
    context = {
        "action": f"/organisations/enter/{draft.id}" if draft else "/organisations/enter",
        "how": list(HOW.items()),
        "kinds": [
            (kind.value, label, hint) if hint else (kind.value, label)
            for kind, (label, hint) in KINDS.items()
            if kind is not OrganisationKind.SOLE_PA
        ],
        "is_alike": is_alike,
        "group": values.get("name", ""),
        "values": values,
        "errors": errors,
    }
    return Template("providers/assisted/form.html", context=context, status_code=422 if errors else 200)


async def _entered_page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    joining_id: UUID,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    found = await _service(request, db).entered(principal, joining_id)
    day = today(clock_of(db))
    told = {name: found.joining.answers.get(name, "") for name in TOLD}
    context = {
        "found": found,
        "organisation": found.organisation,
        "told_by": told["told_by"],
        "told_how": HOW.get(told["told_how"], "").lower(),
        "told_on": told["told_on"],
        "evidence": [
            {
                "label": EVIDENCE_LABELS[row.kind],
                "state": state_of(row, day),
                "detail": row.detail,
                "since": uk_date(row.issued_on),
            }
            for row in found.evidence
        ],
        "kinds": [(kind.value, EVIDENCE_LABELS[kind]) for kind in EXPECTED[found.organisation.kind]],
        "values": values or {"email": found.organisation.email},
        "errors": errors,
    }
    return Template("providers/assisted/entered.html", context=context, status_code=422 if errors else 200)


async def _evidence_page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    joining_id: UUID,
    kind: str,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    found = await _service(request, db).entered(principal, joining_id)
    context = {
        "organisation": found.organisation,
        "joining_id": joining_id,
        "has_people": found.has_people,
        "kind": _kind(kind).value,
        "label": EVIDENCE_LABELS[_kind(kind)],
        "is_insurance": _kind(kind) in INSURANCE,
        "levels": list(DBS_LEVELS.items()),
        "outcomes": list(DBS_OUTCOMES.items()),
        "values": values,
        "errors": errors,
    }
    return Template("providers/assisted/evidence.html", context=context, status_code=422 if errors else 200)


def _kind(text: str) -> EvidenceKind:
    try:
        return EvidenceKind(text)
    except ValueError as error:
        raise NotFound from error


def _service(request: Request[Any, Any, Any], db: AsyncSession) -> AssistedService:
    return AssistedService(db, request.app.state.settings.secret_key)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
