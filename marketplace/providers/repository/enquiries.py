"""Questions asked of enquiries: by who asked, by the provider asked, and by the council about what was reported."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Select, and_, case, column, exists, extract, func, or_, select, table, text, tuple_

from marketplace.accounts.models import AuditEntry, Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.repository import Repository
from marketplace.providers.models import Enquiry, EnquiryMessage, Listing, Organisation
from marketplace.providers.states import EnquiryStatus

PAGE: Final = 20

# People belong to `people`, which stands beside this package. Only the area of one is wanted here, so that a provider
# can be told "Somebody near Preston"; row-level security limits it to the reader's council.
_PEOPLE = table("people", column("id"), column("council_id"), column("town"), column("postcode"))


class EnquiryView(NamedTuple):
    """An enquiry with what stands beside it."""

    enquiry: Enquiry
    listing: Listing
    organisation: Organisation


class Written(NamedTuple):
    """A message with the name of who wrote it, for readers of the same side and for the council."""

    message: EnquiryMessage
    writer: str


class EnquiryRepository(Repository[Enquiry]):
    """Enquiries and their messages."""

    model_type = Enquiry

    def of_person(self, council_id: UUID, person_id: UUID) -> Select[Enquiry]:
        """Start a question about what one person asked, or what was asked for them."""
        return self.of(council_id).where(Enquiry.person_id == person_id)

    def of_provider(
        self, councils: Sequence[UUID], organisation_id: UUID, worker_id: UUID | None = None
    ) -> Select[Enquiry]:
        """Start a question about what an organisation was asked in the councils it serves.

        With `worker_id` only what that worker's own listings were asked.
        """
        question = select(Enquiry).where(Enquiry.council_id.in_(councils), Enquiry.organisation_id == organisation_id)
        return question if worker_id is None else question.where(Enquiry.worker_id == worker_id)

    def reported(self, council_id: UUID) -> Select[Enquiry]:
        """Start a question about the threads of a council in which a message is reported."""
        return self.of(council_id).where(
            exists().where(EnquiryMessage.enquiry_id == Enquiry.id, EnquiryMessage.reported_because != "")
        )

    async def view(self, question: Select[Enquiry]) -> EnquiryView | None:
        """Return one enquiry with its listing and organisation."""
        row = (await self.db.execute(_with_names(question).limit(1))).first()
        return EnquiryView(*row) if row else None

    async def newest(self, question: Select[Enquiry], after: Enquiry | None) -> list[EnquiryView]:
        """Return enquiries, the one that changed last first, one more than a page."""
        place = tuple_(Enquiry.updated_at, Enquiry.id)
        if after is not None:
            question = question.where(place < tuple_(after.updated_at, after.id))
        question = question.order_by(Enquiry.updated_at.desc(), Enquiry.id.desc()).limit(PAGE + 1)
        return [EnquiryView(*row) for row in await self.db.execute(_with_names(question))]

    async def inbox(self, question: Select[Enquiry], after: Enquiry | None) -> list[EnquiryView]:
        """Return enquiries, those that wait for the provider first, one more than a page."""
        # Those that wait come oldest first: they have waited longest. The others come newest first.
        waits = case((Enquiry.status == EnquiryStatus.OPEN, 0), else_=1)
        age = extract("epoch", Enquiry.updated_at)
        key = case((Enquiry.status == EnquiryStatus.OPEN, age), else_=-age)
        if after is not None:
            rank = 0 if after.status is EnquiryStatus.OPEN else 1
            # The database writes the instant as the number it compares with, so that no rounding loses a row.
            mark = (
                select(case((Enquiry.status == EnquiryStatus.OPEN, age), else_=-age))
                .where(Enquiry.id == after.id)
                .correlate(None)
                .scalar_subquery()
            )
            question = question.where(
                or_(
                    waits > rank,
                    and_(waits == rank, or_(key > mark, and_(key == mark, Enquiry.id > after.id))),
                )
            )
        question = question.order_by(waits, key, Enquiry.id).limit(PAGE + 1)
        return [EnquiryView(*row) for row in await self.db.execute(_with_names(question))]

    async def messages(self, enquiry: Enquiry) -> list[Written]:
        """Return what was written, oldest first. A thread is bounded by its own limit."""
        rows = await self.db.execute(
            select(EnquiryMessage, User.name)
            .join(User, User.id == EnquiryMessage.written_by_user_id)
            .where(EnquiryMessage.council_id == enquiry.council_id, EnquiryMessage.enquiry_id == enquiry.id)
            .order_by(EnquiryMessage.written_at, EnquiryMessage.id)
        )
        return [Written(*row) for row in rows]

    async def message(self, enquiry: Enquiry, message_id: UUID) -> EnquiryMessage | None:
        """Return one message of a thread, locked."""
        found: EnquiryMessage | None = await self.db.scalar(
            select(EnquiryMessage)
            .where(EnquiryMessage.enquiry_id == enquiry.id, EnquiryMessage.id == message_id)
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        return found

    async def message_count(self, enquiry_id: UUID) -> int:
        """Count the messages of a thread."""
        question = select(func.count()).select_from(EnquiryMessage).where(EnquiryMessage.enquiry_id == enquiry_id)
        return int(await self.db.scalar(question) or 0)

    async def reports(self, enquiry_ids: Sequence[UUID]) -> dict[UUID, list[EnquiryMessage]]:
        """Return reported messages by enquiry, oldest first."""
        found: dict[UUID, list[EnquiryMessage]] = {}
        rows = await self.db.scalars(
            select(EnquiryMessage)
            .where(EnquiryMessage.enquiry_id.in_(enquiry_ids), EnquiryMessage.reported_because != "")
            .order_by(EnquiryMessage.written_at, EnquiryMessage.id)
        )
        for row in rows:
            found.setdefault(row.enquiry_id, []).append(row)
        return found

    async def asked_since(self, council_id: UUID, user_id: UUID, since: datetime) -> int:
        """Count what a user has asked since an instant. Held until the transaction ends, so that two count apart."""
        await self.db.execute(
            text("SELECT pg_advisory_xact_lock(hashtext('enquiries'), hashtext(:user))"), {"user": str(user_id)}
        )
        question = (
            select(func.count())
            .select_from(Enquiry)
            .where(
                Enquiry.council_id == council_id,
                Enquiry.asked_by_user_id == user_id,
                Enquiry.created_at > since,
            )
        )
        return int(await self.db.scalar(question) or 0)

    async def can_be_asked(self, council_id: UUID, listing: Listing, day: date) -> bool:
        """Whether somebody who works with the council could answer for a listing.

        A provider's people answer for all its listings, a personal assistant for their own alone.
        """
        found = await self.db.scalar(
            select(
                exists().where(
                    Membership.council_id == council_id,
                    Membership.organisation_id == listing.organisation_id,
                    or_(
                        Membership.role == Role.PROVIDER,
                        and_(Membership.role == Role.PA, Membership.worker_id == listing.worker_id),
                    ),
                    Membership.starts_on <= day,
                    or_(Membership.ends_on.is_(None), Membership.ends_on > day),
                )
            )
        )
        return bool(found)

    async def area(self, council_id: UUID, person_id: UUID) -> tuple[str, str]:
        """Return the town and the postcode of a person; empty where there is none."""
        row = (
            await self.db.execute(
                select(_PEOPLE.c.town, _PEOPLE.c.postcode).where(
                    _PEOPLE.c.council_id == council_id, _PEOPLE.c.id == person_id
                )
            )
        ).first()
        return (row[0] or "", row[1] or "") if row else ("", "")

    async def has_opened(self, council_id: UUID, user_id: UUID, enquiry_id: UUID, action: str, since: datetime) -> bool:
        """Whether a user has given a reason for reading a thread since an instant: the audit log knows."""
        found = await self.db.scalar(
            select(
                exists().where(
                    AuditEntry.council_id == council_id,
                    AuditEntry.subject_kind == "enquiry",
                    AuditEntry.subject_id == enquiry_id,
                    AuditEntry.user_id == user_id,
                    AuditEntry.action == action,
                    AuditEntry.at > since,
                )
            )
        )
        return bool(found)


def _with_names(question: Select[Enquiry]) -> Select[tuple[Enquiry, Listing, Organisation]]:
    return (
        question.join(Listing, Listing.id == Enquiry.listing_id)
        .join(Organisation, Organisation.id == Enquiry.organisation_id)
        .add_columns(Listing, Organisation)
    )
