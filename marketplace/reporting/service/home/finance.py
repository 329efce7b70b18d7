"""Dashboards of finance and of its second person."""

from marketplace.accounts import Principal
from marketplace.core.formats import pounds
from marketplace.payments.models import DirectPaymentAudit
from marketplace.payments.states import AuditStatus, InvoiceStatus
from marketplace.reporting.repository import home as ask
from marketplace.reporting.schemas import Home
from marketplace.reporting.service.home.charts import by_month
from marketplace.reporting.service.home.desk import Desk, need_list

FINANCE = ("Finance: what waits, what is due and what was spent", "/finance")
"""Leads finance from its first page to its workspace."""


async def finance_home(desk: Desk, principal: Principal) -> Home:
    """Return what finance has to do."""
    council_id = principal.council_id
    found = await desk.home.figures(
        {
            "issued": ask.self_bills_to_approve(council_id),
            "invoices": ask.invoices_to_approve(council_id),
            "held": ask.bills(council_id, InvoiceStatus.HELD),
            "ready": ask.ready_to_pay(council_id),
            "ready_pence": ask.ready_to_pay_pence(council_id),
            "unbilled": ask.unbilled_pence(council_id),
            "bank": ask.bank_details_to_check(council_id, principal.user_id),
            "differences": ask.card_differences(council_id),
            "answered": ask.audits(AuditStatus.ANSWERED, DirectPaymentAudit.council_id == council_id),
        }
    )
    needs = need_list(
        (
            *(found["differences"], "difference", "between the ledger and Stripe", "/card-reconciliation"),
            *("Say what each one was.", True),
        ),
        (
            *(found["answered"], "direct payment", "with answers to look at", "/money-audits"),
            *("The person answered your questions.", False),
        ),
        (found["issued"], "self-bill", "to approve", "/self-bills?status=issued", "", True),
        (found["invoices"], "supplier’s bill", "to approve", "/invoices?status=issued", "", True),
        (found["ready"], "bill", "ready to pay", "/payment-runs", pounds(found["ready_pence"]), False),
        (found["held"], "bill", "on hold", "/invoices?status=held", "Waiting for an answer.", False),
        (found["bank"], "bank account", "to check", "/bank-details-to-check", "Entered by an organisation.", False),
    )
    figures = (("Earned and not billed yet", pounds(found["unbilled"]), ""),)
    chart = await by_month(desk, principal)
    return Home(needs=needs, figures=figures, charts=(chart,), links=(FINANCE, ("Self-bills", "/self-bills")))


async def finance_checker_home(desk: Desk, principal: Principal) -> Home:
    """Return what the second person of finance has to do."""
    council_id, user_id = principal.council_id, principal.user_id
    found = await desk.home.figures(
        {
            "runs": ask.runs_to_release(council_id, user_id),
            "bank": ask.bank_details_to_check(council_id, user_id),
            "release_pence": ask.runs_to_release_pence(council_id, user_id),
            "refunds": ask.refunds_to_agree(council_id, user_id),
            "differences": ask.card_differences(council_id),
        }
    )
    needs = need_list(
        (found["refunds"], "card refund", "to agree", "/refunds-to-agree", "Somebody else asked for it.", True),
        (
            *(found["differences"], "difference", "between the ledger and Stripe", "/card-reconciliation"),
            *("Say what each one was.", False),
        ),
        (found["runs"], "payment run", "to release", "/payment-runs", pounds(found["release_pence"]), True),
        (found["bank"], "bank account", "to check", "/bank-details-to-check", "Entered by an organisation.", False),
    )
    return Home(needs=needs, links=(FINANCE, ("Self-bills", "/self-bills")))
