"""Rows and forms for tests of listings: an organisation with its people, a draft that is done, the answers of steps."""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Council
from marketplace.accounts.permissions import Role
from marketplace.core.database import clock_of
from marketplace.core.events import Event
from marketplace.core.ids import new_id
from marketplace.core.models import PostcodeRow
from marketplace.core.outbox import publish
from marketplace.providers.models import ListingDraft, Organisation, OrganisationKind, RegulatorLink, Worker, WorkerKind
from marketplace.providers.states import DRAFT, DraftStatus, RegulatorLinkStatus
from tests.factories import Member, make_council, make_member, make_organisation, make_worker
from tests.factories_bookings import loose

ANSWERS: dict[str, dict[str, Any]] = {
    "kind": {"category": "community"},
    "what": {"title": "Lunch club in Preston", "summary": "A hot meal in good company.", "body": "Come as you are."},
    "suits": {
        "suits": ["older", "dementia"], "languages": ["English"], "interests": ["music"], "access_note": "No steps",
    },
    "care": {"personal_care": "no"},
    "price": {
        "price_unit": "session", "price": "6.50", "usual": "1.5", "vat_category": "not_registered",
        "takes_bookings": "yes", "least_minutes": "60",
    },
    "rates": {"rates": [{"day_kind": "bank_holiday", "starts_on": "2027-01-01", "ends_on": None, "price_pence": 900}]},
    "concessions": {"concessions": ["carer_free", "low_income"], "concession_note": "Half price"},
    "area": {"area": "radius", "postcode": "PR1 2HE", "miles": "10"},
    "hours": {"day1": "11am to 2pm", "day3": "11am to 2pm"},
    "room": {"capacity_kind": "places", "capacity_free": "4"},
    "share": {"is_open_data": "yes"},
}  # fmt: skip
"""A whole listing, step by step, as its pages keep it."""


class Provider(msgspec.Struct):
    """An organisation with its home council and somebody for each side."""

    council: Council
    organisation: Organisation
    member: Member
    accreditor: Member
    worker: Worker | None = None


async def make_provider(
    db: AsyncSession, *, kind: OrganisationKind = OrganisationKind.COMMUNITY, is_pa: bool = False, **given: Any
) -> Provider:
    """An organisation in Preston; `is_pa`: a personal assistant who works alone."""
    await make_postcodes(db)
    council = await make_council(db)
    kind = OrganisationKind.SOLE_PA if is_pa else kind
    organisation = await make_organisation(db, kind=kind, **{"home_council_id": council.id, **given})
    worker = await make_worker(db, organisation, kind=WorkerKind.PA, lat=53.75931, lon=-2.69932) if is_pa else None
    member = await make_member(
        db,
        Role.PA if is_pa else Role.PROVIDER,
        council,
        name="Pat Provider",
        organisation_id=organisation.id,
        worker_id=worker.id if worker else None,
    )
    accreditor = await make_member(db, Role.ACCREDITOR, council, name="Alex Checker")
    rows = [council, organisation, member.user, member.membership, accreditor.user, accreditor.membership]
    loose(db, *rows, *([worker] if worker else []))
    return Provider(council, organisation, member, accreditor, worker)


async def make_postcodes(db: AsyncSession) -> None:
    """Two postcodes that the directory knows."""
    for postcode, lat, lon in (("PR1 2HE", 53.75931, -2.69932), ("LA1 1YN", 54.047, -2.801)):
        if await db.get(PostcodeRow, postcode) is None:
            code = "E07000123" if postcode.startswith("PR") else "E07000121"
            db.add(PostcodeRow(postcode=postcode, lat=lat, lon=lon, lad_code=code))
    await db.flush()


async def make_draft(
    db: AsyncSession,
    provider: Provider,
    status: DraftStatus = DraftStatus.OPEN,
    *,
    answers: dict[str, dict[str, Any]] | None = None,
    **given: Any,
) -> ListingDraft:
    """A draft with every step answered."""
    now = clock_of(db).now()
    content: dict[str, Any] = {**ANSWERS, **(answers or {})}
    if provider.worker is not None:
        content["worker"] = str(provider.worker.id)
        content.pop("hours")
    draft = ListingDraft(
        id=new_id(),
        **{
            "council_id": provider.council.id,
            "organisation_id": provider.organisation.id,
            "status": status,
            "content": content,
            "created_by_user_id": provider.member.user.id,
            "created_at": now,
            "updated_at": now,
            "submitted_at": now if status is DraftStatus.SUBMITTED else None,
            **given,
        },
    )
    db.add(draft)
    await db.flush()
    DRAFT.begin(db, draft, by=provider.member.user.id)
    await db.flush()
    loose(db, draft)
    return draft


async def posted(db: AsyncSession, event: Event) -> UUID:
    """Put an event into the outbox, as the tasks expect; returns its message id."""
    message_id = publish(db, event)
    await db.flush()
    return message_id


async def register(db: AsyncSession, provider: Provider) -> None:
    """Tie the organisation to an entry of the regulator's register."""
    db.add(
        RegulatorLink(
            council_id=provider.council.id,
            organisation_id=provider.organisation.id,
            provider_id="1-1",
            location_id=None,
            status=RegulatorLinkStatus.MATCHED,
            register_name=provider.organisation.name,
            register_status="registered",
            read_at=clock_of(db).now(),
        )
    )
    await db.flush()
