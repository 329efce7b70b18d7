"""The Open Referral UK 3.0 feed: anonymous, readable from other sites, kept for a few minutes."""

import hashlib
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.ids import parse_id
from marketplace.providers.service.open_referral.feed import Document, FeedService

KEPT_SECONDS: Final = 300


def answer(request: Request[Any, Any, Any], document: Document) -> Response[bytes]:
    """Send a document, or say that the reader has it already.

    The mark is of the whole answer: what a service shows also depends on its organisation, on councils and on the day,
    so that no instant of change could stand for it. `Last-Modified` is told all the same.
    """
    body = msgspec.json.encode(document)
    headers = {
        "cache-control": f"public, max-age={KEPT_SECONDS}",
        "etag": f'"{hashlib.sha256(body).hexdigest()[:32]}"',
    }
    items = document.get("contents", [document])
    changed = [item["last_modified"] for item in items if "last_modified" in item]
    if changed:
        headers["last-modified"] = format_datetime(datetime.fromisoformat(max(changed)), usegmt=True)
    known = {mark.strip().removeprefix("W/") for mark in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in known or "*" in known:
        return Response(b"", status_code=304, headers=headers, media_type="application/json")
    return Response(body, headers=headers, media_type="application/json")


def feed_of(request: Request[Any, Any, Any], db: AsyncSession) -> FeedService:
    """Open the feed of this site."""
    return FeedService(db, request.app.state.settings.public_url)


class OpenReferralController(Controller):
    """The addresses of the standard."""

    path = "/open-referral"

    @get("/", permission=None)
    async def about(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[bytes]:
        """Say which standard this is."""
        return answer(request, feed_of(request, db).about())

    @get("/services", permission=None)
    async def services(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[bytes]:
        """List public services."""
        return answer(request, await feed_of(request, db).services(request.query_params.dict()))

    @get("/services/{item_id:str}", permission=None)
    async def service(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], item_id: FromPath[str]
    ) -> Response[bytes]:
        """Give one service with everything that belongs to it."""
        return answer(request, await feed_of(request, db).service(parse_id(item_id)))

    @get("/service_at_locations", permission=None)
    async def services_at_locations(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]
    ) -> Response[bytes]:
        """List services at their places."""
        return answer(request, await feed_of(request, db).services_at_locations(request.query_params.dict()))

    @get("/service_at_locations/{item_id:str}", permission=None)
    async def service_at_location(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], item_id: FromPath[str]
    ) -> Response[bytes]:
        """Give one service at its place."""
        return answer(request, await feed_of(request, db).service_at_location(parse_id(item_id)))

    @get("/taxonomies", permission=None)
    async def taxonomies(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[bytes]:
        """List the taxonomies."""
        return answer(request, feed_of(request, db).taxonomies(request.query_params.dict()))

    @get("/taxonomies/{item_id:str}", permission=None)
    async def taxonomy(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], item_id: FromPath[str]
    ) -> Response[bytes]:
        """Give one taxonomy with its terms."""
        return answer(request, feed_of(request, db).taxonomy(parse_id(item_id)))

    @get("/taxonomy_terms", permission=None)
    async def terms(self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession]) -> Response[bytes]:
        """List the terms of all taxonomies."""
        return answer(request, feed_of(request, db).terms(request.query_params.dict()))

    @get("/taxonomy_terms/{item_id:str}", permission=None)
    async def term(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], item_id: FromPath[str]
    ) -> Response[bytes]:
        """Give one term."""
        return answer(request, feed_of(request, db).term(parse_id(item_id)))
