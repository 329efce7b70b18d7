"""What providers does after the fact."""

from marketplace.providers.tasks import enquiries, index, joining, listings

__all__ = ["enquiries", "index", "joining", "listings"]
