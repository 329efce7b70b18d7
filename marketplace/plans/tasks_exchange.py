"""Taking the rows of a file that was handed over, in the background."""

import io
from typing import Final
from uuid import UUID

from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import task
from marketplace.plans.events_exchange import ExchangeAsked
from marketplace.plans.exchange_reading import read_rows
from marketplace.plans.repository.exchange import ExchangeRepository
from marketplace.plans.service.exchange import ExchangeService

BATCH: Final = 50
"""Rows in one transaction: the page shows how far it is, and what was taken stays taken."""


@task("plans.take_exchange", on=ExchangeAsked)
async def take_exchange(message_id: UUID, event: ExchangeAsked) -> None:
    """Take all rows, some at a time. Claims nothing: the run knows how far it is, and goes on from there."""
    async with transaction(session_maker(), [event.council_id]) as db:
        content = await ExchangeRepository(db).content(event.council_id, event.run_id)
    if content is None:
        return  # All of it was taken.
    given = read_rows(io.BytesIO(content), content)
    is_left = True
    while is_left:
        async with transaction(session_maker(), [event.council_id]) as db:
            is_left = await ExchangeService(db).go_on(event.run_id, event.council_id, given, BATCH)
