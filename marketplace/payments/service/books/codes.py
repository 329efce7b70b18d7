"""Cost codes: what the council's finance system calls the accounts of the ledger, from a day on."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.ledger import Purpose
from marketplace.payments.books_rules import CODE
from marketplace.payments.models import AccrualKind, CostCode
from marketplace.payments.repository.books_teams import CostCodeRepository
from marketplace.payments.service.earning import ENTRY_KINDS

ACCOUNT_LABELS: Final[dict[Purpose, str]] = {
    Purpose.PLAN_SPEND: "Spending on support planning",
    Purpose.DIRECT_PAYMENT_SPEND: "Spending on direct payments",
    Purpose.BLOCK_SPEND: "Spending on block contracts",
    Purpose.GRANT_SPEND: "Spending on grants",
    Purpose.INTEREST_SPEND: "Interest for paying late",
    Purpose.VAT_RECOVERABLE: "VAT to claim back",
    Purpose.DIRECT_PAYMENT: "Direct payments held for people",
    Purpose.CONTRIBUTIONS: "People’s contributions",
    Purpose.ACCRUED: "Earned by suppliers, not billed",
    Purpose.PAYABLE: "Owed to suppliers",
    Purpose.BANK_CLEARING: "Sent to the bank",
    Purpose.STRIPE_CLEARING: "Card money on its way",
    Purpose.CARD_RECEIVED: "Card money of suppliers",
    Purpose.CARD_DISPUTED: "Card money held back by banks",
    Purpose.PERSON_OWES: "Owed by people from their own accounts",
    Purpose.PERSON_PAID: "Paid by people from their own accounts",
    Purpose.FUND_DRAWN: "Spent from individual service funds",
    Purpose.WAGES_DUE: "Wages due",
    Purpose.WAGES_SENT: "Wages told to payrolls",
    Purpose.COMMITMENT: "Committed by teams (memorandum)",
    Purpose.COMMITTED: "Commitments (memorandum)",
}
KIND_LABELS: Final[dict[str, str]] = {
    ENTRY_KINDS[AccrualKind.PLAN]: "completed plans",
    ENTRY_KINDS[AccrualKind.PLAN_STAGE]: "stages of plans",
    ENTRY_KINDS[AccrualKind.REVIEW]: "reviews",
    ENTRY_KINDS[AccrualKind.MONEY_MANAGEMENT]: "money management",
    ENTRY_KINDS[AccrualKind.CLAIM]: "agreed claims",
}
"""Kinds of support planning that may have a code of their own."""
ACCOUNTS: Final[dict[str, str]] = {purpose.value: label for purpose, label in ACCOUNT_LABELS.items()} | {
    f"{Purpose.PLAN_SPEND.value}:{kind}": f"{ACCOUNT_LABELS[Purpose.PLAN_SPEND]}: {label}"
    for kind, label in KIND_LABELS.items()
}
"""What can have a code, with its name."""


class CodeForm(msgspec.Struct, frozen=True):
    """A code and the day it begins."""

    account: str
    code: str
    starts_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "CodeForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        account = form.option("account", "the account", ACCOUNTS)
        code = form.text("code", "the code", longest=30).upper()
        if code and not CODE.fullmatch(code):
            form.wrong("code", "The code must be letters and digits, like 4100-210")
        starts_on = form.day("starts_on", "the first day")
        form.done()
        if starts_on is None:  # a message was noted above
            raise InvalidInput({"starts_on": "Enter the first day"})
        return cls(account, code, starts_on)


class CodeBook:
    """A council's codes, to look up by account, kind of entry and day."""

    def __init__(self, rows: Sequence[CostCode]) -> None:
        self.codes: dict[str, list[tuple[date, str]]] = {}
        for row in rows:
            self.codes.setdefault(row.account, []).append((row.starts_on, row.code))
        for codes in self.codes.values():
            codes.sort(reverse=True)

    def code(self, purpose: str, kind: str, on: date) -> str:
        """Return the code of a line: that of the account and kind goes before that of the account; else empty."""
        for account in (f"{purpose}:{kind}", purpose):
            for starts_on, code in self.codes.get(account, ()):
                if starts_on <= on:
                    return code
        return ""


class CostCodeService:
    """The verbs of cost codes. A code is never changed; a later one follows it."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.codes = CostCodeRepository(db)

    async def book(self, principal: Principal) -> CodeBook:
        """Return every code of the reader's council."""
        return CodeBook(await self.codes.listed(principal.council_id))

    async def set(self, principal: Principal, form: CodeForm) -> CostCode:
        """Set a code from a day on. Journals that were made keep theirs.

        Raises:
            InvalidInput: The account has a code from that very day.
        """
        principal.require(Permission.BOOKS_KEEP)
        row = CostCode(
            id=new_id(),
            council_id=principal.council_id,
            **msgspec.structs.asdict(form),
            set_by_user_id=principal.user_id,
            set_at=self.clock.now(),
        )
        try:
            async with self.db.begin_nested():
                self.db.add(row)
        except IntegrityError as error:
            raise InvalidInput({"starts_on": "This account has a code from that day already"}) from error
        audit.record(
            self.db,
            principal,
            "payments.set_cost_code",
            council_id=principal.council_id,
            subject_kind="cost_code",
            subject_id=row.id,
            after={"account": row.account, "code": row.code, "starts_on": row.starts_on},
        )
        return row
