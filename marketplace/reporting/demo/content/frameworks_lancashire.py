"""Lancashire's purchasing system and its planner network. The lots follow the council's real ones; the words are ours.

Source of the lots, the yearly reopening and the sharing with the NHS: domain.md, sources S116 and S117.
"""

from datetime import date

import msgspec

from marketplace.providers.models import EngagementKind as Held
from marketplace.providers.models import EvidenceKind as Paper
from marketplace.providers.models import ServiceLine
from marketplace.reporting.demo.content.framework_shapes import (
    Asked,
    Entry,
    FrameworkText,
    LotText,
    RoundText,
    Said,
    VersionText,
    declaration,
    eligibility,
    paper,
    scored,
)

_CARE = (Paper.LIABILITY_INSURANCE, Paper.EMPLOYER_INSURANCE, Paper.DBS, Paper.SAFEGUARDING_TRAINING)
_GROUP = (Paper.LIABILITY_INSURANCE, Paper.SAFEGUARDING_TRAINING)
_SPECIFICATION = """\
## Why we ask

People in Lancashire want to live at home, near the people they know. We look for organisations that help them do \
so. There is no limit to how many we accept. Small and local groups are as welcome as large firms.

## What people told us

- “I want to know who is coming, and when.”
- “Do it with me, not for me.”
- “Ask me what went well last week.”

## What we expect

You plan each visit with the person. You keep to the agreed time, or say so before it is late. You write down what \
matters, and the person can read it. You tell us at once when somebody is not safe.

## How we buy

We send what is needed to everybody in the lot. You say what you can do and from when. The person chooses; price \
is one thing among others. You may say no without giving a reason, and it never counts against you.

## Who else uses it

The NHS in Lancashire and South Cumbria buys short support after hospital from the same lots. You apply once for both.
"""
_TERMS = """\
## What you agree to

- You keep the promises of the specification on every visit.
- Your evidence stays in date. When a paper ends, you get no new work until it is renewed. Current work goes on.
- You tell us within one working day of anything that puts a person at risk.

## What we agree to

- We pay approved visits within 30 days.
- We never send you work you did not accept.
- If we suspend you, we say why, unless that would put somebody at risk, and you can reply.

## How it ends

Either side can end the agreement with 3 months’ notice. We can end it at once when people are not safe.
"""
_NEW_TERMS = _TERMS.replace("within 30 days", "within 14 days")
_REGULATED = "Personal care at home needs registration with the Care Quality Commission by law."


def _lots(*, with_extra_care: bool) -> tuple[LotText, ...]:
    lots = [
        LotText(
            code="1a",
            name="Short term care at home",
            description="Up to six weeks of care after a stay in hospital or an illness, seven days a week, "
            "beginning within a day. The aim is that the person needs less help at the end.",
            service=ServiceLine.HOME_CARE,
            evidence=_CARE,
            is_regulated=True,
        ),
        LotText(
            code="1b",
            name="Home care",
            description="Care and support at home for as long as it is needed: getting up, washing, meals, medicines, "
            "getting out.",
            service=ServiceLine.HOME_CARE,
            evidence=_CARE,
            is_regulated=True,
        ),
        LotText(
            code="2",
            name="Support that is not regulated",
            description="Help that needs no registration: company, shopping, gardening, getting out, clubs, help with "
            "letters and computers. Made for community groups and small social enterprises.",
            service=ServiceLine.COMMUNITY_SUPPORT,
            evidence=_GROUP,
            passing=50,
        ),
    ]
    if with_extra_care:
        extra = LotText(
            code="1c",
            name="Extra care",
            description="Care in housing with its own front doors and somebody on site day and night.",
            service=ServiceLine.HOME_CARE,
            evidence=(*_CARE, Paper.DATA_SECURITY),
            is_regulated=True,
        )
        lots.insert(2, extra)
    return tuple(lots)


