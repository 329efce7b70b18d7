"""Which referrals there were and how fast each went: some told on purpose for the sign-ins, the rest by chance."""

import msgspec

from marketplace.matching.models import Urgency
from marketplace.reporting.demo.world import HISTORY_DAYS, Client, Council, World


class Pace(msgspec.Struct, frozen=True):
    """Days from one step to the next."""

    offer: int
    answer: int
    submit: int
    check: int
    agree: int
    sign: int


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One referral: whose, how long ago, how fast, and where it stops when that is decided on purpose."""

    client: Client
    days_ago: int
    urgency: Urgency
    pace: Pace
    end: str | None = None
    """A state to stop in; None lets time decide."""
    is_lead: bool = False
    """Goes to the planner behind `planner@`."""
    review: str | None = None
    """What becomes of the first review: "overdue", "due", "booked" or "held"; None lets chance decide."""


_LEAD_STORIES: tuple[tuple[int, str, tuple[int, ...], str | None], ...] = (
    # days ago, end, pace, review
    (34, "awaiting_agreement", (1, 1, 22, 4, 9, 9), None),
    (150, "signed_off", (1, 1, 14, 3, 3, 2), "held"),
    (3, "offered", (0, 3, 9, 9, 9, 9), None),
    (11, "draft", (1, 1, 20, 9, 9, 9), None),
    (29, "returned", (1, 2, 18, 3, 9, 9), None),
    (24, "in_quality_check", (1, 1, 19, 9, 9, 9), None),
    (40, "awaiting_sign_off", (2, 1, 20, 4, 7, 9), None),
    (88, "signed_off", (1, 1, 12, 2, 3, 1), "due"),
    (134, "signed_off", (1, 2, 14, 2, 3, 2), "overdue"),
    (95, "signed_off", (1, 1, 15, 3, 4, 2), "booked"),
)
_WAITING: tuple[tuple[int, Urgency, str], ...] = (
    (0, Urgency.CRISIS, "waiting"),
    (1, Urgency.URGENT, "waiting"),
    (2, Urgency.STANDARD, "waiting"),
    (4, Urgency.STANDARD, "waiting"),
    (43, Urgency.STANDARD, "waiting"),
    (6, Urgency.STANDARD, "incomplete"),
    (9, Urgency.URGENT, "retained"),
    (60, Urgency.STANDARD, "closed"),
    (4, Urgency.STANDARD, "offered"),
    (3, Urgency.URGENT, "offered"),
)
_WAITING_IN_A_COUNTY: tuple[tuple[int, Urgency, str], ...] = (
    (3, Urgency.URGENT, "waiting"),
    (5, Urgency.STANDARD, "waiting"),
    (38, Urgency.STANDARD, "waiting"),
    (1, Urgency.CRISIS, "offered"),
    (4, Urgency.STANDARD, "offered"),
    (5, Urgency.STANDARD, "offered"),
)
"""More that wait where more people live."""
LARGE = 100


def make_stories(world: World, council: Council) -> list[Story]:
    """Return the referrals of a council, earliest first; each is of another person."""
    rng = world.rng
    clients = [client for client in council.clients if client is not council.stars["selffunder"]]
    # The first two are behind `person@` and `representative@`.
    order = iter(clients)
    stories = [
        Story(
            client=next(order),
            days_ago=days_ago,
            urgency=Urgency.STANDARD,
            pace=Pace(*pace),
            end=end,
            is_lead=True,
            review=review,
        )
        for days_ago, end, pace, review in _LEAD_STORIES
    ]
    waiting = _WAITING + (_WAITING_IN_A_COUNTY if council.text.volume.referrals > LARGE else ())
    stories += [
        Story(client=next(order), days_ago=days_ago, urgency=urgency, pace=Pace(0, 9, 9, 9, 9, 9), end=end)
        for days_ago, urgency, end in waiting
    ]
    while len(stories) < council.text.volume.referrals:
        urgency = rng.choices(list(Urgency), (8, 24, 68))[0]
        end = "closed" if rng.random() < 0.04 else None
        days_ago = 2 + int(rng.random() ** 1.15 * (HISTORY_DAYS - 8))
        stories.append(
            Story(client=next(order), days_ago=days_ago, urgency=urgency, pace=_pace(world, urgency), end=end)
        )
    return sorted(stories, key=lambda story: -story.days_ago)


def _pace(world: World, urgency: Urgency) -> Pace:
    rng = world.rng
    writing = {Urgency.CRISIS: (2, 6), Urgency.URGENT: (5, 12), Urgency.STANDARD: (8, 22)}[urgency]
    return Pace(
        offer=0 if urgency is Urgency.CRISIS else rng.randint(0, 3),
        answer=0 if urgency is Urgency.CRISIS else rng.randint(0, 2),
        submit=rng.randint(*writing),
        check=rng.randint(1, 3),
        agree=rng.randint(1, 6),
        sign=rng.randint(0, 4),
    )
