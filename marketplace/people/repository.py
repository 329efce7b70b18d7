"""Questions about people and budgets."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

import msgspec
from sqlalchemy import ColumnElement, Select, and_, func, or_, select, text, tuple_

from marketplace.core.models import PostcodeRow
from marketplace.core.places import Postcode
from marketplace.core.repository import Repository
from marketplace.people.models import Budget, BudgetKind, BudgetStatus, Person

MOST_WORDS = 6
"""Words of a search that count; nobody has more names than that in a search box."""


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """Where a postcode is. `is_exact` is false when only its first half was known."""

    lat: float
    lon: float
    lad_code: str
    is_exact: bool


class PeopleRepository(Repository[Person]):
    """People of a council."""

    model_type = Person

    async def page(self, council_id: UUID, words: str, *, after: UUID | None, limit: int) -> Sequence[Person]:
        """Return people by family name, from after one of them on.

        Args:
            council_id: Whose people.
            words: Starts of names, or of the reference; empty for everybody.
            after: Id of the last person of the page before.
            limit: Most rows.
        """
        question = self.of(council_id).where(*_matches(words)).order_by(Person.family_name, Person.id).limit(limit)
        if after is not None:
            last = await self.find(council_id, after)
            question = question.where(tuple_(Person.family_name, Person.id) > (last.family_name, last.id))
        return await self.every(question)

    async def has_reference(self, council_id: UUID, reference: str, *, other_than: UUID | None) -> bool:
        """Whether somebody else in the council has the reference, whatever its case."""
        question = self.of(council_id).where(func.lower(Person.reference) == reference.lower())
        if other_than is not None:
            question = question.where(Person.id != other_than)
        return await self.maybe(question) is not None

    async def by_reference(self, council_id: UUID, reference: str) -> Person | None:
        """Return the person with a reference, however its letters are written."""
        question = self.of(council_id).where(func.lower(Person.reference) == reference.strip().lower())
        return await self.maybe(question)

    async def next_reference(self, council_id: UUID) -> str:
        """Return the next reference of the council's own series, "P-000123". Call `hold_references` first."""
        last = await self.db.scalar(
            select(func.max(Person.reference)).where(
                Person.council_id == council_id, Person.reference.regexp_match("^P-[0-9]{6}$")
            )
        )
        return f"P-{int(last[2:]) + 1 if last else 1:06}"

    async def hold_references(self, council_id: UUID) -> None:
        """Let nobody else give out or change a reference in this council until the transaction ends."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('people-reference'), hashtext(:council))"),
            {"council": str(council_id)},
        )

    async def names(self, council_id: UUID, ids: Iterable[UUID]) -> dict[UUID, str]:
        """Return names by id."""
        rows = await self.db.scalars(self.of(council_id).where(Person.id.in_(list(ids))))
        return {row.id: row.name for row in rows}

    async def locate(self, postcode: str) -> Location | None:
        """Find where a postcode is.

        Returns:
            Its place in the directory; else the middle of its first half (a new street, a retired code); None when
            the directory knows neither.
        """
        row = await self.db.get(PostcodeRow, postcode)
        if row is not None:
            return Location(lat=row.lat, lon=row.lon, lad_code=row.lad_code, is_exact=True)
        parsed = Postcode.parse(postcode)
        if parsed is None:
            return None
        # A range of the primary key, so that no other index is needed: "PR1 0AA" to "PR1 9ZZ".
        middle = (
            await self.db.execute(
                select(
                    func.avg(PostcodeRow.lat),
                    func.avg(PostcodeRow.lon),
                    func.mode().within_group(PostcodeRow.lad_code),
                ).where(PostcodeRow.postcode.like(f"{parsed.outward} %"))
            )
        ).one()
        if middle[0] is None:
            return None
        return Location(lat=float(middle[0]), lon=float(middle[1]), lad_code=middle[2], is_exact=False)


class BudgetRepository(Repository[Budget]):
    """Personal budgets of a council."""

    model_type = Budget

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Budget]:
        """Return a person's budgets, newest first."""
        question: Select[Budget] = self.of(council_id).where(Budget.person_id == person_id)
        return await self.every(question.order_by(Budget.starts_on.desc(), Budget.id.desc()))

    async def current(self, council_id: UUID, person_id: UUID, on: date) -> Budget | None:
        """Return the budget that counts on a day: a final one before an indicative one, the person's
        own support before what is for them as a carer, then the newest."""
        return await self.maybe(
            self.of(council_id)
            .where(
                Budget.person_id == person_id,
                Budget.status != BudgetStatus.ENDED,
                Budget.starts_on <= on,
                or_(Budget.ends_on.is_(None), Budget.ends_on > on),
            )
            .order_by(
                (Budget.status == BudgetStatus.FINAL).desc(),
                (Budget.kind == BudgetKind.SUPPORT).desc(),
                Budget.starts_on.desc(),
                Budget.id.desc(),
            )
        )


def _matches(words: str) -> list[ColumnElement[bool]]:
    """Conditions: every word starts a name or stands in the reference."""
    return [
        or_(
            Person.reference.istartswith(word, autoescape=True),
            and_(
                Person.reference != word,
                or_(
                    Person.family_name.istartswith(word, autoescape=True),
                    Person.given_name.istartswith(word, autoescape=True),
                    Person.family_name.icontains(f" {word}", autoescape=True),
                    Person.given_name.icontains(f" {word}", autoescape=True),
                    Person.family_name.icontains(f"-{word}", autoescape=True),
                ),
            ),
        )
        for word in words.split()[:MOST_WORDS]
    ]
