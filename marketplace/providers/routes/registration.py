"""Pages of the link to the regulator's register: the claim, and the council's look at differences."""

from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.models import AuditEntry
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import NumberTaken
from marketplace.providers.models import Organisation, RegulatorLink
from marketplace.providers.repository.directory_imports import DirectoryImportRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import HELD, LIVE, PAGE, RegulatorLinkRepository
from marketplace.providers.service.register import words_of_rating
from marketplace.providers.service.register_entries import REGISTERED
from marketplace.providers.service.registration import LinkDecision, LinkDecisionForm, RegistrationService, read_number
from marketplace.providers.states import RegulatorLinkStatus

LINK_LABELS = {
    RegulatorLinkStatus.MATCHED: "Linked: name and place agree",
    RegulatorLinkStatus.IN_REVIEW: "The council looks at it",
    RegulatorLinkStatus.CONFIRMED: "Linked: confirmed by the council",
    RegulatorLinkStatus.REFUSED: "Not accepted",
    RegulatorLinkStatus.ENDED: "Ended",
}
_CHANGES = {"registration": "Registration", "name": "Name", "rating": "Rating", "place": "Place"}
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
            typed = str(data.get("number") or "")
            if typed.strip():
                RegistrationService(db).note_refusal(principal, typed, error)
            taken = error.organisation_id if isinstance(error, NumberTaken) else None
            return await _own_page(db, principal, data, error.fields, taken=taken)
        which = _which(made[0]) if made else ""
        if made and made[0].status is RegulatorLinkStatus.IN_REVIEW:
            flash(request, f"{which}We found it, but some facts differ. Your council looks at it", kind="information")
        else:
            flash(request, f"{which}You are linked to your entry in the register")
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

    @get("/changes", permission=Permission.EVIDENCE_SEE)
    async def show_changes(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        before: Annotated[int | None, QueryParameter(ge=1, le=2**62)] = None,
    ) -> Template:
        """List what the last import of the register changed for organisations that the council has to do with."""
        if view not in (None, "", "all"):
            raise BadRequest
        last = (await DirectoryImportRepository(db).state()).good
        import_id = None if view == "all" else last.id if last else UUID(int=0)
        found = await RegulatorLinkRepository(db).changes(principal.council_id, import_id=import_id, before=before)
        shown = found[:PAGE]
        context = {
            "items": [change_words(entry, organisation) for entry, organisation in shown],
            "last": last,
            "is_all": view == "all",
            "next_before": shown[-1][0].number if len(found) > PAGE else None,
        }
        return Template("providers/evidence/changes.html", context=context)

    @get("/{link_id:str}", permission=Permission.EVIDENCE_SEE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], link_id: FromPath[str]
    ) -> Template:
        """Show one with its differences."""
        link = await RegulatorLinkRepository(db).find(principal.council_id, _id(link_id))
        return await _link_page(db, link, await OrganisationRepository(db).find(link.organisation_id), {}, {})

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
            return await _link_page(db, link, organisation, data, error.fields)

        async def act() -> str:
            await RegistrationService(db).decide(principal, link.id, form)
            return "/regulator-links"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Confirmed" if form.decision is LinkDecision.CONFIRM else "Refused")
        return answer


def link_words(link: RegulatorLink, provider_name: str = "") -> dict[str, Any]:
    """Put a link into words for a page; `provider_name` is that of the provider that runs a linked location."""
    run_by = f", run by {provider_name} ({link.provider_id})" if provider_name and link.provider_id else ""
    return {
        "id": link.id,
        "number": link.location_id or link.provider_id or "",
        "kind": f"A location: one place{run_by}" if link.location_id else "A provider, with all its places",
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


def change_words(entry: AuditEntry, organisation: Organisation) -> dict[str, Any]:
    """Put a change of the register into words for a row of a table."""
    before, after = entry.before or {}, entry.after or {}
    what = entry.action.rpartition("_")[2]
    return {
        "organisation_id": organisation.id,
        "organisation": organisation.name,
        "what": _CHANGES.get(what, "Facts"),
        "about": str(after.get("about", "")),
        "number": str(after.get("number", "")),
        "before": _said(what, before),
        "after": _said(what, after),
        "successors": "; ".join(after.get("successors", [])),
        "is_lost": what in ("registration", "place") and after.get("status") != REGISTERED,
        "read_on": uk_date(entry.at),
    }


def _said(what: str, values: dict[str, Any]) -> str:
    """Write one side of a change; a rating has its date, and one that is not there is "Not rated"."""
    if what == "rating":
        return words_of_rating(str(values.get("rating") or ""), values.get("rated_on"), uk_date)
    if what == "name":
        return str(values.get("name", ""))
    return str(values.get("status") or "Not there").capitalize()


def _which(link: RegulatorLink) -> str:
    """Say which sort of number was given: either does, but they stand for different things."""
    if link.location_id:
        return f"This is the number of a location, {link.register_name}. "
    places = "1 place" if len(link.locations) == 1 else f"{len(link.locations)} places"
    return f"This is the number of a provider, {link.register_name}, with {places}. "


def _location_rating(item: dict[str, Any]) -> str:
    return words_of_rating(item["rating"], item["rated_on"], uk_date)


def _rating(link: RegulatorLink) -> str:
    if link.rating:
        return f"{link.rating}, {uk_date(link.rated_on)}" if link.rated_on else link.rating
    return "Each location has its own" if len(link.locations) > 1 else "Not rated"


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _provider_name(db: AsyncSession, link: RegulatorLink) -> str:
    if not link.location_id or not link.provider_id:
        return ""
    provider = await RegulatorLinkRepository(db).register_provider(link.provider_id)
    return provider.name if provider else ""


async def _own_page(
    db: AsyncSession,
    principal: Principal,
    values: FormData,
    errors: dict[str, str],
    *,
    taken: UUID | None = None,
) -> Template:
    """Show the link and the form; `taken` is the organisation that has the number already."""
    link = await RegulatorLinkRepository(db).newest(principal.need_organisation())
    context = {
        "link": link_words(link, await _provider_name(db, link)) if link else None,
        "values": values,
        "errors": errors,
        "taken": await OrganisationRepository(db).find(taken) if taken else None,
    }
    return Template("providers/evidence/registration.html", context=context, status_code=422 if errors else 200)


async def _link_page(
    db: AsyncSession, link: RegulatorLink, organisation: Organisation, values: FormData, errors: dict[str, str]
) -> Template:
    context = {
        "link": link_words(link, await _provider_name(db, link)),
        "organisation": organisation,
        "decisions": [
            (LinkDecision.CONFIRM.value, "Confirm", "It is their registration"),
            (LinkDecision.REFUSE.value, "Refuse", "It is not theirs. They are told why"),
        ],
        "values": values,
        "errors": errors,
    }
    return Template("providers/evidence/link.html", context=context, status_code=422 if errors else 200)
