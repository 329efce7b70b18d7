"""Pages of suppliers' questions about money: theirs, and finance's."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import Cell, csv_text
from marketplace.core.web import FormData
from marketplace.payments.models.supply import QueryKind
from marketplace.payments.repository.queries import QueryRepository
from marketplace.payments.repository.self_bills import SelfBillRepository
from marketplace.payments.routes.shared import PAGE, cut, row_id, take, timeline_of
from marketplace.payments.service.queries import LONGEST, QueryForm, QueryService, Subject
from marketplace.payments.states import PAYMENT_QUERY, PaymentQueryStatus

KIND_WORDS: dict[QueryKind, str] = {
    QueryKind.PAYMENT: "Where is my payment?",
    QueryKind.REMITTANCE: "What is a payment for?",
    QueryKind.SUSPENDED: "Why is a payment held?",
    QueryKind.ACTUALS: "Visits differ from the plan",
    QueryKind.PRICE: "A price went up",
    QueryKind.INSTALMENTS: "Instalments",
    QueryKind.DEATH: "The person has died",
    QueryKind.OTHER: "Something else",
}
STATUS_WORDS: dict[str, str] = {
    PaymentQueryStatus.OPEN: "Waiting for an answer",
    PaymentQueryStatus.ANSWERED: "Answered",
    PaymentQueryStatus.CLOSED: "Closed",
}
STATUS_LOOKS = {
    PaymentQueryStatus.OPEN: "pending",
    PaymentQueryStatus.ANSWERED: "approved",
    PaymentQueryStatus.CLOSED: "closed",
}
WORDS = {"kind_words": KIND_WORDS, "status_words": STATUS_WORDS, "status_looks": STATUS_LOOKS}
MOST_CSV = 5_000


class OwnQueryController(Controller):
    """A supplier's own questions."""

    path = "/earnings/queries"

    @get("/", permission=Permission.EARNINGS_OWN)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        before: Annotated[str, QueryParameter(name="before", max_length=36)] = "",
    ) -> Template:
        """Show what was asked, newest first."""
        rows, has_more = cut(
            await QueryRepository(db).of_organisation(
                principal.need_organisation(), principal.councils, before=parse_id(before), limit=PAGE + 1
            )
        )
        context = {
            **WORDS,
            "rows": rows,
            "today": today(clock_of(db)),
            "several_councils": len(principal.councils) > 1,
            "next_before": rows[-1][0].id if has_more else "",
        }
        return Template("payments/queries/own.html", context=context)

    @get("/new", permission=Permission.EARNINGS_OWN)
    async def form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        bill: Annotated[str, QueryParameter(name="bill", max_length=36)] = "",
        line: Annotated[str, QueryParameter(name="line", max_length=36)] = "",
        payment: Annotated[str, QueryParameter(name="payment", max_length=36)] = "",
    ) -> Template:
        """Show the form, filled in with what is mostly asked about a bill, a held line or a payment."""
        about = {"bill": bill, "line": line, "payment": payment}
        subject = await _subject(db, principal, about)
        values = {"kind": subject.kind.value, "question": subject.question} if subject else {}
        return await _form_page(db, principal, subject, {**values, **about}, {})

    @post("/", permission=Permission.EARNINGS_OWN)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Send a question."""
        subject = await _subject(db, principal, data)

        async def action() -> str:
            form = QueryForm.read(data, principal.councils, subject)
            row = await QueryService(db).ask(principal, form, subject)
            flash(request, f"Your question is with the council. You get an answer by {uk_date(row.answer_by)}")
            return f"/earnings/queries/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _form_page(db, principal, subject, data, error.fields)

    @get("/{query_id:str}", permission=Permission.EARNINGS_OWN)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], query_id: FromPath[str]
    ) -> Template:
        """Show a question with all that was said."""
        return await _own_page(db, principal, query_id, {}, {})

    @post("/{query_id:str}/chase", permission=Permission.EARNINGS_OWN)
    async def chase(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        query_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Ask for the answer again."""

        async def action() -> str:
            is_new = await QueryService(db).chase(principal, row_id(query_id))
            flash(request, "The council has been reminded" if is_new else "You have chased this today already")
            return "/earnings/queries"

        return await take(request, db, principal, data, action)

    @post("/{query_id:str}/close", permission=Permission.EARNINGS_OWN)
    async def close(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        query_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that it is settled."""

        async def action() -> str:
            await QueryService(db).close(principal, row_id(query_id))
            flash(request, "The question is closed")
            return "/earnings/queries"

        return await take(request, db, principal, data, action)

    @post("/{query_id:str}/ask-on", permission=Permission.EARNINGS_OWN)
    async def ask_on(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        query_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say that the answer does not settle it."""

        async def action() -> str:
            form = FormReader(data)
            more = form.text("more", "what is still open", longest=LONGEST)
            form.done()
            row = await QueryService(db).ask_on(principal, row_id(query_id), more)
            flash(request, f"The question is open again. You get an answer by {uk_date(row.answer_by)}")
            return f"/earnings/queries/{row.id}"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _own_page(db, principal, query_id, data, error.fields)


class QueryController(Controller):
    """Suppliers' questions, for finance."""

    path = "/payment-queries"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        status: Annotated[str, QueryParameter(name="status", max_length=20)] = "open",
        kind: Annotated[str, QueryParameter(name="kind", max_length=20)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show what suppliers ask: open ones first, oldest first."""
        queries = QueryRepository(db)
        day = today(clock_of(db))
        chosen = next((one for one in PaymentQueryStatus if one.value == status), None)
        chosen_kind = next((one for one in QueryKind if one.value == kind), None)
        rows, has_more = cut(
            await queries.of_council(
                principal.council_id, status=chosen, kind=chosen_kind, after=parse_id(after), limit=PAGE + 1
            )
        )
        figures = await queries.open_figures(principal.council_id, day)
        context = {
            **WORDS,
            "rows": rows,
            "figures": figures,
            "today": day,
            "values": {"status": chosen.value if chosen else "all", "kind": chosen_kind.value if chosen_kind else ""},
            "statuses": [*((one.value, STATUS_WORDS[one]) for one in PaymentQueryStatus), ("all", "All")],
            "kinds": [(one.value, words) for one, words in KIND_WORDS.items()],
            "next_after": rows[-1][0].id if has_more else "",
        }
        return Template("payments/queries/list.html", context=context)

    @get("/queries.csv", permission=Permission.INVOICES_READ)
    async def table(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give the newest questions with the days they took, without the words."""
        found = await QueryRepository(db).of_council(
            principal.council_id, status=None, kind=None, after=None, limit=MOST_CSV
        )
        rows: list[tuple[Cell, ...]] = [
            ("organisation", "kind", "status", "bill", "line", "asked_on", "answer_by", "answered_on", "chased")
        ]
        rows += [
            (
                name,
                query.kind.value,
                query.status.value,
                number or "",
                position,
                local(query.asked_at).date().isoformat(),
                query.answer_by.isoformat(),
                local(query.answered_at).date().isoformat() if query.answered_at else "",
                query.chase_count,
            )
            for query, name, _, number, position in found
        ]
        headers = {
            "Content-Disposition": 'attachment; filename="payment-queries.csv"',
            "Cache-Control": "private, no-store",
        }
        return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)

    @get("/{query_id:str}", permission=Permission.INVOICES_READ)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], query_id: FromPath[str]
    ) -> Template:
        """Show a question with all that was said."""
        return await _council_page(db, principal, query_id, {}, {})

    @post("/{query_id:str}", permission=Permission.PAYMENTS_HANDLE)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        query_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Answer it."""

        async def action() -> str:
            form = FormReader(data)
            answer = form.text("answer", "your answer", longest=LONGEST)
            form.done()
            await QueryService(db).answer(principal, row_id(query_id), answer)
            flash(request, "The answer is on its way")
            return "/payment-queries"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _council_page(db, principal, query_id, data, error.fields)


async def _subject(db: AsyncSession, principal: Principal, about: Any) -> Subject | None:
    """What a question is about, from the address or the form.

    Raises:
        NotFound: It names something that is no id, or not the organisation's.
    """
    wanted = {name: str(about.get(name, "") or "") for name in ("bill", "line", "payment")}
    found = {name: row_id(text) for name, text in wanted.items() if text}
    return await QueryService(db).subject(principal, **found)


async def _form_page(
    db: AsyncSession, principal: Principal, subject: Subject | None, values: Any, errors: dict[str, str]
) -> Template:
    accounts = AccountRepository(db)
    several = subject is None and len(principal.councils) > 1
    context = {
        "subject": subject,
        "kinds": [(one.value, words) for one, words in KIND_WORDS.items()],
        "councils": [
            (str(row.id), row.name) for row in await accounts.councils() if several and row.id in principal.councils
        ],
        "values": values,
        "errors": errors,
        "longest": LONGEST,
    }
    return Template("payments/queries/new.html", context=context, status_code=422 if errors else 200)


async def _own_page(
    db: AsyncSession, principal: Principal, query_id: str, values: Any, errors: dict[str, str]
) -> Template:
    found = await QueryRepository(db).one_row(row_id(query_id), principal.councils, principal.need_organisation())
    # The people of the council stay unnamed to suppliers.
    context = await _context(db, found, values, errors)
    context["events"] = [{**event, "by": ""} for event in context["events"]]
    return Template("payments/queries/own_show.html", context=context, status_code=422 if errors else 200)


async def _council_page(
    db: AsyncSession, principal: Principal, query_id: str, values: Any, errors: dict[str, str]
) -> Template:
    found = await QueryRepository(db).one_row(row_id(query_id), [principal.council_id])
    context = await _context(db, found, values, errors)
    context["may_answer"] = principal.may(Permission.PAYMENTS_HANDLE)
    return Template("payments/queries/show.html", context=context, status_code=422 if errors else 200)


async def _context(db: AsyncSession, found: Any, values: Any, errors: dict[str, str]) -> dict[str, Any]:
    if found is None:
        raise NotFound
    query, organisation, council, number, position = found
    steps = await SelfBillRepository(db).steps(PAYMENT_QUERY.kind, query.id)
    labels = {**STATUS_WORDS, PaymentQueryStatus.OPEN: "Asked"}
    day: date = today(clock_of(db))
    return {
        **WORDS,
        "query": query,
        "organisation_name": organisation,
        "council_name": council,
        "number": number,
        "position": position,
        "events": await timeline_of(db, steps, labels),
        "today": day,
        "values": values,
        "errors": errors,
        "longest": LONGEST,
    }


ROUTES: list[Any] = [OwnQueryController, QueryController]
