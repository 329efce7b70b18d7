"""What follows from events of people's own plans: telling helpers and planners, and what ends with a death."""

from uuid import UUID

from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService, delivery
from marketplace.messaging.sending import send_secret
from marketplace.people import PeopleRepository
from marketplace.people.events import PersonDied
from marketplace.plans.events import PlanHelperAsked, PlanTakenBack, SectionWrittenTwice
from marketplace.plans.repository import PlanRepository
from marketplace.plans.repository.own import HelperRepository
from marketplace.plans.sections import BY_KEY, only_known
from marketplace.plans.service.helpers import HelperService, helper_secret


@task("plans.send_helper_link", on=PlanHelperAsked)
async def send_helper_link(message_id: UUID, event: PlanHelperAsked) -> None:
    """Send a helper their link. What is kept of the message does not hold it."""
    settings = delivery.settings()
    async with transaction(session_maker(), [event.council_id]) as db:
        helper = await HelperRepository(db).find(event.council_id, event.helper_id)
        if helper.ended_at is not None or not helper.email:
            return
        plan = await PlanRepository(db).find(event.council_id, helper.plan_id)
        person = await PeopleRepository(db).find(event.council_id, plan.person_id)
        context = {
            "person_name": person.given_name,
            "helper_name": helper.name,
            "parts": ", ".join(BY_KEY[key].title for key in only_known(helper.sections)),
            "expires_at": helper.expires_at,
        }
        to_address = helper.email
    link = f"{settings.public_url}/help-with-plan/{helper_secret(settings.secret_key, event.helper_id)}"
    await send_secret(event.helper_id, event.council_id, to_address, "plan_helper_asked", context, {"help_link": link})


@task("plans.tell_planner_taken_back", on=PlanTakenBack)
async def tell_planner_taken_back(message_id: UUID, event: PlanTakenBack) -> None:
    """Tell a planner that the person goes on by themselves."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.tell_planner_taken_back", message_id):
            context = {"reference": await PlanRepository(db).reference(event.council_id, event.plan_id)}
            await MessagingService(db).tell(event.council_id, "plan_taken_back", context, worker_id=event.worker_id)


@task("plans.tell_first_writer", on=SectionWrittenTwice)
async def tell_first_writer(message_id: UUID, event: SectionWrittenTwice) -> None:
    """Tell who had saved first that somebody wrote in the same section, and that both texts are kept.

    The page says it, too; the second writer saw both texts before they saved.
    """
    async with transaction(session_maker(), [event.council_id]) as db:
        if not await first_time(db, "plans.tell_first_writer", message_id):
            return
        context = {"part": BY_KEY[event.key].title, "link": f"{site_address()}/my-plan/write/{event.key}"}
        messages = MessagingService(db)
        if event.first_user_id is not None:
            await messages.tell(event.council_id, "plan_section_clash", context, user_id=event.first_user_id)
        elif event.first_helper_id is not None:
            helper = await HelperRepository(db).find(event.council_id, event.first_helper_id)
            if helper.email and helper.ended_at is None:
                await messages.write_to(
                    event.council_id,
                    "plan_section_clash",
                    {**context, "link": ""},
                    address=helper.email,
                    reader_name=helper.name,
                )


@task("plans.end_helpers_of_the_dead", on=PersonDied)
async def end_helpers_of_the_dead(message_id: UUID, event: PersonDied) -> None:
    """End the links of who helped a person that has died; what they wrote stays."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "plans.end_helpers_of_the_dead", message_id):
            await HelperService(db).end_all(event.council_id, event.person_id)
