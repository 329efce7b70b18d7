import warnings
from datetime import timedelta

import html5lib
import pytest

from marketplace.payments.sandbox.cards import TEST_CARDS, read_payer
from marketplace.payments.sandbox.templates import STYLESHEET
from tests.payments.sandbox_world import ASKS, CANCEL_URL, PAYS, open_world, visible_text

pytestmark = [
    pytest.mark.anyio,
    # The SDK hands its encoded body to httpx under the older name.
    pytest.mark.filterwarnings("ignore:Use 'content=<...>':DeprecationWarning"),
]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture
async def world():
    async with open_world() as world:
        yield world


def page_of(answer):
    """The parsed page, after checks that every page has to pass."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
        page = parser.parse(answer.text)
    (heading,) = page.iter("h1")
    title = page.find("head/title").text
    assert title.removeprefix("Error: ").startswith("".join(heading.itertext()))
    assert page.get("lang") == "en-GB"
    ids = [element.get("id") for element in page.iter() if element.get("id")]
    assert len(ids) == len(set(ids))
    labels = {label.get("for") for label in page.iter("label")}
    for field in page.iter("input"):
        assert field.get("id") in labels
        for described in (field.get("aria-describedby") or "").split():
            assert described in ids
    assert not list(page.iter("script")) + list(page.iter("style"))
    assert not [element for element in page.iter() if element.get("style") or element.get("onclick")]
    assert "Test payment page - no money moves" in visible_text(answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    return page


def fields_of(page):
    return {field.get("name"): field.get("value") for field in page.iter("input")}


async def test_the_page_says_what_is_paid_and_how_to_leave(world):
    session = await world.checkout(customer_email=None)
    answer = await world.api.get(f"/pay/{session.id}")
    page = page_of(answer)
    text = visible_text(answer.text)
    assert "Pay £45.00" in text
    assert "Support planning, 2 hours" in text
    assert fields_of(page) == dict.fromkeys(["email", "name", "number", "expiry", "cvc"])
    assert CANCEL_URL in [link.get("href") for link in page.iter("a")]
    for card in TEST_CARDS:
        assert card.spaced in text
    assert "form-action 'self' http://market.example" in answer.headers["content-security-policy"]


async def test_a_known_address_is_not_asked_for(world):
    session = await world.checkout(customer_email="known@example.com")
    answer = await world.api.get(f"/pay/{session.id}")
    assert "email" not in fields_of(page_of(answer))
    assert "known@example.com" in visible_text(answer.text)


async def test_wrong_fields_come_back_with_every_message_and_without_the_card(world):
    session = await world.checkout(customer_email=None)
    typed = {
        "email": "nobody",
        "name": 'Pat "P" <Payer>',
        "number": "4111 1111 1111 1111",
        "expiry": "13/30",
        "cvc": "12",
    }
    answer = await world.api.post(f"/pay/{session.id}", data=typed)
    page = page_of(answer)
    assert answer.status_code == 422
    assert page.find("head/title").text.startswith("Error: ")
    (summary,) = [element for element in page.iter("div") if element.get("role") == "alert"]
    assert [(link.get("href"), link.text) for link in summary.iter("a")] == [
        ("#email", "Enter an email address, like name@example.com"),
        ("#number", "Enter one of the test card numbers on this page, never a real card number"),
        ("#expiry", "Enter the expiry date, like 12/34"),
        ("#cvc", "Enter any three digits as the security code"),
    ]
    kept = {"email": "nobody", "name": 'Pat "P" <Payer>'}
    assert fields_of(page) == dict.fromkeys(["number", "expiry", "cvc"]) | kept
    assert "4111" not in answer.text
    assert (await world.gateway.get_checkout(session.id, None)).payment_intent_id is None


async def test_texts_of_the_platform_are_escaped(world):
    session = await world.checkout(description="<script>alert(1)</script> & more")
    answer = await world.api.get(f"/pay/{session.id}")
    page_of(answer)
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in answer.text


@pytest.mark.parametrize("body", [b"\xff\xfe", b"a[b=1", b"number[]=1&email[x]=2", b""])
async def test_a_body_that_is_no_form_is_an_empty_form(world, body):
    session = await world.checkout()
    answer = await world.api.post(f"/pay/{session.id}", content=body)
    assert answer.status_code == 422
    page_of(answer)


async def test_the_confirmation_page_belongs_to_a_card_that_asked(world):
    session = await world.checkout()
    early = await world.api.get(f"/pay/{session.id}/confirm")
    assert early.headers["location"] == f"/pay/{session.id}"
    await world.type_card(session, ASKS)
    page = page_of(await world.api.get(f"/pay/{session.id}/confirm"))
    assert [button.get("value") for button in page.iter("button")] == ["confirm", "refuse"]


async def test_another_card_takes_the_place_of_one_that_asked(world):
    session = await world.checkout()
    await world.type_card(session, ASKS)
    assert (await world.type_card(session, PAYS)).status_code == 303
    assert "This payment has been made" in (await world.api.get(f"/pay/{session.id}/confirm")).text
    assert await world.charged() == 4_500


async def test_paying_twice_charges_once(world):
    session = await world.paid()
    for answer in (await world.api.get(f"/pay/{session.id}"), await world.api.post(f"/pay/{session.id}")):
        page = page_of(answer)
        assert "This payment has been made" in visible_text(answer.text)
        assert any(f"session={session.id}" in link.get("href") for link in page.iter("a"))
    assert await world.charged() == 4_500


async def test_an_expired_page_leads_back(world):
    session = await world.checkout(expires_at=world.clock.now + timedelta(hours=1))
    world.clock.move(hours=1)
    answer = await world.api.get(f"/pay/{session.id}")
    assert answer.status_code == 410
    assert CANCEL_URL in [link.get("href") for link in page_of(answer).iter("a")]


async def test_an_unknown_page_is_not_found(world):
    for path in ("/pay/cs_test_unknown", "/pay/cs_test_unknown/confirm", "/onboard/unknown", "/anything"):
        answer = await world.api.get(path)
        assert answer.status_code == 404
        assert "Page not found" in [heading.text for heading in page_of(answer).iter("h1")]


async def test_the_style_sheet_is_the_sandboxs_own_and_asks_for_nothing(world):
    answer = await world.api.get("/sandbox/page.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert answer.text == STYLESHEET
    assert "url(" not in STYLESHEET
    assert "@import" not in STYLESHEET
    assert "GDS Transport" not in STYLESHEET


async def test_an_unfinished_set_up_page_expires(world):
    payee = await world.gateway.create_payee(payee_id="p-1", email="payee@example.org", metadata={})
    url = await world.gateway.onboarding_url(
        payee.id, return_url="http://market.example/back", refresh_url="http://market.example/again"
    )
    path = "/" + url.split("/", 3)[3]
    page_of(await world.api.get(path))
    world.clock.move(minutes=6)
    assert (await world.api.get(path)).headers["location"] == "http://market.example/again"
    assert not (await world.gateway.get_payee(payee.id)).can_charge


@pytest.mark.parametrize(
    ("expiry", "read"),
    [
        ("12/34", (12, 2034)),
        (" 1 / 2027 ", (1, 2027)),
        ("0130", (1, 2030)),
        ("11/26", (11, 2026)),
        ("10/26", None),
        ("00/30", None),
        ("1/1/30", None),
    ],
)
async def test_expiry_dates_are_read_as_people_type_them(world, expiry, read):
    form = {"name": "A", "number": PAYS, "expiry": expiry, "cvc": "123"}
    payer = read_payer(form, "a@example.com", world.clock.now.date())
    assert payer.keys() == {"expiry"} if read is None else (payer.expiry_month, payer.expiry_year) == read
