"""Visits pause: what it comes to, the pause, and its end."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import PauseKind, Side, SupportAgreement
from marketplace.bookings.routes.patterns.shared import PAUSE_LABELS, VisitPages, read_id
from marketplace.bookings.routes.visit_forms import pause_form
from marketplace.bookings.service.planning.patterns import DAY
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import pounds, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed


class PausePages(VisitPages):
    """What both sides have: what a pause comes to, then the pause."""

    async def _pause_page(
        self,
        db: AsyncSession,
        principal: Principal,
        text: str,
        values: FormData,
        errors: dict[str, str],
        shown: dict[str, Any] | None = None,
    ) -> Template:
        agreement = await self._agreement(db, principal, text)
        labels = PAUSE_LABELS if self.side is Side.PERSON else PAUSE_LABELS[:1]
        context = {
            "agreement": agreement,
            "base": self.base,
            "home": self._home(agreement.id),
            "is_person": self.side is Side.PERSON,
            "kinds": labels,
            "values": typed(values),
            "errors": errors,
            "shown": shown,
        }
        return Template("bookings/visits/pause.html", context=context, status_code=422 if errors else 200)

    async def _pause(
        self, request: Request[Any, Any, Any], db: AsyncSession, principal: Principal, text: str, data: FormData
    ) -> Redirect | Template:
        """Show what a pause comes to, or make it."""
        agreement = await self._agreement(db, principal, text)
        try:
            form = pause_form(data)
            if data.get("action") != "save":
                result = await Pauses(db).what_is_owed(agreement, form.kind, form.starts_on, form.ends_on)
                return await self._pause_page(db, principal, text, data, {}, {"result": result, "form": form})

            async def act() -> str:
                owed = (await Pauses(db).what_is_owed(agreement, form.kind, form.starts_on, form.ends_on)).owed_pence
                if data.get("shown_pence") not in (None, str(owed)):
                    # A free time ran out, or another tab changed the visits: nothing is owed unseen.
                    raise InvalidInput({"starts_on": f"{pounds(owed)} is owed now. See what it comes to once more"})
                await Pauses(db).pause(principal, agreement.id, form.kind, form.starts_on, form.ends_on, form.note)
                flash(request, "Visits pause")
                return self._home(agreement.id)

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await self._pause_page(db, principal, text, data, error.fields)


class AgreementPauses(PausePages):
    """The person's side: any pause, and its end."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/pause", permission=Permission.BOOKINGS_REQUEST)
    async def pause_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask why and when visits pause."""
        return await self._pause_page(db, principal, agreement_id, {}, {})

    @post("/pause", permission=Permission.BOOKINGS_REQUEST, status_code=200)
    async def pause(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show what it comes to, then pause."""
        return await self._pause(request, db, principal, agreement_id, data)

    @get("/visits/pauses/{pause_id:str}/resume", permission=Permission.BOOKINGS_REQUEST)
    async def resume_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        pause_id: FromPath[str],
    ) -> Template:
        """Ask from which day on visits take place again."""
        agreement = await self._agreement(db, principal, agreement_id)
        tomorrow = today(clock_of(db)) + DAY
        values = {"from_on-day": tomorrow.day, "from_on-month": tomorrow.month, "from_on-year": tomorrow.year}
        return self._resume_page(agreement, read_id(pause_id), values, {})

    @post("/visits/pauses/{pause_id:str}/resume", permission=Permission.BOOKINGS_REQUEST)
    async def resume(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        pause_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """End a pause."""
        return await self._resume(request, db, principal, agreement_id, pause_id, data)

    async def _resume(
        self,
        request: Request[Any, Any, Any],
        db: AsyncSession,
        principal: Principal,
        text: str,
        pause: str,
        data: FormData,
    ) -> Redirect | Template:
        agreement = await self._agreement(db, principal, text)

        async def act() -> str:
            form = FormReader(data)
            from_on = form.day("from_on", "the first day with visits again")
            form.done()
            if from_on is None:
                raise InvalidInput(form.errors)
            await Pauses(db).resume(principal, agreement.id, read_id(pause), from_on)
            flash(request, f"Visits take place again from {uk_date(from_on)}")
            return self._home(agreement.id)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return self._resume_page(agreement, read_id(pause), data, error.fields)

    def _resume_page(
        self, agreement: SupportAgreement, pause_id: UUID, values: FormData, errors: dict[str, str]
    ) -> Template:
        context = {
            "agreement": agreement,
            "home": self._home(agreement.id),
            "action": f"{self._home(agreement.id)}/pauses/{pause_id}/resume",
            "values": typed(values),
            "errors": errors,
        }
        return Template("bookings/visits/resume.html", context=context, status_code=422 if errors else 200)


class ClientPauses(PausePages):
    """The provider's side: it notes a stay in hospital."""

    path = "/provider/clients/{agreement_id:str}"
    side = Side.PROVIDER
    base = "/provider/clients"

    @get("/pause", permission=Permission.BOOKINGS_ANSWER)
    async def pause_form(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask when a stay in hospital began."""
        return await self._pause_page(db, principal, agreement_id, {"kind": PauseKind.HOSPITAL.value}, {})

    @post("/pause", permission=Permission.BOOKINGS_ANSWER, status_code=200)
    async def pause(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show what it comes to, then note it."""
        return await self._pause(request, db, principal, agreement_id, data)
