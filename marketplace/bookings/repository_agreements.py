"""Questions asked of agreements between people and who supports them."""

from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row, Select, and_, delete, func, or_, select, text, tuple_

from marketplace.bookings.models import (
    AgreementRate,
    AgreementTerms,
    Booking,
    Funding,
    SupportAgreement,
    VisitPattern,
)
from marketplace.bookings.states import SETTLED, AgreementStatus, BookingStatus, TermsStatus
from marketplace.core.models import Step
from marketplace.core.repository import Repository
from marketplace.people.models import Person
from marketplace.providers.models import Listing, Organisation

KNOWS_THE_PERSON = frozenset(
    {
        BookingStatus.PLANNED,
        BookingStatus.ACCEPTED,
        BookingStatus.IN_PROGRESS,
        BookingStatus.CLAIMED,
        BookingStatus.DISPUTED,
        *SETTLED,
    }
)
"""States of a visit that show that a provider visits somebody, or did: they know name and address."""


class AgreementRow(NamedTuple):
    """An agreement with what stands beside it."""

    agreement: SupportAgreement
    listing: Listing
    organisation: Organisation
    person: Person


class SupportAgreementRepository(Repository[SupportAgreement]):
    """Agreements, their terms, rates and weekly visits."""

    model_type = SupportAgreement

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[SupportAgreement]:
        """Start a question about a person's agreements; what a provider still writes is not theirs to see."""
        return self.of(council_id).where(
            SupportAgreement.person_id == person_id,
            or_(SupportAgreement.status != AgreementStatus.DRAFT, SupportAgreement.written_by == "person"),
        )

    def of_provider(
        self, councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None = None
    ) -> Select[SupportAgreement]:
        """Start a question about an organisation's agreements in the councils it serves.

        With `worker_id` those with that worker alone. What a person still writes is not theirs to see.
        """
        question = select(SupportAgreement).where(
            SupportAgreement.council_id.in_(councils),
            SupportAgreement.organisation_id == organisation_id,
            or_(SupportAgreement.status != AgreementStatus.DRAFT, SupportAgreement.written_by == "provider"),
        )
        return question if worker_id is None else question.where(SupportAgreement.worker_id == worker_id)

    async def locked(self, agreement_id: UUID) -> SupportAgreement | None:
        """Return an agreement of any council in reach, locked: for the platform's own work."""
        return await self.maybe(select(SupportAgreement).where(SupportAgreement.id == agreement_id), locked=True)

    async def row(self, question: Select[SupportAgreement]) -> AgreementRow | None:
        """Return one agreement with its names."""
        found = (await self.db.execute(_with_names(question).limit(1))).first()
        return AgreementRow(*found) if found else None

    async def page(
        self, question: Select[SupportAgreement], *, after: SupportAgreement | None, limit: int
    ) -> list[AgreementRow]:
        """Return agreements, the newest first, from behind one on."""
        place = tuple_(SupportAgreement.created_at, SupportAgreement.id)
        if after is not None:
            question = question.where(place < tuple_(after.created_at, after.id))
        ordered = question.order_by(SupportAgreement.created_at.desc(), SupportAgreement.id.desc()).limit(limit)
        return [AgreementRow(*found) for found in await self.db.execute(_with_names(ordered))]

    def in_status(
        self, question: Select[SupportAgreement], statuses: Sequence[AgreementStatus]
    ) -> Select[SupportAgreement]:
        """Those in some states."""
        return question.where(SupportAgreement.status.in_(statuses))

    async def terms(self, agreement_ids: Sequence[UUID]) -> Sequence[AgreementTerms]:
        """Return every version of agreements' terms, by number."""
        question = select(AgreementTerms).where(AgreementTerms.agreement_id.in_(agreement_ids))
        return (await self.db.scalars(question.order_by(AgreementTerms.agreement_id, AgreementTerms.number))).all()

    async def locked_terms(self, agreement_id: UUID) -> Sequence[AgreementTerms]:
        """Return every version of an agreement's terms, by number, locked and read afresh. Lock the agreement first."""
        question = (
            select(AgreementTerms)
            .where(AgreementTerms.agreement_id == agreement_id)
            .order_by(AgreementTerms.number)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return (await self.db.scalars(question)).all()

    async def rates(self, terms_ids: Sequence[UUID]) -> Sequence[AgreementRate]:
        """Return the rates of versions."""
        return (await self.db.scalars(select(AgreementRate).where(AgreementRate.terms_id.in_(terms_ids)))).all()

    async def patterns(self, agreement_ids: Sequence[UUID], on: date) -> Sequence[VisitPattern]:
        """Return the weekly visits that count on a day or begin later, by weekday and time."""
        question = select(VisitPattern).where(
            VisitPattern.agreement_id.in_(agreement_ids),
            or_(VisitPattern.ends_on.is_(None), VisitPattern.ends_on > on),
        )
        order = (VisitPattern.weekday, VisitPattern.starts_local, VisitPattern.id)
        return (await self.db.scalars(question.order_by(*order))).all()

    async def running_of(self, council_id: UUID, person_id: UUID, on: date) -> Sequence[SupportAgreement]:
        """Return a person's agreed agreements that direct payments pay and that are not over on a day."""
        return await self.every(
            self.of(council_id).where(
                SupportAgreement.person_id == person_id,
                SupportAgreement.status == AgreementStatus.AGREED,
                SupportAgreement.funding == Funding.DIRECT_PAYMENT,
                or_(SupportAgreement.ends_on.is_(None), SupportAgreement.ends_on > on),
            )
        )

    async def steps(self, agreement: SupportAgreement, terms_ids: Sequence[UUID]) -> Sequence[Step]:
        """Return what happened to an agreement and its versions, oldest first."""
        question = select(Step).where(
            Step.council_id == agreement.council_id,
            or_(
                and_(Step.subject_kind == "support_agreement", Step.subject_id == agreement.id),
                and_(Step.subject_kind == "agreement_terms", Step.subject_id.in_(terms_ids)),
            ),
        )
        return (await self.db.scalars(question.order_by(Step.at, Step.id))).all()

    async def next_reference(self, council_id: UUID) -> str:
        """Return the next reference of a council, "SA-00012".

        Waits for whoever else is taking one. The unique key on council and reference stands behind it.
        """
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('support-agreement'), hashtext(:council))"),
            {"council": str(council_id)},
        )
        last = await self.db.scalar(
            select(func.max(SupportAgreement.reference)).where(
                SupportAgreement.council_id == council_id, SupportAgreement.reference.regexp_match("^SA-[0-9]{5}$")
            )
        )
        return f"SA-{int(last[-5:]) + 1 if last else 1:05}"

    async def lapsed(self, on: date, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return (council, agreement) of offers whose last day to answer went by before a day."""
        question = (
            select(AgreementTerms.council_id, AgreementTerms.agreement_id)
            .where(AgreementTerms.status == TermsStatus.OFFERED, AgreementTerms.answer_by < on)
            .order_by(AgreementTerms.answer_by, AgreementTerms.id)
            .limit(limit)
        )
        return (await self.db.execute(question)).all()

    async def over(self, on: date, limit: int) -> Sequence[Row[UUID, UUID]]:
        """Return (council, agreement) of agreements whose last day was before a day."""
        question = (
            select(SupportAgreement.council_id, SupportAgreement.id)
            .where(SupportAgreement.status == AgreementStatus.AGREED, SupportAgreement.ends_on <= on)
            .order_by(SupportAgreement.ends_on, SupportAgreement.id)
            .limit(limit)
        )
        return (await self.db.execute(question)).all()

    async def between(self, council_id: UUID, person_id: UUID, listing_id: UUID) -> Sequence[SupportAgreement]:
        """Return the agreements of a person about a listing that are written, offered or running, the newest first."""
        statuses = (AgreementStatus.DRAFT, AgreementStatus.OFFERED, AgreementStatus.AGREED)
        return await self.every(
            self.of(council_id)
            .where(
                SupportAgreement.person_id == person_id,
                SupportAgreement.listing_id == listing_id,
                SupportAgreement.status.in_(statuses),
            )
            .order_by(SupportAgreement.created_at.desc())
            .limit(20)
        )

    async def empty_draft(self, agreement_id: UUID, terms_id: UUID) -> None:
        """Take the rates and weekly visits of a draft away, to write them anew."""
        await self.db.execute(delete(AgreementRate).where(AgreementRate.terms_id == terms_id))
        await self.db.execute(delete(VisitPattern).where(VisitPattern.agreement_id == agreement_id))

    async def hold_person(self, council_id: UUID, person_id: UUID) -> Person:
        """Return a person, held until the transaction ends: agreements with somebody begin one after the other.

        Raises:
            NotFound: Another council's.
        """
        people: Repository[Person] = PersonRows(self.db)
        return await people.one(
            people.of(council_id)
            .where(Person.id == person_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )

    async def person(self, councils: Sequence[UUID], person_id: UUID) -> Person:
        """Return a person of some councils.

        Raises:
            NotFound: There is none.
        """
        return await PersonRows(self.db).one(
            select(Person).where(Person.council_id.in_(councils), Person.id == person_id, Person.died_on.is_(None))
        )

    async def known_people(
        self, councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None, limit: int
    ) -> Sequence[Person]:
        """Return people whom a provider visits or has visited, by name: those it may offer regular support."""
        visited = select(Booking.person_id).where(
            Booking.council_id.in_(councils),
            Booking.organisation_id == organisation_id,
            Booking.status.in_(KNOWS_THE_PERSON),
        )
        if worker_id is not None:
            visited = visited.where(Booking.worker_id == worker_id)
        question = (
            select(Person)
            .where(Person.council_id.in_(councils), Person.id.in_(visited), Person.died_on.is_(None))
            .order_by(Person.family_name, Person.given_name, Person.id)
            .limit(limit)
        )
        return (await self.db.scalars(question)).all()

    async def knows(self, councils: Sequence[UUID], organisation_id: UUID, person_id: UUID) -> bool:
        """Whether a provider visits or visited somebody, or had an agreement with them."""
        visit = select(Booking.id).where(
            Booking.council_id.in_(councils),
            Booking.organisation_id == organisation_id,
            Booking.person_id == person_id,
            Booking.status.in_(KNOWS_THE_PERSON),
        )
        agreement = select(SupportAgreement.id).where(
            SupportAgreement.council_id.in_(councils),
            SupportAgreement.organisation_id == organisation_id,
            SupportAgreement.person_id == person_id,
            SupportAgreement.status.in_((AgreementStatus.AGREED, AgreementStatus.ENDED)),
        )
        return bool(await self.db.scalar(select(or_(visit.exists(), agreement.exists()))))

    async def supports(self, council_id: UUID, organisation_id: UUID, person_id: UUID) -> bool:
        """Whether an agreement between a provider and a person runs."""
        agreement = select(SupportAgreement.id).where(
            SupportAgreement.council_id == council_id,
            SupportAgreement.organisation_id == organisation_id,
            SupportAgreement.person_id == person_id,
            SupportAgreement.status == AgreementStatus.AGREED,
        )
        return bool(await self.db.scalar(select(agreement.exists())))

    async def listings_of(self, organisation_id: UUID, worker_id: UUID | None) -> Sequence[Listing]:
        """Return what an organisation offers on the market, by title; with `worker_id` that worker's own offers."""
        question = select(Listing).where(
            Listing.organisation_id == organisation_id, Listing.is_published, Listing.hidden_why.is_(None)
        )
        if worker_id is not None:
            question = question.where(Listing.worker_id == worker_id)
        return (await self.db.scalars(question.order_by(Listing.title, Listing.id).limit(50))).all()


class PersonRows(Repository[Person]):
    """People, as far as agreements need them."""

    model_type = Person


def _with_names(question: Select[SupportAgreement]) -> Any:
    return (
        question.join(Listing, Listing.id == SupportAgreement.listing_id)
        .join(Organisation, Organisation.id == SupportAgreement.organisation_id)
        .join(Person, Person.id == SupportAgreement.person_id)
        .add_columns(Listing, Organisation, Person)
    )
