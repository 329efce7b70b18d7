"""Checks of a supplier's lines against what is known: pure functions, so that one row or 5,000 are judged alike.

A line is never lost. It is clean and goes on, or it is held with one reason: the first that applies, in the order in
which a supplier can mend them (whose visit, under which agreement, when, billed before, approved, price, VAT).
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, time
from typing import NamedTuple
from uuid import UUID

from marketplace.payments.states import HOLD_WORDS, HoldReason, LineStatus
from marketplace.providers.models import ServiceLine

START_MINUTES = 60
"""A visit that began up to so many minutes before or after the time on the line is the one that is meant."""

LARGEST_LINE_PENCE = 100_000_000
"""£1,000,000: no visit costs more, so a larger amount is a slip of the keyboard."""

NOT_OURS = "The council does not pay for this visit: the person pays it, or paid by card"
CALLED_OFF = "The visit was called off or nobody came, and nothing is owed for it"

STOPS_CLOCK = frozenset(HoldReason) - {HoldReason.NOT_APPROVED}
"""Reasons whose days do not count towards the 30: the supplier's mistake or an open question. A visit that nobody has
approved yet is not the supplier's doing, so those days count (domain.md 4.6)."""


class AskedLine(NamedTuple):
    """What a supplier asks for: one row of a file, or a correction of a line."""

    reference: str
    """The agreement's, such as "SA-00012"."""
    visit_on: date
    starts_local: time | None
    minutes: int
    pence: int
    """With VAT."""
    visit_reference: str = ""
    """The platform's own reference of the visit: exact, where the supplier gives it."""


class Earning(NamedTuple):
    """Money earned for a visit, as it was approved."""

    accrual_id: UUID
    pence: int
    invoice_id: UUID | None
    """The bill it stands on."""
    service_line: ServiceLine | None


class KnownVisit(NamedTuple):
    """A visit of the supplier, with what it earned: nothing yet, one amount, or two where a rest was approved later."""

    booking_id: UUID
    reference: str
    """Of the agreement; for a visit outside one its own (`visit_reference`)."""
    visit_reference: str
    visit_on: date
    starts_local: time
    minutes: int
    """As recorded and approved."""
    is_approved: bool
    is_off: bool
    """Called off or not held."""
    earnings: tuple[Earning, ...] = ()
    block: str = ""
    """Name of the block contract that it is counted in; empty for a visit that is paid singly."""


class KnownAgreement(NamedTuple):
    """An agreement of the supplier in this council."""

    reference: str
    starts_on: date
    ends_on: date | None
    """First day without it."""
    is_signed: bool


class Rules(NamedTuple):
    """What the council allows."""

    today: date
    tolerance_minutes: int
    tolerance_pence: int


class Judged(NamedTuple):
    """What became of a line."""

    reason: HoldReason | None
    """None: clean."""
    words: str
    """What the supplier reads; empty when clean."""
    booking_id: UUID | None = None
    accrual_id: UUID | None = None
    amount_pence: int = 0
    """What it stands at: of clean lines at most what was approved, of held lines what was asked."""
    service_line: ServiceLine | None = None

    @property
    def status(self) -> LineStatus:
        """Clean or held."""
        return LineStatus.CLEAN if self.reason is None else LineStatus.HELD


IsAccredited = Callable[[ServiceLine, date], bool]
IsVatClear = Callable[[ServiceLine | None, date], bool]


