"""The pages a payer's browser sees: payment, second confirmation, set-up of an account."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from litestar import Request, get, post
from litestar.params import FromPath
from litestar.response import Redirect, Response

from marketplace.payments.sandbox.cards import TEST_CARDS, Failure, read_payer
from marketplace.payments.sandbox.checkout import (
    after_payment_url,
    confirm,
    expire_when_due,
    pay,
    waits_for_confirmation,
)
from marketplace.payments.sandbox.errors import ApiError
from marketplace.payments.sandbox.forms import read_form
from marketplace.payments.sandbox.resources import finish_onboarding
from marketplace.payments.sandbox.state import Sandbox
from marketplace.payments.sandbox.store import Entry
from marketplace.payments.sandbox.templates import PAGES, STYLESHEET

STYLESHEET_PATH = "/sandbox/page.css"
PageRequest = Request[Any, Any, Any]

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]+)?|https?://\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
_SYMBOLS = {"gbp": "£", "eur": "€", "usd": "$"}


def sandbox_of(request: PageRequest) -> Sandbox:
    """The one sandbox of this application."""
    sandbox: Sandbox = request.app.state.sandbox
    return sandbox


@get("/pay/{session_id:str}", sync_to_thread=False)
def show_payment(request: PageRequest, session_id: FromPath[str]) -> Response[str] | Redirect:
    """The form for a test card."""
    sandbox = sandbox_of(request)
    session = _open_session(sandbox, session_id)
    return session if isinstance(session, Response) else _payment_page(session)


@post("/pay/{session_id:str}")
async def take_payment(request: PageRequest, session_id: FromPath[str]) -> Response[str] | Redirect:
    """Read the form, then pay, refuse, or ask for the second confirmation (Post/Redirect/Get)."""
    sandbox = sandbox_of(request)
    form = await form_of(request)
    session = _open_session(sandbox, session_id)
    if isinstance(session, Response):
        return session
    known_email = _known_email(sandbox, session)
    payer = read_payer(form, known_email, sandbox.clock().date())
    if isinstance(payer, dict):
        return _payment_page(session, form=form, errors=payer, status=422)
    failure = pay(sandbox, session, payer)
    sandbox.store.commit()
    if failure is not None:
        return _payment_page(session, form=form, errors=_as_errors(failure), status=402)
    if waits_for_confirmation(session):
        return Redirect(f"{request.url.path}/confirm", status_code=303)
    return Redirect(after_payment_url(session), status_code=303)


@get("/pay/{session_id:str}/confirm", sync_to_thread=False)
def show_confirmation(request: PageRequest, session_id: FromPath[str]) -> Response[str] | Redirect:
    """The page that stands for the bank's own check."""
    session = _open_session(sandbox_of(request), session_id)
    if isinstance(session, Response):
        return session
    if not waits_for_confirmation(session):
        return Redirect(f"/pay/{session.id}", status_code=303)
    return page("confirm", session, amount=_amount(session), action=f"/pay/{session.id}/confirm")


@post("/pay/{session_id:str}/confirm")
async def take_confirmation(request: PageRequest, session_id: FromPath[str]) -> Response[str] | Redirect:
    """The payer's answer to the bank."""
    sandbox = sandbox_of(request)
    form = await form_of(request)
    session = _open_session(sandbox, session_id)
    if isinstance(session, Response):
        return session
    if not waits_for_confirmation(session):
        return Redirect(f"/pay/{session.id}", status_code=303)
    failure = confirm(sandbox, session, accepted=form.get("answer") == "confirm")
    sandbox.store.commit()
    if failure is not None:
        return _payment_page(session, form={}, errors=_as_errors(failure), status=402)
    return Redirect(after_payment_url(session), status_code=303)


@get("/onboard/{secret:str}", sync_to_thread=False)
def show_onboarding(request: PageRequest, secret: FromPath[str]) -> Response[str] | Redirect:
    """The page that stands for the set-up of a connected account."""
    sandbox = sandbox_of(request)
    link = _usable_link(sandbox, secret)
    if isinstance(link, Response):
        return link
    account = sandbox.store.get("account", link.private["account"], "").body
    name = account["business_profile"]["name"] or account["email"] or account["id"]
    return page("onboard", link, name=name, action=f"/onboard/{secret}", return_url=link.private["return_url"])


