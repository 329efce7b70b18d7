"""Helpers with somebody's own plan: the person's page, and the pages that a helper's link opens."""

from datetime import timedelta
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.service import token_hash
from marketplace.core.errors import InvalidInput, NotFound, StaleForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit
from marketplace.plans.content import MOST_ITEMS
from marketplace.plans.errors import PlanNotEditable, SectionClash
from marketplace.plans.models import HelperKind
from marketplace.plans.repository.sections import SectionRepository
from marketplace.plans.routes.common import attempt, id_of, may_cost, typed
from marketplace.plans.routes.own import HERE, REMOVE, my_own
from marketplace.plans.routes.writing import (
    ASK_OF_HELPER,
    HELPER_NAMES,
    clash_of,
    read_typed,
    section_page,
    typed_words,
)
from marketplace.plans.sections import BY_KEY, SECTIONS, texts_of
from marketplace.plans.service.helpers import MOST_DAYS, HelperForm, HelperService, HelpPage

SECRET_HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    # The address is a secret: no page that somebody goes on to may learn it, not even one of ours.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
KINDS = [
    (HelperKind.FAMILY.value, "Family or a friend"),
    (HelperKind.PEER.value, "Somebody who has a plan, too"),
    (HelperKind.PLANNER.value, "A planner or an advocate"),
    (HelperKind.OTHER.value, "Somebody else"),
]


