"""What the pages of agreements share: both sides see the same agreement, each with its own addresses."""

from collections.abc import Mapping, Sequence
from datetime import date
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from litestar import Request
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.bookings.errors import PaidRelative
from marketplace.bookings.models import Side, SupportAgreement
from marketplace.bookings.schemas import ReasonForm
from marketplace.bookings.service.agreements import words
from marketplace.bookings.service.agreements.drafts import Start
from marketplace.bookings.service.agreements.forms import EndForm, SignForm, agreement_fields, day_fields
from marketplace.bookings.service.agreements.pattern_form import WEEKDAYS, rows_shown
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.service.agreements.rules import asks_relation, listed_rates
from marketplace.bookings.service.agreements.service import SupportAgreementService
from marketplace.bookings.service.agreements.views import AgreementView, somewhere
from marketplace.bookings.service.agreements.week import WeekCost
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.clock import today
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import pounds
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.people.models import Person
from marketplace.providers.models import CONCESSIONS, DayKind

PAGE: Final = 20
BASE: Final = {Side.PERSON: "/agreements", Side.PROVIDER: "/provider/clients"}
SIGN_FIELDS: Final = ("name", "agree", "relation", "lives_with")
_STEP_WORDS: Final = {
    "support_agreement": {
        "draft": "Written",
        "offered": "Signed and sent",
        "agreed": "Signed by both",
        "ended": "Ended",
        "declined": "Declined",
        "withdrawn": "Taken back or not answered",
    },
    "agreement_terms": {
        "offered": "New terms offered",
        "agreed": "New terms agreed",
        "declined": "New terms declined",
        "withdrawn": "New terms taken back",
        "lapsed": "New terms not answered in time",
    },
}


