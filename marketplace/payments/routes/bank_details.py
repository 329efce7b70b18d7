"""Pages of bank details: the organisation's own, and those that finance checks."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.accounts.errors import ConfirmFirst
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.routes.shared import confirm_first, row_id, take
from marketplace.payments.schemas import NUMBER_FROM, BankDetailsForm, CallForm, read_reason
from marketplace.payments.service.bank_details import BankDetailsService, first_day, masked

STATE_LABELS = {
    "in_use": "In use",
    "checked": "Checked",
    "waiting": "Waiting for a check",
    "replaced": "Replaced",
    "refused": "Refused",
}
STATE_LOOKS = {
    "in_use": "live",
    "checked": "approved",
    "waiting": "pending",
    "replaced": "closed",
    "refused": "refused",
}


class BankDetailsController(Controller):
    """Where an organisation is paid."""

    path = "/bank-details"

    @get("/", permission=Permission.BANK_DETAILS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the details, masked, and the form for new ones."""
        return await _own_page(db, principal, {}, {})

    @post("/", permission=Permission.BANK_DETAILS_OWN)
    async def enter(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take new details."""

        async def action() -> str:
            principal.require_confirmed(clock_of(db).now())
            await BankDetailsService(db).enter(principal, BankDetailsForm.read(data))
            flash(request, "We have your new bank details. The council checks them before it uses them")
            return "/bank-details"

        try:
            return await take(request, db, principal, data, action)
        except ConfirmFirst:
            return confirm_first("/bank-details")
        except InvalidInput as error:
            return await _own_page(db, principal, data, error.fields)


class BankCheckController(Controller):
    """Bank details that wait for a second person."""

    path = "/bank-details-to-check"

    @get("/", permission=Permission.PAYMENTS_HANDLE)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what waits, oldest first."""
        accounts = BankAccountRepository(db)
        day = today(clock_of(db))
        context = {
            "rows": [(row, name, masked(row)) for row, name in await accounts.waiting(principal.council_id)],
            "cooling": [(row, name, masked(row)) for row, name in await accounts.cooling(principal.council_id, day)],
        }
        return Template("payments/bank_checks.html", context=context)

    @get("/{account_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], account_id: FromPath[str]
    ) -> Template:
        """Show one, with what is in use now."""
        return await _check_page(db, principal, account_id, {}, {})

    @post("/{account_id:str}/call", permission=Permission.PAYMENTS_HANDLE)
    async def call(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        account_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Record the call to a number known from before."""

        async def action() -> str:
            account = await BankDetailsService(db).record_call(principal, row_id(account_id), CallForm.read(data))
            flash(request, "The call is recorded. Now another person accepts the details")
            return f"/bank-details-to-check/{account.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _check_page(db, principal, account_id, data, error.fields)

    @post("/{account_id:str}/stop", permission=Permission.PAYMENTS_HANDLE)
    async def stop(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        account_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Stop details that were accepted."""

        async def action() -> str:
            reason = read_reason(data, "why you stop these details", "stop_reason")
            await BankDetailsService(db).stop(principal, row_id(account_id), reason)
            flash(request, "These details are stopped. Nothing is paid to that account")
            return "/bank-details-to-check"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _check_page(db, principal, account_id, data, error.fields)

    @post("/{account_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def check(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        account_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Accept or refuse details."""

        async def action() -> str:
            form = FormReader(data)
            answer = form.option("answer", "whether the details are right", ("accept", "refuse"))
            reason = form.text("reason", "how you checked, or what is wrong", longest=500)
            form.done()
            accept = answer == "accept"
            account = await BankDetailsService(db).check(principal, row_id(account_id), accept=accept, reason=reason)
            words = "You have refused these details"
            if account.live_from is not None:
                words = f"Payments go to this account from {uk_date(account.live_from)}"
            flash(request, words)
            return "/bank-details-to-check"

        try:
            return await take(request, db, principal, data, action)
        except ConfirmFirst:
            return confirm_first(f"/bank-details-to-check/{row_id(account_id)}")
        except InvalidInput as error:
            return await _check_page(db, principal, account_id, data, error.fields)


async def _own_page(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    details = await BankDetailsService(db).own(principal)
    context = {
        "details": details,
        "labels": STATE_LABELS,
        "is_confirmed": principal.is_confirmed(clock_of(db).now()),
        "state_looks": STATE_LOOKS,
        # A refused form keeps the name; numbers are typed again rather than written back into a page.
        "values": {"account_name": values.get("account_name", "")},
        "errors": errors,
    }
    return Template("payments/bank_details.html", context=context, status_code=422 if errors else 200)


async def _check_page(
    db: AsyncSession, principal: Principal, account_id: str, values: FormData, errors: dict[str, str]
) -> Template:
    service = BankDetailsService(db)
    account, organisation, is_waiting = await service.waiting_one(principal, row_id(account_id))
    day = today(service.clock)
    live = await service.accounts.live_of([organisation.id], day)
    people = {account.entered_by_user_id, account.called_by_user_id, account.checked_by_user_id}
    cooling_off = await service.cooling_off_days(principal.council_id)
    needs_call = account.called_at is None and await service.needs_call(principal.council_id)
    context = {
        "account": account,
        "account_masked": masked(account),
        "organisation": organisation,
        "is_waiting": is_waiting,
        "is_own": account.entered_by_user_id == principal.user_id,
        "is_caller": account.called_by_user_id == principal.user_id,
        "is_accepted": account.live_from is not None and account.checked_by_user_id is not None,
        "is_confirmed": principal.is_confirmed(service.clock.now()),
        "needs_call": needs_call,
        "number_from": list(NUMBER_FROM.items()),
        "call_words": NUMBER_FROM.get(account.call_number_from, ""),
        "would_be_live": first_day(day, cooling_off),
        "people": await AccountRepository(db).names({user for user in people if user is not None}),
        "in_use": [masked(row) for row in live.get(organisation.id, []) if row.id != account.id][:1],
        "values": values,
        "errors": errors,
    }
    return Template("payments/bank_check.html", context=context, status_code=422 if errors else 200)
