"""The faces of a plan as pure functions: what the person reads, what an organisation reads, Easy Read, two versions."""

import io
import re
from datetime import date
from typing import Any

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.plans.compare import Change, Kind, compare, pieces
from marketplace.plans.content import WHY_OVER, ItemContent
from marketplace.plans.easy_read import HARD_WORDS, explained, lines_of
from marketplace.plans.faces import SHARED_KEYS, Face, easy_parts, person_face, shared_face, titles_of
from marketplace.plans.models import HelpKind
from marketplace.plans.paper import Sheet, easy_pdf, face_pdf, summary_pdf
from marketplace.plans.pictures import DRAWINGS, OF_HELP, OF_SECTION, WORDS, svg
from marketplace.plans.sections import KEYS, SECTIONS, SectionText
from tests.payments.pdf_text import pdf_words, squeezed
from tests.web.page_checks import parse

MADE = date(2027, 3, 3)
MARK = re.compile(r"^\s*(?:[-*•–]|\d{1,2}[.)])\s+")
"""How an item of a list begins."""
ITEMS = (
    ItemContent(row=1, outcome="Get to the allotment", what="A lift on Fridays", helped_by=HelpKind.COMMUNITY),
    ItemContent(row=2, outcome="Be washed", what="Help at 8am", helped_by=HelpKind.PA, weekly_pence=8_000),
)


def texts(**words: str) -> list[SectionText]:
    """All sections, with words for some."""
    return [SectionText(section=section, words=words.get(section.key, ""), row=None) for section in SECTIONS]


FULL = {key: f"These are the words of {key}." for key in KEYS if key != "outcomes"}


def all_of(face: Face) -> str:
    return " ".join([*(part.words for part in face.parts), *(repr(item) for item in face.outcomes), face.costs])


def test_every_section_and_every_kind_of_help_has_a_picture_with_words() -> None:
    assert set(SHARED_KEYS) == set(OF_SECTION)
    assert set(HelpKind) == set(OF_HELP)
    assert set(OF_SECTION.values()) | set(OF_HELP.values()) <= set(DRAWINGS)
    assert set(WORDS) == set(DRAWINGS)
    for name in DRAWINGS:
        parse(f"<!doctype html><title>x</title>{svg(name)}")


def test_the_person_reads_every_section_that_says_something_with_what_it_costs() -> None:
    face = person_face(texts(**{**FULL, "week": " "}), ITEMS)
    assert [part.key for part in face.parts] == [key for key in KEYS if key != "week"]
    assert face.costs == "Everything together costs £80.00 a week."
    assert [item.money for item in face.outcomes] == ["It costs nothing.", "It costs £80.00 a week."]


def test_why_a_plan_costs_more_stands_apart_from_how_the_money_is_held() -> None:
    face = person_face(texts(money=f"A direct payment\n\n{WHY_OVER} Winter mornings"), ITEMS)
    assert (face.parts[-1].words, face.why_over) == ("A direct payment", "Winter mornings")


@settings(max_examples=200, deadline=None)
@given(shared=st.lists(st.sampled_from([*SHARED_KEYS, "unknown"]), max_size=8))
def test_an_organisation_reads_what_was_shared_and_nothing_else(shared: list[str]) -> None:
    face = shared_face(texts(**FULL), ITEMS, shared, "Large print")
    assert {part.key for part in face.parts} == set(shared) - {"unknown"}
    said = all_of(face)
    for key in set(KEYS) - set(shared):
        assert FULL.get(key, "allotment") not in said
    assert ("Large print" in said) == ("communication" in shared)
    assert ("80.00" in said) == ({"outcomes", "money"} <= set(shared))


def test_why_a_plan_costs_more_is_not_shown_without_the_money() -> None:
    words = texts(money=f"Held\n\n{WHY_OVER} Winter")
    assert shared_face(words, ITEMS, ["outcomes"], "").why_over == ""
    assert shared_face(words, ITEMS, ["money"], "").why_over == "Winter"


def test_titles_of_shared_sections_come_in_order_and_unknown_keys_are_left_out() -> None:
    assert titles_of(["risks", "gone", "communication", "about_me"]) == [
        "How to talk with me",
        "About me",
        "How I stay safe",
    ]


def test_easy_read_puts_one_thought_on_a_line_and_loses_no_word() -> None:
    assert lines_of("I like tea. I hate rain!\n- Fridays: swim\n2) Bed at 9.30pm") == (
        "I like tea.",
        "I hate rain!",
        "Fridays: swim",
        "Bed at 9.30pm",
    )


