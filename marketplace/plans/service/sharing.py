"""Sharing a plan: the person says who may read which parts and until when; each reading is noted (D14, V14)."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.council_settings import setting
from marketplace.accounts.words import COMMUNICATION_NEEDS
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.people.models import Person
from marketplace.people.views import note_view
from marketplace.plans.events_sharing import PlannerLeft, PlanShared, PlanShareEnded
from marketplace.plans.faces import SHARED_KEYS, Face, shared_face
from marketplace.plans.models import Plan, PlanShare, PlanVersion
from marketplace.plans.repository.faces import FaceRepository
from marketplace.plans.repository.sharing import ShareLine, ShareRepository, ShareView
from marketplace.plans.review_forms import AskForm
from marketplace.plans.schemas import read_expected
from marketplace.plans.service.review_sides import ask_as_supporter
from marketplace.providers.models import Organisation

LONGEST_DAYS: Final = 366
ROLE_ENDED: Final = "Their work for you ended"
STANDING_ENDED: Final = "The council does not approve them now"
DEATH: Final = "The person died"


class ShareChanged(Conflict):
    """The share was ended since the page was opened."""

    code = "plan-share-changed"
    title = "This has changed since you opened it"


class ShareForm(msgspec.Struct, frozen=True):
    """Which parts of a plan an organisation may read, and the last day."""

    sections: tuple[str, ...]
    last_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any], day: date) -> "ShareForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        sections = form.options("sections", "what they may read", SHARED_KEYS, required=True)
        last_on = form.day("last_on", "the last day they may read it")
        if last_on is not None and last_on < day:
            form.wrong("last_on", "The last day must be today or later")
        elif last_on is not None and last_on > day + timedelta(days=LONGEST_DAYS):
            form.wrong("last_on", "The last day must be within a year from today")
        form.done()
        return cls(tuple(sections), last_on or day)


class OwnShare(NamedTuple):
    """A share as the person sees it."""

    share: PlanShare
    organisation: Organisation
    is_live: bool
    views: Sequence[ShareView]
    """When they looked while it was shared."""

    @property
    def last_on(self) -> date:
        """The last day on which it may be read."""
        return self.share.ends_on - timedelta(days=1)


class SharedPlan(NamedTuple):
    """What an organisation reads."""

    line: ShareLine
    face: Face
    version: PlanVersion | None
    """None: the person has agreed to no plan yet."""


class SharingService:
    """Who may read a plan beside the person, their planner and the council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.shares = ShareRepository(db)

    async def of_own(self, principal: Principal) -> list[OwnShare]:
        """Return what a person shared, the newest first, each with who looked when.

        Raises:
            NotFound: The reader is no person.
        """
        person_id = self._person(principal)
        day = today(self.clock)
        views = await self.shares.views(principal.council_id, person_id)
        live = await self.shares.live_of_person(principal.council_id, person_id, day)
        return [
            OwnShare(
                share,
                organisation,
                share.id in live,
                [view for view in views.get(share.organisation_id, []) if _covers(share, view.viewed_on)],
            )
            for share, organisation in await self.shares.of_person(principal.council_id, person_id)
        ]

    async def to_choose(self, principal: Principal, words: str) -> Sequence[Organisation]:
        """Return organisations that a person may share with."""
        self._person(principal)
        return await self.shares.to_choose(principal.council_id, today(self.clock), words)

    async def chosen(self, principal: Principal, organisation_id: UUID) -> Organisation:
        """Return one organisation that a person may share with.

        Raises:
            NotFound: There is none of that kind.
        """
        self._person(principal)
        return await self.shares.chosen(principal.council_id, today(self.clock), organisation_id)

    async def usual_last_day(self, principal: Principal) -> date:
        """Return the last day that a form proposes (setting `plans.share_days`)."""
        day = today(self.clock)
        days: int = await setting(self.db, principal.council_id, "plans.share_days", day)
        return day + timedelta(days=days - 1)

    async def share(self, principal: Principal, organisation_id: UUID, form: ShareForm) -> PlanShare:
        """Let an organisation read parts of the plan. What was shared with it before ends: one word counts.

        Raises:
            NotFound: The organisation does not work here, or lost its role.
            Conflict: The person has died.
        """
        person_id, day, now = self._person(principal), today(self.clock), self.clock.now()
        person = await self.shares.hold_person(principal.council_id, person_id)
        if person.died_on is not None:
            raise Conflict("A plan cannot be shared any more.")
        organisation = await self.shares.chosen(principal.council_id, day, organisation_id)
        replaced = await self.shares.live_with(principal.council_id, person_id, organisation.id, day)
        for earlier in replaced:
            earlier.ended_at, earlier.ended_by_user_id = now, principal.user_id
        share = PlanShare(
            council_id=principal.council_id,
            person_id=person_id,
            organisation_id=organisation.id,
            sections=list(form.sections),
            starts_on=day,
            ends_on=form.last_on + timedelta(days=1),
            given_by_user_id=principal.user_id,
            given_at=now,
        )
        self.db.add(share)
        await self.db.flush()
        before = {"replaces": [earlier.id for earlier in replaced]} if replaced else None
        after = {"organisation_id": organisation.id, "sections": share.sections, "ends_on": share.ends_on}
        self._audit(principal, share, "plans.share_plan", before=before, after=after)
        publish(
            self.db,
            PlanShared(
                council_id=share.council_id,
                share_id=share.id,
                person_id=person_id,
                organisation_id=organisation.id,
                ends_on=share.ends_on,
            ),
        )
        return share

    async def own(self, principal: Principal, share_id: UUID) -> PlanShare:
        """Return a share of the person's own.

        Raises:
            NotFound: It is not theirs.
        """
        return await self.shares.own(principal.council_id, self._person(principal), share_id)

    async def end(self, principal: Principal, share_id: UUID, data: Mapping[str, Any]) -> None:
        """Take a share back: from now on nothing of it can be read.

        Raises:
            NotFound: It is not theirs.
            ShareChanged: It has ended, or the page showed another state of it.
        """
        share = await self.shares.own(principal.council_id, self._person(principal), share_id, locked=True)
        if share.ended_at is not None or share.version != read_expected(FormReader(data)):
            raise ShareChanged("Look at the list to see how it stands.")
        await self._end(principal, share, "")

    async def end_role(self, council_id: UUID, person_id: UUID, organisation_id: UUID, why: str) -> int:
        """End what a person shares with an organisation whose work for them is over; returns how many."""
        ended = 0
        for share in await self.shares.live_with(council_id, person_id, organisation_id, today(self.clock)):
            await self._end(None, share, why)
            ended += 1
        return ended

    async def end_without_role(self, limit: int) -> int:
        """End shares with organisations that the council does not approve any more, or of people who died.

        They could not be read from that moment on; here it is written down, and the person is told.
        """
        found = await self.shares.without_role(today(self.clock), limit)
        for share in found:
            person = await self.shares.hold_person(share.council_id, share.person_id)
            await self._end(None, share, DEATH if person.died_on else STANDING_ENDED)
        return len(found)

    async def readable(self, principal: Principal) -> list[ShareLine]:
        """Return what people share with the reader's organisation now.

        Raises:
            NotFound: The reader belongs to no organisation.
        """
        principal.require(Permission.PLANS_SHARED_READ)
        return await self.shares.readable(principal.councils, principal.need_organisation(), today(self.clock))

    async def line(self, principal: Principal, share_id: UUID) -> ShareLine:
        """Return what a person shares with the reader's organisation now.

        Raises:
            NotFound: Nothing is shared with it under that id, or not any more.
        """
        principal.require(Permission.PLANS_SHARED_READ)
        organisation_id = principal.need_organisation()
        lines = await self.shares.readable(principal.councils, organisation_id, today(self.clock), share_id)
        if not lines:
            raise NotFound
        return lines[0]

    async def ask_review(self, principal: Principal, share_id: UUID, form: AskForm) -> UUID:
        """Ask for a review of the plan of somebody who shares it with the reader's organisation.

        Returns:
            The review.

        Raises:
            Conflict: One that was asked for is still to be held, or no version is in place.
            NotFound: Nothing is shared with it under that id, or not any more.
        """
        line = await self.line(principal, share_id)
        return await ask_as_supporter(self.db, principal, line.share.council_id, line.share.person_id, form)

    async def read(self, principal: Principal, share_id: UUID) -> SharedPlan:
        """Return the shared parts of a plan and note who read them. Drafts stay with the person.

        Raises:
            NotFound: Nothing is shared with the reader's organisation under that id, or not any more.
        """
        line = await self.line(principal, share_id)
        await note_view(self.db, principal, line.share.person_id, "shared_plan")
        faces = FaceRepository(self.db)
        found = await faces.agreed_version(line.share.council_id, line.share.person_id)
        talk = communication_words(line.person)
        if found is None:
            return SharedPlan(line, shared_face((), (), line.share.sections, talk), None)
        source = await faces.source(*found)
        return SharedPlan(line, shared_face(source.texts, source.items, line.share.sections, talk), found[1])

    async def _end(self, principal: Principal | None, share: PlanShare, why: str) -> None:
        share.ended_at, share.end_reason = self.clock.now(), why
        share.ended_by_user_id = principal.user_id if principal else None
        await self.db.flush()
        self._audit(principal, share, "plans.end_share", after={"ended_at": share.ended_at}, why=why)
        publish(
            self.db,
            PlanShareEnded(
                council_id=share.council_id,
                share_id=share.id,
                person_id=share.person_id,
                organisation_id=share.organisation_id,
                by_itself=principal is None,
            ),
        )

    def _person(self, principal: Principal) -> UUID:
        principal.require(Permission.PLAN_OWN)
        return principal.need_person()

    def _audit(self, principal: Principal | None, share: PlanShare, action: str, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=share.council_id,
            subject_kind="plan_share",
            subject_id=share.id,
            **given,
        )


def tell_left(db: AsyncSession, plan: Plan, organisation_id: UUID | None) -> None:
    """Publish that an organisation plans no longer for somebody, where another or nobody does so in its place."""
    if organisation_id is not None and organisation_id != plan.organisation_id:
        publish(
            db,
            PlannerLeft(
                council_id=plan.council_id,
                plan_id=plan.id,
                person_id=plan.person_id,
                organisation_id=organisation_id,
            ),
        )


def communication_words(person: Person) -> str:
    """Say how to talk with a person (Accessible Information Standard): languages and what they need."""
    lines = []
    if person.languages:
        lines.append(f"I speak {', '.join(person.languages)}.")
    lines += [f"I need: {COMMUNICATION_NEEDS.get(code, code)}." for code in person.communication_needs]
    return "\n".join(lines)


def _covers(share: PlanShare, day: date) -> bool:
    """Whether a share could be read on a day."""
    return share.starts_on <= day < share.ends_on and (share.ended_at is None or day <= share.ended_at.date())
