"""What providers does after the fact."""

from marketplace.providers.tasks import choosing, enquiries, index, joining, listings, passports, standing

__all__ = ["choosing", "enquiries", "index", "joining", "listings", "passports", "standing"]
