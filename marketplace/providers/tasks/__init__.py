"""What providers does after the fact."""

from marketplace.providers.tasks import choosing, index, joining, listings

__all__ = ["choosing", "index", "joining", "listings"]
