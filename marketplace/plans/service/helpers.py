"""Helpers with somebody's own plan: asked section by section, for a time, by a link of their own (T15, P3).

The link's secret follows from the helper's id and the installation's key; only its hash is stored. A helper needs no
account, sees the sections they were asked for and nothing else, and stops at once when the person says so.
"""

import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final, NamedTuple, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.accounts.service import link_secret, token_hash
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.matching.models import Referral
from marketplace.people.models import Person
from marketplace.plans.errors import PlanNotEditable
from marketplace.plans.events import PlanHelperAsked
from marketplace.plans.models import HelperKind, Plan, PlanHelper, PlanSection, PlanVersion
from marketplace.plans.own import Typed
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.own import HelperRepository, OwnPlanRepository
from marketplace.plans.sections import KEYS, only_known
from marketplace.plans.service.own_writing import OwnWritingService, Writer, why_closed

PURPOSE: Final = "plan-helper"
MOST_OPEN: Final = 10
"""Links of one plan that work at a time."""
MAILS_A_DAY: Final = 10
"""Links that are sent by e-mail for one person in a day: this is no way to write to strangers."""
MOST_DAYS: Final = 180
LONGEST_NAME: Final = 80

_SECRET = re.compile(r"[0-9a-f]{96}", re.ASCII)


class HelperForm(msgspec.Struct, frozen=True, kw_only=True):
    """Who is asked to help with which sections, and for how many days."""

    name: str
    kind: HelperKind
    email: str
    sections: list[str]
    days: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        name = form.text("name", "who helps you", longest=LONGEST_NAME)
        kind = form.choice("kind", "how you know them", HelperKind)
        email = form.email("email", "their email address", required=False)
        sections = form.options("sections", "the parts they help with", KEYS, required=True)
        days = form.number("days", "for how many days", least=1, most=MOST_DAYS)
        form.done()
        return cls(name=name, kind=kind or HelperKind.OTHER, email=email, sections=sections, days=days)


class OwnHelper(NamedTuple):
    """A helper as the person sees them."""

    row: PlanHelper
    is_open: bool
    secret: str
    """For the address; empty when the link no longer works, or the installation's key has changed."""


class HelpPage(NamedTuple):
    """What somebody with a link may know."""

    helper: PlanHelper
    plan: Plan
    version: PlanVersion
    referral: Referral
    person: Person
    keys: list[str]

    @property
    def closed(self) -> str:
        """Why they cannot write now; empty when they can."""
        return why_closed(self.plan, self.version, self.referral, self.person)


def helper_secret(secret_key: str, helper_id: UUID) -> str:
    """Return the secret of a helper's link: 96 hexadecimal digits."""
    return link_secret(secret_key, PURPOSE, helper_id)


