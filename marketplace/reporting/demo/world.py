"""What the parts of the demo hand to each other while it is being made."""

import random
from datetime import date, datetime, time, timedelta
from uuid import UUID

import msgspec

from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import instant
from marketplace.people.models import FundingRoute
from marketplace.reporting.demo.book import Book
from marketplace.reporting.demo.content.councils import CouncilText
from marketplace.reporting.demo.content.shapes import Body, Hand, Offered
from marketplace.reporting.demo.spots import Spot, Spots

HISTORY_DAYS = 182


class Helper(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as stored."""

    id: UUID
    user_id: UUID | None
    organisation_id: UUID
    hand: Hand
    spot: Spot
    away: tuple[tuple[date, date], ...] = ()

    def is_away(self, day: date) -> bool:
        """Whether the worker is on leave on a day."""
        return any(starts <= day < ends for starts, ends in self.away)


class Shop(msgspec.Struct, frozen=True, kw_only=True):
    """An organisation as stored, with its workers and listings."""

    id: UUID
    body: Body
    spot: Spot
    user_id: UUID
    live_until: date
    helpers: tuple[Helper, ...]
    listings: tuple[tuple[UUID, Offered], ...]


class Client(msgspec.Struct, kw_only=True):
    """A person as stored. `held_pence` is what the direct payment holds at the end of history."""

    id: UUID
    user_id: UUID
    name: str
    spot: Spot
    needs: tuple[str, ...]
    interests: tuple[str, ...]
    languages: tuple[str, ...]
    communication_needs: tuple[str, ...]
    route: FundingRoute | None
    weekly_pence: int
    own_weekly_pence: int
    budget_from: date | None
    is_final: bool
    is_star: bool = False
    """Behind `person@`: has something in every state."""


class Council(msgspec.Struct, kw_only=True):
    """A council as stored, with everybody in it."""

    id: UUID
    text: CouncilText
    staff: dict[str, UUID]
    recorders: tuple[UUID, ...]
    tariffs: dict[str, UUID]
    shops: list[Shop] = []
    clients: list[Client] = []
    stars: dict[str, Client] = {}

    def shop(self, key: str) -> Shop:
        """Return an organisation by its key."""
        return next(shop for shop in self.shops if shop.body.key == key)

    @property
    def home_district(self) -> str:
        """Where those behind the sign-ins and their neighbours live."""
        return self.shop(self.text.assistant).body.district

    @property
    def lead_planner(self) -> Helper:
        """The planner behind `planner@`."""
        key, name = self.text.lead_planner
        return next(helper for helper in self.shop(key).helpers if helper.hand.name == name)


class World:
    """The seeded sources, the clock and the book of the whole demo."""

    def __init__(
        self, now: datetime, today: date, rng: random.Random, book: Book, spots: Spots, secret: str, wage_pence: int
    ) -> None:
        self.now = now
        self.today = today
        self.rng = rng
        self.book = book
        self.spots = spots
        self.secret = secret
        """Hash of the demo's password."""
        self.wage_pence = wage_pence
        """Legal minimum wage of today, for an hour."""
        self.starts_on = today - timedelta(days=HISTORY_DAYS)
        self.founded_at = instant(self.starts_on - timedelta(days=220), time(9))

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """Return an instant of history, never later than now."""
        return min(instant(day, time(hour, minute)), self.now)

    def user(self, email: str, name: str, at: datetime, *, is_demo: bool = False) -> UUID:
        """Keep a user. Those of the demo can sign in; the others only appear in history."""
        return self.book.add(
            User,
            at,
            email=email,
            name=name,
            password_hash=self.secret if is_demo else None,
            is_active=True,
            is_demo=is_demo,
            created_at=at,
            password_set_at=at if is_demo else None,
        )

    def member(
        self,
        user_id: UUID,
        council_id: UUID,
        role: Role,
        at: datetime,
        *,
        organisation_id: UUID | None = None,
        worker_id: UUID | None = None,
        person_id: UUID | None = None,
        acting_for_name: str = "",
    ) -> UUID:
        """Give a user a role. Returns the membership's id."""
        return self.book.add(
            Membership,
            at,
            user_id=user_id,
            council_id=council_id,
            role=role,
            organisation_id=organisation_id,
            worker_id=worker_id,
            person_id=person_id,
            acting_for_name=acting_for_name,
            starts_on=at.date(),
            ends_on=None,
        )


def working_day(day: date) -> date:
    """Return the day, or the Monday after it at a weekend."""
    return day + timedelta(days=max(0, 7 - day.weekday())) if day.weekday() >= 5 else day
