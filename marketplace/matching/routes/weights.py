"""Pages of weights: versions by purpose, a draft with its preview, publishing."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.models import WeightPurpose, WeightSet
from marketplace.matching.repository import WeightRepository
from marketplace.matching.service import WeightService
from marketplace.matching.service.comparing import PreviewService
from marketplace.matching.service.weights import version_of, weights_in
from marketplace.matching.states import WeightStatus
from marketplace.matching.weight_forms import PARTS, WEIGHT_NAMES, PublishForm, WeightsForm, reach_of, weight_values
from marketplace.matching.weight_pages import changed_rows, reach_rows, table_rows
from marketplace.matching.words import PART_LABELS, PART_REASONS, PURPOSE_LABELS


class WeightController(Controller):
    """Weights of a council."""

    path = "/matching/weights"

    @get("/", permission=Permission.MATCH_READ)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List versions by purpose: in force, to come, past, and the draft."""
        on = today(clock_of(db))
        rows = await WeightRepository(db).of_council(principal.council_id)
        users = await AccountRepository(db).names({row.drafted_by_user_id for row in rows} | _publishers(rows))
        purposes = []
        for purpose in WeightPurpose:
            weights, current = await WeightService(db).in_force(principal.council_id, purpose, on)
            purposes.append(
                {
                    "code": purpose.value,
                    "label": PURPOSE_LABELS[purpose],
                    "version": weights.version,
                    "is_own": current is not None,
                    "rows": table_rows(weights),
                    "draft": next(
                        (row for row in rows if row.purpose is purpose and row.status is WeightStatus.DRAFT), None
                    ),
                    "versions": [
                        (row, version_of(row), _name(users, row.published_by_user_id), _standing(row, current))
                        for row in rows
                        if row.purpose is purpose and row.status is WeightStatus.PUBLISHED
                    ],
                }
            )
        context = {
            "purposes": purposes,
            "may_publish": principal.may(Permission.WEIGHTS_PUBLISH),
            "slug": principal.council_slug,
        }
        return Template("matching/weights.html", context=context)

    @post("/new", permission=Permission.WEIGHTS_PUBLISH)
    async def new(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin a draft from the version in force, or go on with the one there is."""
        code = str(data.get("purpose") or "")
        if code not in list(WeightPurpose):
            raise NotFound

        async def action() -> str:
            row = await WeightService(db).draft(principal, WeightPurpose(code))
            return f"/matching/weights/{row.id}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{weight_set_id:str}", permission=Permission.MATCH_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], weight_set_id: FromPath[str]
    ) -> Template:
        """Show a version; a draft with its form, what it changes and who would move."""
        row = await WeightRepository(db).find(principal.council_id, _id(weight_set_id))
        return await _page(db, principal, row, None, {}, {})

    @post("/{weight_set_id:str}", permission=Permission.WEIGHTS_PUBLISH)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        weight_set_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Save a draft."""
        row = await WeightRepository(db).find(principal.council_id, _id(weight_set_id))
        try:
            form = WeightsForm.read(data, base=weights_in(row))
        except InvalidInput as error:
            return await _page(db, principal, row, data, error.fields, {})

        async def action() -> str:
            await WeightService(db).change(principal, row.id, form)
            flash(request, "Draft saved. Nothing counts before it is published")
            return f"/matching/weights/{row.id}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{weight_set_id:str}/publish", permission=Permission.WEIGHTS_PUBLISH)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        weight_set_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Publish a draft from a day on."""
        row = await WeightRepository(db).find(principal.council_id, _id(weight_set_id))

        async def action() -> str:
            form = PublishForm.read(data)
            await WeightService(db).publish(principal, row.id, form)
            flash(request, "Published. Anybody can read it, and it never changes")
            return f"/matching/weights/{row.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, row, None, error.fields, data)

    @post("/{weight_set_id:str}/discard", permission=Permission.WEIGHTS_PUBLISH)
    async def discard(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        weight_set_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Throw a draft away."""
        wanted = _id(weight_set_id)

        async def action() -> str:
            await WeightService(db).discard(principal, wanted)
            flash(request, "The draft is thrown away")
            return "/matching/weights"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _publishers(rows: Any) -> set[UUID]:
    return {row.published_by_user_id for row in rows if row.published_by_user_id}


def _name(users: Mapping[UUID, str], user_id: UUID | None) -> str:
    return users.get(user_id, "") if user_id is not None else ""


def _standing(row: WeightSet, current: WeightSet | None) -> str:
    if current is not None and row.id == current.id:
        return "In force"
    if current is None or (row.starts_on, row.number) > (current.starts_on, current.number):
        return "To come"
    return "Past"


async def _page(
    db: AsyncSession,
    principal: Principal,
    row: WeightSet,
    edited: Mapping[str, Any] | None,
    errors: dict[str, str],
    publishing: FormData,
) -> Template:
    weights = weights_in(row)
    on = today(clock_of(db))
    now, current = await WeightService(db).in_force(principal.council_id, row.purpose, on)
    is_draft = row.status is WeightStatus.DRAFT
    previews: list[Any] = []
    names: dict[str, str] = {}
    if is_draft and row.purpose is WeightPurpose.PLANNING:
        previews, names = await PreviewService(db).preview(principal.council_id, principal.council_name, now, weights)
    users = await AccountRepository(db).names(
        {row.drafted_by_user_id} | ({row.published_by_user_id} if row.published_by_user_id else set())
    )
    values = {
        **weight_values(weights),
        "reason": row.reason,
        "version": str(row.version),
        **(edited or {}),
        **publishing,
    }
    context = {
        "row": row,
        "purpose": PURPOSE_LABELS[row.purpose],
        "is_draft": is_draft,
        "version": version_of(row),
        "now_version": now.version,
        "is_in_force": current is not None and current.id == row.id,
        "parts": [(name, PART_LABELS[part], PART_REASONS[part]) for name, part in PARTS.items()],
        "reaches": [(name, reach_of(name)) for name in WEIGHT_NAMES if name not in PARTS],
        "rows": table_rows(weights),
        "reach_rows": reach_rows(weights),
        "changes": changed_rows(now, weights),
        "previews": previews,
        "names": names,
        "moved": sum(1 for item in previews if item.compared.has_new_first),
        "drafted_by": users.get(row.drafted_by_user_id, ""),
        "published_by": _name(users, row.published_by_user_id),
        "may_publish": principal.may(Permission.WEIGHTS_PUBLISH),
        "slug": principal.council_slug,
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/weight_set.html", context=context, status_code=422 if errors else 200)
