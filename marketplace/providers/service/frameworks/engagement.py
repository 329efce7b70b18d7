"""The engagement log: events, consultations, soft market tests, what organisations would apply for (D7, R29, R30)."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.errors import ChangedMeanwhile, TooManyQuestions
from marketplace.providers.models import EngagementEntry, EngagementKind, Framework
from marketplace.providers.repository.engagement import EngagementRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.reach import reach_council

ENGAGEMENT_LABELS: Final[dict[EngagementKind, str]] = {
    EngagementKind.MARKET_EVENT: "Market event",
    EngagementKind.CONSULTATION: "Consultation",
    EngagementKind.SOFT_MARKET_TEST: "Soft market test",
    EngagementKind.CO_PRODUCTION: "Written with people who use services",
    EngagementKind.INTEREST: "Expression of interest",
}
HELD: Final = tuple(kind for kind in EngagementKind if kind is not EngagementKind.INTEREST)
"""What the council enters itself; interest comes from organisations."""
LONGEST_SAID: Final = 4_000
MOST_IDEAS_A_DAY: Final = 10


class EntryForm(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the log."""

    framework_id: UUID | None
    kind: EngagementKind
    held_on: date
    title: str
    said: str
    done: str
    people: int
    organisations: int
    lot_codes: list[str]
    is_public: bool
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], framework_ids: list[str], today: date) -> Self:
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        framework = form.option("framework_id", "a framework", framework_ids, required=False)
        kind = form.option("kind", "what it was", [one.value for one in HELD])
        held_on = form.day("held_on", "the date")
        if held_on and held_on > today:
            form.wrong("held_on", "The date must be today or in the past")
        title = form.text("title", "a title", longest=160)
        said = form.text("said", "what people said", required=False, longest=LONGEST_SAID)
        done = form.text("done", "what you did", required=False, longest=LONGEST_SAID)
        people = form.number("people", "how many people who use services took part", least=0, most=10_000)
        organisations = form.number("organisations", "how many organisations took part", least=0, most=10_000)
        codes = [code.strip() for code in form.text("lot_codes", "lots", required=False).split(",") if code.strip()]
        version = form.number("version", "the version of this page", least=0, most=1_000_000, required=False)
        is_public = form.ticked("is_public")
        if is_public and not said:
            form.wrong("said", "Enter what people said before you publish it")
        form.done()
        return cls(
            framework_id=UUID(framework) if framework else None,
            kind=EngagementKind(kind),
            held_on=held_on or today,
            title=title,
            said=said,
            done=done,
            people=people,
            organisations=organisations,
            lot_codes=codes,
            is_public=is_public,
            version=version,
        )


class ReplyForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the council makes of an expression of interest; who expressed it stays with the council."""

    title: str
    done: str
    is_public: bool
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        title = form.text("title", "a title that everybody may read", longest=160)
        done = form.text("done", "what you did", required=False, longest=LONGEST_SAID)
        is_public = form.ticked("is_public")
        if is_public and not done:
            form.wrong("done", "Enter what you did before you publish it")
        version = form.number("version", "the version of this page", least=1, most=1_000_000)
        form.done()
        return cls(title=title, done=done, is_public=is_public, version=version)


class EngagementService:
    """Keeps the log."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.entries = EngagementRepository(db)

    # The council

    async def find(self, principal: Principal, entry_id: UUID, *, locked: bool = False) -> EngagementEntry:
        """Return an entry of the council's.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.entries.find(principal.council_id, entry_id, locked=locked)

    async def add(self, principal: Principal, form: EntryForm) -> EngagementEntry:
        """Enter an event, a consultation or the like."""
        principal.require(Permission.FRAMEWORKS_EDIT)
        entry = EngagementEntry(
            id=new_id(),
            council_id=principal.council_id,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
            **_facts(form),
        )
        self.db.add(entry)
        await self.db.flush()
        self._record(principal, "providers.add_engagement", entry, after=_facts(form))
        return entry

    async def change(self, principal: Principal, entry_id: UUID, form: EntryForm | ReplyForm) -> EngagementEntry:
        """Change an entry; of an expression of interest only what the council says to it.

        Raises:
            ChangedMeanwhile: A colleague saved it since the page was opened.
        """
        entry = await self.find(principal, entry_id, locked=True)
        if entry.version != form.version:
            raise ChangedMeanwhile
        values: dict[str, Any] = (
            _facts(form)
            if isinstance(form, EntryForm)
            else {"title": form.title, "done": form.done, "is_public": form.is_public}
        )
        before = {name: getattr(entry, name) for name in values}
        for name, value in values.items():
            setattr(entry, name, value)
        await self.db.flush()
        self._record(principal, "providers.change_engagement", entry, before=before, after=values)
        return entry

    # Organisations

    async def interest(self, principal: Principal, framework: Framework) -> EngagementEntry | None:
        """Return what the user's organisation said about the lots it would apply for, if anything."""
        if principal.organisation_id is None:
            return None
        return await self.entries.interest(framework.id, principal.organisation_id)

    async def express_interest(
        self, principal: Principal, framework: Framework, code: str, *, would_apply: bool
    ) -> EngagementEntry | None:
        """Say that one's organisation would apply for a lot, or would not after all. Saying it twice changes nothing.

        Args:
            principal: Who speaks for the organisation.
            framework: Of any council.
            code: Code of the lot; the caller has made sure that there is one.
            would_apply: Whether it would.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        await reach_council(self.db, principal, framework.council_id)
        # Locked, so that two presses at once make one entry.
        await FrameworkRepository(self.db).find(framework.council_id, framework.id, locked=True)
        entry = await self.entries.interest(framework.id, organisation_id, locked=True)
        if entry is None:
            if not would_apply:
                return None
            entry = self._entry(principal, framework, organisation_id, "Would apply")
            self.db.add(entry)
        before = list(entry.lot_codes)
        wanted = sorted({*before, code} if would_apply else set(before) - {code})
        if wanted == before:
            return entry
        entry.lot_codes = wanted
        await self.db.flush()
        self._record(
            principal, "providers.express_interest", entry, before={"lot_codes": before}, after={"lot_codes": wanted}
        )
        return entry

    async def send_idea(self, principal: Principal, framework: Framework, data: dict[str, Any]) -> EngagementEntry:
        """Send the council an idea of one's organisation (R30).

        Raises:
            TooManyQuestions: More in a day than one organisation needs.
            InvalidInput: No idea, or one too long.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        form = FormReader(data)
        idea = form.text("idea", "your idea", longest=LONGEST_SAID)
        form.done()
        await reach_council(self.db, principal, framework.council_id)
        since = self.clock.now() - timedelta(days=1)
        if await self.entries.ideas_since(framework.council_id, organisation_id, since) >= MOST_IDEAS_A_DAY:
            raise TooManyQuestions("Send the rest tomorrow.")
        entry = self._entry(principal, framework, organisation_id, "An idea")
        entry.said = idea
        self.db.add(entry)
        await self.db.flush()
        self._record(principal, "providers.send_idea", entry, after={"framework_id": framework.id})
        return entry

    def _entry(self, principal: Principal, framework: Framework, organisation_id: UUID, title: str) -> EngagementEntry:
        return EngagementEntry(
            id=new_id(),
            council_id=framework.council_id,
            framework_id=framework.id,
            kind=EngagementKind.INTEREST,
            held_on=today(self.clock),
            title=title,
            said="",
            done="",
            people=0,
            organisations=1,
            organisation_id=organisation_id,
            lot_codes=[],
            is_public=False,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )

    def _record(
        self,
        principal: Principal,
        action: str,
        entry: EngagementEntry,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any],
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=entry.council_id,
            subject_kind="engagement_entry",
            subject_id=entry.id,
            before=before,
            after=after,
        )


def public_words(entries: Sequence[EngagementEntry]) -> list[dict[str, Any]]:
    """Return entries as everybody reads them: of an expression of interest neither who nor their own words."""
    return [
        {
            "kind": ENGAGEMENT_LABELS[entry.kind],
            "title": entry.title,
            "held_on": entry.held_on,
            "said": "" if entry.kind is EngagementKind.INTEREST else entry.said,
            "done": entry.done,
            "people": entry.people,
            "organisations": entry.organisations,
        }
        for entry in entries
    ]


def _facts(form: EntryForm) -> dict[str, Any]:
    return {
        "framework_id": form.framework_id,
        "kind": form.kind,
        "held_on": form.held_on,
        "title": form.title,
        "said": form.said,
        "done": form.done,
        "people": form.people,
        "organisations": form.organisations,
        "lot_codes": form.lot_codes,
        "is_public": form.is_public,
    }
