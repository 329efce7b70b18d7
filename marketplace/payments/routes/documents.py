"""Documents to take away: for the council's finance and for the supplier."""

from typing import Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import Conflict, NotFound
from marketplace.payments.documents.content import DocumentRefused
from marketplace.payments.routes.shared import row_id
from marketplace.payments.service.documents import DocumentFormat, DocumentService, Written


class DocumentController(Controller):
    """As `/documents/{id}/{ubl|pdf|csv}`."""

    path = "/documents"

    @get("/{bill_id:str}/{file_format:str}", permission=Permission.INVOICES_READ)
    async def bill(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Response[bytes]:
        """Give a bill of the council."""
        return await _answer(DocumentService(db).for_council, principal, bill_id, file_format)

    @get("/remittances/{line_id:str}/{file_format:str}", permission=Permission.INVOICES_READ)
    async def remittance(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Response[bytes]:
        """Give what a payment of the council is for."""
        return await _answer(DocumentService(db).remittance_for_council, principal, line_id, file_format)


class OwnDocumentController(Controller):
    """As `/earnings/documents/{id}/{ubl|pdf|csv}`."""

    path = "/earnings/documents"

    @get("/{bill_id:str}/{file_format:str}", permission=Permission.EARNINGS_OWN)
    async def bill(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Response[bytes]:
        """Give a bill of the reader's organisation."""
        return await _answer(DocumentService(db).own, principal, bill_id, file_format)

    @get("/remittances/{line_id:str}/{file_format:str}", permission=Permission.EARNINGS_OWN)
    async def remittance(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        line_id: FromPath[str],
        file_format: FromPath[str],
    ) -> Response[bytes]:
        """Give what a payment to the reader's organisation is for."""
        return await _answer(DocumentService(db).own_remittance, principal, line_id, file_format)


async def _answer(find: Any, principal: Principal, wanted: str, file_format: str) -> Response[bytes]:
    chosen = next((one for one in DocumentFormat if one.value == file_format), None)
    if chosen is None:
        raise NotFound
    try:
        written: Written = await find(principal, row_id(wanted), chosen)
    except DocumentRefused as error:
        raise Conflict(f"This document cannot be written for other systems. {error}") from error
    headers = {"Content-Disposition": f'attachment; filename="{written.name}"', "Cache-Control": "private, no-store"}
    return Response(written.content, media_type=written.media, headers=headers)


ROUTES: list[Any] = [DocumentController, OwnDocumentController]
