"""Background work of tariffs: stages, reviews, months, and telling those concerned."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Role
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.schedule import Attempts, every
from marketplace.messaging import MessagingService
from marketplace.payments.events import TariffBookPublished, TariffClaimAsked, TariffClaimDecided, WorkEarned
from marketplace.payments.models import AccrualKind
from marketplace.payments.repository.accruals import AccrualRepository
from marketplace.payments.repository.claims import ClaimRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.repository.tariff_books import TariffBookRepository
from marketplace.payments.service.accruals import AccrualService
from marketplace.payments.service.months import MonthService
from marketplace.payments.service.tariffs import price_words
from marketplace.payments.tariff_forms import EVENT_LABELS
from marketplace.plans.events import PlanSubmittedForCheck, ReviewSigned

WORK_WORDS = {
    AccrualKind.PLAN_STAGE: "a stage of a support plan",
    AccrualKind.REVIEW: "a review",
    AccrualKind.MONEY_MANAGEMENT: "a month of money management",
}
"""What was done, as the organisation reads it: never whose it was."""


@outbox.task("payments.accrue_submitted", on=PlanSubmittedForCheck)
async def accrue_submitted(message_id: UUID, event: PlanSubmittedForCheck) -> None:
    """A plan that first goes to its check earns its stage, where the tariff has one."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_submitted", message_id):
            await AccrualService(db).accrue_submitted(event)


@outbox.task("payments.accrue_review", on=ReviewSigned)
async def accrue_review(message_id: UUID, event: ReviewSigned) -> None:
    """A review that both sides signed earns its tariff, as often as the rule allows."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await outbox.first_time(db, "payments.accrue_review", message_id):
            await AccrualService(db).accrue_review(event)


@outbox.task("payments.tell_work_earned", on=WorkEarned)
async def tell_work_earned(message_id: UUID, event: WorkEarned) -> None:
    """An organisation hears that a stage, a review or a month has earned."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_work_earned", message_id):
            return
        accruals = AccrualRepository(db)
        accrual = await accruals.find(event.council_id, event.accrual_id)
        council = await AccountRepository(db).council(event.council_id)
        organisation = await SelfBillRepository(db).organisation(event.organisation_id)
        context = {
            "what": WORK_WORDS[accrual.kind],
            "earned_pence": accrual.amount_pence,
            "earned_on": accrual.earned_on,
            "organisation_name": organisation.name,
            "council_name": council.name if council else "the council",
        }
        await MessagingService(db).tell(event.council_id, "work_earned", context, organisation_id=event.organisation_id)


@outbox.task("payments.tell_claim_asked", on=TariffClaimAsked)
async def tell_claim_asked(message_id: UUID, event: TariffClaimAsked) -> None:
    """Those who decide on claims hear that one waits."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_claim_asked", message_id):
            return
        context = await _claim_context(db, event)
        for role in (Role.BROKER, Role.MANAGER):
            await MessagingService(db).tell(event.council_id, "claim_asked", context, role=role)


@outbox.task("payments.tell_claim_decided", on=TariffClaimDecided)
async def tell_claim_decided(message_id: UUID, event: TariffClaimDecided) -> None:
    """The organisation hears what the council says to its claim."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_claim_decided", message_id):
            return
        context = await _claim_context(db, event)
        template = "claim_agreed" if event.is_agreed else "claim_refused"
        await MessagingService(db).tell(event.council_id, template, context, organisation_id=event.organisation_id)


async def _claim_context(db: AsyncSession, event: TariffClaimAsked | TariffClaimDecided) -> dict[str, object]:
    claims = ClaimRepository(db)
    claim = await claims.find(event.council_id, event.claim_id)
    organisation, case, _ = await claims.context(claim)
    earned = await claims.earned(claim.id)
    council = await AccountRepository(db).council(event.council_id)
    return {
        "what": EVENT_LABELS[claim.event],
        "case": case or "",
        "happened_on": claim.happened_on,
        "reason": claim.reason,
        "earned_pence": earned.amount_pence if earned else 0,
        "organisation_name": organisation,
        "council_name": council.name if council else "the council",
    }


@outbox.task("payments.tell_book_published", on=TariffBookPublished)
async def tell_book_published(message_id: UUID, event: TariffBookPublished) -> None:
    """Those who earned by the council's prices within a year hear of new ones before they count."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await outbox.first_time(db, "payments.tell_book_published", message_id):
            return
        books = TariffBookRepository(db)
        book = await books.find(event.council_id, event.book_id)
        rules = (await books.rules([book.id])).get(book.id, [])
        council = await AccountRepository(db).council(event.council_id)
        context = {
            "council_name": council.name if council else "the council",
            "book_name": book.name,
            "starts_on": book.starts_on,
            "prices": [(rule.name, price_words(rule)) for rule in rules],
        }
        since = today(clock_of(db)) - timedelta(days=366)
        for organisation_id in await books.earning_organisations(event.council_id, book.framework_id, since):
            await MessagingService(db).tell(
                event.council_id, "tariffs_published", context, organisation_id=organisation_id
            )


@every(timedelta(hours=12), "payments.accrue_months")
async def accrue_months() -> None:
    """Every month of money management and of block contracts that is over earns, council by council."""
    async with transaction(session_maker(), "every") as db:
        councils = [council.id for council in await AccountRepository(db).councils()]
    attempts = Attempts()
    for council_id in councils:
        with attempts.one():
            async with transaction(session_maker(), [council_id]) as db:
                await MonthService(db).accrue_months(council_id)
    attempts.done()
