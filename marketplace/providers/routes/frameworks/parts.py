"""Lots and criteria of a draft."""

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import ChangedMeanwhile
from marketplace.providers.models import SERVICE_LABELS, Criterion, CriterionKind, FrameworkVersion, Lot
from marketplace.providers.routes.frameworks.common import SOMEBODY_SAVED, form_page, is_down, row_id
from marketplace.providers.service.frameworks.forms import (
    HIGHEST_SCORE,
    KIND_HINTS,
    KIND_LABELS,
    CriterionForm,
    LotForm,
    district_options,
    evidence_options,
    fingerprint,
)
from marketplace.providers.service.frameworks.parts import PartService
from marketplace.providers.service.frameworks.versions import VersionService

PATH = "/accreditation/versions"
Act = Callable[[], Awaitable[str]]
NEW_LOT = {"agreement_months": "36", "pass_percent": "60", "trusts_other_councils": "yes"}
NEW_CRITERION = {"lot_id": "all", "longest_words": "500", "weight_percent": "", "pass_score": "0"}


class LotController(Controller):
    """Lots."""

    path = PATH + "/{version_id:str}/lots"

    @get("/new", permission=Permission.FRAMEWORKS_EDIT)
    async def new(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Show the form of a new lot."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        return form_page("lot_form", await _lot_context(db, version, None), NEW_LOT, {})

    @post("/", permission=Permission.FRAMEWORKS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a lot."""
        version = await VersionService(db).draft(principal, row_id(version_id))
        context = await _lot_context(db, version, None)

        async def act() -> str:
            await PartService(db).add_lot(principal, version.id, LotForm.read(data, context["district_codes"]))
            return f"{PATH}/{version.id}#lots"

        return await _saved(request, db, principal, data, act, "lot_form", context, "Lot added")

    @get("/{lot_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        lot_id: FromPath[str],
    ) -> Template:
        """Show the form of a lot."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        lot = await PartService(db).lot(version, row_id(lot_id))
        return form_page("lot_form", await _lot_context(db, version, lot), _lot_values(lot), {})

    @post("/{lot_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        lot_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a lot."""
        version = await VersionService(db).draft(principal, row_id(version_id))
        service = PartService(db)
        lot = await service.lot(version, row_id(lot_id))
        context = await _lot_context(db, version, lot)

        async def act() -> str:
            await service.change_lot(principal, version.id, lot.id, LotForm.read(data, context["district_codes"]))
            return f"{PATH}/{version.id}#lots"

        return await _saved(request, db, principal, data, act, "lot_form", context, "Lot saved", lot)

    @post("/{lot_id:str}/move", permission=Permission.FRAMEWORKS_EDIT)
    async def move(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        lot_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Move a lot up or down."""
        version, lot, step = row_id(version_id), row_id(lot_id), 1 if is_down(data) else -1

        async def act() -> str:
            await PartService(db).move_lot(principal, version, lot, step)
            return f"{PATH}/{version}#lots"

        return await submit(request, db, principal.actor, data, act)

    @get("/{lot_id:str}/remove", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_remove(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        lot_id: FromPath[str],
    ) -> Template:
        """Ask whether a lot is to go, with its own criteria."""
        service = VersionService(db)
        version = await service.draft(principal, row_id(version_id), locked=False)
        lot = await PartService(db).lot(version, row_id(lot_id))
        own = [one.title for one in await service.frameworks.criteria(version.id) if one.lot_id == lot.id]
        context = {
            "heading": f"Remove lot {lot.code} {lot.name}?",
            "losses": own,
            "action": f"{PATH}/{version.id}/lots/{lot.id}/remove",
            "back_href": f"{PATH}/{version.id}/lots/{lot.id}",
        }
        return Template("providers/frameworks/remove.html", context=context)

    @post("/{lot_id:str}/remove", permission=Permission.FRAMEWORKS_EDIT)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        lot_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Remove a lot."""
        version, lot = row_id(version_id), row_id(lot_id)

        async def act() -> str:
            await PartService(db).remove_lot(principal, version, lot)
            return f"{PATH}/{version}#lots"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Lot removed")
        return answer


class CriterionController(Controller):
    """Criteria."""

    path = PATH + "/{version_id:str}/criteria"

    @get("/new", permission=Permission.FRAMEWORKS_EDIT)
    async def new(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        kind: FromQuery[str | None] = None,
    ) -> Template:
        """Show the form of a new criterion of a kind."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        return form_page("criterion_form", await _criterion_context(db, version, _kind(kind), None), NEW_CRITERION, {})

    @post("/", permission=Permission.FRAMEWORKS_EDIT)
    async def add(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Add a criterion."""
        version = await VersionService(db).draft(principal, row_id(version_id))
        kind = _kind(str(data.get("kind") or ""))
        context = await _criterion_context(db, version, kind, None)

        async def act() -> str:
            form = CriterionForm.read(kind, data, context["lot_ids"])
            await PartService(db).add_criterion(principal, version.id, form)
            return f"{PATH}/{version.id}#criteria"

        return await _saved(request, db, principal, data, act, "criterion_form", context, f"{KIND_LABELS[kind]} added")

    @get("/{criterion_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def edit(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Template:
        """Show the form of a criterion."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        one = await PartService(db).criterion(version, row_id(criterion_id))
        context = await _criterion_context(db, version, one.kind, one)
        return form_page("criterion_form", context, _criterion_values(one), {})

    @post("/{criterion_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def change(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        criterion_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Change a criterion."""
        version = await VersionService(db).draft(principal, row_id(version_id))
        service = PartService(db)
        one = await service.criterion(version, row_id(criterion_id))
        context = await _criterion_context(db, version, one.kind, one)

        async def act() -> str:
            form = CriterionForm.read(one.kind, data, context["lot_ids"])
            await service.change_criterion(principal, version.id, one.id, form)
            return f"{PATH}/{version.id}#criteria"

        label = f"{KIND_LABELS[one.kind]} saved"
        return await _saved(request, db, principal, data, act, "criterion_form", context, label, one)

    @post("/{criterion_id:str}/move", permission=Permission.FRAMEWORKS_EDIT)
    async def move(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        criterion_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Move a criterion up or down among its kind."""
        version, one, step = row_id(version_id), row_id(criterion_id), 1 if is_down(data) else -1

        async def act() -> str:
            await PartService(db).move_criterion(principal, version, one, step)
            return f"{PATH}/{version}#criteria"

        return await submit(request, db, principal.actor, data, act)

    @get("/{criterion_id:str}/remove", permission=Permission.FRAMEWORKS_EDIT)
    async def ask_to_remove(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        criterion_id: FromPath[str],
    ) -> Template:
        """Ask whether a criterion is to go."""
        version = await VersionService(db).draft(principal, row_id(version_id), locked=False)
        one = await PartService(db).criterion(version, row_id(criterion_id))
        context = {
            "heading": f"Remove “{one.title}”?",
            "losses": [],
            "action": f"{PATH}/{version.id}/criteria/{one.id}/remove",
            "back_href": f"{PATH}/{version.id}/criteria/{one.id}",
        }
        return Template("providers/frameworks/remove.html", context=context)

    @post("/{criterion_id:str}/remove", permission=Permission.FRAMEWORKS_EDIT)
    async def remove(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        version_id: FromPath[str],
        criterion_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Remove a criterion."""
        version, one = row_id(version_id), row_id(criterion_id)

        async def act() -> str:
            await PartService(db).remove_criterion(principal, version, one)
            return f"{PATH}/{version}#criteria"

        answer = await submit(request, db, principal.actor, data, act)
        flash(request, "Removed")
        return answer


async def _saved(
    request: Request[Any, Any, Any],
    db: AsyncSession,
    principal: Principal,
    data: FormData,
    act: Act,
    template: str,
    context: dict[str, Any],
    said: str,
    row: Lot | Criterion | None = None,
) -> Redirect | Template:
    """Save a part of a draft; a wrong form comes back, and so does one that a colleague overtook."""
    try:
        async with db.begin_nested():
            answer = await submit(request, db, principal.actor, data, act)
    except InvalidInput as error:
        return form_page(template, context, data, error.fields)
    except ChangedMeanwhile:
        if row is None:
            raise
        values = {**data, "seen": fingerprint(row)}
        saved = _lot_values(row) if isinstance(row, Lot) else _criterion_values(row)
        shown = {**context, "saved": {name: value for name, value in saved.items() if name != "seen"}}
        return form_page(template, shown, values, {"form": SOMEBODY_SAVED}, status=HTTPStatus.CONFLICT)
    flash(request, said)
    return answer


def _kind(text: str | None) -> CriterionKind:
    try:
        return CriterionKind(text or "")
    except ValueError:
        raise NotFound from None


async def _lot_context(db: AsyncSession, version: FrameworkVersion, lot: Lot | None) -> dict[str, Any]:
    council = await VersionService(db).frameworks.council(version.council_id)
    return {
        "version": version,
        "lot": lot,
        "district_codes": list(council.district_codes),
        "districts": district_options(council.district_codes),
        "services": [(line.value, label) for line, label in SERVICE_LABELS.items()],
        "evidence_kinds": evidence_options(),
        "saved": None,
    }


async def _criterion_context(
    db: AsyncSession, version: FrameworkVersion, kind: CriterionKind, one: Criterion | None
) -> dict[str, Any]:
    lots = await VersionService(db).frameworks.lots(version.id)
    return {
        "version": version,
        "criterion": one,
        "kind": kind.value,
        "label": KIND_LABELS[kind],
        "hint": KIND_HINTS[kind],
        "lot_ids": [str(lot.id) for lot in lots],
        "lot_options": [
            ("all", "Everybody"),
            *((str(lot.id), f"Applicants for lot {lot.code} {lot.name}") for lot in lots),
        ],
        "evidence_kinds": evidence_options(),
        "scores": [(str(score), str(score)) for score in range(HIGHEST_SCORE + 1)],
        "saved": None,
    }


def _lot_values(lot: Lot) -> FormData:
    return {
        "code": lot.code,
        "name": lot.name,
        "description": lot.description,
        "service_line": lot.service_line.value,
        "district_codes": list(lot.district_codes),
        "evidence": list(lot.evidence),
        "needs_registration": "yes" if lot.needs_registration else "",
        "trusts_other_councils": "yes" if lot.trusts_other_councils else "",
        "agreement_months": str(lot.agreement_months),
        "pass_percent": str(lot.pass_percent),
        "seen": fingerprint(lot),
    }


def _criterion_values(one: Criterion) -> FormData:
    return {
        "lot_id": str(one.lot_id) if one.lot_id else "all",
        "title": one.title,
        "question": one.question,
        "help": one.help,
        "wanted_answer": one.wanted_answer,
        "evidence_kind": one.evidence_kind,
        "longest_words": str(one.longest_words),
        "weight_percent": str(one.weight_percent),
        "pass_score": str(one.pass_score),
        "seen": fingerprint(one),
    }
