"""Hearing the person: what they want is recorded, and a choice they name is followed (duty to hear, D14)."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.matching.models import HeardHow, Preference
from marketplace.matching.repository import PreferenceRepository, ReferralRepository
from marketplace.people import PeopleRepository
from marketplace.providers.repository.planners import PlannerRepository

HEARS = (
    Permission.REFERRALS_RECORD,
    Permission.REFERRALS_MATCH,
    Permission.REQUIREMENTS_WRITE,
    Permission.CONTESTS_ANSWER,
    Permission.CONTESTS_OWN,
)
"""Who may record what a person said: staff who work with them, and people for themselves."""


class PreferenceService:
    """What people said they want."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.preferences = PreferenceRepository(db)
        self.referrals = ReferralRepository(db)

    async def record(
        self,
        principal: Principal,
        *,
        person_id: UUID,
        referral_id: UUID | None = None,
        requirement_id: UUID | None = None,
        how: HeardHow,
        said: str,
        worker_id: UUID | None = None,
        organisation_id: UUID | None = None,
    ) -> Preference:
        """Record what a person said about a referral or a requirement; the newest record is the one that counts.

        For a referral, a planner they name becomes the choice that the ranking follows; a record that names nobody, or
        an organisation alone, takes back an earlier choice of a planner.

        Args:
            principal: Who heard them, or the person.
            person_id: Whose words.
            referral_id: About which referral; or
            requirement_id: about which requirement for care, whose caller has checked that it is the person's.
            how: How they were heard.
            said: Their words.
            worker_id: The planner they chose.
            organisation_id: The organisation they chose.

        Raises:
            Forbidden: The role hears nobody.
            NotFound: The referral is not the person's, or the planner is not known to the council.
            InvalidInput: Nothing was said.
        """
        if not any(principal.may(permission) for permission in HEARS):
            raise Forbidden(f"Your role ({principal.role_label.lower()}) does not include this.")
        if principal.person_id is not None and principal.person_id != person_id:
            raise NotFound
        if not said.strip():
            raise InvalidInput({"said": "Enter what they said, in their words"})
        council_id = principal.council_id
        await PeopleRepository(self.db).find(council_id, person_id)
        if worker_id is not None:
            organisation_id = await self._organisation_of(council_id, worker_id)
        row = Preference(
            council_id=council_id,
            person_id=person_id,
            referral_id=referral_id,
            requirement_id=requirement_id,
            how=how,
            said=said,
            worker_id=worker_id,
            organisation_id=organisation_id,
            heard_at=clock_of(self.db).now(),
            heard_by_user_id=principal.user_id,
        )
        if referral_id is not None:
            await self._follow(principal, referral_id, row)
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.record_preference",
            council_id=council_id,
            subject_kind="preference",
            subject_id=row.id,
            after={
                "referral_id": referral_id,
                "requirement_id": requirement_id,
                "how": how,
                "worker_id": worker_id,
                "organisation_id": organisation_id,
            },
        )
        return row

    async def latest(
        self, council_id: UUID, *, referral_id: UUID | None = None, requirement_id: UUID | None = None
    ) -> Preference | None:
        """Return what was said last about a referral or a requirement."""
        return await self.preferences.latest(council_id, referral_id=referral_id, requirement_id=requirement_id)

    async def _organisation_of(self, council_id: UUID, worker_id: UUID) -> UUID:
        """Return the organisation of a planner whom the council knows.

        Raises:
            NotFound: It knows no such planner.
        """
        known = await PlannerRepository(self.db).of_council(council_id, today(clock_of(self.db)))
        for row in known:
            if row[0].id == worker_id:
                return row[1].id
        raise NotFound

    async def _follow(self, principal: Principal, referral_id: UUID, said: Preference) -> None:
        """Make a named choice the referral's, with an audit row of its own."""
        referral = await self.referrals.find(said.council_id, referral_id, locked=True)
        if referral.person_id != said.person_id:
            raise NotFound
        before = referral.chosen_worker_id
        if before == said.worker_id:
            return
        referral.chosen_worker_id = said.worker_id
        audit.record(
            self.db,
            principal,
            "matching.follow_choice",
            council_id=referral.council_id,
            subject_kind="referral",
            subject_id=referral.id,
            before={"chosen_worker_id": before},
            after={"chosen_worker_id": said.worker_id},
        )
