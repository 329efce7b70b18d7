"""Pages round the shortlist of one referral: other weights, who was left out, alternatives, what the person said."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.places import Postcode
from marketplace.core.web import FormData, page_number, submit, typed
from marketplace.matching.errors import CannotRank, ReferralNotOpen
from marketplace.matching.forms import HeardForm
from marketplace.matching.models import Referral
from marketplace.matching.pages import LONG_LIST, left_out_lines, published_parts, shortlist_view
from marketplace.matching.repository import PreferenceRepository, ReferralRepository, ShortlistRepository
from marketplace.matching.service import PreferenceService, Shortlisted, ShortlistService
from marketplace.matching.service.alternatives import AlternativeService
from marketplace.matching.service.comparing import compare
from marketplace.matching.service.referrals import missing_points
from marketplace.matching.service.sharing import LIFE, Shared, share_token
from marketplace.matching.service.weights import weights_of
from marketplace.matching.states import ReferralStatus
from marketplace.matching.weight_forms import PARTS, WeightsForm, weight_values
from marketplace.matching.words import HEARD_LABELS, PART_LABELS, RULE_LABELS, STATUS_LABELS
from marketplace.messaging import MessagingService
from marketplace.people import PeopleRepository
from marketplace.people.models import Person
from marketplace.providers.repository.planners import PlannerRepository

LEFT_OUT_PAGE = 40


class ThinkingController(Controller):
    """Pages that help a broker to think before choosing, and to record what the person wants."""

    @get("/referrals/{referral_id:str}/what-if", permission=Permission.REFERRALS_MATCH)
    async def what_if(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
    ) -> Template:
        """Show the order with other weights beside today's. Nothing is saved; the address holds points alone."""
        referral, person, made = await _ranked(db, principal, referral_id)
        given = {name: value for name, value in request.query_params.dict().items() if name in PARTS}
        errors: dict[str, str] = {}
        values: Mapping[str, Any] = weight_values(made.weights)
        compared = None
        if given:
            values = {**values, **{name: found[-1] for name, found in given.items() if found}}
            try:
                form = WeightsForm.read({name: values[name] for name in PARTS}, base=made.weights)
            except InvalidInput as error:
                errors = error.fields
            else:
                changed = weights_of({**_plain(made), **form.values, "version": "what-if"})
                compared = compare(made.case, made.candidates, made.weights, changed, made.salt)
        context = {
            "referral": referral,
            "person": person,
            "parts": [(name, PART_LABELS[part], made.weights.most(part)) for name, part in PARTS.items()],
            "values": typed(dict(values)),
            "errors": errors,
            "compared": compared,
            "names": made.names,
            "shortlist": shortlist_view(made.ranking, made.candidates, made.names, declined=made.declined),
            "version": made.weights.version,
        }
        return Template("matching/what_if.html", context=context, status_code=422 if errors else 200)

    @get("/referrals/{referral_id:str}/left-out", permission=Permission.REFERRALS_READ)
    async def left_out(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        rule: Annotated[str, QueryParameter(name="rule", max_length=40)] = "",
        page: Annotated[str, QueryParameter(name="page", max_length=6)] = "",
    ) -> Template:
        """List who was left out and by which rule, the nearest to fitting first."""
        referral, _, made = await _ranked(db, principal, referral_id)
        lines = left_out_lines(made.everybody_left_out(), made.names, made.declined)
        labels = {code.value: label for code, label in RULE_LABELS.items()}
        counts: dict[str, int] = {}
        for code, *_ in lines:
            counts[code] = counts.get(code, 0) + 1
        if rule and rule not in labels:
            raise NotFound
        shown = [line for line in lines if not rule or line[0] == rule]
        number = page_number(page)
        start = (number - 1) * LEFT_OUT_PAGE
        if start and start >= len(shown):
            raise NotFound
        here = shown[start : start + LEFT_OUT_PAGE]
        ways_in = made.what_would_let_in(line[-1] for line in here if line[-1] not in made.declined)
        context = {
            "referral": referral,
            "view": shortlist_view(
                made.ranking,
                made.candidates,
                made.names,
                declined=made.declined,
                without_base=made.without_base,
                most=0,
            ),
            "rules": [(code, labels[code], counts[code]) for code in labels if counts.get(code)],
            "rule": rule,
            "lines": [
                (labels[code], name, organisation, reasons, ways_in.get(worker_id, ""))
                for code, name, organisation, reasons, worker_id in here
            ],
            "total": len(shown),
            "first": start + 1,
            "previous": number - 1,
            "next": number + 1 if len(shown) > start + LEFT_OUT_PAGE else 0,
        }
        return Template("matching/left_out.html", context=context)

    @get("/referrals/{referral_id:str}/print", permission=Permission.REFERRALS_READ)
    async def print_page(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], referral_id: FromPath[str]
    ) -> Template:
        """Show the shortlist as it stands, with every reason open, to print."""
        referral, _, made = await _ranked(db, principal, referral_id)
        context = {
            "referral": referral,
            "at": clock_of(db).now(),
            "by": principal.name,
            "shortlist": shortlist_view(
                made.ranking,
                made.candidates,
                made.names,
                declined=made.declined,
                without_base=made.without_base,
                most=LONG_LIST,
                choice=made.choice,
            ),
            "weights": published_parts(made.weights),
        }
        return Template("matching/print.html", context=context)

    @get("/referrals/{referral_id:str}/alternatives", permission=Permission.REFERRALS_READ)
    async def alternatives(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
    ) -> Template:
        """Show groups, equipment and assistants near the person; for htmx the list alone."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
        postcode = Postcode.parse(person.postcode)
        context = {
            "referral": referral,
            "found": await AlternativeService(db, request.app.state.get("search")).near(person),
            "area": postcode.outward if postcode else "",
        }
        is_fragment = request.headers.get("hx-request") == "true"
        name = "matching/_alternatives.html" if is_fragment else "matching/alternatives.html"
        return Template(name, context=context, headers={"vary": "HX-Request"})

    @get("/referrals/{referral_id:str}/heard", permission=Permission.REFERRALS_RECORD)
    async def ask_heard(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], referral_id: FromPath[str]
    ) -> Template:
        """Ask what the person said about who plans with them."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        return await _heard_page(db, principal, referral, {}, {})

    @post("/referrals/{referral_id:str}/heard", permission=Permission.REFERRALS_RECORD)
    async def heard(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Template | Redirect:
        """Record what the person said; a named choice is followed from now on."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        if referral.status is ReferralStatus.CLOSED:
            raise ReferralNotOpen("It is closed.")
        planners = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
        try:
            form = HeardForm.read(
                data, workers={row[0].id for row in planners}, organisations={row[1].id for row in planners}
            )
        except InvalidInput as error:
            return await _heard_page(db, principal, referral, data, error.fields)

        async def action() -> str:
            await PreferenceService(db).record(
                principal,
                person_id=referral.person_id,
                referral_id=referral.id,
                how=form.how,
                said=form.said,
                worker_id=form.worker_id,
                organisation_id=form.organisation_id,
            )
            flash(request, "Recorded. The newest record is the one that counts")
            return f"/referrals/{referral.id}"

        return await submit(request, db, principal.actor, data, action)

    @post("/referrals/{referral_id:str}/shortlists/{shortlist_id:str}/share", permission=Permission.REFERRALS_RECORD)
    async def share(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
        shortlist_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Make a link that shows a stored shortlist for two weeks; send it to the person when that is ticked."""
        referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
        stored = await ShortlistRepository(db).find(principal.council_id, _id(shortlist_id))
        if stored.referral_id != referral.id:
            raise NotFound
        settings = request.app.state.settings

        async def action() -> str:
            last_day = today(clock_of(db)) + timedelta(days=LIFE.days)
            token = share_token(settings.secret_key, Shared(principal.council_id, stored.id, last_day))
            is_sent = data.get("to_person") == "yes"
            audit.record(
                db,
                principal,
                "matching.share_shortlist",
                council_id=principal.council_id,
                subject_kind="shortlist",
                subject_id=stored.id,
                after={"last_day": last_day, "to_person": is_sent},
            )
            link = f"/shared-shortlist/{token}"
            if is_sent:
                context = {"last_day": last_day, "link": f"{settings.public_url}{link}"}
                told = await MessagingService(db).tell(
                    principal.council_id, "shortlist_shared", context, person_id=referral.person_id
                )
                flash(request, "The link is sent" if told else "Nobody with an account here could be told")
            return f"/referrals/{referral.id}/shortlists/{stored.id}?link={token}"

        return await submit(request, db, principal.actor, data, action)


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _plain(made: Shortlisted) -> dict[str, Any]:
    return {name: getattr(made.weights, name) for name in made.weights.__struct_fields__}


async def _ranked(db: AsyncSession, principal: Principal, referral_id: str) -> tuple[Referral, Person, Shortlisted]:
    """Rank a referral as things stand now.

    Raises:
        ReferralNotOpen: It is not waiting.
        CannotRank: Something is missing.
    """
    referral = await ReferralRepository(db).find(principal.council_id, _id(referral_id))
    if referral.status is not ReferralStatus.RECEIVED:
        raise ReferralNotOpen(f"Its state is now: {STATUS_LABELS[referral.status].lower()}.")
    person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
    missing = missing_points(referral, person)
    if missing:
        raise CannotRank(f"What is missing: {'; '.join(missing)}.")
    return referral, person, await ShortlistService(db).rank(referral, person, principal.council_name)


async def _heard_page(
    db: AsyncSession, principal: Principal, referral: Referral, values: FormData, errors: dict[str, str]
) -> Template:
    person = await PeopleRepository(db).find(principal.council_id, referral.person_id)
    planners = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
    workers = {row[0].id: f"{row[0].name}, {row[1].name}" for row in planners}
    organisations = {row[1].id: row[1].name for row in planners}
    before = await PreferenceRepository(db).about(principal.council_id, referral_id=referral.id)
    context = {
        "referral": referral,
        "person": person,
        "hows": [(how.value, label) for how, label in HEARD_LABELS.items()],
        "workers": [(str(key), name) for key, name in workers.items()],
        "organisations": [(str(key), name) for key, name in organisations.items()],
        "before": [
            (
                row,
                HEARD_LABELS[row.how],
                workers.get(row.worker_id, "")
                if row.worker_id
                else organisations.get(row.organisation_id, "")
                if row.organisation_id
                else "",
            )
            for row in before
        ],
        "values": typed(values),
        "errors": errors,
    }
    return Template("matching/heard.html", context=context, status_code=422 if errors else 200)
