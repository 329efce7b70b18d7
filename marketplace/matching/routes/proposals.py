"""Pages of one line of a run: why it is so, pins and vetoes, and saying no."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import uk_datetime
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.errors import BreaksRule, CannotRank
from marketplace.matching.forms import ReasonForm
from marketplace.matching.forms_runs import RuleForm
from marketplace.matching.models import AssignmentRun, Proposal, Referral, RuleKind
from marketplace.matching.pages_runs import SOMEBODY, proposal_line, rule_words, score_parts
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.repository.runs import ProposalRepository, RuleRepository, RunRepository
from marketplace.matching.service.proposals import ProposalService
from marketplace.matching.service.run_rules import RunRules
from marketplace.matching.service.runs import need_done
from marketplace.matching.service.shortlists import ShortlistService
from marketplace.matching.states import ProposalStatus, ReferralStatus
from marketplace.matching.words_runs import PROPOSAL_LABELS
from marketplace.people import PeopleRepository
from marketplace.people.models import Person
from marketplace.providers.repository.planners import PlannerRepository

OTHERS_SHOWN = 12


class Other(msgspec.Struct, frozen=True, kw_only=True):
    """A planner who could take the referral, too."""

    id: str
    name: str
    organisation: str
    rank: int
    total: int


class ProposalController(Controller):
    """Lines of runs."""

    path = "/matching/runs/{run_id:str}"

    @get("/proposals/{proposal_id:str}", permission=Permission.MATCH_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        proposal_id: FromPath[str],
        kind: Annotated[str, QueryParameter(name="kind", max_length=10)] = "",
    ) -> Template:
        """Show why this planner, who else could, and what a broker can do about it."""
        run, proposal = await _find(db, principal, run_id, proposal_id)
        values: FormData = {"kind": kind} if kind in list(RuleKind) else {}
        if kind and proposal.worker_id is not None:
            values["worker_id"] = str(proposal.worker_id)
        return await _page(db, principal, run, proposal, values, {})

    @post("/proposals/{proposal_id:str}/rules", permission=Permission.MATCH_RUNS)
    async def settle(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        proposal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Keep a planner for the referral, or keep one away from it."""
        run, proposal = await _find(db, principal, run_id, proposal_id)

        async def action() -> str:
            referral, person = await _subject(db, principal, proposal)
            others, _ = await _others(db, principal, proposal, referral, person)
            form = RuleForm.read(data, {UUID(item.id) for item in others})
            await RunRules(db).add(principal, run.id, proposal.id, form)
            flash(request, "That is settled for the next time. Choose “Work it out again” to see what follows")
            return f"/matching/runs/{run.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, run, proposal, data, error.fields)
        except BreaksRule as error:
            return await _page(db, principal, run, proposal, data, {"worker_id": error.detail or error.title})

    @post("/rules/{rule_id:str}/remove", permission=Permission.MATCH_RUNS)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        rule_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a pin or veto back."""
        run, rule = _id(run_id), _id(rule_id)

        async def action() -> str:
            await RunRules(db).remove(principal, run, rule)
            flash(request, "That is no longer settled")
            return f"/matching/runs/{run}"

        return await submit(request, db, principal.actor, data, action)

    @post("/proposals/{proposal_id:str}/reject", permission=Permission.MATCH_RUNS)
    async def reject(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        run_id: FromPath[str],
        proposal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Say no, with the reason."""
        run, proposal = await _find(db, principal, run_id, proposal_id)
        try:
            form = ReasonForm.read(data)
        except InvalidInput as error:
            return await _page(db, principal, run, proposal, data, error.fields)

        async def action() -> str:
            await ProposalService(db).reject(principal, run.id, proposal.id, form.reason)
            flash(request, "The proposal is rejected. The referral goes on waiting")
            return f"/matching/runs/{run.id}"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def _find(
    db: AsyncSession, principal: Principal, run_id: str, proposal_id: str
) -> tuple[AssignmentRun, Proposal]:
    run, proposal = await ProposalRepository(db).with_run(principal.council_id, _id(run_id), _id(proposal_id))
    need_done(run)
    return run, proposal


async def _subject(db: AsyncSession, principal: Principal, proposal: Proposal) -> tuple[Referral, Person]:
    referral = await ReferralRepository(db).find(principal.council_id, proposal.referral_id)
    return referral, await PeopleRepository(db).find(principal.council_id, referral.person_id)


