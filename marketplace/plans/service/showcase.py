"""The plan of the month: nominated by who checks plans, told without names, shown only with the person's yes (L14)."""

from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.plans.anonymous import Found, known_in, to_look_at
from marketplace.plans.errors import MonthTaken, NoConsent, StoryChanged, StoryUnderWay
from marketplace.plans.events import StoryAnswered, StoryNominated
from marketplace.plans.models import Plan, PlanShowcase
from marketplace.plans.repository.showcase import ShowcaseRepository

LONGEST_TITLE: Final = 120
LONGEST_STORY: Final = 4_000
LONGEST_WHY: Final = 1_000
MONTHS_AHEAD: Final = 3
"""Months that can be chosen: this one and those after it."""
LOOKED_AT: Final = "is_looked_at"


class StoryForm(msgspec.Struct, frozen=True, kw_only=True):
    """A plan told so that nobody knows whose it is."""

    month: date
    title: str
    story: str
    why: str
    is_looked_at: bool
    expected: int
    """Row version that the page showed; 0 for a new story."""

    @classmethod
    def read(cls, data: dict[str, Any], on: date) -> "StoryForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        months = {month.isoformat(): month for month in months_from(on)}
        # A story that is changed may keep its month, though it has begun.
        kept = parse_day(form.raw("kept_month"))
        if kept is not None and kept.day == 1:
            months.setdefault(kept.isoformat(), kept)
        month = form.option("month", "a month", months)
        found = cls(
            month=months.get(month, on.replace(day=1)),
            title=form.text("title", "a title", longest=LONGEST_TITLE),
            story=form.text("story", "the story", longest=LONGEST_STORY),
            why=form.text("why", "what is good about this plan", longest=LONGEST_WHY),
            is_looked_at=form.ticked(LOOKED_AT),
            expected=form.number("version", "the version", least=0, most=1_000_000_000, required=False),
        )
        form.done()
        return found

    @property
    def texts(self) -> dict[str, str]:
        """What everybody would read, by field."""
        return {"title": self.title, "story": self.story, "why": self.why}


class TellsWho(InvalidInput):
    """The story may tell who it is about. `found` is what to look at."""

    def __init__(self, errors: dict[str, str], found: list[Found]) -> None:
        super().__init__(errors)
        self.found = found


