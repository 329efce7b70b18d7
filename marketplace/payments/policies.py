"""Who may do what with payments beyond the permission of a route."""

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import Forbidden

FINANCE = (Permission.INVOICES_APPROVE, Permission.RUNS_MAKE, Permission.RUNS_RELEASE)


def is_finance(principal: Principal) -> bool:
    """Whether somebody works in the council's finance team (as opposed to those who may only read)."""
    return any(principal.may(permission) for permission in FINANCE)


def require_finance(principal: Principal) -> None:
    """Refuse everybody outside the finance team: bank details and payment files are theirs alone.

    Raises:
        Forbidden: The role reads bills at most.
    """
    if not is_finance(principal):
        raise Forbidden("Only the council’s finance team can do this.")
