"""Claims: a supplier says that something happened which the platform cannot see; the council agrees or not."""

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import pounds, uk_date
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments.errors import OwnClaim
from marketplace.payments.events import TariffClaimAsked, TariffClaimDecided
from marketplace.payments.models import AccrualKind, TariffClaim, TariffEvent
from marketplace.payments.repository.claims import ClaimRepository
from marketplace.payments.repository.earning_facts import EarningFacts
from marketplace.payments.repository.tariffs import SERVICE_OF
from marketplace.payments.rules import StageAt, Words
from marketplace.payments.service.accruals import Priced, priced
from marketplace.payments.service.earning import Earning, earn, reference
from marketplace.payments.states import CLAIM, ClaimStatus
from marketplace.payments.tariff_forms import EVENT_LABELS, ClaimForm

ENDED = (TariffEvent.ABANDONED, TariffEvent.DECEASED)
LATEST_CLAIM = timedelta(days=366)


class Offer(msgspec.Struct, frozen=True):
    """What a claim would earn if it were agreed."""

    pence: int
    """0: no price covers it, or it was paid before; or what the supplier asks for, of a grant."""
    lines: tuple[Words, ...]
    words: str = ""
    """Why nothing is earned, or what a grant may be at most."""
    most_pence: int | None = None
    """Of grants: the most that one may be."""
    tariff_id: UUID | None = None


