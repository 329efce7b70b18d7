"""Money audits: finance's list and desk, and the same rows on the person's page."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.files.answers import file_answer
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.payments.repository.audits import MoneyAuditRepository
from marketplace.payments.repository.direct_payments import DirectPaymentRepository
from marketplace.payments.routes.money_shared import looked_at
from marketplace.payments.routes.shared import cut, row_id, take
from marketplace.payments.service.account.movements import LARGEST_PENCE
from marketplace.payments.service.account.receipts import FIELD, ReceiptService
from marketplace.payments.service.money_audit.service import CloseForm, MoneyAuditService, labels_of
from marketplace.payments.states import AuditStatus

PAGE = 30
LOOK_BACK = timedelta(days=365)
MOST_SHOWN = 20
STATUS_WORDS = {
    AuditStatus.OPEN: "Open",
    AuditStatus.ASKED: "Person was asked",
    AuditStatus.ANSWERED: "Answered",
    AuditStatus.CLOSED: "Closed",
}


class MoneyAuditController(Controller):
    """Audits as finance makes them."""

    path = "/money-audits"

    @get("/", permission=Permission.MONEY_AUDIT)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        status: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List audits, and accounts with most spending that no visit proves."""
        audits = MoneyAuditRepository(db)
        chosen = next((one for one in AuditStatus if one.value == status), None)
        rows, more = cut(
            await audits.page(principal.council_id, chosen, after=parse_id(after or ""), limit=PAGE + 1), PAGE
        )
        since = today(clock_of(db)) - LOOK_BACK
        context = {
            "rows": rows,
            "more": rows[-1][0].id if more else None,
            "is_first": not after,
            "status": chosen,
            "status_words": STATUS_WORDS,
            "unproven": await audits.unproven(principal.council_id, since, MOST_SHOWN) if not after else [],
        }
        return Template("payments/audits/list.html", context=context)

    @get("/new", permission=Permission.MONEY_AUDIT)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form to look at an account: the last year unless changed."""
        last = today(clock_of(db))
        first = last - LOOK_BACK + timedelta(days=1)
        values = {
            f"{name}-{part}": getattr(day, part)
            for name, day in (("first_on", first), ("last_on", last))
            for part in ("day", "month", "year")
        }
        return await _new_page(db, principal, row_id(person or ""), values, {})

    @post("/new", permission=Permission.MONEY_AUDIT)
    async def open(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Score the account and choose what to ask about."""
        person_id = row_id(str(data.get("person") or ""))

        async def act() -> str:
            form = FormReader(data)
            first, last = form.day("first_on", "the first day"), form.day("last_on", "the last day")
            form.done()
            if first is None or last is None:
                raise NotFound
            row = await MoneyAuditService(db).open(principal, person_id, first, last + timedelta(days=1))
            return f"/money-audits/{row.id}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _new_page(db, principal, person_id, typed(data), error.fields)

    @get("/receipts/{file_id:str}", permission=Permission.MONEY_AUDIT)
    async def receipt(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], file_id: FromPath[str]
    ) -> Response[bytes]:
        """Hand a receipt out."""
        return file_answer(*await ReceiptService(db).open(principal, row_id(file_id)))

    @get("/{audit_id:str}", permission=Permission.MONEY_AUDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], audit_id: FromPath[str]
    ) -> Template:
        """Show an audit: why, all spending, questions with answers, and how it ends."""
        return await _audit_page(db, principal, row_id(audit_id), {}, {})

    @post("/{audit_id:str}", permission=Permission.MONEY_AUDIT)
    async def act_on(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        audit_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask the person, accept or question an answer, or close it: the button says which."""
        wanted = row_id(audit_id)

        async def act() -> str:
            await _do(db, principal, wanted, data)
            flash(request, "Done")
            return f"/money-audits/{wanted}"

        try:
            return await take(request, db, principal, data, act)
        except InvalidInput as error:
            return await _audit_page(db, principal, wanted, typed(data), error.fields)


class OwnMoneyAuditController(Controller):
    """Audits as the person reads and answers them."""

    path = "/money/audits"

    @get("/", permission=Permission.MONEY_OWN)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List looks at the own account."""
        audits = MoneyAuditRepository(db)
        question = audits.of_person(principal.council_id, principal.need_person()).limit(PAGE)
        context = {"rows": await audits.every(question), "status_words": STATUS_WORDS}
        return Template("payments/audits/own_list.html", context=context)

    @get("/{audit_id:str}", permission=Permission.MONEY_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], audit_id: FromPath[str]
    ) -> Template:
        """Show everything that finance sees, with fields to answer."""
        return await _audit_page(db, principal, row_id(audit_id), {}, {}, is_own=True)

    @post("/{audit_id:str}/items/{item_id:str}", permission=Permission.MONEY_OWN, **UPLOAD)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        principal: NamedDependency[Principal],
        audit_id: FromPath[str],
        item_id: FromPath[str],
    ) -> Redirect | Template:
        """Answer one question, with receipts where there are any."""
        form = await FileForm.read(request)
        wanted, item = row_id(audit_id), row_id(item_id)
        async with transaction(session_maker(), principal.councils) as db:
            await MoneyAuditService(db).view(principal, wanted)
        checked, errors = await looked_at(principal, form, f"{FIELD}-{item}")
        async with transaction(session_maker(), principal.councils) as db:

            async def act() -> str:
                reader = FormReader(form.values)
                words = reader.text(f"answer-{item}", "what this was for", longest=1000)
                reader.done()
                row = await MoneyAuditService(db).answer(principal, wanted, item, words)
                if checked:
                    await ReceiptService(db).attach(
                        principal,
                        row.council_id,
                        principal.need_person(),
                        checked,
                        movement_id=row.movement_id,
                        booking_id=row.booking_id,
                    )
                return f"/money/audits/{wanted}"

            try:
                if errors:
                    raise InvalidInput(errors)
                async with db.begin_nested():
                    sent = await submit(request, db, principal.actor, form.content, act)
            except InvalidInput as error:
                found = {key if key != FIELD else f"{FIELD}-{item}": text for key, text in error.fields.items()}
                return await _audit_page(db, principal, wanted, typed(form.values), found, is_own=True)
        flash(request, "Answer sent")
        return sent


