"""Standing: telling providers and brokers what was decided or what the calendar did, and watching the calendar."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.formats import plural
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.providers.events import (
    AccreditationActed,
    AccreditationChanged,
    EvidenceDecided,
    RegistrationChanged,
    RegulatorLinkDecided,
    ReplyGiven,
    StandingChanged,
)
from marketplace.providers.models import (
    SERVICE_LABELS,
    Accreditation,
    AccreditationAction,
    ActionKind,
    EvidenceKind,
    Organisation,
)
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.pa_register import PaRegisterRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.repository.standing_facts import facts_of
from marketplace.providers.service.market_index import process_search, refresh_listings
from marketplace.providers.service.standing.explain import in_words, why_not
from marketplace.providers.service.standing.own import is_stopped_by_end
from marketplace.providers.service.standing.watch import StandingWatch
from marketplace.providers.service.telling import tell_organisation

STOPS = frozenset({ActionKind.SUSPEND, ActionKind.REMOVE})


@task("providers.tell_accreditation_acted", on=AccreditationActed)
async def tell_accreditation_acted(message_id: UUID, event: AccreditationActed) -> None:
    """Tell the provider what was decided; not why where it is confidential. Tell brokers when work stops or returns."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_accreditation_acted", message_id):
            return
        action = await db.get_one(AccreditationAction, event.action_id)
        context = await _context(db, event.accreditation_id)
        context |= {
            "kind": action.kind.value,
            "starts_on": action.starts_on,
            "is_planned": action.starts_on > today(clock_of(db)),
            "reason": "" if action.is_confidential else action.reason,
            "is_confidential": action.is_confidential,
            "reply_until": action.reply_until,
        }
        is_award = action.kind is ActionKind.AWARD
        if not (is_award and await PaRegisterRepository(db).of_accreditation(event.accreditation_id)):
            # An approved assistant is told once, of the register: see `tell_pa_approval`.
            provider = {**context, "link": f"{site_address()}/provider/standing"}
            await tell_organisation(db, event.organisation_id, "accreditation_acted", provider)
        if action.kind in STOPS or action.kind is ActionKind.REINSTATE:
            broker = {**context, "link": f"{site_address()}/organisations/{event.organisation_id}"}
            await MessagingService(db).tell(event.council_id, "accreditation_acted_broker", broker, role=Role.BROKER)


@task("providers.tell_standing_changed", on=StandingChanged)
async def tell_standing_changed(message_id: UUID, event: StandingChanged) -> None:
    """Tell brokers that an organisation gets no new work, or gets it again, and how many people that concerns (V4).

    The organisation is told as well, but not where another message of the day says it: that its evidence ended, or its
    year as a personal assistant.
    """
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_standing_changed", message_id):
            return
        context = await _context(db, event.accreditation_id)
        context |= {"counts": event.counts, "why": event.why}
        broker = {**context, "link": f"{site_address()}/organisations/{event.organisation_id}"}
        await MessagingService(db).tell(event.council_id, "standing_changed_broker", broker, role=Role.BROKER)
        row, day = await db.get_one(Accreditation, event.accreditation_id), today(clock_of(db))
        is_year_over = row.live_until <= day and await PaRegisterRepository(db).of_accreditation(row.id) is not None
        if not event.counts and (is_year_over or await is_stopped_by_end(db, row, day)):
            return
        provider = {**context, "link": f"{site_address()}/provider/standing"}
        await tell_organisation(db, event.organisation_id, "standing_changed", provider)


@task("providers.tell_reply", on=ReplyGiven)
async def tell_reply(message_id: UUID, event: ReplyGiven) -> None:
    """Tell the council's accreditors of a reply, or the provider of the answer."""
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_reply", message_id):
            return
        action = await db.get_one(AccreditationAction, event.action_id)
        context = await _context(db, action.accreditation_id)
        if event.is_answer:
            context |= {"link": f"{site_address()}/provider/standing"}
            await tell_organisation(db, event.organisation_id, "reply_answered", context)
        else:
            context |= {"link": f"{site_address()}/accreditations/{action.accreditation_id}"}
            await MessagingService(db).tell(event.council_id, "reply_given", context, role=Role.ACCREDITOR)


@task("providers.apply_evidence_to_standing", on=EvidenceDecided)
async def apply_evidence_to_standing(message_id: UUID, event: EvidenceDecided) -> None:
    """See at once what evidence that was seen or refused does to accreditations. Each change is told once."""
    async with transaction(session_maker(), "every") as db:
        await StandingWatch(db).apply(event.organisation_id)


@task("providers.apply_registration", on=RegistrationChanged)
async def apply_registration(message_id: UUID, event: RegistrationChanged) -> None:
    """Hold accreditations that need a registration that is gone, or let them count again."""
    await _apply_register(event.organisation_id)


@task("providers.apply_link", on=RegulatorLinkDecided)
async def apply_link(message_id: UUID, event: RegulatorLinkDecided) -> None:
    """Do the same when a link to the register was confirmed, refused or ended."""
    await _apply_register(event.organisation_id)


@task("providers.apply_award", on=AccreditationChanged)
async def apply_award(message_id: UUID, event: AccreditationChanged) -> None:
    """Hold a new accreditation that needs a registration while the register has none."""
    await _apply_register(event.organisation_id)


@task("providers.index_standing", on=StandingChanged)
async def index_standing(message_id: UUID, event: StandingChanged) -> None:
    """Bring an organisation's listings up to date: which councils accredit it stands in the index."""
    async with transaction(session_maker()) as db:
        ids = await MarketRepository(db).listing_ids_of(event.organisation_id)
        await refresh_listings(db, process_search(), ids)


@every(timedelta(hours=1), "providers.watch_standing")
async def watch_standing() -> None:
    """Bring accreditations in line with the day: planned decisions begin, evidence and periods end."""
    async with transaction(session_maker(), "every") as db:
        await StandingWatch(db).run()


async def _apply_register(organisation_id: UUID) -> None:
    async with transaction(session_maker(), "every") as db:
        watch = StandingWatch(db)
        await watch.apply_register(organisation_id)
        await watch.apply(organisation_id)


async def _context(db: AsyncSession, accreditation_id: UUID) -> dict[str, Any]:
    row = await db.get_one(Accreditation, accreditation_id)
    organisation = await db.get_one(Organisation, row.organisation_id)
    clock = clock_of(db)
    effects = await StandingRepository(db).effects(
        row.council_id, row.organisation_id, row.service_line, clock.now(), today(clock)
    )
    reasons = why_not((await facts_of(db, [row]))[row.id], today(clock))
    return {
        "organisation": organisation.name,
        "missing": in_words([reason for reason in reasons if reason.code in set(EvidenceKind)]),
        "service": SERVICE_LABELS[row.service_line].lower(),
        "last_day": row.live_until - timedelta(days=1),
        "people": plural(effects.people, "person", "people"),
        "visits": plural(effects.coming_visits, "agreed visit"),
    }
