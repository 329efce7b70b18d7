"""Questions about who looked at people's records."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy import literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert

from marketplace.accounts.permissions import Role
from marketplace.core.ids import new_id
from marketplace.core.repository import Repository
from marketplace.people.models import Person, RecordView

PAGE: Final = 50


class ViewRepository(Repository[RecordView]):
    """Who looked at what."""

    model_type = RecordView

    async def note(
        self,
        person_id: UUID,
        user_id: UUID,
        role: Role,
        organisation_id: UUID | None,
        what: str,
        day: date,
        at: datetime,
    ) -> None:
        """Count a look in one statement, so that two at once are both counted. Nobody is there: nothing is counted.

        Args:
            person_id: Whose record.
            user_id: Who looked.
            role: In which role.
            organisation_id: For which organisation.
            what: A key of `people.words.VIEWED`.
            day: The day by the clock on the wall.
            at: The instant.
        """
        columns = RecordView.__table__.columns
        names = ("id", "council_id", "person_id", "user_id", "role", "organisation_id", "what", "viewed_on", "times")
        # The council is the person's: who looks for an organisation may serve several.
        look = select(
            literal(new_id(), columns.id.type),
            Person.council_id,
            Person.id,
            literal(user_id, columns.user_id.type),
            literal(role, columns.role.type),
            literal(organisation_id, columns.organisation_id.type),
            literal(what, columns.what.type),
            literal(day, columns.viewed_on.type),
            literal(1, columns.times.type),
            literal(at, columns.last_at.type),
        ).where(Person.id == person_id)
        statement = insert(RecordView).from_select([*names, "last_at"], look)
        await self.db.execute(
            statement.on_conflict_do_update(
                index_elements=["person_id", "user_id", "what", "viewed_on"],
                set_={
                    "times": RecordView.times + 1,
                    "last_at": statement.excluded.last_at,
                    "role": statement.excluded.role,
                    "organisation_id": statement.excluded.organisation_id,
                },
            )
        )

    async def page(self, council_id: UUID, person_id: UUID, after: UUID | None) -> Sequence[RecordView]:
        """Return who looked at somebody's things, the latest first; one more than a page."""
        question = self.of(council_id).where(RecordView.person_id == person_id)
        if after is not None:
            last = await self.one(question.where(RecordView.id == after))
            question = question.where(tuple_(RecordView.last_at, RecordView.id) < tuple_(last.last_at, last.id))
        return await self.every(question.order_by(RecordView.last_at.desc(), RecordView.id.desc()).limit(PAGE + 1))
