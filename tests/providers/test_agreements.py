"""Agreements: offered, signed by both sides, versioned; accredited only then and only from the first day."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from marketplace.accounts.permissions import Role
from marketplace.core.database import scope_to
from marketplace.core.errors import Forbidden, InvalidInput, NotFound, StepRefused
from marketplace.providers.errors import HasInterest, SameHand
from marketplace.providers.models import LotOutcome, ServiceLine
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.service.agreement_words import ExtendForm, SignForm, add_months, are_terms_true, shown_hash
from marketplace.providers.service.agreements import AgreementService
from marketplace.providers.service.evaluation.decisions import DecisionService
from marketplace.providers.states import AgreementStatus, ApplicationStatus
from tests.browser import count, events
from tests.factories import make_member
from tests.factories_evaluation import awarded, decision, make_bench, moderated, refusals, told

SIGNED = SignForm("Pat Provider", "Director", "")


async def test_the_terms_name_both_sides_the_lots_and_the_days(db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    assert row.status is AgreementStatus.OFFERED
    assert row.reference == bench.application.reference.replace("A-", "AG-")
    assert (row.starts_on, row.ends_on) == (date(2027, 4, 1), date(2030, 4, 1))
    assert row.sign_by == date(2027, 4, 2)
    for words in (
        bench.council.name,
        f"{bench.organisation.name} does for {bench.council.name} what it promised.",
        "- Lot 1a: Planning, for 36 months",
        "- Lot 1b: Money, for 24 months",
        "It counts from 1 April 2027",
    ):
        assert words in row.terms
    assert are_terms_true(row)


async def test_an_organisation_is_accredited_only_when_both_have_signed_and_only_from_the_first_day(db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service, register = AgreementService(db), AccreditationRepository(db)

    async def is_live(line=ServiceLine.SUPPORT_PLANNING):
        await scope_to(db, "every")
        return await register.is_live(bench.organisation.id, bench.council.id, line, clock.now().date())

    await service.sign(bench.provider.principal, row.id, SIGNED)
    assert await count(db, "accreditations") == 0
    await service.countersign(bench.second.principal, row.id, SignForm("Mo Manager", "Head of service", ""))
    assert row.status is AgreementStatus.SIGNED
    accreditations = (
        await db.execute(
            text("SELECT service_line, live_from, live_until, agreement_id FROM accreditations ORDER BY 1")
        )
    ).all()
    assert [tuple(item) for item in accreditations] == [
        ("money_management", date(2027, 4, 1), date(2029, 4, 1), row.id),
        ("support_planning", date(2027, 4, 1), date(2030, 4, 1), row.id),
    ]
    assert not await is_live(ServiceLine.MONEY_MANAGEMENT)
    clock.move_to(datetime(2027, 3, 31, 22, 59, tzinfo=UTC))
    assert not await is_live(ServiceLine.MONEY_MANAGEMENT)
    clock.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert await is_live(ServiceLine.MONEY_MANAGEMENT)
    clock.move_to(datetime(2029, 4, 1, 9, tzinfo=UTC))
    assert not await is_live(ServiceLine.MONEY_MANAGEMENT)


async def test_signed_after_the_first_day_it_counts_from_the_day_of_the_second_signature(db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service = AgreementService(db)
    await service.sign(bench.provider.principal, row.id, SIGNED)
    clock.move_to(datetime(2027, 4, 20, 9, tzinfo=UTC))
    await service.countersign(bench.second.principal, row.id, SIGNED)
    assert (row.starts_on, row.ends_on) == (date(2027, 4, 20), date(2030, 4, 20))
    assert await count(db, "accreditations", "live_from = '2027-04-20'") == 2


async def test_who_decided_does_not_sign_for_the_council(db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service = AgreementService(db)
    await service.sign(bench.provider.principal, row.id, SIGNED)
    with pytest.raises(SameHand) as refused:
        await service.countersign(bench.lead.principal, row.id, SIGNED)
    assert "somebody else signs for the council" in str(refused.value)
    assert await refusals(db) == [("providers.countersign_agreement", str(refused.value))]
    assert row.status is AgreementStatus.PROVIDER_SIGNED
    assert await count(db, "accreditations") == 0


async def test_who_worked_for_the_organisation_does_not_sign_for_the_council(db):
    bench = await make_bench(db)
    member = await make_member(db, Role.PROVIDER, bench.council, organisation_id=bench.organisation.id)
    await db.execute(
        text("UPDATE memberships SET user_id = :user WHERE id = :id"),
        {"user": bench.second.user.id, "id": member.membership.id},
    )
    row = await awarded(db, bench)
    await AgreementService(db).sign(bench.provider.principal, row.id, SIGNED)
    with pytest.raises(HasInterest):
        await AgreementService(db).countersign(bench.second.principal, row.id, SIGNED)


async def test_the_organisation_signs_first(db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    with pytest.raises(StepRefused):
        await AgreementService(db).countersign(bench.second.principal, row.id, SIGNED)
    assert await count(db, "accreditations") == 0


async def test_nobody_signs_what_another_page_showed(db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    with pytest.raises(StepRefused):
        await AgreementService(db).sign(bench.provider.principal, row.id, SignForm("Pat", "Director", "abcdefabcdef"))
    await AgreementService(db).sign(bench.provider.principal, row.id, SignForm("Pat", "Director", shown_hash(row)))
    with pytest.raises(IntegrityError):
        async with db.begin_nested():
            await db.execute(text("UPDATE agreements SET terms = 'Other terms'"))


async def test_only_the_organisation_itself_sees_and_signs_it_also_from_another_council(db):
    bench = await make_bench(db)
    home = await make_member(db, Role.PROVIDER, organisation_id=bench.organisation.id)
    stranger = await make_member(db, Role.PROVIDER, bench.council, organisation_id=bench.organisation.id)
    other = await make_bench(db)
    planner = await make_member(db, Role.PLANNER, bench.council, organisation_id=bench.organisation.id)
    row = await awarded(db, bench)
    service = AgreementService(db)
    with pytest.raises(NotFound):
        await service.own(other.provider.principal, row.id)
    with pytest.raises(NotFound):
        await service.sign(other.provider.principal, row.id, SIGNED)
    with pytest.raises(Forbidden):
        await service.sign(planner.principal, row.id, SIGNED)
    with pytest.raises(NotFound):
        await service.find(other.lead.principal, row.id)
    with pytest.raises(NotFound):
        await service.countersign(other.second.principal, row.id, SIGNED)
    # Its people hold their role in another council than the one that awarded.
    await scope_to(db, [home.council.id])
    assert (await service.sign(home.principal, row.id, SIGNED)).status is AgreementStatus.PROVIDER_SIGNED
    assert [item.id for item in await service.own_list(stranger.principal)] == [row.id]


async def test_a_declined_agreement_can_be_offered_again_as_the_next_version(db):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service = AgreementService(db)
    await service.decline(bench.provider.principal, row.id, "We have no staff in April")
    await scope_to(db, "every")
    assert row.status is AgreementStatus.DECLINED
    with pytest.raises(StepRefused):
        await service.sign(bench.provider.principal, row.id, SIGNED)
    await scope_to(db, "every")
    following = await service.offer_again(bench.lead.principal, row.id)
    assert (following.reference, following.number) == (row.reference, 2)
    with pytest.raises(StepRefused):
        await service.offer_again(bench.lead.principal, row.id)


async def test_after_its_last_day_it_is_signed_only_when_the_council_gave_more_time(db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service = AgreementService(db)
    clock.move_to(datetime(2027, 4, 2, 22, tzinfo=UTC))
    assert not service.may_offer_again(row)
    clock.move_to(datetime(2027, 4, 3, 9, tzinfo=UTC))
    with pytest.raises(StepRefused, match=r"last day to sign it was 2 April 2027\. Ask the council for more time"):
        await service.sign(bench.provider.principal, row.id, SIGNED)
    assert row.status is AgreementStatus.OFFERED
    await scope_to(db, [bench.council.id])
    for wrong in (date(2027, 4, 2), date(2027, 4, 1), date(2028, 4, 3)):
        with pytest.raises(InvalidInput) as refused:
            await service.extend(bench.lead.principal, row.id, ExtendForm(wrong, "They asked"))
        assert set(refused.value.fields) == {"sign_by"}
    with pytest.raises(Forbidden):
        await service.extend(bench.provider.principal, row.id, ExtendForm(date(2027, 4, 9), "We asked"))
    row.reminded_at = clock.now()
    await service.extend(bench.lead.principal, row.id, ExtendForm(date(2027, 4, 9), "Their trustees met late"))
    assert (row.sign_by, row.reminded_at, row.number) == (date(2027, 4, 9), None, 1)
    kept = (
        await db.execute(
            text("SELECT why, before, after FROM audit_entries WHERE action = 'providers.extend_agreement'")
        )
    ).one()
    assert kept.why == "Their trustees met late"
    assert (kept.before["sign_by"], kept.after["sign_by"]) == ("2027-04-02", "2027-04-09")
    assert (await events(db))[-1] == "AgreementMoved"
    await service.sign(bench.provider.principal, row.id, SIGNED)
    await scope_to(db, [bench.council.id])
    with pytest.raises(StepRefused):
        await service.extend(bench.lead.principal, row.id, ExtendForm(date(2027, 5, 9), "Again"))


async def test_the_pages_say_that_it_is_too_late_and_give_more_time(browser, db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    own, theirs = f"/provider/agreements/{row.id}", f"/accreditation/agreements/{row.id}"
    clock.move_to(datetime(2027, 4, 3, 9, tzinfo=UTC))
    provider, lead = await browser.signed_in(bench.provider), await browser.signed_in(bench.lead)
    page = await provider.open(own)
    assert "The last day to sign it was 2 April 2027. It cannot be signed now." in page.words
    assert "Sign for your organisation" not in page.words
    await provider.post(own, {"name": "Pat", "role": "Director", "agrees": "yes"}, expect=409)
    page = await lead.post(f"{theirs}/more-time", {}, expect=422)
    assert set(page.errors()) == {"sign_by", "extension_reason"}
    await lead.post(f"{theirs}/more-time", {"sign_by": "2027-04-09", "extension_reason": "Their trustees met late"})
    assert "9 April 2027" in (await lead.open(theirs)).words
    assert "Sign for your organisation" in (await provider.open(own)).words


async def two_versions(db):
    """Both signed: the first for one lot, the second for both. Returns the bench and the versions."""
    bench = await make_bench(db)
    await moderated(db, bench)
    decide = DecisionService(db)
    await decide.decide(
        bench.lead.principal, bench.application.id, decision(bench, LotOutcome.AWARDED, LotOutcome.REFUSED)
    )
    service = AgreementService(db)
    first = (await AgreementRepository(db).of_applications([bench.application.id]))[bench.application.id]
    await service.sign(bench.provider.principal, first.id, SIGNED)
    await service.countersign(bench.second.principal, first.id, SIGNED)
    # An appeal that was upheld brought the application back; now the second lot is awarded, too.
    bench.application.status = ApplicationStatus.MODERATED
    await db.flush()
    await decide.decide(
        bench.lead.principal, bench.application.id, decision(bench, LotOutcome.AWARDED, LotOutcome.AWARDED)
    )
    second = (await AgreementRepository(db).of_applications([bench.application.id]))[bench.application.id]
    assert (second.reference, second.number) == (first.reference, 2)
    await service.sign(bench.provider.principal, second.id, SIGNED)
    await service.countersign(bench.second.principal, second.id, SIGNED)
    await scope_to(db, "every")
    return bench, first, second


async def test_what_a_replaced_agreement_carried_rests_on_the_newer_one(db, clock):
    _, first, second = await two_versions(db)
    service = AgreementService(db)
    clock.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert await service.turn() == 1
    assert first.status is AgreementStatus.REPLACED
    assert await count(db, "accreditations", f"agreement_id = '{first.id}'") == 0
    assert await count(db, "accreditations", f"agreement_id = '{second.id}'") == 2


async def test_an_agreement_stays_in_force_for_a_lot_that_the_newer_one_leaves_out(db, clock, monkeypatch):
    _, first, second = await two_versions(db)
    lots = AgreementService.lots

    async def without_the_first(self, row):
        # As after a later round in which the organisation applied for the other lot alone.
        found = await lots(self, row)
        return found if row is first else [lot for lot in found if str(lot.id) not in first.lot_ids["lots"]]

    monkeypatch.setattr(AgreementService, "lots", without_the_first)
    clock.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert await AgreementService(db).turn() == 0
    assert (first.status, second.status) == (AgreementStatus.SIGNED, AgreementStatus.SIGNED)
    assert await count(db, "accreditations", f"agreement_id = '{first.id}'") == 1


async def test_a_new_version_replaces_the_signed_one_from_its_first_day(db, clock):
    _, first, second = await two_versions(db)
    service = AgreementService(db)
    assert first.status is AgreementStatus.SIGNED
    assert await count(db, "accreditations") == 2
    clock.move_to(datetime(2027, 4, 1, 9, tzinfo=UTC))
    assert await service.turn() == 1
    assert (first.status, second.status) == (AgreementStatus.REPLACED, AgreementStatus.SIGNED)
    clock.move_to(datetime(2030, 4, 1, 9, tzinfo=UTC))
    assert await service.turn() == 1
    assert second.status is AgreementStatus.ENDED
    assert await service.turn() == 0


async def test_the_organisation_is_reminded_once_before_its_days_run_out(db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    await scope_to(db, "every")
    service = AgreementService(db)
    assert await service.remind() == 0
    clock.advance(timedelta(days=23))
    assert await service.remind() == 1
    assert await service.remind() == 0
    assert row.reminded_at is not None
    assert (await events(db))[-1] == "AgreementMoved"


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        ({}, {"name", "role", "agrees"}),
        ({"name": "Pat", "role": "Director"}, {"agrees"}),
        ({"name": " ", "role": "Director", "agrees": "yes"}, {"name"}),
        ({"name": "P" * 200, "role": "Director", "agrees": "yes"}, {"name"}),
    ],
)
def test_a_signature_needs_a_name_a_role_and_the_tick(data, wrong):
    with pytest.raises(InvalidInput) as refused:
        SignForm.read(data)
    assert set(refused.value.fields) == wrong


@pytest.mark.parametrize(
    ("day", "months", "wanted"),
    [
        (date(2027, 4, 1), 36, date(2030, 4, 1)),
        (date(2028, 2, 29), 12, date(2029, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2027, 12, 15), 1, date(2028, 1, 15)),
    ],
)
def test_months_end_on_the_same_day_or_the_last_of_the_month(day, months, wanted):
    assert add_months(day, months) == wanted


async def test_messages_reach_the_side_that_has_the_next_step(db, maker):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    service = AgreementService(db)
    await service.sign(bench.provider.principal, row.id, SIGNED)
    await scope_to(db, [bench.council.id])
    await service.countersign(bench.second.principal, row.id, SIGNED)
    await scope_to(db, "every")
    messages = await told(db)
    first, second = (member.user.email for member in bench.evaluators)
    provider = bench.provider.user.email
    assert ("evaluator_asked", first) in messages
    assert ("evaluator_asked", second) in messages
    assert ("evaluations_complete", bench.lead.user.email) in messages
    assert ("application_decided", provider) in messages
    assert ("agreement_to_countersign", bench.second.user.email) in messages
    assert ("agreement_signed", provider) in messages
    # It was signed before the first message went out: nobody is asked for what is done.
    assert ("agreement_offered", provider) not in messages


async def test_a_refusal_of_the_agreement_is_told_to_the_council_and_a_reminder_to_the_organisation(db, clock):
    bench = await make_bench(db)
    row = await awarded(db, bench)
    provider = bench.provider.user.email
    assert ("agreement_offered", provider) in await told(db)
    clock.advance(timedelta(days=24))
    await AgreementService(db).remind()
    assert (await told(db))[-1] == ("agreement_reminder", provider)
    await AgreementService(db).decline(bench.provider.principal, row.id, "No staff")
    assert ("agreement_declined", bench.lead.user.email) in await told(db)
    body = await db.scalar(text("SELECT body FROM messages WHERE template = 'agreement_declined' LIMIT 1"))
    assert "No staff" in body
