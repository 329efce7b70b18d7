"""Shortlists: offers that somebody keeps together, with notes. Each belongs to the user who made it, nobody else."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.providers.models import SavedList, SavedListComment, SavedListItem
from marketplace.providers.repository.choosing import ListLine, SavedListRepository
from marketplace.providers.service.comparing import ComparingService, Offer, read_found_ids

MOST_LISTS: Final = 50
MOST_ITEMS: Final = 50
MOST_COMMENTS: Final = 200
LONGEST_NAME: Final = 80
LONGEST_NOTE: Final = 1_000
NEW_LIST: Final = "new"
"""Value of the choice "A new shortlist" where an offer is added."""


class ListForm(msgspec.Struct, frozen=True, kw_only=True):
    """Name and note of a list."""

    name: str
    note: str
    version: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        found = cls(
            name=form.text("name", "a name for the shortlist", longest=LONGEST_NAME),
            note=form.text("note", "your note", required=False, longest=LONGEST_NOTE),
            version=form.number("version", "the version", least=0, most=1_000_000, required=False),
        )
        form.done()
        return found


class AddForm(msgspec.Struct, frozen=True, kw_only=True):
    """Offers for a list of one's own, or for a new one."""

    found_ids: list[str]
    list_id: UUID | None
    """None: a new list called `name`."""
    name: str
    note: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        given = data.get("found", [])
        found_ids = _found(form, given if isinstance(given, list) else [str(given)])
        chosen = form.raw("list") or NEW_LIST
        is_new = chosen == NEW_LIST
        list_id = None if is_new else parse_id(chosen)
        if not is_new and list_id is None:
            form.wrong("list", "Select a shortlist")
        found = cls(
            found_ids=found_ids,
            list_id=list_id,
            name=form.text("name", "a name for the shortlist", longest=LONGEST_NAME) if is_new else "",
            note=form.text("note", "your note", required=False, longest=LONGEST_NOTE),
        )
        form.done()
        return found


def _found(form: FormReader, given: Sequence[str]) -> list[str]:
    try:
        found = read_found_ids(given)
    except InvalidInput as error:
        form.wrong("form", error.fields["ids"])
        return []
    if not found:
        form.wrong("form", "Choose an offer from the search first")
    return found


class ListItem(msgspec.Struct, frozen=True, kw_only=True):
    """An offer of a list; `offer` is None when it has left the market."""

    row: SavedListItem
    offer: Offer | None


class ListPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a list shows."""

    saved: SavedList
    items: list[ListItem]
    comments: Sequence[SavedListComment]


class SavedListService:
    """The verbs of shortlists."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.lists = SavedListRepository(db)
        self.clock = clock_of(db)

    async def mine(self, principal: Principal) -> list[ListLine]:
        """Return one's own lists, the last changed first."""
        principal.require(Permission.SAVED_OWN)
        return await self.lists.lines(principal.council_id, principal.user_id, today(self.clock), MOST_LISTS)

    async def find(self, principal: Principal, list_id: UUID, *, locked: bool = False) -> SavedList:
        """Return one's own list.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        principal.require(Permission.SAVED_OWN)
        return await self.lists.own(principal.council_id, principal.user_id, list_id, locked=locked)

    async def page(self, principal: Principal, list_id: UUID) -> ListPage:
        """Return one's own list with its offers and what was said about it.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        return await self.content(await self.find(principal, list_id))

    async def content(self, saved: SavedList) -> ListPage:
        """Return what is on a list that the caller may see."""
        rows = await self.lists.items(saved.id)
        cards = await ComparingService(self.db).cards([row.found_id for row in rows])
        return ListPage(
            saved=saved,
            items=[ListItem(row=row, offer=cards.get(row.found_id)) for row in rows],
            comments=await self.lists.comments(saved.id, MOST_COMMENTS),
        )

    async def create(self, principal: Principal, name: str, note: str) -> SavedList:
        """Make a list.

        Raises:
            InvalidInput: Somebody has fifty already.
        """
        principal.require(Permission.SAVED_OWN)
        if len(await self.mine(principal)) >= MOST_LISTS:
            raise InvalidInput({"name": f"You have {MOST_LISTS} shortlists. Delete one you no longer need first"})
        now = self.clock.now()
        saved = SavedList(
            council_id=principal.council_id,
            owner_user_id=principal.user_id,
            name=name,
            note=note,
            created_at=now,
            updated_at=now,
        )
        self.db.add(saved)
        await self.db.flush()
        self._note(principal, "providers.create_saved_list", saved)
        return saved

    async def change(self, principal: Principal, list_id: UUID, form: ListForm) -> SavedList:
        """Rename a list or change its note.

        Raises:
            Conflict: It was changed since the form was opened.
            NotFound: There is none, or it is somebody else's.
        """
        saved = await self.find(principal, list_id, locked=True)
        if saved.version != form.version:
            raise Conflict("Somebody, perhaps you on another page, changed this shortlist in the meantime.")
        saved.name, saved.note, saved.updated_at = form.name, form.note, self.clock.now()
        await self.db.flush()
        self._note(principal, "providers.change_saved_list", saved)
        return saved

    async def delete(self, principal: Principal, list_id: UUID) -> None:
        """Delete a list with all that is on it; links to it stop at once.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        saved = await self.find(principal, list_id, locked=True)
        offers = await self.lists.count_items(saved.id)
        self._note(principal, "providers.delete_saved_list", saved, before={"offers": offers})
        await self.db.delete(saved)
        await self.db.flush()

    async def add(self, principal: Principal, form: AddForm) -> SavedList:
        """Put offers on a list, or on a new one. What is on it already stays as it is.

        Raises:
            InvalidInput: None of them is on the market, or the list is full.
            NotFound: The list is not one's own.
        """
        principal.require(Permission.SAVED_OWN)
        cards = await ComparingService(self.db).cards(form.found_ids)
        here = [found_id for found_id in form.found_ids if found_id in cards]
        if not here:
            raise InvalidInput({"form": "This offer is no longer on the market, so it cannot be saved"})
        if form.list_id is None:
            saved = await self.create(principal, form.name, "")
        else:
            saved = await self.find(principal, form.list_id, locked=True)
        on_it = {row.found_id for row in await self.lists.items(saved.id)}
        new = [found_id for found_id in here if found_id not in on_it]
        if len(on_it) + len(new) > MOST_ITEMS:
            raise InvalidInput({"list": f"A shortlist holds up to {MOST_ITEMS} offers. Choose another, or a new one"})
        if not new:
            return saved
        now = self.clock.now()
        await self.lists.put(saved, [(found_id, cards[found_id].name) for found_id in new], now)
        if form.note and len(new) == 1:
            item = next(row for row in await self.lists.items(saved.id) if row.found_id == new[0])
            item.note = form.note
        saved.updated_at = now
        await self.db.flush()
        self._note(principal, "providers.add_to_saved_list", saved, after={"offers": new})
        return saved

    async def find_item(self, principal: Principal, list_id: UUID, item_id: UUID) -> tuple[SavedList, SavedListItem]:
        """Return one's own list and one offer on it, both locked.

        Raises:
            NotFound: It is not there, or somebody else's.
        """
        saved = await self.find(principal, list_id, locked=True)
        item = await self.lists.item(saved.id, item_id)
        if item is None:
            raise NotFound
        return saved, item

    async def write_note(self, principal: Principal, list_id: UUID, item_id: UUID, note: str, before: str) -> None:
        """Write the note of an offer. `before` is the note as the form showed it.

        Raises:
            Conflict: The note was changed since the form was opened.
            NotFound: It is not there, or somebody else's.
        """
        saved, item = await self.find_item(principal, list_id, item_id)
        if item.note not in (before, note):
            raise Conflict("This note was changed on another page in the meantime. Go back and look at it first.")
        item.note, saved.updated_at = note, self.clock.now()
        await self.db.flush()
        self._note(principal, "providers.note_on_saved_list", saved, after={"offer": item.found_id})

    async def remove(self, principal: Principal, list_id: UUID, item_id: UUID) -> None:
        """Take an offer off a list.

        Raises:
            NotFound: It is not there, or somebody else's.
        """
        saved, item = await self.find_item(principal, list_id, item_id)
        saved.updated_at = self.clock.now()
        self._note(principal, "providers.remove_from_saved_list", saved, before={"offer": item.found_id})
        await self.db.delete(item)
        await self.db.flush()

    async def remove_comment(self, principal: Principal, list_id: UUID, comment_id: UUID) -> None:
        """Take a comment off one's own list.

        Raises:
            NotFound: It is not there, or the list is somebody else's.
        """
        saved = await self.find(principal, list_id, locked=True)
        comment = await self.lists.comment(saved.id, comment_id)
        if comment is None:
            raise NotFound
        self._note(principal, "providers.remove_list_comment", saved, before={"comment_id": comment_id})
        await self.db.delete(comment)
        await self.db.flush()

    def _note(
        self,
        principal: Principal,
        action: str,
        saved: SavedList,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        """Write the audit row; names and notes are somebody's own words and stay out of it."""
        audit.record(
            self.db,
            principal,
            action,
            council_id=saved.council_id,
            subject_kind="saved_list",
            subject_id=saved.id,
            before=before,
            after=after,
        )
