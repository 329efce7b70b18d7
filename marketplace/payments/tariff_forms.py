"""Forms of tariff books and claims, and the words for what earns."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.payments.bands import MOST_BANDS, BadBands, Band, check_bands
from marketplace.payments.models.tariffs import TariffEvent
from marketplace.payments.rules import (
    CIRCUMSTANCE_LABELS,
    MOST_UPLIFT_PERCENT,
    STAGE_LABELS,
    BadRule,
    Circumstance,
    Price,
    Stage,
    StageAt,
    Uplift,
    check_stages,
    check_uplifts,
)
from marketplace.payments.schemas import band_minutes

EVENT_LABELS: dict[TariffEvent, str] = {
    TariffEvent.PLAN_COMPLETED: "Completed support plan",
    TariffEvent.REVIEW_HELD: "Review held",
    TariffEvent.MONEY_MANAGEMENT_MONTH: "Money management, a month",
    TariffEvent.PLAN_IMPLEMENTED: "Help to put the plan into practice",
    TariffEvent.REPLAN: "Plan made anew because life changed",
    TariffEvent.ABANDONED: "Work that ended before the plan was complete",
    TariffEvent.DECEASED: "The person died while the plan was being made",
    TariffEvent.GRANT: "Grant",
}
EVENT_HINTS: dict[TariffEvent, str] = {
    TariffEvent.PLAN_COMPLETED: "Earned when the plan has passed its check, the person agreed and it is signed off.",
    TariffEvent.REVIEW_HELD: "Earned when the review is written down. A new plan version after it is part of it.",
    TariffEvent.MONEY_MANAGEMENT_MONTH: "Earned at the end of each month, in part months by the day.",
    TariffEvent.PLAN_IMPLEMENTED: "Claimed by the planner, agreed by the council.",
    TariffEvent.REPLAN: "Earned at sign-off of a later version. Without a price it earns as a completed plan.",
    TariffEvent.ABANDONED: "Claimed by the planner, agreed by the council.",
    TariffEvent.DECEASED: "Claimed by the planner, agreed by the council.",
    TariffEvent.GRANT: "Claimed, and agreed case by case. The price is the most that one grant may be.",
}
TIMED = frozenset(
    {
        TariffEvent.PLAN_COMPLETED,
        TariffEvent.PLAN_IMPLEMENTED,
        TariffEvent.REPLAN,
        TariffEvent.ABANDONED,
        TariffEvent.DECEASED,
    }
)
"""Events with recorded time: their fee may go by bands. Uplifts are for them and for reviews."""
STAGED = frozenset({TariffEvent.PLAN_COMPLETED, TariffEvent.REPLAN})
UPLIFTED = TIMED | {TariffEvent.REVIEW_HELD}
ONCE = frozenset({TariffEvent.REVIEW_HELD})
CLAIMED = (TariffEvent.PLAN_IMPLEMENTED, TariffEvent.ABANDONED, TariffEvent.DECEASED, TariffEvent.GRANT)
"""What only people can see: a supplier claims it."""
MOST_FEE_PENCE = 1_000_000
MOST_GRANT_PENCE = 10_000_000


class BookForm(msgspec.Struct, frozen=True):
    """Name, source and first day of a book."""

    name: str
    source: str
    starts_on: date | None
    framework_id: UUID | None

    @classmethod
    def read(cls, data: Mapping[str, Any], frameworks: Mapping[str, str]) -> "BookForm":
        """Read the form. `frameworks` are the ids that may be chosen; "" is the council's own book."""
        form = FormReader(data)
        name = form.text("name", "a name for the price list", longest=100)
        source = form.text("source", "where it was decided", longest=300)
        starts_on = form.day("starts_on", "the first day")
        chosen = form.option("framework", "who it is for", list(frameworks), required=False)
        form.done()
        return cls(name, source, starts_on, UUID(chosen) if chosen and chosen != "none" else None)


