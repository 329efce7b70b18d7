"""The page on which an organisation, or a personal assistant, gives a worker's photo."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.routes.workforce.common import need_id
from marketplace.providers.service.workforce.people import WorkforceService
from marketplace.providers.service.workforce.photos import WorkerPhotos, look_at


class WorkerPhotoController(Controller):
    """The photo of one worker of the own organisation."""

    path = "/provider/workers/{worker_id:str}/photo"

    @get("/", permission=Permission.WORKERS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Template:
        """Show the photo there is, with a form for another."""
        return await _page(db, principal, worker_id, {})

    @post("/", permission=Permission.WORKERS_OWN, **UPLOAD)
    async def give(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], worker_id: FromPath[str]
    ) -> Redirect | Template:
        """Keep a photo. It is looked at before the transaction begins."""
        form = await FileForm.read(request)
        async with transaction(session_maker(), principal.councils) as db:
            await WorkforceService(db).worker(principal, need_id(worker_id))
        checked: CheckedFile | None = None
        errors: dict[str, str] = {}
        try:
            checked = await look_at(form)
        except InvalidInput as error:
            errors = error.fields
        async with transaction(session_maker(), principal.councils) as db:
            if checked is None:
                return await _page(db, principal, worker_id, errors)
            photo = checked

            async def act() -> str:
                worker = await WorkerPhotos(db).set(principal, need_id(worker_id), photo)
                return f"/provider/workers/{worker.id}"

            answer = await submit(request, db, principal.actor, form.content, act)
        flash(request, "Photo kept")
        return answer

    @post("/remove", permission=Permission.WORKERS_OWN)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        worker_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take the photo away."""

        async def act() -> str:
            worker = await WorkerPhotos(db).remove(principal, need_id(worker_id))
            return f"/provider/workers/{worker.id}"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Photo removed")
        return answer


async def _page(db: AsyncSession, principal: Principal, worker_id: str, errors: dict[str, str]) -> Template:
    _, worker = await WorkforceService(db).worker(principal, need_id(worker_id))
    context = {"worker": worker, "is_own": worker.id == principal.worker_id, "errors": errors}
    return Template("providers/workforce/photo.html", context=context, status_code=422 if errors else 200)
