"""Pages of the files of evidence: the provider's list, and downloads for the provider and the council."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.flash import flash
from marketplace.core.formats import file_size
from marketplace.core.ids import parse_id
from marketplace.core.models import ScanState, StoredFile
from marketplace.core.web import FormData, submit
from marketplace.providers.models import EVIDENCE_LABELS, EvidenceKind
from marketplace.providers.service.evidence_files import (
    FIELD,
    MOST_FILES,
    EvidenceFileService,
    OwnEvidence,
    record_refused_upload,
    refuse_certificate,
)


class OwnEvidenceFileController(Controller):
    """Files of the own organisation's evidence."""

    path = "/provider/evidence/{evidence_id:str}/files"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show_all(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], evidence_id: FromPath[str]
    ) -> Template:
        """Show the files of one piece of evidence, with a form for one more."""
        own = await EvidenceFileService(db).find_own(principal, _id(evidence_id))
        return await _files_page(db, own, {})

    @post("/", permission=Permission.ORGANISATION_OWN, **UPLOAD)
    async def add(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], evidence_id: FromPath[str]
    ) -> Redirect | Template:
        """Keep more files. They are looked at before the transaction begins."""
        form = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            kind = (await EvidenceFileService(db).find_own(principal, _id(evidence_id))).row.kind
        checked, errors = await looked_at(principal, kind, form, required=True)
        async with transaction(session_maker(), principal.councils) as db:
            service = EvidenceFileService(db)

            async def act() -> str:
                await service.attach(principal, _id(evidence_id), checked)
                return f"/provider/evidence/{evidence_id}/files"

            try:
                if errors:
                    raise InvalidInput(errors)
                async with db.begin_nested():
                    answer = await submit(request, db, principal.actor, form.content, act)
            except InvalidInput as error:
                own = await service.find_own(principal, _id(evidence_id))
                return await _files_page(db, own, error.fields)
        flash(request, "File kept" if len(checked) == 1 else "Files kept")
        return answer

    @get("/{file_id:str}", permission=Permission.ORGANISATION_OWN)
    async def open(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evidence_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file out."""
        return file_answer(*await EvidenceFileService(db).open_own(principal, _id(evidence_id), _id(file_id)))

    @post("/{file_id:str}/remove", permission=Permission.ORGANISATION_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evidence_id: FromPath[str],
        file_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a file back."""

        async def act() -> str:
            await EvidenceFileService(db).remove(principal, _id(evidence_id), _id(file_id))
            return f"/provider/evidence/{evidence_id}/files"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "File removed")
        return answer


class EvidenceFileController(Controller):
    """Files of evidence as a council opens them."""

    path = "/evidence/{evidence_id:str}/files"

    @get("/{file_id:str}", permission=Permission.EVIDENCE_SEE)
    async def open(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evidence_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file out."""
        return file_answer(*await EvidenceFileService(db).open_as_council(principal, _id(evidence_id), _id(file_id)))


async def looked_at(
    principal: Principal, kind: EvidenceKind, form: FileForm, *, required: bool = False
) -> tuple[list[CheckedFile], dict[str, str]]:
    """Look at the files of a form. Returns those that may be kept, or what is wrong; a refusal leaves an audit row.

    Call it while no transaction is open.
    """
    given = form.files.get(FIELD, [])
    if not given and required:
        return [], {FIELD: "Choose a file"}
    try:
        refuse_certificate(kind, given)
        return await check_all(given, field=FIELD, most=MOST_FILES), {}
    except FileRefused as error:
        await record_refused_upload(principal, kind, error, given)
        return [], error.fields


def file_line(stored: StoredFile, address: str) -> dict[str, Any]:
    """Return what pages say of a file; `address` is the folder of its download."""
    return {
        "id": stored.id,
        "name": stored.name,
        "href": f"{address}/{stored.id}",
        "is_ready": stored.scan is ScanState.CLEAN,
        "size": file_size(stored.size),
        "changes": stored.changes,
    }


async def _files_page(db: AsyncSession, own: OwnEvidence, errors: dict[str, str]) -> Template:
    row, may_change = own.row, own.may_change
    files = (await EvidenceFileService(db).of_evidence([row.id])).get(row.id, [])
    address = f"/provider/evidence/{row.id}/files"
    may_add = may_change and len(files) < MOST_FILES
    context = {
        "label": EVIDENCE_LABELS[row.kind],
        "detail": row.detail,
        "address": address,
        "files": [file_line(stored, address) for stored in files],
        "may_change": may_change,
        "may_add": may_add,
        "most": MOST_FILES,
        # A message about a field that is not there belongs to the form.
        "errors": {"form": " ".join(errors.values())} if errors and not may_add else errors,
    }
    return Template("providers/evidence/files.html", context=context, status_code=422 if errors else 200)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
