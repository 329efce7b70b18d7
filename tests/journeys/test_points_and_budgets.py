"""Journeys of points and budgets: C4 from a draft to a published version, C5 whether it is affordable each month."""

import re
from collections.abc import Generator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from marketplace.core.clock import LONDON
from marketplace.core.formats import uk_date, uk_month
from tests.journeys.accreditation import path_of, send
from tests.journeys.conftest import Site, serving
from tests.journeys.money_steps import move_to, stays_in
from tests.journeys.points_steps import (
    NIGHT,
    NIGHT_POINTS,
    SIXTY_POINTS,
    as_file,
    cases_of,
    cell,
    made_up_cases,
    previewed,
    set_up,
    upload,
    wrong_samples,
)
from tests.journeys.walker import Walker

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DERBY = "derby.example"
FORBIDDEN, UNFIT = 403, 422


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Generator[Site, None, None]:
    """A demo of this file's own: its last journey moves the clock beyond a month's end."""
    with serving(tmp_path_factory.mktemp("points"), f"points_{worker_id}") as served:
        yield served


@pytest.mark.parametrize(
    ("council", "scripts", "width", "order", "point", "sixty"),
    [
        # What 60 points come to: a year, a week by 52, a week by 7/365 (domain.md 4.7).
        ("lancashire.example", True, 1280, "first", "£100.00", ("6000.00", "115.38", "115.07")),
        ("doncaster.example", False, 390, "after", "£117.647059", ("7058.82", "135.75", "135.37")),
    ],
)
def test_points_are_tried_out_proposed_and_published_by_another_role(
    site: Site,
    walk: Any,
    tmp_path: Path,
    council: str,
    scripts: bool,
    width: int,
    order: str,
    point: str,
    sixty: tuple[str, str, str],
) -> None:
    """C4: sample, points, slice and its order, preview, comparison, two roles, dated; it repeats to the penny."""
    manager = walk(scripts=scripts, width=width)
    manager.sign_in(f"manager@{council}")
    manager.open("/ras")
    assert "No version is in force" in manager.text
    send(manager, "Begin a new version")
    version = path_of(manager)
    manager.press("Propose this version")
    assert "There is a problem" in manager.text
    for words in ("Enter the budget of a year", "Enter how many people use support now", "Upload a sample of cases"):
        assert words in manager.text
    stays_in(manager)

    # Settings: what was typed stays when something is wrong.
    manager.follow("Change the settings")
    manager.fill(title="Points for next year", budget="ten million", people="2000", slice="150")
    manager.press("Save the settings")
    assert "There is a problem" in manager.text
    assert "must be less than 100 per cent" in manager.text
    assert manager.page.locator("[name=budget]").input_value() == "ten million"
    manager.look()
    set_up(manager, version, slice_order=order, weeks="7/365")
    assert ("before" if order == "first" else "after") + " the budget is divided" in manager.text
    a_domain_is_added(manager, version)

    rows = made_up_cases()
    wrong_samples(manager, version, rows)
    upload(manager, version, as_file(rows))
    assert "The sample of 200 cases is in" in manager.page.locator("body").inner_text()
    for words in ("42.5000", point, "£8,500,000.00", "£1,500,000.00", "85,000.0000"):
        assert words in manager.text, words
    assert ("promised twice" in manager.text or "is not there" in manager.text) is (order == "after")
    by_days = cases_of(manager, version)
    set_up(manager, version, slice_order=order)
    by_weeks = cases_of(manager, version)
    case = next(name for name, row in by_weeks.items() if row["points"] == "60")
    assert by_weeks[case]["indicative_annual"] == sixty[0]
    assert (by_weeks[case]["indicative_weekly"], by_days[case]["indicative_weekly"]) == sixty[1:]

    # The preview: drawn, with the figures in tables beside it; compared with what support cost before.
    assert manager.page.locator("[role=img][aria-labelledby^='bands']").count() == 1
    bands = manager.page.locator("#bands-table-caption").locator("xpath=..").locator("tbody tr td:last-child")
    assert sum(int(words.split()[0]) for words in bands.all_text_contents()) == len(rows)
    for group in ("18-64", "65-74", "75-84", "85 and over", "Older people", "Learning disability"):
        assert group in manager.text
    assert "would get less than before" in manager.text
    manager.fill(mean="many")
    manager.press("Work it out")
    assert "Enter a mean from 0 to 100,000, like 46" in manager.text
    manager.fill(mean="46")
    send(manager, "Work it out")
    asked = cell(manager, "what-if-table", "46.00")
    if order == "first":
        assert asked[1:] == ["£9,200,000.00", "£700,000.00", "46.7 per cent"]
    else:
        assert asked[1] == "£10,823,529.43"
    stays_in(manager)
    manager.open(version)

    # Two roles: who proposed it cannot publish it, in the page or by another way.
    send(manager, "Propose this version")
    site.wait_for_mail(f"finance@{council}", "waits for you")
    assert not manager.page.get_by_role("button", name="Publish this version").count()
    forced = manager.page.request.post(f"{site.address}{version}/publish", form={"version": "1"})
    assert forced.status == FORBIDDEN
    finance = walk(scripts=not scripts, width=1670 - width)
    finance.sign_in(f"finance@{council}")
    finance.open(version)
    finance.date("starts_on", site.today - timedelta(days=1))
    finance.press("Publish this version")
    assert "The first day must be today or later" in finance.text
    first_day = site.today if order == "first" else site.today + timedelta(days=9)
    finance.date("starts_on", first_day)
    send(finance, "Publish this version")
    assert f"from {uk_date(first_day)}" in finance.text
    assert not finance.page.get_by_role("link", name="Change the settings").count()
    site.wait_for_mail(f"worker@{council}", "is published")

    # It repeats: from the stored sample, and by the command on the same cases.
    fingerprint = re.search(r"\b[0-9a-f]{64}\b", finance.text)
    assert fingerprint is not None
    finance.follow("Run it again and compare")
    assert "everything is the same, to the penny" in finance.text
    assert fingerprint.group() in finance.text
    stays_in(finance)
    assert cases_of(manager, version) == by_weeks
    again = previewed(tmp_path, rows, order=order, weeks="52")
    assert f"£{float(again['point_value_pence']) / 100:,.6f}".startswith(point)
    assert (again["allocatable_pence"], again["protection_pence"]) == (850_000_000, 150_000_000)
    for one in again["cases"]:
        row = by_weeks[one["case"]]
        assert f"{one['indicative_annual_pence'] / 100:.2f}" == row["indicative_annual"]
        assert f"{one['indicative_weekly_pence'] / 100:.2f}" == row["indicative_weekly"]

    # The public sees what counts today, and not before its day.
    visitor = walk(scripts=scripts, width=width)
    visitor.open("/ready-reckoner")
    name = council.partition(".")[0].capitalize()
    assert (name in visitor.text) is (order == "first")


