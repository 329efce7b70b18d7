"""The council's frameworks: what there is, a new one, its name, its next version, no further rounds."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.repository.engagement import QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.frameworks.common import form_page, row_id
from marketplace.providers.service.frameworks.forms import FrameworkForm
from marketplace.providers.service.frameworks.versions import VersionService
from marketplace.providers.service.frameworks.views import round_view
from marketplace.providers.states import FrameworkVersionStatus

PATH = "/accreditation/frameworks"


class CouncilFrameworkController(Controller):
    """Frameworks as their council keeps them."""

    path = PATH

    @get("/", permission=Permission.FRAMEWORKS_EDIT)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List the council's frameworks with their rounds."""
        frameworks = await VersionService(db).own(principal)
        repository, now = FrameworkRepository(db), clock_of(db).now()
        rounds = [
            (row.framework_id, round_view(row, now)) for row in await repository.rounds.of_council(principal.council_id)
        ]
        versions = await repository.versions.of_council(principal.council_id)
        cards = []
        for framework in frameworks:
            own = [version for version in versions if version.framework_id == framework.id]
            shown = [view for owner, view in rounds if owner == framework.id]
            cards.append(
                {
                    "row": framework,
                    "published": next((v for v in own if v.status is FrameworkVersionStatus.PUBLISHED), None),
                    "draft": next((v for v in own if v.status is FrameworkVersionStatus.DRAFT), None),
                    "rounds": [view for view in shown if view["state"] in ("coming", "open", "late")] or shown[:1],
                }
            )
        waiting = await QuestionRepository(db).waiting(principal.council_id)
        return Template("providers/frameworks/council.html", context={"cards": cards, "waiting": waiting})

    @get("/new", permission=Permission.FRAMEWORKS_EDIT)
    async def new(self) -> Template:
        """Show the form of a new framework."""
        return form_page("framework_form", {"framework": None}, {}, {})

    @post("/", permission=Permission.FRAMEWORKS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a framework and go on to its first draft."""
        try:
            form = FrameworkForm.read(data)
        except InvalidInput as error:
            return form_page("framework_form", {"framework": None}, data, error.fields)

        async def act() -> str:
            _, version = await VersionService(db).add(principal, form)
            return f"/accreditation/versions/{version.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Framework added. Now write its first version")
        return answer

    @get("/{framework_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], framework_id: FromPath[str]
    ) -> Template:
        """Show a framework with its versions and rounds."""
        service, repository, now = VersionService(db), FrameworkRepository(db), clock_of(db).now()
        framework = await service.framework(principal, row_id(framework_id))
        versions = await repository.versions.of_framework(framework.id)
        rounds = await repository.rounds.of_framework(framework.id)
        numbers = {version.id: version.number for version in versions}
        context = {
            "framework": framework,
            "versions": versions,
            "has_draft": any(version.status is FrameworkVersionStatus.DRAFT for version in versions),
            "has_published": any(version.status is FrameworkVersionStatus.PUBLISHED for version in versions),
            "rounds": [{**round_view(row, now), "number": numbers.get(row.version_id)} for row in rounds],
            "public_path": f"/frameworks/{principal.council_slug}/{framework.slug}",
            "waiting": await QuestionRepository(db).waiting(principal.council_id, [row.id for row in rounds]),
        }
        return Template("providers/frameworks/council_one.html", context=context)

    @get("/{framework_id:str}/edit", permission=Permission.FRAMEWORKS_EDIT)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], framework_id: FromPath[str]
    ) -> Template:
        """Show the form for the name and the summary."""
        framework = await VersionService(db).framework(principal, row_id(framework_id))
        values = {"name": framework.name, "summary": framework.summary}
        return form_page("framework_form", {"framework": framework}, values, {})

    @post("/{framework_id:str}/edit", permission=Permission.FRAMEWORKS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change the name and the summary."""
        service = VersionService(db)
        framework = await service.framework(principal, row_id(framework_id))
        try:
            form = FrameworkForm.read(data)
        except InvalidInput as error:
            return form_page("framework_form", {"framework": framework}, data, error.fields)

        async def act() -> str:
            await service.change(principal, framework.id, form)
            return f"{PATH}/{framework.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Saved")
        return answer

    @post("/{framework_id:str}/versions", permission=Permission.FRAMEWORKS_EDIT)
    async def next_version(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Make the next version from the newest one, or go to the draft that is there."""
        wanted = row_id(framework_id)

        async def act() -> str:
            version = await VersionService(db).next(principal, wanted)
            return f"/accreditation/versions/{version.id}"

        return await submit(request, db, principal.actor, data, act)

    @post("/{framework_id:str}/close", permission=Permission.FRAMEWORKS_EDIT)
    async def close(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        framework_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that there are no further rounds, or that there are again."""
        wanted, is_closed = row_id(framework_id), data.get("closed") == "yes"

        async def act() -> str:
            await VersionService(db).close(principal, wanted, is_closed=is_closed)
            return f"{PATH}/{wanted}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Closed. There are no further rounds" if is_closed else "Open again for new rounds")
        return answer
