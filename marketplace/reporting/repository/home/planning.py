"""Questions about plans and their reviews."""

from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select

from marketplace.plans.models import Plan, PlanVersion, Review
from marketplace.plans.states import PlanStatus, ReviewStatus

OPEN_REVIEWS = (ReviewStatus.DUE, ReviewStatus.BOOKED)


def plans(status: PlanStatus, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count plans whose version is in a state."""
    return (
        select(func.count())
        .select_from(PlanVersion)
        .join(Plan, Plan.id == PlanVersion.plan_id)
        .where(PlanVersion.status == status, *conditions)
    )


def overdue_reviews(today: date, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews that were not held although their window is over."""
    return (
        select(func.count())
        .select_from(Review)
        .where(Review.status.in_(OPEN_REVIEWS), Review.window_ends_on < today, *conditions)
    )


def reviews_to_sign(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews that are written down and wait for a signature."""
    return select(func.count()).select_from(Review).where(Review.status == ReviewStatus.HELD, *conditions)


def reviews_to_book(today: date, until: date, *conditions: ColumnElement[bool]) -> Select[Any]:
    """Count reviews without a date that are due by a day."""
    return (
        select(func.count())
        .select_from(Review)
        .where(Review.status == ReviewStatus.DUE, Review.window_ends_on >= today, Review.due_on <= until, *conditions)
    )
