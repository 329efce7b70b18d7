"""Pages of requirements for council staff: the queue, writing one, what providers will see, one requirement."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.words import INTERESTS, LANGUAGES, NEEDS, SKILLS, Gender
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.matching.care.week import grid, hours_words, visit_words
from marketplace.matching.forms import NO_RULE
from marketplace.matching.forms_care import (
    DAY_GROUPS,
    MOST_ROWS,
    RequirementForm,
    changed_rows,
    requirement_values,
    row_count,
)
from marketplace.matching.models import Requirement, Urgency
from marketplace.matching.packs_care import FIELDS, anonymous, identifiers, may_show
from marketplace.matching.repository.care import (
    AwardRepository,
    CareOfferRepository,
    InvitationRepository,
    RequirementRepository,
    UnmetRepository,
)
from marketplace.matching.routes.care.pages import base_context, find, history, page, read_id, version_of_form
from marketplace.matching.service.care import RequirementService
from marketplace.matching.states import RequirementStatus
from marketplace.matching.words import URGENCY_LABELS
from marketplace.matching.words_care import (
    CARE_SERVICES,
    GENDER_RULE_LABELS,
    REQUIREMENT_LABELS,
    ROUTE_LABELS,
    UNMET_LABELS,
)
from marketplace.people import PeopleRepository
from marketplace.people.models import Person
from marketplace.people.routes import search_people, search_words
from marketplace.providers.repository.care import CareFacts

QUEUE_PAGE = 25
TABS: dict[str, RequirementStatus] = {
    "draft": RequirementStatus.DRAFT,
    "open": RequirementStatus.OPEN,
    "compare": RequirementStatus.CLOSED,
    "unmet": RequirementStatus.NO_OFFERS,
    "awarded": RequirementStatus.AWARDED,
    "withdrawn": RequirementStatus.WITHDRAWN,
}


class RequirementController(Controller):
    """Requirements of a council."""

    @get("/requirements", permission=Permission.REQUIREMENTS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tab: Annotated[str, QueryParameter(name="tab", max_length=20)] = "compare",
        urgency: Annotated[str, QueryParameter(name="urgency", max_length=20)] = "",
        q: Annotated[str, QueryParameter(name="q", max_length=60)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show the queue: a tab a state, the newest first."""
        status = TABS.get(tab)
        if status is None:
            raise NotFound
        level = Urgency(urgency) if urgency in list(Urgency) else None
        reference = FormReader({"q": q}).text("q", "the reference", required=False)
        repository = RequirementRepository(db)
        rows = await repository.queue(
            principal.council_id,
            status,
            urgency=level,
            reference=reference,
            after=parse_id(after),
            limit=QUEUE_PAGE + 1,
        )
        shown = rows[:QUEUE_PAGE]
        visits = await repository.visits_of([row[0].id for row in shown])
        counts = await repository.counts(principal.council_id)
        context = {
            "rows": [
                {
                    "requirement": row[0],
                    "person": row[1],
                    "asked": row[2],
                    "offered": row[3],
                    "hours": hours_words(visits.get(row[0].id, [])),
                }
                for row in shown
            ],
            "next": rows[QUEUE_PAGE - 1][0].id if len(rows) > QUEUE_PAGE else None,
            "tab": tab,
            "tabs": [(name, REQUIREMENT_LABELS[state], counts.get(state, 0)) for name, state in TABS.items()],
            "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
            "may_write": principal.may(Permission.REQUIREMENTS_WRITE),
        }
        values = {"urgency": level.value if level else "", "q": reference}
        return page("queue", context, values=values)

    @get("/requirements/new", permission=Permission.REQUIREMENTS_WRITE)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person: Annotated[str, QueryParameter(name="person", max_length=36)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Ask who the care is for, then what they need."""
        if not person:
            return page("choose_person", await search_people(db, principal, "", parse_id(after)))
        who = await PeopleRepository(db).find(principal.council_id, read_id(person))
        values = {
            "service_line": "home_care",
            "needs": who.needs,
            "interests": who.interests,
            "urgency": Urgency.STANDARD.value,
            "required_gender": NO_RULE,
            "most_providers": "1",
            "rows": "3",
        }
        return await _form(db, principal, values, {}, person=who)

    @post("/requirements/new/person", permission=Permission.REQUIREMENTS_WRITE, status_code=200)
    async def search_person(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Search the person. A form, because names do not belong into addresses."""
        words, after = search_words(data)
        return page("choose_person", await search_people(db, principal, words, after))

    @post("/requirements/new", permission=Permission.REQUIREMENTS_WRITE)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Write a draft, or add and remove rows of the week."""
        person = await PeopleRepository(db).find(principal.council_id, read_id(str(data.get("person") or "")))
        rows = changed_rows(data)
        if rows is not None:
            return await _form(db, principal, rows, {}, person=person)

        async def action() -> str:
            form = await _read(db, principal, data)
            requirement = await RequirementService(db).record(principal, person.id, form)
            flash(request, "The draft is saved. Now look at what providers will see")
            return f"/requirements/{requirement.id}/preview"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _form(db, principal, data, error.fields, person=person)

    @get("/requirements/{requirement_id:str}", permission=Permission.REQUIREMENTS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show one requirement: what is needed, how far it is, what can be done now."""
        requirement = await find(db, principal, requirement_id)
        return page("show", await _show_context(db, principal, requirement))

    @get("/requirements/{requirement_id:str}/edit", permission=Permission.REQUIREMENTS_WRITE)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show the form of a draft."""
        requirement = await find(db, principal, requirement_id)
        visits = await RequirementRepository(db).visits(principal.council_id, requirement.id)
        return await _form(db, principal, requirement_values(requirement, visits), {}, requirement=requirement)

    @post("/requirements/{requirement_id:str}/edit", permission=Permission.REQUIREMENTS_WRITE)
    async def update(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Change a draft, or add and remove rows of the week."""
        requirement = await find(db, principal, requirement_id)
        rows = changed_rows(data)
        if rows is not None:
            return await _form(db, principal, rows, {}, requirement=requirement)

        async def action() -> str:
            form = await _read(db, principal, data)
            await RequirementService(db).update(principal, requirement.id, form)
            flash(request, "The draft is saved. Now look at what providers will see")
            return f"/requirements/{requirement.id}/preview"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _form(db, principal, data, error.fields, requirement=requirement)

    @get("/requirements/{requirement_id:str}/preview", permission=Permission.REQUIREMENTS_READ)
    async def preview(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
    ) -> Template:
        """Show exactly what providers will see, and what may tell who the person is (K4)."""
        requirement = await find(db, principal, requirement_id)
        visits = await RequirementRepository(db).visits(principal.council_id, requirement.id)
        person = await PeopleRepository(db).find(principal.council_id, requirement.person_id)
        warnings = identifiers(requirement, person)
        context = {
            **await base_context(db, principal, requirement),
            "seen": anonymous(requirement, visits, person),
            "warnings": [(FIELDS[name], items) for name, items in warnings.items()],
            "must_change": any(item.is_certain for items in warnings.values() for item in items),
            "may_open": may_show(warnings, is_checked=requirement.checked_text),
        }
        return page("preview", context)

    @post("/requirements/{requirement_id:str}/confirm-text", permission=Permission.REQUIREMENTS_WRITE)
    async def confirm_text(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        requirement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that the text names nobody."""
        wanted = read_id(requirement_id)

        async def action() -> str:
            await RequirementService(db).confirm_text(principal, wanted, version_of_form(data))
            flash(request, "It is recorded that you looked at the text")
            return f"/requirements/{wanted}/providers"

        return await submit(request, db, principal.actor, data, action)


async def _show_context(db: AsyncSession, principal: Principal, requirement: Requirement) -> dict[str, Any]:
    council_id, repository = principal.council_id, RequirementRepository(db)
    visits = await repository.visits(council_id, requirement.id)
    person = await PeopleRepository(db).find(council_id, requirement.person_id)
    asked = await InvitationRepository(db).of_requirement(council_id, requirement.id)
    offers = await CareOfferRepository(db).of_requirement(council_id, requirement.id)
    offered = {offer.organisation_id for offer in offers}
    every_award = await AwardRepository(db).of_requirement(council_id, requirement.id, in_force=False)
    awards = [award for award in every_award if award.taken_back_at is None]
    names = {row[1].id: row[1].name for row in asked}
    this_round = [row for row in asked if row[0].round == requirement.round]
    unmet = await UnmetRepository(db).of_requirement(council_id, requirement.id)
    alternatives = []
    if requirement.status in (RequirementStatus.DRAFT, RequirementStatus.NO_OFFERS) and person.lat and person.lon:
        on = today(clock_of(db))
        alternatives = list(
            await CareFacts(db).alternatives(
                person.lad_code, person.lat, person.lon, on, suits=requirement.needs, limit=5
            )
        )
    steps = await repository.steps(council_id, [requirement.id])
    return {
        **await base_context(db, principal, requirement),
        "person": person,
        "rows": _details(requirement),
        "has_ranking": bool(requirement.round) and await repository.has_ranking(council_id, requirement.id),
        "hours": hours_words(visits),
        "visits": [visit_words(visit) for visit in visits],
        "week": grid(visits),
        "route_label": ROUTE_LABELS[requirement.route],
        "asked": [
            {
                "name": row[1].name,
                "rank": row[0].rank,
                "seen": row[0].seen_at,
                "declined": row[0].declined_at,
                "reason": row[0].decline_reason,
                "has_offer": row[1].id in offered,
            }
            for row in this_round
        ],
        "all_answered": bool(this_round)
        and all(row[0].declined_at or row[0].organisation_id in offered for row in this_round),
        "offer_count": len(offers),
        "awards": [
            {
                "award": award,
                "name": names.get(award.organisation_id, ""),
                "visits": [visit_words(visit) for visit in visits if str(visit.id) in award.visit_ids],
            }
            for award in awards
        ],
        "taken_back": [
            {"award": award, "name": names.get(award.organisation_id, "Somebody who has left")}
            for award in every_award
            if award.taken_back_at is not None
        ],
        "unmet": unmet,
        "unmet_reasons": [(item.value, label) for item, label in UNMET_LABELS.items()],
        "alternatives": alternatives,
        "timeline": await history(db, steps),
        "may_raise": principal.may(Permission.CEILING_RAISE),
    }


def _details(requirement: Requirement) -> list[dict[str, Any]]:
    rows = {
        "Service": CARE_SERVICES.get(requirement.service_line, requirement.service_line.value),
        "Support is about": ", ".join(NEEDS.get(code, code) for code in requirement.needs),
        "Skills needed": ", ".join(SKILLS.get(code, code) for code in requirement.required_skills) or "None named",
        "Gender of workers": GENDER_RULE_LABELS.get(requirement.required_gender or "", "No rule"),
        "Essential language": requirement.essential_language or "No rule",
        "Providers": "One"
        if requirement.most_providers == 1
        else f"Up to {requirement.most_providers}; the person agrees to share the week",
    }
    return [{"key": key, "value": value} for key, value in rows.items()]


async def _read(db: AsyncSession, principal: Principal, data: FormData) -> RequirementForm:
    organisations, lots = await _known(db, principal)
    return RequirementForm.read(
        data,
        organisations=[item[0] for item in organisations],
        lots=[code for code, _ in lots],
        on=today(clock_of(db)),
    )


async def _known(db: AsyncSession, principal: Principal) -> tuple[list[tuple[Any, str]], list[tuple[str, str]]]:
    """Return organisations and lots that the form may name: those of the council's care services."""
    facts = CareFacts(db)
    return await facts.accredited(principal.council_id, list(CARE_SERVICES)), await facts.lots(principal.council_id)


async def _form(
    db: AsyncSession,
    principal: Principal,
    values: FormData,
    errors: dict[str, str],
    *,
    person: Person | None = None,
    requirement: Requirement | None = None,
) -> Template:
    organisations, lots = await _known(db, principal)
    count = row_count(values)
    context = {
        "person": person,
        "requirement": requirement,
        "action": f"/requirements/{requirement.id}/edit" if requirement else "/requirements/new",
        "row_count": count,
        "may_add": count < MOST_ROWS,
        "days": [(code, label) for code, (label, _) in DAY_GROUPS.items()],
        "service_options": [(line.value, label) for line, label in CARE_SERVICES.items()],
        "lots": [(code, f"{code} {name}") for code, name in lots],
        "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
        "needs": list(NEEDS.items()),
        "skills": list(SKILLS.items()),
        "interests": list(INTERESTS.items()),
        "languages": [(language, language) for language in LANGUAGES],
        "genders": [
            (NO_RULE, "Does not matter"),
            *((gender.value, GENDER_RULE_LABELS[gender.value]) for gender in (Gender.FEMALE, Gender.MALE)),
        ],
        "organisations": [(str(item[0]), item[1]) for item in organisations],
    }
    return page("form", context, values=values, errors=errors)
