"""Which postcode areas of a council count as rural for the uplifts of its price lists."""

from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, set_setting, setting
from marketplace.accounts.council_settings import setting_days
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.payments.books_rules import outwards_of
from marketplace.payments.rules import Circumstance

KEY = "payments.rural_areas"
LONGEST = 2_000


class RuralAreas(NamedTuple):
    """The areas of a day."""

    areas: dict[str, list[str]]
    """Postcode areas by "rural" and "very_rural"."""
    since: date | None
    """Their first day; None: always so."""
    next_on: date | None
    """When others take their place, if that is settled."""


class RuralForm(msgspec.Struct, frozen=True):
    """Areas that count from a day on."""

    rural: tuple[str, ...]
    very_rural: tuple[str, ...]
    starts_on: date

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "RuralForm":
        """Read the form.

        Raises:
            InvalidInput: What is no first half of a postcode, an area in both, no day.
        """
        form = FormReader(data)
        found: dict[str, list[str]] = {}
        for name, words in ((Circumstance.RURAL, "the rural areas"), (Circumstance.VERY_RURAL, "the very rural areas")):
            areas, strange = outwards_of(form.text(name, words, longest=LONGEST, required=False))
            if strange:
                form.wrong(name, f"Enter first halves of postcodes, like PR3. “{strange[0][:20]}” is none")
            found[name] = areas
        both = [area for area in found[Circumstance.RURAL] if area in found[Circumstance.VERY_RURAL]]
        if both:
            form.wrong(Circumstance.VERY_RURAL, f"{both[0]} cannot be both rural and very rural")
        starts_on = form.day("starts_on", "the day from which the areas count")
        form.done()
        if starts_on is None:  # a message was noted above
            raise InvalidInput({"starts_on": "Enter the day from which the areas count"})
        return cls(tuple(found[Circumstance.RURAL]), tuple(found[Circumstance.VERY_RURAL]), starts_on)


class RuralAreaService:
    """The council's rural areas. They are dated: work earns by those of the day it was completed (C3)."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.today = today(clock_of(db))

    async def found(self, principal: Principal) -> RuralAreas:
        """Return the areas of today."""
        principal.require(Permission.TARIFFS_READ)
        council_id = principal.council_id
        value: dict[str, list[str]] = await setting(self.db, council_id, KEY, self.today)
        days = await setting_days(self.db, council_id, KEY)
        areas = {str(one): list(value.get(one, ())) for one in (Circumstance.RURAL, Circumstance.VERY_RURAL)}
        return RuralAreas(
            areas,
            max((day for day in days if day <= self.today), default=None),
            min((day for day in days if day > self.today), default=None),
        )

    async def change(self, principal: Principal, form: RuralForm) -> None:
        """Set the areas from a day on. Days that are over keep theirs: what was earned by them stays explained.

        Raises:
            Forbidden: The role may not.
            InvalidInput: A day in the past, or one on which they change already.
        """
        principal.require(Permission.TARIFFS_SET)
        if form.starts_on < self.today:
            raise InvalidInput({"starts_on": f"The day must be {uk_date(self.today)} or later"})
        value = {Circumstance.RURAL.value: list(form.rural), Circumstance.VERY_RURAL.value: list(form.very_rural)}
        try:
            async with self.db.begin_nested():
                await set_setting(
                    self.db, principal, principal.council_id, KEY, value, starts_on=form.starts_on, source=""
                )
        except IntegrityError as error:
            if (broken_constraint(error) or "").startswith("uq_council_settings"):
                words = "The areas were changed from that day before. Choose another day"
                raise InvalidInput({"starts_on": words}) from error
            raise
