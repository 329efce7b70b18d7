"""The tools of the one page profile: what somebody says about their life, thing by thing (L2, D2).

Everybody has it, eligible for support or not: nothing here asks for a referral, a budget or a plan.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.files.checking import CheckedFile, check
from marketplace.core.files.forms import FileForm
from marketplace.core.files.kinds import LIMITS, FileRefused, Limits
from marketplace.core.files.store import FileStore
from marketplace.core.models import StoredFile
from marketplace.people.errors import EnoughEntries, RecordChanged
from marketplace.people.models import Person, ProfileEntry, ProfileTool
from marketplace.people.profile_forms import EntryForm
from marketplace.people.profile_words import PARTS, TOOLS, WEEKDAYS
from marketplace.people.repository import PeopleRepository
from marketplace.people.repository_profile import ProfileRepository
from marketplace.people.views import note_view

PICTURE: Final = "picture"
"""Field of a picture of one's own."""
PICTURE_LIMITS: Final = Limits(size=LIMITS.size, megapixels=LIMITS.megapixels, square_pixels=480)
"""Cut square and small: sharp on a phone, and without what a camera writes into a file."""
MOST_ENTRIES: Final = 40
"""Of one tool: more is no page that anybody reads."""


async def look_at_picture(form: FileForm) -> CheckedFile | None:
    """Look at the picture of a form, where there is one. Call it while no transaction is open.

    Raises:
        InvalidInput: More than one, or no picture.
    """
    given = form.files.get(PICTURE, [])
    if not given:
        return None
    if len(given) > 1:
        raise InvalidInput({PICTURE: "Choose one picture"})
    try:
        return await check(given[0].name, given[0].content, PICTURE_LIMITS)
    except FileRefused as error:
        raise error.at(PICTURE) from error


async def profile_sections(db: AsyncSession, council_id: UUID, person_id: UUID) -> dict[str, str]:
    """Return what a person's profile says, as plain text by tool: the first layer of a plan (L2).

    Returns:
        `{tool: text}` in the order of the page, keys are values of `ProfileTool`; only what is not empty. The text
        of the three old fields comes first, then each entry as a line. What the person keeps to themselves is never
        part of it. Empty for a person of another council.
    """
    person = await PeopleRepository(db).maybe(PeopleRepository(db).of(council_id).where(Person.id == person_id))
    if person is None:
        return {}
    entries = await ProfileRepository(db).of_person(council_id, person_id, with_private=False)
    found = {}
    for tool in TOOLS:
        lines = [entry_text(entry) for entry in in_order(entries, tool)]
        text = "\n".join(part for part in (free_text(person, tool), *lines) if part)
        if text:
            found[tool.value] = text
    return found


def free_text(person: Person, tool: ProfileTool) -> str:
    """Return the longer text that a person's record holds beside the entries of a tool; empty for most tools."""
    texts = {
        ProfileTool.APPRECIATED: person.appreciated,
        ProfileTool.IMPORTANT: person.important_to_me,
        ProfileTool.SUPPORT: person.how_to_support_me,
    }
    return texts.get(tool, "").strip()


def entry_text(entry: ProfileEntry) -> str:
    """Write an entry as one line: "Tuesday morning: I swim", "Sue (sister)"."""
    if entry.tool is ProfileTool.WEEK and entry.weekday is not None and entry.part_of_day is not None:
        return f"{WEEKDAYS[entry.weekday]} {PARTS[entry.part_of_day].lower()}: {entry.words}"
    return f"{entry.words} ({entry.relation})" if entry.relation else entry.words


def in_order(entries: Iterable[ProfileEntry], tool: ProfileTool) -> list[ProfileEntry]:
    """Return the entries of a tool as people read them: a week by its days, people from the inner circle out."""
    mine = [entry for entry in entries if entry.tool is tool]
    parts = list(PARTS)
    if tool is ProfileTool.WEEK:
        return sorted(
            mine,
            key=lambda entry: (entry.weekday or 0, parts.index(entry.part_of_day or parts[0]), entry.position),
        )
    return sorted(mine, key=lambda entry: (entry.circle or 0, entry.position))


