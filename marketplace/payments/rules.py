"""What a rule of a tariff book pays for one event, with its working. Pure rules, no rows.

An event is priced in three steps: the band of the recorded time gives the fee, each uplift that applies adds its per
cent of that fee, and VAT comes on top where the book says so and the supplier charges it. Stages then share the whole.
"""

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from marketplace.core.money import Pence, half_up, split
from marketplace.payments.bands import Band, fee_for, read_bands

WHOLE = 100
MOST_UPLIFT_PERCENT = 200
ROUND_UP_MONTH = 12


class StageAt(StrEnum):
    """When a part of a plan's fee is earned, in the order in which it happens."""

    SUBMITTED = "submitted"
    """The plan went to its quality check for the first time."""
    SIGNED_OFF = "signed_off"
    IMPLEMENTED = "implemented"
    """The help to put the plan into practice is done, as the council agreed."""


class Circumstance(StrEnum):
    """What makes a case cost more than others."""

    COMPLEX = "complex"
    RURAL = "rural"
    VERY_RURAL = "very_rural"


CIRCUMSTANCE_LABELS: dict[Circumstance, str] = {
    Circumstance.COMPLEX: "Complex case",
    Circumstance.RURAL: "Rural area",
    Circumstance.VERY_RURAL: "Very rural area",
}
STAGE_LABELS: dict[StageAt, str] = {
    StageAt.SUBMITTED: "When the plan is first sent for its quality check",
    StageAt.SIGNED_OFF: "When the plan is signed off",
    StageAt.IMPLEMENTED: "When the plan has been put into practice",
}


class Stage(msgspec.Struct, frozen=True):
    """A share of the fee and when it is earned."""

    at: StageAt
    percent: int


class Uplift(msgspec.Struct, frozen=True):
    """Per cent of the band's fee that is added under a circumstance."""

    circumstance: Circumstance = msgspec.field(name="if")
    percent: int


class Words(NamedTuple):
    """A line of the working."""

    words: str
    pence: int


class BadRule(ValueError):
    """Stages or uplifts are not whole. `field` is the group of fields, the message is for the person who set them."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def check_stages(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return the stages when they are whole: none, or shares that rise in time and make up the fee.

    A plan always earns something at sign-off, so that every completed plan has its one entry (invariant 7).

    Raises:
        BadRule: They do not add up to 100, miss the sign-off, or one comes twice.
    """
    if not stages:
        return ()
    order = list(StageAt)
    places = [order.index(stage.at) for stage in stages]
    if sorted(set(places)) != places:
        raise BadRule("stages", "Each stage can be there once")
    if any(not 1 <= stage.percent <= WHOLE for stage in stages):
        raise BadRule("stages", "Each stage must be between 1 and 100 per cent")
    if sum(stage.percent for stage in stages) != WHOLE:
        raise BadRule("stages", "The stages must add up to 100 per cent")
    if StageAt.SIGNED_OFF not in {stage.at for stage in stages}:
        raise BadRule("stages", "Some of the fee must be earned when the plan is signed off")
    return tuple(stages) if len(stages) > 1 else ()


