"""Pages of a supplier's own invoices: from delivered visits, from a file, held lines, credit notes."""

from marketplace.payments.routes.own_invoices.bills import OwnBillController
from marketplace.payments.routes.own_invoices.files import InvoiceFileController
from marketplace.payments.routes.own_invoices.invoices import OwnInvoiceController
from marketplace.payments.routes.own_invoices.lines import HeldLineController

ROUTES = [OwnInvoiceController, OwnBillController, InvoiceFileController, HeldLineController]
