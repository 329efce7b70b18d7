"""A weekly visit more, and the end of one. The person's side alone."""

from typing import Any

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Side, SupportAgreement, VisitPattern
from marketplace.bookings.routes.patterns.shared import VisitPages, read_id
from marketplace.bookings.routes.visit_forms import weekly_form
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.words import pattern_words
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural, pounds
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit


class AgreementWeekly(VisitPages):
    """The person's side: weekly visits begin and end."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/visits/add", permission=Permission.BOOKINGS_REQUEST)
    async def add_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask for a new weekly visit."""
        agreement = await self._agreement(db, principal, agreement_id)
        return self._form("bookings/visits/add.html", agreement, {"every_weeks": "1", "workers_needed": "1"}, {})

    @post("/visits/add", permission=Permission.BOOKINGS_REQUEST)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add weekly visits, one for each day that was ticked."""
        agreement = await self._agreement(db, principal, agreement_id)

        async def act() -> str:
            patterns = weekly_form(data)
            for pattern in patterns:
                await Proposals(db).add_weekly(principal, agreement.id, pattern)
            flash(request, f"{plural(len(patterns), 'weekly visit')} added")
            return self._home(agreement.id)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return self._form("bookings/visits/add.html", agreement, data, error.fields)

    @get("/visits/weekly/{pattern_id:str}/stop", permission=Permission.BOOKINGS_REQUEST)
    async def stop_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        pattern_id: FromPath[str],
    ) -> Template:
        """Ask from which day on a weekly visit ends."""
        agreement = await self._agreement(db, principal, agreement_id)
        pattern = await self._pattern(db, agreement, pattern_id)
        values = {"version": pattern.version}
        return self._form(
            "bookings/visits/stop.html", agreement, values, {}, pattern=pattern_words(pattern), id=pattern.id
        )

    @post("/visits/weekly/{pattern_id:str}/stop", permission=Permission.BOOKINGS_REQUEST)
    async def stop(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        pattern_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """End a weekly visit."""
        agreement = await self._agreement(db, principal, agreement_id)
        pattern = await self._pattern(db, agreement, pattern_id)

        async def act() -> str:
            form = FormReader(data)
            from_on = form.day("from_on", "the first day without it")
            version = form.number("version", "the version", least=0, most=1_000_000_000)
            form.done()
            if from_on is None:
                raise InvalidInput(form.errors)
            result = await Pauses(db).stop_weekly(principal, pattern.id, from_on, version=version)
            words = f"The weekly visit ends. {plural(result.free, 'visit')} taken away"
            flash(request, f"{words}, {pounds(result.owed_pence)} still owed" if result.owed_pence else words)
            return self._home(agreement.id)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            words = pattern_words(pattern)
            return self._form("bookings/visits/stop.html", agreement, data, error.fields, pattern=words, id=pattern.id)

    async def _pattern(self, db: AsyncSession, agreement: SupportAgreement, text: str) -> VisitPattern:
        found = await Pauses(db).rows.pattern(agreement.council_id, read_id(text))
        if found is None or found.agreement_id != agreement.id:
            raise NotFound
        return found
