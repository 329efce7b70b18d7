"""Questions about choosing: the facts of a comparison, saved lists, saved searches, locked results."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import User
from marketplace.core.ids import new_id
from marketplace.core.repository import Repository
from marketplace.providers.models import (
    ChoiceRecord,
    Evidence,
    ListingHours,
    SavedList,
    SavedListComment,
    SavedListItem,
    SavedListShare,
    SavedSearch,
)
from marketplace.providers.repository.evidence_rules import counts_on

RECORDS_PAGE = 30


class ComparingRepository:
    """Facts of a comparison that the market's own questions leave out. All of them are public."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    async def listing_hours(self, listing_ids: Iterable[UUID]) -> dict[UUID, list[ListingHours]]:
        """Return weekly hours by listing, in order of the week."""
        found: dict[UUID, list[ListingHours]] = {}
        rows = await self.db.scalars(
            select(ListingHours)
            .where(ListingHours.listing_id.in_(list(listing_ids)))
            .order_by(ListingHours.weekday, ListingHours.starts_local)
        )
        for row in rows:
            found.setdefault(row.listing_id, []).append(row)
        return found

    async def evidence_seen(self, organisation_ids: Iterable[UUID], day: date) -> dict[UUID, list[Evidence]]:
        """Return the evidence that counts on a day (domain.md V4), by organisation."""
        found: dict[UUID, list[Evidence]] = {}
        rows = await self.db.scalars(
            select(Evidence)
            .where(Evidence.organisation_id.in_(list(organisation_ids)), counts_on(day))
            .order_by(Evidence.kind, Evidence.expires_on.desc().nulls_first())
        )
        for row in rows:
            found.setdefault(row.organisation_id, []).append(row)
        return found


class ListLine(NamedTuple):
    """A saved list with how much is on it."""

    saved: SavedList
    offers: int
    shares: int
    """Links that open today."""


