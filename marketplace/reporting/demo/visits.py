"""Tells the history of bookings: direct payments come in, visits are asked for, agreed, made and approved."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import msgspec

from marketplace.accounts.permissions import Role
from marketplace.bookings.models import Booking, Funding
from marketplace.bookings.service.settlement import WAGE_WORDS
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import instant, local, week_start
from marketplace.core.formats import uk_date, uk_time
from marketplace.core.money import half_up
from marketplace.core.places import METRES_PER_MILE, distance_metres
from marketplace.ledger import Purpose, credit, debit
from marketplace.payments.models import Match, MoneyMovement, MovementKind
from marketplace.payments.repository.money import ENTRY
from marketplace.people.models import FundingRoute
from marketplace.providers.models import Listing, PriceUnit, WorkerKind
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.shapes import Offered
from marketplace.reporting.demo.market import SHIFTS
from marketplace.reporting.demo.world import Client, Council, Helper, Shop, World

VISIT_WEEKS = 13
AHEAD_DAYS = 13
PAID_EVERY_DAYS = 28
EMPLOYED_WEEKS = 6
"""How long the person behind `person@` has employed their assistant."""
_NOTES = (
    "Please ring twice.",
    "The key safe is by the back door; I will tell you the number on the day.",
    "I would like to bake today.",
    "Bring a coat, we will go out.",
    "My sister may be here.",
    "",
    "",
    "",
)
_CANCELLED = (
    "I have a hospital appointment.",
    "My family is visiting.",
    "I do not feel well.",
    "The weather is too bad.",
)
_DECLINED = ("We have nobody free at that time.", "I am away that day.", "The day is full already.")


class Earned(msgspec.Struct, frozen=True, kw_only=True):
    """An approved visit that a direct payment pays for."""

    booking_id: UUID
    organisation_id: UUID
    cost_pence: int
    visit_on: date
    at: datetime


class _Habit(msgspec.Struct, frozen=True, kw_only=True):
    """A regular visit: what, with whom, on which weekday, when and how long."""

    shop: Shop
    listing_id: UUID
    offer: Offered
    helper: Helper
    weekday: int
    starts: time
    minutes: int
    cost_pence: int


class VisitTeller:
    """Writes the bookings of one council. `earned` gathers what finance has to pay for."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.earned: list[Earned] = []
        self.busy: dict[UUID, list[tuple[datetime, datetime]]] = defaultdict(list)
        bookable = {row["id"] for row in world.book.of(Listing) if row["takes_bookings"]}
        self.choices = [
            (shop, listing_id, offer)
            for shop in council.shops
            for listing_id, offer in shop.listings
            if listing_id in bookable and shop.live_until > world.today + timedelta(days=AHEAD_DAYS + 1)
        ]

    def tell(self) -> None:
        """Write visits of everybody whose direct payment buys some."""
        visitors = [
            client
            for client in self.council.clients[: self.council.text.volume.visitors + 3]
            if client.route is FundingRoute.DIRECT_PAYMENT and client.is_final
        ]
        for client in visitors:
            paid_in = self._pay_in(client)
            habits = self._habits(client)
            self._visits(client, habits, paid_in)

    def _pay_in(self, client: Client) -> list[tuple[datetime, int]]:
        """Pay the council's share into the direct payment every four weeks."""
        paid: list[tuple[datetime, int]] = []
        day = client.budget_from
        amount = (client.weekly_pence - client.own_weekly_pence) * PAID_EVERY_DAYS // 7
        while day is not None and day <= self.world.today:
            at = self.world.at(day, 6)
            words = f"Four weeks from {uk_date(day)}"
            movement = self.world.book.add(
                MoneyMovement,
                at,
                council_id=self.council.id,
                person_id=client.id,
                kind=MovementKind.COUNCIL_SHARE,
                is_in=True,
                amount_pence=amount,
                happened_on=day,
                payee="",
                organisation_id=None,
                what=words,
                match=Match.NOT_NEEDED,
                reverses_id=None,
                budget_id=None,
                recorded_by_user_id=None,
                recorded_at=at,
            )
            self.world.book.post(
                self.council.id,
                ENTRY,
                movement,
                [
                    debit(Purpose.DIRECT_PAYMENT_SPEND, amount),
                    credit(Purpose.DIRECT_PAYMENT, amount, client.id),
                ],
                memo=words,
                at=at,
                on=day,
            )
            paid.append((at, amount))
            day += timedelta(days=PAID_EVERY_DAYS)
        return paid

    def _habits(self, client: Client) -> list[_Habit]:
        """Choose up to four regular visits that the budget can buy."""
        rng = self.world.rng
        near = [
            choice
            for choice in self.choices
            if distance_metres(client.spot.lat, client.spot.lon, choice[0].spot.lat, choice[0].spot.lon)
            <= choice[2].miles * METRES_PER_MILE
        ]
        own = (self.council.text.assistant, self.council.text.provider)
        if client.is_star:
            wanted = [choice for choice in self.choices if choice[0].body.key in own]
            # The first listing of each: a visit by the assistant, then one by the provider.
            wanted = [next(choice for choice in wanted if choice[0].body.key == key) for key in own]
            picks = [wanted[0], wanted[0], wanted[1]]
        else:
            picks = rng.choices(near, k=rng.choice((2, 3, 3, 4))) if near else []
        left = int(client.weekly_pence * 0.93) - client.own_weekly_pence
        habits = []
        for shop, listing_id, offer in picks:
            habit = self._habit(shop, listing_id, offer)
            if habit is not None and habit.cost_pence <= left:
                left -= habit.cost_pence
                habits.append(habit)
        return habits

    def _habit(self, shop: Shop, listing_id: UUID, offer: Offered) -> _Habit | None:
        rng = self.world.rng
        helpers = [helper for helper in shop.helpers if shop.body.worker_kind is not WorkerKind.PLANNER]
        helper = rng.choice(helpers)
        minutes = offer.least
        if offer.unit is PriceUnit.HOUR:
            minutes = max(offer.least, rng.choice((45, 60, 60, 90, 120)))
        windows = [window for window in SHIFTS[helper.hand.hours] if _length(window[1], window[2]) >= minutes]
        if not windows:
            return None
        weekdays, opens, closes = rng.choice(windows)
        latest = (closes.hour * 60 + closes.minute - minutes) // 15
        earliest = -(-(opens.hour * 60 + opens.minute) // 15)
        quarter = rng.randint(earliest, latest)
        cost = offer.pence
        if offer.unit is PriceUnit.HOUR:
            cost = half_up(Decimal(offer.pence) * minutes / 60)
        return _Habit(
            shop=shop,
            listing_id=listing_id,
            offer=offer,
            helper=helper,
            weekday=rng.choice(list(weekdays)),
            starts=time(quarter // 4, quarter % 4 * 15),
            minutes=minutes,
            cost_pence=int(cost),
        )

    def _visits(self, client: Client, habits: list[_Habit], paid_in: list[tuple[datetime, int]]) -> None:
        world = self.world
        if client.budget_from is None:
            return
        first = max(client.budget_from + timedelta(days=9), world.today - timedelta(weeks=VISIT_WEEKS))
        last = world.today + timedelta(days=AHEAD_DAYS)
        days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
        spent = 0
        for day in days:
            for habit in habits:
                if day.weekday() != habit.weekday or habit.helper.is_away(day):
                    continue
                starts_at = instant(day, habit.starts)
                ends_at = starts_at + timedelta(minutes=habit.minutes)
                asked_at = self._asked_at(starts_at)
                held = sum(amount for at, amount in paid_in if at <= asked_at)
                if spent + habit.cost_pence > held or self._clashes(habit.helper.id, starts_at, ends_at):
                    continue
                if self._visit(client, habit, day, starts_at, ends_at, asked_at):
                    spent += habit.cost_pence
                    self.busy[habit.helper.id].append((starts_at, ends_at))

    def _asked_at(self, starts_at: datetime) -> datetime:
        rng = self.world.rng
        return min(
            starts_at - timedelta(days=rng.randint(5, 9), minutes=rng.randint(0, 300)),
            self.world.now - timedelta(hours=rng.randint(2, 40)),
        )

    def _clashes(self, worker_id: UUID, starts_at: datetime, ends_at: datetime) -> bool:
        return any(start < ends_at and starts_at < end for start, end in self.busy[worker_id])

    def _visit(
        self, client: Client, habit: _Habit, day: date, starts_at: datetime, ends_at: datetime, asked_at: datetime
    ) -> bool:
        """Write one visit. Returns whether its time and money are taken."""
        rng, book = self.world.rng, self.world.book
        moves, reason = self._fate(client, habit, starts_at, ends_at, asked_at)
        status = BookingStatus(moves[-1][0])
        approved_at = moves[-1][1] if status is BookingStatus.APPROVED else None
        booking_id = book.add(
            Booking,
            asked_at,
            council_id=self.council.id,
            person_id=client.id,
            listing_id=habit.listing_id,
            organisation_id=habit.shop.id,
            worker_id=habit.helper.id,
            status=status,
            funding=Funding.DIRECT_PAYMENT,
            visit_on=day,
            starts_local=habit.starts,
            starts_at=starts_at,
            ends_at=ends_at,
            minutes=habit.minutes,
            rate_pence=habit.offer.pence,
            cost_pence=habit.cost_pence,
            note=rng.choice(_NOTES),
            reason=reason,
            requested_at=asked_at,
            requested_by_user_id=client.user_id,
            approved_at=approved_at,
            version=len(moves),
        )
        book.steps("booking", self.council.id, booking_id, moves)
        if approved_at is not None:
            self._earn(client, habit, booking_id, day, starts_at, approved_at)
        return status not in (BookingStatus.CANCELLED, BookingStatus.DECLINED)

    def _fate(
        self, client: Client, habit: _Habit, starts_at: datetime, ends_at: datetime, asked_at: datetime
    ) -> tuple[list[Move], str]:
        """Decide what became of a visit: its steps, and the reason for a no."""
        world, rng = self.world, self.world.rng
        person, office = client.user_id, habit.shop.user_id
        moves: list[Move] = [(BookingStatus.REQUESTED, asked_at, person, "")]
        accepted_at = min(asked_at + timedelta(minutes=rng.randint(20, 900)), world.now, starts_at)
        chance = rng.random()
        days_ahead = (starts_at - world.now) / timedelta(days=1)
        is_waiting = days_ahead > 1 and (chance < 0.12 or (client.is_star and days_ahead > 5))
        if is_waiting:
            return moves, ""
        if chance > 0.985:
            reason = rng.choice(_DECLINED)
            return [*moves, (BookingStatus.DECLINED, accepted_at, office, "")], reason
        moves.append((BookingStatus.ACCEPTED, accepted_at, office, ""))
        if chance > 0.945 and accepted_at < starts_at - timedelta(hours=60):
            cancelled_at = min(starts_at - timedelta(hours=52), world.now)
            return [*moves, (BookingStatus.CANCELLED, max(cancelled_at, accepted_at), person, "")], rng.choice(
                _CANCELLED
            )
        if ends_at + timedelta(minutes=30) > world.now:
            return moves, ""
        moves.append((BookingStatus.CLAIMED, ends_at + timedelta(minutes=rng.randint(5, 29)), office, ""))
        age = world.now - ends_at
        is_fresh = age < timedelta(days=8 if client.is_star else 3)
        if is_fresh and (client.is_star or chance < 0.6):
            return moves, ""
        if 0.60 < chance < 0.62 and age < timedelta(days=20):
            why = "The visit was half an hour shorter than we agreed."
            return [*moves, (BookingStatus.DISPUTED, min(ends_at + timedelta(hours=20), world.now), person, "")], why
        approved_at = min(ends_at + timedelta(hours=rng.randint(1, 40), minutes=30), world.now)
        return [*moves, (BookingStatus.APPROVED, approved_at, person, "")], ""

    def _earn(
        self, client: Client, habit: _Habit, booking_id: UUID, day: date, starts_at: datetime, at: datetime
    ) -> None:
        book = self.world.book
        is_wage = is_employed(self.world, self.council, client, habit.helper.id, day)
        earned = credit(Purpose.ACCRUED, habit.cost_pence, habit.shop.id)
        wage = credit(Purpose.WAGES_DUE, habit.cost_pence, client.id)
        words = f"Visit on {uk_date(day)} at {uk_time(starts_at)}"
        book.post(
            self.council.id,
            "visit-approved",
            booking_id,
            [debit(Purpose.DIRECT_PAYMENT, habit.cost_pence, client.id), wage if is_wage else earned],
            memo=f"{words}: {WAGE_WORDS}" if is_wage else words,
            at=at,
            on=local(at).date(),
        )
        book.audit(
            self.council.id,
            at,
            "bookings.approve_booking",
            "booking",
            booking_id,
            (client.user_id, Role.PERSON.value),
            before={"status": "claimed"},
            after={"status": "approved"},
        )
        if is_wage:
            return
        self.earned.append(
            Earned(
                booking_id=booking_id,
                organisation_id=habit.shop.id,
                cost_pence=habit.cost_pence,
                visit_on=day,
                at=at,
            )
        )


def employed_from(world: World) -> date:
    """Return the first day of the assistant whom the person behind `person@` employs."""
    return week_start(world.today) - timedelta(weeks=EMPLOYED_WEEKS)


def is_employed(world: World, council: Council, client: Client, worker_id: UUID, on: date) -> bool:
    """Whether somebody who comes to a person on a day is the assistant whom they employ."""
    is_theirs = client.id == council.stars["person"].id
    helper = council.shop(council.text.assistant).helpers[0]
    return is_theirs and worker_id == helper.id and on >= employed_from(world)


def _length(starts: time, ends: time) -> int:
    return (ends.hour - starts.hour) * 60 + ends.minute - starts.minute
