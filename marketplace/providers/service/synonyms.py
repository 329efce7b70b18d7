"""The council's own words that mean the same: reading the form, checks, changes, and what a word would find."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.providers.events import SynonymsChanged
from marketplace.providers.models import SynonymGroup
from marketplace.providers.repository.synonyms import SynonymRepository
from search import Synonyms
from search.synonym_groups import DEFAULT_GROUPS
from search.synonyms import LONGEST_PHRASE_WORDS
from search.words import STOP_WORDS, stems_of, words_of

LEAST_PHRASES: Final = 2
MOST_PHRASES: Final = 12
LONGEST_PHRASE: Final = 60
LONGEST_NOTE: Final = 200
MOST_GROUPS: Final = 300
"""Groups of one council: far more than anybody keeps in order by hand."""
_LONGEST_FIELD: Final = 2_000

SOMEBODY_ELSE: Final = "Somebody else changed this group of words. Open it again to see what it says now."
BUILT_IN: Final = "built in"


class GroupForm(msgspec.Struct, frozen=True, kw_only=True):
    """A group as its form has it."""

    phrases: tuple[str, ...]
    note: str
    version: int
    """The version that the page showed; 0 for a new group."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form. Phrases stand one on a line; commas part them too.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        text = form.text("phrases", "the words that mean the same, one on each line", longest=_LONGEST_FIELD)
        note = form.text("note", "the note", required=False, longest=LONGEST_NOTE)
        version = form.number("version", "the version", least=0, most=1_000_000, required=False)
        phrases = _distinct(" ".join(line.split()) for line in text.replace(",", "\n").split("\n"))
        wrong = next((message for phrase in phrases if (message := wrong_phrase(phrase))), "")
        if not text or "phrases" in form.errors:
            pass
        elif wrong:
            form.wrong("phrases", wrong)
        elif len(phrases) < LEAST_PHRASES:
            form.wrong("phrases", "Enter two words or phrases or more that differ, one on each line")
        elif len(phrases) > MOST_PHRASES:
            form.wrong("phrases", f"Enter {MOST_PHRASES} words or phrases or fewer")
        form.done()
        return cls(phrases=tuple(phrases), note=note, version=version)


def wrong_phrase(phrase: str) -> str:
    """Say what is wrong with a phrase, "" when nothing is."""
    words = words_of(phrase)
    if len(phrase) > LONGEST_PHRASE:
        return f"“{phrase[:LONGEST_PHRASE]}…” must be {LONGEST_PHRASE} characters or fewer"
    if not words:
        return f"“{phrase}” must hold a letter or a number"
    if all(word in STOP_WORDS for word in words):
        return f"“{phrase}” has only small words, which search leaves out. Add a word that says what is meant"
    if len(words) > LONGEST_PHRASE_WORDS:
        return f"“{phrase}” must be {LONGEST_PHRASE_WORDS} words or fewer"
    return ""


def _distinct(phrases: Iterable[str]) -> list[str]:
    """Phrases without empty ones and repetitions; singular and plural are one."""
    found: dict[tuple[str, ...], str] = {}
    for phrase in phrases:
        if phrase:
            found.setdefault(_key(phrase) or (phrase,), phrase)
    return list(found.values())


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(stems_of(words_of(phrase)))


