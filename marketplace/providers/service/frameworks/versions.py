"""The council writes specifications: frameworks, draft versions, publishing, the next version (C1, D7)."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound, broken_constraint
from marketplace.core.ids import new_id
from marketplace.providers.errors import ChangedMeanwhile, NotReady, VersionPublished
from marketplace.providers.models import Criterion, Framework, FrameworkVersion, Lot
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.frameworks.checks import checks_of, is_ready
from marketplace.providers.service.frameworks.forms import FrameworkForm, TextForm, slug_of
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.states import FRAMEWORK_VERSION, FrameworkVersionStatus


@asynccontextmanager
async def published_stays(db: AsyncSession) -> AsyncIterator[None]:
    """Turn the database's refusal to touch a published version into our words.

    Raises:
        VersionPublished: The version was published, be it in the moment before.
    """
    try:
        yield
        await db.flush()
    except IntegrityError as error:
        if (broken_constraint(error) or "").startswith("published_"):
            raise VersionPublished from error
        raise


class VersionService:
    """Writes frameworks and the texts of their versions. Every method asks for `FRAMEWORKS_EDIT`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.frameworks = FrameworkRepository(db)

    async def own(self, principal: Principal) -> Sequence[Framework]:
        """Return the council's frameworks."""
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.frameworks.own(principal.council_id)

    async def framework(self, principal: Principal, framework_id: UUID, *, locked: bool = False) -> Framework:
        """Return one of them.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.frameworks.find(principal.council_id, framework_id, locked=locked)

    async def version(self, principal: Principal, version_id: UUID, *, locked: bool = False) -> FrameworkVersion:
        """Return a version of the council's.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.frameworks.versions.find(principal.council_id, version_id, locked=locked)

    async def draft(self, principal: Principal, version_id: UUID, *, locked: bool = True) -> FrameworkVersion:
        """Return a draft; locked, whoever publishes or changes it at the same time waits.

        Raises:
            NotFound: There is none, or it is another council's.
            VersionPublished: It is no draft any more.
        """
        version = await self.version(principal, version_id, locked=locked)
        if version.status is not FrameworkVersionStatus.DRAFT:
            raise VersionPublished
        return version

    async def add(self, principal: Principal, form: FrameworkForm) -> tuple[Framework, FrameworkVersion]:
        """Add a framework with its first draft."""
        principal.require(Permission.FRAMEWORKS_EDIT)
        base = slug_of(form.name)
        slug, number = base, 1
        while await self.frameworks.slug_exists(principal.council_id, slug):
            number += 1
            slug = f"{base}-{number}"
        framework = Framework(
            id=new_id(),
            council_id=principal.council_id,
            slug=slug,
            name=form.name,
            summary=form.summary,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        self.db.add(framework)
        await self.db.flush()
        version = await self._new_version(principal, framework, None)
        self._record(principal, "providers.add_framework", "framework", framework.id, {"name": form.name})
        return framework, version

    async def change(self, principal: Principal, framework_id: UUID, form: FrameworkForm) -> Framework:
        """Change the name or the summary; the address stays."""
        framework = await self.framework(principal, framework_id, locked=True)
        before = {"name": framework.name, "summary": framework.summary}
        framework.name, framework.summary = form.name, form.summary
        await self.db.flush()
        after = {"name": form.name, "summary": form.summary}
        self._record(principal, "providers.change_framework", "framework", framework.id, after, before)
        return framework

    async def close(self, principal: Principal, framework_id: UUID, *, is_closed: bool) -> Framework:
        """Say that there are no further rounds, or that there are again. What was accredited runs on."""
        framework = await self.framework(principal, framework_id, locked=True)
        if (framework.closed_at is not None) is is_closed:
            return framework
        before = {"closed_at": framework.closed_at}
        framework.closed_at = self.clock.now() if is_closed else None
        await self.db.flush()
        action = "providers.close_framework" if is_closed else "providers.reopen_framework"
        self._record(principal, action, "framework", framework.id, {"closed_at": framework.closed_at}, before)
        return framework

    async def write(self, principal: Principal, version_id: UUID, form: TextForm) -> FrameworkVersion:
        """Save the texts of a draft.

        Raises:
            VersionPublished: It is no draft any more.
            ChangedMeanwhile: A colleague saved since the page was opened.
        """
        version = await self.draft(principal, version_id)
        if version.version != form.version:
            raise ChangedMeanwhile
        before = _lengths(version)
        version.specification = form.specification
        version.agreement_terms = form.agreement_terms
        version.changes = form.changes
        async with published_stays(self.db):
            pass
        self._record(principal, "providers.write_version", "framework_version", version.id, _lengths(version), before)
        return version

    async def publish(self, principal: Principal, version_id: UUID, seen: str) -> FrameworkVersion:
        """Publish a draft: from now on it never changes.

        Args:
            principal: Who publishes.
            version_id: Which draft.
            seen: Hash of the content as it was shown before, in hexadecimal.

        Raises:
            VersionPublished: Somebody published it before.
            NotReady: Something is missing.
            ChangedMeanwhile: What is there now is not what was shown.
        """
        version = await self.draft(principal, version_id)
        lots, criteria = await self.content(version)
        if not is_ready(checks_of(version, lots, criteria)):
            raise NotReady("Go back to the list of what is missing.")
        sealed = content_hash(version, lots, criteria)
        if sealed.hex() != seen:
            raise ChangedMeanwhile("Look at it once more before you publish it.")
        version.content_hash = sealed
        version.published_by_user_id = principal.user_id
        version.published_at = self.clock.now()
        FRAMEWORK_VERSION.move(self.db, version, FrameworkVersionStatus.PUBLISHED, by=principal.user_id)
        await self.db.flush()
        after = {"number": version.number, "content_hash": sealed.hex(), "lots": len(lots), "criteria": len(criteria)}
        self._record(principal, "providers.publish_version", "framework_version", version.id, after)
        return version

    async def next(self, principal: Principal, framework_id: UUID) -> FrameworkVersion:
        """Make the draft that follows the newest version, with its texts, lots and criteria under the same keys.

        When there is a draft already, that one is returned: two officers who press at once work on one.
        """
        framework = await self.framework(principal, framework_id, locked=True)
        versions = await self.frameworks.versions.of_framework(framework.id)
        draft = next((row for row in versions if row.status is FrameworkVersionStatus.DRAFT), None)
        if draft is not None:
            return draft
        source = next((row for row in versions if row.status is FrameworkVersionStatus.PUBLISHED), None)
        version = await self._new_version(principal, framework, source)
        if source is not None:
            await self._copy(source, version)
        return version

    async def discard(self, principal: Principal, version_id: UUID) -> Framework:
        """Throw a draft away. It stays in the records as withdrawn.

        Raises:
            VersionPublished: It is no draft any more.
        """
        version = await self.draft(principal, version_id)
        FRAMEWORK_VERSION.move(self.db, version, FrameworkVersionStatus.WITHDRAWN, by=principal.user_id)
        await self.db.flush()
        self._record(
            principal, "providers.discard_version", "framework_version", version.id, {"number": version.number}
        )
        return await self.framework(principal, version.framework_id)

    async def content(self, version: FrameworkVersion) -> tuple[Sequence[Lot], Sequence[Criterion]]:
        """Return a version's lots and criteria."""
        return await self.frameworks.lots(version.id), await self.frameworks.criteria(version.id)

    async def _new_version(
        self, principal: Principal, framework: Framework, source: FrameworkVersion | None
    ) -> FrameworkVersion:
        version = FrameworkVersion(
            id=new_id(),
            council_id=principal.council_id,
            framework_id=framework.id,
            number=await self.frameworks.versions.next_number(framework.id),
            status=FrameworkVersionStatus.DRAFT,
            specification=source.specification if source else "",
            agreement_terms=source.agreement_terms if source else "",
            changes="",
            created_at=self.clock.now(),
        )
        self.db.add(version)
        await self.db.flush()
        FRAMEWORK_VERSION.begin(self.db, version, by=principal.user_id)
        after = {"number": version.number, "from": source.number if source else None}
        self._record(principal, "providers.begin_version", "framework_version", version.id, after)
        return version

    async def _copy(self, source: FrameworkVersion, version: FrameworkVersion) -> None:
        lots, criteria = await self.content(source)
        ids: dict[UUID, UUID] = {lot.id: new_id() for lot in lots}
        self.db.add_all(Lot(**{**lot.to_dict(), "id": ids[lot.id], "version_id": version.id}) for lot in lots)
        await self.db.flush()
        self.db.add_all(
            Criterion(
                **{
                    **one.to_dict(),
                    "id": new_id(),
                    "version_id": version.id,
                    "lot_id": ids[one.lot_id] if one.lot_id else None,
                }
            )
            for one in criteria
        )
        await self.db.flush()

    def _record(
        self,
        principal: Principal,
        action: str,
        kind: str,
        subject_id: UUID,
        after: dict[str, Any],
        before: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind=kind,
            subject_id=subject_id,
            before=before,
            after=after,
        )


def _lengths(version: FrameworkVersion) -> dict[str, Any]:
    """What the audit log keeps of long texts: how long they are. Published texts stay as they were anyway."""
    return {
        "version": version.version,
        "specification": f"{len(version.specification)} characters",
        "agreement_terms": f"{len(version.agreement_terms)} characters",
        "changes": version.changes,
    }


def place(rows: Sequence[Lot] | Sequence[Criterion], row_id: UUID, step: int) -> list[UUID]:
    """Return the ids of rows with one moved by a step; at the ends it stays.

    Raises:
        NotFound: It is not among them.
    """
    ids = [row.id for row in rows]
    if row_id not in ids:
        raise NotFound
    before = ids.index(row_id)
    after = min(max(before + step, 0), len(ids) - 1)
    ids.insert(after, ids.pop(before))
    return ids
