"""Taking cards: a payee sets its account up on Stripe's own page and sees what Stripe still wants."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput
from marketplace.payments.service import card_payees
from marketplace.payments.service.card_gateway import gateway

WANTED = {
    "external_account": "your bank account, where Stripe pays the money out",
    "tos_acceptance": "your yes to Stripe’s terms",
    "business_profile": "what your business does, and its website or a description",
    "business_type": "whether you are a person, a company or a charity",
    "company": "details of your company",
    "individual.verification": "a proof of your identity, such as a passport",
    "individual": "details about you",
    "owners": "who owns the business",
    "directors": "who runs the business",
    "representative": "details of who acts for the business",
    "person": "details of somebody in the business",
    "settings": "how you appear on card statements",
}
"""Stripe's names of details, by their beginning, in plain words; the longest that fits counts."""
OTHER = "other details that Stripe names on its page"
CLOSED = {
    "access_removed": "Stripe does not show us your account any more. Ask your council’s finance team what to do.",
    "under_review": "Stripe is checking your details. This can take a few days. You do not have to do anything.",
    "requirements.pending_verification": "Stripe is checking your details. This can take a few days.",
    "rejected": "Stripe has closed this account for good. Its e-mail to you says why.",
}
"""Why an account takes no payments, by the beginning of Stripe's name for it; other reasons need the set-up page."""


class PayeeController(Controller):
    """An organisation's account at Stripe."""

    path = "/provider/cards"

    @get("/", permission=Permission.BANK_DETAILS_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Say whether cards can be taken, and what is missing."""
        return await _page(db, principal, {})

    @post("/start", permission=Permission.BANK_DETAILS_OWN)
    async def start(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]
    ) -> Redirect | Template:
        """Lead to Stripe's set-up page. Nothing of the request stays open while Stripe answers."""
        try:
            return await _go_on(request, principal)
        except InvalidInput as error:
            async with transaction(session_maker(), principal.councils) as db:
                return await _page(db, principal, error.fields)

    @get("/refresh", permission=Permission.BANK_DETAILS_OWN)
    async def refresh(self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]) -> Redirect:
        """Stripe sends here whoever came with an address that was used up: on to a new one."""
        return await _go_on(request, principal)

    @get("/back", permission=Permission.BANK_DETAILS_OWN)
    async def back(self, principal: NamedDependency[Principal]) -> Redirect:
        """Stripe sends here whoever left its page, finished or not: ask how the account stands."""
        if gateway() is not None:
            await card_payees.look_again(session_maker(), principal)
        return Redirect("/provider/cards", status_code=303)


ROUTES = [PayeeController]


def words_of(asked_for: list[str]) -> list[str]:
    """Write what Stripe wants in plain words, each once."""
    found: list[str] = []
    for name in asked_for:
        fits = [start for start in WANTED if name.startswith(start)]
        text = WANTED[max(fits, key=len)] if fits else OTHER
        if text not in found:
            found.append(text)
    return sorted(found, key=lambda text: text == OTHER)


async def _go_on(request: Request[Any, Any, Any], principal: Principal) -> Redirect:
    address = await card_payees.set_up(session_maker(), principal, request.app.state.settings.public_url)
    return Redirect(address, status_code=303)


async def _page(db: AsyncSession, principal: Principal, errors: dict[str, str]) -> Template:
    payee = await card_payees.PayeeService(db).own(principal)
    why = payee.disabled_why if payee else ""
    context = {
        "payee": payee,
        "wanted": words_of(list(payee.asked_for)) if payee else [],
        "closed": next((text for start, text in CLOSED.items() if why.startswith(start)), ""),
        "is_on": gateway() is not None,
        "errors": errors,
    }
    return Template("payments/cards/payee.html", context=context, status_code=422 if errors else 200)