def _asked(*, with_extra_care: bool) -> tuple[Asked, ...]:
    found = [
        eligibility(
            "works-in-lancashire",
            "Work in Lancashire",
            "Will you work with people who live in Lancashire?",
            "Blackpool and Blackburn with Darwen have councils of their own, with their own rounds.",
        ),
        eligibility(
            "registered-for-care",
            "Registration",
            "Are you registered with the Care Quality Commission for personal care?",
            _REGULATED + " You can apply for lot 2 without it.",
            lot="1b",
        ),
        eligibility(
            "registered-for-short-care",
            "Registration",
            "Are you registered with the Care Quality Commission for personal care?",
            _REGULATED,
            lot="1a",
        ),
        declaration("insolvency", "Money troubles", "Your organisation is not insolvent or being wound up."),
        declaration(
            "fair-pay",
            "Pay for travel",
            "You pay your workers for the time between visits, and for the training they need."
            if with_extra_care
            else "You pay your workers for the time between visits.",
            "If you do not yet, say from when you will.",
        ),
        declaration("modern-slavery", "Modern slavery", "You check that nobody who works for you is made to."),
        scored(
            "keeping-people-safe",
            25,
            "Keeping people safe",
            "Somebody who visits a person sees a bruise that nobody can explain. What happens next, and who decides?",
            "Say who does what on the same day, who is told, and what the person has to say in it.",
            least=2,
        ),
        scored(
            "people-in-charge",
            25,
            "People in charge of their support",
            "How do people decide who comes, when, and what is done?",
            "Give one example from the last year. Leave out names.",
            least=2,
        ),
        scored(
            "right-time",
            20,
            "At the right time",
            "What do you do when a worker is ill at seven in the morning?",
            "Think of weekends and of villages.",
            words=300,
        ),
        scored(
            "getting-better",
            30,
            "Help to need less help",
            "How will a person do more for themselves after six weeks with you?",
            "Say how you find out what the person wants to do again, and how both of you see that it works.",
            lot="1a",
        ),
        scored(
            "staying-well",
            30,
            "The same faces",
            "How do you make sure that a person mostly sees the same few people?",
            "Say how many different workers a person with two visits a day meets in a month.",
            lot="1b",
        ),
        scored(
            "part-of-place",
            30,
            "Part of the place",
            "How does your group bring people together with others nearby?",
            "A short answer is fine. Tell us about something you do already.",
            lot="2",
            words=300,
        ),
        paper("insurance", Paper.LIABILITY_INSURANCE, "Public liability", "Cover of £5 million, £2 million for lot 2."),
        paper("safeguarding", Paper.SAFEGUARDING_TRAINING, "Safeguarding training", "Of whoever leads on it."),
        paper("employers-1a", Paper.EMPLOYER_INSURANCE, "Employers’ liability", "Needed if you employ.", lot="1a"),
        paper("employers-1b", Paper.EMPLOYER_INSURANCE, "Employers’ liability", "Needed if you employ.", lot="1b"),
        paper("dbs-1a", Paper.DBS, "DBS checks", "Level, date and outcome. Never send the certificate.", lot="1a"),
        paper("dbs-1b", Paper.DBS, "DBS checks", "Level, date and outcome. Never send the certificate.", lot="1b"),
    ]
    if with_extra_care:
        found += [
            eligibility(
                "registered-for-extra-care",
                "Registration",
                "Are you registered with the Care Quality Commission for personal care?",
                _REGULATED,
                lot="1c",
            ),
            scored(
                "life-in-the-house",
                30,
                "Life in the house",
                "How do tenants shape what happens in the house, by day and at night?",
                "Say what changed because tenants asked for it.",
                lot="1c",
            ),
            paper("employers-1c", Paper.EMPLOYER_INSURANCE, "Employers’ liability", "Needed if you employ.", lot="1c"),
            paper("dbs-1c", Paper.DBS, "DBS checks", "Level, date and outcome. Never the certificate.", lot="1c"),
            paper("data-1c", Paper.DATA_SECURITY, "Data security", "Your latest toolkit result.", lot="1c"),
        ]
    return tuple(found)


