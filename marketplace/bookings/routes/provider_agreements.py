"""A provider's agreements with the people it supports: writing, signing, new terms, ending."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.permissions import Role
from marketplace.bookings.errors import NotBookable, PaidRelative
from marketplace.bookings.models import Side
from marketplace.bookings.routes import agreement_pages as pages
from marketplace.bookings.service.agreements import words
from marketplace.bookings.service.agreements.drafts import Start
from marketplace.bookings.service.agreements.forms import (
    AgreementForm,
    ChangeForm,
    SignForm,
    first_fields,
    terms_fields,
)
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.agreements.views import AgreementView
from marketplace.bookings.states import AgreementStatus
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.idempotency import FORM_ID_FIELD
from marketplace.core.web import FormData, submit, typed

PREFIX = "/provider/clients"
PEOPLE = 50
_NOT_KEPT = {"csrf_token", FORM_ID_FIELD, "action", "name", "agree", "seen"}


class ClientController(Controller):
    """Agreements of the organisation, or of the personal assistant alone."""

    path = PREFIX

    @get("/", permission=Permission.BOOKINGS_ANSWER)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List agreements, and the people who may be offered one."""
        alone = principal.worker_id if principal.role is Role.PA else None
        people = await SupportAgreementService(db).agreements.known_people(
            principal.councils, principal.need_organisation(), alone, PEOPLE
        )
        return await pages.index_page(db, principal, after, people)

    @get("/new", permission=Permission.BOOKINGS_ANSWER)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        listing: FromQuery[str | None] = None,
        person: FromQuery[str | None] = None,
        enquiry: FromQuery[str | None] = None,
    ) -> Template | Redirect:
        """Show the form for somebody who is visited or has asked; first the choice of a listing."""
        service = SupportAgreementService(db)
        whom = await _whom(service, principal, person, enquiry)
        if not listing:
            alone = principal.worker_id if principal.role is Role.PA else None
            listings = await service.agreements.listings_of(principal.need_organisation(), alone)
            context = {"listings": listings, "name": whom.name, "whom": whom.query}
            return Template("bookings/agreements/choose.html", context=context)
        wanted = pages.wanted_id(listing)
        try:
            start = await service.start(principal, wanted)
        except NotBookable as error:
            return _not_possible(error)
        found = await service.open_draft(principal, wanted, whom.person_id)
        if found is not None:
            return Redirect(f"{PREFIX}/{found.id}", status_code=303)
        rates = pages.rates_of(start, {}, today(service.clock))
        return await _form(service, principal, start, first_fields(rates, start.free_cancel_hours), {}, whom=whom)

    @post("/new", permission=Permission.BOOKINGS_ANSWER)
    async def write(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep what was written as a draft, and lead to the page that checks it."""
        service = SupportAgreementService(db)
        whom = await _whom(service, principal, str(data.get("person") or ""), str(data.get("enquiry") or ""))
        try:
            start = await service.start(principal, pages.wanted_id(str(data.get("listing") or "")))
        except NotBookable as error:
            return _not_possible(error)
        if data.get("action") == "add":
            return await _form(service, principal, start, data, {}, whom=whom, more=True)
        try:
            form = _read(start, data)

            async def act() -> str:
                made = await service.draft(principal, start, form, whom.person_id, whom.council_id)
                return f"{PREFIX}/{made.id}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form(service, principal, start, data, error.fields, whom=whom)

    @get("/{agreement_id:str}", permission=Permission.BOOKINGS_ANSWER)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show one agreement."""
        return await pages.show_page(db, principal, pages.wanted_id(agreement_id))

    @get("/{agreement_id:str}/edit", permission=Permission.BOOKINGS_ANSWER)
    async def edit(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show the form of a draft again."""
        service, wanted = SupportAgreementService(db), pages.wanted_id(agreement_id)
        view, values = await pages.edit_values(service, principal, wanted)
        start = await service.start(principal, view.row.listing.id)
        return await _form(service, principal, start, values, {}, draft=view)

    @post("/{agreement_id:str}/edit", permission=Permission.BOOKINGS_ANSWER)
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
            return await _form(service, principal, start, data, {}, draft=view, more=True)
        try:
            form = _read(start, data)

            async def act() -> str:
                await service.redraft(principal, wanted, start, form)
                flash(request, "The draft is changed")
                return f"{PREFIX}/{wanted}"

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _form(service, principal, start, data, error.fields, draft=view)
        except PaidRelative as error:
            return pages.blocked_page(error, Side.PROVIDER, f"{PREFIX}/{wanted}")

    @post("/{agreement_id:str}/sign", permission=Permission.BOOKINGS_ANSWER)
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

    @get("/{agreement_id:str}/decline", permission=Permission.BOOKINGS_ANSWER)
    async def ask_why_not(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask why."""
        return await pages.decline_page(db, principal, pages.wanted_id(agreement_id), {}, {})

    @post("/{agreement_id:str}/decline", permission=Permission.BOOKINGS_ANSWER)
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

    @post("/{agreement_id:str}/withdraw", permission=Permission.BOOKINGS_ANSWER)
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

    @get("/{agreement_id:str}/change", permission=Permission.BOOKINGS_ANSWER)
    async def ask_change(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show the form of new terms, filled in with those of now."""
        view = await SupportAgreementService(db).view(principal, pages.wanted_id(agreement_id))
        return _change_form(view, terms_fields(view.shown), {})

    @post("/{agreement_id:str}/change", permission=Permission.BOOKINGS_ANSWER)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show what new terms change, take them back to be corrected, or sign and send them."""
        service, wanted = SupportAgreementService(db), pages.wanted_id(agreement_id)
        view = await service.view(principal, wanted)
        if data.get("action") == "edit":
            return _change_form(view, data, {})
        try:
            form = ChangeForm.read(data, view.shown.terms.price_unit)
            await service.preview_change(principal, view, form)
        except InvalidInput as error:
            return _change_form(view, data, error.fields)
        if data.get("action") != "send":
            return await _change_check(service, principal, view, form, data, {})
        try:
            signature = SignForm.read(data, asks_relation=False)
        except InvalidInput as error:
            return await _change_check(service, principal, view, form, data, error.fields)

        async def act() -> str:
            await service.offer_change(principal, wanted, form, signature.name, signature.seen)
            flash(request, "Signed and sent. We tell you when they answer")
            return f"{PREFIX}/{wanted}"

        return await submit(request, db, principal.actor, data, act)

    @get("/{agreement_id:str}/end", permission=Permission.BOOKINGS_ANSWER)
    async def ask_last_day(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask for the last day."""
        return await pages.end_page(db, principal, pages.wanted_id(agreement_id))

    @post("/{agreement_id:str}/end", permission=Permission.BOOKINGS_ANSWER)
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

    @get("/{agreement_id:str}/versions", permission=Permission.BOOKINGS_ANSWER)
    async def versions(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show all versions side by side."""
        return await pages.versions_page(db, principal, pages.wanted_id(agreement_id))

    @get("/{agreement_id:str}/print", permission=Permission.BOOKINGS_ANSWER)
    async def print_it(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show it for paper."""
        return await pages.print_page(db, principal, pages.wanted_id(agreement_id))


class _Whom:
    """Whom a new agreement is for, and how the provider may call them."""

    def __init__(self, person_id: UUID, council_id: UUID, name: str, hidden: dict[str, str]) -> None:
        self.person_id, self.council_id, self.name, self.hidden = person_id, council_id, name, hidden

    @property
    def query(self) -> str:
        """The same in an address."""
        return "&".join(f"{name}={value}" for name, value in self.hidden.items())


async def _whom(
    service: SupportAgreementService, principal: Principal, person: str | None, enquiry: str | None
) -> _Whom:
    if enquiry:
        asked = await service.asked(principal, pages.wanted_id(enquiry))
        return _Whom(asked.person_id, asked.council_id, asked.shown_as, {"enquiry": str(asked.id)})
    found = await service.client(principal, pages.wanted_id(person))
    return _Whom(found.id, found.council_id, found.name, {"person": str(found.id)})


def _read(start: Start, data: FormData) -> AgreementForm:
    return AgreementForm.read(data, Side.PROVIDER, start.listing, {}, asks_relation=False)


async def _form(
    service: SupportAgreementService,
    principal: Principal,
    start: Start,
    values: FormData,
    errors: dict[str, str],
    *,
    whom: _Whom | None = None,
    draft: AgreementView | None = None,
    more: bool = False,
) -> Template:
    address = f"{PREFIX}/{draft.agreement.id}" if draft else PREFIX
    return await pages.form_page(
        service,
        principal,
        start,
        values,
        errors,
        action=f"{address}/edit" if draft else f"{PREFIX}/new",
        back=address,
        name=draft.person_name if draft else whom.name if whom else "",
        hidden={"listing": str(start.listing.id), **whom.hidden} if whom else {},
        more=more,
    )


def _change_form(view: AgreementView, values: FormData, errors: dict[str, str]) -> Template:
    if view.agreement.status is not AgreementStatus.AGREED:
        raise NotFound
    unit = view.shown.terms.price_unit
    context = {
        **pages.common(view),
        "values": typed(values),
        "errors": errors,
        "unit": unit,
        "unit_words": words.UNIT_WORDS[unit],
        "basis_options": [(basis.value, text) for basis, text in words.BASIS_WORDS.items()],
    }
    return Template("bookings/agreements/change.html", context=context, status_code=422 if errors else 200)


async def _change_check(
    service: SupportAgreementService,
    principal: Principal,
    view: AgreementView,
    form: ChangeForm,
    data: FormData,
    errors: dict[str, str],
) -> Template:
    preview = await service.preview_change(principal, view, form)
    working = await service.working_of_change(view, preview)
    before = view.current or view.shown
    context = {
        **pages.common(view),
        **pages.compare_context([before, preview]),
        "is_change": True,
        "preview": preview,
        "before_pence": view.week(before).weekly_pence,
        "change_pence": view.week(preview).weekly_pence,
        "working": working,
        "fair_rows": pages.fair_rows(working),
        "fields": [(name, str(value)) for name, value in typed(data).items() if name not in _NOT_KEPT],
        "seen": await service.seen_of(view.agreement, view.all_terms),
        "values": typed(data),
        "errors": errors,
    }
    return Template("bookings/agreements/change_check.html", context=context, status_code=422 if errors else 200)


def _not_possible(error: NotBookable) -> Template:
    return Template("bookings/agreements/not_possible.html", context={"why": error.detail}, status_code=409)
