"""Feedback on confirmed visits: who may say it, who decides, what becomes public, and what never does."""

from datetime import date, time, timedelta

import pytest
from sqlalchemy import text

from marketplace.accounts import set_setting
from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core import outbox
from marketplace.core.database import scope_to
from marketplace.core.queue import deliver
from marketplace.providers.repository.feedback import feedback_of
from marketplace.quality import tasks
from marketplace.quality.checks import CHECKS
from marketplace.quality.states import FEEDBACK, FeedbackStatus
from tests.browser import count, events
from tests.factories import make_member
from tests.factories_bookings import loose, make_booking, make_scene
from tests.factories_talking import make_feedback

VISIT_ON = date(2027, 2, 26)
WAITING, PUBLISHED, REFUSED, WITHDRAWN = FeedbackStatus


async def staff(db, role, council=None, **given):
    """A member whose rows the browser does not expire."""
    member = await make_member(db, role, council, **given)
    loose(db, member.user, member.membership, member.council)
    return member


async def visited(db, **given):
    """A scene with a visit that was confirmed."""
    scene = await make_scene(db, **given)
    return scene, await make_booking(db, scene, BookingStatus.APPROVED, on=VISIT_ON)


def form(booking, **given):
    return {
        "booking": str(booking.id), "stars": "2", "words": "Late twice.\n\nBut friendly.",
        "signing": "first_name", "is_own": "yes", "action": "send", **given,
    }  # fmt: skip


async def hold(db):
    for check in CHECKS:
        found = await check(db)
        assert found.ok, found


async def run_tasks(db):
    assert tasks.tell_given is not None, "the tasks are listening"
    for delivery in await outbox.relay(db):
        # The index listens only where another file of this process imported it, and no engine is open here.
        if not delivery.task.startswith("providers.index_"):
            await deliver(delivery)
    await scope_to(db, "every")
    assert await count(db, "outbox_deliveries", "error IS NOT NULL") == 0


async def numbers(db, scene):
    row = await db.execute(
        text("SELECT feedback_count, feedback_stars FROM listings WHERE id = :id"), {"id": scene.listing.id}
    )
    return tuple(row.one())


async def test_bad_feedback_from_the_visit_to_the_page_and_the_reply(browser, db, clock):
    scene, booking = await visited(db)
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/bookings/{booking.id}")
    await person.open(page.link("/feedback/new"))
    assert "Say how it was" in (await person.open("/bookings/past")).words
    assert "Visits you can say something about" in (await person.open("/feedback/mine")).words

    page = await person.post("/feedback/new", form(booking, action=""), expect=200)
    page.check()
    assert "2 stars: poor" in page.words
    assert "Ada. Visit in February 2027" in page.words
    assert await count(db, "feedback") == 0, "a look before sending writes nothing"
    page = await person.post("/feedback/new", form(booking, action="change"), expect=200)
    assert page.field("words").startswith("Late twice.")
    page = await person.post("/feedback/new", form(booking))
    own = page.location
    feedback_id = own.rsplit("/", 1)[-1]
    assert "Your council looks at it" in (await person.open(own)).words
    assert await numbers(db, scene) == (0, 0)
    assert (await person.get(f"/feedback/new?booking={booking.id}", expect=303)).location == own

    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    assert scene.listing.title in (await checker.open("/feedback-checks")).words
    page = await checker.open(f"/feedback-checks/{feedback_id}")
    assert "Late twice." in page.words
    assert "That it is bad is no reason" in page.words
    await checker.post(f"/feedback-checks/{feedback_id}/publish", {"version": page.field("version")})
    assert await numbers(db, scene) == (1, 2)
    assert "Others can read it" in (await person.open(own)).words

    provider = await browser.signed_in(scene.provider)
    assert "2 stars: poor" in (await provider.open("/provider/feedback")).words
    page = await provider.open(f"/provider/feedback/{feedback_id}")
    assert "Example" not in page.text
    reply = {"reply": "Sorry. I now leave earlier.", "version": page.field("version")}
    await provider.post(f"/provider/feedback/{feedback_id}/reply", reply)
    public = await feedback_of(db, scene.listing.id)
    assert (public.total, public.average) == (1, "2.0 out of 5")
    assert public.rows[0].reply == "Sorry. I now leave earlier."
    assert (public.rows[0].signed, public.rows[0].visit_month) == ("Ada", date(2027, 2, 1))
    assert dict(public.spread)["2 stars: poor"] == 1
    assert "Sorry. I now leave earlier." in (await person.open(own)).words
    page = await browser.open(f"/market/{scene.listing.id}")
    assert "2.0 out of 5 from 1 confirmed visit" in page.words
    assert "2 stars: poor Ada. Visit in February 2027." in page.words
    assert "Reply from the provider" in page.words
    await hold(db)

    assert await events(db) == ["FeedbackGiven", "ListingChanged", "FeedbackDecided", "FeedbackReplied"]
    await run_tasks(db)
    rows = (await db.execute(text("SELECT template, body FROM messages"))).all()
    assert {row.template for row in rows} == {"feedback_published", "feedback_published_provider", "feedback_replied"}
    assert not any("Late" in row.body or "earlier" in row.body for row in rows)
    audited = (await db.execute(text("SELECT * FROM audit_entries"))).all()
    assert not any("Late twice" in str(row) or "leave earlier" in str(row) for row in audited)


