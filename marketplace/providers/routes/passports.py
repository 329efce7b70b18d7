"""Pages of the trust passport: the organisation's own, the public one, and the council's."""

from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import segno
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.providers.models import EVIDENCE_LABELS
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.passports import PAGE, PassportRepository
from marketplace.providers.service.organisations import KIND_LABELS
from marketplace.providers.service.passport.public import PassportPages
from marketplace.providers.service.passport.service import CHOICES, PassportForm, PassportService, Sharing
from marketplace.providers.service.passport.signing import BrokenSeal, Seal

PRIVATE: Final = {"cache-control": "no-store", "x-robots-tag": "noindex", "referrer-policy": "no-referrer"}
"""A passport page is for whom the provider gives its address to."""
STAND_WORDS: Final = {
    "shared": "Can use your evidence",
    "usual": "Can use your evidence: your home council, or it has accredited you",
    "revoked": "Sees nothing new: you took it back",
    "none": "Does not see it",
}


def address_of(request: Request[Any, Any, Any], token: str) -> str:
    """Public address of a passport page."""
    return f"{str(request.app.state.settings.public_url).rstrip('/')}/passport/{quote(token)}"


def _seal(request: Request[Any, Any, Any]) -> Seal:
    return Seal(request.app.state.settings.secret_key)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


class OwnPassportController(Controller):
    """The own organisation's passport."""

    path = "/provider/passport"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show(
        self, request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Show what the page says, and which councils may use the evidence."""
        return await _own_page(request, db, principal, None, {})

    @post("/", permission=Permission.ORGANISATION_OWN)
    async def save(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say what the page shows."""
        try:
            form = PassportForm.read(data)
        except InvalidInput as error:
            return await _own_page(request, db, principal, data, error.fields)

        async def act() -> str:
            await PassportService(db).save(principal, form)
            return "/provider/passport"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Your page is public" if form.is_published else "Saved. Your page is not public")
        return answer

    @post("/address", permission=Permission.ORGANISATION_OWN)
    async def move(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Give the page another address."""

        async def act() -> str:
            await PassportService(db).move(principal)
            return "/provider/passport"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Your page has a new address. The old one no longer works")
        return answer

    @get("/councils/{council_id:str}", permission=Permission.ORGANISATION_OWN)
    async def council(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], council_id: FromPath[str]
    ) -> Template:
        """Ask whether to share with a council, or to stop."""
        wanted = _id(council_id)
        for sharing in await PassportService(db).sharings(principal):
            if sharing.council.id == wanted:
                return Template("providers/passport/council.html", context=_sharing(sharing))
        raise NotFound

    @post("/councils/{council_id:str}", permission=Permission.ORGANISATION_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        council_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Share with a council, or stop."""
        wanted, is_sharing = _id(council_id), data.get("do") == "share"
        if not is_sharing and data.get("do") != "revoke":
            raise BadRequest

        async def act() -> str:
            service = PassportService(db)
            await (service.share(principal, wanted) if is_sharing else service.revoke(principal, wanted))
            return "/provider/passport"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "The council can use your evidence now" if is_sharing else "The council sees nothing new now")
        return answer


@get("/passport/{token:str}", permission=None)
async def passport_page(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], token: FromPath[str]
) -> Template:
    """What an organisation publishes about its checks, with the installation's seal."""
    page = await PassportPages(db).published(token)
    address = address_of(request, token)
    context = {
        "page": page,
        "address": address,
        "code": _code(address, page.name),
        "seal": _seal(request).sign(page.facts(address)),
        "is_preview": False,
    }
    return Template("providers/passport/public.html", context=context, headers=PRIVATE)


@get("/passport/{token:str}/seal", permission=None)
async def passport_seal(
    request: Request[Any, Any, Any], db: NamedDependency[AsyncSession], token: FromPath[str]
) -> Response[str]:
    """The page as signed data, for machines."""
    page = await PassportPages(db).published(token)
    text = _seal(request).sign(page.facts(address_of(request, token)))
    return Response(text, media_type="application/jose", headers=PRIVATE)


