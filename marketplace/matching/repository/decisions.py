"""Questions round a decision: what people said, what they contest, who must not act for whom."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    CompoundSelect,
    Integer,
    Row,
    Select,
    Uuid,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    literal_column,
    null,
    or_,
    select,
    union_all,
)

from marketplace.core.repository import Repository
from marketplace.matching.models import (
    Conflict,
    Contest,
    Offer,
    Preference,
    Proposal,
    Referral,
    Requirement,
    RequirementAward,
    RequirementOffer,
)
from marketplace.matching.states import ContestStatus, OfferStatus, ProposalStatus, RequirementOfferStatus
from marketplace.people.models import Person


class PreferenceRepository(Repository[Preference]):
    """What people said they want."""

    model_type = Preference

    async def latest(
        self, council_id: UUID, *, referral_id: UUID | None = None, requirement_id: UUID | None = None
    ) -> Preference | None:
        """Return what was said last about a referral or a requirement."""
        return await self.maybe(self._about(council_id, referral_id, requirement_id))

    async def about(
        self, council_id: UUID, *, referral_id: UUID | None = None, requirement_id: UUID | None = None
    ) -> Sequence[Preference]:
        """Return what was said about a referral or a requirement, newest first."""
        return await self.every(self._about(council_id, referral_id, requirement_id).limit(50))

    def _about(self, council_id: UUID, referral_id: UUID | None, requirement_id: UUID | None) -> Select[Preference]:
        """Start the question of what was said about one of them, newest first."""
        question = self.of(council_id).order_by(Preference.heard_at.desc(), Preference.id.desc())
        if referral_id is not None:
            return question.where(Preference.referral_id == referral_id)
        return question.where(Preference.requirement_id == requirement_id)


class FactRepository(Repository[Preference]):
    """What a ranking needs to know of referrals besides their own rows, in one question."""

    model_type = Preference

    async def of_referrals(
        self, council_id: UUID, referral_ids: Collection[UUID]
    ) -> Sequence[Row[str, UUID, UUID | None, datetime]]:
        """Return facts as (kind, referral, id, instant), in the order of time.

        Kinds: "declined" with the worker who said no; "seller" with an organisation that was awarded the person's
        care; "said" with the organisation the person chose when they named no planner, None for no such choice.
        """
        wanted = any_(literal(list(referral_ids), ARRAY(Uuid)))
        # Who handed it back after a yes has said no, too; a reason of theirs tells it from a council's own taking back.
        said_no = or_(
            Offer.status == OfferStatus.DECLINED, and_(Offer.handed_back_at.is_not(None), Offer.decline_reason != "")
        )
        no_at = func.coalesce(Offer.handed_back_at, Offer.answered_at)
        declined = select(literal("declined"), Offer.referral_id, Offer.worker_id, no_at).where(
            Offer.council_id == council_id, Offer.referral_id == wanted, said_no
        )
        sellers = (
            select(literal("seller"), Referral.id, RequirementAward.organisation_id, RequirementAward.awarded_at)
            .join(Requirement, Requirement.id == RequirementAward.requirement_id)
            .join(RequirementOffer, RequirementOffer.id == RequirementAward.offer_id)
            .join(Referral, Referral.person_id == Requirement.person_id)
            .where(
                RequirementAward.council_id == council_id,
                # In force: an award that was taken back is no interest in what the plan says.
                RequirementOffer.status == RequirementOfferStatus.WON,
                Referral.council_id == council_id,
                Referral.id == wanted,
            )
        )
        choice = case((Preference.worker_id.is_(None), Preference.organisation_id), else_=None)
        said = select(literal("said"), Preference.referral_id, choice, Preference.heard_at).where(
            Preference.council_id == council_id, Preference.referral_id == wanted
        )
        # Labels of columns by number: the three parts call them differently.
        rows = await self.db.execute(union_all(declined, sellers, said).order_by(literal_column("4")))
        return rows.all()


class ContestRepository(Repository[Contest]):
    """What people contest."""

    model_type = Contest

    async def open_of(self, council_id: UUID, referral_id: UUID, *, locked: bool = False) -> Contest | None:
        """Return the contest of a referral that waits for its answer."""
        question = self.of(council_id).where(Contest.referral_id == referral_id, Contest.status == ContestStatus.OPEN)
        return await self.maybe(question, locked=locked)

    async def of_referral(self, council_id: UUID, referral_id: UUID) -> Sequence[Contest]:
        """Return a referral's contests, newest first."""
        question = self.of(council_id).where(Contest.referral_id == referral_id)
        return await self.every(question.order_by(Contest.made_at.desc(), Contest.id.desc()).limit(50))

    async def about_care(self, council_id: UUID, person_id: UUID) -> Sequence[Contest]:
        """Return what a person contested about who brings their care, newest first."""
        question = self.of(council_id).where(Contest.person_id == person_id, Contest.requirement_id.is_not(None))
        return await self.every(question.order_by(Contest.made_at.desc(), Contest.id.desc()).limit(20))

    async def listed(
        self, council_id: UUID, *, is_open: bool, after: UUID | None = None, limit: int = 25
    ) -> Sequence[Row[Contest, Person, Referral | None]]:
        """Return contests with their people: open ones by the day of their answer, answered ones newest first."""
        question = (
            select(Contest, Person, Referral)
            .join(Person, Person.id == Contest.person_id)
            .outerjoin(Referral, Referral.id == Contest.referral_id)
            .where(Contest.council_id == council_id)
            .limit(limit)
        )
        if is_open:
            question = question.where(Contest.status == ContestStatus.OPEN).order_by(Contest.answer_by, Contest.id)
        else:
            question = question.where(Contest.status != ContestStatus.OPEN).order_by(Contest.id.desc())
            if after is not None:
                question = question.where(Contest.id < after)
        return (await self.db.execute(question)).all()

    async def late(self, on: date, limit: int) -> Sequence[Contest]:
        """Return open contests of every council whose day of answer is before `on`."""
        question = (
            select(Contest)
            .where(Contest.status == ContestStatus.OPEN, Contest.answer_by < on)
            .order_by(Contest.answer_by, Contest.id)
            .limit(limit)
        )
        return (await self.db.scalars(question)).all()