async def test_the_council_is_told_that_feedback_waits(browser, db):
    scene, booking = await visited(db)
    await staff(db, Role.ACCREDITOR, scene.council)
    await (await browser.signed_in(scene.member)).post("/feedback/new", form(booking))
    await run_tasks(db)
    assert await count(db, "messages", "template = 'feedback_waits'") == 1


async def test_a_council_may_publish_without_a_look(browser, db, clock):
    scene, booking = await visited(db)
    await set_setting(
        db, None, scene.council.id, "quality.check_feedback", False, starts_on=date(2027, 3, 1), source="test"
    )
    await (await browser.signed_in(scene.member)).post("/feedback/new", form(booking))
    assert await count(db, "feedback", "status = 'published'") == 1
    assert await numbers(db, scene) == (1, 2)
    assert await count(db, "steps", "subject_kind = 'feedback'") == 2
    await hold(db)


@pytest.mark.parametrize("status", [status for status in BookingStatus if status is not BookingStatus.APPROVED])
async def test_only_a_confirmed_visit_can_be_spoken_about(browser, db, status):
    scene = await make_scene(db)
    booking = await make_booking(db, scene, status, on=VISIT_ON)
    person = await browser.signed_in(scene.member)
    await person.get(f"/feedback/new?booking={booking.id}", expect=409)
    await person.post("/feedback/new", form(booking), expect=409)
    assert await count(db, "feedback") == 0
    assert await events(db) == []


async def test_a_visit_can_be_spoken_about_for_180_days(browser, db, clock):
    scene = await make_scene(db)
    old = await make_booking(db, scene, BookingStatus.APPROVED, on=date(2026, 9, 3))
    last = await make_booking(db, scene, BookingStatus.APPROVED, on=date(2026, 9, 4))
    person = await browser.signed_in(scene.member)
    page = await person.post("/feedback/new", form(old), expect=409)
    assert "180 days" in page.words
    past = await person.open("/bookings/past")
    assert str(last.id) in past.link("/feedback/new")
    assert f"/feedback/new?booking={old.id}" not in past.links()
    assert "/feedback/new" not in " ".join((await person.open(f"/bookings/{old.id}")).links())
    await person.post("/feedback/new", form(last))


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"stars": ""}, "stars"),
        ({"stars": "6"}, "stars"),
        ({"stars": "0"}, "stars"),
        ({"words": "x" * 2001}, "words"),
        ({"words": "nul \x00 in the middle"}, "words"),
        ({"signing": ""}, "signing"),
        ({"signing": "relative"}, "signing"),
        ({"is_own": ""}, "is_own"),
    ],
)
async def test_feedback_that_cannot_be_sent(browser, db, given, field):
    scene, booking = await visited(db)
    person = await browser.signed_in(scene.member)
    page = await person.post("/feedback/new", form(booking, **given), expect=422)
    assert field in page.errors()
    assert await count(db, "feedback") == 0


async def test_a_visit_is_spoken_about_once(browser, db):
    scene, booking = await visited(db)
    person = await browser.signed_in(scene.member)
    first = await person.post("/feedback/new", form(booking, form_id="one"))
    second = await person.post("/feedback/new", form(booking, form_id="one"))
    assert first.location == second.location
    await person.post("/feedback/new", form(booking, stars="5"), expect=409)
    assert await count(db, "feedback", "stars = 2") == 1
    assert await events(db) == ["FeedbackGiven"]