class RuleForm(msgspec.Struct, frozen=True):
    """A rule of a book."""

    event: TariffEvent
    name: str
    price: Price
    once_months: int | None

    @classmethod
    def read(cls, event: TariffEvent, data: Mapping[str, Any]) -> "RuleForm":
        """Read the form of a rule: bands, stages, uplifts; what does not fit the event is not read.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        name = form.text("name", "what it is called", longest=100)
        bands = _bands(form, event)
        stages = []
        if event in STAGED:
            for at in StageAt:
                if form.raw(f"stage-{at}"):
                    label = f"the share {_inside(STAGE_LABELS[at])}"
                    stages.append(Stage(at, form.number(f"stage-{at}", label, least=0, most=100)))
        uplifts = []
        if event in UPLIFTED:
            for one in Circumstance:
                if form.raw(f"uplift-{one}"):
                    label = f"the uplift for a {_inside(CIRCUMSTANCE_LABELS[one])}"
                    percent = form.number(f"uplift-{one}", label, least=0, most=MOST_UPLIFT_PERCENT)
                    uplifts.append(Uplift(one, percent))
        once = None
        if event in ONCE and form.raw("once_months"):
            once = form.number("once_months", "the months", least=1, most=60)
        price = Price(bands=tuple(bands), vat_on_top=form.ticked("vat_on_top"))
        if not form.errors:
            try:
                price = Price(
                    bands=check_bands(bands),
                    stages=check_stages([stage for stage in stages if stage.percent]),
                    uplifts=check_uplifts([uplift for uplift in uplifts if uplift.percent]),
                    vat_on_top=price.vat_on_top,
                )
            except BadBands as error:
                form.wrong("hours-1" if event in TIMED and bands else "pounds-1", str(error))
            except BadRule as error:
                form.wrong("stage-submitted" if error.field == "stages" else "uplift-complex", str(error))
        form.done()
        return cls(event, name, price, once)


def rule_values(name: str, price: Price, once_months: int | None) -> dict[str, str]:
    """Write a rule as its form shows it."""
    values = {"name": name, "once_months": str(once_months or ""), "vat_on_top": "yes" if price.vat_on_top else ""}
    for row, band in enumerate(price.bands, start=1):
        values[f"hours-{row}"] = (
            "" if band.up_to_minutes is None else f"{band.up_to_minutes / 60:.2f}".rstrip("0").rstrip(".")
        )
        values[f"pounds-{row}"] = f"{band.pence / 100:.2f}"
    values |= {f"stage-{stage.at}": str(stage.percent) for stage in price.stages}
    values |= {f"uplift-{uplift.circumstance}": str(uplift.percent) for uplift in price.uplifts}
    return values


class ClaimForm(msgspec.Struct, frozen=True):
    """What a supplier claims."""

    event: TariffEvent
    plan_id: UUID | None
    council_id: UUID | None
    happened_on: date
    minutes: int
    note: str
    amount_pence: int | None

    @classmethod
    def read(cls, data: Mapping[str, Any], plans: Mapping[str, str], councils: Mapping[str, str]) -> "ClaimForm":
        """Read a claim.

        Args:
            data: What was typed.
            plans: Plans that may be chosen, by id.
            councils: Councils that may be asked for a grant, by id.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        event = form.choice("event", "what happened", TariffEvent)
        if event is not None and event not in CLAIMED:
            form.wrong("event", "Select what happened from the list")
        happened_on = form.day("happened_on", "the day")
        note = form.text("note", "what was done", longest=1_000)
        is_grant = event is TariffEvent.GRANT
        plan = council = ""
        amount, minutes = None, 0
        if is_grant:
            council = form.option("council", "a council", list(councils), required=len(councils) > 1)
            council = council or next(iter(councils), "")
            amount = form.pounds("amount", "the amount of the grant", least=1, most=MOST_GRANT_PENCE)
        else:
            plan = form.option("plan", "a plan", list(plans))
            hours = form.number("hours", "the hours", least=0, most=100, required=False)
            minutes = hours * 60 + form.number("minutes", "the minutes", least=0, most=59, required=False)
        form.done()
        if event is None or happened_on is None:  # a message was noted above
            raise InvalidInput({"event": "Select what happened"})
        return cls(
            event,
            UUID(plan) if plan else None,
            UUID(council) if council else None,
            happened_on,
            minutes,
            note,
            amount,
        )


def _bands(form: FormReader, event: TariffEvent) -> list[Band]:
    most = MOST_GRANT_PENCE if event is TariffEvent.GRANT else MOST_FEE_PENCE
    if event not in TIMED:
        pence = form.pounds("pounds-1", "the price", least=1, most=most)
        return [Band(None, pence or 0)]
    bands = []
    for row in range(1, MOST_BANDS + 1):
        hours = form.raw(f"hours-{row}")
        if not hours and not form.raw(f"pounds-{row}"):
            continue
        minutes = band_minutes(form, f"hours-{row}", hours) if hours else None
        pence = form.pounds(f"pounds-{row}", f"the fee of band {row}", least=1, most=most)
        bands.append(Band(minutes, pence or 0))
    return bands


def _inside(label: str) -> str:
    return label[:1].lower() + label[1:]
