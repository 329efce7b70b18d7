"""Writing a section of somebody's own plan, by them or by a helper, so that nothing is lost when two write at once.

A page says which words it showed (`sections.print_of`). When others are saved by then, nothing is written: the second
writer sees both and chooses. The words that lose are kept beside the section, and the first writer is told.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.outbox import publish
from marketplace.matching.models import Referral
from marketplace.matching.states import ReferralStatus
from marketplace.people.models import Person
from marketplace.plans.content import MOST_ITEMS
from marketplace.plans.errors import PlanNotEditable, SectionClash
from marketplace.plans.events import SectionWrittenTwice
from marketplace.plans.models import Plan, PlannedBy, PlanSection, PlanVersion
from marketplace.plans.own import Typed, joined
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.plans import contents
from marketplace.plans.repository.sections import SectionRepository, Writing
from marketplace.plans.sections import BY_KEY, LONGEST_TEXT, Place, print_of, text_of
from marketplace.plans.states import EDITABLE


class Writer(NamedTuple):
    """Who writes: the person, who acts for them, or a helper."""

    name: str
    principal: Principal | None = None
    helper_id: UUID | None = None
    sections: frozenset[str] | None = None
    """Keys of the sections they may write; None: all."""

    def may(self, key: str) -> bool:
        """Whether a section is theirs to see and write."""
        return self.sections is None or key in self.sections


def why_closed(plan: Plan, version: PlanVersion, referral: Referral, person: Person) -> str:
    """Say why nobody writes in a person's own plan now; empty when it is open."""
    if person.died_on is not None:
        return "This plan is closed. What was written is kept."
    if referral.status is ReferralStatus.CLOSED:
        return "The council has closed this plan. What was written is kept."
    if plan.planned_by is not PlannedBy.PERSON:
        return "A planner goes on with this plan. What was written is kept."
    if version.status not in EDITABLE:
        return "The plan was shared with the council. It can be changed again if it comes back."
    return ""


class OwnWritingService:
    """Writes sections."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.sections = SectionRepository(db)
        self.plans = PlanRepository(db)

    async def write(
        self, plan: Plan, version: PlanVersion, writer: Writer, typed: Typed, seen: str, keep: str = ""
    ) -> PlanSection | None:
        """Write a section.

        Args:
            plan: The plan, locked.
            version: Its newest version, locked.
            writer: Who writes.
            typed: What was typed.
            seen: Fingerprint of the words that the page showed.
            keep: A member of `own.KEEP` where the page showed both wordings; else empty.

        Returns:
            The section, or None where nothing had to be written.

        Raises:
            NotFound: It is not theirs.
            PlanNotEditable: Nobody writes in this plan now.
            SectionClash: Others wrote here since; nothing is changed.
            InvalidInput: Both wordings together are too long.
        """
        if not writer.may(typed.key):
            raise NotFound
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if reason := why_closed(plan, version, referral, person):
            raise PlanNotEditable(reason)
        row = (await self.sections.rows(version.id)).get(typed.key)
        saved = await self._saved(version, typed.key, row)
        if typed.text == saved.text:
            return None
        if print_of(saved.text) != seen:
            raise SectionClash(saved.text, row.author if row else "", row.edited_at if row else version.updated_at)
        now = self.clock.now()
        first = (row.edited_by_user_id, row.edited_by_helper_id) if row else (None, None)
        if keep == "theirs":
            await self.sections.keep_aside(version, typed.key, typed.text, self._by(writer, now))
        else:
            wanted = joined(saved, typed) if keep == "both" else typed
            _refuse_too_long(wanted, saved, typed)
            await self._put(version, wanted, saved, self._by(writer, now, was_clash=bool(keep)))
        version.updated_at = now
        # The row's version must move even when only another table changed within one tick of the clock.
        flag_modified(version, "updated_at")
        await self.db.flush()
        self._note(writer, version, typed.key, keep)
        if keep:
            publish(
                self.db,
                SectionWrittenTwice(
                    council_id=plan.council_id,
                    plan_id=plan.id,
                    plan_version_id=version.id,
                    person_id=plan.person_id,
                    key=typed.key,
                    first_user_id=first[0],
                    first_helper_id=first[1],
                ),
            )
        return (await self.sections.rows(version.id)).get(typed.key)

    async def _saved(self, version: PlanVersion, key: str, row: PlanSection | None) -> Typed:
        if BY_KEY[key].place is Place.ITEMS:
            return Typed(key=key, items=contents(await self.sections.items(version.id)))
        return Typed(key=key, words=text_of(version, key, {key: row} if row else {}))

    async def _put(self, version: PlanVersion, wanted: Typed, saved: Typed, by: Writing) -> None:
        if BY_KEY[wanted.key].place is Place.ITEMS:
            await self.plans.replace_items(version, wanted.items)
        await self.sections.write(version, wanted.key, wanted.words, by, before=saved.text)

    def _by(self, writer: Writer, at: datetime, *, was_clash: bool = False) -> Writing:
        user_id = writer.principal.user_id if writer.principal else None
        return Writing(at, writer.name, user_id, writer.helper_id, was_clash=was_clash)

    def _note(self, writer: Writer, version: PlanVersion, key: str, keep: str) -> None:
        after = {"section": key} | ({"kept": keep} if keep else {})
        if writer.helper_id is not None:
            after["helper_id"] = str(writer.helper_id)
        audit.record(
            self.db,
            writer.principal,
            "plans.write_section",
            council_id=version.council_id,
            subject_kind="plan_version",
            subject_id=version.id,
            after=after,
        )


def _refuse_too_long(wanted: Typed, saved: Typed, typed: Typed) -> None:
    """Refuse wordings that do not fit together: nothing may be cut off in silence."""
    if BY_KEY[wanted.key].place is Place.ITEMS:
        if len(saved.items) + len(typed.items) > MOST_ITEMS and len(wanted.items) == MOST_ITEMS:
            raise InvalidInput({"keep": f"Together these are more than {MOST_ITEMS}. Take some out, then try again"})
    elif len(wanted.words) > LONGEST_TEXT and wanted.words != typed.words:
        raise InvalidInput({"keep": f"Together the words are too long. Use at most {LONGEST_TEXT:,} letters"})
