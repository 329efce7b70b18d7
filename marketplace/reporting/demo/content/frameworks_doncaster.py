"""Doncaster's support planning and money management, written with people who use services (D7, D8, D9, C1)."""

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

_OPENING = """\
## What this is for

Some people like to plan their own support. Others want somebody beside them who does not work for the council. We \
look for organisations of the third sector that help people plan, put the plan in place, and look after the money \
where people want that.
"""
_WRITTEN_WITH = """\
## Who wrote this

Fourteen people who use services or care for somebody wrote this with us, at a kitchen table and at three market \
events. Where it says “we”, it means them and us.
"""
_PLANNING = """\
## Support planning

- The person decides where and when you meet, and who else is there.
- The plan is in their words and fits on a few pages.
- You help to put it in place: peer groups, paying bills, finding a personal assistant.
- You come back at the review and change what did not work.

We pay £450 for the plan and help to put it in place, and £200 a year at the review.
"""
_MONEY = """\
## Money management

- The money sits in an account of its own, and the person sees every penny of it.
- Bills and wages are paid on time.
- The person can take the money over again on any day, without giving a reason.

Somebody who planned alone can buy only this.
"""
_CHOICE = """\
## Choice

There is no limit to how many organisations we accept. People choose among you. They may change their mind, and \
you help them change.
"""
_TERMS = """\
## You

- Work to the specification, and say when you cannot.
- Keep what people tell you to yourselves, unless somebody is in danger.
- Keep your evidence in date, training in person-centred practice above all.

## We

- Pay within 30 days of an approved plan, review or month.
- Share the assessment with you only when the person agrees, and stop when they say so.
- Never tell a person whom to choose.

## Ending it

Two months’ notice from either side. Work you have begun is finished and paid.
"""


def _lots(*, with_training: bool) -> tuple[LotText, ...]:
    base = (Paper.LIABILITY_INSURANCE, Paper.DBS, Paper.SAFEGUARDING_TRAINING)
    both = (*base, Paper.PERSON_CENTRED_TRAINING) if with_training else base
    return (
        LotText(
            code="A",
            name="Independent support planning",
            description="Planning with people, putting the plan in place, and the review.",
            service=ServiceLine.SUPPORT_PLANNING,
            evidence=both,
        ),
        LotText(
            code="B",
            name="Money management",
            description="Looking after a direct payment for people who want that.",
            service=ServiceLine.MONEY_MANAGEMENT,
            evidence=(Paper.LIABILITY_INSURANCE, Paper.DATA_SECURITY)
            if with_training
            else (Paper.LIABILITY_INSURANCE,),
        ),
    )


def _asked(number: int) -> tuple[Asked, ...]:
    found = [
        eligibility(
            "third-sector",
            "A third-sector organisation",
            "Is yours a charity, a social enterprise, a community interest company or a group without profit?",
            "Planning help comes from the third sector here, so that nobody earns by what is in a plan.",
        ),
        eligibility(
            "sells-care",
            "Care you sell",
            "Do you sell care or support in Doncaster yourself?",
            "Whoever sells care cannot plan for the people who may buy it. Apply for lot B only, or ask us.",
            wanted="no",
            lot="A",
        ),
        declaration("insolvency", "Money troubles", "Your organisation is not insolvent or being wound up."),
        declaration("equality", "Fair to all", "You turn nobody away for who they are."),
        declaration(
            "interests",
            "Other interests",
            "Nobody who plans for you, and nobody in their family, gains from what people buy.",
            "If somebody does, say how you keep it apart.",
        ),
        scored(
            "person-centred",
            40 if number < 3 else 30,
            "Person-centred",
            "Tell us about one plan you are proud of. What did the person decide that you would not have?",
            "No names. A page at most. What changed in the person’s week matters more than the method.",
            least=3,
        ),
        scored(
            "in-place",
            30,
            "Putting the plan in place",
            "How do you help somebody find and employ a first personal assistant?",
            "Step by step, from the advert to the first pay slip.",
            lot="A",
        ),
        scored(
            "reach",
            30 if number < 3 else 20,
            "People you reach",
            "Whom do you reach that others do not?",
            "Think of places, languages, and people who were let down before.",
        ),
        scored(
            "every-penny",
            30,
            "Every penny",
            "How does a person see what was paid from their money, and to whom?",
            "Show us what the person sees, for example a statement with made-up figures.",
            lot="B",
            least=3,
        ),
        paper("insurance", Paper.LIABILITY_INSURANCE, "Public liability", "Cover of £5 million."),
        paper("dbs", Paper.DBS, "DBS checks", "Of everybody who plans: level, date and outcome.", lot="A"),
        paper("safeguarding", Paper.SAFEGUARDING_TRAINING, "Safeguarding training", "Level 2 or above.", lot="A"),
    ]
    if number >= 3:
        found += [
            scored(
                "learning",
                20,
                "Learning from people",
                "What did you change last year because somebody who uses your service said so?",
                "Small things count.",
                words=300,
            ),
            paper(
                "person-centred-training",
                Paper.PERSON_CENTRED_TRAINING,
                "Training in person-centred practice",
                "Course and date for everybody who plans. It is renewed every three years.",
                lot="A",
            ),
            paper("data", Paper.DATA_SECURITY, "Data security", "Your latest toolkit result.", lot="B"),
        ]
    return tuple(found)


