"""Why an accreditation counts on a day or does not, in words: the rule of `repository.accreditations` told in Python.

The database decides; this says why, and when the next change comes. A test holds the two together over random days,
holds and evidence.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any, Protocol

import msgspec

from marketplace.core.clock import instant, local
from marketplace.core.formats import uk_date
from marketplace.providers.models import EVIDENCE_LABELS, EvidenceKind, HoldCause
from marketplace.providers.repository.standing_facts import Facts, Held

DAY = timedelta(days=1)


class HasPeriod(Protocol):
    """An accreditation's row, or its facts."""

    live_from: Any
    live_until: Any
    removed_on: Any


class HasDays(Protocol):
    """A hold's row, or what was read of it."""

    starts_on: Any
    ends_on: Any
    made_at: Any


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that keeps an accreditation from counting."""

    code: str
    """"period", "removed", a `HoldCause`, or an `EvidenceKind`."""
    words: str


class Support(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of evidence that an accreditation rests on."""

    kind: EvidenceKind
    counts: bool
    words: str
    until: date | None
    """First day on which it no longer counts, as things stand."""

    @property
    def label(self) -> str:
        """What it is called."""
        return EVIDENCE_LABELS[self.kind]


def known_by(on: date) -> datetime:
    """Return the instant at which a day ends in London."""
    return instant(on + DAY, time(0))


def why_not(facts: Facts, day: date, on: date | None = None, before: datetime | None = None) -> list[Reason]:
    """Return what keeps an accreditation from counting for work on a day; empty when it counts.

    Args:
        facts: What is known of it.
        day: The day of the work.
        on: The day on which that is decided; `day` unless given.
        before: What was known before this instant; by the end of `on` unless given.
    """
    decided = day if on is None else on
    known = known_by(decided) if before is None else before
    found = []
    if day < facts.live_from:
        found.append(Reason(code="period", words=f"Starts on {uk_date(facts.live_from)}"))
    elif day >= facts.live_until:
        found.append(Reason(code="period", words=f"Ended after {uk_date(facts.live_until - DAY)}"))
    is_known = facts.removed_at is None or facts.removed_at < known
    if facts.removed_on is not None and is_known and (facts.removed_on <= day or facts.removed_on <= decided):
        found.append(Reason(code="removed", words=f"Removed from {uk_date(facts.removed_on)}"))
    found += [
        Reason(code=hold.cause.value, words=held_words(hold))
        for hold in facts.holds
        if hold.covers(decided, known) or hold.covers(day, known)
    ]
    found += [
        Reason(code=kind.value, words=missing_words(facts, kind, decided, known))
        for kind in _missing(facts, decided, known)
    ]
    return found


def next_change(facts: Facts, day: date) -> tuple[date, list[Reason]] | None:
    """Return the first later day on which an accreditation that counts stops, and why; None when nothing ends it."""
    days = {facts.live_until, facts.removed_on, *(hold.starts_on for hold in facts.holds)}
    days |= {piece.expires_on for piece in facts.pieces}
    for later in sorted(one for one in days if one is not None and one > day):
        reasons = why_not(facts, later)
        if reasons:
            return later, reasons
    return None


def _missing(facts: Facts, on: date, before: datetime) -> list[EvidenceKind]:
    """Return the kinds of evidence that are wanted and do not count; insurance also by the rule for everybody (V4)."""
    missing = [
        kind
        for kind in facts.evidence
        if not any(
            piece.kind is kind
            and piece.counts_for(facts.council_id, trusts_others=facts.trusts_others, on=on, before=before)
            for piece in facts.pieces
        )
    ]
    insurance = [piece for piece in facts.pieces if piece.kind is EvidenceKind.LIABILITY_INSURANCE]
    is_under_rule = facts.registered_itself or any(piece.was_seen(before) for piece in insurance)
    is_covered = any(piece.counts(on, before) for piece in insurance)
    if is_under_rule and not is_covered and EvidenceKind.LIABILITY_INSURANCE not in missing:
        missing.append(EvidenceKind.LIABILITY_INSURANCE)
    return missing


