"""Questions that changes, pauses, calendars and ends of visits ask."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, or_, select, update

from marketplace.accounts.models import Membership
from marketplace.accounts.permissions import Permission, Role, granted
from marketplace.accounts.repository import AccountRepository
from marketplace.bookings.models import Booking, CalendarFeed, CallOffReason, VisitProposal, VisitWorker
from marketplace.bookings.states import TO_COME, BookingStatus, ProposalStatus
from marketplace.core.repository import Repository
from marketplace.people.models import Person
from marketplace.providers.models import Listing, Organisation, Worker

GONE = (BookingStatus.DECLINED, BookingStatus.CANCELLED)


class VisitRow(NamedTuple):
    """A visit with what a calendar says beside it."""

    booking: Booking
    listing_title: str
    organisation_name: str
    worker_name: str | None
    person_name: str


class VisitReader(Repository[Booking]):
    """Visits of agreements, as changes, pauses and calendars read them."""

    model_type = Booking

    def to_come(
        self, council_id: UUID, agreement_id: UUID, now: datetime, *, also_called_off: bool = False
    ) -> Select[Booking]:
        """Visits of an agreement that have not begun and that nobody called off."""
        question = self.of(council_id).where(
            Booking.agreement_id == agreement_id,
            Booking.status.in_((*TO_COME, BookingStatus.AWAITING_PAYMENT)),
            Booking.starts_at > now,
        )
        return question if also_called_off else question.where(Booking.called_off_at.is_(None))

    def called_off(
        self, council_id: UUID, agreement_id: UUID, at: datetime, from_on: date, now: datetime
    ) -> Select[Booking]:
        """Visits that were called off at an instant and stay because something is owed; from a day on, not begun."""
        return self.to_come(council_id, agreement_id, now, also_called_off=True).where(
            Booking.called_off_at == at, Booking.visit_on >= from_on, Booking.pattern_id.is_not(None)
        )

    async def locked(self, question: Select[Booking]) -> Sequence[Booking]:
        """Return visits in the order of their ids, locked and read afresh."""
        ordered = question.order_by(Booking.id).with_for_update().execution_options(populate_existing=True)
        return (await self.db.scalars(ordered)).all()

    async def of_pattern(self, pattern_id: UUID, first: date) -> Sequence[Booking]:
        """Return all visits of a pattern from one of its days on, whatever became of them, locked."""
        return await self.locked(select(Booking).where(Booking.pattern_id == pattern_id, Booking.pattern_on >= first))

    def of_the_dead(self, council_id: UUID, person_id: UUID, died_on: date, now: datetime) -> Select[Booking]:
        """Visits of somebody who died that have not taken place: to come, or after the day and never claimed."""
        return self.of(council_id).where(
            Booking.person_id == person_id,
            Booking.status.in_((*TO_COME, BookingStatus.AWAITING_PAYMENT)),
            or_(Booking.starts_at > now, Booking.visit_on > died_on),
            Booking.visit_on >= died_on,
        )

    def of_calendar(self, from_at: datetime, until_at: datetime) -> Select[Booking]:
        """Visits that begin between two instants and that nobody took away."""
        return select(Booking).where(
            Booking.starts_at >= from_at,
            Booking.starts_at < until_at,
            Booking.status.not_in(GONE),
            Booking.called_off_at.is_(None),
        )

    def of_worker(self, question: Select[Booking], worker_id: UUID) -> Select[Booking]:
        """Those of a worker, as the first or the second who comes."""
        second = select(VisitWorker.booking_id).where(VisitWorker.worker_id == worker_id)
        return question.where(or_(Booking.worker_id == worker_id, Booking.id.in_(second)))

    async def rows(self, question: Select[Booking], limit: int) -> list[VisitRow]:
        """Return visits with their names, by start."""
        named = (
            question.join(Listing, Listing.id == Booking.listing_id)
            .join(Organisation, Organisation.id == Booking.organisation_id)
            .join(Person, Person.id == Booking.person_id)
            .outerjoin(Worker, Worker.id == Booking.worker_id)
            .add_columns(Listing.title, Organisation.name, Worker.name, Person.given_name, Person.family_name)
            .order_by(Booking.starts_at, Booking.id)
            .limit(limit)
        )
        return [
            VisitRow(row[0], row[1], row[2], row[3], f"{row[4]} {row[5]}".strip())
            for row in await self.db.execute(named)
        ]

    async def workers(self, organisation_id: UUID) -> list[tuple[str, str]]:
        """Return an organisation's workers as (id, name), by name."""
        rows = await self.db.execute(
            select(Worker.id, Worker.name)
            .where(Worker.organisation_id == organisation_id)
            .order_by(Worker.name, Worker.id)
            .limit(300)
        )
        return [(str(row[0]), row[1]) for row in rows]

    async def taken_away(
        self, council_ids: Sequence[UUID], from_on: date, limit: int, *, agreement_id: UUID | None = None
    ) -> list[VisitRow]:
        """Return visits to come that do not take place because an agreement ends: what is to be found anew."""
        question = select(Booking).where(
            Booking.council_id.in_(council_ids),
            Booking.status == BookingStatus.CANCELLED,
            Booking.call_off_reason == CallOffReason.AGREEMENT_ENDED,
            Booking.visit_on >= from_on,
        )
        if agreement_id is not None:
            question = question.where(Booking.agreement_id == agreement_id)
        return await self.rows(question, limit)


