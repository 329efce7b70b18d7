"""Pages of proposals for the whole waiting list: asking, watching, comparing, confirming."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, settings_of
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.forms_runs import FAIRNESS, MOST_AT_ONCE, AcceptForm, RunForm
from marketplace.matching.models import AssignmentRun, Urgency
from marketplace.matching.pages_runs import (
    counts_view,
    gain_words,
    is_under_way,
    percent_done,
    practice_bars,
    practice_hints,
    practice_table,
    proof_words,
    proposal_line,
    repeat_view,
    rule_words,
    scope_rows,
)
from marketplace.matching.repository.runs import ProposalRepository, RuleRepository, RunRepository
from marketplace.matching.service.proposals import accept_some
from marketplace.matching.service.runs import RunService, need_done
from marketplace.matching.states import ProposalStatus, RunStatus
from marketplace.matching.words import URGENCY_LABELS
from marketplace.matching.words_runs import PROPOSAL_LABELS, RUN_LABELS
from marketplace.providers.repository.listing_page import ListingPageRepository
from marketplace.providers.repository.planners import PlannerRepository
from marketplace.providers.service.listing_facts import district_name

RUNS_PAGE = 25
LINES_PAGE = 25
LOOKED = "Tick the box once you have looked at the proposals"


class RunController(Controller):
    """Runs over the waiting list."""

    path = "/matching/runs"

    @get("", permission=Permission.MATCH_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """List the proposals, newest first."""
        runs = await RunRepository(db).latest(principal.council_id, after=parse_id(after), limit=RUNS_PAGE + 1)
        users = await AccountRepository(db).names({run.asked_by_user_id for run in runs})
        context = {
            "runs": [(run, users.get(run.asked_by_user_id, "")) for run in runs[:RUNS_PAGE]],
            "next": runs[RUNS_PAGE - 1].id if len(runs) > RUNS_PAGE else None,
            "run_labels": RUN_LABELS,
            "may_run": principal.may(Permission.MATCH_RUNS),
        }
        return Template("matching/runs.html", context=context)

    @get("/new", permission=Permission.MATCH_RUNS)
    async def new(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask what the proposal is to cover."""
        values: FormData = {"fairness": "none", "urgencies": [item.value for item in Urgency]}
        return await _form(db, principal, values, {})

    @post("", permission=Permission.MATCH_RUNS)
    async def ask(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Ask for a proposal."""
        settings = await settings_of(db, principal.council_id, today(clock_of(db)))
        districts = (await _districts(db, principal)).keys()
        try:
            form = RunForm.read(data, districts=districts, horizon_weeks=int(settings["matching.horizon_weeks"]))
        except InvalidInput as error:
            return await _form(db, principal, data, error.fields)

        async def action() -> str:
            run = await RunService(db).ask(principal, form)
            return f"/matching/runs/{run.id}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{run_id:str}", permission=Permission.MATCH_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        urgency: Annotated[str, QueryParameter(name="urgency", max_length=20)] = "",
        organisation: Annotated[str, QueryParameter(name="organisation", max_length=36)] = "",
        show: Annotated[str, QueryParameter(name="show", max_length=20)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show one run: how far it is, or what it proposes beside how it is done today."""
        filters = {"urgency": urgency, "organisation": organisation, "show": show, "after": after}
        return await _page(db, principal, await _find(db, principal, run_id), filters, {}, {})

    @get("/{run_id:str}/progress", permission=Permission.MATCH_READ)
    async def progress(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], run_id: FromPath[str]
    ) -> Template:
        """Show how far a run is, for a page that looks again by itself; once it is over, the whole page is to load."""
        run = await _find(db, principal, run_id)
        context = {"run": run, "percent": percent_done(run), "run_labels": RUN_LABELS}
        headers = {} if is_under_way(run) else {"HX-Refresh": "true"}
        return Template("matching/_run_progress.html", context=context, headers=headers)

    @post("/{run_id:str}/cancel", permission=Permission.MATCH_RUNS)
    async def cancel(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Stop a run."""
        wanted = _id(run_id)

        async def action() -> str:
            run = await RunService(db).cancel(principal, wanted)
            is_stopped = run.status is RunStatus.CANCELLED
            flash(request, "The proposal is stopped" if is_stopped else "The proposal is being stopped")
            return f"/matching/runs/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{run_id:str}/again", permission=Permission.MATCH_RUNS)
    async def again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Work it out again, as things stand now, with what was settled by hand."""
        wanted = _id(run_id)

        async def action() -> str:
            run = await RunService(db).again(principal, wanted)
            return f"/matching/runs/{run.id}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{run_id:str}/repeat", permission=Permission.MATCH_READ)
    async def repeat(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Work the stored inputs out once more, to see that the answer is the same."""
        wanted = _id(run_id)

        async def action() -> str:
            await RunService(db).ask_repeat(principal, wanted)
            flash(request, "The stored inputs are being worked out again. Look at the end of this page in a moment")
            return f"/matching/runs/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @post("/{run_id:str}/accept", permission=Permission.MATCH_RUNS)
    async def accept(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Confirm proposals: the ticked ones, or all that are open after a look at them."""
        run = await _find(db, principal, run_id)
        need_done(run)
        try:
            if data.get("all"):
                if data.get("looked") != "yes":
                    raise InvalidInput({"looked": LOOKED})
                ids = list(await ProposalRepository(db).open_ids(principal.council_id, run.id, MOST_AT_ONCE))
            else:
                ids = AcceptForm.read(data).ids
        except InvalidInput as error:
            return await _page(db, principal, run, {}, data, error.fields)

        async def action() -> str:
            decided = await accept_some(principal, run.id, ids)
            return f"/matching/runs/{run.id}/decided?since={decided.since.isoformat().replace('+00:00', 'Z')}"

        return await submit(request, db, principal.actor, data, action)

    @get("/{run_id:str}/decided", permission=Permission.MATCH_RUNS)
    async def decided(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        since: Annotated[str, QueryParameter(name="since", max_length=40)] = "",
    ) -> Template:
        """Say what came of confirming: who was offered, and what stood in the way of the others."""
        run = await _find(db, principal, run_id)
        rows = await ProposalRepository(db).decided(principal.council_id, run.id, principal.user_id, _moment(since))
        offered = [row for row in rows if row[0].status is ProposalStatus.ACCEPTED]
        others = [row for row in rows if row[0].status is not ProposalStatus.ACCEPTED]
        verb = "is" if len(offered) == 1 else "are"
        context = {
            "run": run,
            "title": f"{plural(len(offered), 'referral')} {verb} offered" + (f", {len(others)} not" if others else ""),
            "offered": offered,
            "others": others,
        }
        return Template("matching/run_decided.html", context=context)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest from error
    if found.tzinfo is None:
        raise BadRequest
    return found


async def _find(db: AsyncSession, principal: Principal, run_id: str) -> AssignmentRun:
    return await RunRepository(db).find(principal.council_id, _id(run_id))


async def _districts(db: AsyncSession, principal: Principal) -> dict[str, str]:
    """Return the names of the council's districts by code, in their order."""
    council = await AccountRepository(db).council(principal.council_id)
    codes = council.district_codes if council is not None else []
    authorities = await ListingPageRepository(db).authorities(codes)
    names = {code: district_name(code, authorities) for code in codes}
    return dict(sorted(names.items(), key=lambda item: (item[1], item[0])))


async def _form(db: AsyncSession, principal: Principal, values: FormData, errors: dict[str, str]) -> Template:
    settings = await settings_of(db, principal.council_id, today(clock_of(db)))
    districts = await _districts(db, principal)
    waiting = await RunRepository(db).waiting_by_district(principal.council_id)
    context = {
        "values": typed(values),
        "errors": errors,
        "waiting": sum(waiting.values()),
        "districts": [(code, f"{name} ({waiting.get(code, 0)} waiting)") for code, name in districts.items()],
        "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
        "fairness": [(key, label) for key, (label, _) in FAIRNESS.items()],
        "horizon": int(settings["matching.horizon_weeks"]),
        "cap": settings["matching.share_cap_percent"],
        "reserve": settings["matching.crisis_reserve_percent"],
    }
    return Template("matching/run_new.html", context=context, status_code=422 if errors else 200)


async def _page(
    db: AsyncSession,
    principal: Principal,
    run: AssignmentRun,
    filters: dict[str, str],
    values: FormData,
    errors: dict[str, str],
) -> Template:
    users = await AccountRepository(db).names({run.asked_by_user_id})
    runs = RunRepository(db)
    newer = await runs.successor(principal.council_id, run.id)
    older = await runs.find(principal.council_id, run.replaces_run_id) if run.replaces_run_id else None
    context: dict[str, Any] = {
        "run": run,
        "asked_by": users.get(run.asked_by_user_id, ""),
        "newer": newer,
        "older": older,
        "is_under_way": is_under_way(run),
        "percent": percent_done(run),
        "run_labels": RUN_LABELS,
        "scope": scope_rows(run, await _districts(db, principal), str(run.figures.get("weights_version") or "")),
        "may_run": principal.may(Permission.MATCH_RUNS),
        "values": typed(values),
        "errors": errors,
    }
    if run.status is RunStatus.DONE:
        context |= await _result(db, principal, run, filters, is_latest=newer is None)
    return Template("matching/run.html", context=context, status_code=422 if errors else 200)


async def _result(
    db: AsyncSession, principal: Principal, run: AssignmentRun, filters: dict[str, str], *, is_latest: bool
) -> dict[str, Any]:
    """Return what the page of a finished run shows besides."""
    council_id, proposals = principal.council_id, ProposalRepository(db)
    urgency = filters.get("urgency") or ""
    level = Urgency(urgency) if urgency in list(Urgency) else None
    shown = filters.get("show") or ""
    status = ProposalStatus(shown) if shown in list(ProposalStatus) else None
    organisation_id = parse_id(filters.get("organisation") or "")
    rows = await proposals.of_run(
        council_id,
        run.id,
        urgency=level,
        organisation_id=organisation_id,
        status=status,
        is_placed=False if shown == "nobody" else True if status is not None else None,
        after=parse_id(filters.get("after") or ""),
        limit=LINES_PAGE + 1,
    )
    rules = await RuleRepository(db).of_run(council_id, run.id)
    workers = await PlannerRepository(db).with_organisation({rule.worker_id for rule in rules})
    names = {worker_id: row[0].name for worker_id, row in workers.items()}
    by_referral: dict[UUID, list[str]] = {}
    for rule in rules:
        by_referral.setdefault(rule.referral_id, []).append(rule_words(rule, names))
    organisations = await proposals.organisations_of(council_id, run.id)
    counts = counts_view(await proposals.counts(council_id, run.id))
    figures = run.figures
    query = f"urgency={level.value if level else ''}&organisation={organisation_id or ''}&show={shown}"
    return {
        "figures": figures,
        "counts": counts,
        "lines": [
            proposal_line(
                row[0],
                row[1],
                row[2],
                (row[3].name, row[4].name) if row[3] is not None and row[4] is not None else None,
                by_referral.get(row[1].id, ()),
            )
            for row in rows[:LINES_PAGE]
        ],
        "next": f"{query}&after={rows[LINES_PAGE - 1][0].id}" if len(rows) > LINES_PAGE else "",
        "rules": rules,
        "rule_count": len(rules),
        "is_latest": is_latest,
        "filters": {"urgency": level.value if level else "", "organisation": str(organisation_id or ""), "show": shown},
        "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
        "organisations": [(str(row[0]), f"{row[1]} ({row[2]})") for row in organisations],
        "states": [
            *((item.value, label) for item, label in PROPOSAL_LABELS.items()),
            ("nobody", "Nobody can take it"),
        ],
        "proposal_labels": PROPOSAL_LABELS,
        "practices": practice_table(figures),
        "fit_bars": practice_bars(figures, "total"),
        "miles_bars": practice_bars(figures, "mean_metres"),
        "placed_bars": practice_bars(figures, "placed"),
        "hints": practice_hints(figures),
        "gain": gain_words(figures),
        "proof": proof_words(run, figures),
        "repeat": repeat_view(run),
        "most_at_once": MOST_AT_ONCE,
    }
