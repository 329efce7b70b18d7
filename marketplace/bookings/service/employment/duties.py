"""What the law, or good sense, asks of somebody who takes on a personal assistant: one list in plain words. Pure.

Sources: domain.md 4.4; Employment Rights Act 1996, section 1 (written terms on the first day); Immigration, Asylum and
Nationality Act 2006, section 15; Employers' Liability (Compulsory Insurance) Act 1969; Pensions Act 2008; Working Time
Regulations 1998; Health and Safety at Work etc. Act 1974; Data Protection Act 2018. No legal advice.
"""

from datetime import date, timedelta

import msgspec

from marketplace.accounts.law import ADULT_WAGE_AGE, APRIL, WAGE_DAY, YOUNG_WAGE_AGE, LawBook, year_start
from marketplace.bookings.models import WorkStatus
from marketplace.bookings.service.employment.periods import months_on
from marketplace.core.formats import pounds_short

EMPLOYED = frozenset({WorkStatus.EMPLOYED})
SELF_EMPLOYED = frozenset({WorkStatus.SELF_EMPLOYED})
BOTH = EMPLOYED | SELF_EMPLOYED
SUPPORT = "Your council’s direct payment support service"
WAGE_CHECK, LIABILITY, DBS = "wage_check", "liability", "dbs"


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do."""

    key: str
    title: str
    what: str
    """What it is, in one or two sentences."""
    helper: str
    """Who can help."""
    otherwise: str
    """What happens if it is not done."""
    applies_to: frozenset[WorkStatus] = EMPLOYED
    is_must: bool = True
    """Whether it has to be done before the first shift."""
    due_days: int = 0
    """Days after the first day by which it is due."""
    ends: bool = False
    """Whether it has a last day and is then to be done again."""
    cost: str = "Free."
    """What it costs, in words."""
    cost_field: str = ""
    """Field of the job with the yearly cost that was entered."""


DUTIES: tuple[Duty, ...] = (
    Duty(
        key="status",
        title="Check if they are employed or self-employed",
        what="Most personal assistants are employees, whatever you both call it. Use the government’s online check "
        "(CEST) and keep the answer.",
        helper="HM Revenue and Customs: “Check employment status for tax”, or " + SUPPORT,
        otherwise="If they are an employee in fact, you may owe tax, holiday pay and pension for the past.",
        applies_to=BOTH,
    ),
    Duty(
        key="right_to_work",
        title="Check their right to work in the UK",
        what="See the passport, or use the online check with a share code. Keep a dated copy.",
        helper="The Home Office’s employer checking service",
        otherwise="You can be fined for each worker who may not work here.",
        ends=True,
    ),
    Duty(
        key="contract",
        title="Agree and sign a contract",
        what="Pay, hours, place, holiday, sick pay, notice and what the job is. Both of you sign and keep a copy.",
        helper=SUPPORT,
        otherwise="There is a contract from the first day all the same, but nobody knows what was agreed.",
    ),
    Duty(
        key="written_terms",
        title="Give them their written terms",
        what="The law asks for a written statement on or before the first day. A full contract can be that statement.",
        helper="Acas, who have a free form for it",
        otherwise="A tribunal can order you to pay two or four weeks’ wages.",
    ),
    Duty(
        key=LIABILITY,
        title="Buy employers’ liability insurance",
        what="It must cover at least {liability_cover}. Enter its last day: we remind you before it ends.",
        helper="An insurer for people who employ carers, or " + SUPPORT,
        otherwise="You can be fined {liability_fine} for each day without it.",
        ends=True,
        cost="Ask for a price, and enter it with the job.",
        cost_field="insurance_pence",
    ),
    Duty(
        key="payroll",
        title="Register as an employer and set up payroll",
        what="Register with HM Revenue and Customs before the first pay day. Pay has to be reported on or before it.",
        helper="A payroll bureau, or " + SUPPORT,
        otherwise="There are fines for late reports, and they cannot be paid the right way.",
        cost="Free if you do it yourself. A bureau asks for a fee: enter it with the job.",
        cost_field="payroll_pence",
    ),
    Duty(
        key="holiday",
        title="Choose how holiday is worked out",
        what="5.6 weeks a year, or 12.07% of the hours. Write the way you chose into the contract.",
        helper="Acas, or your payroll bureau",
        otherwise="Holiday adds up and you may owe it all at once.",
        cost="It is in the cost of the job.",
    ),
    Duty(
        key=DBS,
        title="Decide about a DBS check",
        what="You may ask for one through an umbrella body. Write down what you decided, and the level, date and "
        "outcome that you saw. Do not keep the certificate.",
        helper="A DBS umbrella body, or " + SUPPORT,
        otherwise="You may miss something that you would want to know.",
        applies_to=BOTH,
        cost="The umbrella body tells you its fee.",
    ),
    Duty(
        key="own_insurance",
        title="See their own insurance",
        what="Somebody who is self-employed needs public liability insurance. See it and note its last day.",
        helper="They ask their insurer for a copy",
        otherwise="If somebody is hurt, nobody may pay.",
        applies_to=SELF_EMPLOYED,
        ends=True,
        cost="They pay it.",
    ),
    Duty(
        key="agreement",
        title="Write down what you agreed",
        what="Price, times, notice and who pays what. They send you bills and pay their own tax.",
        helper=SUPPORT,
        otherwise="It is hard to show that they are self-employed.",
        applies_to=SELF_EMPLOYED,
    ),
    Duty(
        key="safety",
        title="Look for risks at home",
        what="Lifting, stairs, pets, being alone: talk each risk through, agree what to do, and show them how.",
        helper="Your social worker or an occupational therapist",
        otherwise="Somebody can get hurt, and you can be held responsible.",
        applies_to=BOTH,
    ),
    Duty(
        key="data",
        title="Keep their papers safe",
        what="Keep their address, bank details and papers where nobody else sees them. Destroy them when the law no "
        "longer asks for them.",
        helper="The Information Commissioner’s Office",
        otherwise="They may complain, and their details may be misused.",
        applies_to=BOTH,
        is_must=False,
        due_days=28,
    ),
    Duty(
        key="pension",
        title="Assess them for a pension",
        what="Check age and pay on the first day. Write to them within six weeks. Enrol them where the law says so.",
        helper="The Pensions Regulator, or your payroll bureau",
        otherwise="The Pensions Regulator can fine you.",
        is_must=False,
        due_days=42,
        cost="It is in the cost of the job.",
    ),
    Duty(
        key="pension_declaration",
        title="Tell the Pensions Regulator",
        what="Send the declaration of compliance within five months, even if nobody joined a pension.",
        helper="The Pensions Regulator, or your payroll bureau",
        otherwise="The Pensions Regulator can fine you.",
        is_must=False,
        due_days=150,
    ),
    Duty(
        key=WAGE_CHECK,
        title="Check the wage against the law",
        what="The legal minimum wage changes on 1 April. Check that yours is not below it. Write to them if it rises.",
        helper="This service compares it for you",
        otherwise="Paying less is against the law. You owe the rest and can be fined.",
        ends=True,
    ),
)
BY_KEY = {duty.key: duty for duty in DUTIES}


def duties_for(status: WorkStatus) -> list[Duty]:
    """Return what applies to somebody of a status, in the order it is done."""
    return [duty for duty in DUTIES if status in duty.applies_to]


def words(text: str, book: LawBook) -> str:
    """Fill in the law's figures of a day."""
    return text.format(
        liability_cover=pounds_short(book["liability_cover"]), liability_fine=pounds_short(book["liability_fine"])
    )


def due_on(duty: Duty, starts_on: date) -> date:
    """Return the day by which a duty is due for a job."""
    return starts_on + timedelta(days=duty.due_days)


def next_wage_day(day: date, born_on: date | None = None) -> date:
    """Return until when a wage that was checked on a day stays right: the next 1 April, or an 18th or 21st birthday."""
    days = [date(year_start(day, WAGE_DAY).year + 1, APRIL, WAGE_DAY)]
    if born_on is not None:
        days += [months_on(born_on, 12 * age) for age in (YOUNG_WAGE_AGE, ADULT_WAGE_AGE)]
    return min(one for one in days if one > day)