class Overlap(msgspec.Struct, frozen=True):
    """A phrase that stands in another group too, so that both groups find each other's words through it."""

    phrase: str
    others: tuple[str, ...]
    """Phrases of the other group."""
    owner: str
    """`BUILT_IN`, or the name of the council."""


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What search makes of a text."""

    text: str
    also: tuple[str, ...]
    """Phrases that are looked for as well."""
    built_in: tuple[tuple[str, ...], ...]
    """Built-in groups with one of its words or phrases."""


class SynonymService:
    """Writes the council's own groups."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.groups = SynonymRepository(db)

    async def own(self, principal: Principal) -> Sequence[SynonymGroup]:
        """Return the council's groups."""
        principal.require(Permission.SYNONYMS_EDIT)
        return await self.groups.own(principal.council_id)

    async def find(self, principal: Principal, group_id: UUID, *, locked: bool = False) -> SynonymGroup:
        """Return one of them.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.SYNONYMS_EDIT)
        return await self.groups.find(principal.council_id, group_id, locked=locked)

    async def add(self, principal: Principal, form: GroupForm) -> SynonymGroup:
        """Add a group, in use at once.

        Raises:
            Conflict: The council has as many as it may.
        """
        principal.require(Permission.SYNONYMS_EDIT)
        if await self.groups.number_of(principal.council_id) >= MOST_GROUPS:
            raise Conflict(f"There are {MOST_GROUPS} groups already. Remove one that nobody needs first.")
        group = SynonymGroup(
            council_id=principal.council_id,
            phrases=list(form.phrases),
            note=form.note,
            is_off=False,
            updated_by_user_id=principal.user_id,
            updated_at=clock_of(self.db).now(),
        )
        self.db.add(group)
        await self.db.flush()
        self._tell(principal, group, "providers.add_synonyms", {}, _facts(group))
        return group

    async def change(self, principal: Principal, group_id: UUID, form: GroupForm) -> SynonymGroup:
        """Change the phrases or the note of a group.

        Raises:
            Conflict: Somebody changed it since the page was opened.
        """
        group = await self._current(principal, group_id, form.version)
        before = _facts(group)
        group.phrases, group.note = list(form.phrases), form.note
        await self._changed(principal, group, "providers.change_synonyms", before)
        return group

    async def switch(self, principal: Principal, group_id: UUID, version: int, *, is_off: bool) -> SynonymGroup:
        """Take a group out of use, or into use again.

        Raises:
            Conflict: Somebody changed it since the page was opened.
        """
        group = await self._current(principal, group_id, version)
        before = _facts(group)
        group.is_off = is_off
        await self._changed(principal, group, "providers.switch_synonyms", before)
        return group

    async def remove(self, principal: Principal, group_id: UUID, version: int) -> None:
        """Remove a group for good; the audit log keeps what it said.

        Raises:
            Conflict: Somebody changed it since the page was opened.
        """
        group = await self._current(principal, group_id, version)
        before = _facts(group)
        await self.db.delete(group)
        await self.db.flush()
        self._tell(principal, group, "providers.remove_synonyms", before, {})

    async def overlaps(self, principal: Principal, groups: Sequence[SynonymGroup]) -> dict[UUID, list[Overlap]]:
        """Find phrases of the council's groups that stand in another group too."""
        everyone = await self.groups.in_use()
        holders: dict[tuple[str, ...], list[tuple[UUID | None, tuple[str, ...], str]]] = {}
        for phrases in DEFAULT_GROUPS:
            for phrase in phrases:
                holders.setdefault(_key(phrase), []).append((None, phrases, BUILT_IN))
        for group in everyone:
            owner = "your council" if group.council_id == principal.council_id else "another council"
            for phrase in group.phrases:
                holders.setdefault(_key(phrase), []).append((group.id, tuple(group.phrases), owner))
        return {
            group.id: [
                Overlap(phrase, tuple(other for other in phrases if _key(other) != _key(phrase)), owner)
                for phrase in group.phrases
                for holder, phrases, owner in holders.get(_key(phrase), [])
                if holder != group.id
            ]
            for group in groups
        }

    async def trial(self, text: str) -> Trial:
        """Say what search would look for besides some words, with every group that is in use."""
        synonyms = Synonyms.default(await self.groups.phrases_in_use())
        words = words_of(text)
        also: dict[str, None] = {}
        start = 0
        while start < len(words):
            length, others = synonyms.longest(words[start:])
            also.update(dict.fromkeys(" ".join(other) for other in others))
            start += length or 1
        return Trial(text=text, also=tuple(also), built_in=tuple(groups_with(text)))

    async def _current(self, principal: Principal, group_id: UUID, version: int) -> SynonymGroup:
        group = await self.find(principal, group_id, locked=True)
        if group.version != version:
            raise Conflict(SOMEBODY_ELSE)
        return group

    async def _changed(self, principal: Principal, group: SynonymGroup, action: str, before: dict[str, Any]) -> None:
        if before == _facts(group):
            return
        group.updated_by_user_id, group.updated_at = principal.user_id, clock_of(self.db).now()
        await self.db.flush()
        self._tell(principal, group, action, before, _facts(group))

    def _tell(
        self, principal: Principal, group: SynonymGroup, action: str, before: dict[str, Any], after: dict[str, Any]
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="synonym_group",
            subject_id=group.id,
            before=before,
            after=after,
        )
        # A note changes nothing that is searched.
        if {**before, "note": ""} != {**after, "note": ""}:
            publish(self.db, SynonymsChanged(council_id=principal.council_id))


def groups_with(text: str) -> list[tuple[str, ...]]:
    """Give the built-in groups that hold a text, or a word of it."""
    whole = _key(text)
    wanted = {one for word, one in zip(words_of(text), whole, strict=True) if word not in STOP_WORDS}
    found = [(group, [_key(phrase) for phrase in group]) for group in DEFAULT_GROUPS]
    exact = [group for group, keys in found if whole in keys]
    near = [group for group, keys in found if any(wanted & set(key) for key in keys)]
    return list(dict.fromkeys([*exact, *near]))


def _facts(group: SynonymGroup) -> dict[str, Any]:
    return {"phrases": list(group.phrases), "note": group.note, "is_off": group.is_off}