class ConflictRepository(Repository[Conflict]):
    """Declared conflicts of interest, and what they may touch."""

    model_type = Conflict

    async def live(self, council_id: UUID) -> Sequence[Conflict]:
        """Return the conflicts that count."""
        question = self.of(council_id).where(Conflict.ended_at.is_(None))
        return await self.every(question.order_by(Conflict.declared_at.desc(), Conflict.id.desc()).limit(2_000))

    async def ended(self, council_id: UUID, *, after: UUID | None = None, limit: int = 25) -> Sequence[Conflict]:
        """Return the conflicts that have ended, newest first."""
        question = self.of(council_id).where(Conflict.ended_at.is_not(None))
        if after is not None:
            question = question.where(Conflict.id < after)
        return await self.every(question.order_by(Conflict.id.desc()).limit(limit))

    async def between(self, offer: Offer, person_id: UUID) -> Conflict | None:
        """Return a conflict that counts between a person and the planner or the organisation of an offer."""
        question = self.of(offer.council_id).where(
            Conflict.ended_at.is_(None),
            or_(Conflict.worker_id == offer.worker_id, Conflict.organisation_id == offer.organisation_id),
            or_(Conflict.person_id.is_(None), Conflict.person_id == person_id),
        )
        return await self.maybe(question.order_by(Conflict.declared_at).limit(1))

    async def offers_in(self, conflict: Conflict) -> Sequence[Row[Offer, Referral]]:
        """Return open and accepted offers that a conflict touches, with their referrals."""
        question = (
            select(Offer, Referral)
            .join(Referral, Referral.id == Offer.referral_id)
            .where(
                Offer.council_id == conflict.council_id,
                Offer.status.in_((OfferStatus.OFFERED, OfferStatus.ACCEPTED)),
                or_(Offer.worker_id == conflict.worker_id, Offer.organisation_id == conflict.organisation_id),
            )
            .order_by(Offer.offered_at.desc(), Offer.id)
            .limit(200)
        )
        if conflict.person_id is not None:
            question = question.where(Referral.person_id == conflict.person_id)
        return (await self.db.execute(question)).all()


class DecisionRepository(Repository[Offer]):
    """What brokers decided on proposals."""

    model_type = Offer

    async def since(
        self, council_id: UUID, since: datetime
    ) -> Sequence[Row[datetime, UUID, bool, str, str, int | None]]:
        """Return decisions as (at, by_user_id, is_followed, reason, reference, rank), the latest first.

        An offer follows the proposal when it went to the first of the ranking, or confirmed what a waiting-list run
        proposed. A proposal that was rejected, or whose referral went to somebody else, was not followed. Nobody was
        chosen by a rejection, so it has no rank.
        """
        offered = (
            select(
                Offer.offered_at.label("at"),
                Offer.decided_by_user_id.label("by_user_id"),
                or_(Offer.rank == 1, Offer.proposal_id.is_not(None)).label("is_followed"),
                Offer.override_reason.label("reason"),
                Referral.reference.label("reference"),
                Offer.rank.label("rank"),
            )
            .join(Referral, Referral.id == Offer.referral_id)
            .where(Offer.council_id == council_id, Offer.offered_at >= since)
        )
        rejected = (
            select(
                Proposal.decided_at,
                Proposal.decided_by_user_id,
                literal(value=False),
                Proposal.why,
                Referral.reference,
                cast(null(), Integer),
            )
            .join(Referral, Referral.id == Proposal.referral_id)
            .where(
                Proposal.council_id == council_id,
                Proposal.status == ProposalStatus.REJECTED,
                Proposal.decided_at >= since,
            )
        )
        question: CompoundSelect[Any] = union_all(offered, rejected)
        rows: Sequence[Row[datetime, UUID, bool, str, str, int | None]] = (
            await self.db.execute(question.order_by(literal_column("1").desc()).limit(20_000))
        ).all()
        return rows
