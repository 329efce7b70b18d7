"""The database session: one transaction a request or message, scoped to councils by row-level security."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeVar
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Enum, MetaData, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from marketplace.core.clock import Clock, SystemClock
from marketplace.core.errors import Unavailable
from marketplace.core.idle_connections import check_idle_connections
from marketplace.core.ids import new_id

SessionMaker = async_sessionmaker[AsyncSession]
CouncilScope = Iterable[UUID] | Literal["every"]
"""Which councils' rows a transaction may touch: some, none (an empty list) or every one (system work)."""

APP_ROLE = "marketplace_app"
"""Role the platform works as: owns nothing and cannot get round row-level security."""

COMPILED_QUERIES = 4_000
"""SQL texts kept, by the questions they were compiled from: room for those of all pages and jobs in one process.

Six packages' tests ask some 350 different ones; SQLAlchemy keeps 500 by itself and compiles anew what fell out.
"""


class Base(DeclarativeBase):
    """Base of all rows. Constraint names follow a convention, so that errors can be told apart by name."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads this name
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[str]: ARRAY(Text),
        list[dict[str, Any]]: JSONB,
    }

    def to_dict(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return column values by name, without those excluded."""
        skip = exclude or set()
        return {column.key: getattr(self, column.key) for column in self.__mapper__.columns if column.key not in skip}


class WithId:
    """A UUIDv7 primary key."""

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)


E = TypeVar("E", bound=StrEnum)


def choice(kind: type[StrEnum], name: str = "") -> Enum:
    """Column type for one member of an enumeration: text, with a check that the database holds.

    A second column of the same enumeration in a table needs a `name` for its check.
    """
    name = name or "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind.__name__).lstrip("_")
    return Enum(
        kind,
        native_enum=False,
        create_constraint=True,
        validate_strings=True,
        length=40,
        name=name,
        values_callable=lambda members: [member.value for member in members],
    )


def make_engine(
    url: str, *, pool_size: int = 10, app_role: bool = True, command_seconds: float | None = None
) -> AsyncEngine:
    """Open a pool of connections.

    Every wait has an end (connecting 3 s, a statement 30 s, a place in the pool 3 s), so that a dead or stalled
    database becomes a 503 page and never a hanging request.

    Args:
        url: SQLAlchemy address with the asyncpg driver.
        pool_size: Connections kept; as many again may open for a while.
        app_role: Work as the role that row-level security binds; migrations work as the owner.
        command_seconds: Give up on a single answer after this long (web); None leaves the 30 s of the server.
    """
    server: dict[str, str] = {
        "application_name": "marketplace",
        "idle_in_transaction_session_timeout": "60000",
    }
    if app_role:
        server["role"] = APP_ROLE
        server["statement_timeout"] = "30000"
    engine = create_async_engine(
        url,
        query_cache_size=COMPILED_QUERIES,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_timeout=3,
        connect_args={"timeout": 3, "command_timeout": command_seconds, "server_settings": server},
    )
    check_idle_connections(engine)
    return engine


def make_session_maker(engine: AsyncEngine, clock: Clock | None = None) -> SessionMaker:
    """Sessions on an engine; each carries the clock its services read."""
    return async_sessionmaker(engine, expire_on_commit=False, info={"clock": clock or SystemClock()})


_maker: SessionMaker | None = None


def use_session_maker(maker: SessionMaker | None) -> None:
    """Set the session maker of this process (start-up, tests)."""
    global _maker
    _maker = maker


def session_maker() -> SessionMaker:
    """Return the session maker of this process."""
    if _maker is None:
        raise Unavailable("The database is not connected yet.")
    return _maker


def clock_of(db: AsyncSession) -> Clock:
    """Return the clock that a session carries."""
    clock: Clock = db.info["clock"]
    return clock


def scope_text(councils: CouncilScope) -> str:
    """Write a scope as the setting that row-level security reads: ids with commas, `*` for every council."""
    return "*" if councils == "every" else ",".join(str(council) for council in councils)


async def scope_to(db: AsyncSession, councils: CouncilScope) -> None:
    """Limit the rest of the transaction to some councils."""
    await db.execute(text("SELECT set_config('app.councils', :scope, true)"), {"scope": scope_text(councils)})


@asynccontextmanager
async def transaction(
    maker: SessionMaker, councils: CouncilScope = (), *, checks_early: bool = True
) -> AsyncGenerator[AsyncSession, None]:
    """Commit on return, roll back on any error.

    Args:
        maker: Where sessions come from.
        councils: Whose rows may be seen and written. Without any, rows that belong to a council are out of reach.
        checks_early: Whether deferred checks (the ledger's balance) answer before the block ends, and not only when it
            commits. What looks at rows and writes no money saves the question.
    """
    async with maker() as db, db.begin():
        await scope_to(db, councils)
        yield db
        await db.flush()
        if checks_early:
            # Inside our reach, and in tests that roll back.
            await db.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))


@asynccontextmanager
async def reading(maker: SessionMaker, councils: CouncilScope = ()) -> AsyncGenerator[AsyncSession, None]:
    """Read what is public, with two round trips less than `transaction`: the busiest pages are the market's.

    The scope is set only where there is one: a setting that is absent reaches as little as an empty one. An event may
    be published here; rows with deferred checks may not be written.
    """
    async with maker() as db, db.begin():
        if councils:
            await scope_to(db, councils)
        yield db
