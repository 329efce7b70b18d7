"""A concession in an agreement for places at an activity: said by the person, signed, and written on each visit."""

from sqlalchemy import select

from marketplace.bookings.models import VisitPattern
from marketplace.bookings.service.agreements.pattern_form import line_fields, lines_of, read_lines, rows_of
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.models import Listing
from tests.bookings.agreement_steps import MONDAY, person_form
from tests.factories_bookings import make_scene

FORM = {"visit-1-days": ["1"], "visit-1-time": "11:00", "visit-1-minutes": "60", "visit-1-concession": "carer_free"}


def test_a_concession_is_read_for_places_alone_and_comes_back():
    form = FormReader(FORM)
    (line,) = read_lines(form, is_place=True, concessions=["carer_free"])
    assert (line.concession, line.workers_needed) == ("carer_free", 0)
    assert "concession" in line.words
    (visit,) = read_lines(FormReader(FORM), is_place=False, concessions=["carer_free"])
    assert visit.concession == ""
    unknown = FormReader(FORM | {"visit-1-concession": "free_for_me"})
    read_lines(unknown, is_place=True, concessions=["carer_free"])
    assert "visit-1-concession" in unknown.errors
    ids = {"council_id": new_id(), "agreement_id": new_id()}
    rows = rows_of([line], **ids, starts_on=MONDAY, created_at=None)
    assert lines_of(rows) == (line,)
    assert line_fields([line])["visit-1-concession"] == "carer_free"


async def test_the_form_of_an_activity_asks_for_it_and_keeps_it(browser, db):
    scene = await make_scene(db)
    listing = await db.get_one(Listing, scene.listing.id)
    listing.session_places, listing.concessions = 12, ["carer_free"]
    await db.flush()
    person = await browser.signed_in(scene.member)
    page = await person.open(f"/agreements/new?listing={listing.id}")
    assert "Does a concession apply?" in page.words
    form = {name: value for name, value in person_form(scene).items() if not name.startswith("visit-2")}
    await person.post("/agreements/new", form | {"visit-1-concession": "nonsense"}, expect=422)
    await person.post("/agreements/new", form | {"visit-1-concession": "carer_free"})
    assert {row.concession for row in await db.scalars(select(VisitPattern))} == {"carer_free"}
