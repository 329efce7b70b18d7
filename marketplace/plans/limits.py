"""Up to what cost a role signs plans off by itself: the rule, without the database (D16, D19)."""

from collections.abc import Iterable, Mapping
from datetime import date
from enum import StrEnum

import msgspec

from marketplace.accounts.permissions import GRANTS, Permission, Role
from marketplace.plans.models import ApprovalLimit

SIGNING_ROLES: tuple[Role, ...] = tuple(role for role in Role if Permission.PLANS_SIGN_OFF in GRANTS[role])
"""Who signs plans off."""
LAST_ROLE = Role.MANAGER
"""Nobody stands above: what others pass on ends here, so no limit binds this role."""


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What a role signs off by itself, pence a week."""

    weekly_pence: int | None
    """Whole cost of the plan; None: any."""
    over_budget_pence: int | None
    """Beyond the budget; None: any."""


UNLIMITED = Limit(weekly_pence=None, over_budget_pence=None)
BY_DEFAULT = Limit(weekly_pence=None, over_budget_pence=0)
"""Where a council set nothing: any plan within its budget, as close to the person as possible (D19)."""


class Beyond(StrEnum):
    """Why a plan is beyond a limit."""

    COST = "cost"
    """It costs more a week than the role signs off."""
    BUDGET = "budget"
    """It goes further over the budget than the role may let it."""


def limits_on(rows: Iterable[ApprovalLimit], on: date) -> dict[Role, Limit]:
    """Return what counts for each signing role on a day, from a council's dated rows."""
    found: Mapping[Role, Limit] = {
        row.role: Limit(weekly_pence=row.weekly_pence, over_budget_pence=row.over_budget_pence)
        for row in sorted(rows, key=lambda one: one.starts_on)
        if row.starts_on <= on
    }
    return {role: UNLIMITED if role is LAST_ROLE else found.get(role, BY_DEFAULT) for role in SIGNING_ROLES}


def beyond(limit: Limit, weekly_pence: int, budget_pence: int) -> tuple[Beyond, ...]:
    """Say which limits a plan is beyond; empty when the role may sign it off.

    Args:
        limit: What the role may do.
        weekly_pence: What the plan costs a week.
        budget_pence: What it may cost: the indicative budget, or more that was agreed.
    """
    found = []
    if limit.weekly_pence is not None and weekly_pence > limit.weekly_pence:
        found.append(Beyond.COST)
    if limit.over_budget_pence is not None and weekly_pence - budget_pence > limit.over_budget_pence:
        found.append(Beyond.BUDGET)
    return tuple(found)
