"""Whether a pooled connection still lives is asked only of one that lay idle.

SQLAlchemy's own check (`pool_pre_ping`) asks the server three times (begin, nothing, roll back) each time a connection
is taken, which is a third of what a small page asks. A connection that worked a moment ago is looked at instead: the
driver knows without asking when the server has closed it.
"""

import time
from typing import Any

from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

IDLE_SECONDS = 5.0
"""After so long a firewall or a standby may have dropped a connection without a word."""
_CAME_BACK_AT = "came_back_at"


def check_idle_connections(engine: AsyncEngine) -> None:
    """Check connections of an engine's pool as they are taken; a dead one is replaced before anybody sees it."""

    def came_back(dbapi_connection: Any, entry: ConnectionPoolEntry) -> None:
        entry.info[_CAME_BACK_AT] = time.monotonic()

    def taken(dbapi_connection: Any, entry: ConnectionPoolEntry, proxy: Any) -> None:
        came_back_at = entry.info.get(_CAME_BACK_AT)
        if came_back_at is None:
            return
        if dbapi_connection.driver_connection.is_closed():
            raise DisconnectionError
        if time.monotonic() - came_back_at > IDLE_SECONDS:
            try:
                dbapi_connection.ping()
            except Exception as error:
                raise DisconnectionError from error

    event.listen(engine.sync_engine, "checkin", came_back)
    event.listen(engine.sync_engine, "checkout", taken)
