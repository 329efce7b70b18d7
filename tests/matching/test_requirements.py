"""Requirements for care: writing, what providers see, whom to ask, rounds, terms, unmet need (K4, K6, K13)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.matching.errors_care import NotYet, RequirementChanged, RequirementNotOpen
from marketplace.matching.forms_care import TermsForm, requirement_values
from marketplace.matching.forms_offers import CareDeclineForm
from marketplace.matching.models import (
    CareHours,
    Conflict,
    ConflictKind,
    RequirementRoute,
    UnmetReason,
    Urgency,
)
from marketplace.matching.service.care import CareOfferService, RequirementService
from marketplace.matching.states import RequirementStatus
from marketplace.matching.tasks_care import close_requirements
from marketplace.providers.models import ListingCategory, PriceUnit, ServiceLine
from tests.browser import Browser, count, events
from tests.factories import make_accreditation, make_council, make_listing, make_member, make_organisation, make_person
from tests.factories_brokerage import make_broker
from tests.factories_care import (
    LATEST,
    STARTS,
    again,
    at_end,
    make_care_provider,
    make_requirement,
    open_requirement,
    requirement_form,
    send_offer,
    visits_of,
    week,
)

CANARY: dict[str, Any] = {
    "given_name": "Xanthippe",
    "family_name": "Quillfeather",
    "address_line": "77 Zebra Crescent",
    "town": "Nettlebeck",
    "phone": "01772 900 1234",
    "email": "xanthippe.q@test.example",
    "born_on": date(1947, 6, 5),
    "reference": "LL-998877",
}
LEAKS = ("xanthippe", "quillfeather", "zebra", "nettlebeck", "900 1234", "9001234", "1947", "ll-998877", "2he")


def form_fields(**given: Any) -> dict[str, Any]:
    """The form of a requirement as a browser sends it."""
    return {
        "service_line": "home_care",
        "urgency": "standard",
        "needs": ["older"],
        "summary": "Help to get up.",
        "outcomes": "Ready by nine.",
        "required_gender": "any",
        "most_providers": "1",
        "starts_on-day": "15", "starts_on-month": "3", "starts_on-year": "2027",
        "latest_start_on-day": "29", "latest_start_on-month": "3", "latest_start_on-year": "2027",
        "ceiling_weekly_pence": "150",
        "rows": "2",
        "visit-0-day": "every", "visit-0-start": "8am", "visit-0-minutes": "30", "visit-0-workers": "1",
        "visit-1-day": "5", "visit-1-start": "18:00", "visit-1-minutes": "45", "visit-1-workers": "2",
        **given,
    }  # fmt: skip


async def test_a_broker_writes_a_requirement_and_sees_what_providers_will_see(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    link = (await staff.open(f"/people/{person_id}")).link("/requirements/new")
    await staff.open(link)
    page = await staff.post("/requirements/new", {"person": str(person_id), **form_fields()})
    preview = await staff.open(page.location)
    assert "8 visits, 5 hours a week" in preview.words
    assert "AreaPR1" in preview.words
    assert "£" not in preview.words
    row = page.location.split("/")[2]
    shown = await staff.open(f"/requirements/{row}")
    assert "Saturday 6pm, 45 minutes, 2 workers" in shown.words
    assert "£150.00" in shown.words
    listed = await staff.open("/requirements?tab=draft")
    assert "C-2027-00001" in listed.words
    assert "C-2027-00001" in (await staff.open("/requirements?tab=open&q=00001")).words
    assert "C-2027-00001" in (await staff.open(f"/people/{person_id}")).words


async def test_only_providers_of_the_lot_are_asked(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker, lot_code="1b")
    await open_requirement(db, broker, row)
    assert row.status is RequirementStatus.NO_OFFERS
    assert await count(db, "requirement_invitations") == 0


async def test_the_queue_is_paged_by_key(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person = await make_person(db, broker.council)
    for _ in range(27):
        await make_requirement(db, broker, person)
    staff = await browser.signed_in(broker)
    first = await staff.open("/requirements?tab=draft")
    second = await staff.open(first.link("after="))
    shown = [[link for link in page.links() if link.startswith("/requirements/0")] for page in (first, second)]
    assert (len(shown[0]), len(shown[1])) == (25, 2)
    assert not set(shown[0]) & set(shown[1])


async def test_rows_of_the_week_are_added_and_removed_without_scripts(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    fields = {"person": str(person_id), **form_fields()}
    page = await staff.post("/requirements/new", {**fields, "change": "add"}, expect=200)
    assert (page.field("rows"), page.field("visit-1-start")) == ("3", "18:00")
    page = await staff.post("/requirements/new", {**fields, "change": "remove-0"}, expect=200)
    assert (page.field("rows"), page.field("visit-0-start")) == ("1", "18:00")
    assert await count(db, "requirements") == 0


async def test_everything_wrong_with_the_form_is_said_at_once(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    person_id = (await make_person(db, broker.council)).id
    staff = await browser.signed_in(broker)
    wrong = form_fields(
        **{
            "person": str(person_id), "summary": "", "ceiling_weekly_pence": "lots", "most_providers": "2",
            "starts_on-year": "2026", "visit-0-minutes": "20", "visit-1-day": "0", "visit-1-start": "8:00",
        }
    )  # fmt: skip
    errors = (await staff.post("/requirements/new", wrong, expect=422)).errors()
    assert set(errors) == {
        "summary", "ceiling_weekly_pence", "split_agreed", "starts_on", "latest_start_on",
        "visit-0-minutes",
        "visit-1-start",
    }  # fmt: skip
    assert errors["starts_on"] == "The first day must be today or later"
    assert await count(db, "requirements") == 0


async def test_two_brokers_who_edit_one_draft_notice_each_other(db: AsyncSession) -> None:
    broker = await make_broker(db)
    row = await make_requirement(db, broker)
    seen = row.version
    service = RequirementService(db)
    await service.update(broker.principal, row.id, requirement_form(version=seen, visits=week(0)))
    with pytest.raises(RequirementChanged):
        await service.update(broker.principal, row.id, requirement_form(version=seen, summary="Mine."))
    assert len(await visits_of(db, row)) == 1


async def test_identifiers_block_opening_until_they_go(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    person = await make_person(db, broker.council, **CANARY)
    row = await make_requirement(
        db, broker, person, summary="Call her on 01772 900 1234. NHS 943 476 5919. She lives in Nettlebeck."
    )
    row_id = row.id
    staff = await browser.signed_in(broker)
    words = (await staff.open(f"/requirements/{row_id}/preview")).words
    assert "“01772 900 1234” looks like a telephone number. It must go." in words
    assert "“943 476 5919” looks like an NHS number. It must go." in words
    assert "“Nettlebeck” looks like a place of the person." in words
    exactly = words.split("Exactly this, and no more")[1].lower()
    assert not [leak for leak in LEAKS if leak in exactly]
    await again(db, broker, row)
    with pytest.raises(NotYet):
        await RequirementService(db).confirm_text(broker.principal, row.id, row.version)
    with pytest.raises(NotYet):
        await open_requirement(db, broker, row)
    assert await count(db, "requirement_invitations") == 0


async def test_a_word_that_names_nobody_is_confirmed_by_a_broker(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    person = await make_person(db, broker.council, given_name="Rose", family_name="Brown")
    row = await make_requirement(db, broker, person, summary="Likes brown bread.")
    with pytest.raises(NotYet):
        await open_requirement(db, broker, row)
    await RequirementService(db).confirm_text(broker.principal, row.id, row.version)
    await RequirementService(db).update(
        broker.principal, row.id, requirement_form(version=row.version, summary="Brown bread, please.")
    )
    assert not row.checked_text  # Other words, another look.
    await RequirementService(db).confirm_text(broker.principal, row.id, row.version)
    assert (await open_requirement(db, broker, row)).status is RequirementStatus.OPEN


async def test_the_ranking_says_why_and_who_was_left_out(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    council = broker.council
    await make_care_provider(db, council, name="Near Care", price_pence=2_500)
    await make_care_provider(db, council, name="Far Care", lat=54.6, lon=-2.7, radius_metres=5_000)
    await make_care_provider(db, council, name="District Care", lat=54.6, lon=-2.7, district_codes=["E07000123"])
    await make_care_provider(db, council, name="Late Care", accredited={"live_until": date(2027, 3, 10)})
    tired, _ = await make_care_provider(db, council, name="Full Care")
    kin, _ = await make_care_provider(db, council, name="Kin Care")
    unwanted, _ = await make_care_provider(db, council, name="Unwanted Care")
    db.add(
        CareHours(
            organisation_id=tired.id, service_line=ServiceLine.HOME_CARE, weekday=0, band=0, free_quarters=1,
            said_at=datetime(2027, 3, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    nowhere = await make_organisation(db, name="Nowhere Care")
    await make_accreditation(db, nowhere, council, ServiceLine.HOME_CARE)
    await make_care_provider(db, await make_council(db), name="Foreign Care")
    group = await make_organisation(db, name="Lunch Club")
    await make_listing(
        db, group, category=ListingCategory.COMMUNITY, title="Lunch on Mondays", price_unit=PriceUnit.FREE,
        price_pence=0,
    )  # fmt: skip
    row = await make_requirement(db, broker, excluded_organisation_ids=[str(unwanted.id)])
    db.add(
        Conflict(
            council_id=council.id, person_id=row.person_id, organisation_id=kin.id, kind=ConflictKind.FAMILY,
            declared_by_user_id=broker.user.id, declared_at=datetime(2027, 3, 1, tzinfo=UTC),
        )
    )  # fmt: skip
    row_id = row.id
    staff = await browser.signed_in(broker)
    words = (await staff.open(f"/requirements/{row_id}/providers")).words
    ranked, left_out = words.split("Left out")[0], words.split("Left out", 1)[1]
    assert "1. Near Care" in ranked
    assert "2. District Care" in ranked
    assert "Free hours not said" in ranked
    for reason in (
        "Far Care: 58 miles away",
        "Late Care: Not accredited for home care on 15 March 2027",
        "Full Care: Not enough free hours: Monday morning, Tuesday morning, Wednesday morning and more",
        "Kin Care: Has a conflict of interest",
        "Unwanted Care: The person asked not to have this organisation",
        "Nowhere Care: It has no published listing",
    ):
        assert reason.split(":")[0] in left_out, reason
    assert "Not enough free hours: Monday morning" in left_out
    assert "Foreign Care" not in words
    assert "Lunch on Mondays" in (await staff.open(f"/requirements/{row_id}")).words


async def test_the_whole_lot_is_asked_and_the_clock_counts_working_hours(
    browser: Browser, db: AsyncSession, clock: FixedClock
) -> None:
    clock.move_to(datetime(2027, 3, 5, 10, tzinfo=UTC))  # A Friday.
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker, urgency=Urgency.URGENT)
    row_id = row.id
    version_of = str(row.version)
    staff = await browser.signed_in(broker)
    fields = {"route": "lot", "version": version_of}
    await staff.post(f"/requirements/{row_id}/open", fields)
    page = await staff.open(f"/requirements/{row_id}")
    assert "Providers have until Monday 8 March 2027 at 10am" in page.words
    assert await count(db, "requirement_invitations", "rank IN (1, 2)") == 2
    assert await events(db) == ["RequirementOpened"]
    assert (await staff.get(f"/requirements/{row_id}/offers", expect=404)).status == 404  # Sealed.
    await staff.post(f"/requirements/{row_id}/open", fields, expect=409)
    assert await count(db, "requirement_invitations") == 2


async def test_the_first_alone_then_the_next_by_the_brokers_word(db: AsyncSession) -> None:
    broker = await make_broker(db)
    near, near_member = await make_care_provider(db, broker.council, name="Near")
    away, _ = await make_care_provider(db, broker.council, name="Away", lat=53.80)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row, RequirementRoute.FIRST)
    assert await count(db, "requirement_invitations", f"organisation_id = '{near.id}'") == 1

    await CareOfferService(db).decline(
        near_member.principal, row.id, CareDeclineForm("no_hours", "We have no free hours at these times")
    )
    assert row.status is RequirementStatus.NO_OFFERS  # Everybody who was asked said no: nobody waits for the clock.
    assert await count(db, "unmet_requirements", "reason = 'no_hours'") == 1
    await open_requirement(db, broker, row, RequirementRoute.FIRST)
    assert row.round == 2
    assert await count(db, "requirement_invitations", f"organisation_id = '{away.id}' AND round = 2") == 1
    assert await count(db, "requirement_invitations", f"organisation_id = '{near.id}' AND round = 2") == 0


async def test_somebody_else_alone_needs_a_reason_and_who_left_cannot_be_asked(
    browser: Browser, db: AsyncSession
) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council, name="Near")
    away, _ = await make_care_provider(db, broker.council, name="Away", lat=53.80)
    stranger = await make_organisation(db)
    row = await make_requirement(db, broker)
    row_id = row.id
    version_of = str(row.version)
    staff = await browser.signed_in(broker)
    path, version = f"/requirements/{row_id}/open", version_of
    fields = {"route": "first", "organisation_ids": str(away.id), "version": version}
    assert set((await staff.post(path, fields, expect=422)).errors()) == {"reason"}
    several = {"route": "several", "version": version}
    assert set((await staff.post(path, several, expect=422)).errors()) == {"organisation_ids"}
    await again(db, broker, row, stranger)
    with pytest.raises(InvalidInput):
        await open_requirement(db, broker, row, RequirementRoute.SEVERAL, stranger.id)
    await staff.post(path, {**fields, "reason": "They know the building"})
    assert await count(db, "requirement_invitations") == 1


async def test_time_ends_the_round_with_offers_or_without(db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    with_offer = await make_requirement(db, broker)
    without = await make_requirement(db, broker)
    for row in (with_offer, without):
        await open_requirement(db, broker, row)
    await send_offer(db, provider, with_offer)
    at_end(db, with_offer)
    await close_requirements()
    await db.refresh(with_offer)
    await db.refresh(without)
    assert (with_offer.status, without.status) == (RequirementStatus.CLOSED, RequirementStatus.NO_OFFERS)
    unmet = (await db.execute(text("SELECT outward, quarters, bands, reason, round FROM unmet_requirements"))).one()
    assert (unmet.outward, unmet.quarters, unmet.reason, unmet.round) == ("PR1", 14, "no_offers", 1)
    assert unmet.bands == [f"{day}-0" for day in range(7)]


async def test_a_round_that_cannot_be_ended_leaves_the_others_their_end(
    db: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    rows = [await make_requirement(db, broker) for _ in range(2)]
    for row in rows:
        await open_requirement(db, broker, row)
    at_end(db, rows[0])
    real, ids = RequirementService.close_on_time, [row.id for row in rows]

    async def fails_once(service: RequirementService, council_id: UUID, requirement_id: UUID) -> None:
        if requirement_id == ids[0]:
            raise RuntimeError("the first cannot be ended")
        await real(service, council_id, requirement_id)

    monkeypatch.setattr(RequirementService, "close_on_time", fails_once)
    await close_requirements()
    for row in rows:
        await db.refresh(row)
    assert [row.status for row in rows] == [RequirementStatus.OPEN, RequirementStatus.NO_OFFERS]


async def test_where_nobody_can_be_asked_the_need_is_logged_at_once_with_the_reason(db: AsyncSession) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council, lat=54.6, lon=-2.7, radius_metres=5_000)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    assert row.status is RequirementStatus.NO_OFFERS
    assert await count(db, "unmet_requirements", "reason = 'too_far'") == 1


async def test_the_ladder_widens_and_raises_within_a_brokers_limit(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    manager = await make_member(db, Role.MANAGER, broker.council)
    await make_care_provider(db, broker.council, lat=53.80)
    row = await make_requirement(db, broker, radius_metres=1_000)
    await open_requirement(db, broker, row)
    row_id = row.id
    staff = await browser.signed_in(broker)
    page = await staff.open(f"/requirements/{row_id}")
    assert "Ways on" in page.words
    await staff.open(f"/requirements/{row_id}/terms")
    await again(db, broker, manager, row)

    def terms(pence: int, **given: Any) -> TermsForm:
        values: dict[str, Any] = {
            "radius_metres": None, "most_providers": 2, "split_agreed": True, "ceiling_weekly_pence": pence,
            "starts_on": STARTS, "latest_start_on": LATEST, "reason": "Nobody offered", "version": row.version,
        }  # fmt: skip
        return TermsForm(**{**values, **given})

    service = RequirementService(db)
    await service.change_terms(broker.principal, row.id, terms(20_000))
    assert (row.ceiling_weekly_pence, row.radius_metres, row.most_providers) == (20_000, None, 2)
    with pytest.raises(InvalidInput):  # The limit counts from what was agreed, not from the last raise.
        await service.change_terms(broker.principal, row.id, terms(20_001))
    with pytest.raises(Forbidden):
        await service.change_terms(manager.principal, row.id, terms(26_000, most_providers=3))
    await service.change_terms(manager.principal, row.id, terms(26_000))
    await service.change_terms(broker.principal, row.id, terms(31_000))
    assert row.ceiling_weekly_pence == 31_000


async def test_the_reason_of_an_unmet_need_is_put_right(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    row_id = row.id
    staff = await browser.signed_in(broker)
    await staff.post(f"/requirements/{row_id}/unmet", {"unmet_reason": "no_skill"})
    assert await count(db, "unmet_requirements", "reason = 'no_skill'") == 1


async def test_small_numbers_of_unmet_need_are_not_shown(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    for number in range(6):
        row = await make_requirement(db, broker, visits=week(0))
        await open_requirement(db, broker, row)
        if number < 2:
            await RequirementService(db).explain_unmet(broker.principal, row.id, UnmetReason.PRICE)
    staff = await browser.signed_in(broker)
    words = (await staff.open("/requirements/unmet")).words
    assert "Not met6" in words.replace(" rounds", "")
    assert "Every number is below 5" in words
    assert "PR1 6" in words or "PR16" in words, words[:900]
    await staff.get("/requirements/unmet?days=3", expect=404)
    other = await browser.signed_in(await make_broker(db))
    assert "Nothing was logged" in (await other.open("/requirements/unmet")).words


async def test_a_withdrawn_requirement_is_over(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    _, provider = await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    await open_requirement(db, broker, row)
    await send_offer(db, provider, row)
    row_id = row.id
    version_of = str(row.version)
    staff = await browser.signed_in(broker)
    seller = await browser.signed_in(provider)
    await staff.open(f"/requirements/{row_id}/change/withdraw")
    fields = {"reason": "In hospital again", "version": version_of}
    await staff.post(f"/requirements/{row_id}/change/withdraw", fields)
    assert await count(db, "requirement_offers", "status = 'lost'") == 1
    assert "The council no longer needs this care" in (await seller.open(f"/provider/requirements/{row_id}")).words
    await again(db, broker, row)
    with pytest.raises(RequirementNotOpen):
        await open_requirement(db, broker, row)


async def test_care_in_the_past_is_not_asked_for(db: AsyncSession, clock: FixedClock) -> None:
    broker = await make_broker(db)
    await make_care_provider(db, broker.council)
    row = await make_requirement(db, broker)
    clock.advance(timedelta(days=60))
    with pytest.raises(NotYet):
        await open_requirement(db, broker, row)


async def test_another_council_sees_nothing(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row = await make_requirement(db, broker)
    other = await make_broker(db)
    row_id = row.id
    staff = await browser.signed_in(other)
    for path in ("", "/edit", "/preview", "/providers", "/terms", "/offers", "/change/withdraw"):
        await staff.get(f"/requirements/{row_id}{path}", expect=404)
    for path in ("/open", "/close", "/unmet", "/award", "/marks", "/heard", "/confirm-text"):
        await staff.post(f"/requirements/{row_id}{path}", {"version": "1"}, expect=404)
    await again(db, other, row)
    with pytest.raises(NotFound):
        await RequirementService(db).withdraw(other.principal, row.id, row.version, "Mine")


async def test_the_form_shows_a_draft_as_it_was_written(browser: Browser, db: AsyncSession) -> None:
    broker = await make_broker(db)
    row = await make_requirement(
        db, broker, visits=[*week(), *week(5, 6, minutes=45, start=week()[0].starts_local.replace(hour=18))]
    )
    values = requirement_values(row, await visits_of(db, row))
    assert (values["rows"], values["visit-0-day"], values["visit-1-day"]) == ("2", "every", "weekend")
    row_id = row.id
    page = await (await browser.signed_in(broker)).open(f"/requirements/{row_id}/edit")
    assert page.field("visit-1-start") == "18:00"
