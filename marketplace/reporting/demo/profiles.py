"""Shows one page profiles in use, and a plan of the month: a person of each council says what matters to them.

All of it is done by the product's own services, after the rows of the history are stored.
"""

from typing import Any, Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.accounts.permissions import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.people.models import ProfileTool
from marketplace.people.profile import ProfileService
from marketplace.people.profile_forms import EntryForm
from marketplace.plans.models import Plan, PlanVersion
from marketplace.plans.service.showcase import ShowcaseService, StoryForm
from marketplace.plans.states import PlanStatus
from marketplace.reporting.demo.accounts import principal_of
from marketplace.reporting.demo.world import Council

ENTRIES: Final[tuple[tuple[ProfileTool, dict[str, str]], ...]] = (
    (ProfileTool.APPRECIATED, {"words": "I make people laugh", "symbol": "smile"}),
    (ProfileTool.IMPORTANT, {"words": "A cup of tea before anybody talks to me", "symbol": "drink"}),
    (ProfileTool.IMPORTANT, {"words": "My garden, in every season", "symbol": "garden"}),
    (ProfileTool.SUPPORT, {"words": "Give me time. I get there in the end", "symbol": "clock"}),
    (ProfileTool.GOOD_DAYS, {"words": "The sun is out and somebody comes by", "symbol": "sun"}),
    (ProfileTool.BAD_DAYS, {"words": "I did not sleep and have to rush", "symbol": "rain"}),
    (ProfileTool.ROUTINES, {"words": "Radio on at seven, curtains after", "symbol": "music"}),
    (ProfileTool.WEEK, {"words": "Garden club", "weekday": "1", "part_of_day": "morning", "symbol": "garden"}),
    (ProfileTool.WEEK, {"words": "Lunch with the neighbours", "weekday": "3", "part_of_day": "afternoon"}),
    (ProfileTool.PEOPLE, {"words": "My sister", "relation": "sister", "circle": "1"}),
    (ProfileTool.PEOPLE, {"words": "The man next door", "relation": "neighbour", "circle": "2"}),
    (ProfileTool.PEOPLE, {"words": "The ladies at the library", "relation": "library", "circle": "3"}),
    (ProfileTool.COMMUNITY, {"words": "The library on Mondays", "symbol": "book"}),
    (ProfileTool.WISHES, {"words": "To see the sea again", "symbol": "wish"}),
)
STORY: Final = {
    "title": "Back to the garden",
    "story": "Somebody who had been ill for a long time missed growing food. A garden club nearby had a free bed and a "
    "lift. A neighbour comes along. Paid help is there for the mornings only.",
    "why": "It begins with what the person loves, and uses what is there already.",
    "is_looked_at": "yes",
}


async def act_on_profiles(db: AsyncSession, councils: list[Council]) -> None:
    """In each council a person fills in their profile, and where their plan is signed it becomes plan of the month."""
    for council in councils:
        person = await principal_of(db, council, Role.PERSON)
        checker = await principal_of(db, council, Role.QUALITY_CHECKER)
        if person is None or person.person_id is None:
            continue
        profile = ProfileService(db)
        for tool, typed in ENTRIES:
            await profile.add(person, tool, EntryForm.read(typed, tool))
        if checker is not None:
            await _tell_story(db, person, checker)
    await db.flush()
    # Messages about made-up events go nowhere: they are history, as all the others are.
    await db.execute(text("UPDATE outbox_messages SET relayed_at = created_at WHERE relayed_at IS NULL"))


async def _tell_story(db: AsyncSession, person: Principal, checker: Principal) -> None:
    plan_id = await db.scalar(
        select(Plan.id)
        .join(PlanVersion, PlanVersion.plan_id == Plan.id)
        .where(
            Plan.council_id == person.council_id,
            Plan.person_id == person.person_id,
            PlanVersion.status == PlanStatus.SIGNED_OFF,
        )
        .limit(1)
    )
    if plan_id is None:
        return
    stories, on = ShowcaseService(db), today(clock_of(db))
    typed: dict[str, Any] = {**STORY, "month": on.replace(day=1).isoformat()}
    story = await stories.nominate(checker, plan_id, StoryForm.read(typed, on))
    await stories.answer(person, story.id, story.version, is_yes=True)
    await stories.publish(checker, story.id, story.version)
