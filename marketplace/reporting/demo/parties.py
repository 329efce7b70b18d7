"""Both sides of the demo's bills, written as the platform writes them when a bill is made."""

from typing import Any
from uuid import UUID

from marketplace.accounts.council_settings import DEFAULTS
from marketplace.accounts.models import Council as CouncilRow
from marketplace.accounts.models import CouncilSetting
from marketplace.payments.service.documents import parties
from marketplace.providers.models import Organisation
from marketplace.reporting.demo.world import Council, World

DETAILS = "payments.council_details"


def bill_parties(world: World, council: Council, organisation_id: UUID) -> dict[str, Any]:
    """Return supplier and buyer of a bill, to be kept with it."""
    book = world.book
    buyer = next(row for row in book.of(CouncilRow) if row["id"] == council.id)
    supplier = next(row for row in book.of(Organisation) if row["id"] == organisation_id)
    settings = [row for row in book.of(CouncilSetting) if row["council_id"] == council.id and row["key"] == DETAILS]
    details = settings[-1]["value"]["value"] if settings else DEFAULTS[DETAILS]
    # Rows that never meet the database: the document asks for their columns alone.
    return parties(CouncilRow(**buyer), Organisation(**supplier), details)