class HelperController(Controller):
    """What the person does."""

    path = f"{HERE}/helpers"

    @get("/", permission=Permission.PLAN_OWN)
    async def show(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Show who helps, with their links, and ask for another."""
        days = await HelperService(db).usual_days(principal.council_id)
        return await _page(request, db, principal, {"days": str(days)}, {})

    @post("/", permission=Permission.PLAN_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask somebody."""
        found = await my_own(db, principal)

        async def act() -> str:
            form = HelperForm.read(data)
            await HelperService(db).ask(principal, found.plan.id, form, request.app.state.settings.secret_key)
            flash(request, "We have sent the link" if form.email else "The link is ready. Copy it and send it yourself")
            return f"{HERE}/helpers"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return await _page(request, db, principal, {**typed(data), "sections": data.get("sections")}, error.fields)

    @post("/{helper_id:str}/end", permission=Permission.PLAN_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        helper_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End somebody's help."""
        wanted, found = id_of(helper_id), await my_own(db, principal)

        async def act() -> str:
            await HelperService(db).end(principal, found.plan.id, wanted)
            flash(request, "The link does not work any more. What they wrote stays in your plan")
            return f"{HERE}/helpers"

        return await attempt(request, db, principal, data, act)


@get("/help-with-plan/{secret:str}", permission=None, visitor_form=True)
async def help_page(db: NamedDependency[AsyncSession], secret: FromPath[str]) -> Template:
    """Show a helper the sections that they were asked for."""
    try:
        page = await HelperService(db).open(secret)
    except NotFound:
        return _gone()
    sections = SectionRepository(db)
    texts = texts_of(page.version, await sections.rows(page.version.id), await sections.items(page.version.id))
    context = {
        **_about(page, secret),
        "texts": [text for text in texts if text.section.key in page.keys],
        "clashes": {text.section.key for text in texts if clash_of(text.row)},
        "closed": page.closed,
    }
    return Template("plans/own/help.html", context=context, headers=SECRET_HEADERS)


@get("/help-with-plan/{secret:str}/{key:str}", permission=None, visitor_form=True)
async def help_section(
    db: NamedDependency[AsyncSession],
    secret: FromPath[str],
    key: FromPath[str],
    rows: Annotated[int, QueryParameter(name="rows", ge=1, le=MOST_ITEMS)] = 1,
) -> Template:
    """Show a helper one section to write in."""
    try:
        page = await _section_of(db, secret, key)
    except NotFound:
        return _gone()
    if page.closed:
        return _closed(page, secret, key, {}, status=200)
    return await section_page(
        db, page.version, key, await _context(db, page, secret, key), rows=rows, headers=SECRET_HEADERS
    )


@post("/help-with-plan/{secret:str}/{key:str}", permission=None, visitor_form=True)
async def help_write(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    secret: FromPath[str],
    key: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Save what a helper wrote in a section."""
    more = ""

    async def act() -> str:
        nonlocal more
        action = str(data.get("action") or "save")
        removed = REMOVE.match(action)
        what, keep = read_typed(key, data, int(removed.group(1)) if removed else 0, names=HELPER_NAMES)
        await HelperService(db).write(secret, what, FormReader(data).raw("seen"), keep)
        if action == "add" and len(what.items) < MOST_ITEMS:
            more = f"/{key}?rows={len(what.items) + 1}#item-{len(what.items) + 1}"
        elif removed:
            more = f"/{key}"
        flash(request, "Saved")
        # Without the secret, of which nothing but the hash may be kept: the address is made below.
        return "/help-with-plan/"

    try:
        page = await _section_of(db, secret, key)
        context = await _context(db, page, secret, key)
        async with db.begin_nested():
            await submit(request, db, f"plan-helper:{token_hash(secret).hex()}", data, act)
    except NotFound:
        # The person ended the help while this was being written: the words are the helper's, and shown back.
        return _gone(typed_words(key, data) if key in BY_KEY else (), status=404)
    except InvalidInput as error:
        return await section_page(
            db,
            page.version,
            key,
            context,
            values=typed(data),
            errors=error.fields,
            is_clash=bool(data.get("clash")),
            headers=SECRET_HEADERS,
        )
    except (SectionClash, StaleForm):
        await db.refresh(page.version)
        return await section_page(
            db, page.version, key, context, values=typed(data), is_clash=True, headers=SECRET_HEADERS
        )
    except PlanNotEditable:
        return _closed(await _section_of(db, secret, key), secret, key, data, status=409)
    return Redirect(f"/help-with-plan/{secret}{more}", status_code=303)


async def _section_of(db: AsyncSession, secret: str, key: str) -> HelpPage:
    page = await HelperService(db).open(secret)
    if key not in page.keys:
        raise NotFound
    return page


def _about(page: HelpPage, secret: str) -> dict[str, Any]:
    return {
        "secret": secret,
        "helper": page.helper,
        "given_name": page.person.given_name,
        "last_day": page.helper.expires_at,
    }


async def _context(db: AsyncSession, page: HelpPage, secret: str, key: str) -> dict[str, Any]:
    return {
        **_about(page, secret),
        "action": f"/help-with-plan/{secret}/{key}",
        "back_href": f"/help-with-plan/{secret}",
        "title": BY_KEY[key].title,
        "caption": f"The plan of {page.person.given_name}",
        "prompts": BY_KEY[key].prompts,
        # What the council would pay is part of the money: only who helps with that learns of it.
        "budget_pence": await may_cost(db, page.plan) if "money" in page.keys else 0,
        "ask": ASK_OF_HELPER,
    }


def _closed(page: HelpPage, secret: str, key: str, data: FormData, *, status: int) -> Template:
    context = {
        "reason": page.closed,
        "section": BY_KEY[key],
        "typed": typed_words(key, data),
        "back_href": f"/help-with-plan/{secret}",
    }
    return Template("plans/own/closed.html", context=context, status_code=status, headers=SECRET_HEADERS)


def _gone(words: Any = (), *, status: int = 404) -> Template:
    return Template("plans/own/help_gone.html", context={"typed": words}, status_code=status, headers=SECRET_HEADERS)


async def _page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    values: dict[str, Any],
    errors: dict[str, str],
) -> Template:
    found = await my_own(db, principal)
    settings = request.app.state.settings
    helpers = await HelperService(db).of_plan(principal, found.plan.id, settings.secret_key)
    context = {
        "helpers": helpers,
        "public_url": settings.public_url,
        "by_key": BY_KEY,
        "kinds": KINDS,
        "kind_labels": dict(KINDS),
        "section_options": [(section.key, section.title) for section in SECTIONS],
        "most_days": MOST_DAYS,
        "last_day": timedelta(days=1),
        "values": values,
        "errors": errors,
    }
    return Template("plans/own/helpers.html", context=context, status_code=422 if errors else 200)
