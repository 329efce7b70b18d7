"""The photo of a worker: given with their consent, cut square, taken away at any time.

Who may look at it is judged where visits are known: `bookings.routes.photos`.
"""

from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.errors import InvalidInput
from marketplace.core.files.checking import CheckedFile, check
from marketplace.core.files.forms import FileForm
from marketplace.core.files.kinds import LIMITS, FileRefused, Limits
from marketplace.core.files.store import FileStore
from marketplace.providers.models import Worker
from marketplace.providers.service.workforce.people import WorkforceService

FIELD: Final = "photo"
CONSENT: Final = "consent"
SQUARE_PIXELS: Final = 320
"""Wide and high; sharp at twice the largest size on a page."""
PHOTO_LIMITS: Final = Limits(size=LIMITS.size, megapixels=LIMITS.megapixels, square_pixels=SQUARE_PIXELS)


async def look_at(form: FileForm) -> CheckedFile:
    """Look at the photo of a form and cut it square. Call it while no transaction is open.

    Raises:
        InvalidInput: No photo, more than one, no picture, or no word that the worker agreed.
    """
    given = form.files.get(FIELD, [])
    errors = {}
    if len(given) != 1:
        errors[FIELD] = "Choose one photo"
    if form.values.get(CONSENT) != "yes":
        errors[CONSENT] = "Confirm that the person in the photo agrees to this"
    if errors:
        raise InvalidInput(errors)
    try:
        return await check(given[0].name, given[0].content, PHOTO_LIMITS)
    except FileRefused as error:
        raise error.at(FIELD) from error


class WorkerPhotos:
    """Keeps and removes photos."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.workers = WorkforceService(db)
        self.store = FileStore(db)

    async def set(self, principal: Principal, worker_id: UUID, checked: CheckedFile) -> Worker:
        """Keep a photo of a worker; the one before is deleted.

        Raises:
            NotFound: Of another organisation, or a colleague of one who keeps only themselves.
        """
        _, worker = await self.workers.worker(principal, worker_id, locked=True)
        before = worker.photo_file_id
        stored = await self.store.keep_checked(checked, by_user_id=principal.user_id)
        worker.photo_file_id = stored.id
        await self.db.flush()
        if before is not None:
            await self.store.remove(before)
        self._record(principal, worker, "providers.set_worker_photo", before, stored.id)
        return worker

    async def remove(self, principal: Principal, worker_id: UUID) -> Worker:
        """Take the photo of a worker away; its content is deleted. Nothing happens where there is none.

        Raises:
            NotFound: As `set`.
        """
        _, worker = await self.workers.worker(principal, worker_id, locked=True)
        before, worker.photo_file_id = worker.photo_file_id, None
        await self.db.flush()
        if before is not None:
            await self.store.remove(before)
            self._record(principal, worker, "providers.remove_worker_photo", before, None)
        return worker

    def _record(
        self, principal: Principal, worker: Worker, action: str, before: UUID | None, after: UUID | None
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="worker",
            subject_id=worker.id,
            before={"photo_file_id": before},
            after={"photo_file_id": after, "consent": after is not None},
        )
