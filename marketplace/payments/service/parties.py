"""Both sides of a bill as they are on its day: a copy, so that a document never changes with an address."""

from typing import Any

from marketplace.accounts.models import Council
from marketplace.providers.models import Organisation


def parties_of(council: Council | None, organisation: Organisation) -> dict[str, Any]:
    """Return what a bill says of its two sides: `{"supplier": {...}, "buyer": {...}}`, texts by name.

    A supplier who is not registered has an empty VAT number (BR-O-02 then forbids any).
    """
    return {
        "supplier": {
            "name": organisation.name,
            "address_line": organisation.address_line,
            "town": organisation.town,
            "postcode": organisation.postcode,
            "country": "GB",
            "vat_number": organisation.vat_number or "",
            "company_number": organisation.company_number or "",
            "charity_number": organisation.charity_number or "",
            "email": organisation.email,
        },
        "buyer": {
            "name": council.name if council else "",
            "country": "GB",
            "email": council.contact_email if council else "",
            "phone": council.contact_phone if council else "",
        },
    }
