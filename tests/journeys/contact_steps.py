"""Steps of the long walk from a first contact to a signed review, as everybody at a council takes them."""

import re
from datetime import date, timedelta
from email import message_from_bytes, policy
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.models import Membership, User
from marketplace.accounts.permissions import Role
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.models import PostcodeRow
from marketplace.people.models import Person
from marketplace.people.words_assessments import CARER_QUESTIONS
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site
from tests.journeys.walker import Walker

HARD = "The stairs and the shopping have become hard."
WISH = "I want to see my old friends at the match."
CHANGES = ("See my friends on Saturdays", "Wash without fear of a fall")
"""What the assessment agrees on."""
NEEDS = (("hygiene", "Cannot get in and out of the bath alone."), ("relationships", "Sees nobody in the week."))
DOMAINS = ("washing", "eating", "home", "getting_about", "people", "day", "safe", "caring")
SIXTY = {"washing": "much", "eating": "daily", "home": "much", "getting_about": "much", "safe": "much"}
"""Answers that come to 60 points: 18, 8, 8, 10 and 16 (`people.ras.starting`)."""
FOUND = "Two outcomes cannot be achieved, and that weighs on daily life."


class Known(NamedTuple):
    """Somebody whose record the walk goes along."""

    id: UUID
    name: str
    email: str

    @property
    def path(self) -> str:
        """The record's page."""
        return f"/people/{self.id}"


def postcode_in(site: Site, council: str) -> str:
    """Return a postcode that the council serves; the directory, which the site does without, is told of it."""

    async def read(db: AsyncSession) -> str:
        question = select(Person).join(Membership, Membership.person_id == Person.id).join(User)
        found = (await db.scalars(question.where(User.email == f"selffunder@{council}"))).one()
        if await db.get(PostcodeRow, found.postcode) is None:
            place = {"lat": found.lat, "lon": found.lon, "lad_code": found.lad_code}
            db.add(PostcodeRow(postcode=found.postcode, **place))
        return found.postcode

    return site.arrange(read)


def give_account(site: Site, council: str, path: str) -> Known:
    """Let the person of a record sign in, with the password of the demo. An account is given outside the site."""
    person_id = UUID(path.rpartition("/")[2])
    email = f"new-{person_id.hex[-6:]}@{council}"

    async def write(db: AsyncSession) -> str:
        person = await db.get_one(Person, person_id)
        other = (await db.scalars(select(User).where(User.email == f"selffunder@{council}"))).one()
        now = clock_of(db).now()
        user = User(email=email, name=person.name, password_hash=other.password_hash, is_demo=True, created_at=now)
        db.add(user)
        await db.flush()
        role = {"role": Role.PERSON, "starts_on": today(clock_of(db))}
        db.add(Membership(user_id=user.id, council_id=person.council_id, person_id=person.id, **role))
        return person.name

    return Known(person_id, site.arrange(write), email)


# The front door


def ask_online(walker: Walker, postcode: str, name: str) -> None:
    """Ask for help as anybody, and for a call; what is missing is named first and what was typed is kept."""
    walker.open("/ask-for-help")
    walker.fill(words=HARD, postcode="ZZ99 9ZZ")
    walker.press("Continue")
    assert "There is a problem" in walker.text
    walker.look()
    assert walker.page.locator("[name=words]").input_value() == HARD
    walker.choose("asked_by", "self")
    walker.page.locator("select[name=topic]").select_option("older")
    walker.fill(postcode=postcode)
    walker.press("Continue")
    walker.look()
    assert "means-tested" in walker.text
    walker.choose("answer", "call")
    walker.press("Send")
    assert "There is a problem" in walker.text
    walker.fill(name=name, reach="01632 960 111")
    send(walker, "Send")
    assert "Someone will call you" in walker.text


def contact_in_mail(site: Site, council: str, name: str) -> str:
    """Return the page of a contact from the message to the social worker, which does not say who asked."""
    site.wait_for_mail(f"worker@{council}", "Somebody asks for a call")
    found = ""
    for path, (to, subject) in site.mail.items():
        if f"worker@{council}" in to and subject.startswith("Somebody asks for a call"):
            message = message_from_bytes(path.read_bytes(), policy=policy.default)
            body = message.get_body(("plain",))
            assert body is not None
            said = body.get_content()
            assert name.split()[-1] not in said
            assert "960" not in said
            link = re.search(r"/contacts/[0-9a-f-]{36}", said)
            assert link is not None
            found = max(found, link.group())
    return found


