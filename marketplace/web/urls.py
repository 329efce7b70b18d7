"""One address of a database in the forms that different programs read."""


def plain_url(database_url: str) -> str:
    """Turn an address for SQLAlchemy into one for the driver alone, or for PostgreSQL's own programs."""
    return f"postgresql://{database_url.partition('://')[2]}"
