"""Who looked at a person's things: noted where they are read, shown to the person (D14, V14)."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.people.models import RecordView
from marketplace.people.repository_views import ViewRepository
from marketplace.people.words import VIEWED


async def note_view(db: AsyncSession, principal: Principal, person_id: UUID, what: str) -> None:
    """Note that somebody looks at a person's things. Call it after the reader was let in.

    A person who looks at their own things is not noted; whoever acts for them is. All looks of one user at one thing
    on one day are one row with a count.

    Args:
        db: The reader's transaction: what is refused leaves no note.
        principal: Who looks.
        person_id: Whose things.
        what: A key of `people.words.VIEWED`.

    Raises:
        ValueError: No such thing to look at.

    Source: trust.md, D14 and V14: the person sees who looked.
    """
    if what not in VIEWED:
        raise ValueError(f"nobody can look at {what!r}: see people.words.VIEWED")
    if principal.role is Role.PERSON and principal.person_id == person_id:
        return
    now = clock_of(db).now()
    await ViewRepository(db).note(
        person_id, principal.user_id, principal.role, principal.organisation_id, what, today(clock_of(db)), now
    )


class ViewService:
    """What a person sees of who looked."""

    def __init__(self, db: AsyncSession) -> None:
        self.views = ViewRepository(db)

    async def of_own(self, principal: Principal, after: UUID | None) -> Sequence[RecordView]:
        """Return who looked at one's own things, or those of the person acted for; one more than a page.

        Raises:
            NotFound: The reader is no person, or the key of the page is no row of theirs.
        """
        principal.require(Permission.PROFILE_OWN)
        return await self.views.page(principal.council_id, principal.need_person(), after)