def put_on_new_record(walker: Walker, contact: str, name: str, postcode: str) -> str:
    """Record who asked, and put the contact on the record. Returns the record's page."""
    walker.open(contact)
    assert HARD in walker.text
    walker.follow("Put it on somebody’s record")
    assert f"{name} asked" in walker.text
    walker.follow("record somebody new")
    given, family = name.split()
    walker.fill(given_name=given, postcode=postcode)
    walker.press("Record this person")
    assert "There is a problem" in walker.text
    walker.look()
    assert walker.page.locator("[name=given_name]").input_value() == given
    walker.fill(family_name=family, phone="01632 960 111")
    walker.choose("gender", "female")
    walker.choose("needs", "older")
    send(walker, "Record this person")
    assert "Does this contact belong on the record" in walker.text
    walker.look()
    send(walker, "Put it on this record")
    walker.click(walker.page.locator("main a", has_text=f"Record of {name}"))
    walker.look()
    return path_of(walker)


def pass_on(walker: Walker, contact: str, team: str) -> None:
    """Write down how a contact ended: told of what costs, and passed on to a team, which has to be named."""
    walker.open(contact)
    walker.choose("told_means_tested", "yes")
    walker.choose("outcome", "passed_on")
    walker.fill(passed_to="")
    walker.press("Save changes")
    assert "There is a problem" in walker.text
    walker.fill(passed_to=team, outcome_words="Rang back. Wants an assessment.")
    send(walker, "Save changes")
    assert team in walker.text


def take_contact(walker: Walker, name: str, postcode: str, *, channel: str, asked_by: str, team: str) -> str:
    """Take a contact of somebody new as staff do, and pass it on to a team. Returns the record's page."""
    walker.open("/contacts/new")
    walker.follow("record somebody new first")
    given, family = name.split()
    walker.fill(given_name=given, family_name=family, postcode=postcode)
    walker.choose("gender", "female")
    walker.choose("needs", "older")
    send(walker, "Record this person")
    assert name in walker.text
    walker.fill(words=HARD)
    walker.press("Save contact")
    assert "There is a problem" in walker.text
    walker.look()
    assert walker.page.locator("[name=words]").input_value() == HARD
    walker.choose("channel", channel)
    walker.choose("asked_by", asked_by)
    walker.page.locator("select[name=topic]").select_option("older")
    walker.choose("told_means_tested", "yes")
    walker.choose("outcome", "passed_on")
    walker.fill(passed_to=team)
    send(walker, "Save contact")
    walker.click(walker.page.locator("main a", has_text=f"Record of {name}"))
    walker.look()
    return path_of(walker)


def contacts_so_far(walker: Walker) -> int:
    """Return how many contacts of the year the figures of the front door count."""
    walker.open("/contacts/figures")
    assert "Resolved at once" in walker.text
    assert "Target" in walker.text
    found = re.search(r"Told about means-testing \d+ of (\d+)", walker.text)
    assert found is not None, walker.text
    return int(found.group(1))


# The stages


def begin_stage(walker: Walker, person: Known, stage: int, *, tried: str = "", result: str = "") -> None:
    """Begin a stage of somebody; what was tried in the one before is written down with it."""
    walker.open(f"{person.path}/stages")
    walker.choose("stage", str(stage))
    if tried:
        walker.fill(tried=tried, result=result)
    walker.press("Begin this stage")


# The assessment


def assess(walker: Walker, council: str, person: Known, held_on: date) -> str:
    """Assess an adult up to the decision; answers of points are not asked here. Returns the assessment's page."""
    walker.sign_in(f"worker@{council}")
    walker.open(f"{person.path}/assessments")
    walker.press("Begin")
    assert "There is a problem" in walker.text
    walker.choose("kind", "adult")
    send(walker, "Begin")
    walker.look()
    here = path_of(walker)
    assert "Write down at least one need" in walker.text
    for outcome, words in NEEDS:
        walker.open(f"{here}/needs/new")
        walker.choose("outcome", outcome)
        walker.fill(words=words)
        walker.choose("is_eligible", "yes")
        walker.choose("met_by", "council")
        send(walker, "Save")
    walker.open(f"{here}/decision")
    walker.date("held_on", held_on + timedelta(days=400))
    walker.fill(in_my_words=WISH, agreed_outcomes="\n".join(CHANGES), rationale=FOUND)
    walker.choose("is_eligible", "yes")
    walker.press("Save")
    assert "There is a problem" in walker.text
    walker.look()
    assert walker.page.locator("[name=in_my_words]").input_value() == WISH
    walker.date("held_on", held_on)
    send(walker, "Save")
    return here


