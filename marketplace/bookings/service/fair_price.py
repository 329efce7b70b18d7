"""The fair-price guard: what visits really cost, so that no price is agreed that somebody else pays for (moonshot 5).

Who delivers decides what counts (`Delivery`):
- a company pays its workers the legal wage for the visit and for getting there, and what an employer pays on top;
- a personal assistant whom the person employs gets the wage; the person pays the employer's costs beside it;
- a self-employed personal assistant sets their own price: the law has no least price for them, so that theirs is
  never called impossible, but a price under what an employee would cost is called thin.

Everything is pence and minutes of one week, or of one visit when only one is given. A visit over midnight is priced by
the law of the day it starts on. Pure: the law and the council's settings come in (`fair_price_rules`).

Sources: National Minimum Wage Act 1998 and its regulations of 2015 (travel between visits is working time; travel from
home is not); Royal Mencap Society v Tomlinson-Blake [2021] UKSC 8 (of a sleep-in only the time awake for work counts);
Working Time Regulations 1998, regulation 15B (12.07 %); the employer's rates as in `accounts.law`.
"""

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from fractions import Fraction

import msgspec

from marketplace.accounts.law import LawBook, legal_wage
from marketplace.core.formats import duration, plural, pounds

HOUR_MINUTES = 60
FULL_TIME_MINUTES = 2_250
"""37.5 hours: the week for which an employer's costs are worked out where the council sets no percentage."""
WEEKS = 52
BASIS = 10_000
RUNNING_PERCENT = 15
"""What a company needs to run the service (office, supervision, cover) on top of the least lawful cost, in per cent.
Our own careful figure, far below the business costs of the Homecare Association's yearly minimum price; a council sets
its own in `bookings.running_cost_percent`."""


class Delivery(StrEnum):
    """Who delivers, and so what the price has to pay for."""

    COMPANY = "company"
    EMPLOYED = "employed"
    SELF_EMPLOYED = "self_employed"


class Verdict(StrEnum):
    """What a price is."""

    FINE = "fine"
    THIN = "thin"
    """It pays the wage, but leaves little or nothing beyond."""
    IMPOSSIBLE = "impossible"
    """It cannot pay what the law asks for."""


class FairVisit(msgspec.Struct, frozen=True, kw_only=True):
    """A visit, or several alike in the week, and what is paid for it."""

    minutes: int
    """Planned length, 1 or more."""
    price_pence: int
    """What is paid for one of them, with all workers: `prices.visit_price`."""
    workers: int = 1
    """2 for a double-up; 0 for a place at an activity, which is not priced by a worker's time."""
    count: int = 1
    is_sleep_in: bool = False
    awake_minutes: int = 0
    """Of a sleep-in: minutes awake for work that are expected."""
    label: str = ""
    """In words, such as "Monday 8am"."""


class PriceLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the working. The lines add up to `FairPrice.least_pence`."""

    label: str
    how: str
    """How it comes about, in words."""
    pence: int


class VisitPrice(msgspec.Struct, frozen=True, kw_only=True):
    """One of the visits by itself."""

    visit: FairVisit
    least_pence: int
    """Of one of them."""
    verdict: Verdict


class FairPrice(msgspec.Struct, frozen=True, kw_only=True):
    """What the visits cost at least, what is paid, and what that means."""

    verdict: Verdict
    delivery: Delivery
    on: date
    least_pence: int
    """Least lawful cost of all visits together."""
    thin_pence: int
    """Below this, and at or above the least, a price is thin."""
    price_pence: int
    lines: tuple[PriceLine, ...]
    visits: tuple[VisitPrice, ...]
    words: tuple[str, ...]
    """What it means, in sentences for both sides. Never empty."""
    beside_pence: int = 0
    """What the person pays beside the price as the employer of an assistant."""

    @property
    def is_flagged(self) -> bool:
        """Whether both sides are to be told."""
        return self.verdict is not Verdict.FINE or any(one.verdict is not Verdict.FINE for one in self.visits)

    @property
    def missing_pence(self) -> int:
        """What is missing up to the least lawful cost; 0 when it is reached."""
        return max(0, self.least_pence - self.price_pence)


class PriceRules(msgspec.Struct, frozen=True, kw_only=True):
    """What the council's settings add to the law."""

    travel_minutes: int = 12
    """Paid travel and waiting of each worker for each visit."""
    on_cost_percent: int | None = None
    """A company's costs on top of wages, in per cent; None: worked out by the law (`lawful_on_cost`)."""
    running_percent: int = RUNNING_PERCENT


