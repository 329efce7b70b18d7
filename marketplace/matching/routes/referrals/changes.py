"""What is done to a referral with a reason: an offer taken back, kept, released, closed."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.forms import ReasonForm
from marketplace.matching.models import Referral
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.routes.referrals.shared import read_id, say_state
from marketplace.matching.service import OfferService, ReferralService

CHANGES: dict[str, dict[str, str]] = {
    "withdraw": {
        "title": "Take the offer back",
        "text": "The planner is told, the place in their week is free again, and the referral goes back to the queue.",
        "button": "Take the offer back",
    },
    "keep": {
        "title": "Keep this referral with the council",
        "text": "A council worker plans with the person. It is not offered to the network of planners.",
        "button": "Keep with the council",
    },
    "release": {
        "title": "Let the network take this referral",
        "text": "It goes into the queue, and planners can be offered it.",
        "button": "Put it into the queue",
    },
    "close": {
        "title": "Close this referral",
        "text": "Nobody plans for it. This cannot be undone: record a new referral if things change.",
        "button": "Close referral",
    },
}
"""Changes that ask for a reason, by the last part of their address."""


class ReferralChangeController(Controller):
    """Changes that ask for a reason."""

    @get("/referrals/{referral_id:str}/change/{change:str}", permission=Permission.REFERRALS_RECORD)
    async def ask_reason(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        change: FromPath[str],
    ) -> Template:
        """Ask why something is to be done."""
        referral = await ReferralRepository(db).find(principal.council_id, read_id(referral_id))
        return _reason_page(principal, referral, change, {}, {})

    @post("/referrals/{referral_id:str}/change/{change:str}", permission=Permission.REFERRALS_RECORD)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        change: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Take an offer back, keep, release or close a referral."""
        referral = await ReferralRepository(db).find(principal.council_id, read_id(referral_id))
        try:
            form = ReasonForm.read(data)
        except InvalidInput as error:
            return _reason_page(principal, referral, change, data, error.fields)

        async def action() -> str:
            referrals = ReferralService(db)
            match change:
                case "withdraw":
                    await OfferService(db).withdraw(principal, referral.id, form.reason)
                    flash(request, "The offer is taken back. The referral is in the queue again")
                case "keep":
                    say_state(request, await referrals.keep(principal, referral.id, form.reason))
                case "release":
                    say_state(request, await referrals.release(principal, referral.id, form.reason))
                case "close":
                    await referrals.close(principal, referral.id, form.reason)
                    flash(request, "The referral is closed")
                case _:
                    raise NotFound
            return f"/referrals/{referral.id}"

        return await submit(request, db, principal.actor, data, action)


def _reason_page(
    principal: Principal, referral: Referral, change: str, values: FormData, errors: dict[str, str]
) -> Template:
    if change not in CHANGES:
        raise NotFound
    if change != "close":
        principal.require(Permission.REFERRALS_MATCH)
    context = {"referral": referral, "change": change, **CHANGES[change], "values": typed(values), "errors": errors}
    return Template("matching/reason.html", context=context, status_code=422 if errors else 200)
