"""What a council decides for itself: reading it as people do, changing it from a day on, taking a later change back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import audit
from marketplace.accounts.council_settings.table import BELOW, ENTRIES, GROUPS, Entry, OwnPage
from marketplace.accounts.council_settings.values import DEFAULTS, set_setting
from marketplace.accounts.events import CouncilSettingDecided
from marketplace.accounts.models import Council, CouncilSetting
from marketplace.accounts.permissions import Permission
from marketplace.accounts.principal import Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import uk_date
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish

LONGEST_WHY = 300
VALUE = "value"


class SettingChanged(Conflict):
    """The setting was changed, or counts by now, since the page was opened."""

    code = "council-setting-changed"


class SettingForm(msgspec.Struct, frozen=True):
    """A value that counts from a day on, and why."""

    value: Any
    starts_on: date
    why: str

    @classmethod
    def read(cls, data: Mapping[str, Any], key: str, now: date) -> "SettingForm":
        """Read the form of a setting.

        Args:
            data: What was typed.
            key: One of `ENTRIES` that has no page of its own.
            now: Today; a change never counts from a day that is over.

        Raises:
            InvalidInput: With every message, by field.
        """
        entry = form_of(key)
        form = FormReader(data)
        value = entry.kind.read(form, VALUE, label_of(entry))
        starts_on = form.day("starts_on", "the first day")
        if starts_on is not None and starts_on < now:
            form.wrong("starts_on", f"The first day must be {uk_date(now)} or later: what is over keeps its value")
        why = form.text("why", "why it changes", longest=LONGEST_WHY)
        form.done()
        return cls(value, starts_on or now, why)


class SettingLine(NamedTuple):
    """A setting in the list of all."""

    key: str
    name: str
    address: str
    """Empty when it has a page of its own that the reader may not open."""
    words: str
    """What counts today; empty for a setting with a page of its own."""
    since: date | None
    """First day of it; None: the platform's usual value."""
    later: tuple[tuple[date, str], ...]
    """What is decided for later days, the soonest first."""


class FoundSetting(NamedTuple):
    """A setting with everything its page shows."""

    key: str
    entry: Entry
    group: str
    value: Any
    """As of today."""
    since: date | None
    rows: Sequence[CouncilSetting]
    """Every value the council gave it, the newest day first."""
    mark: str
    """Changes with every change: what a page shows of it is what its form then changes."""
    today: date