class HelperService:
    """Asking helpers, ending their help, and what they do."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.helpers = HelperRepository(db)
        self.plans = PlanRepository(db)
        self.own = OwnPlanRepository(db)

    # For the person

    async def usual_days(self, council_id: UUID) -> int:
        """Return for how many days somebody helps unless the person says otherwise."""
        days: int = await setting(self.db, council_id, "plans.helper_days", today(self.clock))
        return days

    async def of_plan(self, principal: Principal, plan_id: UUID, secret_key: str) -> list[OwnHelper]:
        """Return the helpers of one's own plan, those whose link works first, with the links.

        Raises:
            NotFound: It is no plan of one's own.
        """
        principal.require(Permission.PLAN_OWN)
        plan = await self.db.get(Plan, plan_id)
        if plan is None or (plan.council_id, plan.person_id) != (principal.council_id, principal.need_person()):
            raise NotFound
        now = self.clock.now()
        found = []
        for row in await self.helpers.of_plan(plan_id):
            is_open = row.ended_at is None and row.expires_at > now
            secret = helper_secret(secret_key, row.id)
            is_known = hmac.compare_digest(token_hash(secret), row.token_hash)
            found.append(OwnHelper(row, is_open, secret if is_open and is_known else ""))
        return found

    async def ask(self, principal: Principal, plan_id: UUID, form: HelperForm, secret_key: str) -> PlanHelper:
        """Make a link for a helper; with an address it is sent there.

        Raises:
            NotFound: It is no plan of one's own.
            PlanNotEditable: Nobody writes in it now.
            InvalidInput: Ten links work already, or too many were sent today.
        """
        plan, version = await self._locked(principal, plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        if reason := why_closed(plan, version, referral, person):
            raise PlanNotEditable(reason)
        now = self.clock.now()
        if await self.helpers.count_open(plan.id, now) >= MOST_OPEN:
            raise InvalidInput({"name": f"You have {MOST_OPEN} helpers now. End the help of one of them first"})
        if form.email:
            sent = await self.helpers.count_mailed(plan.council_id, plan.person_id, now - timedelta(days=1))
            if sent >= MAILS_A_DAY:
                words = "You have sent many links today. Leave the address empty and send the link yourself"
                raise InvalidInput({"email": words})
        helper_id = new_id()
        row = PlanHelper(
            id=helper_id,
            council_id=plan.council_id,
            plan_id=plan.id,
            kind=form.kind,
            name=form.name,
            email=form.email,
            sections=only_known(form.sections),
            token_hash=token_hash(helper_secret(secret_key, helper_id)),
            invited_by_user_id=principal.user_id,
            invited_at=now,
            expires_at=now + timedelta(days=form.days),
        )
        self.db.add(row)
        await self.db.flush()
        self._note(principal, "plans.ask_helper", row, after={"sections": row.sections, "days": form.days})
        if form.email:
            publish(self.db, PlanHelperAsked(council_id=plan.council_id, helper_id=row.id))
        return row

    async def end(self, principal: Principal, plan_id: UUID, helper_id: UUID) -> None:
        """End somebody's help at once; ending it again changes nothing.

        Raises:
            NotFound: There is none, or it is no plan of one's own.
        """
        plan, _ = await self._locked(principal, plan_id)
        row = await self.helpers.one_of(plan.id, helper_id)
        if row.ended_at is None:
            row.ended_at = self.clock.now()
            await self.db.flush()
            self._note(principal, "plans.end_helper", row)

    # For who has the link

    async def open(self, secret: str) -> HelpPage:
        """Return what somebody with a link may know, and note that it was opened.

        Raises:
            NotFound: The link is wrong, has run out or was ended: all look the same.
        """
        helper = await self._find(secret)
        await self.helpers.note_seen(helper.id, self.clock.now())
        plan = await self.plans.find(helper.council_id, helper.plan_id)
        referral, person = await self.plans.subject(plan.council_id, plan.referral_id)
        version = await self.own.newest_version(plan.id)
        return HelpPage(helper, plan, version, referral, person, only_known(helper.sections))

    async def write(self, secret: str, typed: Typed, seen: str, keep: str = "") -> PlanSection | None:
        """Write a section as a helper: see `OwnWritingService.write`.

        Raises:
            NotFound: The link does not work, or the section is not theirs.
        """
        helper = await self._find(secret)
        found = await self.plans.find(helper.council_id, helper.plan_id)
        plan, version = await self.own.locked_for(helper.council_id, found.person_id, found.id)
        # Read again now that the plan is locked: the person may have ended the help a moment ago.
        helper = await self.helpers.one_of(plan.id, helper.id)
        if helper.ended_at is not None:
            raise NotFound
        writer = Writer(helper.name, helper_id=helper.id, sections=frozenset(helper.sections))
        return await OwnWritingService(self.db).write(plan, version, writer, typed, seen, keep)

    async def end_all(self, council_id: UUID, person_id: UUID) -> int:
        """End every help with a person's plans, because the person has died; returns how many worked."""
        ended: Sequence[UUID] = await self.helpers.end_all(council_id, person_id, self.clock.now())
        for helper_id in ended:
            audit.record(
                self.db,
                None,
                "plans.end_helper",
                council_id=council_id,
                subject_kind="plan_helper",
                subject_id=helper_id,
                why="The person has died",
            )
        return len(ended)

    async def _find(self, secret: str) -> PlanHelper:
        """Find a link by its secret, whosever council it is, then reach no further than that council."""
        helper = None
        if _SECRET.fullmatch(secret):
            await scope_to(self.db, "every")
            helper = await self.helpers.by_token(token_hash(secret), self.clock.now())
            await scope_to(self.db, [helper.council_id] if helper is not None else [])
        if helper is None:
            raise NotFound
        return helper

    async def _locked(self, principal: Principal, plan_id: UUID) -> tuple[Plan, PlanVersion]:
        principal.require(Permission.PLAN_OWN)
        return await self.own.locked_for(principal.council_id, principal.need_person(), plan_id)

    def _note(self, principal: Principal, action: str, row: PlanHelper, *, after: dict[str, Any] | None = None) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="plan_helper",
            subject_id=row.id,
            after=after,
        )
