"""The Open Referral UK feed: what it says, what it keeps to itself, how it is paged and kept."""
from typing import Any
from tests.browser import Browser
from tests.factories import make_listing, make_organisation


async def test_x(browser: Browser, db: Any) -> None:
    listing = await make_listing(db, await make_organisation(db), suits=["dementia"])
    listing_id = listing.id
    for p in ("/", "", "/services", "/services?full=true", f"/services/{listing_id}", "/service_at_locations", "/taxonomies", "/taxonomy_terms?per_page=3&page=2"):
        page = await browser.get("/open-referral" + p, headers={"accept": "application/json"})
        print(p, browser.queries, page.response.headers, page.text[:1500])
    for path in ("/open-referral/services", "/open-referral/services/x", "/open-referral/", "/market"):
        r = await browser.client.request("OPTIONS", path)
        print(r.status_code, r.headers, r.text[:300])
    r = await browser.client.request("GET", "/open-referral/services?page=0")
    print(r.status_code, r.headers, r.text)
    assert 0