class CouncilSettingsService:
    """The verbs of a council's settings. Values are dated: what is over stays explained by the value of its day."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.today = today(clock_of(db))

    async def overview(self, principal: Principal, words: str = "") -> list[tuple[str, list[SettingLine]]]:
        """Return the settings by group; with words, those whose name, explanation or group holds all of them.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.SETTINGS_READ)
        wanted = words.casefold().split()
        rows = await self._rows(principal.council_id)
        by_key: dict[str, list[CouncilSetting]] = {}
        for row in rows:
            by_key.setdefault(row.key, []).append(row)
        found = []
        for group, entries in GROUPS.items():
            lines = [
                self._line(principal, key, entry, by_key.get(key, []))
                for key, entry in entries.items()
                if all(word in f"{group} {entry.name} {entry.about}".casefold() for word in wanted)
            ]
            if lines:
                found.append((group, lines))
        return found

    async def found(self, principal: Principal, key: str) -> FoundSetting:
        """Return one setting.

        Raises:
            Forbidden: The role may not.
            NotFound: No such setting, or it has a page of its own.
        """
        principal.require(Permission.SETTINGS_READ)
        entry = form_of(key)
        rows = await self._rows(principal.council_id, key)
        value, since = _on(rows, key, self.today)
        group = next(name for name, entries in GROUPS.items() if key in entries)
        return FoundSetting(key, entry, group, value, since, rows, _mark(rows), self.today)

    async def change(self, principal: Principal, key: str, form: SettingForm, mark: str) -> None:
        """Set a value from a day on; set again for the same day, it takes the place of what was decided before.

        Args:
            principal: Who decides.
            key: Which setting.
            form: The value, its first day and why.
            mark: `FoundSetting.mark` of the page that the form stood on.

        Raises:
            Forbidden: The role may not.
            InvalidInput: It is so on that day already, or does not go with another setting.
            NotFound: No such setting.
            SettingChanged: Somebody else changed it since.
        """
        principal.require(Permission.SETTINGS_SET)
        form_of(key)
        rows = await self._locked(principal.council_id, key, mark)
        if form.starts_on < self.today:
            raise InvalidInput({"starts_on": f"The first day must be {uk_date(self.today)} or later"})
        if _on(rows, key, form.starts_on)[0] == form.value:
            raise InvalidInput({_first_field(key): f"It is so on {uk_date(form.starts_on)} already"})
        await self._goes_with_others(principal.council_id, key, form, rows)
        was = _on(rows, key, form.starts_on)[0]
        self._tell(principal, key, form.starts_on, was, form.value, form.why)
        row = next((row for row in rows if row.starts_on == form.starts_on), None)
        if row is None:
            await set_setting(
                self.db,
                principal,
                principal.council_id,
                key,
                form.value,
                starts_on=form.starts_on,
                source=form.why,
            )
            return
        before = {"key": key, "value": row.value["value"], "starts_on": row.starts_on}
        row.value, row.source = {"value": form.value}, form.why
        row.set_by_user_id, row.set_at = principal.user_id, clock_of(self.db).now()
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "accounts.set_setting",
            council_id=row.council_id,
            subject_kind="council_setting",
            subject_id=row.id,
            before=before,
            after={**before, "value": form.value},
            why=form.why,
        )

    async def withdraw(self, principal: Principal, key: str, row_id: UUID, mark: str) -> date:
        """Take back what is decided for a later day. Returns that day.

        Raises:
            Forbidden: The role may not.
            NotFound: No such setting or change.
            SettingChanged: Somebody else changed it since, or it counts by now.
        """
        principal.require(Permission.SETTINGS_SET)
        form_of(key)
        rows = await self._locked(principal.council_id, key, mark)
        row = next((row for row in rows if row.id == row_id), None)
        if row is None:
            raise NotFound
        if row.starts_on <= self.today:
            raise SettingChanged("It counts already. Set another value from today or a later day.")
        await self.db.delete(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "accounts.withdraw_setting",
            council_id=row.council_id,
            subject_kind="council_setting",
            subject_id=row.id,
            before={"key": key, "value": row.value["value"], "starts_on": row.starts_on},
        )
        left = _on([other for other in rows if other is not row], key, row.starts_on)[0]
        self._tell(principal, key, row.starts_on, row.value["value"], left, "The change was taken back")
        return row.starts_on

    def _tell(self, principal: Principal, key: str, day: date, before: Any, after: Any, why: str) -> None:
        """Let those hear of it who watch over what it concerns: nobody weakens a check unseen."""
        kind = form_of(key).kind
        publish(
            self.db,
            CouncilSettingDecided(
                council_id=principal.council_id,
                key=key,
                starts_on=day,
                before=kind.words(before),
                after=kind.words(after),
                why=why,
                user_id=principal.user_id,
            ),
        )

    async def _rows(self, council_id: UUID, key: str | None = None) -> Sequence[CouncilSetting]:
        wanted = select(CouncilSetting).where(CouncilSetting.council_id == council_id)
        if key is not None:
            wanted = wanted.where(CouncilSetting.key == key)
        return (await self.db.scalars(wanted.order_by(CouncilSetting.starts_on.desc()))).all()

    async def _locked(self, council_id: UUID, key: str, mark: str) -> Sequence[CouncilSetting]:
        """Return the values of a setting when nobody else can change one; they must be those of the page."""
        await self.db.scalar(select(Council.id).where(Council.id == council_id).with_for_update(key_share=True))
        rows = await self._rows(council_id, key)
        if _mark(rows) != mark:
            raise SettingChanged("Somebody else changed this setting while you had the page open.")
        return rows

    async def _goes_with_others(
        self, council_id: UUID, key: str, form: SettingForm, rows: Sequence[CouncilSetting]
    ) -> None:
        """Hold what the council would have on each day from then on against the rules of two settings."""
        for lower, upper, words in BELOW:
            if key not in (lower, upper):
                continue
            other = upper if key == lower else lower
            others = await self._rows(council_id, other)
            days = {form.starts_on, *(row.starts_on for row in [*rows, *others] if row.starts_on > form.starts_on)}
            for day in sorted(days):
                changed = next(
                    (row.value["value"] for row in rows if form.starts_on < row.starts_on <= day), form.value
                )
                beside, _ = _on(others, other, day)
                low, high = (changed, beside) if key == lower else (beside, changed)
                if low >= high:
                    kind = form_of(other).kind
                    raise InvalidInput({VALUE: f"{words}. The other is {kind.words(beside)} on {uk_date(day)}"})

    def _line(
        self, principal: Principal, key: str, entry: Entry | OwnPage, rows: Sequence[CouncilSetting]
    ) -> SettingLine:
        if isinstance(entry, OwnPage):
            return SettingLine(key, entry.name, entry.address if principal.may(entry.permission) else "", "", None, ())
        value, since = _on(rows, key, self.today)
        later = [(row.starts_on, entry.kind.words(row.value["value"])) for row in rows if row.starts_on > self.today]
        return SettingLine(key, entry.name, f"/settings/{key}", entry.kind.words(value), since, tuple(reversed(later)))


def form_of(key: str) -> Entry:
    """Return the entry of a setting that has a form here.

    Raises:
        NotFound: No such setting, or it has a page of its own.
    """
    entry = ENTRIES.get(key)
    if not isinstance(entry, Entry):
        raise NotFound
    return entry


def label_of(entry: Entry) -> str:
    """Return the name of a setting in mid-sentence: "the time to answer an offer"."""
    return f"the {entry.name[:1].lower()}{entry.name[1:]}"


def _first_field(key: str) -> str:
    entry = form_of(key)
    return entry.kind.fields(VALUE, label_of(entry))[0].name


def _on(rows: Iterable[CouncilSetting], key: str, day: date) -> tuple[Any, date | None]:
    """Return the value on a day and its first day. `rows` have the newest day first."""
    row = next((row for row in rows if row.starts_on <= day), None)
    return (DEFAULTS[key], None) if row is None else (row.value["value"], row.starts_on)


def _mark(rows: Sequence[CouncilSetting]) -> str:
    newest = max((row.set_at for row in rows), default=None)
    return f"{len(rows)}-{newest.isoformat() if newest else ''}"
