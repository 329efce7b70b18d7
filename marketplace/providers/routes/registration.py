"""Pages of the link to the regulator's register: the claim, and the council's look at differences."""

from datetime import date
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.models import Organisation, RegulatorLink
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import HELD, LIVE, PAGE, RegulatorLinkRepository
from marketplace.providers.service.registration import LinkDecision, LinkDecisionForm, RegistrationService, read_number
from marketplace.providers.states import RegulatorLinkStatus

LINK_LABELS = {
    RegulatorLinkStatus.MATCHED: "Linked: name and place agree",
    RegulatorLinkStatus.IN_REVIEW: "The council looks at it",
    RegulatorLinkStatus.CONFIRMED: "Linked: confirmed by the council",
    RegulatorLinkStatus.REFUSED: "Not accepted",
    RegulatorLinkStatus.ENDED: "Ended",
}
_STATES = {
    RegulatorLinkStatus.MATCHED: "live",
    RegulatorLinkStatus.IN_REVIEW: "waiting",
    RegulatorLinkStatus.CONFIRMED: "live",
    RegulatorLinkStatus.REFUSED: "refused",
    RegulatorLinkStatus.ENDED: "expired",
}


class RegistrationController(Controller):
    """The own organisation's claim."""

    path = "/provider/evidence/registration"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the link and the form for a number."""
        return await _own_page(db, principal, {}, {})

    @post("/", permission=Permission.ORGANISATION_OWN)
    async def claim(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Tie the organisation to an entry of the register."""
        made: list[RegulatorLink] = []
        try:
            number = read_number(data)

            async def act() -> str:
                made.append(await RegistrationService(db).claim(principal, number))
                return "/provider/evidence/registration"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _own_page(db, principal, data, error.fields)
        if made and made[0].status is RegulatorLinkStatus.IN_REVIEW:
            flash(request, "We found it, but some facts differ. Your council looks at it", kind="information")
        else:
            flash(request, "You are linked to your entry in the register")
        return answer

    @post("/take-back", permission=Permission.ORGANISATION_OWN)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """End the link."""

        async def act() -> str:
            await RegistrationService(db).take_back(principal)
            return "/provider/evidence/registration"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "You have taken the link back")
        return answer


class RegulatorLinkController(Controller):
    """Links as a council sees them."""

    path = "/regulator-links"

    @get("/", permission=Permission.EVIDENCE_SEE)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List those that wait for a look, or the others."""
        start = parse_id(after) if after else None
        if (after and start is None) or view not in (None, "", "all"):
            raise BadRequest
        is_waiting = view != "all"
        found = await RegulatorLinkRepository(db).page(principal.council_id, is_waiting=is_waiting, after=start)
        shown = found[:PAGE]
        context = {
            "items": [{**link_words(link), "organisation": organisation.name} for link, organisation in shown],
            "is_waiting": is_waiting,
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/evidence/links.html", context=context)

    @get("/{link_id:str}", permission=Permission.EVIDENCE_SEE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], link_id: FromPath[str]
    ) -> Template:
        """Show one with its differences."""
        link = await RegulatorLinkRepository(db).find(principal.council_id, _id(link_id))
        return _link_page(link, await OrganisationRepository(db).find(link.organisation_id), {}, {})

    @post("/{link_id:str}", permission=Permission.EVIDENCE_SEE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        link_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Confirm or refuse."""
        link = await RegulatorLinkRepository(db).find(principal.council_id, _id(link_id))
        organisation = await OrganisationRepository(db).find(link.organisation_id)
        try:
            form = LinkDecisionForm.read(data)
        except InvalidInput as error:
            return _link_page(link, organisation, data, error.fields)

        async def act() -> str:
            await RegistrationService(db).decide(principal, link.id, form)
            return "/regulator-links"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Confirmed" if form.decision is LinkDecision.CONFIRM else "Refused")
        return answer


def link_words(link: RegulatorLink) -> dict[str, Any]:
    """Put a link into words for a page."""
    return {
        "id": link.id,
        "number": link.location_id or link.provider_id or "",
        "name": link.register_name,
        "state": _STATES[link.status],
        "words": LINK_LABELS[link.status],
        "register_status": link.register_status.capitalize(),
        "rating": _rating(link),
        "locations": [(item["name"], item["town"] or "Not said", _location_rating(item)) for item in link.locations],
        "differences": link.differences,
        "read_on": uk_date(link.read_at),
        "reason": link.reason,
        "is_waiting": link.status is RegulatorLinkStatus.IN_REVIEW,
        "is_held": link.status in HELD,
        "counts": link.status in LIVE,
    }


def _location_rating(item: dict[str, Any]) -> str:
    """Write a location's rating with its date; without one it is "Not rated", never a number."""
    if item["rating"] and item["rated_on"]:
        return f"{item['rating']}, {uk_date(date.fromisoformat(item['rated_on']))}"
    return item["rating"] or "Not rated"


def _rating(link: RegulatorLink) -> str:
    if link.rating:
        return f"{link.rating}, {uk_date(link.rated_on)}" if link.rated_on else link.rating
    return "Each location has its own" if len(link.locations) > 1 else "Not rated"


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _own_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    link = await RegulatorLinkRepository(db).newest(principal.need_organisation())
    context = {"link": link_words(link) if link else None, "values": values, "errors": errors}
    return Template("providers/evidence/registration.html", context=context, status_code=422 if errors else 200)


def _link_page(link: RegulatorLink, organisation: Organisation, values: FormData, errors: dict[str, str]) -> Template:
    context = {
        "link": link_words(link),
        "organisation": organisation,
        "decisions": [
            (LinkDecision.CONFIRM.value, "Confirm", "It is their registration"),
            (LinkDecision.REFUSE.value, "Refuse", "It is not theirs. They are told why"),
        ],
        "values": values,
        "errors": errors,
    }
    return Template("providers/evidence/link.html", context=context, status_code=422 if errors else 200)
