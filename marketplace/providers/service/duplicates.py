"""Is this organisation here already? By its numbers for sure, by name and postcode perhaps."""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum
from itertools import combinations
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.providers.models import Organisation
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.service.numbers import NUMBER_LABELS, name_key, tidy


class AlikeBy(StrEnum):
    """By what an organisation was recognised."""

    NUMBER = "number"
    """It has the same number: it is the same one."""
    NAME = "name"
    """Name and postcode agree: it may be another group in the same building."""


class Alike(msgspec.Struct, frozen=True):
    """An organisation that is here already."""

    organisation: Organisation
    """The one that counts today: where it was merged, the one that took its place."""
    by: AlikeBy


class Suspected(msgspec.Struct, frozen=True):
    """Two organisations that may be one."""

    one: Organisation
    other: Organisation
    reasons: tuple[str, ...]


class DuplicateService:
    """Recognises organisations. Runs in scope `every`, since links to the register belong to councils."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.duplicates = DuplicateRepository(db)

    async def alike(
        self, name: str, postcode: str, numbers: Mapping[str, str | None], *, without: UUID | None = None
    ) -> Alike | None:
        """Return the organisation that is here already, or None.

        Args:
            name: As it was typed.
            postcode: Of the base, in its usual writing; empty where it is nobody's business.
            numbers: By column of an organisation; those that are not there are None.
            without: The organisation that asks, so that it is not taken for its own copy.
        """
        given = {column: number for column, number in numbers.items() if number}
        found = await self.duplicates.with_number(given, without)
        if found is not None:
            standing = await self.duplicates.standing_for(found)
            return Alike(standing, AlikeBy.NUMBER) if standing.id != without else None
        key = name_key(name)
        if not postcode or not key:
            return None
        for row in await self.duplicates.at_postcode(postcode, without):
            if name_key(row.name) == key:
                standing = await self.duplicates.standing_for(row)
                return Alike(standing, AlikeBy.NAME) if standing.id != without else None
        return None

    async def suspected(self, council_id: UUID) -> list[Suspected]:
        """Return pairs that may be one organisation, at least one of them of the council's concern; the surest first.

        Sure signs are a number in two writings; strong ones name and postcode; then name and town, a telephone number
        or an e-mail address that two have.
        """
        rows = await self.duplicates.all_unmerged()
        concern = await self.duplicates.of_concern(council_id)
        reasons: dict[tuple[UUID, UUID], list[str]] = defaultdict(list)
        by_id = {row.id: row for row in rows}
        for words, groups in _groups(rows):
            for group in groups:
                # A number that very many share, such as a hall's telephone, tells nothing.
                if len(group) > 12:
                    continue
                for one, other in combinations(sorted(group), 2):
                    if one in concern or other in concern:
                        reasons[one, other].append(words)
        found = [Suspected(by_id[one], by_id[other], tuple(why)) for (one, other), why in reasons.items()]
        return sorted(found, key=lambda pair: (-len(pair.reasons), pair.one.name, pair.other.name))


def _groups(rows: Sequence[Organisation]) -> list[tuple[str, list[list[UUID]]]]:
    """Return what two or more organisations share: words for it, and the groups that share one value."""
    signs: dict[str, dict[str, list[UUID]]] = defaultdict(lambda: defaultdict(list))
    for row in rows:
        key = name_key(row.name)
        for column, label in NUMBER_LABELS.items():
            number = tidy(getattr(row, column) or "").lstrip("0")
            if number:
                signs[f"Same {label}"][number].append(row.id)
        if row.postcode:
            signs["Same name and postcode"][f"{key} {row.postcode}"].append(row.id)
        if row.town:
            signs["Same name and town"][f"{key} {row.town.casefold()}"].append(row.id)
        digits = re.sub(r"\D", "", row.phone)
        if len(digits) >= 10:
            signs["Same telephone number"][digits].append(row.id)
        if row.email:
            signs["Same e-mail address"][row.email.casefold()].append(row.id)
    return [(words, [group for group in by_value.values() if len(group) > 1]) for words, by_value in signs.items()]
