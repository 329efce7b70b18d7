"""Workers' photos, handed out to those who agreed visits with them, to their own organisation and to the council."""

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.permissions import PROVIDER_ROLES
from marketplace.bookings.repository_photos import PhotoRepository
from marketplace.bookings.routes.common import row_id
from marketplace.core.errors import NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.store import FileStore
from marketplace.providers.models import Worker


@get("/workers/{worker_id:str}/photo", permission=Permission.SIGNED_IN)
async def photo(
    db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], worker_id: FromPath[str]
) -> Response[bytes]:
    """Hand out the photo of a worker.

    Raises:
        NotFound: There is none, or it is nothing to do with who asks.
    """
    worker = await PhotoRepository(db).worker(row_id(worker_id))
    if worker is None or worker.photo_file_id is None or not await _may_see(db, principal, worker):
        raise NotFound
    return file_answer(*await FileStore(db).open(worker.photo_file_id))


async def _may_see(db: AsyncSession, principal: Principal, worker: Worker) -> bool:
    if principal.role in PROVIDER_ROLES:
        return principal.organisation_id == worker.organisation_id
    photos = PhotoRepository(db)
    if principal.person_id is not None:
        may = principal.may(Permission.BOOKINGS_OWN)
        return may and await photos.knows(principal.council_id, principal.person_id, worker.id)
    return await photos.serves(principal.councils, worker.organisation_id)


HANDLERS = [photo]
