"""What bills and payment runs have in common: whose they are, and the log."""

from datetime import datetime
from uuid import UUID

from marketplace.accounts.permissions import Role
from marketplace.reporting.demo.world import Council, World


class MoneyTeller:
    """Writes some of the money of one council."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council

    def _audit(self, action: str, kind: str, subject_id: UUID, at: datetime, user_id: UUID, role: Role) -> None:
        self.world.book.audit(self.council.id, at, action, kind, subject_id, (user_id, role.value))
