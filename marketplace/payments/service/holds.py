"""Held lines: only they wait, the rest of a bill is paid on time (V12)."""

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.ids import new_id
from marketplace.payments.events import LineHoldEnded, LinesHeld
from marketplace.payments.line_checks import STOPS_CLOCK, AskedLine, Judged
from marketplace.payments.models import SELF_BILLED, Accrual, Invoice, InvoiceLine, LineHold
from marketplace.payments.repository.bills import BillRepository
from marketplace.payments.states import HOLD_WORDS, INVOICE, HoldReason, InvoiceStatus, LineStatus
