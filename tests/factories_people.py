"""Rows and steps for tests of who acts for an organisation."""

import re
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.providers.models import JoinRequest, JoinRequestStatus, Organisation
from tests.conftest import Mailbox
from tests.factories import Member, make_council, make_member, make_organisation


async def make_provider(db: AsyncSession, council: Council | None = None, **given: Any) -> tuple[Organisation, Member]:
    """An organisation and the one person who keeps it, at its home council."""
    council = council or await make_council(db)
    organisation = await make_organisation(db, home_council_id=council.id, **given)
    member = await make_member(db, Role.PROVIDER, council, name="Kim Keeper", organisation_id=organisation.id)
    return organisation, member


async def make_join_request(
    db: AsyncSession, organisation: Organisation, council: Council, **given: Any
) -> JoinRequest:
    """A request that waits, with a confirmed address and a chosen password."""
    values = {
        "council_id": council.id,
        "organisation_id": organisation.id,
        "status": JoinRequestStatus.WAITING,
        "name": "Nico Newcomer",
        "email": "nico@test.example",
        "password_hash": "hash-of-a-password",
        "asked_at": clock_of(db).now(),
    }
    row = JoinRequest(**{**values, **given})
    db.add(row)
    await db.flush()
    return row


def link_in(mailbox: Mailbox, pattern: str, to_address: str | None = None) -> str:
    """The newest link that fits a pattern in messages sent, to one reader where given."""
    for envelope in reversed(mailbox.envelopes):
        found = re.search(pattern, envelope.body)
        if found is not None and to_address in (None, envelope.to_address):
            return found.group()
    raise AssertionError(f"no {pattern} in {[envelope.subject for envelope in mailbox.envelopes]}")
