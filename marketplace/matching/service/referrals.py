"""Recording referrals, completing them, keeping them with the council, closing them."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.matching.errors import ReferralChanged, ReferralNotOpen
from marketplace.matching.events import ReferralRecorded
from marketplace.matching.forms import ReferralForm
from marketplace.matching.models import Complexity, Referral, Urgency
from marketplace.matching.repository import OfferRepository, ReferralRepository
from marketplace.matching.states import REFERRAL, ReferralStatus
from marketplace.people import PeopleRepository, may_plan_long_term
from marketplace.people.models import Person

CHANGEABLE = frozenset({ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.RETAINED})
"""States in which what was written may still change: nobody outside the council has seen it."""
CLOSABLE = CHANGEABLE | {ReferralStatus.SELF_PLANNED}


def missing_points(referral: Referral, person: Person) -> list[str]:
    """Say what a referral still needs before a planner can be found (K1, L9)."""
    points = []
    if not referral.wants:
        points.append("What the person wants, in their words")
    if not referral.person_informed:
        points.append("That the person knows what to expect and agrees that planners see the referral")
    if person.lat is None or person.lon is None:
        points.append("A postcode that the directory knows, so that distances can be measured")
    return points


class ReferralService:
    """Referrals of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.referrals = ReferralRepository(db)
        self.people = PeopleRepository(db)

    async def record(
        self, principal: Principal, person_id: UUID, form: ReferralForm, *, reference: str = ""
    ) -> Referral:
        """Record that somebody needs a plan.

        A complex case stays with the council at once where the council says so (L4, K2); one that lacks something waits
        as incomplete with the missing points listed (K1). So does one of somebody for whom nothing long-term may be
        planned yet (B1, B2), whatever else it says.

        Args:
            principal: Who records it.
            person_id: Who needs the plan.
            form: What is known.
            reference: Number of the council's case system; empty for one of our own series.

        Raises:
            NotFound: The person is not one of the council's.
        """
        principal.require(Permission.REFERRALS_RECORD)
        council_id, clock = principal.council_id, clock_of(self.db)
        person = await self.people.find(council_id, person_id)
        values = _values(form)
        values["previous_worker_id"] = form.previous_worker_id or await OfferRepository(self.db).previous_planner(
            council_id, person.id
        )
        referral = Referral(
            council_id=council_id,
            person_id=person.id,
            reference=reference or await self.referrals.next_reference(council_id, today(clock).year),
            received_at=clock.now(),
            due_on=await self._due_on(council_id, form.urgency, today(clock)),
            recorded_by_user_id=principal.user_id,
            **values,
        )
        referral.status = await self._fitting_status(referral, person)
        self.db.add(referral)
        await self.db.flush()
        REFERRAL.begin(self.db, referral, by=principal.user_id, why=referral.complexity_reason)
        self._note(principal, "matching.record_referral", referral, after={"status": referral.status})
        outbox.publish(self.db, ReferralRecorded(council_id=council_id, referral_id=referral.id))
        return referral

    async def update(self, principal: Principal, referral_id: UUID, form: ReferralForm) -> Referral:
        """Change or complete a referral that no planner has seen; it moves to the state that now fits.

        Raises:
            ReferralChanged: It was saved by somebody else since the form was drawn.
            ReferralNotOpen: It is with a planner, planned or closed.
        """
        principal.require(Permission.REFERRALS_RECORD)
        referral = await self._changeable(principal, referral_id)
        if referral.version != form.version:
            raise ReferralChanged("Open it again, look at what has changed, then make your change.")
        person = await self.people.find(principal.council_id, referral.person_id)
        changed = {name: value for name, value in _values(form).items() if getattr(referral, name) != value}
        for name, value in changed.items():
            setattr(referral, name, value)
        if "urgency" in changed:
            received_on = local(referral.received_at).date()
            referral.due_on = await self._due_on(principal.council_id, form.urgency, received_on)
        await self._settle(principal, referral, person)
        await self.db.flush()
        if changed:
            # Names of fields only: what they say is about a person, and the log outlives erasure.
            after = {"changed": sorted(changed), "status": referral.status}
            self._note(principal, "matching.update_referral", referral, after=after)
        return referral

    async def recheck(self, principal: Principal, referral_id: UUID) -> Referral:
        """Look again whether an incomplete referral has all it needs (the person's record was put right)."""
        principal.require(Permission.REFERRALS_RECORD)
        referral = await self._changeable(principal, referral_id)
        person = await self.people.find(principal.council_id, referral.person_id)
        await self._settle(principal, referral, person)
        await self.db.flush()
        self._note(principal, "matching.recheck_referral", referral, after={"status": referral.status})
        return referral

    async def keep(self, principal: Principal, referral_id: UUID, why: str) -> Referral:
        """Keep a waiting referral with a council worker (L4)."""
        principal.require(Permission.REFERRALS_MATCH)
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        REFERRAL.move(self.db, referral, ReferralStatus.RETAINED, by=principal.user_id, why=why)
        referral.complexity, referral.complexity_reason = Complexity.COMPLEX, why
        self._note(principal, "matching.keep_referral", referral, after={"status": referral.status}, why=why)
        return referral

    async def release(self, principal: Principal, referral_id: UUID, why: str) -> Referral:
        """Let the network take a referral that the council had kept."""
        principal.require(Permission.REFERRALS_MATCH)
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id, why=why)
        referral.complexity = Complexity.STANDARD
        person = await self.people.find(principal.council_id, referral.person_id)
        await self._settle(principal, referral, person)
        self._note(principal, "matching.release_referral", referral, after={"status": referral.status}, why=why)
        return referral

    async def close(self, principal: Principal, referral_id: UUID, why: str) -> Referral:
        """Close a referral that needs no planner any more: also one of a person who plans, and has moved or died.

        Raises:
            ReferralNotOpen: It is with a planner or planned.
        """
        principal.require(Permission.REFERRALS_RECORD)
        referral = await self._changeable(principal, referral_id, CLOSABLE)
        REFERRAL.move(self.db, referral, ReferralStatus.CLOSED, by=principal.user_id, why=why)
        referral.closed_reason = why
        self._note(principal, "matching.close_referral", referral, after={"status": referral.status}, why=why)
        return referral

    async def _changeable(
        self, principal: Principal, referral_id: UUID, states: frozenset[ReferralStatus] = CHANGEABLE
    ) -> Referral:
        referral = await self.referrals.find(principal.council_id, referral_id, locked=True)
        if referral.status not in states or (referral.status not in CHANGEABLE and referral.planned_at is not None):
            raise ReferralNotOpen("It is with a planner, planned or closed, so it cannot be changed here.")
        return referral

    async def _fitting_status(self, referral: Referral, person: Person) -> ReferralStatus:
        # Before all else: who keeps the case plans for the long term, too.
        if await may_plan_long_term(self.db, referral.council_id, person.id):
            return ReferralStatus.INCOMPLETE
        if referral.complexity is Complexity.COMPLEX:
            on = today(clock_of(self.db))
            if await setting(self.db, referral.council_id, "matching.retain_complex", on):
                return ReferralStatus.RETAINED
        return ReferralStatus.INCOMPLETE if missing_points(referral, person) else ReferralStatus.RECEIVED

    async def _settle(self, principal: Principal, referral: Referral, person: Person) -> None:
        """Move a referral to the state that fits what is written, by way of "received" where need be."""
        wanted = await self._fitting_status(referral, person)
        if wanted is referral.status:
            return
        if not REFERRAL.allows(referral.status, wanted):
            REFERRAL.move(self.db, referral, ReferralStatus.RECEIVED, by=principal.user_id)
        REFERRAL.move(self.db, referral, wanted, by=principal.user_id)

    async def _due_on(self, council_id: UUID, urgency: Urgency, received_on: date) -> date:
        """Day by which the plan is due (L7): the council's number of days for that urgency after the referral."""
        days: dict[str, int] = await setting(self.db, council_id, "matching.plan_days", received_on)
        return received_on + timedelta(days=int(days[urgency.value]))

    def _note(
        self,
        principal: Principal,
        action: str,
        referral: Referral,
        *,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=referral.council_id,
            subject_kind="referral",
            subject_id=referral.id,
            after=after,
            why=why,
        )


def _values(form: ReferralForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in form.__struct_fields__ if name != "version"}