class SavedListRepository(Repository[SavedList]):
    """Saved lists with what is on them."""

    model_type = SavedList

    async def own(self, council_id: UUID, user_id: UUID, list_id: UUID, *, locked: bool = False) -> SavedList:
        """Return somebody's own list.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = self.of(council_id).where(SavedList.id == list_id, SavedList.owner_user_id == user_id)
        return await self.one(question, locked=locked)

    async def lines(self, council_id: UUID, user_id: UUID, day: date, limit: int) -> list[ListLine]:
        """Return somebody's lists, the last changed first."""
        offers = (
            select(func.count()).where(SavedListItem.list_id == SavedList.id).correlate(SavedList).scalar_subquery()
        )
        shares = (
            select(func.count())
            .where(SavedListShare.list_id == SavedList.id, _opens(day))
            .correlate(SavedList)
            .scalar_subquery()
        )
        rows = await self.db.execute(
            select(SavedList, offers, shares)
            .where(SavedList.council_id == council_id, SavedList.owner_user_id == user_id)
            .order_by(SavedList.updated_at.desc(), SavedList.id.desc())
            .limit(limit)
        )
        return [ListLine(*row) for row in rows]

    async def items(self, list_id: UUID) -> Sequence[SavedListItem]:
        """Return what is on a list, in the order it was added."""
        question = select(SavedListItem).where(SavedListItem.list_id == list_id)
        return (await self.db.scalars(question.order_by(SavedListItem.added_at, SavedListItem.id))).all()

    async def item(self, list_id: UUID, item_id: UUID) -> SavedListItem | None:
        """Return one offer of a list."""
        found: SavedListItem | None = await self.db.scalar(
            select(SavedListItem)
            .where(SavedListItem.list_id == list_id, SavedListItem.id == item_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found

    async def put(self, saved: SavedList, offers: Sequence[tuple[str, str]], at: datetime) -> int:
        """Put offers (id and name) on a list; what is on it already stays as it is. Returns how many were new."""
        rows = [
            {
                "id": new_id(),
                "council_id": saved.council_id,
                "list_id": saved.id,
                "found_id": found_id,
                "name": name,
                "note": "",
                "added_by": "",
                "added_at": at,
            }
            for found_id, name in offers
        ]
        added = await self.db.scalars(
            insert(SavedListItem)
            .values(rows)
            .on_conflict_do_nothing(index_elements=["list_id", "found_id"])
            .returning(SavedListItem.id)
        )
        return len(added.all())

    async def count_items(self, list_id: UUID) -> int:
        """Return how many offers are on a list."""
        return await self.db.scalar(select(func.count()).where(SavedListItem.list_id == list_id)) or 0

    async def comments(self, list_id: UUID, limit: int) -> Sequence[SavedListComment]:
        """Return what was said about a list, oldest first."""
        question = select(SavedListComment).where(SavedListComment.list_id == list_id)
        question = question.order_by(SavedListComment.written_at, SavedListComment.id).limit(limit)
        return (await self.db.scalars(question)).all()

    async def count_comments(self, list_id: UUID, since: datetime | None = None) -> int:
        """Return how many comments a list has, or got since an instant."""
        question = select(func.count()).where(SavedListComment.list_id == list_id)
        if since is not None:
            question = question.where(SavedListComment.written_at > since)
        return await self.db.scalar(question) or 0

    async def comment(self, list_id: UUID, comment_id: UUID) -> SavedListComment | None:
        """Return one comment of a list."""
        found: SavedListComment | None = await self.db.scalar(
            select(SavedListComment).where(SavedListComment.list_id == list_id, SavedListComment.id == comment_id)
        )
        return found


class ShareRepository(Repository[SavedListShare]):
    """Links to saved lists."""

    model_type = SavedListShare

    async def by_token(self, token_hash: bytes, day: date) -> SavedListShare | None:
        """Return the share of a link that opens on a day. The transaction must reach every council."""
        return await self.maybe(select(SavedListShare).where(SavedListShare.token_hash == token_hash, _opens(day)))

    async def of_list(self, list_id: UUID) -> Sequence[SavedListShare]:
        """Return all links of a list, the newest first."""
        question = select(SavedListShare).where(SavedListShare.list_id == list_id)
        return await self.every(
            question.order_by(SavedListShare.created_at.desc(), SavedListShare.id.desc()).limit(200)
        )

    async def one_of(self, list_id: UUID, share_id: UUID) -> SavedListShare:
        """Return one link of a list, locked.

        Raises:
            NotFound: It is none of this list's.
        """
        question = select(SavedListShare).where(SavedListShare.list_id == list_id, SavedListShare.id == share_id)
        return await self.one(question, locked=True)

    async def count_open(self, list_id: UUID, day: date) -> int:
        """Return how many links of a list open on a day."""
        return await self.db.scalar(select(func.count()).where(SavedListShare.list_id == list_id, _opens(day))) or 0

    async def count_mailed(self, council_id: UUID, user_id: UUID, since: datetime) -> int:
        """Return how many links somebody had sent by e-mail since an instant."""
        question = (
            select(func.count(SavedListShare.id))
            .join(SavedList, SavedList.id == SavedListShare.list_id)
            .where(
                SavedList.council_id == council_id,
                SavedList.owner_user_id == user_id,
                SavedListShare.email != "",
                SavedListShare.created_at > since,
            )
        )
        return await self.db.scalar(question) or 0

    async def mail(self, council_id: UUID, share_id: UUID, day: date) -> tuple[SavedListShare, str] | None:
        """Return a link that opens on a day, with the name of the list's owner; None when it opens no more."""
        question = (
            select(SavedListShare, User.name)
            .join(SavedList, SavedList.id == SavedListShare.list_id)
            .join(User, User.id == SavedList.owner_user_id)
            .where(SavedListShare.council_id == council_id, SavedListShare.id == share_id, _opens(day))
        )
        row = (await self.db.execute(question)).first()
        return (row[0], row[1]) if row is not None else None

    async def note_opening(self, share_id: UUID, at: datetime) -> None:
        """Write down that a link was opened."""
        await self.db.execute(update(SavedListShare).where(SavedListShare.id == share_id).values(last_opened_at=at))


class SavedSearchRepository(Repository[SavedSearch]):
    """Saved searches."""

    model_type = SavedSearch

    async def own(self, council_id: UUID, user_id: UUID, search_id: UUID, *, locked: bool = False) -> SavedSearch:
        """Return somebody's own saved search.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = self.of(council_id).where(SavedSearch.id == search_id, SavedSearch.owner_user_id == user_id)
        return await self.one(question, locked=locked)

    async def all_own(self, council_id: UUID, user_id: UUID, limit: int) -> Sequence[SavedSearch]:
        """Return somebody's saved searches, the newest first."""
        question = self.of(council_id).where(SavedSearch.owner_user_id == user_id)
        return await self.every(question.order_by(SavedSearch.created_at.desc(), SavedSearch.id.desc()).limit(limit))

    async def due(self, now: datetime, after: tuple[datetime, UUID] | None, limit: int) -> list[SavedSearch]:
        """Return searches to be asked again, in order of their time and id, after a key.

        Those of somebody who may no longer sign in are left alone.
        """
        question = (
            select(SavedSearch)
            .join(User, User.id == SavedSearch.owner_user_id)
            .where(SavedSearch.is_telling, SavedSearch.next_run_at <= now, User.is_active)
            .order_by(SavedSearch.next_run_at, SavedSearch.id)
            .limit(limit)
        )
        if after is not None:
            question = question.where(tuple_(SavedSearch.next_run_at, SavedSearch.id) > after)
        return list(await self.every(question))


class ChoiceRecordRepository(Repository[ChoiceRecord]):
    """Locked results of a council."""

    model_type = ChoiceRecord

    async def page(self, council_id: UUID, before: tuple[datetime, UUID] | None) -> list[tuple[ChoiceRecord, str]]:
        """Return one record more than a page with the name of who made it, the newest first, before a key."""
        question = (
            select(ChoiceRecord, User.name)
            .join(User, User.id == ChoiceRecord.made_by_user_id)
            .where(ChoiceRecord.council_id == council_id)
            .order_by(ChoiceRecord.made_at.desc(), ChoiceRecord.id.desc())
            .limit(RECORDS_PAGE + 1)
        )
        if before is not None:
            question = question.where(tuple_(ChoiceRecord.made_at, ChoiceRecord.id) < before)
        return [(row[0], row[1]) for row in await self.db.execute(question)]

    async def made_by(self, record: ChoiceRecord) -> str:
        """Return the name of who made a record."""
        return await self.db.scalar(select(User.name).where(User.id == record.made_by_user_id)) or ""


def _opens(day: date) -> ColumnElement[bool]:
    return and_(SavedListShare.revoked_at.is_(None), SavedListShare.expires_on > day)
