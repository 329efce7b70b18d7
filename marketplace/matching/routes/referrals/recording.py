"""Recording a referral: for whom, what they need, and changing it later."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit
from marketplace.matching.forms import NO_RULE, referral_values
from marketplace.matching.models import Urgency
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.routes.referrals.shared import form_page, read_form, read_id, say_state
from marketplace.matching.service import ReferralService
from marketplace.people import PeopleRepository
from marketplace.people.routes import search_people, search_words


class ReferralRecordController(Controller):
    """What a referral says."""

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
        who = await PeopleRepository(db).find(principal.council_id, read_id(person))
        values = {
            "needs": who.needs,
            "communication_needs": who.communication_needs,
            "urgency": Urgency.STANDARD.value,
            "required_gender": NO_RULE,
        }
        return await form_page(db, principal, "matching/new.html", values, {}, person=who)

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
        person = await PeopleRepository(db).find(principal.council_id, read_id(str(data.get("person") or "")))

        async def action() -> str:
            form = await read_form(db, principal, data)
            referral = await ReferralService(db).record(principal, person.id, form)
            say_state(request, referral)
            return f"/referrals/{referral.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await form_page(db, principal, "matching/new.html", data, error.fields, person=person)

    @get("/referrals/{referral_id:str}/edit", permission=Permission.REFERRALS_RECORD)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        referral_id: FromPath[str],
    ) -> Template:
        """Show the form that completes or changes a referral."""
        referral = await ReferralRepository(db).find(principal.council_id, read_id(referral_id))
        return await form_page(db, principal, "matching/edit.html", referral_values(referral), {}, referral=referral)

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
        referral = await ReferralRepository(db).find(principal.council_id, read_id(referral_id))

        async def action() -> str:
            form = await read_form(db, principal, data)
            say_state(request, await ReferralService(db).update(principal, referral.id, form))
            return f"/referrals/{referral.id}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await form_page(db, principal, "matching/edit.html", data, error.fields, referral=referral)

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
        wanted = read_id(referral_id)

        async def action() -> str:
            say_state(request, await ReferralService(db).recheck(principal, wanted))
            return f"/referrals/{wanted}"

        return await submit(request, db, principal.actor, data, action)