def fair_price(
    law: LawBook,
    on: date,
    visits: Sequence[FairVisit],
    *,
    delivery: Delivery = Delivery.COMPANY,
    rules: PriceRules | None = None,
    born_on: date | None = None,
) -> FairPrice:
    """Work out whether a price can pay for visits.

    Args:
        law: The book; it is opened at `on`.
        on: The day from which the price counts.
        visits: The visits of a week, or one visit; those without a worker cost nothing here.
        delivery: Who delivers.
        rules: The council's settings.
        born_on: Birthday of the one assistant who comes, for a wage under 21; a company's workers count as 21 or older.

    Returns:
        Pence. Each line is rounded once, half a penny up; the verdict of a single visit is worked out with its own
        rounding, so that the parts may differ by a penny from the whole.

    Raises:
        ValueError: No visit, or one without length or with a price below nothing.
        LawUnknown: The book does not reach back to the day.
    """
    if not visits or any(visit.minutes < 1 or visit.price_pence < 0 or visit.count < 1 for visit in visits):
        raise ValueError("A fair price needs visits with a length and a price of 0 or more")
    book, rules = law.at(on), rules or PriceRules()
    wage = legal_wage(book, None if delivery is Delivery.COMPANY else born_on)
    lines = _lines(book, visits, delivery, rules, wage)
    least = sum(line.pence for line in lines)
    thin = _thin(least, delivery, rules)
    price = sum(visit.price_pence * visit.count for visit in visits)
    each = tuple(_alone(book, visit, delivery, rules, wage) for visit in visits)
    verdict = _verdict(price, least, thin, delivery)
    beside = _beside(book, price, wage) if delivery is Delivery.EMPLOYED else 0
    found = FairPrice(
        verdict=verdict,
        delivery=delivery,
        on=on,
        least_pence=least,
        thin_pence=thin,
        price_pence=price,
        lines=tuple(lines),
        visits=each,
        words=(),
        beside_pence=beside,
    )
    return msgspec.structs.replace(found, words=tuple(_words(found, book)))


def lawful_on_cost(book: LawBook, wage_pence: int, weekly_minutes: int = FULL_TIME_MINUTES) -> Fraction:
    """Return what the law adds to an hour's wage, as a share of it: holiday, National Insurance, pension.

    Worked out for a year of the given hours with no Employment Allowance: 12.07 % holiday on the hours worked, then
    insurance and pension on wage and holiday pay together. Training and office are not in it.
    """
    yearly = Fraction(wage_pence * weekly_minutes * WEEKS, HOUR_MINUTES)
    insurance = max(Fraction(0), yearly - book["insurance_threshold"]) * Fraction(book["insurance_rate"], BASIS)
    pension = Fraction(0)
    if yearly >= book["pension_trigger"]:
        band = min(yearly, Fraction(book["pension_upper"])) - book["pension_lower"]
        pension = band * Fraction(book["pension_employer_rate"], BASIS)
    holiday = Fraction(book["holiday_accrual"], BASIS)
    return holiday + (1 + holiday) * (insurance + pension) / yearly if yearly else holiday


