"""What passes between a council and its suppliers: held lines, questions, claims, hours bought ahead, things given."""

from datetime import date, timedelta
from uuid import UUID

from marketplace.bookings.models import Booking
from marketplace.core.clock import local
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.models import (
    Accrual,
    BlockContract,
    ContributionKind,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    LineHold,
    MoneyManagement,
    NumberSeries,
    PaymentQuery,
    QueryKind,
    ResourceContribution,
    SelfBillingAgreement,
    TariffClaim,
    TariffEvent,
)
from marketplace.payments.service.blocks import IN_BLOCK
from marketplace.payments.states import ClaimStatus, HoldReason, InvoiceStatus, LineStatus, PaymentQueryStatus
from marketplace.payments.working_days import working_days_after
from marketplace.plans.models import Plan
from marketplace.providers.models import Listing, ListingCategory, OrganisationKind, ServiceLine, VatCategory
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.joining import shop_of_provider
from marketplace.reporting.demo.parties import bill_parties
from marketplace.reporting.demo.world import Council, Shop, World, working_day

TERMS_DAYS = 30
ANSWER_DAYS = 5
"""Working days in which a question about money is answered (setting `payments.answer_days`)."""
BLOCK_WEEKLY_MINUTES, BLOCK_WEEKLY_PENCE = 40 * 60, 40 * 2_450
HELD = (
    (HoldReason.PRICE_ABOVE, "Visit of 45 minutes, priced above the agreement", 2_310),
    (HoldReason.NO_VISIT, "Visit of 30 minutes", 1_540),
)


def make_supplying(world: World, council: Council) -> None:
    """Keep what suppliers sent and asked, and what the council arranged with them."""
    shop = shop_of_provider(world, council)
    _questions(world, council, shop)
    _bill_with_held_lines(world, council)
    _claim(world, council)
    _block_contract(world, council, shop)
    _contributions(world, council)
    _money_management(world, council)


def _questions(world: World, council: Council, shop: Shop) -> None:
    """Keep one question that waits, one that was chased and one that was answered."""
    finance = council.staff["finance"]
    texts = (
        (2, QueryKind.REMITTANCE, "Which visits does the last payment cover? Our list shows one more.", "", 0),
        (
            9,
            QueryKind.PAYMENT,
            "We have not had the payment for the month before last. When will it come?",
            "",
            1,
        ),
        (
            34,
            QueryKind.SUSPENDED,
            "Why was a line of our bill held?",
            "The person had not approved the visit yet. They have now, and it goes into the next run.",
            0,
        ),
    )
    for days, kind, question, answer, chases in texts:
        asked_at = world.at(working_day(world.today - timedelta(days=days)), 11, 10)
        answered_at = world.at(working_day(world.today - timedelta(days=days - 3)), 15, 20) if answer else None
        row_id = world.book.add(
            PaymentQuery,
            asked_at,
            council_id=council.id,
            organisation_id=shop.id,
            kind=kind,
            status=PaymentQueryStatus.ANSWERED if answer else PaymentQueryStatus.OPEN,
            invoice_id=None,
            line_id=None,
            question=question,
            asked_by_user_id=shop.user_id,
            asked_at=asked_at,
            answer_by=working_days_after(local(asked_at).date(), ANSWER_DAYS),
            chased_at=world.at(working_day(world.today - timedelta(days=1)), 9, 45) if chases else None,
            chase_count=chases,
            answer=answer,
            answered_by_user_id=finance if answer else None,
            answered_at=answered_at,
        )
        moves: list[Move] = [(PaymentQueryStatus.OPEN, asked_at, shop.user_id, "")]
        if answered_at is not None:
            moves.append((PaymentQueryStatus.ANSWERED, answered_at, finance, ""))
        world.book.steps("payment_query", council.id, row_id, moves)


