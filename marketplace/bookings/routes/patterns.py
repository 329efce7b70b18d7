"""Weekly visits of an agreement: what is planned, changes, one visit more, pauses; for the person and the provider."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.bookings.models import Booking, ChangeScope, PauseKind, Side, SupportAgreement, VisitPattern
from marketplace.bookings.repository_visits import ProposalReader, VisitReader
from marketplace.bookings.routes.visit_forms import (
    ChangeForm,
    change_values,
    extra_form,
    pause_form,
    weekly_form,
)
from marketplace.bookings.service.planning.change import Shown
from marketplace.bookings.service.planning.one_offs import NotFreeThen, OneOffs
from marketplace.bookings.service.planning.patterns import DAY, WEEKDAYS
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.bookings.service.planning.proposals import Proposals
from marketplace.bookings.service.planning.words import NOT_PLANNED_WORDS, pattern_words, proposal_words
from marketplace.bookings.states import AgreementStatus
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural, pounds, uk_date
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, submit, typed

SHOWN = 30
PAUSE_LABELS = [
    (PauseKind.HOSPITAL.value, "A stay in hospital"),
    (PauseKind.HOLIDAY.value, "A holiday"),
    (PauseKind.OTHER.value, "Something else"),
]


class _VisitPages(Controller):
    """What both sides have; `side` and `base` say which."""

    side = Side.PERSON
    base = "/agreements"

    async def _agreement(self, db: AsyncSession, principal: Principal, text: str) -> SupportAgreement:
        service = Pauses(db)
        found = service.of_person if self.side is Side.PERSON else service.of_provider
        return await found(principal, _id(text))

    def _home(self, agreement_id: UUID) -> str:
        return f"{self.base}/{agreement_id}/visits"

    async def _overview(self, db: AsyncSession, principal: Principal, text: str) -> Template:
        agreement = await self._agreement(db, principal, text)
        service, now = Proposals(db), clock_of(db).now()
        visits, first = VisitReader(db), today(clock_of(db))
        patterns = await service.rows.patterns([agreement.id], first, first + timedelta(weeks=104))
        by_id = {row.id: row for row in patterns}
        rows = await visits.rows(
            visits.to_come(agreement.council_id, agreement.id, now, also_called_off=True), SHOWN + 1
        )
        asked = await ProposalReader(db).every(ProposalReader(db).open(agreement.council_id, agreement.id))
        ones = {row.booking.id: row.booking for row in rows}
        proposals = [
            (
                row,
                proposal_words(
                    row,
                    await _visit(db, agreement, row.booking_id, ones),
                    by_id.get(row.pattern_id) if row.pattern_id else None,
                ),
            )
            for row in asked
        ]
        pauses = (await service.rows.pauses([agreement.id], first)).get(agreement.id, [])
        gone = await visits.taken_away([agreement.council_id], first, SHOWN, agreement_id=agreement.id)
        context = {
            "agreement": agreement,
            "base": self.base,
            "home": self._home(agreement.id),
            "is_person": self.side is Side.PERSON,
            "is_running": agreement.status is AgreementStatus.AGREED,
            "patterns": [(row, pattern_words(row), row.ends_on - DAY if row.ends_on else None) for row in patterns],
            "rows": rows[:SHOWN],
            "has_more": len(rows) > SHOWN,
            "proposals": proposals,
            "pauses": pauses,
            "pause_labels": dict(PAUSE_LABELS),
            "gone": gone,
            "today": first,
            "not_planned": NOT_PLANNED_WORDS.get(agreement.not_planned_why, ""),
        }
        return Template("bookings/visits/overview.html", context=context)

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
            await Pauses(db).resume(principal, agreement.id, _id(pause), from_on)
            flash(request, f"Visits take place again from {uk_date(from_on)}")
            return self._home(agreement.id)

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return self._resume_page(agreement, _id(pause), data, error.fields)

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
        visit, pattern = await _subject(db, agreement, _id(visit_text))
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
        visit, pattern = await _subject(db, agreement, _id(visit_text))
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


def _done(moved: int, without_worker: int) -> str:
    words = f"{plural(moved, 'visit')} moved"
    if without_worker:
        words += f". For {without_worker} of them the provider still says who comes"
    return words


async def _visit(
    db: AsyncSession, agreement: SupportAgreement, visit_id: UUID | None, known: dict[UUID, Booking]
) -> Booking | None:
    if visit_id is None or visit_id in known:
        return known.get(visit_id) if visit_id else None
    return await VisitReader(db).maybe(VisitReader(db).of(agreement.council_id).where(Booking.id == visit_id))


async def _subject(
    db: AsyncSession, agreement: SupportAgreement, visit_id: UUID
) -> tuple[Booking, VisitPattern | None]:
    visit = await VisitReader(db).find(agreement.council_id, visit_id)
    if visit.agreement_id != agreement.id:
        raise NotFound
    pattern = await Pauses(db).rows.pattern(agreement.council_id, visit.pattern_id) if visit.pattern_id else None
    return visit, pattern


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


class AgreementVisits(_VisitPages):
    """The person's side."""

    path = "/agreements/{agreement_id:str}"
    side = Side.PERSON
    base = "/agreements"

    @get("/visits", permission=Permission.BOOKINGS_OWN)
    async def overview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show weekly visits, those to come, pauses and changes that the provider asks for."""
        return await self._overview(db, principal, agreement_id)

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

    @get("/visits/extra", permission=Permission.BOOKINGS_REQUEST)
    async def extra_page(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Ask for one visit more."""
        agreement = await self._agreement(db, principal, agreement_id)
        return self._form("bookings/visits/extra.html", agreement, {"minutes": "60"}, {})

    @post("/visits/extra", permission=Permission.BOOKINGS_REQUEST, status_code=200)
    async def extra(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        agreement_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Show the price of one visit more, then ask the provider for it."""
        agreement = await self._agreement(db, principal, agreement_id)
        try:
            form = extra_form(data)
            if data.get("action") != "save":
                cost = await OneOffs(db).price(agreement, form)
                is_free = await OneOffs(db).is_free(agreement, form)
                return self._form(
                    "bookings/visits/extra.html", agreement, data, {}, cost_pence=cost, is_taken=not is_free
                )
            anyway = FormReader(data).ticked("anyway")

            async def act() -> str:
                visit = await OneOffs(db).request(principal, agreement.id, form, anyway=anyway)
                flash(request, f"We asked for the visit. It costs {pounds(visit.cost_pence)}")
                return self._home(agreement.id)

            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, act)
        except NotFreeThen as error:
            cost = await OneOffs(db).price(agreement, form)
            return self._form(
                "bookings/visits/extra.html", agreement, data, error.fields, cost_pence=cost, is_taken=True
            )
        except InvalidInput as error:
            return self._form("bookings/visits/extra.html", agreement, data, error.fields)

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
                moved = await Proposals(db).accept(principal, _id(proposal_id))
                flash(request, _done(moved.moved, moved.without_worker))
            else:
                await Proposals(db).decline(principal, _id(proposal_id), words)
                flash(request, "You said no. Everything stays as it was")
            return self._home(agreement.id)

        return await submit(request, db, principal.actor, data, act)

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
        return self._resume_page(agreement, _id(pause_id), values, {})

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

    async def _pattern(self, db: AsyncSession, agreement: SupportAgreement, text: str) -> VisitPattern:
        found = await Pauses(db).rows.pattern(agreement.council_id, _id(text))
        if found is None or found.agreement_id != agreement.id:
            raise NotFound
        return found

    def _form(
        self, template: str, agreement: SupportAgreement, values: FormData, errors: dict[str, str], **more: Any
    ) -> Template:
        context = {
            "agreement": agreement,
            "home": self._home(agreement.id),
            "weekdays": [(str(number), name) for number, name in enumerate(WEEKDAYS)],
            "values": typed(values),
            "errors": errors,
            **more,
        }
        return Template(template, context=context, status_code=422 if errors else 200)


class ClientVisits(_VisitPages):
    """The provider's side: it asks, and the person answers."""

    path = "/provider/clients/{agreement_id:str}"
    side = Side.PROVIDER
    base = "/provider/clients"

    @get("/visits", permission=Permission.BOOKINGS_ANSWER)
    async def overview(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], agreement_id: FromPath[str]
    ) -> Template:
        """Show weekly visits, those to come, pauses and what was asked."""
        return await self._overview(db, principal, agreement_id)

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
            await Proposals(db).withdraw(principal, _id(proposal_id))
            flash(request, "You took the question back")
            return self._home(agreement.id)

        return await submit(request, db, principal.actor, data, act)

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