def check_uplifts(uplifts: Sequence[Uplift]) -> tuple[Uplift, ...]:
    """Return the uplifts when each circumstance has one, above nothing and at most 200 per cent.

    Raises:
        BadRule: They are not.
    """
    if len({uplift.circumstance for uplift in uplifts}) != len(uplifts):
        raise BadRule("uplifts", "Each uplift can be there once")
    if any(not 1 <= uplift.percent <= MOST_UPLIFT_PERCENT for uplift in uplifts):
        raise BadRule("uplifts", f"An uplift must be between 1 and {MOST_UPLIFT_PERCENT} per cent")
    return tuple(uplifts)


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """A rule as it prices: what a row of `tariffs` holds, read and checked."""

    bands: tuple[Band, ...]
    stages: tuple[Stage, ...] = ()
    uplifts: tuple[Uplift, ...] = ()
    vat_on_top: bool = False

    @classmethod
    def read(
        cls,
        bands: Iterable[dict[str, Any]],
        stages: Iterable[dict[str, Any]] = (),
        uplifts: Iterable[dict[str, Any]] = (),
        *,
        vat_on_top: bool = False,
    ) -> "Price":
        """Read a rule as it is stored."""
        return cls(
            bands=read_bands(bands),
            stages=check_stages(msgspec.convert(list(stages), list[Stage])),
            uplifts=check_uplifts(msgspec.convert(list(uplifts), list[Uplift])),
            vat_on_top=vat_on_top,
        )

    def working(self, minutes: int, circumstances: Collection[Circumstance] = (), vat_rate: int = 0) -> list[Words]:
        """Price one event.

        Args:
            minutes: Recorded time with the person, 0 or more.
            circumstances: What makes this case cost more. Of rural and very rural the higher one that has an uplift
                counts, never both.
            vat_rate: What the supplier charges, hundredths of a per cent; 0 where it charges none.

        Returns:
            Lines that add up to the whole gross amount: the fee, each uplift, VAT. Each is rounded half a penny up.
        """
        fee = fee_for(self.bands, minutes)
        lines = [Words("Fee", fee)]
        for uplift in self._applying(circumstances):
            words = f"{CIRCUMSTANCE_LABELS[uplift.circumstance]}: {uplift.percent}% more"
            added = half_up(Decimal(fee) * uplift.percent / WHOLE)
            if added:
                lines.append(Words(words, added))
        if self.vat_on_top and vat_rate:
            net = sum(line.pence for line in lines)
            vat = half_up(Decimal(net) * vat_rate / 10_000)
            if vat:
                lines.append(Words(f"VAT at {Decimal(vat_rate) / 100:g}%", vat))
        return lines

    def amount(self, minutes: int, circumstances: Collection[Circumstance] = (), vat_rate: int = 0) -> Pence:
        """Return what one event earns in all, pence."""
        return Pence(sum(line.pence for line in self.working(minutes, circumstances, vat_rate)))

    def shares(self, total_pence: int) -> dict[StageAt, Pence]:
        """Share a whole amount over the stages; they add up to it exactly. Without stages all comes at sign-off."""
        if not self.stages:
            return {StageAt.SIGNED_OFF: Pence(total_pence)}
        parts = split(Pence(total_pence), [stage.percent for stage in self.stages])
        return {stage.at: part for stage, part in zip(self.stages, parts, strict=True)}

    def earned_by(self, total_pence: int, at: StageAt) -> Pence:
        """Return what has been earned of a whole amount once a stage is reached, earlier stages included."""
        order = list(StageAt)
        shares = self.shares(total_pence)
        return Pence(sum(part for stage, part in shares.items() if order.index(stage) <= order.index(at)))

    def _applying(self, circumstances: Collection[Circumstance]) -> list[Uplift]:
        wanted = set(circumstances)
        if Circumstance.VERY_RURAL in wanted:
            # A very rural place is rural, too: the book's own uplift for it goes first, else that of rural ones.
            known = {uplift.circumstance for uplift in self.uplifts}
            wanted.discard(Circumstance.RURAL)
            if Circumstance.VERY_RURAL not in known:
                wanted.add(Circumstance.RURAL)
        return [uplift for uplift in self.uplifts if uplift.circumstance in wanted]


def stage_source(version_id: UUID, stage: StageAt | str) -> UUID:
    """Return the id under which a stage of a plan version is earned: always the same for both.

    A digest that plain SQL can work out as well (`md5(id || ':' || stage)::uuid`), for `marketplace check`.
    """
    return _derived(version_id, str(stage))


def month_source(row_id: UUID, month: date) -> UUID:
    """Return the id under which a month of money management or of a block contract is earned."""
    return _derived(row_id, f"{month:%Y-%m}")


def _derived(row_id: UUID, part: str) -> UUID:
    return UUID(hashlib.md5(f"{row_id}:{part}".encode(), usedforsecurity=False).hexdigest())


class Month(NamedTuple):
    """A part of a calendar month in which something ran."""

    first: date
    """First day of the calendar month."""
    starts_on: date
    ends_on: date
    """First day after it."""
    days: int
    """Days of the whole calendar month."""

    @property
    def ran(self) -> int:
        """Days on which it ran."""
        return (self.ends_on - self.starts_on).days


def months_between(starts_on: date, ends_on: date | None, before: date) -> list[Month]:
    """Return the calendar months that are over by a day and in which something ran, oldest first.

    Args:
        starts_on: Its first day.
        ends_on: First day on which it no longer ran; None while it runs.
        before: The day it is asked: a month counts once that is in a later month.
    """
    found = []
    first = starts_on.replace(day=1)
    while (following := next_month(first)) <= before and (ends_on is None or first < ends_on):
        began, ended = max(first, starts_on), following if ends_on is None else min(following, ends_on)
        found.append(Month(first, began, ended, (following - first).days))
        first = following
    return found


def next_month(day: date) -> date:
    """Return the first day of the month after a day's."""
    return date(day.year + day.month // ROUND_UP_MONTH, day.month % ROUND_UP_MONTH + 1, 1)


def part_of_month(monthly_pence: int, month: Month) -> Pence:
    """Return what a month earns by the days on which it ran, half a penny up; a whole month earns it all."""
    return half_up(Decimal(monthly_pence) * month.ran / month.days)


def block_month(weekly_pence: int, starts_on: date, month: Month) -> Pence:
    """Return what a month of a block contract earns.

    A week's price is spread over its seven days. Each month earns the rounded sum up to its end less the rounded sum
    up to its start, so that the months of a contract add up to its price and no penny is lost on the way.
    """

    def up_to(day: date) -> int:
        return half_up(Decimal(weekly_pence) * (day - starts_on).days / 7)

    return Pence(up_to(month.ends_on) - up_to(month.starts_on))


def months_after(day: date, months: int) -> date:
    """Return the same day some months later, the last of a shorter month."""
    whole = day.year * ROUND_UP_MONTH + day.month - 1 + months
    first = date(whole // ROUND_UP_MONTH, whole % ROUND_UP_MONTH + 1, 1)
    return first + timedelta(days=min(day.day, (next_month(first) - first).days) - 1)
