"""Needs that the market did not meet: logged with a reason, which may be corrected."""

from collections import Counter
from uuid import UUID

from marketplace.accounts import Permission, Principal, audit
from marketplace.matching.care.week import quarters
from marketplace.matching.engine import Rule
from marketplace.matching.errors_care import RequirementNotOpen
from marketplace.matching.models import Requirement, UnmetReason, UnmetRequirement
from marketplace.matching.service.care.ranking import RankedProviders
from marketplace.matching.service.care.requirements.steps import RequirementSteps
from marketplace.matching.states import REQUIREMENT, RequirementStatus
from marketplace.matching.words_care import CARE_DECLINE_LABELS, CARE_DECLINE_REASONS

_UNMET_BY_RULE = {
    Rule.WITHIN_AREA.value: UnmetReason.TOO_FAR,
    Rule.HAS_CAPACITY.value: UnmetReason.NO_HOURS,
    Rule.REQUIRED_SKILL.value: UnmetReason.NO_SKILL,
    Rule.ESSENTIAL_LANGUAGE.value: UnmetReason.NO_LANGUAGE,
}


class UnmetNeeds(RequirementSteps):
    """What becomes of a requirement without offers."""

    async def explain_unmet(self, principal: Principal, requirement_id: UUID, reason: UnmetReason) -> UnmetRequirement:
        """Correct why a need was not met.

        Raises:
            NotFound: Nothing was logged, or it is another council's.
        """
        principal.require(Permission.REQUIREMENTS_WRITE)
        await self.requirements.find(principal.council_id, requirement_id, locked=True)
        row = await self.unmet.of_requirement(principal.council_id, requirement_id, locked=True)
        if row is None:
            raise RequirementNotOpen("Nothing is logged as not met.")
        before, row.reason = row.reason, reason
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.explain_unmet",
            council_id=row.council_id,
            subject_kind="unmet_requirement",
            subject_id=row.id,
            before={"reason": before},
            after={"reason": reason},
        )
        return row

    async def _move_unmet(self, row: Requirement, principal: Principal | None, why: str, reason: UnmetReason) -> None:
        by = principal.user_id if principal else None
        REQUIREMENT.move(self.db, row, RequirementStatus.NO_OFFERS, by=by, why=why)
        visits = await self.requirements.visits(row.council_id, row.id)
        taken = quarters(visits)
        person = await self.people.find(row.council_id, row.person_id)
        self.db.add(
            UnmetRequirement(
                council_id=row.council_id,
                requirement_id=row.id,
                round=row.round,
                service_line=row.service_line,
                outward=row.outward,
                lad_code=person.lad_code,
                bands=[f"{number // 5}-{number % 5}" for number in sorted(taken)],
                quarters=sum(taken.values()),
                reason=reason,
                logged_at=self.clock.now(),
            )
        )
        await self.db.flush()
        self._note(principal, "matching.log_unmet", row, after={"reason": reason, "round": row.round}, why=why)
        self._tell_closed(row)

    async def _why_unmet(self, row: Requirement) -> UnmetReason:
        """Return the reason most providers gave; without one, that nobody offered."""
        codes = {label: code for code, label in CARE_DECLINE_LABELS.items()}
        said = Counter(
            reason
            for item in await self._asked(row)
            if item.declined_at and (reason := CARE_DECLINE_REASONS.get(codes.get(_label(item.decline_reason), "")))
        )
        return max(said, key=lambda item: (said[item], item.value)) if said else UnmetReason.NO_OFFERS


def why_nobody(ranked: RankedProviders) -> UnmetReason:
    """Return what kept most of those who are known from being asked."""
    said = Counter(_UNMET_BY_RULE[item.code] for item in ranked.left_out if item.code in _UNMET_BY_RULE)
    return max(said, key=lambda item: (said[item], item.value)) if said else UnmetReason.NO_OFFERS


def _label(reason: str) -> str:
    return reason.split(":", 1)[0]