def _season(today: date) -> tuple[RoundText, ...]:
    """The yearly round from May to September that closed last, and one that is open today.

    Between May and September that is this year's; in other months an extra round.
    """
    is_season = date(today.year, 5, 4) <= today < date(today.year, 9, 20)
    closed_year = today.year if today >= date(today.year, 10, 1) else today.year - 1

    def day(year: int, month: int, number: int) -> int:
        return (date(year, month, number) - today).days

    def yearly(year: int, version: int, questions: tuple[Said, ...]) -> RoundText:
        return RoundText(
            name=f"{year} round",
            version=version,
            opens=day(year, 5, 1),
            questions_until=day(year, 9, 10),
            closes=day(year, 9, 30),
            decides=day(year, 11, 12),
            starts=day(year, 12, 1),
            late_days=2,
            reopens=day(year + 1, 5, 1),
            questions=questions,
        )

    closed = yearly(closed_year, 1, ())
    if is_season:
        return closed, yearly(today.year, 2, _QUESTIONS)
    extra = RoundText(
        name="Extra round",
        version=2,
        opens=-20,
        questions_until=12,
        closes=26,
        decides=60,
        starts=90,
        late_days=2,
        reopens=max(day(today.year + (1 if today.month >= 5 else 0), 5, 1), 120),
        questions=_QUESTIONS,
    )
    return closed, extra


_QUESTIONS = (
    Said(
        by="brightwater",
        day=-14,
        question="We at Brightwater have 40 workers in Lancaster but none in the east. Must we cover the whole county?",
        published="Must we cover the whole county?",
        answer="No. You say in your application where you work, down to the district. People and brokers find you "
        "there and nowhere else. You can add districts later.",
    ),
    Said(
        by="harbour-light",
        day=-12,
        question="We are a small club and have no accounts that an accountant has seen. Can we apply for lot 2?",
        published="Can a small club without audited accounts apply for lot 2?",
        answer="Yes. For lot 2 we ask for no audited accounts. A bank statement or the treasurer’s page is enough if "
        "we want to look.",
    ),
    Said(
        by="cottonfield",
        day=-9,
        question="May two organisations apply together?",
        published="May two organisations apply together?",
        answer="Yes. One of you applies and signs. Say in the answers who does what. Each of you shows insurance.",
    ),
    Said(
        by="ribble-hands",
        day=-2,
        question="Is the answer about safety the same for lots 1a and 1b, or do we write it twice?",
    ),
)

PURCHASING = FrameworkText(
    slug="care-and-support-at-home",
    name="Care and support at home",
    summary="The purchasing system of Lancashire and the NHS. Short term care, home care and extra care need "
    "registration; everyday help from community groups does not. It opens again each year from May to September.",
    versions=(
        VersionText(
            published=-395,
            changes="",
            specification=_SPECIFICATION,
            terms=_TERMS,
            lots=_lots(with_extra_care=False),
            asked=_asked(with_extra_care=False),
        ),
        VersionText(
            published=-40,
            changes="There is a new lot 1c for extra care. We pay within 14 days now, not 30. The declaration on pay "
            "names training, too. Everything else is as before: if you applied then, your declarations come over.",
            specification=_SPECIFICATION.replace(
                "## How we buy",
                "## Extra care\n\nIn extra care housing one organisation is on site day and night. Tenants take part "
                "in choosing it.\n\n## How we buy",
            ),
            terms=_NEW_TERMS,
            lots=_lots(with_extra_care=True),
            asked=_asked(with_extra_care=True),
        ),
    ),
    rounds=(),
    entries=(
        Entry(
            kind=Held.SOFT_MARKET_TEST,
            day=-120,
            title="Talks with twelve providers about extra care",
            said="A lot of its own would help: the rota is different, and so is the price. Thirty days to be paid is "
            "too long for a small firm.",
            done="Version 2 has lot 1c, and we pay within 14 days.",
            organisations=12,
            lots=("1c",),
        ),
        Entry(
            kind=Held.CONSULTATION,
            day=-95,
            title="Tenants of two extra care houses",
            said="We want to meet whoever comes to work here before they are chosen.",
            done="Tenants take part in choosing the organisation of their house. It stands in the specification.",
            people=31,
            lots=("1c",),
        ),
        Entry(
            kind=Held.MARKET_EVENT,
            day=-50,
            title="Open morning for community groups in Burnley",
            said="The form asks too much of a lunch club.",
            done="Lot 2 has one scored question of its own with 300 words, and a pass mark of 50.",
            people=6,
            organisations=19,
            lots=("2",),
        ),
        Entry(kind=Held.INTEREST, day=-30, title="Would apply", by="brightwater", lots=("1b", "1c"), is_public=False),
        Entry(kind=Held.INTEREST, day=-21, title="Would apply", by="ribble-hands", lots=("2",), is_public=False),
        Entry(
            kind=Held.INTEREST,
            day=-10,
            title="An idea for support in a park",
            by="harbour-light",
            said="We could run day support from the café in the park: gardening in the morning, a meal at noon. "
            "It would suit people who do not like day centres.",
            done="We meet the parks team about the café next month. Lot 2 already covers it.",
        ),
    ),
)

