"""The sections of a version: loading, writing, and carrying them over to the next version."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import select

from marketplace.core.repository import Repository
from marketplace.plans.models import PlanItem, PlanSection, PlanVersion
from marketplace.plans.sections import BY_KEY, Place, SectionText, text_of, texts_of

MOST_EARLIER = 20
"""Earlier wordings kept of a section, the newest first."""


class Writing(NamedTuple):
    """Who writes, when, and from what."""

    at: datetime
    author: str = ""
    """Name to show with the text."""
    user_id: UUID | None = None
    """Where they are signed in."""
    helper_id: UUID | None = None
    """Where they came by a helper's link."""
    source: str = ""
    """"profile" or "assessment" when it is filled in, empty when typed."""
    was_clash: bool = False
    """Whether the words before were saved by somebody else while these were being written."""


class SectionRepository(Repository[PlanSection]):
    """Sections of plan versions."""

    model_type = PlanSection

    async def rows(self, version_id: UUID) -> dict[str, PlanSection]:
        """Return the rows of a version's sections by key."""
        question = select(PlanSection).where(PlanSection.plan_version_id == version_id)
        return {row.key: row for row in await self.every(question)}

    async def items(self, version_id: UUID) -> Sequence[PlanItem]:
        """Return the outcomes of a version in order."""
        question = select(PlanItem).where(PlanItem.plan_version_id == version_id).order_by(PlanItem.position)
        return (await self.db.scalars(question)).all()

    async def texts(self, version: PlanVersion) -> list[SectionText]:
        """Return every section of a version in order, with its words."""
        return texts_of(version, await self.rows(version.id), await self.items(version.id))

    async def write(self, version: PlanVersion, key: str, words: str, by: Writing, *, before: str = "") -> PlanSection:
        """Write a section; what stood there before is kept with its author.

        Lock the version first (`PlanRepository.locked`): that is what makes two writers take turns. The outcomes are
        written by `PlanRepository.replace_items`; give what they said as `before`.

        Args:
            version: The version, locked.
            key: Key of a section.
            words: What it says from now on; ignored for the outcomes.
            by: Who writes, when and from what.
            before: What the outcomes said.
        """
        row = self._put(version, await self.rows(version.id), key, words, by, before)
        await self.db.flush()
        return row

    async def write_all(self, version: PlanVersion, words: Mapping[str, str], by: Writing) -> list[str]:
        """Write those sections whose words differ; returns their keys. Not for the outcomes."""
        rows = await self.rows(version.id)
        changed = [key for key, text in words.items() if text_of(version, key, rows) != text]
        for key in changed:
            self._put(version, rows, key, words[key], by, "")
        await self.db.flush()
        return changed

    async def keep_aside(self, version: PlanVersion, key: str, words: str, by: Writing) -> None:
        """Keep words that their writer gave up for those of somebody else: the section stays as it is."""
        row = (await self.rows(version.id)).get(key)
        if row is None:
            row = self._new(version, key, by)
        row.earlier = [_earlier(words, by.author, by.at, is_clash=True), *row.earlier][:MOST_EARLIER]
        await self.db.flush()

    def _put(
        self, version: PlanVersion, rows: Mapping[str, PlanSection], key: str, words: str, by: Writing, before: str
    ) -> PlanSection:
        place = BY_KEY[key].place
        replaced = before if place is Place.ITEMS else text_of(version, key, rows)
        row = rows.get(key) or self._new(version, key, by)
        if replaced.strip() and (place is Place.ITEMS or replaced != words):
            at = row.edited_at if row.author or row.edited_by_user_id else version.updated_at
            row.earlier = [_earlier(replaced, row.author, at, by.was_clash), *row.earlier][:MOST_EARLIER]
        if place is Place.COLUMN:
            setattr(version, key, words)
        elif place is Place.ROW:
            row.words = words
        row.source, row.author, row.edited_at = by.source, by.author, by.at
        row.edited_by_user_id, row.edited_by_helper_id = by.user_id, by.helper_id
        return row

    def _new(self, version: PlanVersion, key: str, by: Writing) -> PlanSection:
        row = PlanSection(
            council_id=version.council_id,
            plan_version_id=version.id,
            key=key,
            words="",
            source="",
            author="",
            edited_at=by.at,
            earlier=[],
        )
        self.db.add(row)
        return row

    async def copy(self, from_version_id: UUID, to: PlanVersion) -> None:
        """Carry the sections over to the next version, without their earlier wordings: those stay where they were."""
        for row in (await self.rows(from_version_id)).values():
            values = row.to_dict(exclude={"id", "plan_version_id", "earlier", "version"})
            self.db.add(PlanSection(**values, plan_version_id=to.id, earlier=[]))
        await self.db.flush()


def _earlier(words: str, author: str, at: datetime, is_clash: bool) -> dict[str, Any]:
    """What is kept of a wording that is replaced."""
    return {"words": words, "author": author, "at": at.isoformat(), "clash": is_clash}