class FeedReader(Repository[CalendarFeed]):
    """Secret addresses of calendars."""

    model_type = CalendarFeed

    async def by_secret(self, secret_hash: bytes) -> CalendarFeed | None:
        """Return the feed of a secret that was not ended."""
        return await self.maybe(
            select(CalendarFeed).where(CalendarFeed.secret_hash == secret_hash, CalendarFeed.ended_at.is_(None))
        )

    def of_user(self, council_id: UUID, user_id: UUID, membership_ids: Sequence[UUID]) -> Select[CalendarFeed]:
        """Feeds of somebody in one of their roles that still work, the oldest first."""
        return (
            self.of(council_id)
            .where(
                CalendarFeed.user_id == user_id,
                CalendarFeed.membership_id.in_(membership_ids),
                CalendarFeed.ended_at.is_(None),
            )
            .order_by(CalendarFeed.created_at, CalendarFeed.id)
        )

    async def membership(
        self, user_id: UUID, council_id: UUID, role: Role, person_id: UUID | None, worker_id: UUID | None
    ) -> UUID | None:
        """Return the role of somebody under which a feed is made."""
        found: UUID | None = await self.db.scalar(
            select(Membership.id).where(
                Membership.user_id == user_id,
                Membership.council_id == council_id,
                Membership.role == role,
                Membership.person_id.is_not_distinct_from(person_id),
                Membership.worker_id.is_not_distinct_from(worker_id),
            )
        )
        return found

    async def is_live(self, membership_id: UUID, on: date) -> bool:
        """Whether a role runs on a day and still allows to see visits; what a person gave somebody may shrink."""
        question = select(Membership.role).where(
            Membership.id == membership_id,
            Membership.starts_on <= on,
            or_(Membership.ends_on.is_(None), Membership.ends_on > on),
        )
        role: Role | None = await self.db.scalar(question)
        if role is None:
            return False
        scopes = await AccountRepository(self.db).scopes(membership_id, on) if role is Role.REPRESENTATIVE else None
        return bool(granted(role, scopes) & {Permission.BOOKINGS_OWN, Permission.VISITS_DELIVER})

    async def end_of_person(self, council_id: UUID, person_id: UUID, now: datetime) -> None:
        """End every feed of a person's visits."""
        await self.db.execute(
            update(CalendarFeed)
            .where(
                CalendarFeed.council_id == council_id,
                CalendarFeed.person_id == person_id,
                CalendarFeed.ended_at.is_(None),
            )
            .values(ended_at=now)
            .execution_options(synchronize_session=False)
        )

    async def note_read(self, feed_id: UUID, now: datetime) -> None:
        """Write down that a calendar program looked."""
        await self.db.execute(
            update(CalendarFeed)
            .where(CalendarFeed.id == feed_id)
            .values(last_read_at=now)
            .execution_options(synchronize_session=False)
        )


class ProposalReader(Repository[VisitProposal]):
    """Changes that providers ask for."""

    model_type = VisitProposal

    def open(self, council_id: UUID, agreement_id: UUID) -> Select[VisitProposal]:
        """Proposals of an agreement that wait for an answer, the oldest first."""
        return (
            self.of(council_id)
            .where(VisitProposal.agreement_id == agreement_id, VisitProposal.status == ProposalStatus.ASKED)
            .order_by(VisitProposal.asked_at, VisitProposal.id)
        )

    async def in_councils(self, councils: Sequence[UUID], proposal_id: UUID) -> VisitProposal:
        """Return a proposal in the councils that a provider serves.

        Raises:
            NotFound: There is none.
        """
        return await self.one(
            select(VisitProposal).where(VisitProposal.council_id.in_(councils), VisitProposal.id == proposal_id)
        )

    async def overdue(self, now: datetime, limit: int) -> list[tuple[UUID, UUID]]:
        """Return (council, proposal) of those whose answer is no longer possible."""
        rows = await self.db.execute(
            select(VisitProposal.council_id, VisitProposal.id)
            .where(and_(VisitProposal.status == ProposalStatus.ASKED, VisitProposal.answer_by <= now))
            .order_by(VisitProposal.answer_by)
            .limit(limit)
        )
        return [(row[0], row[1]) for row in rows]
