"""Pages on which a provider registers itself: one question a page, nothing personal in an address."""

from typing import Any
from urllib.parse import urlencode

from litestar import Controller, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Principal
from marketplace.core.database import scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData
from marketplace.providers.errors import HereAlready, JoinLinkDead, OutsideCouncils
from marketplace.providers.service.duplicates import Alike, AlikeBy
from marketplace.providers.service.joining import DRAFT_LIFE, Confirmed, JoiningService
from marketplace.providers.service.joining_answers import (
    ANOTHER,
    ASK,
    KINDS,
    STEPS,
    is_asking,
    open_step,
    round_of,
    steps_of,
    values_of,
)

COOKIE = "join"


class JoinController(Controller):
    """Registering a provider, as a visitor."""

    path = "/join"

    @get("/", permission=None, visitor_form=True)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        round: FromQuery[str | None] = None,
    ) -> Template:
        """Say what is asked and what happens then. Who comes from a round of a council is led back there at the end."""
        service = JoiningService(db)
        await service.come_from(_secret(request), round or "")
        joining = await service.current(_secret(request))
        await scope_to(db, "every")
        councils = [council.name for council in await AccountRepository(db).councils()]
        context = {"next_step": open_step(joining) or "check", "has_answers": joining is not None, "councils": councils}
        context["round"] = round_of(round or "").get("round", "")
        return Template("providers/join/start.html", context=context)

    @get("/here", permission=None, visitor_form=True)
    async def here(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Template | Redirect:
        """Say that the organisation is here, and what there is to do. Nothing is shown of its people."""
        service = JoiningService(db)
        joining = await service.current(_secret(request))
        try:
            found = await service.recognising.here(joining)
        except NotFound:
            return Redirect(f"/join/{open_step(joining) or 'check'}", status_code=303)
        return _here_page("/join/here", found, values_of(joining), {})

    @post("/here", permission=None, visitor_form=True)
    async def choose(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        data: URLEncodedBody[FormData],
        visitor: NamedDependency[Principal | None],
    ) -> Template | Redirect:
        """Keep whether they ask to join it, or theirs is another group."""
        if visitor is not None:
            return _signed_in(request)
        service = JoiningService(db)
        await scope_to(db, "every")
        try:
            joining = await service.choose(_secret(request), data)
        except InvalidInput as error:
            found = await service.recognising.here(await service.current(_secret(request)))
            return _here_page("/join/here", found, data, error.fields)
        except NotFound:
            return Redirect("/join", status_code=303)
        return Redirect(f"/join/{open_step(joining) or 'check'}", status_code=303)

    @get("/{step:str}", permission=None, visitor_form=True)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        step: FromPath[str],
        round: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show one question."""
        joining = await JoiningService(db).current(_secret(request))
        if step not in STEPS:
            raise NotFound
        if step not in steps_of(values_of(joining)):
            return Redirect("/join/check", status_code=303)
        return _question(step, {**values_of(joining), **round_of(round or "")}, {}, open_step(joining) is None)

    @post("/{step:str}", permission=None, visitor_form=True)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        step: FromPath[str],
        data: URLEncodedBody[FormData],
        visitor: NamedDependency[Principal | None],
    ) -> Template | Response[Any]:
        """Keep the answer, then ask the next question."""
        if visitor is not None:
            return _signed_in(request)
        service = JoiningService(db)
        await scope_to(db, "every")
        try:
            async with db.begin_nested():
                joining, secret = await service.answer(_secret(request), step, data, _address(request))
        except OutsideCouncils:
            return Redirect("/join/outside", status_code=303)
        except InvalidInput as error:
            current = await service.current(_secret(request))
            values = {**values_of(current), **data}
            values.pop("password", None)
            return _question(step, values, error.fields, open_step(current) is None)
        answer = Redirect(f"/join/{open_step(joining) or 'check'}", status_code=303)
        answer.set_cookie(_cookie(request, secret))
        return answer

    @get("/check", permission=None, visitor_form=True)
    async def check(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Template | Redirect:
        """Show all answers before they are sent in."""
        service = JoiningService(db)
        joining = await service.current(_secret(request))
        missing = open_step(joining)
        if joining is None or missing is not None:
            return Redirect(f"/join/{missing}", status_code=303)
        values = values_of(joining)
        context = {
            "values": values,
            "kind": next(label for one, (label, _) in KINDS.items() if one.value == values["kind"]),
            "steps": steps_of(values),
            "asks": (await service.recognising.here(joining)).organisation.name if is_asking(values) else "",
            "errors": {},
        }
        return Template("providers/join/check.html", context=context)

    @post("/check", permission=None, visitor_form=True)
    async def submit(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        visitor: NamedDependency[Principal | None],
    ) -> Response[Any]:
        """Send it in. The answer is the same whether or not the e-mail address is known."""
        if visitor is not None:
            return _signed_in(request)
        await scope_to(db, "every")
        try:
            missing = await JoiningService(db).submit(_secret(request), _address(request))
        except (OutsideCouncils, InvalidInput):
            return Redirect("/join/place", status_code=303)
        if missing is not None:
            return Redirect(f"/join/{missing}", status_code=303)
        answer = Redirect("/join/sent", status_code=303)
        answer.set_cookie(_cookie(request, "", max_age=0))
        return answer

    @get("/sent", permission=None)
    async def sent(self) -> Template:
        """Say that a link is on its way."""
        return Template("providers/join/sent.html")

    @get("/outside", permission=None)
    async def outside(self, db: NamedDependency[AsyncSession]) -> Template:
        """Say which councils are here, and what else there is."""
        await scope_to(db, "every")
        councils = [council.name for council in await AccountRepository(db).councils()]
        return Template("providers/join/outside.html", context={"councils": councils})

    @post("/forget", permission=None, visitor_form=True)
    async def forget(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[Any]:
        """Delete the answers."""
        await JoiningService(db).forget(_secret(request))
        flash(request, "Your answers have been deleted")
        answer = Redirect("/join", status_code=303)
        answer.set_cookie(_cookie(request, "", max_age=0))
        return answer

    @get("/confirm/{link:str}", permission=None, visitor_form=True)
    async def confirm_page(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], link: FromPath[str]
    ) -> Template:
        """Ask for one click more: programs that check mail for viruses open links, people press buttons."""
        try:
            await JoiningService(db).waiting(request.app.state.settings.secret_key, link[:200])
        except JoinLinkDead:
            return Template("providers/join/dead.html", status_code=404)
        return Template("providers/join/confirm.html", context={"link": link[:200], "errors": {}})

    @post("/confirm/{link:str}", permission=None, visitor_form=True)
    async def confirm(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        link: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Make the account, then let them sign in with the password they chose; or ask to be let in."""
        await scope_to(db, "every")
        service, key = JoiningService(db), request.app.state.settings.secret_key
        try:
            wanted = await service.wanted_round(key, link[:200])
            async with db.begin_nested():
                came = await service.confirm(key, link[:200], str(data.get("here_choice") or ""))
        except OutsideCouncils:
            return Redirect("/join/outside", status_code=303)
        except JoinLinkDead:
            return Template("providers/join/dead.html", status_code=404)
        except HereAlready as error:
            await service.note_here(key, link[:200], error)
            found = await service.recognising.here(await service.waiting(key, link[:200]))
            return _here_page(f"/join/confirm/{link[:200]}", found, {}, {}, status_code=409)
        if came is Confirmed.ASKED:
            return Redirect("/join/asked", status_code=303)
        following = f"/sign-in?{urlencode({'next': f'/provider/applications/new?round={wanted}'})}" if wanted else ""
        if came is Confirmed.ALREADY_IN:
            flash(request, "You can sign in for this organisation already", kind="information")
            return Redirect(following or "/sign-in?next=/provider/organisation", status_code=303)
        flash(request, "Your e-mail address is confirmed. Sign in with your password to go on")
        return Redirect(following or "/sign-in?next=/provider/evidence", status_code=303)

    @get("/asked", permission=None)
    async def asked(self) -> Template:
        """Say that the organisation is asked."""
        return Template("providers/join/asked.html")


def _address(request: Request[Any, Any, Any]) -> str:
    return request.client.host if request.client else "unknown"


def _here_page(action: str, found: Alike, values: FormData, errors: dict[str, str], status_code: int = 200) -> Template:
    context = {
        "action": action,
        "name": found.organisation.name,
        "is_sure": found.by is AlikeBy.NUMBER,
        "choices": [(ASK, "Ask to join it", "We ask the people who look after it, or its council")]
        + ([] if found.by is AlikeBy.NUMBER else [(ANOTHER, "No, we are another group")]),
        "values": values,
        "errors": errors,
    }
    return Template("providers/join/here.html", context=context, status_code=422 if errors else status_code)


def _name(request: Request[Any, Any, Any]) -> str:
    return f"__Host-{COOKIE}" if request.app.state.settings.is_https else COOKIE


def _secret(request: Request[Any, Any, Any]) -> str | None:
    return request.cookies.get(_name(request))


def _cookie(request: Request[Any, Any, Any], secret: str, max_age: int | None = None) -> Cookie:
    return Cookie(
        key=_name(request),
        value=secret,
        max_age=int(DRAFT_LIFE.total_seconds()) if max_age is None else max_age,
        path="/",
        httponly=True,
        samesite="lax",
        secure=request.app.state.settings.is_https,
    )


def _signed_in(request: Request[Any, Any, Any]) -> Redirect:
    flash(request, "You are signed in. Sign out first to register another organisation", kind="information")
    return Redirect("/home", status_code=303)


def _question(step: str, values: FormData, errors: dict[str, str], is_change: bool) -> Template:
    steps = steps_of(values)
    # A form sent in again after the answers changed what is asked is still shown.
    place = steps.index(step) if step in steps else 0
    back = "/join/check" if is_change else f"/join/{steps[place - 1]}" if place else "/join"
    context = {
        "step": step,
        "number": place + 1,
        "total": len(steps),
        "back_href": back,
        "alone": values.get("kind") == "sole_pa",
        "kinds": [(kind.value, label, hint) if hint else (kind.value, label) for kind, (label, hint) in KINDS.items()],
        "values": values,
        "errors": errors,
    }
    return Template("providers/join/question.html", context=context, status_code=422 if errors else 200)