ROUTES = [MoneyAuditController, OwnMoneyAuditController]


async def _do(db: AsyncSession, principal: Principal, audit_id: UUID, data: FormData) -> None:
    service, form = MoneyAuditService(db), FormReader(data)
    action, _, item = form.raw("action").partition(":")
    if action == "ask":
        await service.ask(principal, audit_id)
    elif action in ("accept", "question"):
        item_id = row_id(item)
        words = form.text(f"decision-{item_id}", "what is missing", required=False, longest=500)
        form.done()
        await service.decide(principal, audit_id, item_id, is_accepted=action == "accept", words=words)
    elif action == "close":
        outcome = form.text("outcome", "the outcome, as the person reads it", longest=1000)
        reclaim = form.pounds("reclaim", "what is asked back", required=False, most=LARGEST_PENCE) or 0
        count = form.number("instalments", "the number of instalments", least=1, most=60, required=False)
        form.done()
        wanted = CloseForm(outcome=outcome, reclaim_pence=int(reclaim), instalments=count)
        await service.close(principal, audit_id, wanted)
    else:
        raise NotFound


async def _new_page(
    db: AsyncSession, principal: Principal, person_id: UUID, values: FormData, errors: dict[str, str]
) -> Template:
    person = await DirectPaymentRepository(db).person(principal.council_id, person_id)
    if person is None:
        raise NotFound
    context = {"person": person, "values": values, "errors": errors}
    return Template("payments/audits/new.html", context=context, status_code=422 if errors else 200)


async def _audit_page(
    db: AsyncSession,
    principal: Principal,
    audit_id: UUID,
    values: FormData,
    errors: dict[str, str],
    *,
    is_own: bool = False,
) -> Template:
    service = MoneyAuditService(db)
    view = await service.view(principal, audit_id)
    is_closed = view.row.status is AuditStatus.CLOSED
    surplus = None if is_closed else await service.surplus(view.row.council_id, view.row.person_id)
    context = {
        "view": view,
        "audit": view.row,
        "labels": labels_of([one.item for one in view.questions]),
        "status_words": STATUS_WORDS,
        "surplus": surplus,
        "files_at": "/money/receipts" if is_own else "/money-audits/receipts",
        "values": values,
        "errors": errors,
    }
    template = "payments/audits/own.html" if is_own else "payments/audits/show.html"
    return Template(template, context=context, status_code=422 if errors else 200)
