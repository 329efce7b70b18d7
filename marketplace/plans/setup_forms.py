"""Forms of the way to a direct payment."""

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.models import Holding
from marketplace.plans.direct_payments import FREQUENCIES, HOLDINGS, conditions_for
from marketplace.plans.models import Frequency, ManagedBy
from marketplace.plans.schemas import read_expected

LONGEST = 2_000


class SetupForm(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a direct payment to be set up. `conditions[key]` is (met, why)."""

    has_capacity: bool
    managed_by: ManagedBy
    representation_id: UUID | None
    conditions: dict[str, tuple[bool, str]]
    holding: Holding
    frequency: Frequency
    weekly_pence: int
    once_pence: int = 0
    organisation_id: UUID | None = None
    needs: str
    starts_on: date | None
    expected: int

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "SetupForm":
        """Read the form; what is missing is asked for only when it is offered.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        has_capacity = form.option("capacity", "whether the person has capacity to ask", ("yes", "no")) != "no"
        managed_by = form.choice("managed_by", "who manages the payment", ManagedBy) or ManagedBy.SELF
        if has_capacity and managed_by is ManagedBy.AUTHORISED:
            form.wrong("managed_by", "Somebody with capacity manages it themselves or chooses a nominee")
        if not has_capacity and managed_by is not ManagedBy.AUTHORISED:
            form.wrong("managed_by", "For somebody who lacks capacity, an authorised person manages the payment")
        representation_id = form.id("representation_id", "who manages the payment", required=False)
        conditions = {
            one.key: (
                form.ticked(f"met_{one.key}"),
                form.text(f"why_{one.key}", "how you know", required=False, longest=LONGEST),
            )
            for one in conditions_for(has_capacity)
        }
        holding = form.option("holding", "who holds the money", [one.value for one in HOLDINGS])
        frequency = form.option("frequency", "how often the council pays", [one.value for one in FREQUENCIES])
        weekly = form.pounds("weekly", "how much of the budget is a direct payment a week", required=False)
        once = form.pounds("once", "the sum that is paid once", required=False)
        organisation_id = form.id("organisation_id", "the organisation that holds the money", required=False)
        needs = form.text("needs", "which needs it is for", required=False, longest=LONGEST)
        starts_on = form.day("starts_on", "the first day", required=False)
        expected = read_expected(form)
        form.done()
        return cls(
            has_capacity=has_capacity,
            managed_by=managed_by,
            representation_id=representation_id,
            conditions=conditions,
            holding=Holding(holding),
            frequency=Frequency(frequency),
            weekly_pence=0 if frequency == Frequency.ONCE else weekly or 0,
            once_pence=once or 0,
            organisation_id=organisation_id if holding == Holding.PROVIDER_MANAGED else None,
            needs=needs,
            starts_on=starts_on,
            expected=expected,
        )
