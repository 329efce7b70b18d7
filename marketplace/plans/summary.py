"""The statutory summary: what the law wants to be written, from the plan, the assessment behind it and the money.

Pure functions: rows in, facts for the validator and sheets for page and paper out.
"""

from collections.abc import Mapping, Sequence
from datetime import date

from marketplace.core.formats import duration, pounds, uk_date
from marketplace.people.models import AssessedNeed, Assessment, BudgetStatus, FundingRoute
from marketplace.people.models import MetBy as NeedMetBy
from marketplace.plans.content import split_money
from marketplace.plans.models import HELP_LABELS, Frequency, PlanItem
from marketplace.plans.paper import Sheet
from marketplace.plans.repository.faces import FaceSource, MoneyFacts
from marketplace.plans.section25 import MetBy, NeedFact, OutcomeFact, PaymentFact, PlanFacts

MET_BY_LABELS: dict[MetBy, str] = {
    MetBy.COUNCIL: "The council",
    MetBy.INFORMAL: "Family, friends or a carer",
    MetBy.COMMUNITY: "The community",
    MetBy.NOT_ELIGIBLE: "Nobody: advice was given",
    MetBy.NOBODY: "Not written yet",
}
FREQUENCY_LABELS: dict[Frequency, str] = {
    Frequency.WEEKLY: "every week",
    Frequency.FOUR_WEEKLY: "every four weeks",
    Frequency.MONTHLY: "every month",
    Frequency.ONCE: "once",
}
NOT_WRITTEN = "Not written yet."


def facts_of(
    source: FaceSource,
    assessed: tuple[Assessment, Sequence[AssessedNeed]] | None,
    money: MoneyFacts,
    next_review_on: date | None,
) -> PlanFacts:
    """Put together what is known of a plan.

    The final budget counts before the indicative one, and that before the sum the referral came with.
    """
    words = {text.section.key: text.words for text in source.texts}
    held, why_over = split_money(words["money"])
    assessment, needs = assessed or (None, ())
    budget = money.final or money.indicative
    is_shared_known = budget is not None and (
        money.has_charges or budget.status is BudgetStatus.FINAL or budget.own_weekly_pence > 0
    )
    setup = money.setup
    return PlanFacts(
        about=words["about_me"],
        needs=tuple(_need(need, source.items) for need in needs),
        rationale=assessment.rationale if assessment else "",
        outcomes=tuple(_outcome(item) for item in source.items),
        has_substantial_difficulty=assessment is not None and assessment.has_substantial_difficulty,
        supported_by=assessment.supported_by if assessment else "",
        budget_weekly_pence=budget.weekly_pence if budget else source.referral.indicative_weekly_pence or None,
        is_final=money.final is not None,
        own_weekly_pence=budget.own_weekly_pence if budget and is_shared_known else None,
        why_over=why_over,
        managed=held,
        is_paid_directly=any(item.route is FundingRoute.DIRECT_PAYMENT for item in source.items)
        or (money.final is not None and money.final.route is FundingRoute.DIRECT_PAYMENT),
        payment=PaymentFact(
            needs=setup.needs, amount_pence=setup.amount_pence, frequency=FREQUENCY_LABELS[setup.frequency]
        )
        if setup
        else None,
        risks=words["risks"],
        information=words["information_given"],
        review=words["review"] or (f"By {uk_date(next_review_on)}." if next_review_on else ""),
        is_agreed=source.version.agreed_at is not None,
    )


def sheets_of(source: FaceSource, facts: PlanFacts) -> list[Sheet]:
    """Return the summary part by part, as page and paper show it."""
    words: Mapping[str, str] = {text.section.key: text.words for text in source.texts}
    return [
        Sheet(key="about", title="The person", lines=_lines(facts.about)),
        Sheet(
            key="needs",
            title="Needs, whether they are eligible, and who meets them",
            lines=() if facts.needs else ("No needs are on record from an assessment.",),
            heads=("Need", "Eligible", "Who meets it", "How"),
            rows=tuple(_need_row(need) for need in facts.needs),
        ),
        Sheet(key="eligibility", title="Why this was decided", lines=_lines(facts.rationale)),
        Sheet(
            key="outcomes",
            title="Outcomes and how they will be reached",
            lines=() if facts.outcomes else (NOT_WRITTEN,),
            heads=("Outcome", "What will happen", "Who helps", "Cost a week"),
            rows=tuple(
                (
                    f"{number}. {item.outcome or 'Not written yet'}",
                    item.what or "Not written yet",
                    (item.who or "Not chosen yet") + (" (direct payment)" if item.is_paid_directly else ""),
                    pounds(item.weekly_pence),
                )
                for number, item in enumerate(facts.outcomes, start=1)
            ),
            wide=1,
        ),
        Sheet(key="budget", title="Personal budget", lines=_budget_lines(facts)),
        Sheet(key="managed", title="How the money is managed", lines=_lines(facts.managed)),
        *(
            [Sheet(key="payment", title="Direct payment", lines=_payment_lines(facts))]
            if facts.is_paid_directly or facts.payment
            else []
        ),
        Sheet(key="risks", title="Risks and what will be done", lines=_lines(facts.risks)),
        *(
            [Sheet(key="back_up", title="What happens if support falls away", lines=_lines(words["back_up"]))]
            if words["back_up"].strip()
            else []
        ),
        Sheet(key="information", title="Information and advice", lines=_lines(facts.information)),
        Sheet(key="review", title="How the plan is looked at again", lines=_lines(facts.review)),
        Sheet(key="involved", title="Who took part, and agreement", lines=_part_lines(source, facts)),
    ]


