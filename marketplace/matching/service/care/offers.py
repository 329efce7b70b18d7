"""Offers of providers for anonymised requirements: the inbox, the offer, saying no, taking it back (V7, V8)."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, settings_of
from marketplace.accounts.law import least_wage
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds, uk_date, uk_deadline
from marketplace.matching.care.legal_cost import CostRules, LegalCost, legal_cost
from marketplace.matching.care.week import weekly_price
from marketplace.matching.errors_care import (
    CareNotAccredited,
    OfferTooLate,
    RequirementChanged,
    RequirementNotOpen,
)
from marketplace.matching.events import RequirementOfferMade
from marketplace.matching.forms_offers import CareDeclineForm, CareOfferForm
from marketplace.matching.models import (
    OfferedVisit,
    Requirement,
    RequirementInvitation,
    RequirementOffer,
    RequirementVisit,
)
from marketplace.matching.repository.care import (
    LIVE_OFFERS,
    CareOfferRepository,
    InvitationRepository,
    RequirementRepository,
)
from marketplace.matching.service.care.requirements import RequirementService
from marketplace.matching.states import REQUIREMENT_OFFER, RequirementOfferStatus, RequirementStatus
from marketplace.people import PeopleRepository
from marketplace.people.models import Person
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.service.reach import reach_council, reach_every_council


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What an organisation was asked, and its answer."""

    invitation: RequirementInvitation
    requirement: Requirement
    visits: Sequence[RequirementVisit]
    person: Person
    """For leaving out what identifies them, and for the winner's page. Never handed to a template as it is."""
    offer: RequirementOffer | None
    """The newest; it may have ended."""
    offered_visits: set[UUID]
    """Empty: all visits."""

    @property
    def live_offer(self) -> RequirementOffer | None:
        """The offer, if it stands."""
        return self.offer if self.offer is not None and self.offer.status in LIVE_OFFERS else None

    @property
    def is_this_round(self) -> bool:
        """Whether the organisation was asked in the round that runs."""
        return self.invitation.round == self.requirement.round


async def cost_rules(db: AsyncSession, council_id: UUID, on: date) -> CostRules:
    """Return what counts on a day for the least lawful price: the wage changes each April."""
    settings = await settings_of(db, council_id, on)
    return CostRules(
        wage_pence=await least_wage(db, council_id, on),
        employer_percent=int(settings["matching.employer_cost_percent"]),
        travel_minutes=int(settings["matching.travel_minutes_per_visit"]),
    )