async def test_refused_feedback_is_explained_and_written_anew(browser, db):
    scene, booking = await visited(db)
    feedback = await make_feedback(db, scene, booking, stars=1, words="Pat Helper was rude.")
    checker = await browser.signed_in(await staff(db, Role.MANAGER, scene.council))
    address = f"/feedback-checks/{feedback.id}"
    for given, field in (({"why": ""}, "why"), ({"why": "bad"}, "why"), ({"words": ""}, "words")):
        wrong = {"why": "names", "words": "Leave the name out.", "version": "1", **given}
        assert field in (await checker.post(f"{address}/refuse", wrong, expect=422)).errors()
    await checker.post(f"{address}/refuse", {"why": "names", "words": "Leave the name out.", "version": "1"})
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/feedback/{feedback.id}")
    assert "It names somebody. Leave the name out." in page.words
    page = await person.open(f"/feedback/new?booking={booking.id}")
    assert page.field("words") == "Pat Helper was rude."
    await person.post("/feedback/new", form(booking, stars="1", words="They were rude."))
    row = (await db.execute(text("SELECT status, words, reason FROM feedback"))).one()
    assert tuple(row) == ("waiting", "They were rude.", "")
    await run_tasks(db)
    assert await count(db, "messages", "template = 'feedback_refused'") == 1
    assert "Feedback on" in (await checker.open(address)).heading
    assert "Nothing here" in (await checker.open("/feedback-checks?view=refused")).words


async def test_what_was_refused_once_is_looked_at_whatever_the_setting(browser, db):
    scene, booking = await visited(db)
    await make_feedback(db, scene, booking, REFUSED)
    await set_setting(
        db, None, scene.council.id, "quality.check_feedback", False, starts_on=date(2027, 3, 1), source="test"
    )
    await (await browser.signed_in(scene.member)).post("/feedback/new", form(booking))
    assert await count(db, "feedback", "status = 'waiting'") == 1


async def test_a_representative_says_it_as_a_relative(browser, db):
    scene, booking = await visited(db)
    son = await staff(
        db, Role.REPRESENTATIVE, scene.council, name="Sam Son", person_id=scene.person.id, acting_for_name="Ada"
    )
    acting = await browser.signed_in(son)
    page = await acting.open(f"/feedback/new?booking={booking.id}")
    assert "A relative or friend" in page.words
    await acting.post("/feedback/new", form(booking, signing="relative"))
    assert await count(db, "feedback", "signed = 'A relative or friend'") == 1
    assert await count(db, "audit_entries", f"on_behalf_of = '{scene.person.id}'") == 1
    person = await browser.signed_in(scene.member)
    feedback_id = await db.scalar(text("SELECT id FROM feedback"))
    await person.post(f"/feedback/{feedback_id}/withdraw")
    assert "You took it back" in (await acting.open(f"/feedback/{feedback_id}")).words


async def test_what_is_taken_back_leaves_the_page_and_the_counts(browser, db):
    scene, booking = await visited(db)
    second = await make_booking(db, scene, BookingStatus.APPROVED, on=VISIT_ON, at=time(14))
    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    person = await browser.signed_in(scene.member)
    rows = []
    for visit, stars in ((booking, 5), (second, 2)):
        row = await make_feedback(db, scene, visit, stars=stars)
        rows.append(row)
        await checker.post(f"/feedback-checks/{row.id}/publish", {"version": "1"})
    assert await numbers(db, scene) == (2, 7)
    await person.post(f"/feedback/{rows[0].id}/withdraw")
    assert await numbers(db, scene) == (1, 2)
    await checker.get(f"/feedback-checks/{rows[0].id}", expect=404)
    provider = await browser.signed_in(scene.provider)
    await provider.get(f"/provider/feedback/{rows[0].id}", expect=404)
    await person.post("/feedback/new", form(booking), expect=409)
    await hold(db)


