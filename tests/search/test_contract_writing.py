"""How both engines write, rebuild and complete: the second half of what they do alike."""

import pytest

from search import ListingQuery, SearchBackend
from tests.search.market import PRESTON, ids, make_listing, place


def test_an_upsert_replaces_and_a_delete_forgets(empty: SearchBackend) -> None:
    empty.upsert([make_listing("a", name="Painting"), make_listing("b", name="Pottery")])
    empty.upsert([make_listing("a", name="Juggling")])
    assert empty.count() == 2
    assert ids(empty, text="painting ") == []
    assert ids(empty, text="juggling") == ["a"]
    empty.delete(["a", "unknown"])
    assert empty.count() == 1
    assert ids(empty) == ["b"]


def test_of_two_listings_with_one_id_in_a_batch_the_last_stays(empty: SearchBackend) -> None:
    twice = [make_listing("a", name="Painting"), make_listing("a", name="Juggling")]
    empty.upsert(twice)
    assert (empty.count(), ids(empty, text="juggling")) == (1, ["a"])
    assert empty.rebuild(twice) == 1
    assert (empty.count(), ids(empty, text="juggling")) == (1, ["a"])


def test_nothing_to_write_is_no_error(empty: SearchBackend) -> None:
    empty.upsert([])
    empty.delete([])
    assert empty.count() == 0
    answer = empty.search(ListingQuery(text="choir", **place(PRESTON), radius_metres=1_000))  # type: ignore[arg-type]
    assert (answer.total, answer.suggestion) == (0, None)


def test_hostile_listings_are_stored_as_text(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing(
                "a/../b?c=1#d",
                name='Bobby"); DROP TABLE <script>\x00',
                keywords=["\ud800", "a" * 70_000, ""],
                languages=["=cmd()", "=cmd()", ""],
                districts=["E1 OR any", ""],
            )
        ]
    )
    assert ids(empty, text="bobby drop") == ["a/../b?c=1#d"]
    assert empty.search(ListingQuery()).facets["languages"] == {"=cmd()": 1}
    assert ids(empty, filters={"languages": ["=cmd()"]}) == ["a/../b?c=1#d"]
    assert ids(empty, district="any") == []
    empty.delete(["a/../b?c=1#d"])
    assert empty.count() == 0


def test_a_rebuild_replaces_everything(empty: SearchBackend) -> None:
    empty.upsert([make_listing("old", name="Old choir")])
    assert empty.rebuild(make_listing(f"n{number:03}", name="New choir") for number in range(120)) == 120
    assert empty.count() == 120
    assert "old" not in ids(empty, text="choir", per_page=200)
    empty.upsert([make_listing("later", name="Later")])
    assert ids(empty, text="later") == ["later"]


def test_searches_are_answered_from_the_old_index_during_a_rebuild(empty: SearchBackend) -> None:
    empty.upsert([make_listing("old", name="Choir")])
    seen: list[list[str]] = []

    def documents():  # type: ignore[no-untyped-def]
        for number in range(3):
            seen.append(ids(empty, text="choir"))
            yield make_listing(f"new{number}", name="Choir")

    empty.rebuild(documents())
    assert seen == [["old"]] * 3
    assert ids(empty, text="choir") == ["new0", "new1", "new2"]


def test_a_failed_rebuild_leaves_the_old_index(empty: SearchBackend) -> None:
    empty.upsert([make_listing("old", name="Choir")])

    def documents():  # type: ignore[no-untyped-def]
        yield make_listing("new", name="Choir")
        raise ValueError("The database went away.")

    with pytest.raises(ValueError, match="database"):
        empty.rebuild(documents())
    assert ids(empty, text="choir") == ["old"]
    assert empty.rebuild([make_listing("new", name="Choir")]) == 1


def test_half_typed_phrases_are_completed_commonest_first(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing("a", name="One", keywords=["wheelchair taxi"], town="Whetstone"),
            make_listing("b", name="Two", keywords=["Wheelchair  Taxi"]),
            make_listing("c", name="Whea Janssen", kind="pa"),
        ]
    )
    assert empty.suggest("whe") == ["wheelchair taxi", "whetstone"]
    assert empty.suggest("WHEELCHAIR t") == ["wheelchair taxi"]
    assert empty.suggest("whe", limit=1) == ["wheelchair taxi"]
    assert empty.suggest("w") == []
    assert empty.suggest("") == []
    empty.delete(["a"])
    assert empty.suggest("whe") == ["wheelchair taxi"]


def test_an_index_in_use_is_healthy(market: SearchBackend) -> None:
    assert market.is_healthy()