class CareOfferService:
    """The organisation's side of requirements. Somebody else's looks like none."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.requirements = RequirementRepository(db)
        self.invitations = InvitationRepository(db)
        self.offers = CareOfferRepository(db)

    async def asked(self, principal: Principal, requirement_id: UUID, *, locked: bool = False) -> Asked:
        """Return what the user's organisation was asked, in whatever council.

        Raises:
            NotFound: It was not asked.
        """
        principal.require(Permission.REQUIREMENTS_ANSWER)
        organisation_id = principal.need_organisation()
        await reach_every_council(self.db)
        invitation = await self.invitations.own(organisation_id, requirement_id)
        await reach_council(self.db, principal, invitation.council_id)
        # The requirement is locked before its offer, as everywhere.
        requirement = await self.requirements.find(invitation.council_id, requirement_id, locked=locked)
        if locked:
            await self.db.refresh(invitation)
        offer = await self.offers.own(organisation_id, requirement_id, locked=locked)
        return Asked(
            invitation=invitation,
            requirement=requirement,
            visits=await self.requirements.visits(requirement.council_id, requirement.id),
            person=await PeopleRepository(self.db).find(requirement.council_id, requirement.person_id),
            offer=offer,
            offered_visits=(await self.offers.visit_ids([offer.id])).get(offer.id, set()) if offer else set(),
        )

    async def mark_seen(self, asked: Asked) -> None:
        """Note that somebody of the organisation looked at it, once a round."""
        if asked.invitation.seen_at is None:
            asked.invitation.seen_at = self.clock.now()
            await self.db.flush()

    def is_open(self, asked: Asked) -> bool:
        """Whether an answer counts now."""
        row = asked.requirement
        return (
            row.status is RequirementStatus.OPEN
            and asked.is_this_round
            and row.answer_by is not None
            and self.clock.now() < row.answer_by
        )

    async def cost(self, asked: Asked, visit_ids: Sequence[UUID], starts_on: date) -> LegalCost:
        """Work out the least lawful price of the visits offered; none named are all.

        The wage of the day on which the care would start counts: that is what its workers must be paid.
        """
        on = max(starts_on, today(self.clock))
        return legal_cost(_chosen(asked, visit_ids), await cost_rules(self.db, asked.requirement.council_id, on))

    def price(self, asked: Asked, form: CareOfferForm) -> int:
        """Price of the week of the visits offered, in pence."""
        return weekly_price(form.rate_pence, _chosen(asked, form.visit_ids))

    async def send(self, principal: Principal, requirement_id: UUID, form: CareOfferForm) -> RequirementOffer:
        """Send an offer, or change it while the clock runs.

        Raises:
            NotFound: The organisation was not asked.
            OfferTooLate: The clock has ended.
            RequirementNotOpen: Offers are not wanted any more.
            RequirementChanged: A colleague changed the offer since the form was drawn.
            CareNotAccredited: Its accreditation does not count on the day it would start (invariant 6).
            InvalidInput: Below the least lawful price without a reason.
        """
        asked = await self.asked(principal, requirement_id, locked=True)
        self._need_open(asked)
        row, before = asked.requirement, asked.live_offer
        if before is not None and before.version != form.version:
            raise RequirementChanged("Somebody of your organisation changed the offer. Look at it again.")
        await self._need_accreditation(asked, form)
        cost, price = await self.cost(asked, form.visit_ids, form.starts_on), self.price(asked, form)
        is_below = price < cost.total_pence
        if is_below and not form.below_cost_reason:
            raise InvalidInput(
                {
                    "below_cost_reason": f"{pounds(price)} is below the least lawful price, "
                    f"{pounds(cost.total_pence)}. Say how it can be done, or change the price"
                }
            )
        values: dict[str, Any] = {
            "rate_pence": form.rate_pence,
            "weekly_pence": price,
            "starts_on": form.starts_on,
            "valid_until": form.valid_until,
            "outcomes_answer": form.outcomes_answer,
            "workers_answer": form.workers_answer,
            "worker_skills": form.worker_skills,
            "worker_interests": form.worker_interests,
            "legal_cost": cost.as_json(),
            "is_below_cost": is_below,
            "below_cost_reason": form.below_cost_reason if is_below else "",
            "submitted_at": self.clock.now(),
        }
        if before is None:
            offer = RequirementOffer(
                council_id=row.council_id,
                requirement_id=row.id,
                organisation_id=asked.invitation.organisation_id,
                status=RequirementOfferStatus.SUBMITTED,
                made_by_user_id=principal.user_id,
                made_at=self.clock.now(),
                **values,
            )
            self.db.add(offer)
            await self.db.flush()
            REQUIREMENT_OFFER.begin(self.db, offer, by=principal.user_id)
        else:
            offer = before
            for name, value in values.items():
                setattr(offer, name, value)
        await self._write_visits(asked, offer, form.visit_ids)
        # An offer takes back an earlier no.
        asked.invitation.declined_at, asked.invitation.decline_reason = None, ""
        await self.db.flush()
        action = "matching.send_care_offer" if before is None else "matching.change_care_offer"
        self._note(principal, action, offer, after={"rate_pence": offer.rate_pence, "weekly_pence": price})
        if before is None:
            outbox.publish(
                self.db,
                RequirementOfferMade(
                    council_id=row.council_id,
                    requirement_id=row.id,
                    offer_id=offer.id,
                    organisation_id=offer.organisation_id,
                ),
            )
        return offer

    async def withdraw(self, principal: Principal, requirement_id: UUID) -> RequirementOffer:
        """Take an offer back while the clock runs.

        Raises:
            RequirementNotOpen: There is no offer that stands.
        """
        asked = await self.asked(principal, requirement_id, locked=True)
        self._need_open(asked)
        if asked.live_offer is None:
            raise RequirementNotOpen("There is no offer of yours to take back.")
        return await self._take_back(principal, asked.live_offer)

    async def decline(self, principal: Principal, requirement_id: UUID, form: CareDeclineForm) -> None:
        """Say no, with a reason; an offer that was sent is taken back with it."""
        asked = await self.asked(principal, requirement_id, locked=True)
        self._need_open(asked)
        if asked.live_offer is not None:
            await self._take_back(principal, asked.live_offer)
        asked.invitation.declined_at, asked.invitation.decline_reason = self.clock.now(), form.reason
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.decline_requirement",
            council_id=asked.requirement.council_id,
            subject_kind="requirement",
            subject_id=asked.requirement.id,
            after={"organisation_id": asked.invitation.organisation_id},
            why=form.reason,
        )
        await RequirementService(self.db).close_if_all_declined(asked.requirement)

    async def _take_back(self, principal: Principal, offer: RequirementOffer) -> RequirementOffer:
        REQUIREMENT_OFFER.move(self.db, offer, RequirementOfferStatus.WITHDRAWN, by=principal.user_id)
        await self.db.flush()
        self._note(principal, "matching.withdraw_care_offer", offer)
        return offer

    def _need_open(self, asked: Asked) -> None:
        row = asked.requirement
        if row.answer_by is not None and self.clock.now() >= row.answer_by and asked.is_this_round:
            raise OfferTooLate(f"It ended on {uk_deadline(row.answer_by)}.")
        if not self.is_open(asked):
            raise RequirementNotOpen("The council does not ask for offers any more.")

    async def _need_accreditation(self, asked: Asked, form: CareOfferForm) -> None:
        row = asked.requirement
        on = today(self.clock)
        live = await AccreditationRepository(self.db).is_live(
            asked.invitation.organisation_id, row.council_id, row.service_line, form.starts_on, on
        )
        if not live:
            raise CareNotAccredited(
                f"Your organisation’s accreditation does not count on {uk_date(form.starts_on)}. "
                "Look at your standing, or ask the council."
            )

    async def _write_visits(self, asked: Asked, offer: RequirementOffer, visit_ids: Sequence[UUID]) -> None:
        if set(visit_ids) == asked.offered_visits and offer is asked.offer:
            return
        await self.offers.clear_visits(offer.id)
        for visit_id in visit_ids:
            self.db.add(OfferedVisit(council_id=offer.council_id, offer_id=offer.id, visit_id=visit_id))

    def _note(
        self, principal: Principal, action: str, offer: RequirementOffer, *, after: dict[str, Any] | None = None
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=offer.council_id,
            subject_kind="requirement_offer",
            subject_id=offer.id,
            after={"status": offer.status, **(after or {})},
        )


def _chosen(asked: Asked, visit_ids: Sequence[UUID]) -> list[RequirementVisit]:
    wanted = set(visit_ids)
    return [visit for visit in asked.visits if not wanted or visit.id in wanted]