def a_domain_is_added(walker: Walker, version: str) -> None:
    """Ask about something more: first with an answer too few, then right."""
    walker.open(f"{version}/domains/new")
    walker.fill(label=NIGHT, answer_1="No", points_1="0")
    walker.click(walker.page.get_by_role("button", name=re.compile("^Save")).first)
    assert "Enter at least two answers" in walker.text
    assert walker.page.locator("[name=label]").input_value() == NIGHT
    walker.look()
    walker.fill(answer_2="Yes", points_2="-3")
    walker.click(walker.page.get_by_role("button", name=re.compile("^Save")).first)
    assert "There is a problem" in walker.text
    walker.fill(points_2=str(NIGHT_POINTS))
    walker.click(walker.page.get_by_role("button", name=re.compile("^Save")).first)
    assert cell(walker, "domains", NIGHT)[1:] == ["2", "0", str(NIGHT_POINTS)]


@pytest.mark.parametrize(("who", "scripts", "width"), [("finance", True, 1280), ("manager", False, 390)])
def test_the_watch_says_what_is_spent_and_whom_the_points_serve(
    site: Site, walk: Any, who: str, scripts: bool, width: int
) -> None:
    """C5: points times value against the money, protection, variance, limits; groups, small ones held back."""
    staff = walk(scripts=scripts, width=width)
    staff.sign_in(f"{who}@{DERBY}")
    staff.open("/ras")
    staff.follow(re.compile("Is it affordable"))
    for words in (
        "There is £8,500,000.00 a year to share out, and £1,500,000.00 is protected",
        # 25 people of 46 points each, at £100.00 a point.
        "£115,000.00",
        "it costs £9,200,000.00 a year: 108.2 per cent of what there is, £700,000.00 too much",
        "more than 100 per cent is committed or expected",
        "more than 40 per cent of the protected sum is used",
        "Agreed budgets come to",
    ):
        assert words in staff.text, words
    assert staff.page.locator("[role=img][aria-labelledby^='committed']").count() == 1
    assert staff.page.locator("table:has(#months-caption) tbody tr").count() > 3
    stays_in(staff)
    staff.open("/ras/equality")
    assert "Groups of fewer than 5 are held back" in staff.text
    assert "fewer than 5" in staff.text
    assert staff.page.locator("main svg").count() > 1
    stays_in(staff)

    # Somebody keeps what they had before: it goes on, or it ends; never by itself.
    staff.open("/ras/protections")
    rows = staff.page.locator("main tbody tr")
    before = rows.count()
    staff.click(rows.nth(0 if who == "finance" else 1).locator("a"))
    staff.look()
    protection = path_of(staff)
    if who == "finance":
        staff.date("day", site.today)
        staff.fill(reason="The day centre opens in spring.")
        staff.press("Let it go on")
        assert "The day must be after" in staff.text
        assert "The day centre opens in spring." in staff.page.locator("[name=reason]").input_value()
        until = site.today + timedelta(days=600)
        staff.date("day", until)
        send(staff, "Let it go on")
        assert uk_date(until) in staff.text
    else:
        staff.press("End it")
        assert "There is a problem" in staff.text
        staff.date("end_day", site.today + timedelta(days=28))
        staff.fill(end_reason="The new bath is in, so one visit is enough.")
        send(staff, "End it")
        assert "It was ended" in staff.text
        staff.open("/ras/protections")
        assert staff.page.locator("main tbody tr").count() == before - 1
    stays_in(staff)
    staff.open(protection)
    kind = "goes on for longer" if who == "finance" else "ends"
    site.wait_for_mail(f"@people.{DERBY}", f"A part of your budget {kind}")