class ClaimService:
    """The verbs of claims."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.claims = ClaimRepository(db)
        self.facts = EarningFacts(db)

    async def ask(self, principal: Principal, form: ClaimForm) -> TariffClaim:
        """Claim a tariff for the own organisation.

        Raises:
            Forbidden: The role may not.
            InvalidInput: The day or the plan do not fit what is claimed, or it was claimed before.
            NotFound: Somebody else's plan.
        """
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        now = today(self.clock)
        if form.happened_on > now:
            raise InvalidInput({"happened_on": "The day must be today or in the past"})
        if form.happened_on < now - LATEST_CLAIM:
            raise InvalidInput({"happened_on": "The day must not be more than a year ago"})
        council_id, person_id = form.council_id, None
        if form.event is not TariffEvent.GRANT:
            council_id, person_id = await self._check_plan(principal, organisation_id, form)
        if council_id is None or council_id not in principal.councils:
            raise NotFound
        claim = TariffClaim(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            plan_id=form.plan_id,
            person_id=person_id,
            event=form.event,
            happened_on=form.happened_on,
            minutes=form.minutes,
            note=form.note,
            amount_pence=form.amount_pence,
            status=ClaimStatus.ASKED,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
        )
        self.db.add(claim)
        await self.db.flush()
        CLAIM.begin(self.db, claim, by=principal.user_id)
        after = {"event": claim.event, "happened_on": claim.happened_on, "amount_pence": claim.amount_pence}
        self._record(principal, "payments.ask_claim", claim, after)
        outbox.publish(
            self.db, TariffClaimAsked(council_id=council_id, claim_id=claim.id, organisation_id=organisation_id)
        )
        return claim

    async def offer(self, claim: TariffClaim) -> Offer:
        """Work out what a claim would earn, by the rule of the day on which it happened."""
        if claim.event is TariffEvent.PLAN_IMPLEMENTED and claim.plan_id is not None:
            return await self._implemented(claim)
        case = await self.facts.newest_case(claim.council_id, claim.plan_id) if claim.plan_id else None
        found = await priced(
            self.db,
            claim.council_id,
            claim.organisation_id,
            claim.event,
            claim.happened_on,
            minutes=claim.minutes,
            case=case,
        )
        if found is None:
            return Offer(0, (), f"No price covers this on {uk_date(claim.happened_on)}")
        if claim.event is TariffEvent.GRANT:
            asked = claim.amount_pence or 0
            lines = (Words("Grant", asked),)
            return Offer(asked, lines, f"At most {pounds(found.pence)}", found.pence, found.tariff.id)
        before = await self.facts.earned_before(case.version_id, case.plan_id) if case else 0
        return _rest(found, found.pence, before)

    async def decide(
        self, principal: Principal, claim_id: UUID, *, agree: bool, reason: str, amount_pence: int | None = None
    ) -> TariffClaim:
        """Agree to a claim, which earns it in the same transaction, or refuse it with a reason.

        Raises:
            InvalidInput: No reason for a refusal; no price covers it; a grant above the most.
            OwnClaim: Nobody decides what they asked for.
            StepRefused: It was decided before.
        """
        principal.require(Permission.CLAIMS_DECIDE)
        claim = await self.claims.find(principal.council_id, claim_id, locked=True)
        if claim.asked_by_user_id == principal.user_id:
            raise OwnClaim
        if not agree and not reason:
            raise InvalidInput({"reason": "Enter why you refuse the claim"})
        CLAIM.move(
            self.db,
            claim,
            ClaimStatus.AGREED if agree else ClaimStatus.REFUSED,
            by=principal.user_id,
            why=reason,
        )
        claim.decided_by_user_id, claim.decided_at, claim.reason = principal.user_id, self.clock.now(), reason
        before = {"amount_pence": claim.amount_pence}
        if agree:
            await self._earn(claim, amount_pence)
        await self.db.flush()
        after = {"status": claim.status, "amount_pence": claim.amount_pence}
        self._record(principal, "payments.decide_claim", claim, after, before, reason)
        outbox.publish(
            self.db,
            TariffClaimDecided(
                council_id=claim.council_id,
                claim_id=claim.id,
                organisation_id=claim.organisation_id,
                is_agreed=agree,
            ),
        )
        return claim

    async def _earn(self, claim: TariffClaim, amount_pence: int | None) -> None:
        offer = await self.offer(claim)
        pence, lines = offer.pence, offer.lines
        if claim.event is TariffEvent.GRANT and offer.tariff_id is not None:
            pence = amount_pence or pence
            if offer.most_pence is not None and pence > offer.most_pence:
                raise InvalidInput({"amount": f"The grant must be {pounds(offer.most_pence)} or less"})
            claim.amount_pence, lines = pence, (Words("Grant", pence),)
        if offer.tariff_id is None or pence < 1:
            raise InvalidInput({"decision": f"{offer.words}, so it cannot be agreed"})
        await earn(
            self.db,
            Earning(
                council_id=claim.council_id,
                organisation_id=claim.organisation_id,
                kind=AccrualKind.CLAIM,
                source_id=claim.id,
                description=f"{EVENT_LABELS[claim.event]}, {uk_date(claim.happened_on)}, {reference(claim.id)}",
                amount_pence=pence,
                working=lines,
                spend=Purpose.GRANT_SPEND if claim.event is TariffEvent.GRANT else Purpose.PLAN_SPEND,
                tariff_id=offer.tariff_id,
                minutes=claim.minutes or None,
                person_id=claim.person_id,
                service_line=SERVICE_OF[claim.event],
                earned_on=claim.happened_on,
            ),
        )

    async def _implemented(self, claim: TariffClaim) -> Offer:
        """Price help to put a plan into practice: the plan's own last stage, else a price of its own (D11)."""
        done = await self.facts.completed_case(claim.council_id, claim.plan_id) if claim.plan_id else None
        if done is None:
            return Offer(0, (), "The plan is not signed off")
        case, completed_on = done
        asked = (self.db, claim.council_id, claim.organisation_id)
        event = TariffEvent.PLAN_COMPLETED
        if case.number > 1 and await priced(*asked, TariffEvent.REPLAN, completed_on):
            event = TariffEvent.REPLAN
        # The stage belongs to the plan's fee, which goes by the day of completion; help without a stage by its own day.
        plan = await priced(*asked, event, completed_on, minutes=case.visit_minutes, case=case)
        if plan is not None and StageAt.IMPLEMENTED in plan.price.shares(plan.pence):
            return _rest(plan, plan.pence, await self.facts.earned_before(case.version_id, case.plan_id))
        own = await priced(*asked, claim.event, claim.happened_on, minutes=claim.minutes, case=case)
        if own is None:
            return Offer(0, (), f"No price covers this on {uk_date(claim.happened_on)}")
        return Offer(own.pence, own.lines, tariff_id=own.tariff.id)

    async def _check_plan(self, principal: Principal, organisation_id: UUID, form: ClaimForm) -> tuple[UUID, UUID]:
        if form.plan_id is None:
            raise InvalidInput({"plan": "Select a plan"})
        plan = await self.claims.plan(form.plan_id, organisation_id, principal.councils)
        if plan is None or (principal.worker_id is not None and plan.worker_id != principal.worker_id):
            raise NotFound
        done = await self.facts.completed_case(plan.council_id, plan.id)
        if form.event is TariffEvent.PLAN_IMPLEMENTED:
            if done is None:
                raise InvalidInput({"plan": "Select a plan that is signed off: this one is not yet"})
            if form.happened_on < done[1]:
                raise InvalidInput(
                    {"happened_on": f"The day must be {uk_date(done[1])} or later, when it was signed off"}
                )
            if await self.claims.open_for(plan.id, (form.event,), done[1]):
                raise InvalidInput({"plan": "This was claimed for the plan before"})
            return plan.council_id, plan.person_id
        if done is not None:
            raise InvalidInput({"plan": "Select a plan that was never signed off: this one was, and earned its fee"})
        if await self.claims.open_for(plan.id, ENDED):
            raise InvalidInput({"plan": "The end of this plan was claimed before"})
        return plan.council_id, plan.person_id

    def _record(
        self,
        principal: Principal,
        action: str,
        claim: TariffClaim,
        after: Mapping[str, object],
        before: Mapping[str, object] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=claim.council_id,
            subject_kind="tariff_claim",
            subject_id=claim.id,
            before=dict(before) if before else None,
            after=dict(after),
            why=why,
        )


def _rest(found: Priced, due: int, before: int) -> Offer:
    """Return what is left of a fee once what was earned before is taken off."""
    if due <= before:
        return Offer(0, (), f"{pounds(before)} was earned for this plan before, which is all of it")
    lines = (*found.lines, Words("Earned before", -before)) if before else found.lines
    return Offer(due - before, lines, tariff_id=found.tariff.id)