@post("/onboard/{secret:str}")
async def take_onboarding(request: PageRequest, secret: FromPath[str]) -> Response[str] | Redirect:
    """Open the account, or leave a proof out, and go back to the platform."""
    sandbox = sandbox_of(request)
    form = await form_of(request)
    link = _usable_link(sandbox, secret)
    if isinstance(link, Response):
        return link
    finish_onboarding(sandbox, link, is_complete=form.get("answer") != "part")
    sandbox.store.commit()
    return Redirect(link.private["return_url"], status_code=303)


@get(STYLESHEET_PATH, sync_to_thread=False)
def show_stylesheet() -> Response[str]:
    """The style sheet of all pages."""
    headers = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}
    return Response(STYLESHEET, media_type="text/css", headers=headers)


def message_page(
    heading: str, text: str, *, status: int, link: str | None = None, link_text: str = ""
) -> Response[str]:
    """A page that only says something."""
    return page("message", None, status=status, heading=heading, text=text, link=link, link_text=link_text)


def _open_session(sandbox: Sandbox, session_id: str) -> Entry | Response[str]:
    """A session that can be paid, or the page that says why not."""
    session = sandbox.store.anyones("checkout.session", session_id)
    if session is None:
        return message_page("Page not found", "Check the address of this page.", status=404)
    expire_when_due(sandbox, session)
    sandbox.store.commit()
    if session.body["status"] == "complete":
        return message_page(
            "This payment has been made",
            f"You have paid {_amount(session)}. Nothing was charged twice.",
            status=200,
            link=after_payment_url(session),
            link_text="Continue",
        )
    if session.body["status"] == "expired":
        return message_page(
            "This payment page has expired",
            "Nothing was charged. Go back and start the payment again.",
            status=410,
            link=session.body["cancel_url"],
            link_text="Go back",
        )
    return session


def _usable_link(sandbox: Sandbox, secret: str) -> Entry | Response[str] | Redirect:
    link = sandbox.store.anyones("onboarding", secret)
    if link is None:
        return message_page("Page not found", "Check the address of this page.", status=404)
    if link.private["is_used"] or link.private["expires_at"] <= sandbox.now_seconds():
        return Redirect(link.private["refresh_url"], status_code=303)
    return link


def _payment_page(
    session: Entry, *, form: dict[str, Any] | None = None, errors: dict[str, str] | None = None, status: int = 200
) -> Response[str]:
    typed = {
        name: value for name, value in (form or {}).items() if name in {"email", "name"} and isinstance(value, str)
    }
    return page(
        "pay",
        session,
        status=status,
        amount=_amount(session),
        lines=[
            {"name": line["name"], "amount": money(line["amount"], session.body["currency"])}
            for line in session.private["lines"]
        ],
        action=f"/pay/{session.id}",
        typed=typed,
        errors=errors or {},
        known_email=session.body["customer_email"],
        cancel_url=session.body["cancel_url"],
        cards=TEST_CARDS,
        complete={"email": "email"},
    )


def page(template: str, entry: Entry | None, *, status: int = 200, **context: Any) -> Response[str]:
    content = PAGES.get_template(template).render(stylesheet=STYLESHEET_PATH, **context)
    return Response(content, media_type="text/html", status_code=status, headers=_headers(entry))


def _headers(entry: Entry | None) -> dict[str, str]:
    addresses: list[str | None] = []
    if entry is not None:
        addresses = [entry.body.get("success_url"), entry.private.get("return_url"), entry.private.get("refresh_url")]
    # Browsers apply form-action to the redirect after the form, too, so the platform's own origin must be named.
    origins = sorted({origin for address in addresses if (origin := _origin(address))})
    policy = (
        "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; "
        f"form-action {' '.join([chr(39) + 'self' + chr(39), *origins])}"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }


def _origin(address: str | None) -> str | None:
    if address is None:
        return None
    parts = urlsplit(address)
    origin = f"{parts.scheme}://{parts.netloc}"
    return origin if _ORIGIN.fullmatch(origin) else None


async def form_of(request: PageRequest) -> dict[str, Any]:
    try:
        return read_form((await request.body()).decode("ascii"))
    except (UnicodeDecodeError, ApiError):
        return {}


def _known_email(sandbox: Sandbox, session: Entry) -> str | None:
    email: str | None = session.body["customer_email"]
    return email


def _as_errors(failure: Failure) -> dict[str, str]:
    return {"number": f"{failure.message} Nothing was charged. Use another card."}


def _amount(session: Entry) -> str:
    return money(session.body["amount_total"], session.body["currency"])


def money(amount: int, currency: str) -> str:
    symbol = _SYMBOLS.get(currency, currency.upper() + " ")
    return f"{symbol}{amount // 100:,}.{amount % 100:02}"
