"""The council writes the lots and criteria of a draft."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.ids import new_id
from marketplace.providers.errors import ChangedMeanwhile
from marketplace.providers.models import Criterion, FrameworkVersion, Lot
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.forms import CriterionForm, LotForm, fingerprint, slug_of
from marketplace.providers.service.frameworks.versions import VersionService, place, published_stays

MOST_LOTS = 30
MOST_CRITERIA = 200
P = TypeVar("P", Lot, Criterion)


class PartService:
    """Adds, changes, moves and removes lots and criteria. Each locks the draft first, so that one comes after another.

    Two officers may work on different lots at once; on the same one the second is shown what the first saved.
    """

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.versions = VersionService(db)
        self.frameworks = FrameworkRepository(db)

    async def lot(self, version: FrameworkVersion, lot_id: UUID) -> Lot:
        """Return a lot of a version.

        Raises:
            NotFound: It has no such lot.
        """
        return _one(await self.frameworks.lots(version.id), lot_id)

    async def criterion(self, version: FrameworkVersion, criterion_id: UUID) -> Criterion:
        """Return a criterion of a version.

        Raises:
            NotFound: It has no such criterion.
        """
        return _one(await self.frameworks.criteria(version.id), criterion_id)

    async def add_lot(self, principal: Principal, version_id: UUID, form: LotForm) -> Lot:
        """Add a lot at the end.

        Raises:
            VersionPublished: It is no draft any more.
            InvalidInput: The code is taken.
        """
        version = await self.versions.draft(principal, version_id)
        lots = await self.frameworks.lots(version.id)
        if len(lots) >= MOST_LOTS:
            raise Conflict(f"A framework has {MOST_LOTS} lots at most.")
        _free_code(lots, form.code, None)
        lot = Lot(id=new_id(), council_id=version.council_id, version_id=version.id, position=_end(lots), **_lot(form))
        self.db.add(lot)
        async with published_stays(self.db):
            pass
        self._record(principal, "providers.add_lot", version, lot.id, after=_lot(form))
        return lot

    async def change_lot(self, principal: Principal, version_id: UUID, lot_id: UUID, form: LotForm) -> Lot:
        """Change a lot.

        Raises:
            VersionPublished: It is no draft any more.
            ChangedMeanwhile: A colleague saved it since the page was opened.
            InvalidInput: The code is taken.
        """
        version = await self.versions.draft(principal, version_id)
        lots = await self.frameworks.lots(version.id)
        lot = _one(lots, lot_id)
        if fingerprint(lot) != form.seen:
            raise ChangedMeanwhile
        _free_code(lots, form.code, lot.id)
        before = {name: getattr(lot, name) for name in _lot(form)}
        for name, value in _lot(form).items():
            setattr(lot, name, value)
        async with published_stays(self.db):
            pass
        self._record(principal, "providers.change_lot", version, lot.id, before=before, after=_lot(form))
        return lot

    async def remove_lot(self, principal: Principal, version_id: UUID, lot_id: UUID) -> None:
        """Remove a lot with the criteria that are asked for it alone."""
        version = await self.versions.draft(principal, version_id)
        lot = await self.lot(version, lot_id)
        own = [one for one in await self.frameworks.criteria(version.id) if one.lot_id == lot.id]
        for one in own:
            await self.db.delete(one)
        async with published_stays(self.db):
            pass
        await self.db.delete(lot)
        async with published_stays(self.db):
            pass
        before = {"code": lot.code, "name": lot.name, "criteria": [one.key for one in own]}
        self._record(principal, "providers.remove_lot", version, lot.id, before=before)

    async def move_lot(self, principal: Principal, version_id: UUID, lot_id: UUID, step: int) -> None:
        """Move a lot up (-1) or down (1)."""
        version = await self.versions.draft(principal, version_id)
        lots = await self.frameworks.lots(version.id)
        await self._renumber(lots, place(lots, lot_id, step))

    async def add_criterion(self, principal: Principal, version_id: UUID, form: CriterionForm) -> Criterion:
        """Add a criterion at the end, under a key that later versions keep.

        Raises:
            VersionPublished: It is no draft any more.
            InvalidInput: The lot is gone.
        """
        version = await self.versions.draft(principal, version_id)
        criteria = await self.frameworks.criteria(version.id)
        if len(criteria) >= MOST_CRITERIA:
            raise Conflict(f"A version has {MOST_CRITERIA} criteria at most.")
        await self._known_lot(version, form.lot_id)
        keys = {one.key for one in criteria} | await self.frameworks.criterion_keys(version.framework_id)
        base = slug_of(form.title, 40)
        key, number = base, 1
        while key in keys:
            number += 1
            key = f"{base}-{number}"
        criterion = Criterion(
            id=new_id(),
            council_id=version.council_id,
            version_id=version.id,
            key=key,
            position=_end(criteria),
            **_criterion(form),
        )
        self.db.add(criterion)
        async with published_stays(self.db):
            pass
        self._record(principal, "providers.add_criterion", version, criterion.id, after=_criterion(form))
        return criterion

    async def change_criterion(
        self, principal: Principal, version_id: UUID, criterion_id: UUID, form: CriterionForm
    ) -> Criterion:
        """Change a criterion; it keeps its key.

        Raises:
            VersionPublished: It is no draft any more.
            ChangedMeanwhile: A colleague saved it since the page was opened.
        """
        version = await self.versions.draft(principal, version_id)
        criterion = await self.criterion(version, criterion_id)
        if fingerprint(criterion) != form.seen:
            raise ChangedMeanwhile
        await self._known_lot(version, form.lot_id)
        before = {name: getattr(criterion, name) for name in _criterion(form)}
        for name, value in _criterion(form).items():
            setattr(criterion, name, value)
        async with published_stays(self.db):
            pass
        after = _criterion(form)
        self._record(principal, "providers.change_criterion", version, criterion.id, before=before, after=after)
        return criterion

    async def remove_criterion(self, principal: Principal, version_id: UUID, criterion_id: UUID) -> None:
        """Remove a criterion."""
        version = await self.versions.draft(principal, version_id)
        criterion = await self.criterion(version, criterion_id)
        await self.db.delete(criterion)
        async with published_stays(self.db):
            pass
        before = {"key": criterion.key, "title": criterion.title}
        self._record(principal, "providers.remove_criterion", version, criterion.id, before=before)

    async def move_criterion(self, principal: Principal, version_id: UUID, criterion_id: UUID, step: int) -> None:
        """Move a criterion up (-1) or down (1) among those of its kind for the same lot."""
        version = await self.versions.draft(principal, version_id)
        criteria = await self.frameworks.criteria(version.id)
        moved = _one(criteria, criterion_id)
        beside = [one for one in criteria if (one.kind, one.lot_id) == (moved.kind, moved.lot_id)]
        # The others keep their places; those beside share theirs out anew.
        places = iter(place(beside, criterion_id, step))
        order = [next(places) if one in beside else one.id for one in criteria]
        await self._renumber(criteria, order)

    async def _renumber(self, rows: Sequence[Lot] | Sequence[Criterion], order: list[UUID]) -> None:
        for row in rows:
            row.position = order.index(row.id) + 1
        async with published_stays(self.db):
            pass

    async def _known_lot(self, version: FrameworkVersion, lot_id: UUID | None) -> None:
        if lot_id is not None and all(lot.id != lot_id for lot in await self.frameworks.lots(version.id)):
            raise InvalidInput({"lot_id": "This lot is gone. Select another one"})

    def _record(
        self,
        principal: Principal,
        action: str,
        version: FrameworkVersion,
        subject_id: UUID,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="lot" if action.endswith("_lot") else "criterion",
            subject_id=subject_id,
            before=before,
            after={**(after or {}), "version_id": version.id},
        )


def _one(rows: Sequence[P], row_id: UUID) -> P:
    found = next((row for row in rows if row.id == row_id), None)
    if found is None:
        raise NotFound
    return found


def _end(rows: Sequence[Lot] | Sequence[Criterion]) -> int:
    return max((row.position for row in rows), default=0) + 1


def _free_code(lots: Sequence[Lot], code: str, own_id: UUID | None) -> None:
    if any(lot.code.lower() == code.lower() and lot.id != own_id for lot in lots):
        raise InvalidInput({"code": f"There is a lot {code} already"})


def _lot(form: LotForm) -> dict[str, Any]:
    return {
        "code": form.code,
        "name": form.name,
        "description": form.description,
        "service_line": form.service_line,
        "district_codes": form.district_codes,
        "evidence": form.evidence,
        "needs_registration": form.needs_registration,
        "trusts_other_councils": form.trusts_other_councils,
        "agreement_months": form.agreement_months,
        "pass_percent": form.pass_percent,
    }


def _criterion(form: CriterionForm) -> dict[str, Any]:
    return {
        "lot_id": form.lot_id,
        "kind": form.kind,
        "title": form.title,
        "question": form.question,
        "help": form.help,
        "wanted_answer": form.wanted_answer,
        "evidence_kind": form.evidence_kind,
        "longest_words": form.longest_words,
        "weight_percent": form.weight_percent,
        "pass_score": form.pass_score,
    }
