"""A journey of a file that comes from the case system."""

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.accreditation import send
from tests.journeys.conftest import Site
from tests.journeys.money_steps import stays_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WAYS = ("desktop-with-scripts",)


@pytest.mark.parametrize("way", WAYS)
def test_a_file_of_referrals_comes_in_and_says_what_became_of_each_row(
    site: Site, walk: Any, tmp_path: Path, way: str
) -> None:
    """L12: nothing chosen, then a file with a good row and a wrong one."""
    is_phone = way != WAYS[0]
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