class LineChecker:
    """Judges lines one after the other: what an earlier line took, a later one cannot have.

    Memory grows with the visits that are known, not with the lines; a line costs a look-up and a search in the visits
    of one agreement on one day.
    """

    def __init__(
        self,
        rules: Rules,
        agreements: Iterable[KnownAgreement],
        visits: Iterable[KnownVisit],
        *,
        is_accredited: IsAccredited = lambda _line, _day: True,
        is_vat_clear: IsVatClear = lambda _line, _day: True,
        own_invoice_ids: frozenset[UUID] = frozenset(),
    ) -> None:
        """Take what is known.

        Args:
            rules: The council's tolerances, and today.
            agreements: The supplier's in this council.
            visits: The supplier's in this council, of the days in question.
            is_accredited: Whether the supplier's accreditation for a service counted on a day.
            is_vat_clear: Whether it is known how VAT applies.
            own_invoice_ids: Bills whose own hold on an earning does not count: those being judged.
        """
        self.rules, self.is_accredited, self.is_vat_clear = rules, is_accredited, is_vat_clear
        self.own = own_invoice_ids
        self.agreements: Mapping[str, KnownAgreement] = {row.reference.upper(): row for row in agreements}
        by_day: dict[tuple[str, date], list[KnownVisit]] = {}
        self.by_reference: dict[str, KnownVisit] = {}
        for visit in visits:
            by_day.setdefault((visit.reference.upper(), visit.visit_on), []).append(visit)
            self.by_reference[visit.visit_reference.upper()] = visit
        self.by_day = {
            key: sorted(rows, key=lambda row: (row.starts_local, str(row.booking_id))) for key, rows in by_day.items()
        }
        self.taken: set[UUID] = set()

    def judge(self, line: AskedLine) -> Judged:
        """Judge a line and note what it takes."""
        reference = tidy_reference(line.reference)
        visit = self._visit(reference, line)
        reason = self._before_visit(reference, line, visit)
        if reason is not None:
            return _held(line, reason)
        if visit is None:
            return _held(line, HoldReason.NO_VISIT)
        if visit.is_off and not visit.earnings:
            return _held(line, HoldReason.NO_VISIT, visit, words=CALLED_OFF)
        if visit.block:
            return _held(line, HoldReason.IN_BLOCK, visit)
        if not visit.earnings:
            if visit.is_approved:
                return _held(line, HoldReason.NO_AGREEMENT, visit, words=NOT_OURS)
            return _held(line, HoldReason.NOT_APPROVED, visit)
        earning = self._free(visit, line.pence)
        if earning is None:
            return _held(line, HoldReason.DUPLICATE, visit)
        self.taken.add(earning.accrual_id)
        return self._priced(line, visit, earning)

    def _visit(self, reference: str, line: AskedLine) -> KnownVisit | None:
        """Find the visit that is meant: by its own reference, else the nearest of the agreement's on that day."""
        if line.visit_reference:
            found = self.by_reference.get(tidy_reference(line.visit_reference))
            # Somebody else's reference, or another day's, is a mistake of the row: nothing is guessed then.
            fits = found is not None and found.visit_on == line.visit_on and found.reference.upper() == reference
            return found if fits else None
        visits = self.by_day.get((reference, line.visit_on), ())
        return _nearest(visits, line.starts_local)

    def _before_visit(self, reference: str, line: AskedLine, visit: KnownVisit | None) -> HoldReason | None:
        agreement = self.agreements.get(reference)
        if agreement is None:
            # A visit outside an agreement goes by its own reference.
            is_single = visit is not None and visit.reference == visit.visit_reference
            return None if is_single else HoldReason.WRONG_PERSON
        if not agreement.is_signed or line.visit_on < agreement.starts_on:
            return HoldReason.NO_AGREEMENT
        if agreement.ends_on is not None and line.visit_on >= agreement.ends_on:
            return HoldReason.AGREEMENT_ENDED
        return HoldReason.FUTURE if line.visit_on > self.rules.today else None

    def _free(self, visit: KnownVisit, pence: int) -> Earning | None:
        """Return the visit's amount that no bill has: the one that equals what is asked before any other."""
        free = [
            row
            for row in visit.earnings
            if row.accrual_id not in self.taken and (row.invoice_id is None or row.invoice_id in self.own)
        ]
        return next((row for row in free if row.pence == pence), free[0] if free else None)

    def _priced(self, line: AskedLine, visit: KnownVisit, earning: Earning) -> Judged:
        service = earning.service_line
        reason = None
        if service is not None and not self.is_accredited(service, line.visit_on):
            reason = HoldReason.NOT_ACCREDITED
        elif line.minutes > visit.minutes + self.rules.tolerance_minutes:
            reason = HoldReason.TIME_ABOVE
        elif line.pence > earning.pence + self.rules.tolerance_pence:
            reason = HoldReason.PRICE_ABOVE
        elif not self.is_vat_clear(service, line.visit_on):
            reason = HoldReason.VAT_UNCLEAR
        # Within the tolerance it goes on, but never at more than was approved.
        pence = min(line.pence, earning.pence) if reason is None else line.pence
        words = HOLD_WORDS[reason] if reason else ""
        return Judged(reason, words, visit.booking_id, earning.accrual_id, pence, service)


def _held(line: AskedLine, reason: HoldReason, visit: KnownVisit | None = None, *, words: str = "") -> Judged:
    booking_id = visit.booking_id if visit else None
    return Judged(reason, words or HOLD_WORDS[reason], booking_id, None, line.pence)


def _nearest(visits: Sequence[KnownVisit], starts: time | None) -> KnownVisit | None:
    """Return the visit whose start is nearest, the earlier on a tie; without a time only where there is no choice."""
    if starts is None:
        return visits[0] if len(visits) == 1 else None
    wanted = _minute(starts)
    place = bisect_left([_minute(visit.starts_local) for visit in visits], wanted)
    near = list(visits[max(0, place - 1) : place + 1])
    near.sort(key=lambda visit: abs(_minute(visit.starts_local) - wanted))
    if near and abs(_minute(near[0].starts_local) - wanted) <= START_MINUTES:
        return near[0]
    return None


def _minute(at: time) -> int:
    return at.hour * 60 + at.minute


def tidy_reference(text: str) -> str:
    """Write a reference as it is compared: capitals, no spaces."""
    return "".join(text.split()).upper()