async def test_a_reply_can_be_changed_for_a_week(browser, db, clock):
    scene, booking = await visited(db)
    feedback = await make_feedback(db, scene, booking)
    checker = await staff(db, Role.ACCREDITOR, scene.council)
    await (await browser.signed_in(checker)).post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"})
    address = f"/provider/feedback/{feedback.id}"

    async def reply(words, expect=303):
        reader = await browser.signed_in(scene.provider)
        version = await db.scalar(text("SELECT version FROM feedback"))
        return await reader.post(f"{address}/reply", {"reply": words, "version": str(version)}, expect=expect)

    await reply("Thanks!")
    clock.advance(timedelta(days=6))
    await reply("Thank you!")
    assert (await feedback_of(db, scene.listing.id)).rows[0].reply == "Thank you!"
    assert (await events(db)).count("FeedbackReplied") == 1
    clock.advance(timedelta(days=1))
    await reply("Too late", expect=409)
    page = await (await browser.signed_in(scene.provider)).open(address)
    assert "Thank you!" in page.words
    assert page.field("reply") is None

    reader = await browser.signed_in(checker)
    page = await reader.open(f"/feedback-checks/{feedback.id}")
    await reader.post(
        f"/feedback-checks/{feedback.id}/remove-reply", {"reply": "It names her", "version": page.field("version")}
    )
    assert (await feedback_of(db, scene.listing.id)).rows[0].reply == ""
    await hold(db)
    await reply("Thank you for your words.")


async def test_a_decision_on_a_page_that_is_out_of_date_is_refused(browser, db):
    scene, booking = await visited(db)
    feedback = await make_feedback(db, scene, booking)
    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    refusal = {"why": "insults", "words": "Be polite.", "version": "1"}
    await checker.post(f"/feedback-checks/{feedback.id}/refuse", refusal)
    page = await checker.post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"}, expect=409)
    assert page.title.startswith("This feedback has changed")
    assert await numbers(db, scene) == (0, 0)


async def test_only_who_it_concerns_reaches_feedback(browser, db):
    scene, booking = await visited(db)
    other, _ = await visited(db)
    neighbour = await make_scene(db, council=scene.council)
    feedback = await make_feedback(db, scene, booking)
    for stranger in (other.member, neighbour.member):
        reader = await browser.signed_in(stranger)
        await reader.get(f"/feedback/{feedback.id}", expect=404)
        await reader.get(f"/feedback/new?booking={booking.id}", expect=404)
        await reader.post("/feedback/new", form(booking), expect=404)
        await reader.post(f"/feedback/{feedback.id}/withdraw", expect=404)
    elsewhere = await browser.signed_in(await staff(db, Role.ACCREDITOR, other.council))
    await elsewhere.get(f"/feedback-checks/{feedback.id}", expect=404)
    await elsewhere.post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"}, expect=404)
    assert "Nothing here" in (await elsewhere.open("/feedback-checks")).words
    own = await browser.signed_in(scene.provider)
    await own.get(f"/provider/feedback/{feedback.id}", expect=404)
    await own.post(f"/provider/feedback/{feedback.id}/reply", {"reply": "Early", "version": "1"}, expect=404)
    broker = await browser.signed_in(await staff(db, Role.BROKER, scene.council))
    await broker.get("/feedback-checks", expect=403)
    assert await events(db) == []
    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    await checker.post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"})
    for stranger in (other.provider, neighbour.provider):
        reader = await browser.signed_in(stranger)
        await reader.get(f"/provider/feedback/{feedback.id}", expect=404)
        assert "No feedback yet" in (await reader.open("/provider/feedback")).words
    manager = await staff(db, Role.PROVIDER, scene.council, organisation_id=scene.organisation.id)
    await (await browser.signed_in(manager)).open(f"/provider/feedback/{feedback.id}")


VERBS = {
    "publish": {WAITING: PUBLISHED, REFUSED: PUBLISHED},
    "refuse": {WAITING: REFUSED, PUBLISHED: REFUSED},
    "withdraw": {WAITING: WITHDRAWN, PUBLISHED: WITHDRAWN, REFUSED: WITHDRAWN},
    "anew": {REFUSED: WAITING},
}
"""What each verb makes of each state; where a state is missing the verb is refused."""