async def _others(
    db: AsyncSession, principal: Principal, proposal: Proposal, referral: Referral, person: Person
) -> tuple[list[Other], dict[UUID, tuple[str, str]]]:
    """Return the best planners for the referral as things stand now, and names of everybody who was ranked.

    Nobody when the referral waits no longer.
    """
    if referral.status is not ReferralStatus.RECEIVED:
        return [], {}
    try:
        made = await ShortlistService(db).rank(referral, person, principal.council_name)
    except CannotRank:
        return [], {}
    names = {item.worker_id: (item.name, item.organisation_name) for item in made.planners.values()}
    lines = [
        Other(
            id=entry.id,
            name=made.planners[entry.id].name,
            organisation=made.planners[entry.id].organisation_name,
            rank=entry.rank,
            total=entry.total,
        )
        for entry in made.ranking.entries
    ]
    shown = lines[:OTHERS_SHOWN]
    proposed = str(proposal.worker_id)
    shown.extend(line for line in lines[OTHERS_SHOWN:] if line.id == proposed)
    if proposal.worker_id is not None and all(line.id != proposed for line in shown):
        # Somebody who stands far below, or whose place has gone: still to be ruled out by name.
        planner = made.planners.get(proposed)
        if planner is not None:
            name, organisation = planner.name, planner.organisation_name
            shown.append(Other(id=proposed, name=name, organisation=organisation, rank=0, total=0))
    return shown, names


async def _page(
    db: AsyncSession,
    principal: Principal,
    run: AssignmentRun,
    proposal: Proposal,
    values: FormData,
    errors: dict[str, str],
) -> Template:
    council_id = principal.council_id
    referral, person = await _subject(db, principal, proposal)
    rules = [rule for rule in await RuleRepository(db).of_run(council_id, run.id) if rule.referral_id == referral.id]
    others, known = await _others(db, principal, proposal, referral, person)
    missing = {*(rule.worker_id for rule in rules), proposal.worker_id} - {None} - known.keys()
    if missing:
        rows = await PlannerRepository(db).with_organisation([item for item in missing if item is not None])
        known = known | {worker_id: (row[0].name, row[1].name) for worker_id, row in rows.items()}
    names = {worker_id: name for worker_id, (name, _) in known.items()}
    deciders = {rule.made_by_user_id for rule in rules}
    if proposal.decided_by_user_id is not None:
        deciders.add(proposal.decided_by_user_id)
    users = await AccountRepository(db).names(deciders) if deciders else {}
    own = known.get(proposal.worker_id) if proposal.worker_id else None
    newer = await RunRepository(db).successor(council_id, run.id)
    is_open = proposal.status is ProposalStatus.PROPOSED
    context = {
        "run": run,
        "proposal": proposal,
        "line": proposal_line(proposal, referral, person, own),
        "parts": score_parts(proposal.detail),
        "maximum": proposal.detail.get("maximum") or 0,
        "is_pinned": bool(proposal.detail.get("is_pinned")),
        "others": others,
        "proposed_id": str(proposal.worker_id) if is_open else "",
        "has_others": any(item.rank and (not is_open or item.id != str(proposal.worker_id)) for item in others),
        "choices": [(item.id, f"{item.name}, {item.organisation}{_points(item)}") for item in others],
        "rules": [
            (rule, rule_words(rule, names), users.get(rule.made_by_user_id, SOMEBODY), uk_datetime(rule.made_at))
            for rule in rules
        ],
        "decided_by": users.get(proposal.decided_by_user_id, "") if proposal.decided_by_user_id else "",
        "proposal_labels": PROPOSAL_LABELS,
        "newer": newer,
        "may_run": principal.may(Permission.MATCH_RUNS),
        "may_decide": is_open and principal.may(Permission.MATCH_RUNS),
        "may_settle": newer is None and bool(others) and principal.may(Permission.MATCH_RUNS),
        "may_match": principal.may(Permission.REFERRALS_MATCH) and referral.status is ReferralStatus.RECEIVED,
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/proposal.html", context=context, status_code=422 if errors else 200)


def _points(item: Other) -> str:
    return f" ({item.total} points)" if item.rank else ""
