"""Pages of the files of an answer, and their downloads for both sides."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput
from marketplace.core.files.answers import file_answer
from marketplace.core.files.checking import CheckedFile, check_all
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.files.kinds import FileRefused
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import DeclareFirst
from marketplace.providers.routes.applications.common import page, read_id
from marketplace.providers.routes.evidence_files import file_line
from marketplace.providers.service.applications.drafts import ApplicationService
from marketplace.providers.service.applications.files import FIELD, MOST_FILES, AnswerFileService, record_refused_file
from marketplace.providers.service.applications.opened import Opened, open_application


class ApplicationFileController(Controller):
    """Files of one answer, for the organisation that applies."""

    path = "/provider/applications/{application_id:str}/questions/{criterion_id:str}/files"

    @get("/", permission=Permission.APPLICATIONS_OWN)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Template:
        """Show the files of an answer, with a form for more."""
        return await _files_page(db, await open_application(db, principal, read_id(application_id)), criterion_id, {})

    @post("/", permission=Permission.APPLICATIONS_OWN, **UPLOAD)
    async def add(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Redirect | Template:
        """Keep more files. They are looked at before the transaction begins."""
        form = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            opened = await open_application(db, principal, read_id(application_id))
            ApplicationService.question(opened, read_id(criterion_id))
        checked, errors = await _looked_at(principal, opened, form)
        async with transaction(session_maker(), principal.councils) as db:

            async def act() -> str:
                await AnswerFileService(db).attach(principal, read_id(application_id), read_id(criterion_id), checked)
                return f"{opened.path}/questions/{read_id(criterion_id)}/files"

            try:
                if errors:
                    raise InvalidInput(errors)
                async with db.begin_nested():
                    answer = await submit(request, db, principal.actor, form.content, act)
            except InvalidInput as error:
                again = await open_application(db, principal, read_id(application_id))
                return await _files_page(db, again, criterion_id, error.fields)
        flash(request, "File kept" if len(checked) == 1 else "Files kept")
        return answer

    @get("/{file_id:str}", permission=Permission.APPLICATIONS_OWN)
    async def open(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes]:
        """Hand a file out."""
        ids = read_id(application_id), read_id(criterion_id), read_id(file_id)
        return file_answer(*await AnswerFileService(db).open_own(principal, *ids))

    @post("/{file_id:str}/remove", permission=Permission.APPLICATIONS_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        criterion_id: FromPath[str],
        file_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a file back."""
        ids = read_id(application_id), read_id(criterion_id), read_id(file_id)

        async def act() -> str:
            await AnswerFileService(db).remove(principal, *ids)
            return f"/provider/applications/{ids[0]}/questions/{ids[1]}/files"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "File removed")
        return answer


class SentFileController(Controller):
    """Files of applications as the council they were sent to opens them."""

    path = "/accreditation/applications/{application_id:str}/files"

    @get("/{file_id:str}", permission=Permission.APPLICATIONS_SCORE)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        application_id: FromPath[str],
        file_id: FromPath[str],
    ) -> Response[bytes] | Redirect:
        """Hand a file out; whoever is to score the application declares their interests first."""
        service = AnswerFileService(db)
        try:
            return file_answer(*await service.open_as_council(principal, read_id(application_id), read_id(file_id)))
        except DeclareFirst as error:
            flash(request, error.detail, kind="information")
            return Redirect(f"/accreditation/scoring/{error.evaluation_id}", status_code=303)


async def _looked_at(principal: Principal, opened: Opened, form: FileForm) -> tuple[list[CheckedFile], dict[str, str]]:
    """Look at the files of a form while no transaction is open. A refusal leaves an audit row."""
    given = form.files.get(FIELD, [])
    if not given:
        return [], {FIELD: "Choose a file"}
    try:
        return await check_all(given, field=FIELD, most=MOST_FILES), {}
    except FileRefused as error:
        await record_refused_file(principal, opened, error, given)
        return [], error.fields


async def _files_page(db: AsyncSession, opened: Opened, criterion_id: str, errors: dict[str, str]) -> Template:
    criterion = ApplicationService.question(opened, read_id(criterion_id))
    files = await AnswerFileService(db).of(opened, criterion)
    address = f"{opened.path}/questions/{criterion.id}/files"
    may_add = opened.is_draft and len(files) < MOST_FILES
    context = {
        "criterion": criterion,
        "address": address,
        "files": [file_line(stored, address) for stored in files],
        "may_add": may_add,
        "most": MOST_FILES,
    }
    # A message about a field that is not there belongs to the form.
    shown = {"form": " ".join(errors.values())} if errors and not may_add else errors
    return page("files", opened, context, errors=shown)