def _bill_with_held_lines(world: World, council: Council) -> None:
    """Keep a supplier's own bill, whose lines the check held: there is something to look at on both sides."""
    self_billed = {row["organisation_id"] for row in world.book.of(SelfBillingAgreement)}
    shop = next(
        (one for one in council.shops if one.body.kind is OrganisationKind.HOME_CARE and one.id not in self_billed),
        None,
    )
    if shop is None:
        return
    sent_at = world.at(working_day(world.today - timedelta(days=6)), 10, 15)
    sent_on = local(sent_at).date()
    invoice_id = world.book.id(sent_at)
    total = sum(pence for _, _, pence in HELD)
    first = sent_on.replace(day=1)
    world.book.put(
        Invoice,
        id=invoice_id,
        council_id=council.id,
        organisation_id=shop.id,
        kind=InvoiceKind.PROVIDER_INVOICE,
        number="PI-000001",
        status=InvoiceStatus.ISSUED,
        period_starts_on=first - timedelta(days=28),
        period_ends_on=first,
        issued_on=sent_on,
        received_on=sent_on,
        due_on=sent_on + timedelta(days=TERMS_DAYS),
        net_pence=total,
        vat_pence=0,
        supplier_number="2041",
        buyer_reference="ADULT-SOCIAL-CARE",
        parties=bill_parties(world, council, shop.id),
        credits_id=None,
        self_billing_agreement_id=None,
        batch_id=None,
        reason="",
        submitted_by_user_id=shop.user_id,
        version=1,
        total_pence=total,
        hold_reason="",
        approved_by_user_id=None,
        approved_at=None,
        created_at=sent_at,
    )
    for position, (reason, words, pence) in enumerate(HELD, start=1):
        line_id = world.book.add(
            InvoiceLine,
            sent_at,
            status=LineStatus.HELD,
            is_credit=False,
            credits_line_id=None,
            booking_id=None,
            service_on=first - timedelta(days=7 * position),
            claimed_pence=pence,
            vat_pence=0,
            vat_category=VatCategory.EXEMPT_WELFARE,
            vat_rate=0,
            vat_reason="Exempt: welfare services by a state-regulated agency",
            asked={},
            reason_code=reason,
            held_at=sent_at,
            payable_id=None,
            council_id=council.id,
            invoice_id=invoice_id,
            accrual_id=None,
            position=position,
            description=words,
            amount_pence=pence,
        )
        world.book.add(
            LineHold,
            sent_at,
            council_id=council.id,
            line_id=line_id,
            reason_code=reason,
            reason="",
            stops_clock=True,
            held_at=sent_at,
            held_by_user_id=None,
            answer="",
            answered_at=None,
            answered_by_user_id=None,
            ended_at=None,
            ended_by_user_id=None,
            outcome="",
        )
    world.book.put(NumberSeries, council_id=council.id, series="provider_invoice", last=1)
    moves: list[Move] = [
        (InvoiceStatus.DRAFT, sent_at, shop.user_id, ""),
        (InvoiceStatus.ISSUED, sent_at, shop.user_id, ""),
    ]
    world.book.steps("invoice", council.id, invoice_id, moves)


def _claim(world: World, council: Council) -> None:
    """Keep a claim for work that no signed plan shows: life changed while it was under way."""
    events = (TariffEvent.REPLAN, TariffEvent.ABANDONED)
    event = next((one for one in events if one.value in council.tariffs), None)
    plan = next((row for row in world.book.of(Plan) if row["council_id"] == council.id), None)
    if plan is None or event is None:
        return
    shop = next(one for one in council.shops if one.id == plan["organisation_id"])
    asked_at = world.at(working_day(world.today - timedelta(days=3)), 14, 5)
    row_id = world.book.add(
        TariffClaim,
        asked_at,
        council_id=council.id,
        organisation_id=shop.id,
        plan_id=plan["id"],
        person_id=plan["person_id"],
        event=event,
        happened_on=working_day(world.today - timedelta(days=8)),
        minutes=210,
        note="The person’s daughter moved in. We met twice more and most of what we had written no longer fits.",
        amount_pence=None,
        status=ClaimStatus.ASKED,
        asked_by_user_id=shop.user_id,
        asked_at=asked_at,
        decided_by_user_id=None,
        decided_at=None,
        reason="",
    )
    world.book.steps("tariff_claim", council.id, row_id, [(ClaimStatus.ASKED, asked_at, shop.user_id, "")])


