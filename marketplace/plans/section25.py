"""What the law wants a plan to say, checked point by point: what is missing, in plain words, and where to put it right.

A pure function of facts, so that the statutory summary, the sign-off and the person's own page share one set of rules.
It blocks nothing by itself: those who decide see what is missing and decide.

Source: Care Act 2014 s.25(1) (what a plan states), s.25(2) (direct payments), s.25(3) and s.67 (who is involved),
s.25(5) (agreement), s.26 (personal budget); Care and support statutory guidance, chapters 10 and 11; domain.md 4.1.
"""

from collections.abc import Sequence
from enum import StrEnum

import msgspec

from marketplace.core.formats import plural

SHOWN_OF_A_NEED = 80
"""Characters of a need that a message repeats, so that it stays one line."""


class Point(StrEnum):
    """What a plan must say, in the order of the summary. The value is stable: pages and tests name it."""

    ABOUT = "about"
    NEEDS = "needs"
    ELIGIBILITY = "eligibility"
    COUNCIL_MEETS = "council_meets"
    OTHERS_MEET = "others_meet"
    OUTCOMES = "outcomes"
    INVOLVED = "involved"
    BUDGET = "budget"
    SHARES = "shares"
    OVER = "over"
    MANAGED = "managed"
    PAID_NEEDS = "paid_needs"
    PAID_AMOUNT = "paid_amount"
    RISKS = "risks"
    INFORMATION = "information"
    REVIEW = "review"
    AGREED = "agreed"


TITLES: dict[Point, tuple[str, str]] = {
    Point.ABOUT: ("The person and how needs touch their life", "s.25(1)(d)"),
    Point.NEEDS: ("Needs found by the assessment", "s.25(1)(a)"),
    Point.ELIGIBILITY: ("Which needs are eligible, and why", "s.25(1)(b)"),
    Point.COUNCIL_MEETS: ("Needs the council meets, and how", "s.25(1)(c)"),
    Point.OTHERS_MEET: ("Needs that others meet", "s.25(1)(c)"),
    Point.OUTCOMES: ("What the person wants, and how it will happen", "s.25(1)(d)"),
    Point.INVOLVED: ("Who helps the person to take part", "s.25(3), s.67"),
    Point.BUDGET: ("The personal budget", "s.25(1)(e)"),
    Point.SHARES: ("What the person pays and what the council pays", "s.26(1)"),
    Point.OVER: ("Why the plan costs more than the budget", "s.26(1)"),
    Point.MANAGED: ("How the money is managed", "s.25(1)(e)"),
    Point.PAID_NEEDS: ("What the direct payment is for", "s.25(2)(a)"),
    Point.PAID_AMOUNT: ("How much the direct payment is, and how often", "s.25(2)(b)"),
    Point.RISKS: ("Risks and what will be done", "Guidance, chapter 10"),
    Point.INFORMATION: ("Advice on needing less support, now and later", "s.25(1)(f)"),
    Point.REVIEW: ("How the plan is looked at again", "s.27"),
    Point.AGREED: ("Agreement with the person", "s.25(5)"),
}
"""Title and source of each point."""


class MetBy(StrEnum):
    """Who meets a need: the members of `people.models.MetBy`, and nobody yet."""

    COUNCIL = "council"
    INFORMAL = "informal"
    COMMUNITY = "community"
    NOT_ELIGIBLE = "not_eligible"
    NOBODY = ""


class NeedFact(msgspec.Struct, frozen=True, kw_only=True):
    """A need that was found."""

    words: str
    is_eligible: bool | None = None
    """None: not decided."""
    met_by: MetBy = MetBy.NOBODY
    how: str = ""
    outcomes: tuple[int, ...] = ()
    """Numbers of the plan's outcomes that name it."""

    @property
    def is_answered(self) -> bool:
        """Whether the plan or the assessment says how it is met."""
        return bool(self.how.strip() or self.outcomes)


class OutcomeFact(msgspec.Struct, frozen=True, kw_only=True):
    """What the person wants, and how it will happen."""

    outcome: str = ""
    what: str = ""
    who: str = ""
    """Who or what helps, in words; empty: not chosen."""
    weekly_pence: int = 0
    is_paid_directly: bool = False
    """By a direct payment."""

    @property
    def is_whole(self) -> bool:
        """Whether it says what is wanted, what will happen, and who helps."""
        return bool(self.outcome.strip() and self.what.strip() and self.who.strip())


class PaymentFact(msgspec.Struct, frozen=True, kw_only=True):
    """A direct payment as it is being set up."""

    needs: str = ""
    amount_pence: int = 0
    frequency: str = ""


class PlanFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a plan, of the assessment behind it, and of the money."""

    about: str = ""
    needs: tuple[NeedFact, ...] = ()
    rationale: str = ""
    """Why needs are eligible or not."""
    outcomes: tuple[OutcomeFact, ...] = ()
    has_substantial_difficulty: bool = False
    """In taking part."""
    supported_by: str = ""
    budget_weekly_pence: int | None = None
    """Pence a week; None: there is no budget yet."""
    is_final: bool = False
    own_weekly_pence: int | None = None
    """What the person pays of it, pence a week; None: not decided."""
    why_over: str = ""
    managed: str = ""
    is_paid_directly: bool = False
    """Whether a part of the money is a direct payment."""
    payment: PaymentFact | None = None
    risks: str = ""
    information: str = ""
    review: str = ""
    is_agreed: bool = False

    @property
    def weekly_pence(self) -> int:
        """What the plan costs a week, pence."""
        return sum(item.weekly_pence for item in self.outcomes)

    @property
    def is_over(self) -> bool:
        """Whether the plan costs more than the budget."""
        return self.budget_weekly_pence is not None and self.weekly_pence > self.budget_weekly_pence


class Reader(StrEnum):
    """To whom the messages speak."""

    PERSON = "person"
    STAFF = "staff"


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Where each kind of thing is put right, for one reader. `section` takes the key of a section of the plan."""

    reader: Reader
    section: dict[str, str]
    """Address by key of `plans.sections.SECTIONS`."""
    assessment: str
    budget: str
    charges: str
    payment: str
    agreement: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One point: there, or missing with a message and the one place where it is put right."""

    point: Point
    title: str
    law: str
    is_there: bool
    message: str = ""
    """What to do, in plain words; empty when it is there."""
    href: str = ""
    """Where; empty when it is there."""


def validate(facts: PlanFacts, links: Links) -> tuple[Finding, ...]:
    """Check a plan against what the law wants it to say.

    Args:
        facts: What is known.
        links: Who reads, and where each thing is put right.

    Returns:
        Every point that applies, in the order of `Point`. Those of a direct payment apply only where there is one, the
        one on cost only where the plan costs more than the budget, the one on support only where taking part is hard.
    """
    return tuple(_finding(point, facts, links) for point in Point if _applies(point, facts))


def missing(findings: Sequence[Finding]) -> list[Finding]:
    """Return the points that are missing."""
    return [finding for finding in findings if not finding.is_there]


def sums_up(findings: Sequence[Finding]) -> str:
    """Say how a plan stands: "14 of 15 points are there. 1 is missing"."""
    gone = len(missing(findings))
    there = len(findings) - gone
    if not gone:
        return f"All {plural(len(findings), 'point')} are there."
    return f"{there} of {plural(len(findings), 'point')} are there. {gone} {'is' if gone == 1 else 'are'} missing."


def _applies(point: Point, facts: PlanFacts) -> bool:
    if point in (Point.PAID_NEEDS, Point.PAID_AMOUNT):
        return facts.is_paid_directly or facts.payment is not None
    if point is Point.OVER:
        return facts.is_over
    if point is Point.INVOLVED:
        return facts.has_substantial_difficulty
    if point is Point.OTHERS_MEET:
        return bool(_of_others(facts))
    return True


def _finding(point: Point, facts: PlanFacts, links: Links) -> Finding:
    title, law = TITLES[point]
    if _is_there(point, facts):
        return Finding(point=point, title=title, law=law, is_there=True)
    return Finding(
        point=point,
        title=title,
        law=law,
        is_there=False,
        message=_message(point, facts, links),
        href=_href(point, links),
    )


def _is_there(point: Point, facts: PlanFacts) -> bool:
    match point:
        case Point.ABOUT:
            return _said(facts.about)
        case Point.NEEDS:
            return any(_said(need.words) for need in facts.needs)
        case Point.ELIGIBILITY:
            return (
                bool(facts.needs)
                and all(need.is_eligible is not None for need in facts.needs)
                and _said(facts.rationale)
            )
        case Point.COUNCIL_MEETS:
            return bool(facts.needs) and not _unanswered(facts)
        case Point.OTHERS_MEET:
            return not _unanswered_of_others(facts)
        case Point.OUTCOMES:
            return bool(facts.outcomes) and all(item.is_whole for item in facts.outcomes)
        case Point.INVOLVED:
            return _said(facts.supported_by)
        case Point.BUDGET:
            return facts.budget_weekly_pence is not None
        case Point.SHARES:
            return facts.own_weekly_pence is not None
        case Point.OVER:
            return _said(facts.why_over)
        case Point.MANAGED:
            return _said(facts.managed)
        case Point.PAID_NEEDS:
            named = facts.payment is not None and _said(facts.payment.needs)
            return named or any(item.is_paid_directly and item.is_whole for item in facts.outcomes)
        case Point.PAID_AMOUNT:
            payment = facts.payment
            return payment is not None and payment.amount_pence > 0 and _said(payment.frequency)
        case Point.RISKS:
            return _said(facts.risks)
        case Point.INFORMATION:
            return _said(facts.information)
        case Point.REVIEW:
            return _said(facts.review)
        case Point.AGREED:
            return facts.is_agreed


def _of_others(facts: PlanFacts) -> list[NeedFact]:
    return [need for need in facts.needs if need.met_by in (MetBy.INFORMAL, MetBy.COMMUNITY)]


def _unanswered_of_others(facts: PlanFacts) -> list[NeedFact]:
    return [need for need in _of_others(facts) if not need.is_answered]


def _unanswered(facts: PlanFacts) -> list[NeedFact]:
    """Eligible needs that are the council's to meet, or nobody's yet, without a word on how."""
    mine = (MetBy.COUNCIL, MetBy.NOBODY)
    return [need for need in facts.needs if need.is_eligible and need.met_by in mine and not need.is_answered]


_MESSAGES: dict[Point, tuple[str, str]] = {
    Point.ABOUT: (
        "Write about yourself, and how your needs touch your life",
        "Write about the person, and how their needs touch their life",
    ),
    Point.NEEDS: (
        "We do not have your needs on record yet. Ask the council about your assessment",
        "Record the needs that the assessment found",
    ),
    Point.ELIGIBILITY: (
        "Ask the council to write down which needs it helps with, and why",
        "Record which needs are eligible, and why",
    ),
    Point.OUTCOMES: (
        "Write what you want, what will happen, and who helps",
        "Write what the person wants, what will happen, and who helps, for each outcome",
    ),
    Point.INVOLVED: (
        "Say who helps you to take part",
        "Name who supports the person to take part, or the advocate",
    ),
    Point.BUDGET: ("Ask the council for your budget", "Set the personal budget"),
    Point.SHARES: (
        "Ask the council what you pay and what the council pays",
        "Record what the person pays and what the council pays",
    ),
    Point.OVER: (
        "Say why your plan costs more than your budget",
        "Write why the plan costs more than the budget",
    ),
    Point.MANAGED: ("Say who looks after your money", "Write how the money is managed"),
    Point.PAID_NEEDS: (
        "Say which parts of your plan your direct payment pays for",
        "Say which needs the direct payment is for",
    ),
    Point.PAID_AMOUNT: (
        "Ask the council how much your direct payment is, and how often it comes",
        "Set how much the direct payment is, and how often it is paid",
    ),
    Point.RISKS: ("Write how you stay safe", "Write what the risks are and what will be done"),
    Point.INFORMATION: (
        "Write what advice you were given to stay well",
        "Write what advice was given on needing less support, now and later",
    ),
    Point.REVIEW: (
        "Write how and when we look at your plan again",
        "Write how and when the plan is looked at again",
    ),
    Point.AGREED: ("Say if this plan is right for you", "The person has not agreed to the plan yet"),
}
"""What to do about a missing point: to the person, and to staff."""


def _message(point: Point, facts: PlanFacts, links: Links) -> str:
    is_person = links.reader is Reader.PERSON
    if point is Point.COUNCIL_MEETS:
        if not facts.needs:
            return _MESSAGES[Point.NEEDS][0 if is_person else 1]
        start = "Say what will happen about" if is_person else "Say how the council meets"
        return f"{start} {_named(_unanswered(facts))}"
    if point is Point.OTHERS_MEET:
        start = "Say who helps with" if is_person else "Record who meets"
        return f"{start} {_named(_unanswered_of_others(facts))}"
    return _MESSAGES[point][0 if is_person else 1]


def _named(needs: Sequence[NeedFact]) -> str:
    """Name the first of some needs: "“washing” and 2 more"."""
    words = " ".join(needs[0].words.split()) or "a need without words"
    short = words if len(words) <= SHOWN_OF_A_NEED else words[: SHOWN_OF_A_NEED - 1].rstrip() + "…"
    rest = len(needs) - 1
    return f"“{short}”" + (f" and {plural(rest, 'more need')}" if rest else "")


_SECTIONS: dict[Point, str] = {
    Point.ABOUT: "about_me",
    Point.OUTCOMES: "outcomes",
    Point.OVER: "money",
    Point.MANAGED: "money",
    Point.RISKS: "risks",
    Point.INFORMATION: "information_given",
    Point.REVIEW: "review",
    Point.COUNCIL_MEETS: "outcomes",
}
"""Points that are put right in a section of the plan, by its key."""


def _href(point: Point, links: Links) -> str:
    match point:
        case Point.NEEDS | Point.ELIGIBILITY | Point.OTHERS_MEET | Point.INVOLVED:
            return links.assessment
        case Point.BUDGET:
            return links.budget
        case Point.SHARES:
            return links.charges
        case Point.PAID_NEEDS | Point.PAID_AMOUNT:
            return links.payment
        case Point.AGREED:
            return links.agreement
        case _:
            return links.section[_SECTIONS[point]]


def _said(text: str) -> bool:
    return bool(text.strip())
