"""Front doors of the demo: contacts of half a year, stages of somebody with a story, who looked at their record."""

from datetime import timedelta
from typing import Final

from marketplace.accounts.permissions import Role
from marketplace.people.models import (
    ContactAsker,
    ContactChannel,
    ContactOutcome,
    FrontDoorContact,
    PersonStage,
    RecordView,
)
from marketplace.reporting.demo.world import Council, World

CONTACTS: Final = {"lancashire": 60, "doncaster": 24, "derby": 24}
"""Contacts by council; the one with three stages has the busiest front door."""
FEW: Final = 24
DAYS: Final = 170
CHANNELS: Final = (
    ContactChannel.PHONE,
    ContactChannel.PHONE,
    ContactChannel.PHONE,
    ContactChannel.ONLINE,
    ContactChannel.IN_PERSON,
    ContactChannel.PROFESSIONAL,
)
ENDS: Final = (
    (ContactOutcome.RESOLVED, "Told which form to use, and filled it in together on the phone.", ""),
    (ContactOutcome.RESOLVED, "A grab rail was ordered. It comes within the week.", ""),
    (ContactOutcome.SIGNPOSTED, "Told of the lunch club and the handyperson service.", ""),
    (ContactOutcome.SIGNPOSTED, "Told of the carers' group and its telephone line.", ""),
    (ContactOutcome.SHORT_TERM, "Four weeks of reablement at home.", ""),
    (ContactOutcome.PASSED_ON, "Needs an assessment. They ring within two days.", "Assessment team"),
)
WORDS: Final = (
    "The stairs have become hard.",
    "My husband was in hospital and comes home on Friday.",
    "I look after my mother and I am worn out.",
    "Who can help with shopping?",
    "Dad forgets his tablets.",
)


def make_front_door(world: World, council: Council) -> None:
    """Write contacts, most about nobody on record; then what the star of the council can see."""
    takers = council.recorders
    codes = [district.code for district in council.text.districts]
    topics = ("older", "physical", "dementia", "mental_health", "carer", "other")
    for number in range(CONTACTS.get(council.text.slug, FEW)):
        day = world.today - timedelta(days=number * DAYS // CONTACTS.get(council.text.slug, FEW))
        at = world.at(day, 9 + number % 7, number * 7 % 60)
        outcome, words, team = ENDS[number * 5 % len(ENDS)]
        channel = CHANNELS[number % len(CHANNELS)]
        is_online = channel is ContactChannel.ONLINE
        client = council.clients[number % len(council.clients)] if number % 4 == 0 else None
        world.book.add(
            FrontDoorContact,
            at,
            council_id=council.id,
            person_id=client.id if client else None,
            channel=channel,
            asked_by=(ContactAsker.SELF, ContactAsker.FAMILY, ContactAsker.CARER)[number % 3],
            topic=topics[number % len(topics)],
            words=WORDS[number % len(WORDS)],
            outcome=outcome,
            outcome_words="" if is_online else words,
            passed_to=team,
            listing_ids=[],
            is_crisis=False,
            told_means_tested=is_online or number % 3 > 0,
            lad_code=codes[number % len(codes)],
            asker_name="",
            asker_reach="",
            taken_by_user_id=None if is_online else takers[number % len(takers)],
            taken_at=at,
            version=1,
        )
    _star(world, council)


def _star(world: World, council: Council) -> None:
    star = next((client for client in council.clients if client.is_star), council.clients[0])
    stages = (
        (1, 300, 240, "Met the lunch club and tried a pill box with an alarm.", "Goes to the club each week."),
        (2, 240, 190, "Six weeks of reablement after a fall.", "Washes alone again. Stairs still need a hand."),
        (3, 190, None, "", ""),
    )
    for stage, began, ended, tried, result in stages:
        day = world.today - timedelta(days=began)
        world.book.add(
            PersonStage,
            world.at(day, 11),
            council_id=council.id,
            person_id=star.id,
            stage=stage,
            started_on=day,
            ended_on=world.today - timedelta(days=ended) if ended is not None else None,
            tried=tried,
            result=result,
            exception_reason="",
            exception_by_user_id=None,
            started_by_user_id=council.recorders[0],
            version=1,
        )
    for what, days, times in (("record", 12, 2), ("plan", 12, 1), ("timeline", 3, 1)):
        at = world.at(world.today - timedelta(days=days), 14)
        world.book.add(
            RecordView,
            at,
            council_id=council.id,
            person_id=star.id,
            user_id=council.recorders[0],
            role=Role.SOCIAL_WORKER,
            organisation_id=None,
            what=what,
            viewed_on=world.today - timedelta(days=days),
            times=times,
            last_at=at,
        )
