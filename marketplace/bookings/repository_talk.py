"""Questions asked of agreements and the threads about them."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, any_, exists, func, literal, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership, Representation
from marketplace.accounts.permissions import Role, Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.bookings.models import SupportAgreement
from marketplace.bookings.states import AgreementStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.messaging.models import Thread
from marketplace.people.models import Person
from marketplace.providers.models import Listing, Organisation

AGREEMENT: Final = "agreement"
"""Kind of thread that is about an agreement."""
PAGE: Final = 20


class TalkRow(NamedTuple):
    """An agreement with its names and the thread about it, where somebody has written."""

    agreement: SupportAgreement
    listing: Listing
    organisation: Organisation
    person: Person
    thread: Thread | None


class TalkRepository:
    """Agreements that people and providers write about."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[SupportAgreement]:
        """Start a question about a person's agreements that both sides have seen."""
        return select(SupportAgreement).where(
            SupportAgreement.council_id == council_id,
            SupportAgreement.person_id == person_id,
            SupportAgreement.status != AgreementStatus.DRAFT,
        )

    def of_provider(
        self, councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None = None
    ) -> Select[SupportAgreement]:
        """Start a question about an organisation's agreements; with `worker_id` those with that worker alone."""
        question = select(SupportAgreement).where(
            SupportAgreement.council_id.in_(councils),
            SupportAgreement.organisation_id == organisation_id,
            SupportAgreement.status != AgreementStatus.DRAFT,
        )
        return question if worker_id is None else question.where(SupportAgreement.worker_id == worker_id)

    def reported(self, council_id: UUID, threads: Select[Thread]) -> Select[SupportAgreement]:
        """Start a question about agreements of a council whose threads are among some."""
        ids = threads.with_only_columns(Thread.subject_id)
        return select(SupportAgreement).where(SupportAgreement.council_id == council_id, SupportAgreement.id.in_(ids))

    async def row(self, question: Select[SupportAgreement]) -> TalkRow | None:
        """Return one agreement with what stands beside it."""
        found = (await self.db.execute(_with_names(question).limit(1))).first()
        return TalkRow(*found) if found else None

    async def newest(self, question: Select[SupportAgreement], after: UUID | None) -> list[TalkRow]:
        """Return agreements, the one last written about first, one more than a page."""
        moved_at = func.coalesce(Thread.updated_at, SupportAgreement.created_at)
        whole = _with_names(question)
        last = await self.row(question.where(SupportAgreement.id == after)) if after is not None else None
        if last is not None:
            at = last.thread.updated_at if last.thread else last.agreement.created_at
            whole = whole.where(tuple_(moved_at, SupportAgreement.id) < tuple_(at, last.agreement.id))
        whole = whole.order_by(moved_at.desc(), SupportAgreement.id.desc()).limit(PAGE + 1)
        return [TalkRow(*row) for row in await self.db.execute(whole)]

    async def is_read(self, agreement: SupportAgreement) -> bool:
        """Whether somebody on the person's side can read what a provider writes: the person, or who may for them."""
        on = today(clock_of(self.db))
        person = exists().where(
            Membership.council_id == agreement.council_id,
            Membership.person_id == agreement.person_id,
            Membership.role == Role.PERSON,
            Membership.starts_on <= on,
            or_(Membership.ends_on.is_(None), Membership.ends_on > on),
        )
        helper = exists().where(
            Representation.council_id == agreement.council_id,
            Representation.person_id == agreement.person_id,
            Representation.status == RepresentationStatus.LIVE,
            literal(Scope.TALK.value) == any_(Representation.scopes),
        )
        return bool(await self.db.scalar(select(or_(person, helper))))


def _with_names(question: Select[SupportAgreement]) -> Any:
    return (
        question.join(Listing, Listing.id == SupportAgreement.listing_id)
        .join(Organisation, Organisation.id == SupportAgreement.organisation_id)
        .join(Person, Person.id == SupportAgreement.person_id)
        .outerjoin(Thread, and_(Thread.subject_kind == AGREEMENT, Thread.subject_id == SupportAgreement.id))
        .add_columns(Listing, Organisation, Person, Thread)
    )
