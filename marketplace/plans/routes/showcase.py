"""Pages of the plan of the month: for everybody, for the council that tells it, and for the person it is about."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.plans.models import PlanShowcase
from marketplace.plans.repository.showcase import ShowcaseRepository
from marketplace.plans.routes.common import PAGE, attempt, id_of, key_of, typed
from marketplace.plans.schemas import ReasonForm, read_expected
from marketplace.plans.service.showcase import ShowcaseService, StoryForm, TellsWho, current_months

STORIES = 12
"""Stories on one page: a year of one council."""
MANAGE = "/plan-of-the-month/stories"


@get("/plan-of-the-month", permission=None)
async def plans_of_the_month(
    db: NamedDependency[AsyncSession],
    before: Annotated[str | None, QueryParameter(max_length=10)] = None,
) -> Template:
    """Show published stories to everybody, the newest first."""
    day = parse_day(before) if before else None
    if before and day is None:
        raise BadRequest
    await scope_to(db, "every")
    found = await ShowcaseRepository(db).public(before=day, limit=STORIES + 1)
    shown = found[:STORIES]
    if len(found) > STORIES:
        # A month is never cut in two, so that the next page can begin after it.
        shown = [story for story in shown if story.month > found[STORIES].month] or shown
    older = shown[-1].month.isoformat() if len(found) > len(shown) else ""
    return Template("plans/plan_of_the_month.html", context={"stories": shown, "older": older})


class StoryController(Controller):
    """Stories of the own council, for who checks plans."""

    path = MANAGE

    @get("/", permission=Permission.SHOWCASE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str | None, QueryParameter(max_length=60)] = None,
    ) -> Template:
        """List the council's stories."""
        found = await ShowcaseRepository(db).recent(principal.council_id, after=key_of(after), limit=PAGE + 1)
        shown = found[:PAGE]
        more = f"{shown[-1].month.isoformat()}_{shown[-1].id}" if len(found) > PAGE else ""
        rows = [(story, state_of(story)) for story in shown]
        return Template("plans/stories.html", context={"rows": rows, "more": more})

    @get("/new/{plan_id:str}", permission=Permission.SHOWCASE)
    async def new(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the form that tells a plan as a story."""
        return await _new_page(db, principal, id_of(plan_id), {}, {})

    @post("/new/{plan_id:str}", permission=Permission.SHOWCASE)
    async def nominate(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Nominate a plan."""
        wanted = id_of(plan_id)

        async def act() -> str:
            form = StoryForm.read(data, today(clock_of(db)))
            story = await ShowcaseService(db).nominate(principal, wanted, form)
            flash(request, "Story saved. The person is asked whether it may be shown")
            return f"{MANAGE}/{story.id}"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return await _new_page(db, principal, wanted, data, error.fields, _found(error))

    @get("/{story_id:str}", permission=Permission.SHOWCASE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], story_id: FromPath[str]
    ) -> Template:
        """Show a story with what can be done with it."""
        return await _show_page(db, principal, id_of(story_id), {}, {})

    @get("/{story_id:str}/change", permission=Permission.SHOWCASE)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], story_id: FromPath[str]
    ) -> Template:
        """Show the form that rewrites a story."""
        story = await ShowcaseRepository(db).find(principal.council_id, id_of(story_id))
        values = {
            "month": story.month.isoformat(),
            "title": story.title,
            "story": story.story,
            "why": story.why,
        }
        return _edit_page(db, story, values, {})

    @post("/{story_id:str}/change", permission=Permission.SHOWCASE)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        story_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Rewrite a story."""
        wanted = id_of(story_id)

        async def act() -> str:
            await ShowcaseService(db).change(principal, wanted, StoryForm.read(data, today(clock_of(db))))
            flash(request, "Story saved. The person is asked again")
            return f"{MANAGE}/{wanted}"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            story = await ShowcaseRepository(db).find(principal.council_id, wanted)
            return _edit_page(db, story, data, error.fields, _found(error))

    @post("/{story_id:str}/publish", permission=Permission.SHOWCASE)
    async def publish(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        story_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Put a story on the public page."""
        wanted = id_of(story_id)

        async def act() -> str:
            await ShowcaseService(db).publish(principal, wanted, read_expected(FormReader(data)))
            flash(request, "Published. Everybody can read it now")
            return f"{MANAGE}/{wanted}"

        return await attempt(request, db, principal, data, act)

    @post("/{story_id:str}/withdraw", permission=Permission.SHOWCASE)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        story_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take a story back."""
        wanted = id_of(story_id)

        async def act() -> str:
            form = ReasonForm.read(data, "reason", "why you take it back")
            await ShowcaseService(db).withdraw(principal, wanted, form.why, form.expected)
            flash(request, "Taken back. Nobody can read it any more")
            return f"{MANAGE}/{wanted}"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return await _show_page(db, principal, wanted, typed(data), error.fields)


class MyStoryController(Controller):
    """The story about one's own plan: to read, to allow, to refuse."""

    path = "/my-plan/story"

    @get("/", permission=Permission.PLANS_AGREE)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the newest story about one's plan, word for word, with the question."""
        return await _mine(db, principal, {})

    @post("/{story_id:str}", permission=Permission.PLANS_AGREE)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        story_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the answer."""
        wanted = id_of(story_id)

        async def act() -> str:
            form = FormReader(data)
            answer = form.option("answer", "yes or no", ("yes", "no"))
            expected = read_expected(form)
            form.done()
            await ShowcaseService(db).answer(principal, wanted, expected, is_yes=answer == "yes")
            said = "Thank you. The council may show this story" if answer == "yes" else "We do not show this story"
            flash(request, said)
            return "/my-plan/story"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return await _mine(db, principal, error.fields)


HANDLERS = [plans_of_the_month, StoryController, MyStoryController]


def state_of(story: PlanShowcase) -> tuple[str, str]:
    """Return where a story is, as a colour key and in words."""
    if story.withdrawn_at is not None:
        return "withdrawn", "Taken back"
    if story.published_at is not None:
        return "published", "Published"
    if story.consent_given is None:
        return "waiting", "Waits for the person"
    return ("agreed", "The person said yes") if story.consent_given else ("refused", "The person said no")


async def _new_page(
    db: AsyncSession,
    principal: Principal,
    plan_id: UUID,
    values: FormData,
    errors: dict[str, str],
    found: list[Any] | None = None,
) -> Template:
    plan, version = await ShowcaseRepository(db).signed(principal.council_id, plan_id)
    context = {
        **_form_context(db, values, errors, found),
        "action": f"{MANAGE}/new/{plan.id}",
        "back": f"/plans/{plan.id}",
        "expected": 0,
        "kept_month": "",
        "number": version.number,
    }
    return Template("plans/story_form.html", context=context, status_code=422 if errors else 200)


def _edit_page(
    db: AsyncSession, story: PlanShowcase, values: FormData, errors: dict[str, str], found: list[Any] | None = None
) -> Template:
    context = {
        **_form_context(db, values, errors, found),
        "action": f"{MANAGE}/{story.id}/change",
        "back": f"{MANAGE}/{story.id}",
        "expected": story.version,
        "kept_month": story.month.isoformat(),
    }
    months = context["months"]
    if story.month.isoformat() not in {value for value, _ in months}:
        context["months"] = [(story.month.isoformat(), month_words(story.month)), *months]
    return Template("plans/story_form.html", context=context, status_code=422 if errors else 200)


def _form_context(
    db: AsyncSession, values: FormData, errors: dict[str, str], found: list[Any] | None
) -> dict[str, Any]:
    return {
        "months": [(month.isoformat(), month_words(month)) for month in current_months(db)],
        "found": found or [],
        "values": typed(values),
        "errors": errors,
    }


async def _show_page(
    db: AsyncSession, principal: Principal, story_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    stories = ShowcaseRepository(db)
    story = await stories.find(principal.council_id, story_id)
    context = {
        "story": story,
        "month": month_words(story.month),
        "plan": await stories.plan_of(principal.council_id, story),
        "state": state_of(story),
        "values": values,
        "errors": errors,
    }
    return Template("plans/story.html", context=context, status_code=422 if errors else 200)


async def _mine(db: AsyncSession, principal: Principal, errors: dict[str, str]) -> Template:
    story = await ShowcaseRepository(db).of_person(principal.council_id, principal.need_person())
    if errors and story is None:
        raise NotFound
    context = {"story": story, "state": state_of(story) if story else None, "values": {}, "errors": errors}
    return Template("plans/my_story.html", context=context, status_code=422 if errors else 200)


def month_words(month: date) -> str:
    """Write a month as people read it, "March 2027"."""
    return f"{month:%B %Y}"


def _found(error: InvalidInput) -> list[Any]:
    return error.found if isinstance(error, TellsWho) else []
