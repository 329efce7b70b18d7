"""The council's pages of organisations that may be one: suspected pairs, side by side, and joining two into one."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import scope_to
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.providers.errors import MergeRefused
from marketplace.providers.repository.merges import MergeRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.duplicates import DuplicateService
from marketplace.providers.service.merging import MergeForm, MergeService, read_choice
from marketplace.providers.service.organisations import KIND_LABELS

SHOWN = 50
COUNTS = (
    ("people", "People who can sign in"),
    ("workers", "Workers"),
    ("listings", "Listings on the market"),
    ("evidence", "Pieces of evidence in date"),
    ("accreditations", "Accreditations"),
    ("applications", "Applications that run"),
    ("enquiries", "Open questions of people"),
    ("offers", "Open offers"),
    ("coming", "Coming visits"),
    ("bookings", "Bookings in all"),
    ("plans", "Plans"),
    ("invoices", "Invoices"),
)
FACTS = (
    ("charity_number", "Charity number"),
    ("company_number", "Company number"),
    ("cqc_provider_id", "Care Quality Commission number"),
    ("address_line", "Address"),
    ("town", "Town"),
    ("postcode", "Postcode"),
    ("phone", "Phone number"),
    ("email", "E-mail address"),
    ("website", "Website"),
)


class MergeController(Controller):
    """Duplicates and merged firms."""

    path = "/organisations/merges"

    @get("/", permission=Permission.ORGANISATIONS_MERGE)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List pairs that may be one, and what was joined before."""
        await scope_to(db, "every")
        pairs = await DuplicateService(db).suspected(principal.council_id)
        context = {
            "pairs": pairs[:SHOWN],
            "more": len(pairs) - SHOWN if len(pairs) > SHOWN else 0,
            "done": await MergeRepository(db).done(principal.council_id),
            "values": {},
            "errors": {},
        }
        return Template("providers/merges/index.html", context=context)

    @get("/choose", permission=Permission.ORGANISATIONS_MERGE)
    async def choose(
        self,
        db: NamedDependency[AsyncSession],
        one: FromQuery[str | None] = None,
        q: FromQuery[str | None] = None,
    ) -> Template:
        """Look for two organisations by name: a firm that took over another has another name and number."""
        repository = OrganisationRepository(db)
        words = (q or "").strip()[:200]
        first = await repository.find(_id(one)) if one else None
        found = (await repository.page(words, None))[:20] if words else []
        context = {
            "first": first,
            "found": [row for row in found if row.merged_into_id is None and (first is None or row.id != first.id)],
            "values": {"q": words},
            "errors": {},
        }
        return Template("providers/merges/choose.html", context=context)

    @get("/compare", permission=Permission.ORGANISATIONS_MERGE)
    async def compare(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        one: FromQuery[str | None] = None,
        other: FromQuery[str | None] = None,
    ) -> Template:
        """Show two organisations side by side and ask which one stays."""
        if not one or not other:
            raise BadRequest
        return await _compare_page(db, principal, _id(one), _id(other), {}, {})

    @post("/compare", permission=Permission.ORGANISATIONS_MERGE)
    async def chosen(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], data: URLEncodedBody[FormData]
    ) -> Redirect | Template:
        """Go on with the one that stays."""
        one, other = _id(str(data.get("one") or "")), _id(str(data.get("other") or ""))
        try:
            goes, stays = read_choice(data, one, other)
        except InvalidInput as error:
            return await _compare_page(db, principal, one, other, data, error.fields)
        return Redirect(f"/organisations/merges/{goes}/{stays}", status_code=303)

    @get("/{from_id:str}/{into_id:str}", permission=Permission.ORGANISATIONS_MERGE)
    async def preview(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        from_id: FromPath[str],
        into_id: FromPath[str],
    ) -> Template:
        """Say what moves and what stays before it is done."""
        return await _preview_page(db, principal, _id(from_id), _id(into_id), {"listings": "move"}, {})

    @post("/{from_id:str}/{into_id:str}", permission=Permission.ORGANISATIONS_MERGE)
    async def merge(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        from_id: FromPath[str],
        into_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Join the two into one."""
        goes, stays = _id(from_id), _id(into_id)
        service = MergeService(db)
        try:
            form = MergeForm.read(data)

            async def act() -> str:
                await service.merge(principal, goes, stays, form)
                return f"/organisations/{stays}"

            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _preview_page(db, principal, goes, stays, typed(data), error.fields)
        except MergeRefused as error:
            service.note_refusal(principal, goes, stays, error.detail)
            context = {"why": error.detail}
            return Template("providers/merges/refused.html", context=context, status_code=409)
        flash(request, "The two are one now. Councils and people concerned are told")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _compare_page(
    db: AsyncSession, principal: Principal, one: UUID, other: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    pair = await MergeService(db).pair(principal, one, other)
    sides = (pair.goes, pair.stays)
    rows = [["Kind", *(KIND_LABELS[side.organisation.kind] for side in sides)]]
    rows += [[label, *(getattr(side.organisation, name) or "Not said" for side in sides)] for name, label in FACTS]
    rows += [[label, *(str(side.counts[key]) for side in sides)] for key, label in COUNTS]
    context = {
        "one": pair.goes.organisation,
        "other": pair.stays.organisation,
        "rows": rows,
        "values": values,
        "errors": errors,
    }
    return Template("providers/merges/compare.html", context=context, status_code=422 if errors else 200)


async def _preview_page(
    db: AsyncSession, principal: Principal, goes: UUID, stays: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    pair = await MergeService(db).pair(principal, goes, stays)
    context = {
        "pair": pair,
        "goes": pair.goes.organisation,
        "stays": pair.stays.organisation,
        "counts": pair.goes.counts,
        "values": values,
        "errors": errors,
    }
    return Template("providers/merges/preview.html", context=context, status_code=422 if errors else 200)
