"""Forms and steps that tests of agreements share."""

from datetime import date

from sqlalchemy import text

from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.web.tasks import import_tasks
from tests.browser import count

TODAY = date(2027, 3, 3)
MONDAY = date(2027, 3, 8)
ADDRESS = ("Hidden Lane", "PR1 2HE", "01772 900123")


def day(name, on):
    """The three fields of a date."""
    return {f"{name}-day": str(on.day), f"{name}-month": str(on.month), f"{name}-year": str(on.year)}


def person_form(scene, **given):
    """Three mornings for 45 minutes, and every second Monday evening, when two come where that is possible."""
    fields = {
        "listing": str(scene.listing.id),
        **day("starts_on", MONDAY),
        "visit-1-days": ["0", "2", "4"],
        "visit-1-time": "8am",
        "visit-1-minutes": "45",
        "visit-1-workers": "1",
        "visit-1-every": "1",
        "visit-2-days": ["0"],
        "visit-2-time": "18:00",
        "visit-2-minutes": "30",
        "visit-2-workers": "1" if scene.listing.worker_id else "2",
        "visit-2-every": "2",
        "notice_days": "28",
        "free_cancel_hours": "24",
        "words": "We speak Polish.",
        "funding": "direct_payment",
        "relation": "none",
        "lives_with": "no",
    }
    return fields | given


def provider_form(scene, **given):
    """The same of a provider, with prices."""
    fields = person_form(scene)
    for name in ("relation", "lives_with"):
        del fields[name]
    return (
        fields
        | {
            "person": str(scene.person.id),
            "rate": "16.00",
            "rate_sunday": "20.00",
            "rate_bank_holiday": "32.00",
            "second_worker_percent": "100",
            "late_cancel_percent": "50",
            "retainer_percent": "50",
            "retainer_days": "14",
            "pay_basis": "capped",
            "tolerance_minutes": "5",
        }
        | given
    )


import_tasks()

SIGN = {"agree": "yes", "name": "Sam Signer"}


async def sign(browser, address, **given):
    """Sign what a page shows."""
    page = await browser.open(address)
    return await browser.post(f"{address}/sign", {**SIGN, "seen": page.field("seen"), **given})


async def run_tasks(db):
    for delivery in await outbox.relay(db):
        await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def mails(db):
    """(template, address) of the e-mails that were queued."""
    rows = await db.execute(text("SELECT template, to_address FROM messages ORDER BY created_at, template"))
    return [tuple(row) for row in rows]


async def make_offer(person, scene, **given):
    """An agreement that a person has signed and sent; returns its id."""
    sent = await person.post("/agreements/new", person_form(scene, **given))
    await sign(person, sent.location)
    return sent.location.rsplit("/", 1)[-1]


def change_form(**given):
    """£22 to £24: here £16 to £18, from 1 April."""
    return {
        **day("starts_on", date(2027, 4, 1)),
        "reason": "Wages rise in April.",
        "rate": "18.00",
        "rate_sunday": "20.00",
        "rate_bank_holiday": "32.00",
        "second_worker_percent": "100",
        "notice_days": "28",
        "free_cancel_hours": "24",
        "late_cancel_percent": "100",
        "retainer_percent": "50",
        "retainer_days": "14",
        "pay_basis": "capped",
        "tolerance_minutes": "5",
        "words": "",
    } | given


async def offer_change(provider, made, **given):
    """New terms, signed and sent."""
    address = f"/provider/clients/{made.agreement.id}"
    page = await provider.post(f"{address}/change", change_form(**given), expect=200)
    page.check()
    form = change_form(**given)
    return await provider.post(f"{address}/change", {**form, "action": "send", **SIGN, "seen": page.field("seen")})
