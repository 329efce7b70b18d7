"""Contesting a decision: the person says what is wrong, somebody who did not decide looks again (UK GDPR 22A-22D)."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, broken_constraint
from marketplace.matching.errors import ContestClosed, ContestOpen, NothingToContest, OwnDecision
from marketplace.matching.events import ContestAnswered, ContestMade
from marketplace.matching.forms import AnswerForm, ContestForm
from marketplace.matching.models import Contest, HeardHow, Offer, Referral, RequirementAward
from marketplace.matching.repository import ContestRepository, OfferRepository, ReferralRepository
from marketplace.matching.repository.care import AwardRepository, RequirementRepository
from marketplace.matching.service.care.taking_back import TakingBackService
from marketplace.matching.service.offers import OfferService
from marketplace.matching.service.preferences import PreferenceService
from marketplace.matching.states import CONTEST, ContestStatus, OfferStatus

CONTESTABLE = (OfferStatus.OFFERED, OfferStatus.ACCEPTED)


class ContestService:
    """Contests of decisions about who plans, and who brings care."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.contests = ContestRepository(db)
        self.referrals = ReferralRepository(db)

    async def make(self, principal: Principal, referral_id: UUID, form: ContestForm) -> Contest:
        """Contest who was asked to plan. A planner the person names instead is recorded as their choice at once.

        The answer is due within the council's number of days (`matching.contest_days`).

        Raises:
            NotFound: The referral is not the person's.
            NothingToContest: Nobody has been asked yet.
            ContestOpen: One waits for its answer already.
        """
        principal.require(Permission.CONTESTS_OWN)
        person_id = principal.need_person()
        referral = await self._own(principal, referral_id)
        offer = await self._decision(referral)
        if offer is None:
            raise NothingToContest("The council has not asked anybody yet. Tell it whom you want.")
        if form.worker_id is not None:
            how = HeardHow.REPRESENTATIVE if principal.acting_for else HeardHow.ONLINE
            await PreferenceService(self.db).record(
                principal,
                person_id=person_id,
                referral_id=referral.id,
                how=how,
                said=form.said,
                worker_id=form.worker_id,
            )
        return await self._add(principal, form, referral_id=referral.id, offer_id=offer.id)

    async def make_about_care(self, principal: Principal, requirement_id: UUID, form: ContestForm) -> Contest:
        """Contest who was awarded one's care.

        Raises:
            NotFound: The requirement is not the person's.
            NothingToContest: Nothing is awarded.
            ContestOpen: One waits for its answer already.
        """
        principal.require(Permission.CONTESTS_OWN)
        person_id = principal.need_person()
        requirement = await RequirementRepository(self.db).find(principal.council_id, requirement_id, locked=True)
        if requirement.person_id != person_id:
            raise NotFound
        if not await AwardRepository(self.db).of_requirement(requirement.council_id, requirement.id):
            raise NothingToContest("Nobody has been chosen to bring your care yet.")
        return await self._add(principal, form, requirement_id=requirement.id)

    async def _add(
        self,
        principal: Principal,
        form: ContestForm,
        *,
        referral_id: UUID | None = None,
        requirement_id: UUID | None = None,
        offer_id: UUID | None = None,
    ) -> Contest:
        """Write a contest. What it is about is locked, and the person's."""
        on, council_id = today(clock_of(self.db)), principal.council_id
        days = int(await setting(self.db, council_id, "matching.contest_days", on))
        contest = Contest(
            council_id=council_id,
            person_id=principal.need_person(),
            referral_id=referral_id,
            requirement_id=requirement_id,
            offer_id=offer_id,
            status=ContestStatus.OPEN,
            said=form.said,
            wants=form.wants,
            made_by_user_id=principal.user_id,
            made_at=clock_of(self.db).now(),
            answer_by=on + timedelta(days=days),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(contest)
        except IntegrityError as error:
            if broken_constraint(error) not in ("uq_contests_open_referral", "uq_contests_open_requirement"):
                raise
            raise ContestOpen("You get an answer to what you said first.") from error
        CONTEST.begin(self.db, contest, by=principal.user_id)
        self._note(principal, "matching.make_contest", contest)
        outbox.publish(
            self.db, ContestMade(council_id=contest.council_id, contest_id=contest.id, person_id=contest.person_id)
        )
        return contest

    async def withdraw(self, principal: Principal, contest_id: UUID) -> Contest:
        """Take one's contest back.

        Raises:
            NotFound: It is somebody else's.
            ContestClosed: It was answered.
        """
        principal.require(Permission.CONTESTS_OWN)
        contest = await self.contests.find(principal.council_id, contest_id, locked=True)
        if contest.person_id != principal.need_person():
            raise NotFound
        if contest.status is not ContestStatus.OPEN:
            raise ContestClosed
        CONTEST.move(self.db, contest, ContestStatus.WITHDRAWN, by=principal.user_id)
        self._note(principal, "matching.withdraw_contest", contest)
        return contest

    async def answer(self, principal: Principal, contest_id: UUID, form: AnswerForm) -> Contest:
        """Answer a contest: keep the decision with reasons, or take it back so that it is made again.

        When it is upheld, the offer is taken back, an accepted one is handed back, and the referral waits again with
        what the person wants on record.

        Raises:
            ContestClosed: It was answered or taken back.
            OwnDecision: Who decided answers.
            AlreadyPlanned: The plan is signed off, so the decision cannot be taken again.
        """
        principal.require(Permission.CONTESTS_ANSWER)
        seen = await self.contests.find(principal.council_id, contest_id)
        if seen.referral_id is not None:
            # Parent before child: the referral is locked first, as in every other change of an offer.
            await self.referrals.find(principal.council_id, seen.referral_id, locked=True)
        if seen.requirement_id is not None:
            await RequirementRepository(self.db).find(principal.council_id, seen.requirement_id, locked=True)
        contest = await self.contests.find(principal.council_id, contest_id, locked=True)
        if contest.status is not ContestStatus.OPEN or contest.version != form.version:
            raise ContestClosed("Somebody else answered it, or the person took it back.")
        offer = (
            await OfferRepository(self.db).find(contest.council_id, contest.offer_id, locked=True)
            if contest.offer_id
            else None
        )
        if offer is not None and offer.decided_by_user_id == principal.user_id:
            raise OwnDecision("You took the decision, so a colleague answers.")
        if principal.user_id in {award.awarded_by_user_id for award in await self.contested_awards(contest)}:
            raise OwnDecision("You awarded the care, so a colleague answers.")
        to = ContestStatus.UPHELD if form.is_upheld else ContestStatus.KEPT
        contest.answer = form.answer
        contest.answered_by_user_id = principal.user_id
        contest.answered_at = clock_of(self.db).now()
        CONTEST.move(self.db, contest, to, by=principal.user_id)
        if form.is_upheld and offer is not None and offer.status in CONTESTABLE:
            await OfferService(self.db).take_back(principal, offer.id, "The person contested it and was right")
        if form.is_upheld and contest.referral_id is not None:
            await self._keep_the_wish(principal, contest, contest.referral_id)
        if form.is_upheld and contest.requirement_id is not None:
            await TakingBackService(self.db).take_all_back(
                principal, contest.requirement_id, "The person contested it and was right"
            )
            await self._keep_the_wish_for_care(principal, contest, contest.requirement_id)
        self._note(principal, "matching.answer_contest", contest)
        outbox.publish(
            self.db,
            ContestAnswered(
                council_id=contest.council_id,
                contest_id=contest.id,
                person_id=contest.person_id,
                status=contest.status.value,
            ),
        )
        return contest

    async def contested_awards(self, contest: Contest) -> list[RequirementAward]:
        """Return the awards that were in force when a person contested them; none when it is about planning."""
        if contest.requirement_id is None:
            return []
        awards = await AwardRepository(self.db).of_requirement(
            contest.council_id, contest.requirement_id, in_force=False
        )
        return [
            award
            for award in awards
            if award.awarded_at <= contest.made_at
            and (award.taken_back_at is None or award.taken_back_at > contest.made_at)
        ]

    async def _keep_the_wish_for_care(self, principal: Principal, contest: Contest, requirement_id: UUID) -> None:
        """Record what the person wants instead beside the offers that stand."""
        if contest.wants:
            await PreferenceService(self.db).record(
                principal,
                person_id=contest.person_id,
                requirement_id=requirement_id,
                how=HeardHow.ONLINE,
                said=contest.wants,
            )

    async def _keep_the_wish(self, principal: Principal, contest: Contest, referral_id: UUID) -> None:
        """Record what the person wants, so that it stands beside the next shortlist; a named choice stays."""
        preferences = PreferenceService(self.db)
        latest = await preferences.latest(contest.council_id, referral_id=referral_id)
        if not contest.wants or (latest is not None and latest.heard_at >= contest.made_at):
            return
        referral = await self.referrals.find(contest.council_id, referral_id)
        await preferences.record(
            principal,
            person_id=contest.person_id,
            referral_id=referral_id,
            how=HeardHow.ONLINE,
            said=contest.wants,
            worker_id=referral.chosen_worker_id,
            organisation_id=latest.organisation_id if latest is not None else None,
        )

    async def _own(self, principal: Principal, referral_id: UUID) -> Referral:
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        if referral.person_id != principal.person_id:
            raise NotFound
        return referral

    async def _decision(self, referral: Referral) -> Offer | None:
        offers = await OfferRepository(self.db).of_referral(referral.council_id, referral.id)
        return next((offer for offer in offers if offer.status in CONTESTABLE), None)

    def _note(self, principal: Principal, action: str, contest: Contest) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=contest.council_id,
            subject_kind="contest",
            subject_id=contest.id,
            after={
                "status": contest.status,
                "referral_id": contest.referral_id,
                "requirement_id": contest.requirement_id,
                "offer_id": contest.offer_id,
            },
        )