def wanted_id(text: str | None) -> UUID:
    """Read an id from an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text or "")
    if found is None:
        raise NotFound
    return found


async def index_page(
    db: AsyncSession, principal: Principal, after: str | None, people: Sequence[Person] = ()
) -> Template:
    """List the agreements of a side, the newest first; those that wait for it are marked."""
    service = SupportAgreementService(db)
    side, mine = service.side(principal), service.mine(principal)
    row_id = parse_id(after or "")
    cursor = await service.agreements.maybe(mine.where(SupportAgreement.id == row_id)) if row_id else None
    rows = await service.agreements.page(mine, after=cursor, limit=PAGE + 1)
    shown = rows[:PAGE]
    terms = await service.agreements.terms([row.agreement.id for row in shown])
    waiting = {
        one.agreement_id
        for one in terms
        if one.status is TermsStatus.OFFERED
        and one.offered_by is not side
        and (one.answer_by is None or one.answer_by >= today(service.clock))
    }
    known = (AgreementStatus.AGREED, AgreementStatus.ENDED)
    context = {
        "side": side,
        "base": BASE[side],
        "rows": shown,
        "names": {
            row.agreement.id: row.person.name if row.agreement.status in known else somewhere(row.person)
            for row in shown
        },
        "last_days": {row.agreement.id: _last_on(row.agreement) for row in shown},
        "waiting": waiting,
        "more": rows[PAGE - 1].agreement.id if len(rows) > PAGE else None,
        "status_words": words.STATUS_WORDS,
        "people": () if cursor else people,
    }
    return Template("bookings/agreements/index.html", context=context)


def _last_on(agreement: SupportAgreement) -> date | None:
    return date.fromordinal(agreement.ends_on.toordinal() - 1) if agreement.ends_on else None


async def show_page(
    db: AsyncSession,
    principal: Principal,
    agreement_id: UUID,
    values: FormData | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    """Show an agreement and what its reader can do with it now."""
    service = SupportAgreementService(db)
    view = await service.view(principal, agreement_id)
    return Template(
        "bookings/agreements/show.html",
        context=await show_context(service, view, typed(values or {}), _fold(errors or {})),
        status_code=422 if errors else 200,
    )


def _fold(errors: Mapping[str, str]) -> dict[str, str]:
    """Keep messages of fields of the form that signs; others stand above it without a link."""
    folded = {name: message for name, message in errors.items() if name in SIGN_FIELDS}
    rest = [message for name, message in errors.items() if name not in SIGN_FIELDS]
    return folded | ({"form": ". ".join(rest)} if rest else {})


async def show_context(
    service: SupportAgreementService, view: AgreementView, values: FormData, errors: dict[str, str]
) -> dict[str, Any]:
    """Return everything the page of an agreement shows."""
    found = view.open_terms
    is_change = found is not None and view.agreement.status is AgreementStatus.AGREED
    shown = found if is_change and found is not None else view.shown
    steps = await service.agreements.steps(
        view.agreement, [one.terms.id for one in view.all_terms if one.terms.number > 1]
    )
    context = {
        **common(view),
        "is_change": is_change,
        "values": values,
        "errors": errors,
        "relation_options": [(kind.value, text) for kind, text in words.RELATION_WORDS.items()],
        "effect": await service.effect(view, shown),
        "working": shown.terms.working,
        "fair_rows": fair_rows(shown.terms.working),
        "steps": [
            {"title": title, "at": step.at, "why": step.why}
            for step in steps
            if (title := _STEP_WORDS[step.subject_kind].get(step.to_status))
        ],
    }
    if is_change and found is not None and view.current is not None:
        context |= compare_context([view.current, found])
        context |= {"before_pence": view.week(view.current).weekly_pence, "change_pence": view.week(found).weekly_pence}
    return context


def common(view: AgreementView) -> dict[str, Any]:
    """Return what every page of one agreement needs."""
    week = view.week(view.shown)
    return {
        "view": view,
        "base": BASE[view.side],
        "status_words": words.STATUS_WORDS,
        "terms_words": words.TERMS_WORDS,
        "funding_words": words.FUNDING_WORDS,
        "week": week,
        "week_rows": week_rows(week),
        "rows_of_prices": words.price_rows(view.shown),
        "rows_of_conditions": words.condition_rows(view.shown.terms),
    }


def compare_context(views: list[TermsView]) -> dict[str, Any]:
    """Return what the table of versions needs."""
    return {"versions": views, "compared": words.compare_rows(views)}


def week_rows(week: WeekCost) -> list[list[str]]:
    """Return the rows of the table of a usual week."""
    rows = []
    for price in week.lines:
        low, high = pounds(price.lowest_pence), pounds(price.highest_pence)
        note = f" ({price.line.note})" if price.line.note else ""
        each = low if low == high else f"{low} to {high}"
        rows.append([price.line.days_words, price.line.words + note, each, pounds(price.holiday_pence)])
    return rows


def fair_rows(working: Mapping[str, Any]) -> list[list[str]]:
    """Return the rows of the fair-price working."""
    return [[line["label"], line["how"], pounds(line["pence"])] for line in working.get("lines", [])]


# Writing one


async def form_page(
    service: SupportAgreementService,
    principal: Principal,
    start: Start,
    values: FormData,
    errors: dict[str, str],
    *,
    action: str,
    back: str,
    name: str = "",
    hidden: Mapping[str, str] | None = None,
    more: bool = False,
) -> Template:
    """Draw the form of an agreement with what was typed."""
    side = service.side(principal)
    shown = typed(values)
    rates = rates_of(start, shown, today(service.clock))
    context = {
        "side": side,
        "start": start,
        "values": shown,
        "errors": errors,
        "rows": rows_shown(shown, more=more),
        "is_place": start.listing.session_places is not None,
        "concessions": [(key, CONCESSIONS[key]) for key in start.listing.concessions if key in CONCESSIONS],
        "concession_note": start.listing.concession_note,
        "weekdays": [(str(number), day) for number, day in enumerate(WEEKDAYS)],
        "unit": start.listing.price_unit,
        "unit_words": words.UNIT_WORDS[start.listing.price_unit],
        "basis_options": [(basis.value, text) for basis, text in words.BASIS_WORDS.items()],
        "relation_options": [(kind.value, text) for kind, text in words.RELATION_WORDS.items()],
        "asks_relation": side is Side.PERSON and asks_relation(start.listing),
        "price_rows": [
            (words.KIND_WORDS[kind], f"{pounds(rates[kind])} {words.UNIT_WORDS[start.listing.price_unit]}")
            for kind in words.KIND_ORDER
            if kind in rates
        ]
        or [("Every day", "free")],
        "action": action,
        "back": back,
        "name": name,
        "hidden": hidden or {},
    }
    return Template("bookings/agreements/form.html", context=context, status_code=422 if errors else 200)


def rates_of(start: Start, values: Mapping[str, Any], now: date) -> dict[DayKind, int]:
    """Return the listing's prices on the first day that was typed; on today while there is none."""
    chosen = FormReader(values).day("starts_on", "", required=False)
    return listed_rates(start.listing, start.rates, chosen or now)


async def edit_values(
    service: SupportAgreementService, principal: Principal, agreement_id: UUID
) -> tuple[AgreementView, dict[str, Any]]:
    """Return a draft and its fields.

    Raises:
        NotFound: Not a draft of this side.
    """
    view = await service.view(principal, agreement_id)
    if view.agreement.status is not AgreementStatus.DRAFT:
        raise NotFound
    return view, agreement_fields(view.agreement, view.shown, view.lines)


def blocked_page(error: PaidRelative, side: Side, back: str) -> Template:
    """Say that the family rule forbids it, and how to ask the council."""
    context: dict[str, Any] = {"error_title": error.title, "why": error.detail, "side": side, "back": back}
    context |= {"ask_at": error.ask_at, "is_asked": error.is_asked}
    return Template("bookings/agreements/blocked.html", context=context, status_code=HTTPStatus.CONFLICT)


