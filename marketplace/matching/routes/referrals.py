"""Pages of referrals for council staff: the queue, recording, one referral with its shortlist."""

from collections.abc import Sequence
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed
from marketplace.matching.forms import NO_RULE, ReasonForm, ReferralForm, referral_values
from marketplace.matching.models import Conflict, Offer, Referral, Urgency
from marketplace.matching.packs import anonymous_pack
from marketplace.matching.pages import (
    LONG_LIST,
    SHOWN,
    ShortlistView,
    due_words,
    form_choices,
    history,
    lapse_notes,
    offer_rows,
    published_parts,
    referral_rows,
    shortlist_view,
    week_words,
)
from marketplace.matching.repository import (
    ConflictRepository,
    ContestRepository,
    OfferRepository,
    PreferenceRepository,
    ReferralRepository,
    ShortlistRepository,
)
from marketplace.matching.service import OfferService, ReferralService, Shortlisted, ShortlistService
from marketplace.matching.service.referrals import CHANGEABLE, missing_points
from marketplace.matching.states import OfferStatus, ReferralStatus
from marketplace.matching.words import HEARD_LABELS, STATUS_LABELS, URGENCY_LABELS
from marketplace.people import PeopleRepository, may_plan_long_term
from marketplace.people.routes import search_people, search_words
from marketplace.providers.repository.planners import PlannerRepository

QUEUE_PAGE = 25
TABS: dict[str, ReferralStatus] = {
    "waiting": ReferralStatus.RECEIVED,
    "offered": ReferralStatus.OFFERED,
    "planned": ReferralStatus.MATCHED,
    "own": ReferralStatus.SELF_PLANNED,
    "kept": ReferralStatus.RETAINED,
    "incomplete": ReferralStatus.INCOMPLETE,
    "closed": ReferralStatus.CLOSED,
}
CHANGES: dict[str, dict[str, str]] = {
    "withdraw": {
        "title": "Take the offer back",
        "text": "The planner is told, the place in their week is free again, and the referral goes back to the queue.",
        "button": "Take the offer back",
    },
    "keep": {
        "title": "Keep this referral with the council",
        "text": "A council worker plans with the person. It is not offered to the network of planners.",
        "button": "Keep with the council",
    },
    "release": {
        "title": "Let the network take this referral",
        "text": "It goes into the queue, and planners can be offered it.",
        "button": "Put it into the queue",
    },
    "close": {
        "title": "Close this referral",
        "text": "Nobody plans for it. This cannot be undone: record a new referral if things change.",
        "button": "Close referral",
    },
}
"""Changes that ask for a reason, by the last part of their address."""