def _need(need: AssessedNeed, items: Sequence[PlanItem]) -> NeedFact:
    return NeedFact(
        words=need.words,
        is_eligible=need.is_eligible,
        met_by=MetBy(NeedMetBy(need.met_by).value),
        how=need.how,
        outcomes=tuple(item.position for item in items if item.need_id == need.id),
    )


def _outcome(item: PlanItem) -> OutcomeFact:
    return OutcomeFact(
        outcome=item.outcome,
        what=item.what,
        who=HELP_LABELS[item.helped_by] if item.helped_by else "",
        weekly_pence=item.weekly_pence,
        is_paid_directly=item.route is FundingRoute.DIRECT_PAYMENT,
    )


def _need_row(need: NeedFact) -> tuple[str, ...]:
    eligible = "Not decided" if need.is_eligible is None else "Yes" if need.is_eligible else "No"
    by_plan = ", ".join(f"outcome {number}" for number in need.outcomes)
    how = " ".join(part for part in (need.how, f"In the plan: {by_plan}." if by_plan else "") if part)
    return need.words, eligible, MET_BY_LABELS[need.met_by], how or "Not written yet"


def _budget_lines(facts: PlanFacts) -> tuple[str, ...]:
    lines = [f"The plan costs {pounds(facts.weekly_pence)} a week."]
    if facts.budget_weekly_pence is None:
        return (*lines, "There is no budget on record.")
    kind = "final" if facts.is_final else "indicative"
    lines.append(f"The {kind} personal budget is {pounds(facts.budget_weekly_pence)} a week.")
    if facts.own_weekly_pence is None:
        lines.append("What the person pays of it is not decided yet.")
    else:
        council = facts.budget_weekly_pence - facts.own_weekly_pence
        lines.append(f"The person pays {pounds(facts.own_weekly_pence)}, the council {pounds(council)}.")
    if facts.is_over:
        over = facts.weekly_pence - facts.budget_weekly_pence
        lines.append(
            f"The plan costs {pounds(over)} a week more than the budget. {facts.why_over or 'No reason is given.'}"
        )
    return tuple(lines)


def _payment_lines(facts: PlanFacts) -> tuple[str, ...]:
    payment = facts.payment
    paid = [str(number) for number, item in enumerate(facts.outcomes, start=1) if item.is_paid_directly]
    lines = [f"It pays for {'outcome' if len(paid) == 1 else 'outcomes'} {', '.join(paid)}."] if paid else []
    if payment is None:
        return (*lines, "How much and how often is not set yet.")
    if payment.needs.strip():
        lines.append(f"It is for: {payment.needs.strip()}")
    amount = (
        f"{pounds(payment.amount_pence)} {payment.frequency}." if payment.amount_pence else "The amount is not set yet."
    )
    return (*lines, amount)


def _part_lines(source: FaceSource, facts: PlanFacts) -> tuple[str, ...]:
    version = source.version
    lines = [
        f"Written by {source.planner_name}, {source.organisation_name}."
        if source.planner_name
        else "Written by the person, with the help they chose."
    ]
    if version.visit_minutes:
        lines.append(f"Time with the person: {duration(version.visit_minutes)}.")
    if facts.supported_by.strip():
        lines.append(f"Supported to take part by {facts.supported_by.strip()}.")
    for word, at in (
        ("Sent to the council", version.submitted_at),
        ("Passed the quality check", version.checked_at),
        ("Agreed by the person", version.agreed_at),
        ("Signed off", version.signed_off_at),
    ):
        if at is not None:
            lines.append(f"{word} on {uk_date(at)}.")
    if version.agreed_at is None:
        lines.append("Not agreed by the person yet.")
    return tuple(lines)


def _lines(words: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in words.splitlines() if line.strip()) or (NOT_WRITTEN,)
