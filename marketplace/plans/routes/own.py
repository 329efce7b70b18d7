"""Writing one's own plan, section by section, and what becomes of it."""

import re
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound, StaleForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData
from marketplace.matching.states import ReferralStatus
from marketplace.people import is_in_crisis, may_plan_long_term
from marketplace.people.budget_words import budget_note
from marketplace.people.views import note_view
from marketplace.plans.content import MOST_ITEMS, budget_words
from marketplace.plans.errors import PlanChanged, PlanNotEditable, SectionClash
from marketplace.plans.models import PlannedBy
from marketplace.plans.own import Typed, missing, with_section
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.own import OwnPlan
from marketplace.plans.routes.common import attempt, may_cost, typed
from marketplace.plans.routes.writing import ASK, clash_of, glance_at, read_typed, section_page, typed_words
from marketplace.plans.schemas import ReasonForm, read_expected
from marketplace.plans.sections import BY_KEY, SOURCE_LABELS, texts_of
from marketplace.plans.service.own import OwnPlanService
from marketplace.plans.service.own_writing import why_closed
from marketplace.plans.states import EDITABLE, PlanStatus

HERE = "/my-plan/write"
REMOVE = re.compile(r"^remove-(\d{1,2})$")


class OwnPlanController(Controller):
    """A person's own plan, for the person or who acts for them."""

    path = HERE

    @get("/", permission=Permission.PLAN_OWN)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the sections with what is done and what is missing; or how to begin."""
        return await _overview(db, principal)

    @post("/start", permission=Permission.PLAN_OWN)
    async def start(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Begin."""

        async def act() -> str:
            await OwnPlanService(db).start(principal)
            flash(request, "You can write now. Nobody at the council sees it until you share it")
            return HERE

        return await attempt(request, db, principal, data, act)

    @get("/share", permission=Permission.PLAN_OWN)
    async def show_share(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show all that the council will read, and what is missing."""
        return await _share_page(db, principal, {}, {})

    @post("/share", permission=Permission.PLAN_OWN)
    async def share(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Share it with the council."""
        found = await my_own(db, principal)

        async def act() -> str:
            form = FormReader(data)
            if not form.ticked("is_sure"):
                form.wrong("is_sure", "Tick the box if you want the council to read your plan")
            expected = read_expected(form)
            form.done()
            await OwnPlanService(db).share(principal, found.plan.id, expected)
            flash(request, "You have shared your plan. The council reads it now")
            return HERE

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return await _share_page(db, principal, typed(data), error.fields)
        except PlanChanged:
            return await _share_page(db, principal, {}, {}, has_changed=True)

    @get("/planner", permission=Permission.PLAN_OWN)
    async def show_planner(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask what a planner should know."""
        found = await my_own(db, principal)
        return _planner_page(found, {"wants": found.referral.wants}, {})

    @post("/planner", permission=Permission.PLAN_OWN)
    async def hand_over(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Ask for a planner who goes on."""
        found = await my_own(db, principal)

        async def act() -> str:
            form = FormReader(data)
            wants = form.text("wants", "what you want, in a few words", longest=2_000)
            form.done()
            await OwnPlanService(db).hand_over(principal, found.plan.id, wants)
            flash(request, "You have asked for a planner. You can go on writing until one says yes")
            return HERE

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return _planner_page(found, typed(data), error.fields)

    @get("/take-back", permission=Permission.PLAN_OWN)
    async def show_take_back(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Ask whether the person wants to go on by themselves."""
        return _reason_page(await my_own(db, principal), "take-back", {}, {})

    @post("/take-back", permission=Permission.PLAN_OWN)
    async def take_back(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Take the plan back from the queue or from a planner."""
        found = await my_own(db, principal)

        async def act() -> str:
            form = ReasonForm.read(data, "why", "why you want to go on by yourself")
            await OwnPlanService(db).take_back(principal, found.plan.id, form.why)
            flash(request, "The plan is yours again. Nothing in it was lost")
            return HERE

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return _reason_page(found, "take-back", typed(data), error.fields)

    @get("/change", permission=Permission.PLAN_OWN)
    async def show_change(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Ask why the plan in place should change."""
        return _reason_page(await my_own(db, principal), "change", {}, {})

    @post("/change", permission=Permission.PLAN_OWN)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Start the next version."""
        found = await my_own(db, principal)

        async def act() -> str:
            form = ReasonForm.read(data, "why", "why you want to change it")
            await OwnPlanService(db).change(principal, found.plan.id, form.why)
            flash(request, "You can change your plan now. The old one stays until the new one is signed")
            return HERE

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            return _reason_page(found, "change", typed(data), error.fields)

    @get("/{key:str}", permission=Permission.PLAN_OWN)
    async def show_section(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        key: FromPath[str],
        rows: Annotated[int, QueryParameter(name="rows", ge=1, le=MOST_ITEMS)] = 1,
    ) -> Template:
        """Show one section to write in."""
        found = await my_own(db, principal)
        _known(key)
        if why_closed(found.plan, found.version, found.referral, found.person):
            return _closed_page(found, key, {}, status=200)
        await note_view(db, principal, found.person.id, "plan")
        return await section_page(db, found.version, key, await _context(db, found, key), rows=rows)

    @post("/{key:str}/checklist", permission=Permission.PLAN_OWN)
    async def live_checklist(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Answer what is missing in the plan with what is typed so far; nothing is saved."""
        found = await my_own(db, principal)
        _known(key)
        if why_closed(found.plan, found.version, found.referral, found.person):
            raise NotFound
        return Template("plans/own/_checklist.html", context=await _checklist(db, found, key, glance_at(key, data)))

    @post("/{key:str}", permission=Permission.PLAN_OWN, keeps_words=True)
    async def write_section(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        key: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Save one section; where somebody else wrote in it meanwhile, show both wordings and save nothing."""
        found = await my_own(db, principal)
        _known(key)
        context = await _context(db, found, key)

        async def act() -> str:
            action = str(data.get("action") or "save")
            removed = REMOVE.match(action)
            what, keep = read_typed(key, data, int(removed.group(1)) if removed else 0)
            await OwnPlanService(db).write(principal, found.plan.id, what, FormReader(data).raw("seen"), keep)
            if action == "add" and len(what.items) < MOST_ITEMS:
                return f"{HERE}/{key}?rows={len(what.items) + 1}#item-{len(what.items) + 1}"
            flash(request, "Saved")
            if action == "next" and context["next_key"]:
                return f"{HERE}/{context['next_key']}"
            return f"{HERE}/{key}" if removed else f"{HERE}#sections"

        try:
            return await attempt(request, db, principal, data, act)
        except InvalidInput as error:
            is_clash = bool(data.get("clash"))
            context |= await _checklist(db, found, key, glance_at(key, data))
            return await section_page(
                db, found.version, key, context, values=typed(data), errors=error.fields, is_clash=is_clash
            )
        except (SectionClash, StaleForm):
            # What was read before the form was taken may be older than what is saved by now.
            await db.refresh(found.version)
            return await section_page(db, found.version, key, context, values=typed(data), is_clash=True)
        except PlanNotEditable:
            found = await my_own(db, principal)
            return _closed_page(found, key, data, status=409)


async def my_own(db: AsyncSession, principal: Principal) -> OwnPlan:
    """Return the person's plan.

    Raises:
        NotFound: There is none yet.
    """
    found = await OwnPlanService(db).mine(principal)
    if found is None:
        raise NotFound
    return found


def _known(key: str) -> None:
    if key not in BY_KEY:
        raise NotFound


async def _checklist(db: AsyncSession, found: OwnPlan, key: str, now: Typed | None = None) -> dict[str, Any]:
    """Context of the list of parts beside a section: what each still lacks, and what the plan costs.

    Args:
        db: The reader's transaction.
        found: The plan.
        key: The section that is open.
        now: How it is typed so far; None: as it is saved.
    """
    detail = await PlanRepository(db).detail_of(found.version.id)
    content = detail.content if now is None else with_section(detail.content, now)
    texts = texts_of(found.version, detail.sections, detail.content.items)
    budget = await may_cost(db, found.plan)
    lacking = missing(content, budget)
    return {
        "here": HERE,
        "key": key,
        "parts": [
            {
                "section": text.section,
                "missing": [one for one in lacking if one.key == text.section.key],
                "is_written": bool(now.text if now is not None and text.section.key == key else text.words),
            }
            for text in texts
        ],
        "missing_count": len(lacking),
        "weekly_pence": content.weekly_pence,
        "budget_pence": budget,
        "budget_words": budget_words(content.weekly_pence, budget) if budget else "",
    }


async def _context(db: AsyncSession, found: OwnPlan, key: str) -> dict[str, Any]:
    keys = list(BY_KEY)
    place = keys.index(key)
    return {
        **await _checklist(db, found, key),
        "next_key": keys[place + 1] if place + 1 < len(keys) else "",
        "action": f"{HERE}/{key}",
        "back_href": HERE,
        "title": BY_KEY[key].title,
        "caption": f"My plan, part {place + 1} of {len(keys)}",
        "prompts": BY_KEY[key].prompts,
        "ask": ASK,
        "plan": found.plan,
        "version": found.version,
    }


async def _overview(db: AsyncSession, principal: Principal) -> Template:
    found = await OwnPlanService(db).mine(principal)
    if found is None:
        return Template("plans/own/start.html", context=await _waiting(db, principal))
    await note_view(db, principal, found.person.id, "plan")
    closed = why_closed(found.plan, found.version, found.referral, found.person)
    return Template("plans/own/overview.html", context={**await _all_of(db, found), "closed": closed})


async def _waiting(db: AsyncSession, principal: Principal) -> dict[str, Any]:
    """Say whether a plan can be begun now, and whom to talk to where it cannot (B1, B2)."""
    ids = principal.council_id, principal.need_person()
    waits = await may_plan_long_term(db, *ids) is not None
    council = await AccountRepository(db).council(principal.council_id) if waits else None
    return {"waits": waits, "in_crisis": waits and await is_in_crisis(db, *ids), "council": council}


async def _all_of(db: AsyncSession, found: OwnPlan) -> dict[str, Any]:
    """Context of the pages that show the whole plan."""
    detail = await PlanRepository(db).detail_of(found.version.id)
    budget = await may_cost(db, found.plan)
    texts = texts_of(found.version, detail.sections, detail.content.items)
    lacking = missing(detail.content, budget)
    first: dict[str, str] = {}
    for one in lacking:
        first.setdefault(one.key, one.advice)
    status, version_status = found.referral.status, found.version.status
    return {
        "budget_note": await budget_note(
            db, found.plan.council_id, found.person.id, found.referral.indicative_weekly_pence
        ),
        "plan": found.plan,
        "version": found.version,
        "planner_name": found.planner_name,
        "organisation_name": found.organisation_name,
        "texts": texts,
        "clashes": {text.section.key for text in texts if clash_of(text.row)},
        "sources": SOURCE_LABELS,
        "missing": first,
        "lacking": lacking,
        "by_key": BY_KEY,
        "weekly_pence": detail.content.weekly_pence,
        "budget_pence": budget,
        "budget_words": budget_words(detail.content.weekly_pence, budget) if budget else "",
        "is_own": found.plan.planned_by is PlannedBy.PERSON,
        "is_asked": status in (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED),
        "may_take_back": status in (ReferralStatus.RECEIVED, ReferralStatus.INCOMPLETE, ReferralStatus.OFFERED)
        or (status is ReferralStatus.MATCHED and found.referral.planned_at is None),
        "may_write_next": found.plan.planned_by is not PlannedBy.PERSON
        and found.referral.planned_at is not None
        and version_status in (PlanStatus.SIGNED_OFF, *EDITABLE)
        and status is not ReferralStatus.RETAINED,
        "may_ask_planner": status is ReferralStatus.SELF_PLANNED and found.referral.planned_at is None,
        "is_with_council": version_status
        in (PlanStatus.IN_QUALITY_CHECK, PlanStatus.AWAITING_AGREEMENT, PlanStatus.AWAITING_SIGN_OFF),
        "is_signed": version_status is PlanStatus.SIGNED_OFF,
        "comments": found.version.comments if version_status is PlanStatus.RETURNED else "",
    }


async def _share_page(
    db: AsyncSession, principal: Principal, values: dict[str, Any], errors: dict[str, str], *, has_changed: bool = False
) -> Template:
    found = await my_own(db, principal)
    closed = why_closed(found.plan, found.version, found.referral, found.person)
    context = {
        **await _all_of(db, found),
        "closed": closed,
        "values": values,
        # What a section lacks is put right on the section's own page: the list below links there.
        "errors": {name: text for name, text in errors.items() if name not in BY_KEY},
        "has_changed": has_changed,
    }
    status = 422 if errors else 409 if has_changed else 200
    return Template("plans/own/share.html", context=context, status_code=status)


def _planner_page(found: OwnPlan, values: dict[str, Any], errors: dict[str, str]) -> Template:
    context = {"plan": found.plan, "values": values, "errors": errors}
    return Template("plans/own/planner.html", context=context, status_code=422 if errors else 200)


def _reason_page(found: OwnPlan, kind: str, values: dict[str, Any], errors: dict[str, str]) -> Template:
    context = {
        "kind": kind,
        "is_planners": found.plan.planned_by is not PlannedBy.PERSON,
        "planner_name": found.planner_name,
        "organisation_name": found.organisation_name,
        "values": values,
        "errors": errors,
    }
    return Template("plans/own/reason.html", context=context, status_code=422 if errors else 200)


def _closed_page(found: OwnPlan, key: str, data: FormData, *, status: int) -> Template:
    context = {
        "reason": why_closed(found.plan, found.version, found.referral, found.person)
        or "You cannot write in this plan now.",
        "section": BY_KEY[key],
        "typed": typed_words(key, data),
        "back_href": HERE,
    }
    return Template("plans/own/closed.html", context=context, status_code=status)
