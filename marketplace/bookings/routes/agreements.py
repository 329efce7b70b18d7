"""A person's agreements: writing one from a listing, reading, signing, declining and ending."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.errors import NotBookable, PaidRelative
from marketplace.bookings.models import Side
from marketplace.bookings.routes import agreement_pages as pages
from marketplace.bookings.service.agreements.drafts import Start
from marketplace.bookings.service.agreements.forms import AgreementForm, first_fields
from marketplace.bookings.service.agreements.rules import asks_relation
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit

PREFIX = "/agreements"


class AgreementController(Controller):
    """Agreements of the person, or of the person acted for."""

    path = PREFIX

    @get("/", permission=Permission.BOOKINGS_OWN)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List them, the newest first."""
        return await pages.index_page(db, principal, after)

    @get("/new", permission=Permission.BOOKINGS_REQUEST)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show the form of a new agreement; one that is open about the listing is shown instead."""
        service = SupportAgreementService(db)
        wanted = pages.wanted_id(listing)
        try:
            start = await service.start(principal, wanted)
        except NotBookable as error:
            return _not_possible(error)
        found = await service.open_draft(principal, wanted, principal.need_person())
        if found is not None:
            return Redirect(f"{PREFIX}/{found.id}", status_code=303)
        return await _form(service, principal, start, first_fields({}, start.free_cancel_hours), {})

    @post("/new", permission=Permission.BOOKINGS_REQUEST)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep what was written as a draft, and lead to the page that checks it."""
        service = SupportAgreementService(db)
        try:
            start = await service.start(principal, pages.wanted_id(str(data.get("listing") or "")))
        except NotBookable as error:
            return _not_possible(error)
        if data.get("action") == "add":
            return await _form(service, principal, start, data, {}, more=True)
        try:
            form = _read(service, start, data)

            async def act() -> str:
                made = await service.draft(principal, start, form, principal.need_person(), principal.council_id)
                return f"{PREFIX}/{made.id}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form(service, principal, start, data, error.fields)
        except PaidRelative as error:
            return pages.blocked_page(error, Side.PERSON, f"{PREFIX}/new?listing={start.listing.id}")

    @get("/{agreement_id:str}", permission=Permission.BOOKINGS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show one agreement."""
        return await pages.show_page(db, principal, pages.wanted_id(agreement_id))

    @get("/{agreement_id:str}/edit", permission=Permission.BOOKINGS_REQUEST)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show the form of a draft again."""
        service, wanted = SupportAgreementService(db), pages.wanted_id(agreement_id)
        view, values = await pages.edit_values(service, principal, wanted)
        start = await service.start(principal, view.row.listing.id)
        return await _form(service, principal, start, values, {}, draft_id=wanted)

    @post("/{agreement_id:str}/edit", permission=Permission.BOOKINGS_REQUEST)
    async def rewrite(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep the draft as it is now."""
        service, wanted = SupportAgreementService(db), pages.wanted_id(agreement_id)
        view = await service.view(principal, wanted)
        start = await service.start(principal, view.row.listing.id)
        if data.get("action") == "add":
            return await _form(service, principal, start, data, {}, draft_id=wanted, more=True)
        try:
            form = _read(service, start, data)

            async def act() -> str:
                await service.redraft(principal, wanted, start, form)
                flash(request, "The draft is changed")
                return f"{PREFIX}/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form(service, principal, start, data, error.fields, draft_id=wanted)
        except PaidRelative as error:
            return pages.blocked_page(error, Side.PERSON, f"{PREFIX}/{wanted}")

    @post("/{agreement_id:str}/sign", permission=Permission.BOOKINGS_REQUEST)
    async def sign(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Sign what is open."""
        return await pages.sign_action(request, db, principal, pages.wanted_id(agreement_id), data)

    @get("/{agreement_id:str}/decline", permission=Permission.BOOKINGS_REQUEST)
    async def ask_why_not(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask why, and say what else can be done."""
        return await pages.decline_page(db, principal, pages.wanted_id(agreement_id), {}, {})

    @post("/{agreement_id:str}/decline", permission=Permission.BOOKINGS_REQUEST)
    async def decline(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say no."""
        return await pages.decline_action(request, db, principal, pages.wanted_id(agreement_id), data)

    @post("/{agreement_id:str}/withdraw", permission=Permission.BOOKINGS_REQUEST)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take back what one's own side wrote."""
        return await pages.withdraw_action(request, db, principal, pages.wanted_id(agreement_id), data)

    @get("/{agreement_id:str}/end", permission=Permission.BOOKINGS_REQUEST)
    async def ask_last_day(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask for the last day."""
        return await pages.end_page(db, principal, pages.wanted_id(agreement_id))

    @post("/{agreement_id:str}/end", permission=Permission.BOOKINGS_REQUEST)
    async def end(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Give notice."""
        return await pages.end_action(request, db, principal, pages.wanted_id(agreement_id), data)

    @get("/{agreement_id:str}/versions", permission=Permission.BOOKINGS_OWN)
    async def versions(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show all versions side by side."""
        return await pages.versions_page(db, principal, pages.wanted_id(agreement_id))

    @get("/{agreement_id:str}/print", permission=Permission.BOOKINGS_OWN)
    async def print_it(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show it for paper."""
        return await pages.print_page(db, principal, pages.wanted_id(agreement_id))


def _read(service: SupportAgreementService, start: Start, data: FormData) -> AgreementForm:
    rates = pages.rates_of(start, data, today(service.clock))
    return AgreementForm.read(data, Side.PERSON, start.listing, rates, asks_relation=asks_relation(start.listing))


async def _form(
    service: SupportAgreementService,
    principal: Principal,
    start: Start,
    values: FormData,
    errors: dict[str, str],
    *,
    draft_id: UUID | None = None,
    more: bool = False,
) -> Template:
    listing_id = start.listing.id
    return await pages.form_page(
        service,
        principal,
        start,
        values,
        errors,
        action=f"{PREFIX}/{draft_id}/edit" if draft_id else f"{PREFIX}/new",
        back=f"{PREFIX}/{draft_id}" if draft_id else f"/market/{listing_id}",
        hidden={} if draft_id else {"listing": str(listing_id)},
        more=more,
    )


def _not_possible(error: NotBookable) -> Template:
    return Template("bookings/agreements/not_possible.html", context={"why": error.detail}, status_code=409)
