"""Councils and their dated settings, users, memberships, permissions, sessions and the audit log.

`Principal` is who asks; `Permission` is what may be done; `audit.record` writes who changed what; `setting` reads a
council's dated configuration.
"""

from marketplace.accounts import audit
from marketplace.accounts.council_settings import set_setting, setting, settings_of
from marketplace.accounts.permissions import GRANTS, ROLE_LABELS, Permission, Role
from marketplace.accounts.principal import Principal
from marketplace.accounts.repository import AccountRepository
from marketplace.accounts.service import AccountService

__all__ = [
    "GRANTS",
    "ROLE_LABELS",
    "AccountRepository",
    "AccountService",
    "Permission",
    "Principal",
    "Role",
    "audit",
    "set_setting",
    "setting",
    "settings_of",
]