@get("/passport/keys", permission=None)
async def passport_keys(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
    """The public key, for those who check seals by themselves."""
    headers = {"cache-control": "public, max-age=3600", "access-control-allow-origin": "*"}
    return Response(_seal(request).keys(), media_type="application/jwk-set+json", headers=headers)


@get("/passport/check", permission=None, visitor_form=True)
async def passport_check_form() -> Template:
    """Ask for a seal to check."""
    return Template("providers/passport/check.html", context={"values": {}, "errors": {}, "facts": None})


@post("/passport/check", permission=None, visitor_form=True, status_code=200)
async def passport_check(request: Request[Any, Any, Any], data: URLEncodedBody[FormData]) -> Template:
    """Say whether a seal was made here and what it says. Nothing is kept."""
    text = str(data.get("seal") or "")
    try:
        facts = _seal(request).check(text)
    except BrokenSeal:
        message = "Paste the seal" if not text.strip() else "This seal was not made here, or it was changed"
        context = {"values": {"seal": text[:20_000]}, "errors": {"seal": message}, "facts": None}
        return Template("providers/passport/check.html", context=context, status_code=422)
    return Template("providers/passport/check.html", context={"values": {}, "errors": {}, "facts": facts})


class CouncilPassportController(Controller):
    """Evidence that organisations share with a council."""

    path = "/accreditation/passports"

    @get("/", permission=Permission.EVIDENCE_SEE)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List who shares its evidence with this council."""
        start = None
        if after:
            wanted = parse_id(after)
            if wanted is None:
                raise BadRequest
            last = await OrganisationRepository(db).find(wanted)
            start = (last.name, last.id)
        found = await PassportRepository(db).shared_with(principal.council_id, today(clock_of(db)), start)
        shown = found[:PAGE]
        context = {
            "items": [
                {
                    "id": organisation.id,
                    "name": organisation.name,
                    "kind": KIND_LABELS[organisation.kind],
                    "town": organisation.town,
                    "shared_at": share.shared_at,
                    "pieces": pieces,
                    "signed": signed,
                }
                for organisation, share, pieces, signed in shown
            ],
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/passport/council_list.html", context=context)

    @get("/{organisation_id:str}", permission=Permission.EVIDENCE_SEE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], organisation_id: FromPath[str]
    ) -> Template:
        """Show an organisation's evidence and who countersigned it."""
        return await _council_page(db, principal, _id(organisation_id), "", {}, {})

    @post("/{organisation_id:str}/{evidence_id:str}", permission=Permission.EVIDENCE_SEE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        organisation_id: FromPath[str],
        evidence_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Countersign a piece of evidence, or take that back."""
        organisation, evidence, is_signing = _id(organisation_id), _id(evidence_id), data.get("do") == "sign"
        if not is_signing and data.get("do") != "withdraw":
            raise BadRequest

        async def act() -> str:
            service = PassportService(db)
            if is_signing:
                await service.countersign(principal, evidence)
            else:
                await service.withdraw(principal, evidence, data)
            return f"/accreditation/passports/{organisation}"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            fields = {f"reason-{evidence}": message for message in error.fields.values()}
            return await _council_page(db, principal, organisation, str(evidence), data, fields)
        flash(request, "Countersigned" if is_signing else "Your council’s signature is withdrawn")
        return answer


async def _own_page(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    typed: FormData | None,
    errors: dict[str, str],
) -> Template:
    service = PassportService(db)
    organisation, row = await service.own(principal)
    values = typed or {"published": "yes" if row.is_published else "no", "shows": list(row.shows)}
    page = await PassportPages(db).page(row, organisation)
    address = address_of(request, row.token)
    context = {
        "organisation": organisation,
        "values": values,
        "errors": errors,
        "choices": list(CHOICES.items()),
        "is_published": row.is_published,
        "address": address,
        "code": _code(address, organisation.name) if row.is_published else "",
        "page": page,
        "sharings": [_sharing(one) for one in await service.sharings(principal)],
    }
    return Template("providers/passport/own.html", context=context, status_code=422 if errors else 200)


async def _council_page(
    db: AsyncSession,
    principal: Principal,
    organisation_id: UUID,
    wrong_id: str,
    typed: FormData,
    errors: dict[str, str],
) -> Template:
    organisation, pieces = await PassportService(db).pieces(principal, organisation_id)
    items = [
        {
            "id": str(row.id),
            "label": EVIDENCE_LABELS[row.kind],
            "detail": row.detail,
            "cover_pence": row.cover_pence,
            "issued_on": row.issued_on,
            "expires_on": row.expires_on,
            "state": state,
            "is_waiting": state == "waiting",
            "signatures": [(council.name, signature.signed_at) for signature, council in signatures],
            "is_signed": any(council.id == principal.council_id for _, council in signatures),
            "can_sign": state in {"live", "due", "scheduled", "waiting"},
        }
        for row, state, signatures in pieces
    ]
    context = {
        "organisation": organisation,
        "items": items,
        "wrong_id": wrong_id,
        "values": {f"reason-{wrong_id}": typed.get("reason", "")} if wrong_id else {},
        "errors": errors,
    }
    return Template("providers/passport/council_one.html", context=context, status_code=422 if errors else 200)


def _sharing(one: Sharing) -> dict[str, Any]:
    return {
        "council_id": str(one.council.id),
        "council": one.council.name,
        "status": one.status,
        "words": STAND_WORDS[one.status],
        "is_shared": one.status in {"shared", "usual"},
        "since": one.share.shared_at if one.share and one.status == "shared" else None,
    }


def _code(address: str, name: str) -> str:
    """Return a QR code of an address as SVG, named for screen readers."""
    return segno.make(address, error="m").svg_inline(
        scale=4, border=2, omitsize=True, title=f"Code that opens the page of {name}", svgclass="cm-code"
    )


PASSPORT_ROUTES: Final = [
    OwnPassportController,
    CouncilPassportController,
    passport_keys,
    passport_check_form,
    passport_check,
    passport_page,
    passport_seal,
]
