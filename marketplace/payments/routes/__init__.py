"""Pages of payments: direct-payment accounts, cards, tariffs, self-bills and payment runs."""

from typing import Any

from marketplace.payments.routes import (
    books,
    books_lists,
    card_payees,
    card_reconciliation,
    card_visits,
    cards,
    direct_payments,
    documents,
    invoices,
    journals,
    lateness,
    money,
    money_asks,
    money_audits,
    money_finance,
    money_funds,
    own_invoices,
    queries,
    refunds,
    self_billing,
    statements,
    workspace,
)
from marketplace.payments.routes.bank_details import BankCheckController, BankDetailsController
from marketplace.payments.routes.claims import ClaimController, OwnClaimController
from marketplace.payments.routes.costs import CostController
from marketplace.payments.routes.earnings import EarningsController
from marketplace.payments.routes.months import BlockController, ContributionController, MoneyManagementController
from marketplace.payments.routes.remittances import RemittanceController
from marketplace.payments.routes.returned import ReturnedController
from marketplace.payments.routes.run_files import RunFileController
from marketplace.payments.routes.runs import PaymentRunController
from marketplace.payments.routes.rural_areas import RuralAreaController
from marketplace.payments.routes.self_bills import SelfBillController
from marketplace.payments.routes.tariff_books import TariffBookController
from marketplace.payments.routes.tariffs import TariffController

ROUTES: list[Any] = [
    *cards.ROUTES,
    *card_payees.ROUTES,
    *card_reconciliation.ROUTES,
    *card_visits.ROUTES,
    *refunds.ROUTES,
    *direct_payments.ROUTES,
    *money.ROUTES,
    *money_asks.ROUTES,
    *money_finance.ROUTES,
    *money_funds.ROUTES,
    *money_audits.ROUTES,
    *documents.ROUTES,
    *lateness.ROUTES,
    *queries.ROUTES,
    *statements.ROUTES,
    *workspace.ROUTES,
    *books.ROUTES,
    *journals.ROUTES,
    *books_lists.ROUTES,
    *invoices.ROUTES,
    *self_billing.ROUTES,
    *own_invoices.ROUTES,
    TariffController,
    TariffBookController,
    RuralAreaController,
    CostController,
    MoneyManagementController,
    BlockController,
    ContributionController,
    OwnClaimController,
    ClaimController,
    SelfBillController,
    EarningsController,
    BankDetailsController,
    BankCheckController,
    PaymentRunController,
    RunFileController,
    ReturnedController,
    RemittanceController,
]