class ReferralController(Controller):
    """Referrals of a council."""

    @get("/referrals", permission=Permission.REFERRALS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tab: Annotated[str, QueryParameter(name="tab", max_length=20)] = "waiting",
        urgency: Annotated[str, QueryParameter(name="urgency", max_length=20)] = "",
        q: Annotated[str, QueryParameter(name="q", max_length=60)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show the queue: a tab a state, what is due first on top."""
        status = TABS.get(tab)
        if status is None:
            raise NotFound
        level = Urgency(urgency) if urgency in list(Urgency) else None
        reference = FormReader({"q": q}).text("q", "the reference", required=False)
        referrals, on = ReferralRepository(db), today(clock_of(db))
        rows = await referrals.queue(
            principal.council_id,
            status,
            urgency=level,
            reference=reference,
            after=parse_id(after),
            limit=QUEUE_PAGE + 1,
        )
        counts = await referrals.counts(principal.council_id)
        context = {
            "rows": [(row[0], row[1], due_words(row[0], on)) for row in rows[:QUEUE_PAGE]],
            "next": rows[QUEUE_PAGE - 1][0].id if len(rows) > QUEUE_PAGE else None,
            "tab": tab,
            "tabs": [(name, STATUS_LABELS[state], counts.get(state, 0)) for name, state in TABS.items()],
            "overdue": await referrals.overdue(principal.council_id, on),
            "values": {"urgency": level.value if level else "", "q": reference},
            "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
            "status_labels": STATUS_LABELS,
            "urgency_labels": URGENCY_LABELS,
            "today": on,
        }
        return Template("matching/queue.html", context=context)

    @get("/referrals/new", permission=Permission.REFERRALS_RECORD)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person: Annotated[str, QueryParameter(name="person", max_length=36)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Ask who the referral is for, then what they need."""
        if not person:
            found = await search_people(db, principal, "", parse_id(after))
            return Template("matching/choose_person.html", context=found)
        who = await PeopleRepository(db).find(principal.council_id, _id(person))
        values = {
            "needs": who.needs,
            "communication_needs": who.communication_needs,
            "urgency": Urgency.STANDARD.value,
            "required_gender": NO_RULE,
        }
        return await _form(db, principal, "matching/new.html", values, {}, person=who)

    @post("/referrals/new/person", permission=Permission.REFERRALS_RECORD, status_code=200)
    async def search_person(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template:
        """Search the person a referral is for. A form, because names do not belong into addresses."""
        words, after = search_words(data)
        return Template("matching/choose_person.html", context=await search_people(db, principal, words, after))

    @post("/referrals/new", permission=Permission.REFERRALS_RECORD)
    async def record(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record a referral and say where it goes."""
        person = await PeopleRepository(db).find(principal.council_id, _id(str(data.get("person") or "")))

        async def action() -> str:
            form = await _read(db, principal, data)
            referral = await ReferralService(db).record(principal, person.id, form)
            _say_state(request, referral)
            return f"/referrals/{referral.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _form(db, principal, "matching/new.html", data, error.fields, person=person)

    @get("/referrals/{referral_id:str}", permission=Permission.REFERRALS_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        show: Annotated[str, QueryParameter(name="show", max_length=10)] = "",
    ) -> Template:
        """Show one referral: what it says, who is best placed and why, what has happened."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        context = await _page(db, principal, referral, LONG_LIST if show == "all" else SHOWN)
        return Template("matching/show.html", context=context)

    @get("/referrals/{referral_id:str}/edit", permission=Permission.REFERRALS_RECORD)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
    ) -> Template:
        """Show the form that completes or changes a referral."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        return await _form(db, principal, "matching/edit.html", referral_values(referral), {}, referral=referral)

    @post("/referrals/{referral_id:str}/edit", permission=Permission.REFERRALS_RECORD)
    async def update(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Complete or change a referral."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))

        async def action() -> str:
            form = await _read(db, principal, data)
            _say_state(request, await ReferralService(db).update(principal, referral.id, form))
            return f"/referrals/{referral.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _form(db, principal, "matching/edit.html", data, error.fields, referral=referral)

    @post("/referrals/{referral_id:str}/recheck", permission=Permission.REFERRALS_RECORD)
    async def recheck(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Look again whether something is missing."""
        wanted = _id(referral_id)

        async def action() -> str:
            _say_state(request, await ReferralService(db).recheck(principal, wanted))
            return f"/referrals/{wanted}"

        return await submit(request, db, principal.actor, data, action)

    @get("/referrals/{referral_id:str}/change/{change:str}", permission=Permission.REFERRALS_RECORD)
    async def ask_reason(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        change: FromPath[str],
    ) -> Template:
        """Ask why something is to be done."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        return _reason_page(principal, referral, change, {}, {})

    @post("/referrals/{referral_id:str}/change/{change:str}", permission=Permission.REFERRALS_RECORD)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        change: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Take an offer back, keep, release or close a referral."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        try:
            form = ReasonForm.read(data)
        except InvalidInput as error:
            return _reason_page(principal, referral, change, data, error.fields)

        async def action() -> str:
            referrals = ReferralService(db)
            match change:
                case "withdraw":
                    await OfferService(db).withdraw(principal, referral.id, form.reason)
                    flash(request, "The offer is taken back. The referral is in the queue again")
                case "keep":
                    _say_state(request, await referrals.keep(principal, referral.id, form.reason))
                case "release":
                    _say_state(request, await referrals.release(principal, referral.id, form.reason))
                case "close":
                    await referrals.close(principal, referral.id, form.reason)
                    flash(request, "The referral is closed")
                case _:
                    raise NotFound
            return f"/referrals/{referral.id}"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _reason_page(
    principal: Principal, referral: Referral, change: str, values: FormData, errors: dict[str, str]
) -> Template:
    if change not in CHANGES:
        raise NotFound
    if change != "close":
        principal.require(Permission.REFERRALS_MATCH)
    context = {"referral": referral, "change": change, **CHANGES[change], "values": typed(values), "errors": errors}
    return Template("matching/reason.html", context=context, status_code=422 if errors else 200)


async def _planners(db: AsyncSession, principal: Principal) -> list[tuple[str, str, str, str]]:
    """Return the council's planners for the choices of a form: worker id, name, organisation id, organisation."""
    rows = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
    return [(str(row[0].id), row[0].name, str(row[1].id), row[1].name) for row in rows]


async def _read(db: AsyncSession, principal: Principal, data: FormData) -> ReferralForm:
    planners = await _planners(db, principal)
    return ReferralForm.read(
        data,
        workers={UUID(item[0]) for item in planners},
        organisations=list(dict.fromkeys(UUID(item[2]) for item in planners)),
    )


async def _form(
    db: AsyncSession, principal: Principal, template: str, values: FormData, errors: dict[str, str], **more: Any
) -> Template:
    choices = form_choices(await _planners(db, principal))
    return Template(
        template,
        context={"values": typed(values), "errors": errors, **choices, **more},
        status_code=422 if errors else 200,
    )


def _say_state(request: Request[Any, Any, Any], referral: Referral) -> None:
    """Say where a saved referral stands now."""
    match referral.status:
        case ReferralStatus.RETAINED:
            flash(request, "Saved. This referral stays with the council and is not offered to the network")
        case ReferralStatus.INCOMPLETE:
            flash(request, "Saved, but something is missing. See what below", kind="information")
        case _:
            flash(request, "Saved. The referral waits for a planner")


async def _page(db: AsyncSession, principal: Principal, referral: Referral, most: int) -> dict[str, Any]:
    """Put together the page of one referral."""
    council_id, on = principal.council_id, today(clock_of(db))
    person = await PeopleRepository(db).find(council_id, referral.person_id)
    offers = await OfferRepository(db).of_referral(council_id, referral.id)
    made: Shortlisted | None = None
    # One that waits for a planner was let through; a crisis may have begun since.
    is_waiting = referral.status in (ReferralStatus.INCOMPLETE, ReferralStatus.RECEIVED)
    waits = await may_plan_long_term(db, council_id, person.id) if is_waiting else None
    missing = missing_points(referral, person)
    if referral.status is ReferralStatus.RECEIVED and not missing and waits is None:
        made = await ShortlistService(db).rank(referral, person, principal.council_name)
    names, organisations = await _names(db, principal, referral, offers, made)
    steps, users = await ReferralRepository(db).steps(council_id, [referral.id, *(offer.id for offer in offers)])
    current = next((offer for offer in offers if offer.status in (OfferStatus.OFFERED, OfferStatus.ACCEPTED)), None)
    places = await OfferRepository(db).place_of(council_id, [current.id]) if current else {}
    last = offers[0] if offers else None
    return {
        "referral": referral,
        "person": person,
        "due": due_words(referral, on),
        "status_labels": STATUS_LABELS,
        "urgency_label": URGENCY_LABELS[referral.urgency],
        "rows": referral_rows(referral, names, organisations),
        "missing": missing,
        "waits": waits,
        "may_record_stages": principal.may(Permission.CONTACTS_TAKE),
        "shortlist": _view(made, names, offers, most) if made else None,
        "weights": published_parts(made.weights) if made else [],
        "current": current,
        "current_name": ", ".join(names.get(str(current.worker_id), ("",))) if current else "",
        "current_week": week_words(places.get(current.id)) if current else "",
        "last_ended": last if last is not None and current is None else None,
        "last_name": names.get(str(last.worker_id), ("Somebody", ""))[0] if last is not None else "",
        "offers": offer_rows(offers, names),
        "stored": await ShortlistRepository(db).of_referral(council_id, referral.id),
        "timeline": history(steps, users),
        "pack": anonymous_pack(referral, person, None),
        "may_match": principal.may(Permission.REFERRALS_MATCH),
        "contest": await ContestRepository(db).open_of(council_id, referral.id) if current else None,
        "conflict": await _conflict(db, referral, current) if current else None,
        "heard": await PreferenceRepository(db).latest(council_id, referral_id=referral.id),
        "heard_labels": HEARD_LABELS,
        "may_record": principal.may(Permission.REFERRALS_RECORD),
        "changeable": referral.status in CHANGEABLE,
    }


async def _names(
    db: AsyncSession,
    principal: Principal,
    referral: Referral,
    offers: Sequence[Offer],
    made: Shortlisted | None,
) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """Return names of planners and organisations that the page mentions."""
    if made is not None:
        planners = made.planners.values()
        names = {str(item.worker_id): (item.name, item.organisation_name) for item in planners}
        organisations = {str(item.organisation_id): item.organisation_name for item in planners}
    elif referral.excluded_organisation_ids:
        rows = await _planners(db, principal)
        names = {row[0]: (row[1], row[3]) for row in rows}
        organisations = {row[2]: row[3] for row in rows}
    else:
        names, organisations = {}, {}
    mentioned = {offer.worker_id for offer in offers} | {referral.chosen_worker_id, referral.previous_worker_id}
    others = {item for item in mentioned if item is not None and str(item) not in names}
    if others:
        for worker_id, row in (await PlannerRepository(db).with_organisation(others)).items():
            names[str(worker_id)] = (row[0].name, row[1].name)
    return names, organisations


async def _conflict(db: AsyncSession, referral: Referral, offer: Offer) -> Conflict | None:
    """Return a conflict of interest that was declared between who has the offer and the person."""
    return next(
        (
            row
            for row in await ConflictRepository(db).live(referral.council_id)
            if row.person_id in (None, referral.person_id)
            and (row.worker_id == offer.worker_id or row.organisation_id == offer.organisation_id)
        ),
        None,
    )


def _view(made: Shortlisted, names: dict[str, tuple[str, str]], offers: Sequence[Offer], most: int) -> ShortlistView:
    return shortlist_view(
        made.ranking,
        made.candidates,
        names,
        declined=made.declined,
        without_base=made.without_base,
        notes=lapse_notes(offers),
        what_ifs=made.what_would_make_first(entry.id for entry in made.ranking.entries[1:most]),
        most=most,
        choice=made.choice,
    )
