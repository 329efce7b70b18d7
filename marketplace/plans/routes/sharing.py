"""Sharing one's plan with organisations, and reading what was shared."""

from datetime import date
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.web import FormData
from marketplace.people.models import Person
from marketplace.plans.faces import COMMUNICATION, OUTCOMES, SHARED_KEYS, title_of, titles_of
from marketplace.plans.models import AskedBy
from marketplace.plans.paper import face_pdf
from marketplace.plans.review_forms import AskForm
from marketplace.plans.routes.common import attempt, id_of, typed
from marketplace.plans.routes.faces import face_context, pdf_answer
from marketplace.plans.service.sharing import SharedPlan, ShareForm, SharingService

PROPOSED = (COMMUNICATION, "about_me", OUTCOMES)
"""What the form has ticked at first: what most who come to help need to know."""
HINTS = {
    COMMUNICATION: "Your languages, and if you need large print or a sign language interpreter",
    OUTCOMES: "They see what things cost only if you share “My money”, too",
    "money": "Only share this if they look after your money",
}


class MyShareController(Controller):
    """Who may read a person's plan, for the person or somebody who acts for them."""

    path = "/my-shares"

    @get("/", permission=Permission.PLAN_OWN)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what is shared, with whom, until when, and who read it."""
        shares = await SharingService(db).of_own(principal)
        context = {
            "live": [(own, titles_of(own.share.sections)) for own in shares if own.is_live],
            "past": [own for own in shares if not own.is_live],
        }
        return Template("plans/shares/index.html", context=context)

    @get("/new", permission=Permission.PLAN_OWN)
    async def choose(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        words: Annotated[str, QueryParameter(name="name", max_length=100)] = "",
    ) -> Template:
        """Find the organisation by its name."""
        found = await SharingService(db).to_choose(principal, words.strip())
        return Template("plans/shares/choose.html", context={"found": found, "words": words.strip()})

    @get("/new/{organisation_id:str}", permission=Permission.PLAN_OWN)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], organisation_id: FromPath[str]
    ) -> Template:
        """Ask what to share and until when."""
        last = await SharingService(db).usual_last_day(principal)
        values = {"sections": list(PROPOSED), **_day_fields(last)}
        return await _form(db, principal, id_of(organisation_id), values, {})

    @post("/new/{organisation_id:str}", permission=Permission.PLAN_OWN)
    async def share(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Let the organisation read it."""
        wanted = id_of(organisation_id)
        organisation = await SharingService(db).chosen(principal, wanted)

        async def act() -> str:
            form = ShareForm.read(data, today(clock_of(db)))
            await SharingService(db).share(principal, wanted, form)
            flash(request, f"{organisation.name} can now read what you chose, until {uk_date(form.last_on)}")
            return "/my-shares"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            chosen = data.get("sections", [])
            values = {**typed(data), "sections": chosen if isinstance(chosen, list) else [chosen]}
            return await _form(db, principal, wanted, values, error.fields)

    @get("/{share_id:str}/end", permission=Permission.PLAN_OWN)
    async def ask_end(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], share_id: FromPath[str]
    ) -> Template:
        """Ask whether to take it back."""
        service = SharingService(db)
        share = await service.own(principal, id_of(share_id))
        name = await service.shares.organisation_name(share.organisation_id)
        context = {"share": share, "organisation_name": name, "titles": titles_of(share.sections)}
        return Template("plans/shares/end.html", context=context)

    @post("/{share_id:str}/end", permission=Permission.PLAN_OWN)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        share_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take it back."""
        wanted = id_of(share_id)

        async def act() -> str:
            await SharingService(db).end(principal, wanted, data)
            flash(request, "They cannot read your plan any more")
            return "/my-shares"

        return await attempt(request, db, principal, data, act)


class SharedPlanController(Controller):
    """Plans that people share with the reader's organisation."""

    path = "/shared-plans"

    @get("/", permission=Permission.PLANS_SHARED_READ)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List what is shared with the organisation now."""
        lines = await SharingService(db).readable(principal)
        return Template("plans/shares/shared.html", context={"lines": lines, "titles_of": titles_of})

    @get("/{share_id:str}", permission=Permission.PLANS_SHARED_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], share_id: FromPath[str]
    ) -> Template:
        """Show the shared parts; the person sees that they were read."""
        shared = await SharingService(db).read(principal, id_of(share_id))
        context = {
            "share": shared.line.share,
            "person": shared.line.person,
            "version": shared.version,
            **face_context(shared.face),
        }
        return Template("plans/shares/show.html", context=context)

    @get("/{share_id:str}/ask-review", permission=Permission.PLANS_SHARED_READ)
    async def show_ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], share_id: FromPath[str]
    ) -> Template:
        """Ask why a review is needed now."""
        line = await SharingService(db).line(principal, id_of(share_id))
        return ask_page(line.person, f"/shared-plans/{line.share.id}", {}, {})

    @post("/{share_id:str}/ask-review", permission=Permission.PLANS_SHARED_READ)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        share_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask for a review of the plan of somebody whom the organisation supports."""
        line = await SharingService(db).line(principal, id_of(share_id))
        wanted, person, back = line.share.id, line.person, f"/shared-plans/{line.share.id}"

        async def act() -> str:
            form = AskForm.read(data, AskedBy.PROVIDER)
            await SharingService(db).ask_review(principal, wanted, form)
            flash(request, ASKED)
            return back

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return ask_page(person, back, typed(data), error.fields)

    @get("/{share_id:str}/plan.pdf", permission=Permission.PLANS_SHARED_READ)
    async def file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], share_id: FromPath[str]
    ) -> Response[bytes]:
        """Give the shared parts as a PDF."""
        shared = await SharingService(db).read(principal, id_of(share_id))
        day = today(clock_of(db))
        about = [_why(shared), f"Printed on {uk_date(day)}. Keep it safe, and destroy it when your work ends."]
        title = f"Shared parts of the plan of {shared.line.person.name}"
        return pdf_answer(await face_pdf(shared.face, title, about, (), day), "shared-plan")


ASKED = "Thank you. Who holds the review is told, and plans it within four weeks"


def ask_page(person: Person, back: str, values: dict[str, Any], errors: dict[str, str]) -> Template:
    """Return the page on which an organisation asks for a review; its form goes to `back`/ask-review."""
    context = {"person": person, "back": back, "values": values, "errors": errors}
    return Template("plans/shares/ask_review.html", context=context, status_code=422 if errors else 200)


async def _form(
    db: AsyncSession, principal: Principal, organisation_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    organisation = await SharingService(db).chosen(principal, organisation_id)
    context = {
        "organisation": organisation,
        "options": [(key, title_of(key), HINTS[key]) if key in HINTS else (key, title_of(key)) for key in SHARED_KEYS],
        "values": values,
        "errors": errors,
    }
    return Template("plans/shares/new.html", context=context, status_code=422 if errors else 200)


def _day_fields(day: date) -> dict[str, str]:
    return {"last_on-day": str(day.day), "last_on-month": str(day.month), "last_on-year": str(day.year)}


def _why(shared: SharedPlan) -> str:
    line = shared.line
    return f"Shared with {line.organisation.name} by the person, from {uk_date(line.share.starts_on)}."
