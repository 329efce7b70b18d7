"""Steps of a version that a planner and a person take alike: the next draft of a signed plan, and sending one in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.core.errors import Conflict
from marketplace.plans.models import PlanVersion
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.sections import SectionRepository
from marketplace.plans.states import PLAN, PlanStatus


async def next_version(
    db: AsyncSession, signed: PlanVersion, at: datetime, *, by: UUID | None, why: str
) -> PlanVersion:
    """Start the next version of a signed plan as a draft with the same content.

    Args:
        db: The transaction.
        signed: The plan's newest version, locked.
        at: When.
        by: The user who starts it; None: it follows from a review.
        why: The reason.

    Raises:
        Conflict: A newer version is already on its way.
    """
    if signed.status is not PlanStatus.SIGNED_OFF:
        raise Conflict("Another version of this plan is already on its way.")
    version = PlanVersion(
        council_id=signed.council_id,
        plan_id=signed.plan_id,
        number=signed.number + 1,
        status=PlanStatus.DRAFT,
        about_me=signed.about_me,
        good_days=signed.good_days,
        risks=signed.risks,
        money=signed.money,
        information_given=signed.information_given,
        updated_at=at,
    )
    db.add(version)
    await db.flush()
    for item in await PlanRepository(db).items(signed.id):
        values = item.to_dict(exclude={"id", "plan_version_id"})
        db.add(type(item)(**values, plan_version_id=version.id))
    await SectionRepository(db).copy(signed.id, version)
    PLAN.begin(db, version, by=by, why=why)
    return version


def send_to_check(db: AsyncSession, version: PlanVersion, at: datetime, *, by: UUID) -> bool:
    """Move a version into its quality check: from now on the council reads it (P3).

    Returns:
        Whether this version is sent in for the first time.
    """
    is_first = version.submitted_at is None
    PLAN.move(db, version, PlanStatus.IN_QUALITY_CHECK, by=by)
    version.submitted_at, version.submitted_by_user_id = at, by
    # The answers of an earlier round belong to that round: its steps keep who and when.
    version.checks = {}
    version.passed_on_at, version.passed_on_by_user_id, version.passed_on_why = None, None, ""
    version.checked_at = version.checked_by_user_id = None
    version.agreed_at = version.agreed_by_user_id = None
    return is_first
