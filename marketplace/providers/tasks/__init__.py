"""What providers does after the fact."""

from marketplace.providers.tasks import index, joining, listings

__all__ = ["index", "joining", "listings"]
