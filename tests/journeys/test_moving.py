"""Journeys of somebody who moves to another council, and of files that come from the case system."""

import re
from collections.abc import Generator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketplace.core.clock import LONDON
from tests.journeys.accreditation import send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import move_to, stays_in
from tests.journeys.review_steps import find_person, newcomer

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAYS = ("desktop-with-scripts", "phone-without-scripts")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its journeys move the clock by days."""
    with serving(tmp_path_factory.mktemp("moving"), f"moving_{worker_id}") as served:
        yield served


@pytest.mark.parametrize("way", WAYS)
def test_somebody_moves_and_the_new_council_is_told_on_the_day(site: Site, walk: Any, way: str) -> None:
    """Sections 37 and 38 of the Care Act: asked, passed on, started from, and on the day both are told."""
    is_phone = way == WAYS[1]
    family_name = "Movephone" if is_phone else "Movedesk"
    email, name = newcomer(site, "doncaster.example", family_name)
    who = {"scripts": not is_phone, "width": 390 if is_phone else 1280}
    worker, person, new = walk(**who), walk(**who), walk(**who)
    worker.sign_in("worker@doncaster.example")
    page = find_person(worker, name)
    worker.open(f"{page}/move")
    stays_in(worker)
    worker.press("Record the move")
    assert "There is a problem" in worker.text
    moves_on = site.today + timedelta(days=1)
    worker.date("moves_on", moves_on)
    worker.page.get_by_label(re.compile("Derby")).check()
    send(worker, "Record the move")
    stays_in(worker)
    site.wait_for_mail(email, "Your move: please tell us")

    person.sign_in(email)
    person.open("/my-move")
    stays_in(person)
    person.choose("consent", "yes")
    person.press("Save")
    assert "There is a problem" in person.text
    person.choose("consent", "yes")
    person.choose("shared", "profile")
    person.choose("support", "goes_on")
    send(person, "Save")
    assert "You said yes" in person.text
    site.wait_for_mail("worker@derby.example", "Somebody moves here")

    new.sign_in("worker@derby.example")
    new.open("/incoming-cases")
    stays_in(new)
    cases = new.page.locator("main tbody tr", has_text=family_name)
    new.click(cases.get_by_role("link"))
    new.look()
    stays_in(new)
    case = new.page.url.removeprefix(new.address)
    new.press("Start")
    assert "There is a problem" in new.text

    move_to(site, datetime.combine(moves_on, time(9), LONDON))
    site.wait_for_mail("worker@derby.example", "You are responsible from")
    site.wait_for_mail("worker@doncaster.example", "The day of a move has come")
    site.wait_for_mail(email, "Your move to Derby")
    new.sign_in("worker@derby.example")
    new.open(case)
    assert "You are responsible since" in new.text


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_referrals_comes_in_and_says_what_became_of_each_row(
    site: Site, walk: Any, tmp_path: Path, way: str
) -> None:
    """L12: nothing chosen, then a file with a good row and a wrong one."""
    is_phone = way == WAYS[1]
    walker = walk(scripts=not is_phone, width=390 if is_phone else 1280)
    walker.sign_in("broker@doncaster.example")
    walker.open("/exchange")
    stays_in(walker)
    walker.press("Take the file in")
    assert "There is a problem" in walker.text
    given = tmp_path / "referrals.csv"
    mark = "PH" if is_phone else "DE"
    given.write_text(
        "person_reference,given_name,family_name,born_on,postcode,needs,referral_reference,wants,person_informed,"
        "indicative_weekly_pounds\n"
        f"CS-{mark}1,Grace,Filed,1946-12-09,PR1 2HE,older,REF-{mark}1,To see my friends,yes,150\n"
        f"CS-{mark}2,Ada,Filed,1946-12-09,nowhere,older,REF-{mark}2,To see my friends,yes,150\n"
    )
    walker.page.locator("input[type=file]").set_input_files(given)
    send(walker, "Take the file in")
    walker.sees("Refused 1")
    walker.look()
    stays_in(walker)
    assert "postcode" in walker.text
