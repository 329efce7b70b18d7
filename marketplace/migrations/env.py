"""How alembic reaches the database and our tables."""

import asyncio

from alembic import context
from sqlalchemy import Connection, text

from marketplace.core.database import make_engine
from marketplace.core.tables import METADATA

config = context.config

WORDS_INDEXES = frozenset({"ix_listings_words", "ix_organisations_words", "ix_regulator_locations_words"})
"""What the market searches while there is no search index; a test holds that they are used."""


def _run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        compare_type=True,
        transaction_per_migration=True,
        include_object=_ours,
    )
    connection.execute(text("SET lock_timeout = '5s'"))
    connection.commit()
    with context.begin_transaction():
        context.run_migrations()


def _ours(item: object, name: str | None, kind: str, reflected: bool, compare_to: object) -> bool:
    """Leave out what autogenerate cannot see rightly: PostgreSQL writes the expressions of indexes in its own way."""
    return kind != "index" or name not in WORDS_INDEXES


async def _online() -> None:
    engine = make_engine(config.get_main_option("sqlalchemy.url") or "", app_role=False)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_run)
            await connection.commit()
    finally:
        await engine.dispose()


given = config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    asyncio.run(_online())