class ShowcaseService:
    """Stories of plans, from the nomination to the public page and back."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.stories = ShowcaseRepository(db)

    async def nominate(self, principal: Principal, plan_id: UUID, form: StoryForm) -> PlanShowcase:
        """Write the story of a plan in place and ask the person whether it may be shown.

        Raises:
            NotFound: The plan is not in the council, or not signed off.
            StoryUnderWay: There is a story about it already.
            TellsWho: A name stands in it, or words that nobody has looked at.
        """
        principal.require(Permission.SHOWCASE)
        plan, version = await self.stories.signed(principal.council_id, plan_id)
        if await self.stories.has_open(principal.council_id, plan.id):
            raise StoryUnderWay("Withdraw that story first, or change it.")
        await self._refuse_names(plan, form)
        story = PlanShowcase(
            council_id=principal.council_id,
            plan_version_id=version.id,
            month=form.month,
            nominated_by_user_id=principal.user_id,
            nominated_at=self.clock.now(),
            **form.texts,
        )
        self.db.add(story)
        await self.db.flush()
        self._note(principal, "plans.nominate_story", story)
        self._ask(plan, story)
        return story

    async def change(self, principal: Principal, story_id: UUID, form: StoryForm) -> None:
        """Rewrite a story that is not published; a yes was to the old words, so the person is asked again.

        Raises:
            StoryChanged: It was changed, answered, published or withdrawn since the page was drawn.
            TellsWho: As for `nominate`.
        """
        principal.require(Permission.SHOWCASE)
        story = await self._locked(principal, story_id, form.expected)
        if story.published_at is not None or story.withdrawn_at is not None:
            raise StoryChanged("It is published or withdrawn, so its words stay as they are.")
        plan = await self.stories.plan_of(principal.council_id, story)
        await self._refuse_names(plan, form)
        story.month = form.month
        for name, text in form.texts.items():
            setattr(story, name, text)
        story.consent_given = story.consent_at = story.consent_by_user_id = None
        await self.db.flush()
        self._note(principal, "plans.change_story", story)
        self._ask(plan, story)

    async def answer(self, principal: Principal, story_id: UUID, expected: int, *, is_yes: bool) -> None:
        """Take the person's answer. A no counts at any time: a published story is taken off at once.

        Raises:
            NotFound: The story is about somebody else.
            StoryChanged: Its words changed since the page was drawn, or it is withdrawn.
        """
        principal.require(Permission.PLANS_AGREE)
        story = await self.stories.one_of_person(principal.council_id, principal.need_person(), story_id)
        if story.version != expected or story.withdrawn_at is not None:
            raise StoryChanged("Read it again, then answer.")
        now = self.clock.now()
        if not is_yes and story.published_at is not None:
            # The database keeps a yes beside what was published; that it is taken back stands in the audit log.
            story.withdrawn_at = now
        else:
            story.consent_given = is_yes
        story.consent_by_user_id, story.consent_at = principal.user_id, now
        await self.db.flush()
        self._note(principal, "plans.answer_story", story, after={"is_yes": is_yes})
        publish(
            self.db,
            StoryAnswered(
                council_id=story.council_id,
                story_id=story.id,
                nominated_by_user_id=story.nominated_by_user_id,
                is_yes=is_yes,
            ),
        )

    async def publish(self, principal: Principal, story_id: UUID, expected: int) -> None:
        """Put a story on the public page.

        Raises:
            NoConsent: The person has not said yes to these words.
            MonthTaken: The council has another plan of this month.
            StoryChanged: It was changed since the page was drawn, or names became known that stand in it.
        """
        principal.require(Permission.SHOWCASE)
        story = await self._locked(principal, story_id, expected)
        if story.withdrawn_at is not None or story.published_at is not None:
            raise StoryChanged("It is published or withdrawn already.")
        if not story.consent_given:
            raise NoConsent("Only the person, or who may agree to the plan for them, can say yes.")
        plan = await self.stories.plan_of(principal.council_id, story)
        known = await self.stories.known_of(principal.council_id, plan)
        if known_in(f"{story.title}\n{story.story}\n{story.why}", known):
            raise StoryChanged("A name that we know of stands in it. Change the story first.")
        try:
            async with self.db.begin_nested():
                story.published_at, story.published_by_user_id = self.clock.now(), principal.user_id
                await self.db.flush()
        except IntegrityError as error:
            if broken_constraint(error) == "uq_plan_showcases_month":
                raise MonthTaken("Withdraw the other one first, or choose another month.") from error
            raise
        self._note(principal, "plans.publish_story", story)

    async def withdraw(self, principal: Principal, story_id: UUID, reason: str, expected: int) -> None:
        """Take a story back, published or not.

        Raises:
            StoryChanged: It was changed since the page was drawn, or is withdrawn.
        """
        principal.require(Permission.SHOWCASE)
        story = await self._locked(principal, story_id, expected)
        if story.withdrawn_at is not None:
            raise StoryChanged("It is withdrawn already.")
        story.withdrawn_at = self.clock.now()
        await self.db.flush()
        self._note(principal, "plans.withdraw_story", story, why=reason)

    async def withdraw_of_person(self, council_id: UUID, person_id: UUID) -> int:
        """Take back every story about a person who has died; nobody can ask them any more. Returns how many."""
        found = await self.stories.open_of_person(council_id, person_id)
        for story in found:
            story.withdrawn_at = self.clock.now()
            self._note(None, "plans.withdraw_story", story)
        await self.db.flush()
        return len(found)

    async def _locked(self, principal: Principal, story_id: UUID, expected: int) -> PlanShowcase:
        story = await self.stories.find(principal.council_id, story_id, locked=True)
        if story.version != expected:
            raise StoryChanged("Load the page again to see what it says now.")
        return story

    async def _refuse_names(self, plan: Plan, form: StoryForm) -> None:
        known = await self.stories.known_of(plan.council_id, plan)
        errors = {}
        for field, text in form.texts.items():
            names = known_in(text, known)
            if names:
                quoted = ", ".join(f"“{name}”" for name in names)
                errors[field] = f"Take out {quoted}: it tells who this is about"
        found = [one for text in form.texts.values() for one in to_look_at(text)]
        if found and not form.is_looked_at and not errors:
            errors[LOOKED_AT] = "Look at the words below. Change them, or confirm that they tell nobody who it is"
        if errors:
            raise TellsWho(errors, list(dict.fromkeys(found)))

    def _ask(self, plan: Plan, story: PlanShowcase) -> None:
        publish(
            self.db,
            StoryNominated(council_id=story.council_id, story_id=story.id, plan_id=plan.id, person_id=plan.person_id),
        )

    def _note(self, principal: Principal | None, action: str, story: PlanShowcase, **given: Any) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=story.council_id,
            subject_kind="plan_showcase",
            subject_id=story.id,
            **{"after": {"month": story.month}, **given},
        )


def months_from(on: date) -> list[date]:
    """Return the first days of the months that a story may be for: this month and those after it."""
    first = on.replace(day=1)
    found = []
    for ahead in range(MONTHS_AHEAD):
        months = first.year * 12 + first.month - 1 + ahead
        found.append(date(months // 12, months % 12 + 1, 1))
    return found


def current_months(db: AsyncSession) -> list[date]:
    """Return `months_from` today."""
    return months_from(today(clock_of(db)))


__all__ = ["ShowcaseService", "StoryForm", "TellsWho", "current_months", "months_from"]