# Answering


async def sign_action(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, agreement_id: UUID, data: FormData
) -> Redirect | Template:
    """Take a signature; whatever is wrong comes back on the page of the agreement."""
    service = SupportAgreementService(db)
    view = await service.view(principal, agreement_id)
    address = f"{BASE[view.side]}/{agreement_id}"
    is_first = view.agreement.status in (AgreementStatus.DRAFT, AgreementStatus.OFFERED)
    try:
        form = SignForm.read(data, asks_relation=view.asks_relation and is_first)

        async def act() -> str:
            signed = await service.sign(principal, agreement_id, form)
            is_sent = signed.status is AgreementStatus.OFFERED
            flash(
                request, "Signed and sent. We tell you when they answer" if is_sent else "Signed. You have both agreed"
            )
            return address

        # A refusal undoes what the action began; the page that says so is an answer like any other.
        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await show_page(db, principal, agreement_id, data, error.fields)
    except PaidRelative as error:
        return blocked_page(error, view.side, address)


async def decline_page(
    db: AsyncSession, principal: Principal, agreement_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    """Ask why, and say what else can be done."""
    view = await SupportAgreementService(db).view(principal, agreement_id)
    if not view.waits_for_me:
        raise NotFound
    context = {
        **common(view),
        "is_change": view.agreement.status is AgreementStatus.AGREED,
        "values": typed(values),
        "errors": errors,
    }
    return Template("bookings/agreements/decline.html", context=context, status_code=422 if errors else 200)


async def decline_action(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, agreement_id: UUID, data: FormData
) -> Redirect | Template:
    """Say no, with a reason that the other side reads."""
    try:
        form = ReasonForm.read(data, "why you say no", required=True)
    except InvalidInput as error:
        return await decline_page(db, principal, agreement_id, data, error.fields)
    service = SupportAgreementService(db)

    async def act() -> str:
        agreement = await service.decline(principal, agreement_id, form.reason)
        goes_on = agreement.status is AgreementStatus.AGREED
        flash(request, "You said no. The old terms go on" if goes_on else "You said no. Nothing was agreed")
        return f"{BASE[service.side(principal)]}/{agreement_id}"

    return await submit(request, db, principal.actor, data, act)


async def withdraw_action(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, agreement_id: UUID, data: FormData
) -> Redirect:
    """Take back what one's own side wrote."""
    service = SupportAgreementService(db)

    async def act() -> str:
        await service.withdraw(principal, agreement_id)
        flash(request, "It is taken back")
        return f"{BASE[service.side(principal)]}/{agreement_id}"

    return await submit(request, db, principal.actor, data, act)


async def end_page(
    db: AsyncSession,
    principal: Principal,
    agreement_id: UUID,
    values: FormData | None = None,
    errors: dict[str, str] | None = None,
) -> Template:
    """Ask for the last day, which is filled in as early as the notice allows."""
    view = await SupportAgreementService(db).view(principal, agreement_id)
    if not view.may_end:
        raise NotFound
    context = {
        **common(view),
        "values": typed(values) if values is not None else day_fields("last_on", view.earliest_last_on),
        "errors": errors or {},
    }
    return Template("bookings/agreements/end.html", context=context, status_code=422 if errors else 200)


async def end_action(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, agreement_id: UUID, data: FormData
) -> Redirect | Template:
    """Give notice."""
    service = SupportAgreementService(db)
    try:
        form = EndForm.read(data)

        async def act() -> str:
            await service.give_notice(principal, agreement_id, form)
            flash(request, "You gave notice. Both sides are told")
            return f"{BASE[service.side(principal)]}/{agreement_id}"

        async with db.begin_nested():
            return await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return await end_page(db, principal, agreement_id, data, error.fields)


async def versions_page(db: AsyncSession, principal: Principal, agreement_id: UUID) -> Template:
    """Show all versions side by side."""
    view = await SupportAgreementService(db).view(principal, agreement_id)
    if not view.read_versions:
        raise NotFound
    context = {**common(view), **compare_context(list(view.read_versions)), "is_change": False}
    return Template("bookings/agreements/versions.html", context=context)


async def print_page(db: AsyncSession, principal: Principal, agreement_id: UUID) -> Template:
    """Show an agreement for paper: what was signed, by whom, with its print."""
    view = await SupportAgreementService(db).view(principal, agreement_id)
    if view.agreement.status not in (AgreementStatus.AGREED, AgreementStatus.ENDED):
        raise NotFound
    working = view.shown.terms.working
    return Template(
        "bookings/agreements/print.html",
        context={**common(view), "working": working, "fair_rows": fair_rows(working)},
    )
