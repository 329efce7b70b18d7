"""One version: what it holds and lacks, its texts, the preview, publishing, what changed."""

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import ChangedMeanwhile
from marketplace.providers.models import CriterionKind
from marketplace.providers.routes.frameworks.common import SOMEBODY_SAVED, form_page, row_id
from marketplace.providers.service.frameworks.checks import checks_of, is_ready, weights_of
from marketplace.providers.service.frameworks.differences import compare
from marketplace.providers.service.frameworks.forms import KIND_HINTS, KIND_LABELS, LONGEST_NOTE, LONGEST_TEXT, TextForm
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.service.frameworks.versions import VersionService
from marketplace.providers.service.frameworks.views import groups_of, lot_view
from marketplace.providers.states import FrameworkVersionStatus

PATH = "/accreditation/versions"


class VersionController(Controller):
    """Versions of specifications."""

    path = PATH

    @get("/{version_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show a version with its lots, criteria, weights and what is missing."""
        context = await _whole(db, principal, version_id)
        version, lots, criteria = context["version"], context["lot_rows"], context["criterion_rows"]
        others = await VersionService(db).frameworks.versions.published(version.framework_id)
        checks = checks_of(version, lots, criteria)
        context |= {
            "checks": [
                {
                    "title": check.title,
                    "href": check.href,
                    "hint": check.hint,
                    "status": "completed" if check.is_done else "to_put_right" if check.is_needed else "optional",
                }
                for check in checks
            ],
            "is_ready": is_ready(checks),
            "weights": weights_of(lots, criteria),
            "kinds": [(kind.value, KIND_LABELS[kind], KIND_HINTS[kind]) for kind in CriterionKind],
            "earlier": [row for row in others if row.number < version.number],
        }
        return Template("providers/frameworks/version.html", context=context)

    @get("/{version_id:str}/text", permission=Permission.FRAMEWORKS_EDIT)
    async def text(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show the form for the texts."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        values = {
            "specification": version.specification,
            "agreement_terms": version.agreement_terms,
            "changes": version.changes,
            "version": str(version.version),
        }
        return form_page("text_form", _text_context(version), values, {})

    @post("/{version_id:str}/text", permission=Permission.FRAMEWORKS_EDIT)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Save the texts. What a colleague saved meanwhile is shown beside what was typed."""
        service = VersionService(db)
        version = await service.draft(principal, row_id(version_id))
        try:
            form = TextForm.read(data)
        except InvalidInput as error:
            return form_page("text_form", _text_context(version), data, error.fields)

        async def act() -> str:
            await service.write(principal, version.id, form)
            return f"{PATH}/{version.id}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except ChangedMeanwhile:
            values = {**data, "version": str(version.version)}
            context = {**_text_context(version), "saved": version}
            return form_page("text_form", context, values, {"form": SOMEBODY_SAVED}, status=HTTPStatus.CONFLICT)
        flash(request, "Texts saved")
        return answer

    @get("/{version_id:str}/preview", permission=Permission.FRAMEWORKS_EDIT)
    async def preview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show a version as applicants will see it."""
        context = await _whole(db, principal, version_id)
        return Template("providers/frameworks/preview.html", context=context)

    @get("/{version_id:str}/publish", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_publish(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Say what publishing means, and what is missing."""
        await VersionService(db).draft(principal, row_id(version_id), locked=False)
        context = await _whole(db, principal, version_id)
        version, lots, criteria = context["version"], context["lot_rows"], context["criterion_rows"]
        checks = checks_of(version, lots, criteria)
        context |= {
            "missing": [check for check in checks if check.is_needed and not check.is_done],
            "advice": [check for check in checks if not check.is_needed and not check.is_done],
            "seen": content_hash(version, lots, criteria).hex(),
        }
        return Template("providers/frameworks/publish.html", context=context)

    @post("/{version_id:str}/publish", permission=Permission.FRAMEWORKS_EDIT)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Publish it for good."""
        wanted, seen = row_id(version_id), FormReader(data).raw("seen")

        async def act() -> str:
            await VersionService(db).publish(principal, wanted, seen)
            return f"{PATH}/{wanted}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Published. Everybody can read it, and rounds can use it")
        return answer

    @get("/{version_id:str}/discard", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_discard(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Ask whether a draft is to go."""
        service = VersionService(db)
        version = await service.draft(principal, row_id(version_id), locked=False)
        framework = await service.framework(principal, version.framework_id)
        context = {"version": version, "framework": framework}
        return Template("providers/frameworks/discard.html", context=context)

    @post("/{version_id:str}/discard", permission=Permission.FRAMEWORKS_EDIT)
    async def discard(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Throw a draft away."""
        wanted = row_id(version_id)

        async def act() -> str:
            framework = await VersionService(db).discard(principal, wanted)
            return f"/accreditation/frameworks/{framework.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Draft thrown away")
        return answer

    @get("/{version_id:str}/differences", permission=Permission.FRAMEWORKS_EDIT)
    async def differences(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        against: FromQuery[str | None] = None,
    ) -> Template:
        """Show what changed against another version of the framework; the one before when none is named."""
        service = VersionService(db)
        version = await service.version(principal, row_id(version_id))
        framework = await service.framework(principal, version.framework_id)
        earlier = [
            row
            for row in await service.frameworks.versions.of_framework(framework.id)
            if row.id != version.id and row.status is not FrameworkVersionStatus.WITHDRAWN
        ]
        wanted = row_id(against) if against else None
        before_it = [row for row in earlier if row.number < version.number]
        other = next((row for row in earlier if row.id == wanted), None) if wanted else next(iter(before_it), None)
        if other is None:
            raise NotFound
        older, newer = sorted((version, other), key=lambda row: row.number)
        context = {
            "framework": framework,
            "older": older,
            "newer": newer,
            "differences": compare((older, *await service.content(older)), (newer, *await service.content(newer))),
            "back_href": f"{PATH}/{version.id}",
        }
        return Template("providers/frameworks/differences.html", context=context)


def _text_context(version: Any) -> dict[str, Any]:
    return {"version": version, "longest": LONGEST_TEXT, "longest_note": LONGEST_NOTE, "saved": None}


async def _whole(db: AsyncSession, principal: Principal, version_id: str) -> dict[str, Any]:
    service = VersionService(db)
    version = await service.version(principal, row_id(version_id))
    framework = await service.framework(principal, version.framework_id)
    lots, criteria = await service.content(version)
    return {
        "framework": framework,
        "version": version,
        "is_draft": version.status is FrameworkVersionStatus.DRAFT,
        "lot_rows": lots,
        "criterion_rows": criteria,
        "lots": [lot_view(lot, criteria) for lot in lots],
        "groups": groups_of([one for one in criteria if one.lot_id is None]),
        "public_path": f"/frameworks/{principal.council_slug}/{framework.slug}",
    }