SUPPORT_PLANNING = FrameworkText(
    slug="support-planning-and-money-management",
    name="Independent support planning and money management",
    summary="Third-sector organisations that plan with people, help to put plans in place, and look after direct "
    "payments for those who want that. You can apply for one or for both.",
    versions=(
        VersionText(
            published=-390,
            changes="",
            specification=_OPENING + "\n" + _PLANNING,
            terms=_TERMS,
            lots=_lots(with_training=False),
            asked=_asked(1),
        ),
        VersionText(
            published=-250,
            changes="Money management is explained at last. The lots are the same.",
            specification=_OPENING + "\n" + _PLANNING + "\n" + _MONEY,
            terms=_TERMS,
            lots=_lots(with_training=False),
            asked=_asked(2),
        ),
        VersionText(
            published=-35,
            changes="Written again with people who use services. Training in person-centred practice must now be in "
            "date all the time. There is one new question, about learning from people; the weights are new.",
            specification="\n".join((_OPENING, _WRITTEN_WITH, _PLANNING, _MONEY, _CHOICE)),
            terms=_TERMS,
            lots=_lots(with_training=True),
            asked=_asked(3),
        ),
    ),
    rounds=(
        RoundText(
            name="First round",
            version=2,
            opens=-230,
            questions_until=-200,
            closes=-185,
            decides=-150,
            starts=-130,
            questions=(
                Said(
                    by="keel",
                    day=-215,
                    question="We at Keel want lot A now and B next year. Can we?",
                    published="Can we apply for one lot now and for the other one next year?",
                    answer="Yes. What you said once is carried over; you only answer what is new.",
                ),
            ),
        ),
        RoundText(
            name="Second round",
            version=3,
            opens=-16,
            questions_until=14,
            closes=27,
            decides=60,
            starts=75,
            late_days=2,
            reopens=380,
            questions=(
                Said(
                    by="pit-lane",
                    day=-12,
                    question="Our planners did the training four years ago. Is that too old?",
                    published="Is training from four years ago too old?",
                    answer="Yes. It counts for three years. A refresher of one day is enough, and the council runs one "
                    "each month.",
                ),
                Said(
                    by="daybreak",
                    day=-8,
                    question="Who scores us? Daybreak has had trouble with one officer.",
                    published="Who scores applications?",
                    answer="Two people, each on their own. One of them uses services. Both declare their interests "
                    "first, and whoever has one stands down.",
                ),
                Said(by="pit-lane", day=-1, question="Does a planner on maternity leave need training in date?"),
            ),
        ),
    ),
    entries=(
        Entry(
            kind=Held.MARKET_EVENT,
            day=-140,
            title="First market event, the library",
            said="There are four of us, and all of us are in town. Nobody plans in Thorne or Mexborough.",
            done="We count organisations by where they are, and say so on this page before each round.",
            people=8,
            organisations=11,
            lots=("A",),
        ),
        Entry(
            kind=Held.MARKET_EVENT,
            day=-110,
            title="Second market event, the miners’ welfare club",
            said="Looking after money frightens small groups. What if we make a mistake?",
            done="Money management has its own specification. The council’s direct payments team checks the first "
            "three months with you.",
            people=5,
            organisations=9,
            lots=("B",),
        ),
        Entry(
            kind=Held.MARKET_EVENT,
            day=-80,
            title="Third market event, on a Saturday with carers",
            said="Pay attention to what you changed, not only to what you promise.",
            done="Version 3 has a question about learning from people. It makes a fifth of the score.",
            people=22,
            organisations=6,
            lots=("A", "B"),
        ),
        Entry(
            kind=Held.CO_PRODUCTION,
            day=-60,
            title="Writing the specification around a kitchen table",
            said="Say “the person decides where you meet”. We have all sat in offices we did not want to be in.",
            done="It is the first line of what planning is. Fourteen people signed the final text.",
            people=14,
            lots=("A", "B"),
        ),
        Entry(
            kind=Held.SOFT_MARKET_TEST,
            day=-50,
            title="Do we have enough planners, and a range?",
            said="Ten organisations answered. Seven would apply for planning, three for money.",
            done="Both lots are open to all. We talk to two more groups about money.",
            organisations=10,
        ),
        Entry(kind=Held.INTEREST, day=-45, title="Would apply", by="pit-lane", lots=("A",), is_public=False),
        Entry(kind=Held.INTEREST, day=-44, title="Would apply", by="daybreak", lots=("A", "B"), is_public=False),
        Entry(kind=Held.INTEREST, day=-43, title="Would apply", by="keel", lots=("B",), is_public=False),
    ),
)

FRAMEWORKS = (SUPPORT_PLANNING,)
