"""Pages of paying on time: what suppliers claim, what finance decides, the compliance figures, partners."""

from datetime import date
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import date_range, pounds
from marketplace.core.forms import FormReader
from marketplace.core.spreadsheets import Cell, csv_text, pounds_cell
from marketplace.core.web import FormData
from marketplace.payments.late import half_years
from marketplace.payments.repository.lateness import LatenessRepository
from marketplace.payments.routes.shared import row_id, take
from marketplace.payments.service.lateness import MOST_ROWS, LatenessService, OnwardForm
from marketplace.payments.states import InterestStatus

PERIODS = 6
CLAIM_WORDS = {
    InterestStatus.CLAIMED: "Claimed, the council decides",
    InterestStatus.AGREED: "Agreed, it comes with the next bill",
    InterestStatus.REFUSED: "Refused",
}


class OwnLateController(Controller):
    """A supplier's late payments, and what it owes its own partners."""

    path = "/earnings"

    @get("/late", permission=Permission.EARNINGS_OWN)
    async def late(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what came late or is overdue."""
        rows = await LatenessService(db).own(principal)
        context = {"rows": rows, "claim_words": CLAIM_WORDS, "today": today(clock_of(db))}
        return Template("payments/late/own.html", context=context)

    @post("/late/{payable_id:str}", permission=Permission.EARNINGS_OWN)
    async def claim(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        payable_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Claim what a late payment owes on top."""

        async def action() -> str:
            claim = await LatenessService(db).claim(principal, row_id(payable_id))
            flash(request, f"You have claimed {pounds(claim.interest_pence + claim.fixed_pence)}")
            return "/earnings/late"

        return await take(request, db, principal, data, action)

    @get("/partners", permission=Permission.EARNINGS_OWN)
    async def partners(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what the organisation owes partners out of the council's money."""
        return await _partners_page(db, principal, {}, {})

    @post("/partners", permission=Permission.EARNINGS_OWN)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note a partner's invoice."""

        async def action() -> str:
            form = OnwardForm.read(data, today(clock_of(db)))
            await LatenessService(db).record_onward(principal, form)
            flash(request, "The invoice is on the list")
            return "/earnings/partners"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _partners_page(db, principal, data, error.fields)

    @post("/partners/{onward_id:str}/paid", permission=Permission.EARNINGS_OWN)
    async def paid(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        onward_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Note that a partner was paid."""

        async def action() -> str:
            await LatenessService(db).own_onward(principal, row_id(onward_id))
            form = FormReader(data)
            day = form.day(f"paid_on-{onward_id}", "the day you paid")
            form.done()
            if day is not None:
                await LatenessService(db).onward_paid(principal, row_id(onward_id), day)
            flash(request, "The payment is noted")
            return "/earnings/partners"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _partners_page(db, principal, data, error.fields)


class LateInterestController(Controller):
    """Claims of late interest, for finance."""

    path = "/late-interest"

    @get("/", permission=Permission.INVOICES_READ)
    async def listed(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show claims to decide and those decided."""
        return await _claims_page(db, principal, {}, {})

    @post("/{claim_id:str}", permission=Permission.INVOICES_APPROVE)
    async def decide(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        claim_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Agree to a claim or refuse it."""

        async def action() -> str:
            await LatenessRepository(db).find(principal.council_id, row_id(claim_id))
            form = FormReader(data)
            is_agreed = form.raw("decision") == "agree"
            reason = form.text(f"reason-{claim_id}", "why you refuse it", longest=500, required=not is_agreed)
            form.done()
            await LatenessService(db).decide(principal, row_id(claim_id), is_agreed=is_agreed, reason=reason)
            flash(request, "The claim is agreed" if is_agreed else "The claim is refused")
            return "/late-interest"

        try:
            return await take(request, db, principal, data, action)
        except InvalidInput as error:
            return await _claims_page(db, principal, data, error.fields)


class ComplianceController(Controller):
    """Figures of the payment compliance notice."""

    path = "/payment-compliance"

    @get("/", permission=Permission.INVOICES_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        period: Annotated[str, QueryParameter(name="period", max_length=10)] = "",
    ) -> Template:
        """Show a half-year: how fast suppliers were paid, what was late, what partners wait for."""
        periods, (starts_on, until_on) = _chosen(period, today(clock_of(db)))
        service, rows = LatenessService(db), LatenessRepository(db)
        figures = await service.notice(principal, starts_on, until_on)
        onward = await rows.onward([principal.council_id], None, MOST_ROWS)
        context = {
            "figures": figures,
            "starts_on": starts_on,
            "until_on": until_on,
            "is_running": today(clock_of(db)) < until_on,
            "periods": [(start.isoformat(), date_range(start, until)) for start, until in periods],
            "interest_pence": await rows.interest_of_period(principal.council_id, starts_on, until_on),
            "late": await rows.late_rows(principal.council_id, starts_on, until_on, MOST_ROWS),
            "onward": onward,
            "today": today(clock_of(db)),
            "most_rows": MOST_ROWS,
            "bars": [
                (label, count, f"{count:,} ({figures.share(count)}%)")
                for label, count in (
                    ("Within 30 days", figures.within_30),
                    ("31 to 60 days", figures.from_31_to_60),
                    ("61 days or more", figures.over_60),
                )
            ],
        }
        return Template("payments/late/compliance.html", context=context)

    @get("/notice.csv", permission=Permission.INVOICES_READ)
    async def csv(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        period: Annotated[str, QueryParameter(name="period", max_length=10)] = "",
    ) -> Response[str]:
        """Give the figures of a half-year as a table."""
        _, (starts_on, until_on) = _chosen(period, today(clock_of(db)))
        figures = await LatenessService(db).notice(principal, starts_on, until_on)
        interest = await LatenessRepository(db).interest_of_period(principal.council_id, starts_on, until_on)
        rows: list[tuple[Cell, ...]] = [
            ("measure", "figure"),
            ("council", principal.council_name),
            ("first_day", starts_on.isoformat()),
            ("first_day_after", until_on.isoformat()),
            ("payments", figures.paid),
            ("paid_pounds", pounds_cell(figures.paid_pence)),
            ("average_days", str(figures.average_days)),
            ("within_30_days_percent", str(figures.share(figures.within_30))),
            ("31_to_60_days_percent", str(figures.share(figures.from_31_to_60))),
            ("61_days_or_more_percent", str(figures.share(figures.over_60))),
            ("paid_late", figures.late),
            ("paid_late_pounds", pounds_cell(figures.late_pence)),
            ("overdue_at_the_end", figures.overdue),
            ("overdue_at_the_end_pounds", pounds_cell(figures.overdue_pence)),
            ("with_a_dispute", figures.disputes),
            ("late_interest_pounds", pounds_cell(interest)),
        ]
        headers = {
            "Content-Disposition": f'attachment; filename="payment-compliance-{starts_on.isoformat()}.csv"',
            "Cache-Control": "private, no-store",
        }
        return Response(csv_text(rows), media_type="text/csv; charset=utf-8", headers=headers)


def _chosen(period: str, day: date) -> tuple[list[tuple[date, date]], tuple[date, date]]:
    periods = list(half_years(day, PERIODS))
    wanted = parse_day(period)
    return periods, next((one for one in periods if one[0] == wanted), periods[0])


async def _partners_page(db: AsyncSession, principal: Principal, values: Any, errors: dict[str, str]) -> Template:
    rows = await LatenessRepository(db).onward(principal.councils, principal.need_organisation(), MOST_ROWS)
    context = {"rows": rows, "values": values, "errors": errors, "today": today(clock_of(db))}
    return Template("payments/late/partners.html", context=context, status_code=422 if errors else 200)


async def _claims_page(db: AsyncSession, principal: Principal, values: Any, errors: dict[str, str]) -> Template:
    service = LatenessService(db)
    context = {
        "waiting": await service.claims(principal, InterestStatus.CLAIMED),
        "agreed": await service.claims(principal, InterestStatus.AGREED),
        "refused": await service.claims(principal, InterestStatus.REFUSED),
        "may_decide": principal.may(Permission.INVOICES_APPROVE),
        "values": values,
        "errors": errors,
    }
    return Template("payments/late/claims.html", context=context, status_code=422 if errors else 200)


ROUTES: list[Any] = [OwnLateController, LateInterestController, ComplianceController]
