"""Derby's approval of personal assistants, open all year, with the next version in draft."""

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
)

_SPECIFICATION = """\
## What the register is

A list of personal assistants whom the council has met and checked. People with a direct payment choose from it. \
You may work for people without being on it.

## What we look at

- Two references from people you helped or worked for
- A DBS check, seen by us; we never keep the certificate
- Your right to work
- Insurance, your own or that of whoever employs you
- A talk of half an hour, with somebody who employs an assistant

## What you promise

You come when you said. You do not take money or gifts. You keep what you see at home to yourself. You say when \
something is wrong.
"""
_TERMS = """\
## The code

You keep the promises of the register. You tell us within a week when something changes: your checks, your \
address, how many hours you have.

## A year at a time

Approval lasts a year. Before it ends we ask whether all is still right. You can leave the register on any day.
"""
_ASKED: tuple[Asked, ...] = (
    eligibility("adult", "Age", "Are you 18 or over?", "The work is with adults in their homes."),
    eligibility(
        "right-to-work",
        "Right to work",
        "Do you have the right to work in the United Kingdom?",
        "The law asks everybody who is paid to show it.",
    ),
    declaration("code", "The code", "I have read the code and keep to it."),
    declaration("barred", "Barred lists", "I am not on a list of people who may not work with adults."),
    paper("references", Paper.REFERENCES, "Two references", "Who can speak for you, and how they know you."),
    paper("dbs", Paper.DBS, "DBS check", "Level, date and what it says."),
    paper("right", Paper.RIGHT_TO_WORK, "Right to work", "What shows it. No numbers."),
)


def _lot(*, with_training: bool) -> LotText:
    papers = (Paper.DBS, Paper.REFERENCES, Paper.RIGHT_TO_WORK)
    return LotText(
        code="PA",
        name="Personal assistants",
        description="For people who work alone and are employed or paid by the person. Nothing is scored: whoever "
        "meets everything is approved.",
        service=ServiceLine.PERSONAL_ASSISTANCE,
        evidence=(*papers, Paper.SAFEGUARDING_TRAINING) if with_training else papers,
        months=12,
        passing=0,
    )


REGISTER = FrameworkText(
    slug="personal-assistants",
    name="Register of personal assistants",
    summary="Personal assistants whom the council has met and checked. You can join at any time of the year; approval "
    "is renewed each year.",
    versions=(
        VersionText(
            published=-300,
            changes="",
            specification=_SPECIFICATION,
            terms=_TERMS,
            lots=(_lot(with_training=False),),
            asked=_ASKED,
        ),
        VersionText(
            published=None,
            changes="",
            specification=_SPECIFICATION,
            terms=_TERMS,
            lots=(_lot(with_training=True),),
            asked=(
                *_ASKED,
                paper("safeguarding", Paper.SAFEGUARDING_TRAINING, "Safeguarding", "A free course of two hours."),
            ),
        ),
    ),
    rounds=(
        RoundText(
            name="Trial with one district team",
            version=1,
            opens=-280,
            questions_until=-270,
            closes=-240,
            decides=-230,
            starts=-220,
            cancelled=-260,
            because="The register opens for the whole city at once, so a trial is not needed.",
        ),
        RoundText(
            name="Joining the register",
            version=1,
            opens=-150,
            questions_until=190,
            closes=205,
            decides=220,
            starts=230,
            reopens=214,
            questions=(
                Said(
                    by="pa-tariq",
                    day=-40,
                    question="I only have six hours a week. Is that enough?",
                    published="Is there a least number of hours?",
                    answer="No. Some people look for one hour a week.",
                ),
            ),
        ),
    ),
    entries=(
        Entry(
            kind=Held.CONSULTATION,
            day=-320,
            title="Employers of personal assistants",
            said="Let one of us sit in on the talk. We know what to ask.",
            done="Each talk has somebody in it who employs an assistant.",
            people=17,
            lots=("PA",),
        ),
    ),
)

FRAMEWORKS = (REGISTER,)