_PLANNING = """\
## What planners do

A planner sits down with a person who has a budget, finds out what a good week looks like, and writes the plan in \
the person’s words. The plan says what support is bought, what family and neighbours do, and what the person does \
alone.

## How work reaches you

Brokers match people and planners by place, language, interests and room. You say how many plans a week you can \
take. You have two working days to answer an offer.

## What we look for

- Planners who listen
- Plans that people call their own
- A range of planners, so that people can choose somebody like them
"""

NETWORK = FrameworkText(
    slug="planner-network",
    name="Planner network",
    summary="Organisations whose planners write support plans with people, all over Lancashire. Run with the lead body "
    "of the network.",
    versions=(
        VersionText(
            published=-200,
            changes="",
            specification=_PLANNING,
            terms=_TERMS,
            lots=(
                LotText(
                    code="P",
                    name="Support planning",
                    description="Plans, their first review, and help to put them in place.",
                    service=ServiceLine.SUPPORT_PLANNING,
                    evidence=(Paper.LIABILITY_INSURANCE, Paper.DBS, Paper.SAFEGUARDING_TRAINING),
                    months=24,
                ),
            ),
            asked=(
                eligibility(
                    "no-care",
                    "No care for the same person",
                    "Will you keep planning apart from any care you sell?",
                    "A planner must be free to suggest anything. You may do both, but not for the same person.",
                ),
                declaration("planner-training", "Training", "All your planners do the network’s three-day course."),
                scored(
                    "listening",
                    40,
                    "Listening",
                    "How do you find out what matters to somebody who does not speak?",
                    "One example is worth more than a policy.",
                    least=3,
                ),
                scored(
                    "own-words",
                    30,
                    "The person’s own words",
                    "How do people change a plan that you wrote down?",
                    "Say who holds the pen.",
                ),
                scored(
                    "quick-start",
                    30,
                    "Ready to begin",
                    "How many plans a week can you take from the first month, and where?",
                    "Numbers by district.",
                    words=200,
                ),
                paper("insurance", Paper.LIABILITY_INSURANCE, "Public liability", "Cover of £2 million."),
                paper("dbs", Paper.DBS, "DBS checks", "Of every planner: level, date, outcome."),
                paper("safeguarding", Paper.SAFEGUARDING_TRAINING, "Safeguarding training", "Of every planner."),
            ),
        ),
    ),
    rounds=(
        RoundText(
            name="Second round",
            version=1,
            opens=-60,
            questions_until=-14,
            closes=-1,
            decides=40,
            starts=60,
            late_days=8,
            questions=(
                Said(
                    by="tandem",
                    day=-30,
                    question="Do planners who work two days a week count?",
                    published="Do planners who work two days a week count?",
                    answer="Yes. Give the hours of each planner; we count full-time equivalents.",
                ),
            ),
        ),
        RoundText(
            name="Third round",
            version=1,
            opens=45,
            questions_until=80,
            closes=100,
            decides=150,
            starts=170,
            late_days=5,
        ),
    ),
    entries=(
        Entry(
            kind=Held.CO_PRODUCTION,
            day=-210,
            title="The specification, written with people who have a plan",
            said="Planners should come more than once. Ask us again after six weeks.",
            done="The first review is part of the lot and is paid for.",
            people=9,
            organisations=3,
            lots=("P",),
        ),
        Entry(kind=Held.INTEREST, day=-70, title="Would apply", by="lantern", lots=("P",), is_public=False),
    ),
)


def frameworks(today: date) -> tuple[FrameworkText, ...]:
    """Return the frameworks of Lancashire as of a day."""
    rounds = _season(today)
    first, second = PURCHASING.versions
    # The version of the open round was published before it opened, be that a month or half a year ago.
    newer = msgspec.structs.replace(second, published=min(second.published or 0, rounds[-1].opens - 20))
    return msgspec.structs.replace(PURCHASING, versions=(first, newer), rounds=rounds), NETWORK
