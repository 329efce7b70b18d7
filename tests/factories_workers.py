"""Rows and people for tests of the workforce: organisations with staff, papers of an assistant, postcodes."""

from datetime import date, datetime
from typing import Any

import msgspec
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.models import PostcodeRow
from marketplace.providers.models import EvidenceKind, Organisation, OrganisationKind, Worker, WorkerKind
from marketplace.providers.service.workforce.pa_terms import REQUIRED
from tests.browser import Browser
from tests.factories import Member, make_council, make_member, make_organisation, make_worker
from tests.factories_bookings import loose
from tests.factories_join import make_evidence

PRESTON_POSTCODE = "PR1 2HE"
WORKER_FORM: dict[str, Any] = {
    "kind": "care_worker",
    "name": "Jo Example",
    "gender": "female",
    "languages": ["English", "Polish"],
    "specialisms": ["dementia"],
    "skills": ["moving", "driving"],
    "interests": ["walking"],
    "postcode": PRESTON_POSTCODE,
    "radius_miles": "12",
    "fte_percent": "60",
    "bio": "Likes dogs",
    "starts_on-day": "1",
    "starts_on-month": "3",
    "starts_on-year": "2027",
}


class Desk(msgspec.Struct):
    """A council with its accreditor, and an organisation of it with somebody who signs in."""

    council: Council
    organisation: Organisation
    worker: Worker | None
    members: tuple[Member, Member]
    """Who speaks for the organisation, and the accreditor."""
    browser: Browser
    provider: Browser
    accreditor: Browser

    async def later(self, clock: FixedClock, at: datetime) -> None:
        """Move the clock; both sign in again, since sessions end."""
        clock.move_to(at)
        self.provider, self.accreditor = [await self.browser.signed_in(member) for member in self.members]


async def know_postcode(db: AsyncSession, postcode: str = PRESTON_POSTCODE, lad_code: str = "E07000123") -> None:
    """Keep a postcode of Preston, unless it is there."""
    if await db.get(PostcodeRow, postcode) is None:
        db.add(PostcodeRow(postcode=postcode, lat=53.7593, lon=-2.6993, lad_code=lad_code))
        await db.flush()


async def make_desk(
    db: AsyncSession, browser: Browser, kind: OrganisationKind = OrganisationKind.HOME_CARE, **given: Any
) -> Desk:
    """A council, an accreditor, and an organisation with its user; a personal assistant is their own worker."""
    await know_postcode(db)
    council = given.pop("council", None) or await make_council(db)
    organisation = await make_organisation(db, kind=kind, home_council_id=council.id, **given)
    is_alone = kind is OrganisationKind.SOLE_PA
    worker = await make_worker(db, organisation, kind=WorkerKind.PA, name="Robin Alone") if is_alone else None
    role = Role.PA if is_alone else Role.PROVIDER
    worker_id = worker.id if worker else None
    provider = await make_member(db, role, council, organisation_id=organisation.id, worker_id=worker_id)
    accreditor = await make_member(db, Role.ACCREDITOR, council)
    members = (provider, accreditor)
    users = [row for member in members for row in (member.user, member.membership)]
    loose(db, council, organisation, *users, *([worker] if worker else []))
    browsers = [await browser.signed_in(member) for member in members]
    return Desk(council, organisation, worker, members, browser, *browsers)


async def give_papers(db: AsyncSession, organisation: Organisation, expires_on: date = date(2029, 1, 1)) -> None:
    """Give everything an approval needs, seen by the council."""
    for kind in REQUIRED:
        is_insurance = kind is EvidenceKind.LIABILITY_INSURANCE
        await make_evidence(
            db,
            organisation,
            kind=kind,
            detail="Seen",
            cover_pence=500_000_000 if is_insurance else None,
            expires_on=expires_on,
        )


async def audit_actions(db: AsyncSession) -> list[str]:
    """Actions of the audit log, in order, but for signing in."""
    actions = await db.scalars(text("SELECT action FROM audit_entries ORDER BY at, id"))
    return [action for action in actions if not action.startswith("accounts.")]


def spy_refusals(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the actions of refusals as they come: a test's one connection would undo what another one keeps."""
    refused: list[str] = []

    async def record_refusal(principal: Any, action: str, **given: Any) -> None:
        assert given["why"]
        refused.append(action)

    monkeypatch.setattr("marketplace.accounts.audit.record_refusal", record_refusal)
    return refused