@pytest.mark.parametrize("verb", list(VERBS))
async def test_each_verb_in_each_state(browser, db, verb):
    scene = await make_scene(db)
    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    person = await browser.signed_in(scene.member)
    for hour, status in enumerate(FeedbackStatus, start=8):
        booking = await make_booking(db, scene, BookingStatus.APPROVED, on=VISIT_ON, at=time(hour))
        feedback = await make_feedback(db, scene, booking, WAITING)
        if status is PUBLISHED:
            await checker.post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"})
        elif status is not WAITING:
            await db.execute(text(f"UPDATE feedback SET status = '{status}' WHERE id = '{feedback.id}'"))
        version = str(await db.scalar(text(f"SELECT version FROM feedback WHERE id = '{feedback.id}'")))
        before = len(await events(db)), await count(db, "steps"), await numbers(db, scene)
        answers = {"version": version, "why": "insults", "words": "Be polite."}
        if verb == "anew":
            page = await person.post("/feedback/new", form(booking), expect=None)
        elif verb == "withdraw":
            page = await person.post(f"/feedback/{feedback.id}/withdraw", expect=None)
        else:
            page = await checker.post(f"/feedback-checks/{feedback.id}/{verb}", answers, expect=None)
        now = await db.scalar(text(f"SELECT status FROM feedback WHERE id = '{feedback.id}'"))
        wanted = VERBS[verb].get(status)
        if wanted is None:
            gone = verb in ("publish", "refuse") and status is WITHDRAWN
            assert (page.status, now) == (404 if gone else 409, status.value), f"{verb} in {status}"
            assert (len(await events(db)), await count(db, "steps"), await numbers(db, scene)) == before
        else:
            assert (page.status, now) == (303, wanted.value), f"{verb} in {status}"
            assert FEEDBACK.allows(status, wanted)
        await hold(db)


async def test_the_checks_find_what_was_changed_by_hand(browser, db):
    scene, booking = await visited(db)
    feedback = await make_feedback(db, scene, booking)
    checker = await browser.signed_in(await staff(db, Role.ACCREDITOR, scene.council))
    await checker.post(f"/feedback-checks/{feedback.id}/publish", {"version": "1"})
    await hold(db)
    for change, undo, broken in (
        ("UPDATE listings SET feedback_count = 7", "UPDATE listings SET feedback_count = 1", 2),
        ("UPDATE listing_feedback SET stars = 5", "UPDATE listing_feedback SET stars = 4", 1),
        ("UPDATE bookings SET status = 'disputed'", "UPDATE bookings SET status = 'approved'", 0),
    ):
        where = f" WHERE id = '{scene.listing.id}'" if "listings" in change else ""
        await db.execute(text(change + where))
        found = [await check(db) for check in CHECKS]
        assert not found[broken].ok, change
        assert found[broken].detail
        await db.execute(text(undo + where))
    await hold(db)


async def test_lists_are_paged_and_the_public_page_counts_all(browser, db, clock):
    scene = await make_scene(db)
    checker_member = await staff(db, Role.ACCREDITOR, scene.council)
    for number in range(23):
        booking = await make_booking(
            db, scene, BookingStatus.APPROVED, on=VISIT_ON - timedelta(days=number), at=time(9)
        )
        await make_feedback(db, scene, booking, stars=number % 5 + 1, given_at=clock.now() - timedelta(hours=number))
    checker = await browser.signed_in(checker_member)
    page = await checker.open("/feedback-checks")
    seen = [link for link in page.links() if link.startswith("/feedback-checks/")]
    assert len(seen) == 20
    oldest = await db.scalar(text("SELECT id FROM feedback ORDER BY given_at LIMIT 1"))
    assert seen[0].endswith(str(oldest)), "what waits longest comes first, whatever its stars"
    rest = [link for link in (await checker.open(page.link("after="))).links() if link.startswith("/feedback-checks/")]
    assert len({*seen, *rest}) == 23
    for link in [*seen, *rest]:
        await checker.post(f"{link}/publish", {"version": "1"})
    assert (await numbers(db, scene))[0] == 23
    public = await feedback_of(db, scene.listing.id, 99)
    assert (public.total, public.page, public.pages, len(public.rows)) == (23, 3, 3, 3)
    assert sum(count for _, count in public.spread) == 23
    page = await browser.open(f"/market/{scene.listing.id}")
    page = await browser.open(page.link("feedback=2").removesuffix("#feedback"))
    assert page.link("feedback=1")
    assert page.link("feedback=3")
    await browser.get(f"/market/{scene.listing.id}?feedback=-1", expect=400)
    assert len((await checker.open("/feedback-checks?view=published")).links()) > 20
    person = await browser.signed_in(scene.member)
    assert "after=" in (await person.open("/feedback/mine")).link("after=")
    provider = await browser.signed_in(scene.provider)
    await provider.open((await provider.open("/provider/feedback")).link("after="))
    await hold(db)
