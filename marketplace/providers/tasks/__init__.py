"""What providers does after the fact."""

from marketplace.providers.tasks import choosing, enquiries, frameworks, index, joining, listings, passports

__all__ = ["choosing", "enquiries", "frameworks", "index", "joining", "listings", "passports"]
