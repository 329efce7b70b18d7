"""What providers does after the fact."""

from marketplace.providers.tasks import choosing, enquiries, index, joining, listings, passports, people, standing

__all__ = ["choosing", "enquiries", "index", "joining", "listings", "passports", "people", "standing"]
