"""What everybody may read: rounds of all councils, specifications, questions and answers, what was said and done."""

from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.models import Council
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.models import Framework, FrameworkVersion
from marketplace.providers.repository.engagement import EngagementRepository, QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.checks import weights_of
from marketplace.providers.service.frameworks.differences import compare
from marketplace.providers.service.frameworks.engagement import LONGEST_SAID, EngagementService, public_words
from marketplace.providers.service.frameworks.questions import LONGEST_QUESTION, QuestionService
from marketplace.providers.service.frameworks.views import groups_of, lot_view, round_view
from marketplace.providers.states import FrameworkVersionStatus

CLOSED_SHOWN = timedelta(days=366)
"""How long a closed round stays on the list of all; on its framework's page it stays for good."""


class PublicFrameworkController(Controller):
    """Public pages of frameworks."""

    path = "/frameworks"

    @get("/", permission=None)
    async def show_all(self, db: NamedDependency[AsyncSession]) -> Template:
        """List rounds of all councils: open, coming, closed."""
        repository, now = FrameworkRepository(db), clock_of(db).now()
        rows = await repository.public_rounds(now - CLOSED_SHOWN)
        lots = await repository.lots_of({row.version_id for row, _, _ in rows})
        items = [
            {
                **round_view(row, now),
                "framework": framework.name,
                "summary": framework.summary,
                "council": council.name,
                "href": f"/frameworks/{council.slug}/{framework.slug}",
                "lots": [f"{lot.code} {lot.name}" for lot in lots.get(row.version_id, [])],
            }
            for row, framework, council in rows
        ]
        context = {
            "open": [item for item in items if item["state"] in ("open", "late")],
            "coming": sorted((item for item in items if item["state"] == "coming"), key=lambda item: item["opens_at"]),
            "closed": [item for item in reversed(items) if item["state"] in ("closed", "cancelled")],
        }
        return Template("providers/frameworks/public_list.html", context=context)

    @get("/{council_slug:str}/{slug:str}", permission=None)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
        council_slug: FromPath[str],
        slug: FromPath[str],
    ) -> Template:
        """Show a framework: specification, lots, rounds, questions and answers, what was said and done."""
        framework, council = await FrameworkRepository(db).public(council_slug, slug)
        return await _page(db, visitor, framework, council, {}, {})

    @get("/{council_slug:str}/{slug:str}/versions/{number:int}", permission=None)
    async def show_version(
        self,
        db: NamedDependency[AsyncSession],
        council_slug: FromPath[str],
        slug: FromPath[str],
        number: FromPath[int],
    ) -> Template:
        """Show one published version as it was."""
        repository = FrameworkRepository(db)
        framework, council = await repository.public(council_slug, slug)
        versions = await repository.versions.published(framework.id)
        version = _numbered(versions, number)
        context = {
            "framework": framework,
            "council": council,
            "base": f"/frameworks/{council.slug}/{framework.slug}",
            "newest": versions[0],
            "has_earlier": any(row.number < number for row in versions),
            **await _content(db, version),
        }
        return Template("providers/frameworks/public_version.html", context=context)

    @get("/{council_slug:str}/{slug:str}/versions/{number:int}/changes", permission=None)
    async def show_changes(
        self,
        db: NamedDependency[AsyncSession],
        council_slug: FromPath[str],
        slug: FromPath[str],
        number: FromPath[int],
    ) -> Template:
        """Show what a published version changed against the one before it."""
        repository = FrameworkRepository(db)
        framework, council = await repository.public(council_slug, slug)
        versions = await repository.versions.published(framework.id)
        newer = _numbered(versions, number)
        older = next((row for row in versions if row.number < number), None)
        if older is None:
            raise NotFound
        before = (older, await repository.lots(older.id), await repository.criteria(older.id))
        after = (newer, await repository.lots(newer.id), await repository.criteria(newer.id))
        context = {
            "framework": framework,
            "older": older,
            "newer": newer,
            "differences": compare(before, after),
            "back_href": f"/frameworks/{council.slug}/{framework.slug}",
        }
        return Template("providers/frameworks/differences.html", context=context)

    @post("/{council_slug:str}/{slug:str}/questions", permission=Permission.APPLICATIONS_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        council_slug: FromPath[str],
        slug: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask about a round, for one's organisation."""
        repository = FrameworkRepository(db)
        framework, council = await repository.public(council_slug, slug)
        text = FormReader(data).raw("round_id")
        if not text:
            wrong = {"round_id": "Select the round"}
            return await _page(db, principal, framework, council, data, wrong)
        wanted = parse_id(text)
        row = await repository.round(wanted) if wanted else None
        if row is None or row.framework_id != framework.id:
            raise NotFound

        async def act() -> str:
            await QuestionService(db).ask(principal, row, data)
            return f"/frameworks/{council.slug}/{framework.slug}#questions"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, framework, council, data, error.fields)
        flash(request, "Question sent. The council answers here, for everybody, without saying who asked")
        return answer

    @post("/{council_slug:str}/{slug:str}/interest", permission=Permission.APPLICATIONS_OWN)
    async def express_interest(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        council_slug: FromPath[str],
        slug: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that one's organisation would apply for a lot, or would not after all."""
        repository = FrameworkRepository(db)
        framework, council = await repository.public(council_slug, slug)
        newest = next(iter(await repository.versions.published(framework.id)), None)
        form = FormReader(data)
        code, would_apply = form.raw("lot"), form.raw("would_apply") == "yes"
        if newest is None or all(lot.code != code for lot in await repository.lots(newest.id)):
            raise NotFound

        async def act() -> str:
            await EngagementService(db).express_interest(principal, framework, code, would_apply=would_apply)
            return f"/frameworks/{council.slug}/{framework.slug}#lots"

        answer = await submit(request, db, principal.actor, data, act)
        if would_apply:
            flash(request, f"Thank you. The council knows that you would apply for lot {code}, and tells you of rounds")
        else:
            flash(request, f"The council knows that you would not apply for lot {code}")
        return answer

    @post("/{council_slug:str}/{slug:str}/ideas", permission=Permission.APPLICATIONS_OWN)
    async def send_idea(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        council_slug: FromPath[str],
        slug: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send the council an idea."""
        repository = FrameworkRepository(db)
        framework, council = await repository.public(council_slug, slug)
        is_public = await repository.versions.published(framework.id)
        if not is_public and not await EngagementRepository(db).public(framework.id):
            raise NotFound

        async def act() -> str:
            await EngagementService(db).send_idea(principal, framework, data)
            return f"/frameworks/{council.slug}/{framework.slug}#said"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, principal, framework, council, data, error.fields)
        flash(request, "Thank you. The council has your idea")
        return answer


def _numbered(versions: Any, number: int) -> FrameworkVersion:
    found: FrameworkVersion | None = next((row for row in versions if row.number == number), None)
    if found is None:
        raise NotFound
    return found


async def _content(db: AsyncSession, version: FrameworkVersion) -> dict[str, Any]:
    repository = FrameworkRepository(db)
    lots, criteria = await repository.lots(version.id), await repository.criteria(version.id)
    return {
        "version": version,
        "lots": [lot_view(lot, criteria) for lot in lots],
        "groups": groups_of([one for one in criteria if one.lot_id is None]),
        "weights": weights_of(lots, criteria),
    }


async def _page(
    db: AsyncSession,
    visitor: Principal | None,
    framework: Framework,
    council: Council,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    repository, now = FrameworkRepository(db), clock_of(db).now()
    versions = await repository.versions.published(framework.id)
    entries = await EngagementRepository(db).public(framework.id)
    newest = next((row for row in versions if row.status is FrameworkVersionStatus.PUBLISHED), None)
    if newest is None and not entries:
        raise NotFound
    rows = await repository.rounds.of_framework(framework.id)
    numbers = {row.id: row.number for row in versions}
    rounds = [{**round_view(row, now), "number": numbers.get(row.version_id)} for row in rows]
    names = {row.id: row.name for row in rows}
    round_ids = [row.id for row in rows]
    answered = await QuestionRepository(db).published(round_ids)
    is_provider = visitor is not None and visitor.may(Permission.APPLICATIONS_OWN) and bool(visitor.organisation_id)
    own_questions: Any = []
    interested: list[str] = []
    if visitor is not None and is_provider:
        own_questions = await QuestionService(db).own(visitor, round_ids)
        entry = await EngagementService(db).interest(visitor, framework)
        interested = list(entry.lot_codes) if entry else []
    base = f"/frameworks/{council.slug}/{framework.slug}"
    context: dict[str, Any] = {
        "framework": framework,
        "council": council,
        "base": base,
        "sign_in": f"/sign-in?next={quote(base)}",
        "newest": newest,
        "older": [row for row in versions if newest is None or row.number < newest.number],
        "rounds": rounds,
        "current": [view for view in rounds if view["state"] in ("open", "late", "coming")],
        "asking": [view for view in rounds if view["takes_questions"]],
        "answers": [
            {
                "question": row.published_question,
                "answer": row.answer,
                "round": names[row.round_id],
                "at": row.published_at,
            }
            for row in answered
        ],
        "waiting": [row for row in own_questions if row.published_at is None],
        "entries": public_words(entries),
        "is_provider": is_provider,
        "is_visitor": visitor is None,
        "interested": interested,
        "longest_question": LONGEST_QUESTION,
        "longest_idea": LONGEST_SAID,
        "values": typed(values),
        "errors": errors,
    }
    if newest is not None:
        context |= await _content(db, newest)
    return Template("providers/frameworks/public.html", context=context, status_code=422 if errors else 200)