def half_up(value: Fraction) -> int:
    """Round pence of 0 or more, half a penny up."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _paid_minutes(visit: FairVisit) -> int:
    return (visit.awake_minutes if visit.is_sleep_in else visit.minutes) * visit.workers * visit.count


def _lines(
    book: LawBook, visits: Sequence[FairVisit], delivery: Delivery, rules: PriceRules, wage: int
) -> list[PriceLine]:
    days = [visit for visit in visits if not visit.is_sleep_in and visit.workers]
    nights = [visit for visit in visits if visit.is_sleep_in and visit.workers]
    lines = []
    if days:
        minutes = sum(_paid_minutes(visit) for visit in days)
        label = "Time with the person"
        if any(visit.workers > 1 for visit in days):
            label += ", each worker counted"
        lines.append(_time_line(label, minutes, wage))
    if nights:
        minutes = sum(_paid_minutes(visit) for visit in nights)
        lines.append(_time_line("Sleep-ins, time awake for work", minutes, wage))
    # An assistant comes from home: the law counts that as time of their own.
    calls = sum(visit.workers * visit.count for visit in visits)
    if delivery is Delivery.COMPANY and calls:
        travel = rules.travel_minutes * calls
        how = f"{plural(calls, 'journey', 'journeys')} of {plural(rules.travel_minutes, 'minute')} at {pounds(wage)}"
        lines.append(
            PriceLine(label="Travel between visits", how=how, pence=half_up(Fraction(wage * travel, HOUR_MINUTES)))
        )
    if delivery is not Delivery.EMPLOYED and lines:
        lines.append(_on_cost_line(book, sum(line.pence for line in lines), delivery, rules, wage))
    return lines


def _time_line(label: str, minutes: int, wage: int) -> PriceLine:
    how = f"{duration(minutes)} at {pounds(wage)} an hour, the legal minimum wage"
    return PriceLine(label=label, how=how, pence=half_up(Fraction(wage * minutes, HOUR_MINUTES)))


def _on_cost_line(book: LawBook, wages: int, delivery: Delivery, rules: PriceRules, wage: int) -> PriceLine:
    if delivery is Delivery.SELF_EMPLOYED:
        share = Fraction(book["holiday_accrual"], BASIS)
        label, what = "Time off", "what an employee would get as holiday pay"
    elif rules.on_cost_percent is not None:
        share = Fraction(rules.on_cost_percent, 100)
        label, what = "Employer’s costs", "National Insurance, pension, holiday, training"
    else:
        share = lawful_on_cost(book, wage)
        label, what = "Employer’s costs", "National Insurance, pension and holiday as the law asks for them"
    percent = f"{float(share * 100):.2f}".rstrip("0").rstrip(".")
    return PriceLine(label=label, how=f"{percent}% of {pounds(wages)}: {what}", pence=half_up(wages * share))


def _thin(least: int, delivery: Delivery, rules: PriceRules) -> int:
    return least + (half_up(Fraction(least * rules.running_percent, 100)) if delivery is Delivery.COMPANY else 0)


def _verdict(price: int, least: int, thin: int, delivery: Delivery) -> Verdict:
    if price < least:
        return Verdict.THIN if delivery is Delivery.SELF_EMPLOYED else Verdict.IMPOSSIBLE
    return Verdict.THIN if price < thin else Verdict.FINE


def _alone(book: LawBook, visit: FairVisit, delivery: Delivery, rules: PriceRules, wage: int) -> VisitPrice:
    one = msgspec.structs.replace(visit, count=1)
    least = sum(line.pence for line in _lines(book, [one], delivery, rules, wage))
    verdict = _verdict(one.price_pence, least, _thin(least, delivery, rules), delivery)
    return VisitPrice(visit=visit, least_pence=least, verdict=verdict)


def _beside(book: LawBook, price: int, wage: int) -> int:
    """What an employer pays beside wages for these hours, by the law; small employers often pay less (allowance)."""
    return half_up(price * lawful_on_cost(book, wage))


def _words(found: FairPrice, book: LawBook) -> list[str]:
    price, least = pounds(found.price_pence), pounds(found.least_pence)
    words = [_first_words(found, price, least)]
    short = [one for one in found.visits if one.verdict is Verdict.IMPOSSIBLE]
    if short and found.verdict is not Verdict.IMPOSSIBLE:
        some = "One kind of visit does" if len(short) == 1 else f"{len(short)} kinds of visits do"
        words.append(f"{some} not pay for the time by itself: the others make up for it.")
    if any(one.visit.is_sleep_in for one in found.visits):
        words.append(
            "Of a sleep-in, the law counts the time awake for work. If the worker is woken often, the night has to be "
            "paid as a waking night."
        )
    if found.delivery is Delivery.EMPLOYED:
        words.append(
            f"You also pay up to {pounds(found.beside_pence)} beside the wage: holiday, National Insurance and pension."
            " Many people who employ an assistant pay no National Insurance because of the Employment Allowance."
        )
    if book.is_carried:
        words.append("The wages of this year are not in our book yet, so we used the last ones we know.")
    return words


def _first_words(found: FairPrice, price: str, least: str) -> str:
    if not found.lines:
        return "A place at an activity is not priced by one worker’s time, so there is nothing to check."
    if found.delivery is Delivery.SELF_EMPLOYED:
        if found.verdict is Verdict.THIN:
            return (
                f"{price} is thin. An employee would cost {least} for the same time. The law sets no least price for"
                " somebody who is self-employed, but check that they truly are: if they are an employee in fact, the"
                " minimum wage counts."
            )
        return f"{price} is fine. An employee would cost {least} for the same time."
    if found.verdict is Verdict.IMPOSSIBLE:
        missing = pounds(found.missing_pence)
        if found.delivery is Delivery.EMPLOYED:
            return f"{price} is below the legal minimum wage for this time, {least}. {missing} is missing."
        return (
            f"{price} cannot pay for these visits. The least lawful cost is {least}, so {missing} is missing. Somebody"
            " would not be paid for all of their time, or visits would be cut short."
        )
    if found.verdict is Verdict.THIN:
        return (
            f"{price} is thin. It covers the least lawful cost of {least}, but leaves"
            f" {pounds(found.price_pence - found.least_pence)} for running the service, training and cover."
        )
    if found.delivery is Delivery.EMPLOYED:
        return f"{price} is fine. The legal minimum wage for this time is {least}."
    return f"{price} is fine. The least lawful cost of these visits is {least}."
