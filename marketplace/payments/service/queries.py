"""Suppliers' questions about money: asked, chased, answered, closed (V12; the kinds of domain.md 3.15)."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import pounds, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.payments.events import PaymentQueryAnswered, PaymentQueryAsked
from marketplace.payments.models import PaymentQuery
from marketplace.payments.models.supply import QueryKind
from marketplace.payments.repository.queries import QueryRepository
from marketplace.payments.schemas import run_number
from marketplace.payments.states import HOLD_WORDS, PAYMENT_QUERY, LineStatus, PaymentQueryStatus
from marketplace.payments.working_days import working_days_after

LONGEST = 2_000


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """What a question is about, with the words that a supplier would most likely ask with."""

    council_id: UUID
    words: str
    """Such as "Bill SB-000001"."""
    kind: QueryKind
    question: str
    invoice_id: UUID | None = None
    line_id: UUID | None = None
    is_payment: bool = False


class QueryForm(msgspec.Struct, frozen=True):
    """A supplier's question."""

    kind: QueryKind
    question: str
    council_id: UUID | None
    """None: the council of the bill, line or payment it is about."""

    @classmethod
    def read(cls, data: Mapping[str, Any], councils: Sequence[UUID], subject: Subject | None) -> "QueryForm":
        """Read the form; the council is asked for only where it is not clear.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        council_id = None
        if subject is None and len(councils) > 1:
            council_id = form.id("council", "the council you ask")
            if council_id is not None and council_id not in councils:
                form.wrong("council", "Select the council you ask")
        kind = form.choice("kind", "what your question is about", QueryKind)
        question = form.text("question", "your question", longest=LONGEST)
        form.done()
        if kind is None:
            raise InvalidInput({"kind": "Select what your question is about"})
        return cls(kind, question, council_id)


class QueryService:
    """The verbs of suppliers' questions."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.rows = QueryRepository(db)

    async def subject(
        self, principal: Principal, *, bill: UUID | None = None, line: UUID | None = None, payment: UUID | None = None
    ) -> Subject | None:
        """Return what a question is about; None where nothing is named.

        Raises:
            Forbidden: The role may not.
            NotFound: It is not the reader's organisation's.
        """
        principal.require(Permission.EARNINGS_OWN)
        organisation_id, councils = principal.need_organisation(), principal.councils
        if line is not None:
            found = await self.rows.line(organisation_id, councils, line)
            if found is None:
                raise NotFound
            row, invoice = found
            words = f"Line {row.position} of {invoice.number}"
            if row.status is LineStatus.HELD and row.reason_code is not None:
                kind = QueryKind.SUSPENDED
                asked = f"{words} is held: {HOLD_WORDS[row.reason_code]}. What do you need from us so that it is paid?"
            else:
                kind, asked = QueryKind.ACTUALS, f"{words} is not what we expected, because "
            return Subject(
                council_id=invoice.council_id,
                words=words,
                kind=kind,
                question=asked,
                invoice_id=invoice.id,
                line_id=row.id,
            )
        if bill is not None:
            invoice_found = await self.rows.bill(organisation_id, councils, bill)
            if invoice_found is None:
                raise NotFound
            return Subject(
                council_id=invoice_found.council_id,
                words=f"Bill {invoice_found.number}",
                kind=QueryKind.PAYMENT,
                question=f"When will {invoice_found.number} ({pounds(invoice_found.total_pence)}) be paid?",
                invoice_id=invoice_found.id,
            )
        if payment is not None:
            paid = await self.rows.payment(organisation_id, councils, payment)
            if paid is None:
                raise NotFound
            run, sent = paid
            words = f"Payment of {pounds(sent.amount_pence)} on {uk_date(run.pay_on)}, {run_number(run.number)}"
            return Subject(
                council_id=sent.council_id,
                words=words,
                kind=QueryKind.REMITTANCE,
                question=f"What is our payment of {pounds(sent.amount_pence)} on {uk_date(run.pay_on)} for?",
                invoice_id=await self.rows.only_bill_of(sent.id),
                is_payment=True,
            )
        return None

    async def ask(self, principal: Principal, form: QueryForm, subject: Subject | None = None) -> PaymentQuery:
        """Ask a council's finance. The same open question is not asked twice: it can be chased.

        Raises:
            Forbidden: The role may not.
            InvalidInput: The same question is open, or the council is not one of the organisation's.
        """
        principal.require(Permission.EARNINGS_OWN)
        organisation_id = principal.need_organisation()
        council_id = subject.council_id if subject else form.council_id or principal.council_id
        if council_id not in principal.councils:
            raise InvalidInput({"council": "Select the council you ask"})
        await self.rows.lock_organisation(organisation_id)
        invoice_id, line_id = (subject.invoice_id, subject.line_id) if subject else (None, None)
        question = form.question
        if subject is not None and subject.is_payment:
            question = f"{subject.words}: {form.question}"
        if await self.rows.asked_already(organisation_id, council_id, form.kind, invoice_id, line_id, question):
            raise InvalidInput({"question": "You have asked this already and it is open. Chase it on the list instead"})
        row = PaymentQuery(
            id=new_id(),
            council_id=council_id,
            organisation_id=organisation_id,
            kind=form.kind,
            status=PaymentQueryStatus.OPEN,
            invoice_id=invoice_id,
            line_id=line_id,
            question=question,
            asked_by_user_id=principal.user_id,
            asked_at=self.clock.now(),
            answer_by=working_days_after(today(self.clock), await self._answer_days(council_id)),
            chase_count=0,
            answer="",
        )
        self.db.add(row)
        await self.db.flush()
        PAYMENT_QUERY.begin(self.db, row, by=principal.user_id, why=question)
        self._record(principal, "payments.ask_query", row)
        self._publish_asked(row, is_chase=False)
        await self.db.flush()
        return row

    async def chase(self, principal: Principal, query_id: UUID) -> bool:
        """Ask again for an answer, at most once a day; return whether it was chased now.

        Raises:
            NotFound: It is not the reader's organisation's.
            Conflict: It is answered or closed.
        """
        row = await self._own(principal, query_id)
        if row.status is not PaymentQueryStatus.OPEN:
            raise Conflict("This question has been answered or closed, so there is nothing to chase.")
        now = self.clock.now()
        if row.chased_at is not None and local(row.chased_at).date() == today(self.clock):
            return False
        row.chased_at, row.chase_count = now, row.chase_count + 1
        self._record(principal, "payments.chase_query", row)
        self._publish_asked(row, is_chase=True)
        await self.db.flush()
        return True

    async def ask_on(self, principal: Principal, query_id: UUID, more: str) -> PaymentQuery:
        """Say that an answer does not settle it: the question is open again, with a new day to answer by.

        Raises:
            NotFound: It is not the reader's organisation's.
            StepRefused: It is not answered.
        """
        row = await self._own(principal, query_id)
        PAYMENT_QUERY.move(self.db, row, PaymentQueryStatus.OPEN, by=principal.user_id, why=more)
        row.answer_by = working_days_after(today(self.clock), await self._answer_days(row.council_id))
        self._record(principal, "payments.reopen_query", row)
        self._publish_asked(row, is_chase=False)
        await self.db.flush()
        return row

    async def close(self, principal: Principal, query_id: UUID) -> PaymentQuery:
        """Close a question: it is settled, or not wanted any more. Closing it again does nothing.

        Raises:
            NotFound: It is not the reader's organisation's.
        """
        row = await self._own(principal, query_id)
        if row.status is not PaymentQueryStatus.CLOSED:
            PAYMENT_QUERY.move(self.db, row, PaymentQueryStatus.CLOSED, by=principal.user_id)
            self._record(principal, "payments.close_query", row)
            await self.db.flush()
        return row

    async def answer(self, principal: Principal, query_id: UUID, answer: str) -> PaymentQuery:
        """Answer a supplier. The same answer again does nothing.

        Raises:
            Forbidden: Not finance.
            NotFound: No such question in the council.
            StepRefused: It is answered otherwise, or closed.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        row = await self.rows.find(principal.council_id, query_id, locked=True)
        if row.status is PaymentQueryStatus.ANSWERED and row.answer == answer:
            return row
        PAYMENT_QUERY.move(self.db, row, PaymentQueryStatus.ANSWERED, by=principal.user_id, why=answer)
        row.answer, row.answered_at, row.answered_by_user_id = answer, self.clock.now(), principal.user_id
        self._record(principal, "payments.answer_query", row)
        outbox.publish(
            self.db,
            PaymentQueryAnswered(council_id=row.council_id, query_id=row.id, organisation_id=row.organisation_id),
        )
        await self.db.flush()
        return row

    async def _own(self, principal: Principal, query_id: UUID) -> PaymentQuery:
        principal.require(Permission.EARNINGS_OWN)
        return await self.rows.own(principal.need_organisation(), principal.councils, query_id)

    async def _answer_days(self, council_id: UUID) -> int:
        days: int = await setting(self.db, council_id, "payments.answer_days", today(self.clock))
        return days

    def _publish_asked(self, row: PaymentQuery, *, is_chase: bool) -> None:
        outbox.publish(
            self.db,
            PaymentQueryAsked(
                council_id=row.council_id, query_id=row.id, organisation_id=row.organisation_id, is_chase=is_chase
            ),
        )

    def _record(self, principal: Principal, action: str, row: PaymentQuery) -> None:
        # The words stay in the question and its steps: the audit log says that something was asked, not what.
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="payment_query",
            subject_id=row.id,
            after={"kind": row.kind, "status": row.status, "chase_count": row.chase_count},
        )
