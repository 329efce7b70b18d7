"""What both engines do alike, third part: days and places counted, excerpts, an installation's own synonyms."""

from search import ListingQuery, SearchBackend
from tests.search.market import PRESTON, at, ids, make_listing, north_of, place

# Days, times, who runs it, councils, slots, distance


def test_days_times_who_runs_it_and_councils_are_counted_and_filter(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing(
                "walk",
                days=["Saturday", "Sunday"],
                times=["morning"],
                slots=["Saturday-morning", "Sunday-morning"],
                run_by="community",
                councils=["north", "south"],
            ),
            make_listing(
                "swim",
                days=["Saturday"],
                times=["morning", "evening"],
                slots=["Saturday-evening"],
                run_by="council",
                councils=["south"],
            ),
            make_listing("shop", run_by="community"),
        ]
    )
    facets = empty.search(ListingQuery()).facets
    assert facets["days"] == {"Saturday": 2, "Sunday": 1}
    assert facets["times"] == {"morning": 2, "evening": 1}
    assert facets["run_by"] == {"community": 2, "council": 1}
    assert facets["councils"] == {"south": 2, "north": 1}
    assert ids(empty, filters={"days": ["Sunday"], "times": ["morning"]}) == ["walk"]
    assert ids(empty, filters={"run_by": ["community"]}) == ["shop", "walk"]
    assert ids(empty, filters={"councils": ["north"]}) == ["walk"]
    # A day and a part of it together, which days and times apart cannot tell.
    assert ids(empty, filters={"slots": ["Saturday-morning"]}) == ["walk"]
    assert ids(empty, filters={"slots": ["Saturday-evening", "Sunday-morning"]}) == ["swim", "walk"]
    kept = empty.search(ListingQuery(filters={"days": ["Sunday"]})).facets
    assert kept["days"] == {"Saturday": 2, "Sunday": 1}
    assert kept["times"] == {"morning": 1}


def test_distances_are_counted_whatever_the_radius_but_not_whatever_the_filters(empty: SearchBackend) -> None:
    miles = [0.5, 2.0, 2.9, 4.0, 9.0, 24.0, 26.0]
    empty.upsert(
        [
            make_listing(
                f"m{number}", kind="pa" if number % 2 else "community", **at(north_of(PRESTON, mile * 1609.344))
            )
            for number, mile in enumerate(miles)
        ]
    )
    empty.upsert([make_listing("online"), make_listing("here-only", **at(north_of(PRESTON, 3_000), radius_metres=500))])
    asked = {**place(PRESTON), "radius_metres": 1_000}
    counted = empty.search(ListingQuery(**asked))  # type: ignore[arg-type]
    assert [hit.id for hit in counted.hits] == ["m0", "online"]
    assert counted.facets["distance"] == {"1": 1, "3": 3, "5": 4, "10": 5, "25": 6}
    assert list(counted.facets["distance"]) == ["1", "3", "5", "10", "25"]
    some = empty.search(ListingQuery(**asked, filters={"kind": ["pa"]}))  # type: ignore[arg-type]
    assert some.facets["distance"] == {"1": 0, "3": 1, "5": 2, "10": 2, "25": 3}
    assert empty.search(ListingQuery(district="E1")).facets["distance"] == {}
    assert empty.search(ListingQuery()).facets["distance"] == {}


# Excerpts


def excerpts(backend: SearchBackend, text: str, listing: str) -> dict[str, tuple[str, list[str]]]:
    hit = next(hit for hit in backend.search(ListingQuery(text=text)).hits if hit.id == listing)
    return {one.field: (one.text, [one.text[start:end] for start, end in one.marks]) for one in hit.highlights}


def test_hits_show_where_the_words_stand(market: SearchBackend) -> None:
    found = excerpts(market, "choirs dementia", "choir-lune")
    assert found["name"] == ("Memory Lane Choir", ["Choir"])
    assert found["summary"][1] == ["dementia"]
    assert excerpts(market, "moving and handling", "pa-ania")["summary"][1] == ["moving", "handling"]
    assert excerpts(market, "cafe", "choir-lune")["summary"][1] == ["Café"]
    assert excerpts(market, "physiotherpy", "physio-online")["name"][1] == ["Physiotherapy"]
    assert all(hit.highlights == [] for hit in market.search(ListingQuery()).hits)


def test_an_excerpt_of_a_long_summary_is_cut_around_the_words(empty: SearchBackend) -> None:
    summary = f"{'Before it all. ' * 20}We have <b>juggling</b> & O’Brien's clubs. {'And after that. ' * 12}"
    empty.upsert([make_listing("a", name="Circus", summary=summary)])
    [excerpt] = empty.search(ListingQuery(text="juggling obriens")).hits[0].highlights
    assert excerpt.field == "summary"
    assert [excerpt.text[start:end] for start, end in excerpt.marks] == ["juggling", "O’Brien's"]
    assert "<b>juggling</b> &" in excerpt.text
    assert excerpt.text.startswith("…")
    assert excerpt.text.endswith("…")
    assert len(excerpt.text) <= 162


# Own synonyms


def test_groups_of_an_installation_are_kept_with_the_index(empty: SearchBackend) -> None:
    listings = [
        make_listing("hub", name="Library", summary="A warm space all winter."),
        make_listing("other", name="Warm coats", summary="Space for your things."),
    ]
    empty.rebuild(listings, [["cosy corner", "warm space"], ["hygge", "warm space"]])
    assert ids(empty, text="cosy corner ") == ["hub"]
    assert ids(empty, text="hygge ") == ["hub"]
    empty.upsert([make_listing("later", name="Another warm space")])
    assert set(ids(empty, text="cosy corner ")) == {"hub", "later"}
    assert empty.search(ListingQuery(text="support workers")).total == 0
    empty.rebuild(listings)
    assert ids(empty, text="cosy corner ") == []


def test_a_rebuild_without_own_groups_keeps_the_usual_ones(empty: SearchBackend) -> None:
    empty.rebuild([make_listing("a", name="Care worker")], [])
    assert ids(empty, text="carer ") == ["a"]