def _block_contract(world: World, council: Council, shop: Shop) -> None:
    """Keep hours bought in advance from the provider behind the sign-in: used in part, so that some are stranded."""
    entered_at = world.at(world.starts_on, 10, 30)
    starts_on = _last_month(world.today)
    block_id = world.book.add(
        BlockContract,
        entered_at,
        council_id=council.id,
        organisation_id=shop.id,
        service_line=ServiceLine.HOME_CARE,
        team_id=None,
        name="Evening round",
        weekly_minutes=BLOCK_WEEKLY_MINUTES,
        weekly_pence=BLOCK_WEEKLY_PENCE,
        # One month of it is over, which the nightly job books when the demo first runs.
        starts_on=starts_on,
        ends_on=starts_on + timedelta(days=364),
        entered_by_user_id=council.staff["finance"],
        entered_at=entered_at,
    )
    _count_visits(world, council, shop, block_id, starts_on)


def _count_visits(world: World, council: Council, shop: Shop, block_id: UUID, since: date) -> None:
    """Count the provider's visits that stand on no bill yet in the contract: what was billed before stays paid singly.

    The contract is far larger than what is left, so that each week has room.
    """
    book = world.book
    visits = {row["id"]: row for row in book.of(Booking)}
    home_care = {row["id"] for row in book.of(Listing) if row["category"] is ListingCategory.HOME_CARE}
    kept = []
    for row in book.of(Accrual):
        visit = visits.get(row["source_id"])
        if (
            visit is None
            or row["organisation_id"] != shop.id
            or row["invoice_id"] is not None
            or row["earned_on"] < since
            or visit["listing_id"] not in home_care
        ):
            kept.append(row)
            continue
        book.afterwards(Booking, visit["id"], block_contract_id=block_id)
        book.post(
            council.id,
            IN_BLOCK,
            visit["id"],
            [debit(Purpose.ACCRUED, row["amount_pence"], shop.id), credit(Purpose.BLOCK_SPEND, row["amount_pence"])],
            memo="Counted in the block contract Evening round",
            at=row["created_at"],
            on=local(row["created_at"]).date(),
        )
    book.of(Accrual)[:] = kept


def _contributions(world: World, council: Council) -> None:
    """Keep what is given beside money (B18)."""
    given = (
        (ContributionKind.SPACE, "A room in the library on Tuesdays, for planning talks", 180_000, None),
        (ContributionKind.STAFF_TIME, "Half a day a week of a peer supporter", 312_000, council.shops[0].id),
    )
    recorded_at = world.at(working_day(world.today - timedelta(days=40)), 16, 0)
    for kind, what, pence, organisation_id in given:
        world.book.add(
            ResourceContribution,
            recorded_at,
            council_id=council.id,
            organisation_id=organisation_id,
            kind=kind,
            what=what,
            value_pence=pence,
            starts_on=world.today - timedelta(days=60),
            ends_on=world.today + timedelta(days=305),
            recorded_by_user_id=council.staff["finance"],
            recorded_at=recorded_at,
        )


def _money_management(world: World, council: Council) -> None:
    """Let an organisation look after a person's direct payment from this month on (D12)."""
    if TariffEvent.MONEY_MANAGEMENT_MONTH.value not in council.tariffs:
        return
    client = next((one for one in council.clients if one.route is not None and one.weekly_pence), None)
    key, _ = council.text.lead_planner
    if client is None:
        return
    arranged_at = world.at(working_day(world.today - timedelta(days=2)), 9, 50)
    world.book.add(
        MoneyManagement,
        arranged_at,
        council_id=council.id,
        person_id=client.id,
        organisation_id=council.shop(key).id,
        starts_on=_next_month(world.today),
        ends_on=None,
        arranged_by_user_id=council.staff["finance"],
        arranged_at=arranged_at,
        end_reason="",
    )


def _last_month(day: date) -> date:
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
