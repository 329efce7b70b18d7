"""Reaching rows of a council that an organisation deals with but does not act in.

An organisation is shared by all councils. Somebody who speaks for it signs in to one council, and may apply to another:
the rows of that application belong to the other council. The wall of row-level security is opened here, after the
caller has made sure that the row is the organisation's own, and only for the rest of this transaction.
"""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.database import scope_to


async def reach_council(db: AsyncSession, principal: Principal, council_id: UUID) -> None:
    """Let the rest of the transaction touch rows of one more council. Every question must name the organisation."""
    await scope_to(db, {*principal.councils, council_id})


async def reach_every_council(db: AsyncSession) -> None:
    """Let the rest of the transaction touch rows of every council: for an organisation's own lists across councils.

    Every question asked after this must name the organisation.
    """
    await scope_to(db, "every")
