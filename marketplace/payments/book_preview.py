"""What a draft of a tariff book would have cost on work of the past. Pure rules, no rows."""

from collections.abc import Collection, Iterable, Mapping
from datetime import date
from uuid import UUID

import msgspec

from marketplace.payments.bands import hourly, is_below_wage
from marketplace.payments.models.tariffs import TariffEvent
from marketplace.payments.rules import Circumstance, Price, months_after


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened and what it earned."""

    events: tuple[TariffEvent, ...]
    """Rules that may price it, the first that the book has; none of them: nothing is paid."""
    subject: UUID
    """The person, for rules that pay once in some months."""
    day: date
    minutes: int = 0
    circumstances: frozenset[Circumstance] = frozenset()
    paid_pence: int = 0
    part: tuple[int, int] = (1, 1)
    """Share of the fee: days that ran and days of the month."""
    covered_by: TariffEvent | None = None
    """A rule that pays for it already where the book has it: a new version after a review."""


class EventLine(msgspec.Struct, kw_only=True):
    """The sums of one kind of event."""

    event: TariffEvent
    count: int = 0
    paid_pence: int = 0
    would_pence: int = 0
    timed: int = 0
    """Of them with recorded time."""
    short: int = 0
    """Of those, where the fee is below the legal wage for the time."""
    worst_hourly_pence: int | None = None
    worst_minutes: int = 0
    worst_pence: int = 0


class BookPreview(msgspec.Struct, kw_only=True):
    """What a book would have cost in a period."""

    since: date
    until: date
    wage_pence: int
    lines: list[EventLine]

    @property
    def paid_pence(self) -> int:
        """What was paid."""
        return sum(line.paid_pence for line in self.lines)

    @property
    def would_pence(self) -> int:
        """What it would have cost."""
        return sum(line.would_pence for line in self.lines)

    @property
    def difference_pence(self) -> int:
        """How much more it would have cost; negative when less."""
        return self.would_pence - self.paid_pence

    @property
    def short(self) -> int:
        """Events whose fee is below the legal wage."""
        return sum(line.short for line in self.lines)


def preview(
    prices: Mapping[TariffEvent, Price],
    once: Mapping[TariffEvent, int],
    past: Iterable[Past],
    *,
    since: date,
    until: date,
    wage_pence: int,
) -> BookPreview:
    """Price the past by a book, VAT left out.

    Args:
        prices: The book's rules.
        once: Months in which a rule pays once for a person.
        past: What happened, in the order of its days.
        since: First day looked at.
        until: First day no longer looked at.
        wage_pence: The legal wage of the book's first day, pence an hour.
    """
    lines: dict[TariffEvent, EventLine] = {}
    last: dict[tuple[TariffEvent, UUID], date] = {}
    for item in past:
        event = next((one for one in item.events if one in prices), None)
        line = lines.setdefault(event or item.events[-1], EventLine(event=event or item.events[-1]))
        line.count += 1
        line.paid_pence += item.paid_pence
        if event is None or (item.covered_by is not None and item.covered_by in prices):
            continue
        months, key = once.get(event), (event, item.subject)
        if months is not None and key in last and item.day < months_after(last[key], months):
            continue
        last[key] = item.day
        fee = prices[event].amount(item.minutes, item.circumstances)
        ran, days = item.part
        fee_part = (2 * fee * ran + days) // (2 * days)
        line.would_pence += fee_part
        if item.minutes:
            _hold_against_wage(line, fee_part, item.minutes, wage_pence)
    ordered = [lines[event] for event in TariffEvent if event in lines]
    return BookPreview(since=since, until=until, wage_pence=wage_pence, lines=ordered)


def _hold_against_wage(line: EventLine, fee_pence: int, minutes: int, wage_pence: int) -> None:
    line.timed += 1
    line.short += is_below_wage(fee_pence, minutes, wage_pence)
    an_hour = hourly(fee_pence, minutes)
    if line.worst_hourly_pence is None or an_hour < line.worst_hourly_pence:
        line.worst_hourly_pence, line.worst_minutes, line.worst_pence = an_hour, minutes, fee_pence


def missing(before: Collection[TariffEvent], after: Collection[TariffEvent]) -> list[TariffEvent]:
    """Return the events that were paid and no longer are."""
    return [event for event in TariffEvent if event in before and event not in after]
