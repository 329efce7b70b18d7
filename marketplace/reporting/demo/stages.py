"""The three stages before long-term support, in the council of the demo that works so (B1)."""

from datetime import timedelta
from typing import Final

from marketplace.matching.models import Referral
from marketplace.matching.states import ReferralStatus
from marketplace.people.models import PersonStage
from marketplace.reporting.demo.world import Council, World

TRIED: Final = (
    (
        ("The lunch club at the library and a neighbour for the shopping.", "Goes on Tuesdays and likes it."),
        ("Three weeks of help at home after hospital.", "Washes alone again. Dressing still needs a hand."),
    ),
    (
        ("A pill box with an alarm and a key safe.", "Takes the tablets on time."),
        ("Six weeks of reablement.", "Stairs are safe again. Cooking is still too much."),
    ),
    (
        ("The carers’ group and a befriender by telephone.", "Talks to somebody each day."),
        ("Two weeks with an occupational therapist and a new rail.", "Gets in and out of bed alone."),
    ),
    (
        ("A walking group and the community bus.", "Out twice a week."),
        ("Short visits in the mornings for a month.", "Eats breakfast. Help in the evening is still needed."),
    ),
)
"""What was tried in stages 1 and 2, and what came of it."""
BEGAN_DAYS: Final = (140, 95, 45)
"""Days before somebody's record or first referral on which each stage began."""


def make_stages(world: World, council: Council) -> None:
    """Write the evidence of everybody who has come as far as planning, where stages come first.

    One referral in the queue lacks it, so that what is missing can be seen.
    """
    if "people.three_stages" not in council.text.settings:
        return
    referrals = [row for row in world.book.of(Referral) if row["council_id"] == council.id]
    lacking = {row["person_id"] for row in referrals if row["status"] == ReferralStatus.INCOMPLETE}
    first_on = {row["person_id"]: row["received_at"].date() for row in reversed(referrals)}
    done = {row["person_id"] for row in world.book.of(PersonStage)}
    # Those who wait in line came to the demo by their referral alone.
    people = dict.fromkeys([*(client.id for client in council.clients), *first_on])
    for number, person_id in enumerate(people):
        if person_id in done:
            continue
        until = first_on.get(person_id, world.today)
        recorder = council.recorders[number % len(council.recorders)]
        words = TRIED[number % len(TRIED)]
        last = 1 if person_id in lacking else 3
        for stage in range(1, last + 1):
            began_on = until - timedelta(days=BEGAN_DAYS[stage - 1])
            is_over = stage < last
            tried, result = words[stage - 1] if is_over else ("", "")
            world.book.add(
                PersonStage,
                world.at(began_on, 10),
                council_id=council.id,
                person_id=person_id,
                stage=stage,
                started_on=began_on,
                ended_on=until - timedelta(days=BEGAN_DAYS[stage]) if is_over else None,
                tried=tried,
                result=result,
                exception_reason="",
                exception_by_user_id=None,
                started_by_user_id=recorder,
                version=2 if is_over else 1,
            )
