"""A plain auditor of visits and money: keeps its own book beside the platform and shares no code with it.

It is told what people did, works out what that should come to, and compares. Where the platform has a choice (which
visits of a pattern it writes, which a pause takes away) it holds the outcome to rules instead.
"""

from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

EDGES = {
    "awaiting_payment": {"requested", "planned", "cancelled"},
    "requested": {"accepted", "declined", "cancelled"},
    "planned": {
        "accepted", "in_progress", "claimed", "approved", "part_approved", "disputed", "cancelled", "no_show",
    },
    "accepted": {
        "planned", "in_progress", "claimed", "approved", "part_approved", "disputed", "cancelled", "no_show",
    },
    "in_progress": {"claimed", "approved", "part_approved", "disputed"},
    "claimed": {"approved", "part_approved", "disputed", "no_show"},
    "part_approved": {"approved"},
    "disputed": {"approved", "part_approved", "cancelled", "no_show"},
    "no_show": {"disputed"},
    "approved": set(),
    "declined": set(),
    "cancelled": set(),
}  # fmt: skip
"""Every step that a visit may take, written down once more."""

HOLDING = set(EDGES) - {"declined", "cancelled", "no_show"}
PROMISED = HOLDING - {"approved", "part_approved"}
TO_COME = {"awaiting_payment", "requested", "planned", "accepted"}
OVER = {"approved", "declined", "cancelled"}
UNDER_WAY = {"planned", "accepted", "in_progress"}
SETTLING = UNDER_WAY | {"claimed", "disputed"}
"""From where a person may say what is paid, once the time of the visit is over."""

PAYDAYS = [date(2027, 1, 1) + timedelta(weeks=4 * number) for number in range(20)]
"""Of the factories' budget: from 1 January 2027 every four weeks."""
PAYDAY_PENCE = 60_000
"""Four weeks of £150."""
HOLIDAYS = {date(2027, 3, 26), date(2027, 3, 29), date(2027, 5, 3), date(2027, 5, 31), date(2027, 8, 30)}


@dataclass(slots=True)
class Visit:
    """A visit as the database has it; the auditor keeps the last one seen."""

    id: UUID
    person_id: UUID
    organisation_id: UUID
    agreement_id: UUID | None
    pattern_id: UUID | None
    status: str
    funding: str
    visit_on: date
    starts_at: datetime
    ends_at: datetime
    minutes: int
    workers_needed: int
    cost_pence: int
    top_up_pence: int
    claimed_pence: int | None
    approved_pence: int | None
    called_off_at: datetime | None

    @property
    def asked(self) -> int:
        """What approving all of it means."""
        return self.cost_pence if self.claimed_pence is None else self.claimed_pence


@dataclass
class Account:
    """A person's direct payment: pence held, and what they owe payees themselves."""

    balance: int
    owes: int = 0
    died_on: date | None = None
    holdings: list[tuple[date, str, UUID | None]] = field(default_factory=list)
    """(from day, how, who manages it), the last one up to a day counts."""

    def holding_on(self, day: date) -> tuple[str, UUID | None]:
        """Who holds the money on a day."""
        found = [(how, who) for since, how, who in self.holdings if since <= day]
        return found[-1] if found else ("council_held", None)


