"""An administrator changes what the council decides for itself, and a person reads it on their own page."""

from datetime import timedelta
from typing import Any

import pytest

from tests.journeys.accreditation import send
from tests.journeys.conftest import Site
from tests.journeys.money_steps import stays_in
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "Time to answer a challenge to a budget"


@pytest.mark.parametrize(
    ("scripts", "width", "days"), [(True, 1280, 15), (False, 390, 12)], ids=["desktop", "phone-without-scripts"]
)
def test_a_time_is_changed_and_read_by_the_person_whom_it_concerns(
    site: Site, walk: Any, scripts: bool, width: int, days: int
) -> None:
    admin: Walker = walk(scripts=scripts, width=width)
    admin.sign_in("admin@derby.example")
    admin.open("/settings")
    stays_in(admin)
    admin.fill(q="challenge")
    admin.press("Find")
    stays_in(admin)
    assert "1 setting with “challenge”" in admin.text
    admin.follow(NAME)
    stays_in(admin)

    # What cannot be is said beside its field, and what was typed stays.
    admin.fill(value="0")
    admin.press("Save the change")
    admin.look()
    assert "There is a problem" in admin.text
    assert "must be between 1 and 60" in admin.text
    assert "Enter why it changes" in admin.text
    assert admin.page.locator("[name=value]").input_value() == "0"
    stays_in(admin)

    # For a later day first, which is taken back; then from today.
    admin.fill(value="30", why="The cabinet decided it.")
    admin.date("starts_on", site.today + timedelta(days=40))
    send(admin, "Save the change")
    assert "30 working days from" in admin.page.locator("body").inner_text()
    stays_in(admin)
    admin.click(admin.page.get_by_role("button", name="Take back"))
    assert "is taken back" in admin.page.locator("body").inner_text()
    admin.fill(value=str(days), why="More people answer them now.")
    send(admin, "Save the change")
    assert f"Today {days} working days" in admin.text
    assert "More people answer them now." in admin.text

    person: Walker = walk(scripts=scripts, width=width)
    person.sign_in("person@derby.example")
    person.open("/my-budget")
    assert f"{days} working days" in person.text
