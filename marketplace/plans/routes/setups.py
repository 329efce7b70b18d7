"""Pages of direct payments to be set up: the council's and the person's; and of early starts."""

from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.people import PeopleRepository
from marketplace.people.models import BudgetKind
from marketplace.people.representatives import KINDS
from marketplace.plans.direct_payments import (
    FREQUENCIES,
    HOLDINGS,
    HOLDINGS_TO_PERSON,
    MANAGED_LABELS,
    TERMS,
    conditions_for,
    pays_words,
)
from marketplace.plans.models import DirectPaymentSetup, Frequency
from marketplace.plans.repository.setups import EarlyStartRepository, SetupRepository
from marketplace.plans.routes.common import PAGE, attempt, id_of, typed
from marketplace.plans.schemas import read_expected
from marketplace.plans.service.early_starts import EarlyStartService
from marketplace.plans.service.setups import SetupAnswers, SetupPayments, SetupService
from marketplace.plans.setup_forms import LONGEST, SetupForm
from marketplace.plans.states import SetupStatus
from marketplace.plans.words import PLAN_LABELS

MONTH_HINT = "For the days of each month, so a short month brings less. The same day each month"
ONCE_HINT = "On the first day. Nothing follows"
SETUP_TAGS = {
    SetupStatus.DRAFT: ("draft", "Being set up"),
    SetupStatus.OFFERED: ("waiting", "With the person"),
    SetupStatus.AGREED: ("approved", "Agreed"),
    SetupStatus.STARTED: ("active", "Runs"),
    SetupStatus.REFUSED: ("refused", "Refused"),
    SetupStatus.STOPPED: ("ended", "Stopped"),
}


