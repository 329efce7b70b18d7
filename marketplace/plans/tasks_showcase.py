"""What follows from events of the plan of the month: asking the person, telling who nominated it, ending it."""

from uuid import UUID

from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.messaging import MessagingService
from marketplace.people.events import PersonDied
from marketplace.plans.events import StoryAnswered, StoryNominated
from marketplace.plans.service.showcase import ShowcaseService


@task("plans.ask_about_story", on=StoryNominated)
async def ask_about_story(message_id: UUID, event: StoryNominated) -> None:
    """Ask the person, and who acts for them, whether the story of their plan may be shown."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.ask_about_story", message_id):
            await MessagingService(db).tell(event.council_id, "story_to_allow", {}, person_id=event.person_id)


@task("plans.tell_story_answer", on=StoryAnswered)
async def tell_story_answer(message_id: UUID, event: StoryAnswered) -> None:
    """Tell who nominated a plan what the person said."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_story_answer", message_id):
            await MessagingService(db).tell(
                event.council_id, "story_answered", {"is_yes": event.is_yes}, user_id=event.nominated_by_user_id
            )


@task("plans.withdraw_story_of_dead", on=PersonDied)
async def withdraw_story_of_dead(message_id: UUID, event: PersonDied) -> None:
    """Take a story back when its person has died: nobody can ask them any more."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.withdraw_story_of_dead", message_id):
            await ShowcaseService(db).withdraw_of_person(event.council_id, event.person_id)
