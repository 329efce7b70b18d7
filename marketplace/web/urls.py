"""One address of a database in the forms that different programs read."""

from sqlalchemy.engine import make_url


def plain_url(database_url: str) -> str:
    """Turn an address for SQLAlchemy into one for the driver alone, or for PostgreSQL's own programs."""
    return make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
