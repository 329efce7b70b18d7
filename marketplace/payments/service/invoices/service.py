"""Every verb of a supplier for its own invoices, in one place."""

from marketplace.payments.service.invoices.delivered import DeliveredInvoices
from marketplace.payments.service.invoices.files import InvoiceFiles


class InvoiceService(DeliveredInvoices, InvoiceFiles):
    """Verbs of suppliers for their own invoices."""