def set_estimate(walker: Walker, person: Known, weekly: str) -> None:
    """Set an estimate of a budget by hand, where the council has no points. It may be refused."""
    walker.open(f"{person.path}/budgets")
    walker.choose("kind", "support")
    walker.choose("route", "direct_payment")
    walker.fill(weekly=weekly, reason="Six hours of help a week at what such help costs here.")
    walker.press("Set the estimate")


def answer_questions(walker: Walker, assessment: str) -> None:
    """Answer the questions of the points: 60 of them, with the starting domains of the councils (domain.md 4.7)."""
    walker.open(f"{assessment}/answers")
    for key in DOMAINS:
        walker.choose(f"answer-{key}", SIXTY.get(key, "alone"))
    send(walker, "Save")


def decide_charge(walker: Walker, council: str, person: Known, starts_on: date) -> None:
    """Decide as finance what somebody pays, £20 a week; the working is shown before anything is decided."""
    walker.sign_in(f"finance@{council}")
    walker.open("/charges")
    walker.open(f"{person.path}/charges")
    walker.press("Work it out")
    assert "There is a problem" in walker.text
    walker.date("starts_on", starts_on)
    walker.fill(capital="9000", income="250.00", protected="230.00")
    walker.press("Work it out")
    assert "pays £20.00 a week at most" in walker.text
    assert "Nothing is decided yet" in walker.text
    send(walker, "Decide")


def carer_budget(site: Site, staff: Walker, own: Walker, council: str, person: Known) -> None:
    """Take a carer from their own first answers to a break paid once; whom they care for stands on both records."""
    own.sign_in(f"selffunder@{council}")
    carer = own.page.locator(".cm-account__who strong").inner_text()
    own.open("/my-budget/carer")
    own.press("Send")
    assert "There is a problem" in own.text
    for question in CARER_QUESTIONS:
        own.choose(question["key"], question["answers"][-1]["key"])
    own.fill(cares_for="Sybil, my neighbour", in_my_words="I have not slept through for a month.")
    send(own, "Send")
    assert "A social worker looks at this next" in own.text

    staff.sign_in(f"worker@{council}")
    staff.open(person.path)
    reference = re.search(r"P-\d{6}", staff.text)
    assert reference is not None
    record = record_of(site, f"selffunder@{council}")
    staff.open(f"{record}/assessments")
    staff.choose("kind", "carer_stage_2")
    send(staff, "Begin")
    here = path_of(staff)
    staff.open(f"{here}/needs/new")
    staff.page.locator("input[name=outcome]").first.check()
    staff.fill(words="No time for a life of their own.")
    staff.choose("is_eligible", "yes")
    staff.choose("met_by", "council")
    send(staff, "Save")
    staff.open(f"{here}/decision")
    assert "I care for Sybil, my neighbour." in staff.page.locator("[name=in_my_words]").input_value()
    staff.fill(
        cares_for="P-999999", agreed_outcomes="A weekend away each quarter", rationale="Caring harms their sleep."
    )
    staff.date("held_on", site.today)
    staff.choose("is_eligible", "yes")
    staff.press("Save")
    assert "Nobody has this reference" in staff.text
    staff.fill(cares_for=reference.group())
    send(staff, "Save")
    assert f"Cares for {person.name}" in staff.text
    staff.fill(one_off="300", reason="Two weekends away.")
    send(staff, "Complete the assessment")
    staff.open(f"{person.path}/assessments")
    assert carer in staff.text
    own.open("/my-budget")
    assert "£300.00" in own.text


def record_of(site: Site, email: str) -> str:
    """Return the page of the record of somebody who signs in."""

    async def read(db: AsyncSession) -> str:
        question = select(Membership.person_id).join(User).where(User.email == email)
        return f"/people/{await db.scalar(question)}"

    return site.arrange(read)