@settings(max_examples=300, deadline=None)
@given(words=st.text(max_size=300))
def test_easy_read_keeps_every_word_whatever_was_typed(words: str) -> None:
    bare = "".join(MARK.sub("", line) for line in words.splitlines())
    assert re.sub(r"\s", "", "".join(lines_of(words))) == re.sub(r"\s", "", bare)
    assert all(line == line.strip() and line for line in lines_of(words))


def test_easy_read_of_a_plan_has_a_picture_for_each_outcome_and_explains_hard_words() -> None:
    face = person_face(texts(money="My direct payments are with my carer.", about_me="I am Ada."), ITEMS)
    parts = easy_parts(face)
    assert [part.title for part in parts] == [
        "About me",
        "What I want: number 1",
        "What I want: number 2",
        "What it costs",
        "My money",
    ]
    assert parts[2].lines == (
        "Be washed",
        "This will happen:",
        "Help at 8am",
        "Who helps: a personal assistant.",
        "It costs £80.00 a week.",
    )
    lines = [line for part in parts for line in part.lines]
    assert [word for word, _ in explained(lines)] == ["carer", "direct payment", "personal assistant"]
    assert list(HARD_WORDS) == sorted(HARD_WORDS)


@settings(max_examples=300, deadline=None)
@given(before=st.text(max_size=200), after=st.text(max_size=200))
def test_two_texts_side_by_side_are_each_whole(before: str, after: str) -> None:
    left, right = pieces(before, after)
    assert "".join(piece.text for piece in left) == before
    assert "".join(piece.text for piece in right) == after
    assert {piece.kind for piece in left} <= {Kind.SAME, Kind.REMOVED}
    assert {piece.kind for piece in right} <= {Kind.SAME, Kind.ADDED}
    same = [[piece.text for piece in side if piece.kind is Kind.SAME] for side in (left, right)]
    assert "".join(same[0]) == "".join(same[1])


def test_versions_are_compared_section_by_section_and_outcome_by_outcome() -> None:
    old, new = texts(about_me="I am Ada.", risks="Falls."), texts(about_me="I am Ada.", week="Chapel on Sundays.")
    changed = (
        ItemContent(row=1, outcome="be  Washed", what="Help at 9am", helped_by=HelpKind.PA, weekly_pence=9_000),
        ItemContent(row=2, outcome="See friends", what="Tea on Sundays", helped_by=HelpKind.FAMILY),
        ItemContent(row=3, outcome="Swim", what="On Mondays", helped_by=HelpKind.MYSELF),
    )
    rows = {row.title: row for row in compare(old, ITEMS, new, changed)}
    assert {title: row.change for title, row in rows.items()} == {
        "About me": Change.SAME,
        "My week": Change.ADDED,
        "Outcome 1": Change.REMOVED,
        "Outcome 2": Change.CHANGED,
        "Outcome 3": Change.ADDED,
        "Outcome 4": Change.ADDED,
        "How I stay safe": Change.REMOVED,
    }
    moved = rows["Outcome 2"]
    assert Kind.REMOVED in {piece.kind for piece in moved.left if "8am" in piece.text}
    assert "9am" in "".join(piece.text for piece in moved.right if piece.kind is Kind.ADDED)


@pytest.mark.parametrize("name", ["Zoë O’Neil", "王 Wei", "#let x = 1 <b>$5"])
async def test_paper_is_tagged_has_words_for_pictures_and_takes_any_name(name: str) -> None:
    face = person_face(texts(**{**FULL, "about_me": f"I am {name}."}), ITEMS)
    files = [
        await face_pdf(face, "My plan", [name], ["Signed off"], MADE),
        await easy_pdf(face, "My plan in Easy Read", [name], explained(["budget"]), MADE),
        await summary_pdf(
            "Summary",
            [name],
            [Sheet(key="needs", title="Needs", lines=("Why",), heads=("Need", "How"), rows=((name, "8am"),))],
            MADE,
        ),
    ]
    for content in files:
        with pikepdf.open(io.BytesIO(content)) as pdf:
            assert bool(pdf.Root.MarkInfo.Marked)
            assert str(pdf.Root.Lang) == "en-GB"
        if name.isascii():
            assert squeezed(name) in squeezed(pdf_words(content))
    assert _alternatives(files[1]) >= {"A person", "A group of people"}
    again = await face_pdf(face, "My plan", [name], ["Signed off"], MADE)
    assert again == files[0]


def _alternatives(content: bytes) -> set[str]:
    """Alternative texts of the pictures in a file."""
    found = set()
    with pikepdf.open(io.BytesIO(content)) as pdf:
        for item in pdf.objects:
            given: Any = item.get("/Alt") if isinstance(item, pikepdf.Dictionary) else None
            if given is not None:
                found.add(str(given))
    return found