@pytest.mark.parametrize(("scripts", "width"), [(True, 390), (False, 1280)])
def test_everybody_can_reckon_what_their_points_come_to(site: Site, walk: Any, scripts: bool, width: int) -> None:
    """T12: no account, nothing kept; 60 points are £6,000.00 a year and £115.38 a week."""
    visitor = walk(scripts=scripts, width=width)
    visitor.open("/ready-reckoner")
    visitor.follow("Derby")
    visitor.choose("answer-washing", "much")
    visitor.press("Show the sum")
    assert "There is a problem" in visitor.text
    assert visitor.page.locator("[name='answer-washing'][value=much]").is_checked()
    visitor.look()
    for name in {group.get_attribute("name") for group in visitor.page.locator("main [type=radio]").all()}:
        assert name is not None
        visitor.choose(name, SIXTY_POINTS.get(name.removeprefix("answer-"), "alone"))
    send(visitor, "Show the sum")
    assert "About £115.38 a week. That is £6,000.00 a year." in visitor.text
    assert "This is a guess, not a promise" in visitor.text
    stays_in(visitor)


def test_a_months_end_is_put_on_record_and_its_alarm_told(site: Site, walk: Any) -> None:
    """C5: managers and finance hear of it by e-mail, and the month stands in the table."""
    month = site.today.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    move_to(site, datetime.combine(next_month, time(9), LONDON))
    for who in ("manager", "finance"):
        site.wait_for_mail(f"{who}@{DERBY}", f"look at version 1 after {uk_month(month)}")
    finance = walk(scripts=True)
    finance.sign_in(f"finance@{DERBY}")
    finance.open("/ras/watch")
    newest = cell(finance, "months", uk_month(month))
    assert newest[1:3] == ["25", "46.00"]
    assert "If everybody has points like these people, the money does not reach" in newest[-1]