class Auditor:
    """The book."""

    def __init__(self, today: date) -> None:
        self.today = today
        self.accounts: dict[UUID, Account] = {}
        self.earned: dict[tuple[str, UUID], int] = {}
        """What organisations have: (account, organisation) to pence."""
        self.visits: dict[UUID, Visit] = {}
        self.paid: dict[UUID, int] = {}
        """What the direct payment paid for each visit."""
        self.steps = 0

    def usual_price(self, day: date, minutes: int, workers: int) -> int:
        """What the tests' agreements cost: £16 an hour, £20 on Sundays, £32 on bank holidays, each worker in full."""
        hour = 3_200 if day in HOLIDAYS else 2_000 if day.weekday() == 6 else 1_600
        return (hour * minutes * 2 + 60) // 120 * workers

    def direct(self, visit: Visit, pence: int) -> int:
        """What of an amount the direct payment pays: the card's part is used first."""
        return max(0, pence - visit.top_up_pence) if visit.funding == "direct_payment" else 0

    def pay_visit(self, visit: Visit, pence: int) -> None:
        """A person agreed that so much, all in all, is paid for a visit."""
        due = self.direct(visit, pence) - self.paid.get(visit.id, 0)
        if due <= 0:
            return
        account = self.accounts[visit.person_id]
        account.balance -= due
        self.paid[visit.id] = self.paid.get(visit.id, 0) + due
        how, manager = account.holding_on(visit.visit_on)
        if how in ("own_account", "prepaid_card"):
            account.owes += due
        elif how == "provider_managed" and manager == visit.organisation_id:
            self.earn("fund_drawn", visit.organisation_id, due)
        else:
            self.earn("accrued", visit.organisation_id, due)

    def earn(self, account: str, organisation_id: UUID, pence: int) -> None:
        """An organisation has more, or less."""
        key = (account, organisation_id)
        self.earned[key] = self.earned.get(key, 0) + pence

    def days_pass(self, today: date) -> None:
        """The council pays its share on the paydays that came."""
        for account in self.accounts.values():
            for day in PAYDAYS:
                if self.today < day <= today and (account.died_on is None or day < account.died_on):
                    account.balance += PAYDAY_PENCE
        self.today = today

    def free(self, person_id: UUID) -> int:
        """What may be spent now without breaking a promise."""
        days = {self.today, *self._days(person_id)}
        return max(0, min(self._left(person_id, day) for day in days))

    def _days(self, person_id: UUID) -> set[date]:
        promised = {visit.visit_on for visit in self._promised(person_id)}
        last = max([*promised, self.today + timedelta(weeks=26)])
        return {day for day in {*promised, *PAYDAYS} if self.today < day <= last}

    def _promised(self, person_id: UUID) -> list[Visit]:
        return [
            visit
            for visit in self.visits.values()
            if visit.person_id == person_id and visit.funding == "direct_payment" and visit.status in PROMISED
        ]

    def _left(self, person_id: UUID, day: date) -> int:
        came = sum(PAYDAY_PENCE for one in PAYDAYS if self.today < one <= day)
        gone = sum(one.cost_pence - one.top_up_pence for one in self._promised(person_id) if one.visit_on <= day)
        return self.accounts[person_id].balance + came - gone

    def take(
        self,
        rows: list[Visit],
        *,
        expected: dict[UUID, str],
        loose: UUID | None = None,
        replaced: UUID | None = None,
        now: datetime,
    ) -> None:
        """Take over what stands now and hold it to what was to be expected.

        Args:
            rows: All visits.
            expected: Visits that should have moved, and where to. No other visit may have changed,
            loose: but those to come of this agreement or person, which may also have got new ones.
            replaced: The weekly visit that another one took the place of. What was written of it, whatever became of
                it, may now be the other one's for its week, so that no second visit is written there; nothing else of
                it changes.
            now: The instant.
        """
        self.steps += 1
        found = {row.id: row for row in rows}
        successors = {
            row.pattern_id
            for row in rows
            if row.id in self.visits and row.pattern_id not in (self.visits[row.id].pattern_id, None)
        }
        assert len(successors) <= (1 if replaced else 0), successors
        assert not successors & {one.pattern_id for one in self.visits.values()}, "a weekly visit took over another's"
        assert set(self.visits) <= set(found), "a visit is gone"
        for row in rows:
            before = self.visits.get(row.id)
            if before is None:
                assert loose in (row.agreement_id, row.person_id), "a visit that nobody asked for"
                assert row.status in TO_COME, row
                if row.pattern_id is not None:
                    whole = self.usual_price(row.visit_on, row.minutes, row.workers_needed)
                    assert row.cost_pence in ((whole,) if row.called_off_at is None else (whole, (whole + 1) // 2)), row
                continue
            if row.id in expected:
                # An empty word: wherever the life cycle allows.
                assert row.status == (expected[row.id] or row.status), (before.status, row.status, expected[row.id])
            elif loose is not None and loose in (row.agreement_id, row.person_id) and before.status in TO_COME:
                assert before.starts_at > now or loose == row.person_id or row.status == before.status, row
            elif before.pattern_id == replaced is not None and row.pattern_id in successors:
                assert row == replace(before, pattern_id=row.pattern_id), (before, row)
            else:
                assert row == before, (before, row)
            assert row.status == before.status or row.status in self.reach(before.status), (before.status, row.status)
            assert row.approved_pence is None or row.approved_pence <= row.cost_pence
        self.visits = found

    def reach(self, status: str) -> set[str]:
        """Where a visit may stand after one thing that somebody did, which may take two steps (start and finish)."""
        near = EDGES[status]
        return near | {far for one in near - {"planned"} for far in EDGES[one] if one in ("in_progress", "requested")}

    def check(self, balances: dict[tuple[str, UUID], int], holds: list[tuple[UUID, UUID, datetime, datetime]]) -> None:
        """Compare the books, and look at what must never be."""
        for person_id, account in self.accounts.items():
            assert balances.get(("direct_payment", person_id), 0) == account.balance
            assert balances.get(("person_owes", person_id), 0) == account.owes
            assert account.balance >= 0
            assert all(self._left(person_id, day) >= 0 for day in {self.today, *self._days(person_id)}), "purse short"
        for name in ("accrued", "fund_drawn", "card_received"):
            of_name = {key: pence for key, pence in self.earned.items() if key[0] == name and pence}
            assert {key: pence for key, pence in balances.items() if key[0] == name and pence} == of_name
        for visit in self.visits.values():
            approved = visit.approved_pence if visit.status in ("approved", "part_approved") else 0
            assert self.paid.get(visit.id, 0) == self.direct(visit, approved or 0), visit
        by_worker: dict[UUID, list[tuple[datetime, datetime, UUID]]] = {}
        for worker_id, booking_id, starts_at, busy_until in holds:
            visit = self.visits[booking_id]
            assert visit.status in HOLDING
            assert visit.called_off_at is None
            by_worker.setdefault(worker_id, []).append((starts_at, busy_until, booking_id))
        for spans in by_worker.values():
            spans.sort()
            for (_, until, one), (starts, _, other) in pairwise(spans):
                assert until <= starts, (one, other)