class ProfileService:
    """What a person says about their life, written by them or by somebody who acts for them."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.entries = ProfileRepository(db)
        self.people = PeopleRepository(db)
        self.files = FileStore(db)

    async def own(self, principal: Principal, tool: ProfileTool | None = None) -> Sequence[ProfileEntry]:
        """Return one's own entries. Who acts for somebody does not see what that person keeps to themselves."""
        principal.require(Permission.PROFILE_OWN)
        return await self.entries.of_person(
            principal.council_id, principal.need_person(), with_private=sees_private(principal), tool=tool
        )

    async def entry(self, principal: Principal, entry_id: UUID, *, locked: bool = False) -> ProfileEntry:
        """Return an entry of one's own.

        Raises:
            NotFound: It is somebody else's, or kept from who acts for the person.
        """
        principal.require(Permission.PROFILE_OWN)
        return await self.entries.entry(
            principal.council_id,
            principal.need_person(),
            entry_id,
            with_private=sees_private(principal),
            locked=locked,
        )

    async def add(
        self, principal: Principal, tool: ProfileTool, form: EntryForm, picture: CheckedFile | None = None
    ) -> ProfileEntry:
        """Add an entry at the end of a tool.

        Raises:
            EnoughEntries: The tool is full.
        """
        principal.require(Permission.PROFILE_OWN)
        # The person's row is the lock of the whole profile: two new entries never take one place.
        person = await self.people.find(principal.council_id, principal.need_person(), locked=True)
        number, last = await self.entries.places(principal.council_id, person.id, tool)
        if number >= MOST_ENTRIES:
            raise EnoughEntries(f"There is room for {MOST_ENTRIES}. Take one away first.")
        stored = await self._kept(principal, picture)
        now = clock_of(self.db).now()
        entry = ProfileEntry(
            council_id=principal.council_id,
            person_id=person.id,
            tool=tool,
            position=last + 1,
            file_id=stored.id if stored else None,
            added_by_user_id=principal.user_id,
            created_at=now,
            updated_at=now,
            **_values(principal, form),
        )
        self.db.add(entry)
        await self.db.flush()
        self._note(principal, "people.add_profile_entry", entry)
        return entry

    async def change(
        self, principal: Principal, entry_id: UUID, form: EntryForm, picture: CheckedFile | None = None
    ) -> ProfileEntry:
        """Change an entry; a new picture takes the place of the old one.

        Raises:
            NotFound: It is not theirs.
            RecordChanged: It was saved from elsewhere since.
        """
        entry = await self.entry(principal, entry_id, locked=True)
        _unchanged_since(entry, form.version)
        before = entry.file_id
        stored = await self._kept(principal, picture)
        if stored is not None:
            entry.file_id = stored.id
        elif form.drops_picture:
            entry.file_id = None
        for name, value in _values(principal, form).items():
            setattr(entry, name, value)
        entry.updated_at = clock_of(self.db).now()
        await self.db.flush()
        if before is not None and before != entry.file_id:
            await self.files.remove(before)
        self._note(principal, "people.change_profile_entry", entry)
        return entry

    async def remove(self, principal: Principal, entry_id: UUID, version: int) -> ProfileTool:
        """Take an entry away for good, with its picture. Returns its tool.

        Raises:
            NotFound: It is not theirs.
            RecordChanged: It was changed since the page was drawn.
        """
        entry = await self.entry(principal, entry_id, locked=True)
        _unchanged_since(entry, version)
        tool, file_id = entry.tool, entry.file_id
        self._note(principal, "people.remove_profile_entry", entry)
        await self.db.delete(entry)
        await self.db.flush()
        if file_id is not None:
            await self.files.remove(file_id)
        return tool

    async def move(self, principal: Principal, entry_id: UUID, *, up: bool) -> ProfileTool:
        """Swap an entry with its neighbour; nothing happens at the end of the list. Returns its tool.

        Raises:
            NotFound: It is not theirs.
            Conflict: The tool has an order of its own.
        """
        await self.people.find(principal.council_id, principal.need_person(), locked=True)
        entry = await self.entry(principal, entry_id, locked=True)
        if entry.tool in (ProfileTool.WEEK, ProfileTool.PEOPLE):
            raise Conflict("This list has its own order.")
        seen = in_order(await self.own(principal, entry.tool), entry.tool)
        place = next(index for index, other in enumerate(seen) if other.id == entry.id) + (-1 if up else 1)
        if 0 <= place < len(seen):
            other = seen[place]
            entry.position, other.position = other.position, entry.position
            entry.updated_at = other.updated_at = clock_of(self.db).now()
            await self.db.flush()
            self._note(principal, "people.move_profile_entry", entry)
        return entry.tool

    async def seen_by_council(self, principal: Principal, person_id: UUID) -> tuple[Person, Sequence[ProfileEntry]]:
        """Return a person and what they share of their profile, and note in the audit log who read it.

        Raises:
            NotFound: There is none in the reader's council.
        """
        principal.require(Permission.PEOPLE_READ)
        person = await self.people.find(principal.council_id, person_id)
        audit.record(
            self.db,
            principal,
            "people.read_profile",
            council_id=person.council_id,
            subject_kind="person",
            subject_id=person.id,
        )
        await note_view(self.db, principal, person.id, "profile")
        return person, await self.entries.of_person(principal.council_id, person_id, with_private=False)

    async def own_picture(self, principal: Principal, entry_id: UUID) -> tuple[StoredFile, bytes]:
        """Return the picture of an entry of one's own.

        Raises:
            NotFound: There is none.
        """
        return await self._opened(await self.entry(principal, entry_id))

    async def shared_picture(self, principal: Principal, person_id: UUID, entry_id: UUID) -> tuple[StoredFile, bytes]:
        """Return a picture for council staff, never of a private entry.

        Raises:
            NotFound: There is none in the reader's council.
        """
        principal.require(Permission.PEOPLE_READ)
        found = await self.entries.entry(principal.council_id, person_id, entry_id, with_private=False)
        return await self._opened(found)

    async def _opened(self, entry: ProfileEntry) -> tuple[StoredFile, bytes]:
        if entry.file_id is None:
            raise NotFound
        return await self.files.open(entry.file_id)

    async def _kept(self, principal: Principal, picture: CheckedFile | None) -> StoredFile | None:
        return None if picture is None else await self.files.keep_checked(picture, by_user_id=principal.user_id)

    def _note(self, principal: Principal, action: str, entry: ProfileEntry) -> None:
        """Write the audit row: which tool, never the words."""
        audit.record(
            self.db,
            principal,
            action,
            council_id=entry.council_id,
            subject_kind="person",
            subject_id=entry.person_id,
            after={"entry_id": entry.id, "tool": entry.tool.value, "is_private": entry.is_private},
        )


def sees_private(principal: Principal) -> bool:
    """Whether a reader of a profile sees what its person keeps to themselves: only the person does."""
    return principal.acting_for is None


def _values(principal: Principal, form: EntryForm) -> dict[str, Any]:
    values: dict[str, Any] = {
        name: getattr(form, name) for name in ("words", "relation", "weekday", "part_of_day", "circle", "symbol")
    }
    # Who acts for somebody could not see a private entry again, so theirs never are.
    return {**values, "is_private": form.is_private and sees_private(principal)}


def _unchanged_since(entry: ProfileEntry, version: int) -> None:
    if entry.version != version:
        raise RecordChanged("Open it again, look at what has changed, then make your change.")
