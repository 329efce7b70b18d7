"""Suppliers' own invoices: made from what was delivered and approved, or sent in as a file of visits (C6)."""

from marketplace.payments.service.invoices.files import words_of
from marketplace.payments.service.invoices.service import InvoiceService

__all__ = ["InvoiceService", "words_of"]
