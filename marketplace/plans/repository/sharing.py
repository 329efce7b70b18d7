"""Questions about what people share of their plans, with whom, and who read it."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Row, and_, exists, func, or_, select

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import PROVIDER_ROLES
from marketplace.core.errors import NotFound
from marketplace.core.repository import Repository
from marketplace.people.models import Person, RecordView
from marketplace.plans.models import Plan, PlanShare
from marketplace.providers.models import Accreditation, Organisation
from marketplace.providers.repository.accreditations import live_on

MOST_FOUND = 20
"""Organisations shown to choose from."""
MOST_SHOWN = 100


class ShareLine(NamedTuple):
    """A share with the names that its pages show."""

    share: PlanShare
    person: Person
    organisation: Organisation


class ShareView(NamedTuple):
    """When somebody of an organisation looked at what was shared."""

    viewed_on: date
    times: int


class ShareRepository(Repository[PlanShare]):
    """Shares of plans."""

    model_type = PlanShare

    async def hold_person(self, council_id: UUID, person_id: UUID) -> Person:
        """Return a person, held until the transaction ends, so that two shares at once become one.

        Raises:
            NotFound: There is none in the council.
        """
        found = await self.db.scalar(
            select(Person)
            .where(Person.council_id == council_id, Person.id == person_id)
            .with_for_update(key_share=True)
        )
        if found is None:
            raise NotFound
        return found

    async def of_person(self, council_id: UUID, person_id: UUID) -> Sequence[Row[PlanShare, Organisation]]:
        """Return what a person shared, the newest first."""
        question = (
            self.of(council_id)
            .add_columns(Organisation)
            .join(Organisation, Organisation.id == PlanShare.organisation_id)
            .where(PlanShare.person_id == person_id)
            .order_by(PlanShare.given_at.desc(), PlanShare.id.desc())
            .limit(MOST_SHOWN)
        )
        return (await self.db.execute(question)).all()

    async def own(self, council_id: UUID, person_id: UUID, share_id: UUID, *, locked: bool = False) -> PlanShare:
        """Return a share that a person gave.

        Raises:
            NotFound: There is none, or it is somebody else's.
        """
        question = self.of(council_id).where(PlanShare.person_id == person_id, PlanShare.id == share_id)
        return await self.one(question, locked=locked)

    async def live_of_person(self, council_id: UUID, person_id: UUID, on: date) -> set[UUID]:
        """Return the ids of those shares of a person that can be read on a day."""
        question = select(PlanShare.id).where(
            PlanShare.council_id == council_id, PlanShare.person_id == person_id, *_live(on), ~_lost_role(on)
        )
        return set(await self.db.scalars(question))

    async def live_with(
        self, council_id: UUID, person_id: UUID, organisation_id: UUID, on: date
    ) -> Sequence[PlanShare]:
        """Return what a person shares with an organisation on a day, locked."""
        question = (
            self.of(council_id)
            .where(
                PlanShare.person_id == person_id,
                PlanShare.organisation_id == organisation_id,
                *_live(on),
            )
            .order_by(PlanShare.id)
            .with_for_update()
        )
        return (await self.db.scalars(question)).all()

    async def readable(
        self, council_ids: Collection[UUID], organisation_id: UUID, on: date, share_id: UUID | None = None
    ) -> list[ShareLine]:
        """Return what an organisation may read on a day, by the person's name.

        Asked anew at each reading: the day, the person's word, and the organisation's role all count at that moment.
        """
        question = (
            select(PlanShare, Person, Organisation)
            .join(Person, Person.id == PlanShare.person_id)
            .join(Organisation, Organisation.id == PlanShare.organisation_id)
            .where(
                PlanShare.council_id.in_(council_ids),
                PlanShare.organisation_id == organisation_id,
                *_live(on),
                ~_lost_role(on),
                Person.died_on.is_(None),
            )
            .order_by(Person.family_name, Person.given_name, PlanShare.id)
            .limit(MOST_SHOWN)
        )
        if share_id is not None:
            question = question.where(PlanShare.id == share_id)
        return [ShareLine(*row) for row in await self.db.execute(question)]

    async def without_role(self, on: date, limit: int) -> Sequence[PlanShare]:
        """Return live shares whose organisation lost its role by a day, or whose person died, locked."""
        died = exists().where(Person.id == PlanShare.person_id, Person.died_on.is_not(None))
        question = (
            select(PlanShare)
            .where(*_live(on), or_(_lost_role(on), died))
            .order_by(PlanShare.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.db.scalars(question)).all()

    async def to_choose(self, council_id: UUID, on: date, words: str) -> Sequence[Organisation]:
        """Return organisations that a person may share with, by name: those at work in the council, in good standing.

        Args:
            council_id: The person's council.
            on: The day.
            words: What the name holds; empty: any.
        """
        question = (
            select(Organisation)
            .where(
                _works_in(council_id), ~_lost(Organisation.id, council_id, on), Organisation.merged_into_id.is_(None)
            )
            .order_by(Organisation.name, Organisation.id)
            .limit(MOST_FOUND)
        )
        if words:
            question = question.where(func.lower(Organisation.name).contains(words.lower(), autoescape=True))
        return (await self.db.scalars(question)).all()

    async def chosen(self, council_id: UUID, on: date, organisation_id: UUID) -> Organisation:
        """Return one organisation that a person may share with.

        Raises:
            NotFound: There is none, it does not work in the council, or it lost its role.
        """
        found: Organisation | None = await self.db.scalar(
            select(Organisation).where(
                Organisation.id == organisation_id,
                _works_in(council_id),
                ~_lost(Organisation.id, council_id, on),
                Organisation.merged_into_id.is_(None),
            )
        )
        if found is None:
            raise NotFound
        return found

    async def plans_for(self, council_id: UUID, person_id: UUID, organisation_id: UUID) -> bool:
        """Whether an organisation is the planner of somebody's newest plan."""
        newest = (
            select(Plan.organisation_id)
            .where(Plan.council_id == council_id, Plan.person_id == person_id)
            .order_by(Plan.created_at.desc(), Plan.id.desc())
            .limit(1)
        )
        return await self.db.scalar(newest) == organisation_id

    async def views(self, council_id: UUID, person_id: UUID) -> dict[UUID, list[ShareView]]:
        """Return on which days an organisation's people read what was shared: `views[organisation]`, newest first."""
        rows = await self.db.execute(
            select(RecordView.organisation_id, RecordView.viewed_on, func.sum(RecordView.times))
            .where(
                RecordView.council_id == council_id,
                RecordView.person_id == person_id,
                RecordView.what == "shared_plan",
                RecordView.organisation_id.is_not(None),
            )
            .group_by(RecordView.organisation_id, RecordView.viewed_on)
            .order_by(RecordView.viewed_on.desc())
            .limit(MOST_SHOWN)
        )
        found: dict[UUID, list[ShareView]] = {}
        for organisation_id, viewed_on, times in rows:
            if organisation_id is not None:
                found.setdefault(organisation_id, []).append(ShareView(viewed_on, int(times)))
        return found

    async def organisation_name(self, organisation_id: UUID) -> str:
        """Return the name of an organisation."""
        found = await self.db.scalar(select(Organisation.name).where(Organisation.id == organisation_id))
        return found or ""


def _live(on: date) -> list[ColumnElement[bool]]:
    return [PlanShare.ended_at.is_(None), PlanShare.starts_on <= on, PlanShare.ends_on > on]


def _lost_role(on: date) -> ColumnElement[bool]:
    return _lost(PlanShare.organisation_id, PlanShare.council_id, on)


def _lost(organisation_id: object, council_id: object, on: date) -> ColumnElement[bool]:
    """Condition: the council accredited an organisation once, and no such accreditation counts on a day.

    Community groups that never needed one have nothing to lose.
    """
    mine = and_(Accreditation.organisation_id == organisation_id, Accreditation.council_id == council_id)
    return and_(exists().where(mine), ~exists().where(mine, live_on(on)))


def _works_in(council_id: UUID) -> ColumnElement[bool]:
    """Condition: somebody of an organisation can sign in for it in a council."""
    return exists().where(
        Membership.organisation_id == Organisation.id,
        Membership.council_id == council_id,
        Membership.role.in_(PROVIDER_ROLES),
    )
