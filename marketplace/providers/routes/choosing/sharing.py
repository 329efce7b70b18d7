"""Sharing a shortlist, and the page that a secret link opens."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, typed
from marketplace.providers.routes.choosing.common import attempt, id_of
from marketplace.providers.routes.choosing.compare import compare_address
from marketplace.providers.service.comparing import MOST_COMPARED
from marketplace.providers.service.list_shares import (
    MOST_DAYS,
    USUAL_DAYS,
    CommentForm,
    ListShareService,
    ShareForm,
    token_hash,
)
from marketplace.providers.service.saved_lists import SavedListService

SECRET_HEADERS = {
    "X-Robots-Tag": "noindex, nofollow",
    # The address is a secret: no page that somebody goes on to may learn it, not even one of ours.
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class SharingController(Controller):
    """What the owner does."""

    path = "/shortlists/{list_id:str}"

    @get("/share", permission=Permission.SAVED_OWN)
    async def ask(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], list_id: FromPath[str]
    ) -> Template:
        """Ask who is to see it and until when."""
        until = today(clock_of(db)) + timedelta(days=USUAL_DAYS)
        values = {
            "may": "look",
            "until-day": str(until.day),
            "until-month": str(until.month),
            "until-year": str(until.year),
        }
        return await _share_page(db, principal, id_of(list_id), values, {})

    @post("/share", permission=Permission.SAVED_OWN)
    async def share(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Make the link."""
        wanted = id_of(list_id)

        async def act() -> str:
            form = ShareForm.read(data, today(clock_of(db)))
            secret_key = request.app.state.settings.secret_key
            await ListShareService(db).share(principal, wanted, form, secret_key)
            flash(request, "Link made and sent by email" if form.email else "Link made. Copy it and send it yourself")
            return f"/shortlists/{wanted}#links"

        try:
            return await attempt(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _share_page(db, principal, wanted, typed(data), error.fields)

    @post("/shares/{share_id:str}/revoke", permission=Permission.SAVED_OWN)
    async def revoke(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        share_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Stop a link."""
        wanted, share = id_of(list_id), id_of(share_id)

        async def act() -> str:
            await ListShareService(db).revoke(principal, wanted, share)
            flash(request, "The link no longer works")
            return f"/shortlists/{wanted}#links"

        return await attempt(request, db, principal.actor, data, act)

    @post("/comments/{comment_id:str}/remove", permission=Permission.SAVED_OWN)
    async def remove_comment(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        list_id: FromPath[str],
        comment_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a comment off."""
        wanted, comment = id_of(list_id), id_of(comment_id)

        async def act() -> str:
            await SavedListService(db).remove_comment(principal, wanted, comment)
            flash(request, "Comment removed")
            return f"/shortlists/{wanted}"

        return await attempt(request, db, principal.actor, data, act)


@get("/shared/{token:str}", permission=None, visitor_form=True)
async def shared_page(db: NamedDependency[AsyncSession], token: FromPath[str]) -> Template:
    """Show the list behind a link."""
    return await _shared(db, token, {}, {})


@post("/shared/{token:str}", permission=None, visitor_form=True)
async def comment_on_shared(
    request: Request[Any, Any, Any],
    db: NamedDependency[AsyncSession],
    token: FromPath[str],
    data: URLEncodedBody[FormData],
) -> Redirect | Template:
    """Take a comment."""

    async def act() -> str:
        await ListShareService(db).comment(token, CommentForm.read(data))
        flash(request, "Thank you. Your comment has been added")
        # Without the token, which nothing but the hash of may be kept: the address is made below.
        return "/shared/"

    try:
        answer = await attempt(request, db, f"shared:{token_hash(token).hex()}", data, act)
    except NotFound:
        return _gone()
    except InvalidInput as error:
        return await _shared(db, token, typed(data), error.fields)
    return Redirect(f"/shared/{token}#comments", status_code=answer.status_code)


async def _shared(db: AsyncSession, token: str, values: FormData, errors: dict[str, str]) -> Template:
    try:
        page = await ListShareService(db).open(token)
    except NotFound:
        return _gone()
    here = [item for item in page.content.items if item.offer is not None]
    names = {item.row.found_id: item.offer.name if item.offer else item.row.name for item in page.content.items}
    context = {
        "page": page,
        "token": token,
        "names": names,
        "about": [("", "The whole shortlist"), *names.items()],
        "last_day": page.share.expires_on - timedelta(days=1),
        "compare_href": compare_address([item.row.found_id for item in here[:MOST_COMPARED]]) if here else "",
        "values": values,
        "errors": errors,
    }
    return Template(
        "providers/choosing/shared.html",
        context=context,
        status_code=422 if errors else 200,
        headers=SECRET_HEADERS,
    )


def _gone() -> Template:
    return Template("providers/choosing/shared_gone.html", status_code=404, headers=SECRET_HEADERS)


async def _share_page(
    db: AsyncSession, principal: Principal, list_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    saved = await SavedListService(db).find(principal, list_id)
    context = {"saved": saved, "values": values, "errors": errors, "most_days": MOST_DAYS}
    return Template("providers/choosing/shortlist_share.html", context=context, status_code=422 if errors else 200)
