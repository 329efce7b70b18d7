"""What search engines and social previews read: canonical address, Open Graph words, schema.org facts (JSON-LD)."""

from typing import Any, Final

import msgspec
from markupsafe import Markup

from marketplace.providers.models import PriceUnit
from marketplace.providers.repository.market import ListingRow
from marketplace.providers.service.listing_facts import Contact, is_individual
from marketplace.providers.service.listing_page import ListingPage, RegisterPage

LONGEST_DESCRIPTION: Final = 200
IMAGE_PATH: Final = "/social-preview.png"

_UNIT_CODES: Final[dict[PriceUnit, str]] = {
    PriceUnit.HOUR: "HUR",
    PriceUnit.WEEK: "WEE",
}
"""UN/CEFACT codes of the units that have one; the others are written in words."""

_BREAKS_OUT: Final = {
    ord("<"): "\\u003c",
    ord(">"): "\\u003e",
    ord("&"): "\\u0026",
    0x2028: "\\u2028",
    0x2029: "\\u2029",
}


class PageMeta(msgspec.Struct, frozen=True, kw_only=True):
    """Meta elements of a page; for `layout/_meta.html`."""

    title: str
    description: str
    url: str
    image: str
    is_indexed: bool = True
    schema_org: Markup = Markup("")
    """JSON-LD, safe inside a script element; "" without."""


def json_ld(facts: dict[str, Any]) -> Markup:
    """Write facts as JSON that cannot end the script element around it, whatever a provider typed."""
    return Markup(msgspec.json.encode(facts).decode().translate(_BREAKS_OUT))  # noqa: S704 - no `<` is left


def market_meta(base: str, *, page: int, is_searched: bool) -> PageMeta:
    """Describe the market itself: nothing of what somebody looks for, or near which place, stands in it.

    Args:
        base: Address of the site.
        page: Page of the list of all offers, 1 or more.
        is_searched: Whether something was typed or ticked; such a page is left to people.
    """
    return PageMeta(
        title="Find care and support",
        description="Compare care and support near you: what it is, what it costs in a week and what others say. "
        "Free groups stand beside paid care, and nobody can pay to be higher in the list.",
        url=f"{base}/market" + (f"?page={page}" if page > 1 and not is_searched else ""),
        image=base + IMAGE_PATH,
        is_indexed=not is_searched,
    )


def listing_meta(page: ListingPage, base: str) -> PageMeta:
    """Describe an offer. That of one person is left to people: no search engine keeps it unless they agreed."""
    listing = page.row.listing
    address = f"{base}/market/{listing.id}"
    is_indexed = is_public(page.row)
    return PageMeta(
        title=f"{listing.title}, {page.category}" + (f" in {listing.town}" if listing.town else ""),
        description=_short(listing.summary),
        url=address,
        image=base + IMAGE_PATH,
        is_indexed=is_indexed,
        schema_org=json_ld(_service(page, address)) if is_indexed else Markup(""),
    )


def register_meta(page: RegisterPage, base: str) -> PageMeta:
    """Describe an entry of the register from the register's own facts."""
    location = page.location
    address = f"{base}/market/register/{location.location_id}"
    facts: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "LocalBusiness",
        "@id": address,
        "url": address,
        "name": location.name,
        "description": page.summary,
        "address": _address(location.town, location.postcode),
    }
    if location.phone:
        facts["telephone"] = location.phone
    is_open = location.is_registered and location.superseded_by is None and not location.is_dormant
    return PageMeta(
        title=f"{location.name}, {page.category}",
        description=_short(page.summary),
        url=address,
        image=base + IMAGE_PATH,
        is_indexed=is_open,
        schema_org=json_ld(facts) if is_open else Markup(""),
    )


def is_public(row: ListingRow) -> bool:
    """Whether an offer stands in the open data, the sitemap and search engines."""
    return row.listing.is_open_data


def _service(page: ListingPage, address: str) -> dict[str, Any]:
    listing, organisation, _, _ = page.row
    provider: dict[str, Any] = {
        "@type": "Person" if is_individual(page.row) else "Organization",
        "name": organisation.name,
    }
    contact = page.contact or Contact()
    named = {"telephone": contact.phone, "email": contact.email, "url": contact.website}
    provider.update({name: value for name, value in named.items() if value})
    facts: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Service",
        "@id": address,
        "url": address,
        "name": listing.title,
        "description": listing.summary,
        "serviceType": page.category,
        "provider": provider,
        "areaServed": page.area or "England",
    }
    if page.suits:
        facts["audience"] = [{"@type": "Audience", "audienceType": word} for word in page.suits]
    offer = _price(page)
    if offer:
        facts["offers"] = offer
    if listing.feedback_count:
        facts["aggregateRating"] = {
            "@type": "AggregateRating",
            "ratingValue": round(listing.feedback_stars / listing.feedback_count, 1),
            "bestRating": 5,
            "ratingCount": listing.feedback_count,
        }
    return facts


def _price(page: ListingPage) -> dict[str, Any]:
    unit = page.row.listing.price_unit
    if unit is PriceUnit.FREE:
        return {"@type": "Offer", "price": "0.00", "priceCurrency": "GBP"}
    if not page.amount.startswith("£"):
        return {}
    amount = page.amount.removeprefix("£").replace(",", "")
    price: dict[str, Any] = {"@type": "UnitPriceSpecification", "price": amount, "priceCurrency": "GBP"}
    if unit in _UNIT_CODES:
        price["unitCode"] = _UNIT_CODES[unit]
    else:
        price["unitText"] = page.unit
    return {"@type": "Offer", "price": amount, "priceCurrency": "GBP", "priceSpecification": price}


def _address(town: str, postcode: str) -> dict[str, Any]:
    facts = {"addressLocality": town, "postalCode": postcode, "addressCountry": "GB"}
    return {"@type": "PostalAddress", **{name: value for name, value in facts.items() if value}}


def _short(text: str) -> str:
    """Cut a description at a word."""
    words = " ".join(text.split())
    if len(words) <= LONGEST_DESCRIPTION:
        return words
    return f"{words[: LONGEST_DESCRIPTION - 1].rsplit(' ', 1)[0]}…"