class SetupController(Controller):
    """Setting up direct payments for the council."""

    path = "/direct-payment-setups"

    @get("/", permission=Permission.SETUPS_DECIDE)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        show: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits, or what runs and is over."""
        if show not in (None, "settled"):
            raise BadRequest
        setups = SetupRepository(db)
        before = await setups.find(principal.council_id, id_of(after)) if after else None
        found = await setups.lines(principal.council_id, is_open=show is None, after=before, limit=PAGE + 1)
        base = "/direct-payment-setups" + ("" if show is None else "?show=settled")
        mark = "?" if show is None else "&"
        context = {
            "lines": found[:PAGE],
            "is_open": show is None,
            "tags": SETUP_TAGS,
            "first_href": base if after else "",
            "next_href": f"{base}{mark}after={found[PAGE - 1][0].id}" if len(found) > PAGE else "",
        }
        return Template("plans/setups/index.html", context=context)

    @post("/for/{person_id:str}", permission=Permission.SETUPS_DECIDE)
    async def begin(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin one for a person, or go on with the one there is."""
        wanted = id_of(person_id)

        async def action() -> str:
            row = await SetupService(db).begin(principal, wanted, once=bool(FormReader(data).raw("once")))
            return f"/direct-payment-setups/{row.id}"

        return await attempt(request, db, principal, data, action)

    @get("/{setup_id:str}", permission=Permission.SETUPS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], setup_id: FromPath[str]
    ) -> Template:
        """Show one with the form of its next step."""
        return await _page(db, principal, id_of(setup_id), {}, {})

    @post("/{setup_id:str}", permission=Permission.SETUPS_DECIDE)
    async def act(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        setup_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the step that the pressed button names."""
        wanted = id_of(setup_id)
        await SetupRepository(db).find(principal.council_id, wanted)
        try:
            return await attempt(request, db, principal, data, lambda: _act(request, db, principal, wanted, data))
        except InvalidInput as error:
            return await _page(db, principal, wanted, typed(data), error.fields)


class MySetupController(Controller):
    """The person's side of setting up a direct payment."""

    @get("/money/set-up", permission=Permission.MONEY_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show how far it is, what is offered, and the question."""
        return await _my_page(db, principal, {}, {})

    @post("/money/set-up", permission=Permission.MONEY_OWN)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the answer of the person, or of who is to manage the payment."""

        async def action() -> str:
            form = FormReader(data)
            answer = form.option("answer", "your answer", ("yes", "no"))
            if answer == "yes" and not form.ticked("has_read"):
                form.wrong("has_read", "Tick the box to say that you have read the terms or had them read to you")
            reason = form.text("reason", "why", required=answer == "no", longest=LONGEST)
            expected = read_expected(form)
            form.done()
            await SetupAnswers(db).answer(principal, answer == "yes", reason, expected)
            flash(request, "Thank you. The council has your answer")
            return "/money/set-up"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _my_page(db, principal, typed(data), error.fields)


class EarlyStartController(Controller):
    """Payments that started before the plan was signed."""

    path = "/early-starts"

    @get("/", permission=Permission.SETUPS_DECIDE)
    async def index(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """List them, the nearest deadline first."""
        now = today(clock_of(db))
        context = {
            "lines": [
                (line, (line.row.sign_off_by - now).days)
                for line in await EarlyStartRepository(db).lines(principal.council_id)
            ],
            "labels": PLAN_LABELS,
            "is_allowed": await EarlyStartService(db).is_allowed(principal.council_id),
            "may_extend": principal.may(Permission.ASKS_DECIDE),
        }
        return Template("plans/setups/early_starts.html", context=context)

    @get("/{row_id:str}", permission=Permission.ASKS_DECIDE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], row_id: FromPath[str]
    ) -> Template:
        """Show one with the form that puts its deadline off."""
        return await _early_page(db, principal, id_of(row_id), {}, {})

    @post("/{row_id:str}", permission=Permission.ASKS_DECIDE)
    async def extend(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        row_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Put the deadline off."""
        wanted = id_of(row_id)
        await EarlyStartRepository(db).find(principal.council_id, wanted)

        async def action() -> str:
            form = FormReader(data)
            until = form.day("until", "the new day")
            reason = form.text("reason", "the reason", longest=LONGEST)
            expected = read_expected(form)
            form.done()
            await EarlyStartService(db).extend(principal, wanted, until or today(clock_of(db)), reason, expected)
            flash(request, "The new day is set. The person is told")
            return "/early-starts"

        try:
            return await attempt(request, db, principal, data, action)
        except InvalidInput as error:
            return await _early_page(db, principal, wanted, typed(data), error.fields)


async def _act(
    request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, setup_id: UUID, data: FormData
) -> str:
    service, form = SetupService(db), FormReader(data)
    action = form.option("action", "what to do", ("save", "offer", "refuse", "reopen", "paper", "start", "stop"))
    form.done()
    back = f"/direct-payment-setups/{setup_id}"
    if action in ("save", "offer"):
        filled = SetupForm.read(data)
        if action == "save":
            await service.save(principal, setup_id, filled)
            flash(request, "Saved")
        else:
            await service.offer(principal, setup_id, filled)
            flash(request, "Amount and terms lie before the person now. They are told")
        return back
    expected = read_expected(form)
    if action == "start":
        reason = form.text("early_reason", "why it starts early", required=False, longest=LONGEST)
        form.done()
        await SetupPayments(db).start(principal, setup_id, reason, expected)
        flash(request, "The direct payment is started. The person is told")
        return back
    names = {"refuse": "refuse_reason", "reopen": "reopen_reason", "paper": "paper_note", "stop": "stop_reason"}
    reason = form.text(names[action], "the reason" if action != "paper" else "how they agreed", longest=LONGEST)
    ends_on = form.day("ends_on", "the last day") if action == "stop" else None
    form.done()
    if action == "refuse":
        await service.refuse(principal, setup_id, reason, expected)
    elif action == "reopen":
        await service.reopen(principal, setup_id, reason, expected)
    elif action == "paper":
        await service.agree_on_paper(principal, setup_id, reason, expected)
    elif ends_on is not None:
        await SetupPayments(db).stop(principal, setup_id, ends_on, reason, expected)
    flash(request, "Saved" if action == "paper" else "Saved. The person is told")
    return back


async def _page(
    db: AsyncSession, principal: Principal, setup_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    setups, service = SetupRepository(db), SetupService(db)
    row = await setups.find(principal.council_id, setup_id)
    person = await PeopleRepository(db).find(principal.council_id, row.person_id)
    managers = await setups.managers(row.council_id, row.person_id)
    budget = await service.budget(row.council_id, row.person_id, once=row.frequency is Frequency.ONCE)
    is_signed = await setups.plan(row.council_id, row.person_id, is_signed=True) is not None
    # The conditions follow what is chosen on the page, so that each message of a refused form has its field.
    has_capacity = values.get("capacity") != "no" if values else row.has_capacity
    users = {one for one in (row.decided_by_user_id, row.agreed_by_user_id) if one}
    context = {
        "row": row,
        "person": person,
        "tag": SETUP_TAGS[row.status],
        "budget": budget,
        "managers": [(str(one.id), f"{one.name} ({KINDS[one.kind].lower()})") for one in managers],
        "manager_name": next((one.name for one in managers if one.id == row.representation_id), ""),
        "managed_labels": MANAGED_LABELS,
        "holdings": HOLDINGS,
        "frequencies": [
            (one.value, label, ONCE_HINT if one is Frequency.ONCE else MONTH_HINT)
            if one in (Frequency.ONCE, Frequency.MONTHLY)
            else (one.value, label)
            for one, label in FREQUENCIES.items()
        ],
        "pays": pays_words(row.frequency, row.amount_pence, row.once_pence),
        "once_left": await service.once_left(await service.budget(row.council_id, row.person_id, once=True)),
        "funds": [(str(one.id), one.name) for one in await setups.fund_managers(row.council_id, today(clock_of(db)))],
        "fund_name": await setups.organisation_name(row.organisation_id),
        "conditions": conditions_for(has_capacity),
        "has_capacity": has_capacity,
        # Equipment comes instead of support: there is no plan to wait for (R15).
        "may_start": is_signed or (budget is not None and budget.kind is BudgetKind.EQUIPMENT),
        "early": await EarlyStartRepository(db).open_of(row.council_id, row.person_id),
        "early_allowed": await EarlyStartService(db).is_allowed(row.council_id),
        "names": await AccountRepository(db).names(users),
        "values": values or _values(row),
        "errors": errors,
    }
    return Template("plans/setups/show.html", context=context, status_code=422 if errors else 200)


def _values(row: DirectPaymentSetup) -> dict[str, Any]:
    values: dict[str, Any] = {
        "capacity": "yes" if row.has_capacity else "no",
        "managed_by": row.managed_by.value,
        "representation_id": str(row.representation_id or ""),
        "holding": row.holding.value,
        "frequency": row.frequency.value,
        "weekly": f"{row.weekly_pence // 100}.{row.weekly_pence % 100:02d}" if row.weekly_pence else "",
        "once": f"{row.once_pence // 100}.{row.once_pence % 100:02d}" if row.once_pence else "",
        "organisation_id": str(row.organisation_id or ""),
        "needs": row.needs,
    }
    if row.starts_on is not None:
        parts = (("day", row.starts_on.day), ("month", row.starts_on.month), ("year", row.starts_on.year))
        values |= {f"starts_on-{name}": str(value) for name, value in parts}
    for key, said in row.conditions.items():
        values[f"met_{key}"] = "yes" if said.get("met") else ""
        values[f"why_{key}"] = said.get("why", "")
    return values


async def _my_page(db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str]) -> Template:
    row = await SetupAnswers(db).mine(principal)
    person_id = principal.need_person()
    early = await EarlyStartRepository(db).open_of(principal.council_id, person_id)
    if row is None:
        return Template("plans/setups/mine.html", context={"row": None, "early": early})
    manager = None
    if row.representation_id is not None:
        manager = await SetupRepository(db).manager(row.council_id, row.representation_id)
        if manager is None:
            raise NotFound
    manages = await SetupAnswers(db).is_manager(principal, row)
    budget = await SetupAnswers(db).budget(row.council_id, row.person_id)
    context = {
        "row": row,
        "beside": await SetupRepository(db).once_beside(row) if row.status is SetupStatus.STARTED else None,
        "early": early,
        "manager_name": manager.name if manager else "",
        "manages": manages,
        "has_begun": row.starts_on is not None and row.starts_on <= today(clock_of(db)),
        "is_person": principal.acting_for is None,
        "conditions": conditions_for(row.has_capacity),
        "holdings": HOLDINGS_TO_PERSON,
        "rest_pence": max(budget.weekly_pence - row.weekly_pence, 0) if budget and row.weekly_pence else 0,
        "pays": pays_words(row.frequency, row.amount_pence, row.once_pence),
        "fund_name": await SetupRepository(db).organisation_name(row.organisation_id),
        "terms": TERMS,
        "values": values,
        "errors": errors,
    }
    return Template("plans/setups/mine.html", context=context, status_code=422 if errors else 200)


async def _early_page(
    db: AsyncSession, principal: Principal, row_id: UUID, values: dict[str, Any], errors: dict[str, str]
) -> Template:
    row = await EarlyStartRepository(db).find(principal.council_id, row_id)
    context = {
        "row": row,
        "person": await PeopleRepository(db).find(principal.council_id, row.person_id),
        "setup": await SetupRepository(db).running(row.council_id, row.person_id),
        "left": (row.sign_off_by - today(clock_of(db))).days,
        "values": values,
        "errors": errors,
    }
    return Template("plans/setups/early_start.html", context=context, status_code=422 if errors else 200)
