"""Pages of evidence: what a provider gives, and what its council looks at."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of, session_maker, transaction
from marketplace.core.errors import BadRequest, InvalidInput, NotFound
from marketplace.core.files.forms import CHOOSE_AGAIN, UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.formats import pounds_short, uk_date
from marketplace.core.ids import parse_id
from marketplace.core.models import StoredFile
from marketplace.core.web import FormData, local_path, submit
from marketplace.providers.models import Evidence, EvidenceKind, Organisation
from marketplace.providers.repository.evidence import PAGE, EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.registration import RegulatorLinkRepository
from marketplace.providers.routes.evidence_files import file_line, looked_at
from marketplace.providers.routes.registration import link_words
from marketplace.providers.service.evidence import (
    DBS_LEVELS,
    DBS_OUTCOMES,
    EVIDENCE_LABELS,
    EXPECTED,
    INSURANCE,
    SOON,
    EvidenceForm,
    EvidenceService,
    RefuseForm,
    state_of,
)
from marketplace.providers.service.evidence_files import FIELD, MOST_FILES, EvidenceFileService, takes_files
from marketplace.providers.service.evidence_words import ASKS


class OwnEvidenceController(Controller):
    """The own organisation's evidence."""

    path = "/provider/evidence"

    @get("/", permission=Permission.ORGANISATION_OWN)
    async def show_all(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what was given, what counts and what is still to be shown to the council."""
        service = EvidenceService(db)
        organisation, rows = await service.own(principal)
        kinds = service.kinds_for(principal, organisation)
        day = today(clock_of(db))
        names = await EvidenceRepository(db).worker_names({row.worker_id for row in rows if row.worker_id})
        expected = [kind for kind in EXPECTED[organisation.kind] if kind in kinds]
        link = await RegulatorLinkRepository(db).newest(organisation.id)
        files = await EvidenceFileService(db).of_evidence([row.id for row in rows])
        context = {
            "organisation": organisation,
            "tasks": [_task(kind, rows, day) for kind in expected],
            "items": [
                {**_item(row, day, names), **_files_of(row, files.get(row.id, []), "/provider/evidence")}
                for row in rows
            ],
            "kinds": [(kind.value, EVIDENCE_LABELS[kind]) for kind in kinds],
            "speaks_for_all": EvidenceKind.LIABILITY_INSURANCE in kinds,
            "is_hidden": EvidenceKind.LIABILITY_INSURANCE in kinds
            and await EvidenceRepository(db).is_uncovered(organisation.id, day),
            "link": link_words(link) if link else None,
        }
        return Template("providers/evidence/own.html", context=context)

    @get("/new", permission=Permission.ORGANISATION_OWN)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        kind: FromQuery[str | None] = None,
        back: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form for one kind of evidence. `back` is the page of an application that asked for it."""
        return await _form_page(db, principal, kind or "", {"back": back or ""}, {})

    @post("/", permission=Permission.ORGANISATION_OWN, **UPLOAD)
    async def give(self, request: Request[Any, Any, Any], principal: NamedDependency[Principal]) -> Redirect | Template:
        """Keep a piece of evidence and its files, which are looked at before the transaction begins."""
        given = await FileForm.read(request)
        kind = _kind(str(given.values.get("kind") or ""))
        checked, errors = await looked_at(principal, kind, given)
        async with transaction(session_maker(), principal.councils) as db:
            try:
                form = _read(kind, given.values, today(clock_of(db)), errors)

                async def act() -> str:
                    row = await EvidenceService(db).give(principal, form)
                    if checked:
                        await EvidenceFileService(db).attach(principal, row.id, checked)
                    return _back(given.values)

                async with db.begin_nested():
                    answer = await submit(request, db, principal.actor, given.content, act)
            except InvalidInput as error:
                fields = {**error.fields, FIELD: CHOOSE_AGAIN} if checked else error.fields
                return await _form_page(db, principal, kind.value, given.values, fields)
        flash(
            request, "Saved. Your council looks at it next" if checked else "Saved. Now show the paper to your council"
        )
        return answer

    @get("/safeguarding", permission=Permission.ORGANISATION_OWN)
    async def safeguarding(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the form for the safeguarding contact."""
        organisation = await OrganisationRepository(db).find(principal.need_organisation())
        values = {
            "safeguarding_name": organisation.safeguarding_name,
            "safeguarding_contact": organisation.safeguarding_contact,
        }
        return Template("providers/evidence/safeguarding.html", context={"values": values, "errors": {}})

    @post("/safeguarding", permission=Permission.ORGANISATION_OWN)
    async def set_safeguarding(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change the safeguarding contact."""

        async def act() -> str:
            await EvidenceService(db).set_safeguarding(principal, data)
            return "/provider/evidence"

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            context = {"values": data, "errors": error.fields}
            return Template("providers/evidence/safeguarding.html", context=context, status_code=422)
        flash(request, "Safeguarding contact saved")
        return answer


class EvidenceController(Controller):
    """Evidence as a council sees it."""

    path = "/evidence"

    @get("/", permission=Permission.EVIDENCE_SEE)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        after: FromQuery[str | None] = None,
    ) -> Template:
        """Show what waits for a look, and what ends within 30 days."""
        start = parse_id(after) if after else None
        if after and start is None:
            raise BadRequest
        repository, day = EvidenceRepository(db), today(clock_of(db))
        found = await repository.waiting(principal.council_id, start)
        shown = found[:PAGE]
        ending = [] if start else await repository.ending(principal.council_id, day, day + SOON)
        names = await repository.worker_names({row.worker_id for row, _ in (*shown, *ending) if row.worker_id})
        context = {
            "waiting": [{**_item(row, day, names), "organisation": organisation.name} for row, organisation in shown],
            "ending": [{**_item(row, day, names), "organisation": organisation.name} for row, organisation in ending],
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/evidence/council.html", context=context)

    @get("/{evidence_id:str}", permission=Permission.EVIDENCE_SEE)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], evidence_id: FromPath[str]
    ) -> Template:
        """Show one piece of evidence."""
        row, organisation = await EvidenceRepository(db).find(principal.council_id, _id(evidence_id))
        return await _decision_page(db, row, organisation, {}, {})

    @post("/{evidence_id:str}/seen", permission=Permission.EVIDENCE_SEE)
    async def see(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evidence_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Say that it was seen."""

        async def act() -> str:
            await EvidenceService(db).see(principal, _id(evidence_id))
            return "/evidence"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Marked as seen")
        return answer

    @post("/{evidence_id:str}/refused", permission=Permission.EVIDENCE_SEE)
    async def refuse(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        evidence_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Say that it does not count, and why."""
        row, organisation = await EvidenceRepository(db).find(principal.council_id, _id(evidence_id))
        try:
            form = RefuseForm.read(data)
        except InvalidInput as error:
            return await _decision_page(db, row, organisation, data, error.fields)

        async def act() -> str:
            await EvidenceService(db).refuse(principal, row.id, form)
            return "/evidence"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Refused. The organisation is told why")
        return answer


def _id(text: str) -> UUID:
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def _kind(text: str) -> EvidenceKind:
    try:
        return EvidenceKind(text)
    except ValueError:
        raise NotFound from None


def _item(row: Evidence, day: date, names: dict[UUID, str]) -> dict[str, Any]:
    last = row.expires_on - timedelta(days=1) if row.expires_on else None
    return {
        "id": row.id,
        "kind": row.kind.value,
        "label": EVIDENCE_LABELS[row.kind],
        "about": names.get(row.worker_id, "") if row.worker_id else "",
        "detail": row.detail,
        "cover": pounds_short(row.cover_pence) if row.cover_pence else "",
        "dates": f"{uk_date(row.issued_on)} to {uk_date(last)}" if last else f"From {uk_date(row.issued_on)}",
        "state": state_of(row, day),
        "words": _words(row, day),
        "refused_because": row.refused_because,
    }


def _files_of(row: Evidence, files: Sequence[StoredFile], pages: str) -> dict[str, Any]:
    """Return what a page says of the files of a piece of evidence. `pages` is the folder of the evidence's pages."""
    folder = f"{pages}/{row.id}/files"
    return {
        "files": [file_line(stored, folder) for stored in files],
        "files_href": folder if takes_files(row.kind) and row.seen_at is None and not row.refused_because else "",
    }


def _words(row: Evidence, day: date) -> str:
    """Say how a piece of evidence stands."""
    last = uk_date(row.expires_on - timedelta(days=1)) if row.expires_on else ""
    return {
        "refused": "Not accepted",
        "expired": f"Ended after {last}",
        "waiting": "Waiting for the council",
        "scheduled": f"Seen. Counts from {uk_date(row.issued_on)}",
        "due": f"Seen. Ends after {last}",
        "live": f"Seen. Counts until {last}" if last else "Seen",
    }[state_of(row, day)]


def _task(kind: EvidenceKind, rows: Sequence[Evidence], day: date) -> dict[str, str]:
    """Return the line of the list of what councils ask for: the best that there is of one kind."""
    order = ("live", "due", "scheduled", "waiting", "expired", "refused")
    found = sorted((row for row in rows if row.kind is kind), key=lambda row: order.index(state_of(row, day)))
    best = found[0] if found else None
    state = state_of(best, day) if best else "not_started"
    return {
        "title": EVIDENCE_LABELS[kind],
        "href": f"/provider/evidence/new?kind={kind.value}",
        "status": "completed" if state == "live" else state,
        "hint": _words(best, day) if best else "Not given yet",
    }


def _read(kind: EvidenceKind, values: FormData, day: date, errors: dict[str, str]) -> EvidenceForm:
    """Read the form; what is wrong with its files counts, too.

    Raises:
        InvalidInput: With all messages.
    """
    try:
        form = EvidenceForm.read(kind, values, day)
    except InvalidInput as error:
        raise InvalidInput({**error.fields, **errors}) from error
    if errors:
        raise InvalidInput(errors)
    return form


def _back(values: FormData) -> str:
    """Return the page to go to when a paper is given."""
    return local_path(str(values.get("back") or ""), "/provider/evidence")


async def _form_page(
    db: AsyncSession, principal: Principal, text: str, values: FormData, errors: dict[str, str]
) -> Template:
    kind = _kind(text)
    service = EvidenceService(db)
    organisation, rows = await service.own(principal)
    if kind not in service.kinds_for(principal, organisation):
        raise NotFound
    workers = [] if principal.worker_id else await OrganisationRepository(db).workers(organisation.id)
    context = {
        "kind": kind.value,
        "label": EVIDENCE_LABELS[kind],
        "ask": ASKS.get(kind),
        "takes_files": takes_files(kind),
        "most_files": MOST_FILES,
        "is_insurance": kind in INSURANCE,
        "is_renewal": any(row.kind is kind for row in rows),
        "levels": list(DBS_LEVELS.items()),
        "outcomes": list(DBS_OUTCOMES.items()),
        "workers": [(str(row.id), row.name) for row in workers],
        "back": _back(values),
        "values": values,
        "errors": errors,
    }
    return Template("providers/evidence/new.html", context=context, status_code=422 if errors else 200)


async def _decision_page(
    db: AsyncSession, row: Evidence, organisation: Organisation, values: FormData, errors: dict[str, str]
) -> Template:
    day = today(clock_of(db))
    names = await EvidenceRepository(db).worker_names({row.worker_id} if row.worker_id else set())
    files = await EvidenceFileService(db).of_evidence([row.id])
    context = {
        "item": {**_item(row, day, names), **_files_of(row, files.get(row.id, []), "/evidence")},
        "organisation": organisation,
        "may_see": row.seen_at is None and not row.refused_because,
        "may_refuse": not row.refused_because,
        "values": values,
        "errors": errors,
    }
    return Template("providers/evidence/decide.html", context=context, status_code=422 if errors else 200)
