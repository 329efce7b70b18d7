"""Who may do what for whom on any day: awards, decisions with their effects, replies, the register, the calendar."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.bookings.states import BookingStatus
from marketplace.core.clock import FixedClock
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.matching.service import OfferService
from marketplace.providers.models import (
    Accreditation,
    AccreditationAction,
    ActionKind,
    Evidence,
    EvidenceKind,
    Framework,
    FrameworkVersion,
    Lot,
    ServiceLine,
)
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.standing import StandingRepository
from marketplace.providers.service.planners import PlannerService
from marketplace.providers.service.standing.service import StandingService
from marketplace.providers.states import FrameworkVersionStatus
from marketplace.providers.tasks.standing import watch_standing
from tests.browser import Browser, count, events
from tests.conftest import Mailbox
from tests.factories import (
    Member,
    make_accreditation,
    make_council,
    make_member,
    make_organisation,
)
from tests.factories_bookings import VISIT_ON, make_booking, make_scene
from tests.factories_brokerage import make_broker, make_case, make_offer, make_planner
from tests.factories_join import run_tasks
from tests.factories_standing import make_evidence, suspend

TODAY = date(2027, 3, 3)
ENDS = date(2027, 3, 20)
"""First day without the evidence in these tests."""


async def at(clock: FixedClock, day: date, hour: int = 10) -> None:
    """Move the clock and let the calendar do its work."""
    clock.move_to(datetime(day.year, day.month, day.day, hour, tzinfo=UTC))
    await watch_standing()


async def again(browser: Browser, db: AsyncSession, member: Member) -> Browser:
    """Sign in once more: an old session ends in the meantime."""
    for row in (member.user, member.membership, member.council):
        if row in db:
            await db.refresh(row)
    return await browser.signed_in(member)


async def make_lot(db: AsyncSession, council_id: Any, **given: Any) -> Lot:
    """A lot for support planning that asks for a DBS check."""
    now = datetime(2027, 1, 1, tzinfo=UTC)
    framework = Framework(council_id=council_id, slug="planning", name="Planning", summary="", created_at=now)
    db.add(framework)
    await db.flush()
    version = FrameworkVersion(
        council_id=council_id, framework_id=framework.id, number=1, status=FrameworkVersionStatus.DRAFT, created_at=now
    )
    db.add(version)
    await db.flush()
    values = {
        "council_id": council_id,
        "version_id": version.id,
        "code": "1a",
        "name": "Planning in the north",
        "service_line": ServiceLine.SUPPORT_PLANNING,
        "evidence": ["dbs"],
    }
    lot = Lot(**{**values, **given})
    db.add(lot)
    await db.flush()
    return lot


@pytest.fixture
async def officer(db: AsyncSession) -> Member:
    return await make_member(db, Role.ACCREDITOR, await make_council(db), name="Olu Officer")


# Awards


async def test_an_award_takes_the_evidence_of_its_lot_and_is_recorded(db: AsyncSession, officer: Member) -> None:
    organisation = await make_organisation(db)
    lot = await make_lot(db, officer.council.id, trusts_other_councils=False)
    service = StandingService(db)
    award = {
        "organisation_id": organisation.id,
        "lot": lot,
        "service_line": ServiceLine.SUPPORT_PLANNING,
        "live_from": TODAY,
        "live_until": date(2029, 3, 3),
        "reason": "Scored 82 of 100",
    }
    row = await service.award(officer.principal, **award)
    assert (row.evidence, row.trusts_other_councils, row.lot_id) == (["dbs"], False, lot.id)
    assert await count(db, "accreditation_actions", "kind = 'award' AND reason LIKE 'Scored%'") == 1
    assert await count(db, "steps", "subject_kind = 'accreditation' AND to_status = 'live'") == 1
    assert await events(db) == ["AccreditationChanged", "AccreditationActed"]
    with pytest.raises(InvalidInput, match="already an accreditation"):
        await service.award(officer.principal, **award)
    other = Lot(**{**_values(lot), "id": None, "code": "1b", "name": "Planning in the south"})
    db.add(other)
    await db.flush()
    assert await service.award(officer.principal, **{**award, "lot": other})
    wrong = {**award, "service_line": ServiceLine.HOME_CARE, "lot": other}
    with pytest.raises(InvalidInput, match="support planning"):
        await service.award(officer.principal, **wrong)
    broker = await make_member(db, Role.BROKER, officer.council)
    with pytest.raises(Forbidden):
        await service.award(broker.principal, **award)
    elsewhere = await make_member(db, Role.MANAGER, await make_council(db))
    with pytest.raises(NotFound):
        await service.award(elsewhere.principal, **award)


def _values(lot: Lot) -> dict[str, Any]:
    names = ("council_id", "version_id", "service_line", "evidence")
    return {name: getattr(lot, name) for name in names}


async def test_evidence_of_another_council_counts_only_where_it_is_trusted(db: AsyncSession, officer: Member) -> None:
    organisation = await make_organisation(db)
    there = await make_council(db)
    await make_evidence(db, organisation, EvidenceKind.DBS, signed_by=there.id)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE, evidence=["dbs"])
    is_live = AccreditationRepository(db).is_live
    assert await is_live(organisation.id, officer.council.id, ServiceLine.HOME_CARE, TODAY)
    row.trusts_other_councils = False
    await db.flush()
    assert not await is_live(organisation.id, officer.council.id, ServiceLine.HOME_CARE, TODAY)
    await make_evidence(db, organisation, EvidenceKind.DBS, signed_by=officer.council.id)
    assert await is_live(organisation.id, officer.council.id, ServiceLine.HOME_CARE, TODAY)


# Decisions


async def test_a_decision_shows_what_it_affects_before_it_is_taken(
    browser: Browser, db: AsyncSession, officer: Member, mailbox: Mailbox
) -> None:
    broker = await make_broker(db, officer.council)
    worker, planner = await make_planner(db, officer.council)
    organisation_id = worker.organisation_id
    provider = await make_member(
        db, Role.PROVIDER, officer.council, organisation_id=organisation_id, email="group@test.example"
    )
    referral, person = await make_case(db, broker)
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    row = (await db.scalars(select(Accreditation))).one()
    address = f"/accreditations/{row.id}"
    staff = await browser.signed_in(officer)
    page = await staff.open(address)
    assert "affects 1 planner and 1 open offer." in page.words
    form = {"decision": "suspend", "reason": "Two missed visits", "confidential": "yes"}
    check = await staff.post(f"{address}/check", form, expect=200)
    check.check()
    for words in ("1 planner will get no new referrals", "1 open offer will be taken back", "13 March 2027", "not why"):
        assert words in check.words, words
    for none in ("0 requests", "0 coming visits", "0 people"):
        assert none not in check.words
    assert await count(db, "accreditation_holds") == 0, "nothing is done yet"
    fields = {name: check.field(name) for name in ("decision", "reason", "confidential", "seen")}
    await staff.post(address, fields)
    await run_tasks()
    assert await count(db, "offers", "status = 'withdrawn'") == 1
    assert await count(db, "referrals", "status = 'received'") == 1
    assert await count(db, "capacity_reservations") == 0
    subjects = " | ".join(envelope.subject for envelope in mailbox.envelopes)
    for words in ("is suspended", "no new work for support planning", "the offer was taken back"):
        assert words in subjects, words
    assert not [envelope for envelope in mailbox.envelopes if "Two missed visits" in envelope.body]
    theirs = await again(browser, db, planner)
    assert "The council took this offer back" in (await theirs.open(f"/offers/{offer_id}")).words
    own = await (await again(browser, db, provider)).open("/provider/standing")
    assert "The council cannot give its reason" in own.words
    assert "Two missed visits" not in own.text
    assert "Two missed visits" in (await staff.open(address)).words
    assert await count(db, "steps", "subject_kind = 'accreditation' AND to_status = 'suspended'") == 1
    action = (await db.scalars(select(AccreditationAction))).one()
    assert (action.effects["open_offers"], action.is_confidential) == (1, True)


async def test_of_two_who_decide_at_once_the_second_is_told(
    browser: Browser, db: AsyncSession, officer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[str, str]] = []

    async def record_refusal(principal: Any, action: str, **given: Any) -> None:
        refused.append((action, given["why"]))

    # Its own transaction is kept; the tests' shared connection would undo it with the page that refuses.
    monkeypatch.setattr("marketplace.accounts.audit.record_refusal", record_refusal)
    organisation = await make_organisation(db)
    address = (
        f"/accreditations/{(await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)).id}"
    )
    colleague = await make_member(db, Role.ACCREDITOR, officer.council, name="Cy Colleague")
    first, second = await browser.signed_in(officer), await browser.signed_in(colleague)
    form = {"decision": "remove", "reason": "Closed"}
    mine = await first.post(f"{address}/check", form, expect=200)
    assert "Nothing is affected now: no planner, offer, request or visit rests on it." in mine.words
    theirs = await second.post(
        f"{address}/check", {"decision": "extend", "reason": "x", "last_day": "2030-01-01"}, expect=200
    )
    await first.post(address, {**form, "seen": mine.field("seen")})
    late = {"decision": "extend", "reason": "x", "last_day": "2030-01-01", "seen": theirs.field("seen")}
    page = await second.post(address, late, expect=409)
    assert page.heading == "Somebody else has decided since you opened this page"
    assert "Removed by Olu Officer on Wednesday 3 March 2027" in page.words
    assert await count(db, "accreditations", "status = 'removed' AND removed_on = '2027-03-03'") == 1
    assert await count(db, "accreditation_actions") == 1
    assert [action for action, _ in refused] == ["providers.refuse_decision"]
    assert "Removed by Olu Officer" in refused[0][1]


async def test_a_planned_suspension_begins_on_its_day(
    browser: Browser, db: AsyncSession, officer: Member, clock: FixedClock
) -> None:
    organisation = await make_organisation(db)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)
    address, organisation_id, council_id = f"/accreditations/{row.id}", organisation.id, officer.council.id
    staff = await browser.signed_in(officer)
    for wrong in ("2027-03-02", "2029-12-31"):
        page = await staff.post(address, {"decision": "suspend", "reason": "x", "suspend_on": wrong}, expect=422)
        assert "suspend_on" in page.errors()
    await staff.post(address, {"decision": "suspend", "reason": "Planned", "suspend_on": "2027-03-10"})
    is_live = AccreditationRepository(db).is_live
    service = ServiceLine.HOME_CARE
    assert await is_live(organisation_id, council_id, service, TODAY)
    assert await is_live(organisation_id, council_id, service, date(2027, 3, 9), TODAY)
    assert not await is_live(organisation_id, council_id, service, date(2027, 3, 10), TODAY)
    await at(clock, date(2027, 3, 9))
    assert await count(db, "accreditations", "status = 'live'") == 1
    await at(clock, date(2027, 3, 10))
    assert await count(db, "accreditations", "status = 'suspended'") == 1
    before = await count(db, "outbox_messages")
    await at(clock, date(2027, 3, 10), 12)
    assert await count(db, "outbox_messages") == before, "told once"
    assert await count(db, "steps", "subject_kind = 'accreditation'") == 2


async def test_a_planned_removal_can_be_called_off_or_brought_forward(
    browser: Browser, db: AsyncSession, officer: Member, clock: FixedClock
) -> None:
    organisation = await make_organisation(db)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)
    address = f"/accreditations/{row.id}"
    staff = await browser.signed_in(officer)
    await staff.post(address, {"decision": "remove", "reason": "Ends", "remove_on": "2027-03-10"})
    await staff.post(address, {"decision": "extend", "reason": "x", "last_day": "2031-01-01"}, expect=409)
    later = {"decision": "remove", "reason": "Later", "remove_on": "2027-03-12"}
    assert "remove_on" in (await staff.post(address, later, expect=422)).errors()
    await staff.post(address, {"decision": "reinstate", "reason": "Put right"})
    await at(clock, date(2027, 3, 10))
    staff = await again(browser, db, officer)
    assert await count(db, "accreditations", "status = 'live' AND removed_on IS NULL") == 1
    await staff.post(address, {"decision": "remove", "reason": "After all", "remove_on": "2027-03-12"})
    await at(clock, date(2027, 3, 12))
    staff = await again(browser, db, officer)
    assert await count(db, "accreditations", "status = 'removed'") == 1
    await staff.post(address, {"decision": "reinstate", "reason": "x"}, expect=409)


async def test_one_that_has_ended_is_not_extended_over_the_gap(
    browser: Browser, db: AsyncSession, officer: Member
) -> None:
    organisation = await make_organisation(db)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE, live_until=TODAY)
    address = f"/accreditations/{row.id}"
    staff = await browser.signed_in(officer)
    assert "It has ended. Accredit the organisation again" in (await staff.open(address)).words
    await staff.post(address, {"decision": "extend", "reason": "x", "last_day": "2030-01-01"}, expect=409)


# The right to reply


async def test_a_provider_replies_once_in_time_and_the_council_answers(
    browser: Browser, db: AsyncSession, officer: Member, clock: FixedClock, mailbox: Mailbox
) -> None:
    # The provider's people act in another council than the one that decides.
    home = await make_council(db)
    organisation = await make_organisation(db, home_council_id=home.id)
    provider = await make_member(db, Role.PROVIDER, home, organisation_id=organisation.id, email="group@test.example")
    stranger = await make_member(db, Role.PROVIDER, home, organisation_id=(await make_organisation(db)).id)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)
    address = f"/accreditations/{row.id}"
    staff, theirs = await browser.signed_in(officer), await browser.signed_in(provider)
    other = await browser.signed_in(stranger)
    await staff.post(address, {"decision": "suspend", "reason": "Rotas were not kept"})
    await run_tasks()
    assert any("You can reply until 13 March 2027" in one.body for one in mailbox.envelopes)
    action_id = (await db.scalars(select(AccreditationAction.id))).one()
    page = await theirs.open("/provider/standing")
    assert "Suspended from 3 March 2027" in page.words
    assert "Rotas were not kept" in page.words
    reply = f"/provider/standing/actions/{action_id}/reply"
    empty = await theirs.post(reply, {}, expect=422)
    assert empty.errors() == {f"reply_{action_id}": "Enter your reply"}
    await other.post(reply, {f"reply_{action_id}": "Not mine"}, expect=404)
    await theirs.post(reply, {f"reply_{action_id}": "They were kept: see the log"})
    await theirs.post(reply, {f"reply_{action_id}": "And more"}, expect=409)
    await run_tasks()
    assert any("replied to your decision" in one.subject for one in mailbox.envelopes)
    page = await staff.open(address)
    assert "They were kept: see the log" in page.words
    answer = f"{address}/actions/{action_id}/answer"
    await staff.post(answer, {f"answer_{action_id}": "Thank you. We look at the log"})
    await staff.post(answer, {f"answer_{action_id}": "Again"}, expect=409)
    await run_tasks()
    assert any("answered your reply" in one.subject for one in mailbox.envelopes)
    assert "We look at the log" in (await theirs.open("/provider/standing")).words
    assert await count(db, "audit_entries", "action IN ('providers.reply_to_decision', 'providers.answer_reply')") == 2


async def test_a_reply_that_comes_too_late_is_refused(
    browser: Browser, db: AsyncSession, officer: Member, clock: FixedClock
) -> None:
    organisation = await make_organisation(db)
    provider = await make_member(db, Role.PROVIDER, officer.council, organisation_id=organisation.id)
    row = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)
    now = datetime(2027, 2, 1, 9, tzinfo=UTC)
    action = AccreditationAction(
        council_id=officer.council.id,
        accreditation_id=row.id,
        organisation_id=organisation.id,
        kind=ActionKind.SUSPEND,
        starts_on=now.date(),
        reason="x",
        made_at=now,
        reply_until=date(2027, 3, 2),
    )
    db.add(action)
    await db.flush()
    action_id = action.id
    theirs = await browser.signed_in(provider)
    page = await theirs.post(
        f"/provider/standing/actions/{action_id}/reply", {f"reply_{action_id}": "Late"}, expect=409
    )
    assert "The last day was 2 March 2027" in page.words


# The calendar (V4) and invariant 6


async def test_on_the_day_evidence_ends_nothing_new_is_offered_and_what_is_agreed_stays(
    browser: Browser, db: AsyncSession, clock: FixedClock, mailbox: Mailbox
) -> None:
    broker = await make_broker(db)
    worker, planner = await make_planner(db, broker.council)
    organisation_id, council_id = worker.organisation_id, broker.council.id
    row = (await db.scalars(select(Accreditation))).one()
    row.evidence = ["dbs"]
    paper = await make_evidence(
        db, await db.get_one(type(await make_organisation(db)), organisation_id), EvidenceKind.DBS, expires_on=ENDS
    )
    taken, someone = await make_case(db, broker)
    taken_offer = await make_offer(db, broker, taken, someone, worker)
    await OfferService(db).accept(planner.principal, taken_offer.id)

    async def usable() -> int:
        found = await PlannerService(db).candidates(council_id, from_day=TODAY, weeks=1, plans_per_week=5)
        return sum(len(item.accredited) for item in found)

    await at(clock, ENDS - timedelta(days=1))
    assert await usable() == 1
    referral, person = await make_case(db, broker)
    offer_id = (await make_offer(db, broker, referral, person, worker)).id
    await run_tasks()
    assert "StandingChanged" not in await events(db)

    clock.move_to(datetime(2027, 3, 20, 0, 5, tzinfo=UTC))
    assert await usable() == 0
    theirs = await browser.signed_in(planner)
    page = await theirs.post(f"/offers/{offer_id}/accept", expect=409)
    assert "DBS check ended after 19 March 2027" in page.words
    assert await count(db, "offers", "status = 'withdrawn'") == 1

    await at(clock, ENDS)
    await at(clock, ENDS, 12)
    await run_tasks()
    stopped = [item for item in await events(db) if item == "StandingChanged"]
    assert len(stopped) == 1, "told once"
    assert any("no new work for support planning" in one.subject for one in mailbox.envelopes)
    assert await count(db, "offers", "status = 'accepted'") == 1, "what is agreed goes on"

    await db.refresh(paper)
    await make_evidence(
        db, await db.get_one(type(await make_organisation(db)), organisation_id), EvidenceKind.DBS, issued_on=ENDS
    )
    await at(clock, ENDS, 14)
    assert [item for item in await events(db) if item == "StandingChanged"] == ["StandingChanged"] * 2
    assert await usable() == 1


async def test_requests_are_closed_and_visits_stay_when_evidence_ends(
    browser: Browser, db: AsyncSession, clock: FixedClock, mailbox: Mailbox
) -> None:
    scene = await make_scene(db)
    row = (await db.scalars(select(Accreditation))).one()
    row.evidence = ["dbs"]
    await make_evidence(db, scene.organisation, EvidenceKind.DBS, expires_on=VISIT_ON)
    asked = await make_booking(db, scene)
    agreed = await make_booking(db, scene, BookingStatus.ACCEPTED, on=VISIT_ON + timedelta(days=1))
    await watch_standing()
    # The check is in date today, so a visit after its end may still be booked.
    clock.move_to(datetime(2027, 3, 4, 10, tzinfo=UTC))
    person = await again(browser, db, scene.member)
    await person.post("/bookings", scene.form(on=date(2027, 3, 8), starts_local="14:00"))
    clock.move_to(datetime(2027, 3, 5, 6, tzinfo=UTC))
    person, provider = await again(browser, db, scene.member), await again(browser, db, scene.provider)
    page = await person.post("/bookings", scene.form(on=date(2027, 3, 9)), expect=422)
    assert "does not pay" in page.errors()["funding"]
    # One is answered before the calendar comes round, the other by it.
    await provider.post(f"/provider/bookings/{asked.id}/accept")
    assert "You cannot accept this visit" in (await provider.open(f"/provider/bookings/{asked.id}")).words
    assert await count(db, "bookings", "status = 'declined'") == 1
    await watch_standing()
    await run_tasks()
    assert await count(db, "bookings", "status = 'declined'") == 2
    assert await count(db, "bookings", f"status = 'accepted' AND id = '{agreed.id}'") == 1
    told = [one.body for one in mailbox.envelopes if one.subject == "Your visit was declined"]
    assert len(told) == 2
    assert all("takes no new visits at present" in one and "They say" not in one for one in told)


async def test_evidence_that_is_refused_or_seen_changes_standing_at_once(
    browser: Browser, db: AsyncSession, officer: Member
) -> None:
    organisation = await make_organisation(db, home_council_id=officer.council.id)
    await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE, evidence=["safeguarding_policy"])
    paper = await make_evidence(db, organisation, EvidenceKind.SAFEGUARDING_POLICY, seen_at=None)
    paper_id = paper.id
    await watch_standing()
    staff = await browser.signed_in(officer)
    await staff.post(f"/evidence/{paper_id}/seen")
    assert await count(db, "countersignatures", "withdrawn_at IS NULL") == 1
    await run_tasks()
    await staff.post(f"/evidence/{paper_id}/refused", {"reason": "Out of date"})
    await run_tasks()
    found = (
        await db.scalars(text("SELECT body ->> 'counts' FROM outbox_messages WHERE event = 'StandingChanged'"))
    ).all()
    assert found == ["true", "false"]
    row = (await db.scalars(select(Evidence).execution_options(populate_existing=True))).one()
    assert row.refused_at is not None
    assert await count(db, "countersignatures", "withdrawn_at IS NULL") == 0


async def test_a_lot_that_needs_a_registration_counts_only_with_one(
    db: AsyncSession, officer: Member, clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = False

    async def is_registered(db: AsyncSession, organisation_id: Any) -> bool:
        return registered

    monkeypatch.setattr("marketplace.providers.service.standing.watch.is_registered", is_registered)
    organisation = await make_organisation(db)
    lot = await make_lot(db, officer.council.id, evidence=[], needs_registration=True)
    await StandingService(db).award(
        officer.principal,
        organisation_id=organisation.id,
        lot=lot,
        service_line=ServiceLine.SUPPORT_PLANNING,
        live_from=TODAY,
        live_until=date(2028, 1, 1),
        reason="x",
    )
    await db.flush()
    await run_tasks()

    async def live_on_days() -> list[bool]:
        is_live = AccreditationRepository(db).is_live
        line = ServiceLine.SUPPORT_PLANNING
        return [await is_live(organisation.id, officer.council.id, line, TODAY + timedelta(days=n)) for n in range(4)]

    assert await live_on_days() == [False] * 4
    registered = True
    await at(clock, TODAY + timedelta(days=2))
    assert await live_on_days() == [False, False, True, True]
    registered = False
    await at(clock, TODAY + timedelta(days=3))
    assert await live_on_days() == [False, False, True, False]
    assert await count(db, "accreditations", "status = 'live'") == 1


# The register of a day


async def test_the_register_of_a_day_tells_what_counted_then_whatever_came_later(
    browser: Browser, db: AsyncSession, officer: Member, clock: FixedClock
) -> None:
    council_id = officer.council.id
    held = await make_organisation(db, name="Amber Aid")
    lapsed = await make_organisation(db, name="Brook Care")
    gone = await make_organisation(db, name="Cedar Help")
    rows = {
        name: await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE, **given)
        for name, organisation, given in (
            ("held", held, {}),
            ("lapsed", lapsed, {"evidence": ["dbs"]}),
            ("gone", gone, {}),
        )
    }
    await make_evidence(db, lapsed, EvidenceKind.DBS, expires_on=date(2027, 3, 8))
    staff = await browser.signed_in(officer)

    async def on(day: date) -> list[str]:
        return [row.organisation_name for row in await StandingRepository(db).accredited_on(council_id, day)]

    everybody = ["Amber Aid", "Brook Care", "Cedar Help"]
    ids = {name: row.id for name, row in rows.items()}
    assert await on(TODAY) == everybody
    planned = {"decision": "suspend", "reason": "Safeguarding", "suspend_on": "2027-03-04"}
    await staff.post(f"/accreditations/{ids['held']}", planned)
    await at(clock, date(2027, 3, 9))
    staff = await again(browser, db, officer)
    await staff.post(f"/accreditations/{ids['held']}", {"decision": "reinstate", "reason": "Put right"})
    await staff.post(f"/accreditations/{ids['gone']}", {"decision": "remove", "reason": "Closed"})
    await db.execute(text("UPDATE evidence SET refused_because = 'Forged', refused_at = now() + interval '1 year'"))
    assert await on(date(2027, 3, 3)) == everybody
    assert await on(date(2027, 3, 5)) == ["Brook Care", "Cedar Help"]
    assert await on(date(2027, 3, 8)) == ["Cedar Help"]
    assert await on(date(2027, 3, 9)) == ["Amber Aid"]
    assert await on(date(2028, 6, 1)) == ["Amber Aid"]
    assert await on(date(2031, 1, 1)) == []

    page = await staff.open("/accreditation/register?day-day=5&day-month=3&day-year=2027")
    assert "2 of 3 accreditations" in page.words
    assert "Suspended from 4 March 2027 to 8 March 2027" in page.words
    page = await staff.open("/accreditation/register?day=2027-03-09&service=home_care")
    assert "DBS check ended after 7 March 2027" in page.words
    assert "Removed from 9 March 2027" in page.words
    assert "Nobody" in (await staff.open("/accreditation/register?day=2027-03-09&service=equipment")).words
    odd = await staff.get("/accreditation/register?day-day=31&day-month=2&day-year=2027", expect=422)
    assert "day" in odd.errors()
    sheet = await staff.get("/accreditation/register.csv?day=2027-03-08")
    lines = sheet.text.splitlines()
    assert len(lines) == 4
    assert lines[1].startswith("Amber Aid,Home care,,2027-01-01,")
    assert "Suspended from 4 March 2027" in lines[1]
    await db.refresh(officer.council)
    planner = await browser.signed_in(await make_member(db, Role.PLANNER, officer.council))
    await planner.get("/accreditation/register", expect=403)


async def test_the_register_is_paged_by_name(
    browser: Browser, db: AsyncSession, officer: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("Alder", "Birch", "Cherry"):
        await make_accreditation(db, await make_organisation(db, name=name), officer.council, ServiceLine.HOME_CARE)
    monkeypatch.setattr("marketplace.providers.service.standing.register.PAGE", 2)
    staff = await browser.signed_in(officer)
    first = await staff.open("/accreditation/register?day=2027-03-03")
    assert "Birch" in first.words
    assert "Cherry" not in first.words
    second = await staff.open(first.link(r"after="))
    assert "Cherry" in second.words
    assert "Birch" not in second.words


async def test_a_suspended_provider_that_asks_sees_other_councils_too(
    browser: Browser, db: AsyncSession, officer: Member
) -> None:
    there = await make_council(db, name="Farshire Council")
    organisation = await make_organisation(db)
    await make_evidence(db, organisation, EvidenceKind.LIABILITY_INSURANCE, expires_on=ENDS)
    here = await make_accreditation(db, organisation, officer.council, ServiceLine.HOME_CARE)
    await make_accreditation(db, organisation, there, ServiceLine.COMMUNITY_SUPPORT)
    await suspend(db, here)
    provider = await make_member(db, Role.PROVIDER, officer.council, organisation_id=organisation.id)
    page = await (await browser.signed_in(provider)).open("/provider/standing")
    assert "Community support for Farshire Council" in page.words
    assert "it stops on 20 March 2027: Public liability insurance ended after 19 March 2027" in page.words
    assert "Suspended" in page.words


async def test_each_decision_is_told_to_the_provider_in_its_own_words(
    browser: Browser, db: AsyncSession, officer: Member, mailbox: Mailbox
) -> None:
    organisation = await make_organisation(db, name="Amber Aid")
    await make_member(db, Role.PROVIDER, officer.council, organisation_id=organisation.id, email="amber@test.example")
    await make_member(db, Role.BROKER, officer.council, email="broker@test.example")
    organisation_id = organisation.id
    staff = await browser.signed_in(officer)
    award = {"service_line": "home_care", "live_from": "2027-03-03", "last_day": "2028-03-02", "reason": "Seen"}
    await staff.post(f"/organisations/{organisation_id}/accreditations", award)
    address = f"/accreditations/{(await db.scalars(select(Accreditation.id))).one()}"
    for form in (
        {"decision": "extend", "reason": "Renewed", "last_day": "2029-03-02"},
        {"decision": "suspend", "reason": "Rotas", "suspend_on": "2027-03-10"},
        {"decision": "reinstate", "reason": "Put right"},
        {"decision": "remove", "reason": "Closed down"},
    ):
        await staff.post(address, form)
    await run_tasks()
    told = {one.subject: one.body for one in mailbox.envelopes}
    for subject, words in (
        ("You are accredited for home care", "from 3 March 2027 to"),
        ("Your accreditation for home care is extended", "Its last day is now 2 March 2029"),
        ("Your accreditation for home care is suspended", "The council suspends the accreditation of Amber Aid"),
        ("Your accreditation for home care is reinstated", "Offers and bookings can come in again"),
        ("Your accreditation for home care is removed", "Its reason: Closed down"),
        ("Amber Aid: no new work for home care from 10 March 2027", "What is agreed goes on: 0 people"),
        ("Amber Aid: reinstated for home care", "is reinstated for home care"),
    ):
        assert words in told[subject], (subject, told[subject])
