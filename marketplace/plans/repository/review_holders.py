"""Questions about who may hold reviews, and who did."""

from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, and_, or_, select

from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import GRANTS, Permission, Role
from marketplace.core.repository import Repository
from marketplace.plans.models import Review
from marketplace.providers.models import Worker

HOLDERS = tuple(role for role, granted in GRANTS.items() if Permission.REVIEWS_HOLD in granted)
"""Roles of the council that may hold reviews."""


class Choice(NamedTuple):
    """Somebody who may hold a review, as a form names them."""

    value: str
    """"worker:<id>" or "user:<id>"."""
    name: str
    role: Role


class HolderRepository(Repository[Review]):
    """Those who hold reviews."""

    model_type = Review

    async def last_facilitator(self, plan_id: UUID, on: date) -> UUID | None:
        """Return who of the council held the last review of a plan, if they still may (L16)."""
        may_hold = (
            select(Membership.id)
            .where(
                Membership.user_id == Review.facilitator_user_id,
                Membership.council_id == Review.council_id,
                Membership.role.in_(HOLDERS),
                _runs(Membership.starts_on, Membership.ends_on, on),
            )
            .correlate(Review)
            .exists()
        )
        question = (
            select(Review.facilitator_user_id)
            .where(Review.plan_id == plan_id, Review.held_on.is_not(None), Review.facilitator_user_id.is_not(None))
            .where(may_hold)
            .order_by(Review.held_on.desc())
            .limit(1)
        )
        return await self.db.scalar(question)

    async def may_hold(self, council_id: UUID, on: date) -> list[Choice]:
        """Return the planners and the council's people who may hold reviews on a day, by name."""
        rows = await self.db.execute(
            select(Membership.role, Membership.worker_id, User.id, User.name)
            .join(User, User.id == Membership.user_id)
            .outerjoin(Worker, Worker.id == Membership.worker_id)
            .where(
                Membership.council_id == council_id,
                User.is_active,
                _runs(Membership.starts_on, Membership.ends_on, on),
                or_(
                    Membership.role.in_(HOLDERS),
                    and_(Membership.role == Role.PLANNER, _runs(Worker.starts_on, Worker.ends_on, on)),
                ),
            )
            .order_by(User.name, User.id)
            .limit(500)
        )
        return [
            Choice(f"worker:{row[1]}" if row[0] is Role.PLANNER else f"user:{row[2]}", row[3], row[0]) for row in rows
        ]


def _runs(starts_on: Any, ends_on: Any, on: date) -> ColumnElement[bool]:
    return and_(starts_on <= on, or_(ends_on.is_(None), ends_on > on))
