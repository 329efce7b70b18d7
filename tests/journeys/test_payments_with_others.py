"""Journeys of direct payments beyond the plain one: a nominee, a fund, mixed routes, paid once, changed capacity."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from marketplace.core.formats import uk_date
from marketplace.plans.states import PlanStatus
from tests.journeys.accreditation import send
from tests.journeys.conftest import Site
from tests.journeys.contact_steps import Known, carer_budget, record_of
from tests.journeys.money_steps import letter, stays_in
from tests.journeys.payment_steps import acts_for, begin, fund_manager, has_papers, meet_conditions, refused
from tests.journeys.review_steps import accept_payment, newcomer, plan_to_sign
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAYS = ("desktop-with-scripts", "phone-without-scripts")
NO_TIME = "I am away until the spring."


def shape(way: str) -> dict[str, Any]:
    """What a walker of one of the ways is made of."""
    is_phone = way == WAYS[1]
    return {"scripts": not is_phone, "width": 390 if is_phone else 1280}


def estimated(worker: Walker, person: str, **sums: str) -> None:
    """Set an estimate by hand, for support unless another kind is given."""
    worker.open(f"{person}/budgets")
    worker.choose("kind", sums.pop("kind", "support"))
    worker.choose("route", "direct_payment")
    worker.fill(reason="What the first talk came to.", **sums)
    send(worker, "Set the estimate")


@pytest.mark.parametrize("way", WAYS)
def test_a_nominee_declines_then_accepts_a_part_that_a_provider_holds_and_capacity_changes_later(
    site: Site, walk: Any, way: str
) -> None:
    """Point 8: half of the budget as a fund, by the month and once; then section 32, taken back, and a death."""
    is_phone = way == WAYS[1]
    council, family = ("doncaster.example", "Fundphone") if is_phone else ("derby.example", "Funddesk")
    worker, person, nominee = (walk(**shape(way)) for _ in range(3))
    email, name = newcomer(site, council, family)
    vera = acts_for(site, council, email, "Vera Nominee")
    plan_to_sign(site, council, email, PlanStatus.SIGNED_OFF)
    page = record_of(site, email)
    fund, fund_name, holder = fund_manager(site, council)
    worker.sign_in(f"worker@{council}")
    estimated(worker, page, weekly="140", one_off="300")

    # The wrong things first: nobody chosen to manage it, no organisation, more than is paid once.
    starts_on = site.today + timedelta(days=3)
    setup = begin(worker, page)
    stays_in(worker)
    worker.choose("managed_by", "authorised")
    refused(worker, "Save", "managed_by")
    worker.choose("managed_by", "nominee")
    worker.choose("frequency", "monthly")
    worker.choose("holding", "provider_managed")
    worker.fill(weekly="70", once="400", needs="Getting out, and a laptop.")
    worker.date("starts_on", starts_on)
    meet_conditions(worker)
    refused(worker, "Offer it to the person", "once")
    worker.fill(once="300")
    refused(worker, "Offer it to the person", "representation_id", "organisation_id")
    stays_in(worker)
    worker.page.locator("[name=representation_id]").select_option(label="Vera Nominee (nominated person)")
    worker.page.locator("[name=organisation_id]").select_option(fund)
    send(worker, "Offer it to the person")
    stays_in(worker)
    assert "The council manages the other £70.00 a week" in worker.text.replace("The rest ", "")

    # The nominee answers first, and says no with a reason; the council and the person are told, each in their words.
    nominee.sign_in(vera)
    nominee.open("/money/set-up")
    stays_in(nominee)
    assert "Will you look after this money?" in nominee.text
    nominee.choose("answer", "no")
    refused(nominee, "Send my answer", "reason")
    nominee.choose("answer", "no")
    nominee.fill(reason=NO_TIME)
    send(nominee, "Send my answer")
    site.wait_for_mail(f"worker@{council}", "A direct payment was not agreed")
    letter(site, email, "the council looks again", says="said no")
    worker.open(setup)
    assert NO_TIME in worker.text
    assert worker.page.locator("[name=weekly]").input_value() == "70.00"
    worker.page.locator("[name=representation_id]").select_option(label="Vera Nominee (nominated person)")
    send(worker, "Offer it to the person")

    # Asked again they say yes; the person, who could not answer before, hears of it and reads all in plain words.
    person.sign_in(email)
    person.open("/money/set-up")
    assert "This waits for Vera Nominee to answer first" in person.text
    assert person.page.get_by_role("button", name="Send my answer").count() == 0
    nominee.open("/money/set-up")
    nominee.choose("answer", "yes")
    refused(nominee, "Send my answer", "has_read")
    nominee.choose("has_read", "yes")
    send(nominee, "Send my answer")
    assert "Now it waits for the person’s own answer" in nominee.text
    site.wait_for_mail(email, "Your turn: do you want your direct payment?")
    accept_payment(person)
    stays_in(person)
    assert "for the first month, then each month by its days, and £300.00 once" in person.text
    assert "The council arranges support for the other £70.00 a week" in person.text
    assert f"{fund_name}. It pays for your support and tells you what is left" in person.text

    # It starts as a part of the budget; the organisation finds it among its funds.
    worker.open(setup)
    send(worker, "Start the payment")
    site.wait_for_mail(email, "Your direct payment starts")
    person.open("/my-budget")
    stays_in(person)
    assert f"From {uk_date(starts_on)} your budget is £140.00 a week" in person.text
    person.open("/money")
    stays_in(person)
    provider = walk(**shape(way))
    provider.sign_in(holder)
    provider.open("/provider/funds")
    stays_in(provider)

    # She loses capacity: the payment stops, and a new one is set up under section 32 for somebody with papers.
    worker.open(setup)
    worker.date("ends_on", site.today - timedelta(days=1))
    worker.fill(stop_reason="You cannot decide on this for now.")
    refused(worker, "Stop the payment", "ends_on")
    worker.date("ends_on", starts_on)
    send(worker, "Stop the payment")
    letter(site, email, "Your direct payment stops")
    person.open("/money/set-up")
    assert "The council now arranges your support" in person.text
    setup = begin(worker, page)
    worker.choose("capacity", "no")
    worker.choose("managed_by", "authorised")
    worker.choose("frequency", "weekly")
    worker.choose("holding", "own_account")
    worker.fill(weekly="70", needs="Getting out.")
    worker.date("starts_on", starts_on)
    refused(worker, "Offer it to the person", "met_supported", "met_best_interests", "representation_id")
    assert "section 32" in worker.text
    meet_conditions(worker, has_capacity=False)
    worker.page.locator("[name=representation_id]").select_option(label="Vera Nominee (nominated person)")
    refused(worker, "Offer it to the person", "representation_id")
    has_papers(site, vera)
    send(worker, "Offer it to the person")
    person.open("/money/set-up")
    assert "This waits for Vera Nominee to answer first" in person.text
    nominee.open("/money/set-up")
    nominee.choose("answer", "yes")
    nominee.choose("has_read", "yes")
    send(nominee, "Send my answer")
    person.open("/money/set-up")
    assert "Vera Nominee said yes for you" in person.text

    # Something changes before it starts: it is taken back. Then the death is recorded, and nothing is open any more.
    worker.open(setup)
    refused(worker, "Take it back to a draft", "reopen_reason")
    worker.fill(reopen_reason="Vera moves away.")
    send(worker, "Take it back to a draft")
    letter(site, email, "the council looks again", says="took back what it had offered")
    worker.open(f"{page}/death")
    worker.date("died_on", site.today)
    worker.page.locator("input[name=sure]").check()
    send(worker, "Record the death")
    worker.open(setup)
    worker.sees("It was recorded that the person has died")
    assert worker.page.get_by_role("button", name="Offer it to the person").count() == 0
    worker.open(page)
    assert worker.page.get_by_role("button", name="Set up a direct payment").count() == 0
    stays_in(worker)
    worker.open("/direct-payment-setups")
    assert name not in worker.text


def test_equipment_is_paid_once_and_a_carer_comes_to_a_budget_in_two_stages_on_a_phone(site: Site, walk: Any) -> None:
    """R14, R15: a sum without weeks and without a plan; a carer's own answers, then the council's, then a break."""
    council = "derby.example"
    worker, person = (walk(scripts=False, width=390) for _ in range(2))
    email, _ = newcomer(site, council, "Equipmentphone")
    page = record_of(site, email)
    worker.sign_in(f"worker@{council}")
    estimated(worker, page, kind="equipment", weekly="0", one_off="450")
    setup = begin(worker, page)
    worker.choose("managed_by", "self")
    worker.choose("frequency", "once")
    worker.choose("holding", "own_account")
    worker.fill(once="450.01", needs="A stair lift that was taken out of another house.")
    worker.date("starts_on", site.today)
    meet_conditions(worker)
    refused(worker, "Offer it to the person", "once")
    worker.fill(once="450")
    send(worker, "Offer it to the person")
    person.sign_in(email)
    person.open("/my-budget")
    assert "For equipment" in person.text
    assert "£450.00, paid once" in person.text
    assert "a week" not in person.page.locator("#budget-equipment").inner_text()
    accept_payment(person)
    assert "£450.00, once" in person.text
    worker.open(setup)
    send(worker, "Start the payment")
    assert "It is paid once, so there is nothing to stop" in worker.text
    person.open("/money/set-up")
    assert re.search(r"Your direct payment (was|is) paid on", person.text)

    carer = walk(scripts=False, width=390)
    page = record_of(site, f"person@{council}")
    worker.open(page)
    name = worker.page.locator("h1").inner_text()
    carer_budget(site, worker, carer, council, Known(UUID(page.rpartition("/")[2]), name, f"person@{council}"))
    stays_in(carer)
