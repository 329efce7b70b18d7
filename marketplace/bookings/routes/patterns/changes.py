"""Another time for one visit or a weekly one: the person makes it, the provider asks for it."""

from typing import Any
from uuid import UUID

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Booking, ChangeScope, Side, SupportAgreement, VisitPattern
from marketplace.bookings.repository_visits import VisitReader
from marketplace.bookings.routes.patterns.shared import VisitPages, read_id
from marketplace.bookings.routes.visit_forms import ChangeForm, change_values
from marketplace.bookings.service.planning.change import Shown
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.words import pattern_words
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.forms import FormReader
from marketplace.core.web import FormData, submit, typed


class ChangePages(VisitPages):
    """What both sides have: the cost before and after, then the change or the question."""

    async def _change_page(
        self,
        agreement: SupportAgreement,
        visit: Booking,
        pattern: VisitPattern | None,
        values: FormData,
        errors: dict[str, str],
        shown: dict[str, Any] | None = None,
    ) -> Template:
        context = {
            "agreement": agreement,
            "visit": visit,
            "pattern": pattern_words(pattern) if pattern else "",
            "home": self._home(agreement.id),
            "action": f"{self._home(agreement.id)}/{visit.id}/change",
            "is_person": self.side is Side.PERSON,
            "values": typed(values),
            "errors": errors,
            "shown": shown,
        }
        return Template("bookings/visits/change.html", context=context, status_code=422 if errors else 200)

    async def _change_form(self, db: AsyncSession, principal: Principal, text: str, visit_text: str) -> Template:
        agreement = await self._agreement(db, principal, text)
        visit, pattern = await _subject(db, agreement, read_id(visit_text))
        return await self._change_page(agreement, visit, pattern, change_values(visit, pattern), {})

    async def _change(
        self,
        request: Request[Any, Any, Any],
        db: AsyncSession,
        principal: Principal,
        text: str,
        visit_text: str,
        data: FormData,
    ) -> Redirect | Template:
        """Show what a change costs before and after, then make it, or ask for it."""
        agreement = await self._agreement(db, principal, text)
        visit, pattern = await _subject(db, agreement, read_id(visit_text))
        service = Proposals(db)

        async def read() -> tuple[ChangeForm, Shown]:
            form = ChangeForm.read(data, pattern)
            if form.version and visit.version != form.version:
                raise Conflict("This visit was changed since you opened the page. Open it again.")
            is_one = form.scope is ChangeScope.ONE
            shown = await service.shown(
                agreement,
                self.side,
                form.scope,
                form.wanted,
                visit=visit if is_one else None,
                pattern=None if is_one else pattern,
                from_on=visit.pattern_on,
            )
            return form, shown

        async def act() -> str:
            # Read in here: a form that comes a second time gets its first answer, whatever it changed meanwhile.
            form, _ = await read()
            is_one = form.scope is ChangeScope.ONE
            if self.side is Side.PROVIDER:
                await service.ask(
                    principal,
                    agreement.id,
                    form.scope,
                    form.wanted,
                    visit_id=visit.id if is_one else None,
                    pattern_id=None if is_one or pattern is None else pattern.id,
                    from_on=visit.pattern_on,
                    reason=form.reason,
                )
                flash(request, "We asked the person. Nothing changes until they say yes")
            elif is_one:
                moved = await service.change_one(principal, visit.id, form.wanted, version=form.version)
                flash(request, _done(moved.moved, moved.without_worker))
            elif pattern is not None:
                moved = await service.change_weekly(
                    principal,
                    pattern.id,
                    form.scope,
                    form.wanted,
                    from_on=visit.pattern_on,
                    version=form.pattern_version,
                )
                flash(request, _done(moved.moved, moved.without_worker))
            return self._home(agreement.id)

        try:
            if data.get("action") != "save":
                form, shown = await read()
                return await self._change_page(agreement, visit, pattern, data, {}, {"costs": shown, "form": form})
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await self._change_page(agreement, visit, pattern, data, error.fields)


async def _subject(
    db: AsyncSession, agreement: SupportAgreement, visit_id: UUID
) -> tuple[Booking, VisitPattern | None]:
    visit = await VisitReader(db).find(agreement.council_id, visit_id)
    if visit.agreement_id != agreement.id:
        raise NotFound
    pattern = await Pauses(db).rows.pattern(agreement.council_id, visit.pattern_id) if visit.pattern_id else None
    return visit, pattern


def _done(moved: int, without_worker: int) -> str:
    words = f"{plural(moved, 'visit')} moved"
    if without_worker:
        words += f". For {without_worker} of them the provider still says who comes"
    return words


class AgreementChanges(ChangePages):
    """The person's side: it changes, and answers what the provider asks."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/visits/{visit_id:str}/change", permission=Permission.BOOKINGS_REQUEST)
    async def change_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        visit_id: FromPath[str],
    ) -> Template:
        """Ask for the new time, and for how many visits it counts."""
        return await self._change_form(db, principal, agreement_id, visit_id)

    @post("/visits/{visit_id:str}/change", permission=Permission.BOOKINGS_REQUEST, status_code=200)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        visit_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show the cost before and after, then change."""
        return await self._change(request, db, principal, agreement_id, visit_id, data)

    @post("/visits/asked/{proposal_id:str}", permission=Permission.BOOKINGS_REQUEST)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        proposal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say yes or no to another time."""
        agreement = await self._agreement(db, principal, agreement_id)

        async def act() -> str:
            form = FormReader(data)
            answer = form.option("answer", "your answer", ("yes", "no"))
            words = form.text("words", "your words", required=False, longest=500)
            form.done()
            if answer == "yes":
                moved = await Proposals(db).accept(principal, read_id(proposal_id))
                flash(request, _done(moved.moved, moved.without_worker))
            else:
                await Proposals(db).decline(principal, read_id(proposal_id), words)
                flash(request, "You said no. Everything stays as it was")
            return self._home(agreement.id)

        return await submit(request, db, principal.actor, data, act)


class ClientChanges(ChangePages):
    """The provider's side: it asks, and the person answers."""

    path = "/provider/clients/{agreement_id:str}"
    side = Side.PROVIDER
    base = "/provider/clients"

    @get("/visits/{visit_id:str}/change", permission=Permission.BOOKINGS_ANSWER)
    async def change_form(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        visit_id: FromPath[str],
    ) -> Template:
        """Ask for the time to propose."""
        return await self._change_form(db, principal, agreement_id, visit_id)

    @post("/visits/{visit_id:str}/change", permission=Permission.BOOKINGS_ANSWER, status_code=200)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        visit_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show the cost before and after, then ask the person."""
        return await self._change(request, db, principal, agreement_id, visit_id, data)

    @post("/visits/asked/{proposal_id:str}/withdraw", permission=Permission.BOOKINGS_ANSWER)
    async def withdraw(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        proposal_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Take a question back."""
        agreement = await self._agreement(db, principal, agreement_id)

        async def act() -> str:
            await Proposals(db).withdraw(principal, read_id(proposal_id))
            flash(request, "You took the question back")
            return self._home(agreement.id)

        return await submit(request, db, principal.actor, data, act)