def held_words(hold: Held) -> str:
    """Say from when to when it is held: "Suspended from 3 March 2027 to 8 March 2027"."""
    what = "Suspended" if hold.cause is HoldCause.SUSPENSION else "Not in the regulator’s register"
    if hold.ends_on is None:
        return f"{what} from {uk_date(hold.starts_on)}"
    last = max(hold.ends_on - DAY, hold.starts_on)
    if last == hold.starts_on:
        return f"{what} on {uk_date(hold.starts_on)}"
    return f"{what} from {uk_date(hold.starts_on)} to {uk_date(last)}"


def missing_words(facts: Facts, kind: EvidenceKind, on: date, before: datetime) -> str:
    """Say what is the matter with a kind of evidence that is wanted: it ended, was refused, waits, or was never given.

    Of several pieces the one that came nearest to counting speaks.
    """
    label = EVIDENCE_LABELS[kind]
    pieces = [piece for piece in facts.pieces if piece.kind is kind]
    seen = [piece for piece in pieces if piece.was_seen(before) and not piece.was_refused(before)]
    if any(piece.is_in_date(on) for piece in seen):
        return f"{label} is not countersigned by this council"
    ended = [piece.expires_on for piece in seen if piece.expires_on is not None and piece.expires_on <= on]
    refused = [piece.refused_at for piece in pieces if piece.refused_at is not None and piece.was_refused(before)]
    if refused and (not ended or local(max(refused)).date() >= max(ended)):
        return f"{label} was refused on {uk_date(local(max(refused)).date())}"
    if ended:
        return f"{label} ended after {uk_date(max(ended) - DAY)}"
    starts = [piece.issued_on for piece in seen if piece.issued_on > on]
    if starts:
        return f"{label} starts on {uk_date(min(starts))}"
    if any(not piece.was_refused(before) for piece in pieces):
        return f"{label} has not been seen by a council"
    return f"{label} is missing"


def usable_days(row: HasPeriod, holds: Iterable[HasDays], on: date) -> list[tuple[date, date]]:
    """Return the periods, half-open, for which it may be used as things stand on a day: the council's word alone.

    Evidence is judged on the day of the decision, so it has no part here.

    Args:
        row: The accreditation, or its facts.
        holds: Its holds.
        on: The day of the decision. What was written after it is not known.
    """
    known = known_by(on)
    end = row.live_until if row.removed_on is None else min(row.live_until, row.removed_on)
    periods = [(row.live_from, end)] if row.live_from < end else []
    for hold in holds:
        if hold.made_at >= known:
            continue
        left = []
        for start, until in periods:
            if start < hold.starts_on:
                left.append((start, min(until, hold.starts_on)))
            if hold.ends_on is not None and hold.ends_on < until:
                left.append((max(start, hold.ends_on), until))
        periods = left
    return periods


def rests_on(facts: Facts, day: date) -> list[Support]:
    """Return the evidence that an accreditation rests on and how it stands on a day; insurance where the rule holds."""
    known = known_by(day)
    missing = _missing(facts, day, known)
    kinds = list(facts.evidence)
    is_under_rule = facts.registered_itself or any(
        piece.kind is EvidenceKind.LIABILITY_INSURANCE and piece.was_seen(known) for piece in facts.pieces
    )
    if is_under_rule and EvidenceKind.LIABILITY_INSURANCE not in kinds:
        kinds.insert(0, EvidenceKind.LIABILITY_INSURANCE)
    found = []
    for kind in kinds:
        if kind in missing:
            found.append(Support(kind=kind, counts=False, words=missing_words(facts, kind, day, known), until=None))
            continue
        ends = [
            piece.expires_on
            for piece in facts.pieces
            if piece.kind is kind
            and piece.counts_for(facts.council_id, trusts_others=facts.trusts_others, on=day, before=known)
        ]
        until = None if None in ends or not ends else max(end for end in ends if end is not None)
        words = f"Counts until {uk_date(until - DAY)}" if until else "Counts, with no end date"
        found.append(Support(kind=kind, counts=True, words=words, until=until))
    return found


def in_words(reasons: Collection[Reason]) -> str:
    """Join reasons to one text."""
    return "; ".join(reason.words for reason in reasons)
