"""What both engines do alike. A third run uses a real server when MEILISEARCH_URL is set."""

import pytest

from search import COUNTED, ListingQuery, SearchBackend, UnknownFilter
from tests.search.market import (
    DONCASTER,
    LANCASTER,
    LANCASTER_DISTRICT,
    MARKET,
    PRESTON,
    PRESTON_DISTRICT,
    at,
    ids,
    make_listing,
    north_of,
    place,
)

# Words


@pytest.mark.parametrize(
    ("text", "listing"),
    [
        ("choir", "choir-lune"),
        ("CHOIRS", "choir-lune"),
        ("hoists", "hoists-direct"),
        ("grab rail", "hoists-direct"),
        ("physiotherpy", "physio-online"),
        ("dementa", "homecare-ribble"),
        ("swiming", "pa-ania"),
        ("physioth", "physio-online"),
        ("memory ch", "choir-lune"),
        ("cafe", "choir-lune"),
        ("café", "choir-lune"),
        ("obriens", "physio-online"),
        ("O’Brien's", "physio-online"),
        ("PR1", "homecare-ribble"),
        ("lune valley", "homecare-lune"),
        ("polish", "pa-ania"),
    ],
)
def test_words_are_found_plural_misspelt_half_typed_and_with_accents(
    market: SearchBackend, text: str, listing: str
) -> None:
    assert listing in ids(market, text=text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("carer", {"homecare-ribble", "homecare-lune"}),
        ("care worker", {"homecare-ribble", "homecare-lune"}),
        ("support worker", {"homecare-ribble", "homecare-lune"}),
        ("support workers", {"homecare-ribble", "homecare-lune"}),
        ("PA", {"pa-ania"}),
        ("personal assistants", {"pa-ania"}),
        ("hoist", {"hoists-direct", "pa-ania"}),
        ("moving and handling", {"hoists-direct", "pa-ania"}),
        ("wheelchair taxi", {"taxi-dale"}),
        ("singing group choir", {"choir-lune"}),
    ],
)
def test_words_of_care_that_mean_the_same_find_each_other(market: SearchBackend, text: str, found: set[str]) -> None:
    assert found <= set(ids(market, text=text))


def test_a_word_matched_exactly_ranks_above_a_misspelt_one(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing("misspelt", name="Gardan Gardan Gardan", summary="gardan"),
            make_listing("exact", name="Tidy hedges", body="One of many things that we do is your garden. " * 5),
        ]
    )
    assert ids(empty, text="garden ") == ["exact", "misspelt"]


def test_short_words_and_numbers_are_not_guessed(empty: SearchBackend) -> None:
    empty.upsert([make_listing("a", name="Cat sitting"), make_listing("b", name="Room 1234")])
    assert ids(empty, text="car ") == []
    assert ids(empty, text="1235 ") == []


def test_all_words_must_be_found_and_fewer_only_when_no_listing_has_them_all(market: SearchBackend) -> None:
    both = market.search(ListingQuery(text="dementia choir"))
    assert [hit.id for hit in both.hits] == ["choir-lune"]
    assert not both.is_relaxed
    some = market.search(ListingQuery(text="choir trampolining"))
    assert [hit.id for hit in some.hits] == ["choir-lune"]
    assert some.is_relaxed


def test_small_words_of_a_sentence_are_left_out(market: SearchBackend) -> None:
    answer = market.search(ListingQuery(text="someone to get me to the football"))
    assert [hit.id for hit in answer.hits] == ["pa-ania"]
    assert not answer.is_relaxed


def test_hits_say_which_words_matched(market: SearchBackend) -> None:
    def matched(text: str, listing: str) -> list[str]:
        hits = market.search(ListingQuery(text=text)).hits
        return next(hit.matched for hit in hits if hit.id == listing)

    assert matched("choirs dementia", "choir-lune") == ["choir", "dementia"]
    assert matched("carer", "homecare-lune") == ["carers"]
    assert matched("hoist", "pa-ania") == ["moving and handling"]
    assert matched("physiotherpy", "physio-online") == ["physiotherapy"]
    assert matched("swimm", "pa-ania") == ["swimming"]


@pytest.mark.parametrize(("text", "meant"), [("demenita choir", "dementia choir"), ("physiotherpy ", "physiotherapy")])
def test_a_misspelt_word_is_answered_with_a_suggestion(market: SearchBackend, text: str, meant: str) -> None:
    assert market.search(ListingQuery(text=text)).suggestion == meant


@pytest.mark.parametrize("text", ["", "dementia choir", "physioth", "xqzvwk", "carer"])
def test_words_that_are_known_or_hopeless_bring_no_suggestion(market: SearchBackend, text: str) -> None:
    assert market.search(ListingQuery(text=text)).suggestion is None


@pytest.mark.parametrize(
    "text",
    [
        "choir " * 1_700,
        "x" * 10_000,
        "name:choir",
        "category:arts AND (",
        '"unclosed choir',
        "-choir +dementia^5 ~2",
        "*:* [a TO z} {!func}",
        "choir\x00dementia",
        "choir \U0001f3b6\U0001f469\u200d\U0001f9bd",
        "\u202eriohc\u202c رعاية منزلية עזרה",
        "\ud800choir\udfff",
        "' OR 1=1; --",
        "%00../../etc/passwd\r\n",
        "\u0301\u0301\u0301",
        "choir\\",
    ],
)
def test_no_text_is_an_instruction_or_an_error(market: SearchBackend, text: str) -> None:
    answer = market.search(ListingQuery(text=text, **place(PRESTON)))  # type: ignore[arg-type]
    assert answer.total < len(MARKET)
    market.suggest(text)


def test_operators_are_plain_words(market: SearchBackend) -> None:
    assert ids(market, text="-choir") == ["choir-lune"]
    assert ids(market, text='"dementia choir"') == ["choir-lune"]
    assert ids(market, text="choir OR nothing") == ["choir-lune"]


@pytest.mark.parametrize("text", ["???", "\U0001f3b6", "\x00"])
def test_a_text_without_words_finds_nothing(market: SearchBackend, text: str) -> None:
    answer = market.search(ListingQuery(text=text))
    assert (answer.total, answer.hits) == (0, [])
    assert set(answer.facets) == set(COUNTED)


def test_without_text_and_place_everything_comes_by_id(market: SearchBackend) -> None:
    assert ids(market) == sorted(document.id for document in MARKET)


# Place


def test_a_place_finds_who_comes_there_nearest_first(market: SearchBackend) -> None:
    answer = market.search(ListingQuery(**place(PRESTON), district=PRESTON_DISTRICT))  # type: ignore[arg-type]
    assert [hit.id for hit in answer.hits] == [
        "homecare-ribble",
        "pa-ania",
        "taxi-dale",
        "homecare-lune",
        "hoists-direct",
        "physio-online",
    ]
    distances = [hit.distance_metres for hit in answer.hits]
    assert distances[:3] == [0, 3_000, 6_000]
    assert distances[-1] is None


def test_a_listing_comes_only_as_far_as_its_own_radius(empty: SearchBackend) -> None:
    metres = [0, 900, 4_990, 5_010, 12_345]
    empty.upsert([make_listing(f"r{radius:05}", **at(PRESTON, radius_metres=radius)) for radius in metres])
    assert ids(empty, **place(PRESTON)) == [f"r{radius:05}" for radius in metres]
    assert ids(empty, **place(north_of(PRESTON, 5_000))) == ["r05010", "r12345"]
    assert ids(empty, **place(north_of(PRESTON, 12_340))) == ["r12345"]
    assert ids(empty, **place(north_of(PRESTON, 12_350))) == []


def test_the_searchers_radius_limits_the_distance_to_the_base(empty: SearchBackend) -> None:
    metres = [0, 1_500, 4_995, 5_005, 40_000]
    empty.upsert([make_listing(f"m{metre:05}", **at(north_of(PRESTON, metre))) for metre in metres])
    assert ids(empty, **place(PRESTON), radius_metres=5_000) == ["m00000", "m01500", "m04995"]
    assert ids(empty, **place(PRESTON), radius_metres=100_000) == [f"m{metre:05}" for metre in metres]


def test_both_radii_must_hold(empty: SearchBackend) -> None:
    base = at(north_of(PRESTON, 4_000))
    empty.upsert([make_listing("near", **base, radius_metres=3_000), make_listing("far", **base, radius_metres=9_000)])
    assert ids(empty, **place(PRESTON), radius_metres=5_000) == ["far"]
    assert ids(empty, **place(PRESTON), radius_metres=3_900) == []


def test_a_district_brings_in_listings_that_cover_it(market: SearchBackend) -> None:
    assert "taxi-dale" in ids(market, **place(PRESTON), district=PRESTON_DISTRICT)
    assert "taxi-dale" not in ids(market, **place(PRESTON), district=LANCASTER_DISTRICT)
    assert ids(market, district=PRESTON_DISTRICT) == ["hoists-direct", "physio-online", "taxi-dale"]


def test_a_listing_of_districts_alone_is_let_through_when_the_searchers_is_not_known(market: SearchBackend) -> None:
    assert "taxi-dale" in ids(market, **place(PRESTON), text="taxi")


def test_a_nationwide_listing_without_a_base_stays_within_any_radius(market: SearchBackend) -> None:
    found = ids(market, **place(LANCASTER), radius_metres=2_000)
    assert found == ["choir-lune", "homecare-lune", "physio-online"]


def test_words_rank_by_relevance_and_distance_can_be_chosen(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing("far", name="Swimming", keywords=["swimming"], **at(DONCASTER)),
            make_listing("near", name="Leisure", body="Also swimming.", **at(PRESTON)),
            make_listing("nowhere", name="Online swimming"),
        ]
    )
    assert ids(empty, text="swimming", **place(PRESTON))[0] == "far"
    assert ids(empty, text="swimming", sort="distance", **place(PRESTON)) == ["near", "far", "nowhere"]


@pytest.mark.parametrize("point", [(float("nan"), 0.0), (91.0, 0.0), (53.0, None), (0.0, 181.0)])
def test_a_point_that_is_not_on_the_earth_counts_as_none(
    market: SearchBackend, point: tuple[float, float | None]
) -> None:
    answer = market.search(ListingQuery(lat=point[0], lon=point[1], radius_metres=5_000))
    assert answer.total == len(MARKET)
    assert all(hit.distance_metres is None for hit in answer.hits)


# Filters, facets, orders, pages


def test_values_of_a_filter_are_alternatives_and_filters_add_up(market: SearchBackend) -> None:
    assert ids(market, filters={"kind": ["pa", "equipment"]}) == ["hoists-direct", "pa-ania"]
    assert ids(market, filters={"languages": ["Polish"], "gender": ["female"]}) == ["pa-ania"]
    assert ids(market, categories=["arts", "transport"]) == ["choir-lune", "taxi-dale"]
    assert ids(market, categories=["arts"], filters={"category": ["transport"]}) == ["choir-lune", "taxi-dale"]
    assert ids(market, filters={"councils": ["lancashire"]}) == ["homecare-lune", "homecare-ribble"]
    assert ids(market, filters={"has_free_capacity": ["true"]}) == ["homecare-ribble", "pa-ania"]
    assert ids(market, filters={"price_band": ["free"]}) == ["taxi-dale"]
    assert ids(market, filters={"kind": []}) == ids(market)
    assert ids(market, filters={"kind": ['x" OR kind = "pa', "\x00", ""]}) == []


def test_an_unknown_filter_or_order_is_refused(market: SearchBackend) -> None:
    with pytest.raises(UnknownFilter):
        market.search(ListingQuery(filters={"paid_for": ["yes"]}))
    with pytest.raises(UnknownFilter):
        market.search(ListingQuery(sort="commission"))


def test_facets_count_the_listings_found(market: SearchBackend) -> None:
    facets = market.search(ListingQuery()).facets
    assert set(facets) == set(COUNTED)
    assert facets["kind"] == {"regulated": 3, "community": 2, "equipment": 1, "pa": 1}
    assert facets["rating"] == {"not rated": 5, "Good": 1, "Outstanding": 1}
    assert facets["languages"] == {"English": 3, "Polish": 2}
    assert facets["suits"] == {"dementia": 2, "older people": 2, "carers": 1}
    assert facets["gender"] == {"female": 1}
    assert facets["has_free_capacity"] == {"false": 5, "true": 2}
    assert facets["price_band"] == {
        "20-to-30-pounds": 2,
        "10-to-20-pounds": 1,
        "100-pounds-or-more": 1,
        "free": 1,
        "price-not-stated": 1,
        "under-10-pounds": 1,
    }


def test_facets_follow_words_and_place(market: SearchBackend) -> None:
    answer = market.search(ListingQuery(text="dementia", **place(PRESTON)))  # type: ignore[arg-type]
    assert answer.total == 1
    assert answer.facets["category"] == {"home-care": 1}


def test_a_facet_ignores_its_own_filter_but_no_other(market: SearchBackend) -> None:
    facets = market.search(ListingQuery(filters={"kind": ["pa"], "languages": ["Polish"]})).facets
    assert facets["kind"] == {"pa": 1, "regulated": 1}
    assert facets["languages"] == {"English": 1, "Polish": 1}
    assert facets["category"] == {"personal-assistant": 1}


def test_price_order_puts_unstated_prices_last(market: SearchBackend) -> None:
    assert ids(market, sort="price") == [
        "taxi-dale",
        "choir-lune",
        "pa-ania",
        "homecare-ribble",
        "homecare-lune",
        "hoists-direct",
        "physio-online",
    ]


@pytest.mark.parametrize(
    "query", [{}, {"text": "choir "}, {"sort": "price"}, {"lat": PRESTON[0], "lon": PRESTON[1]}], ids=str
)
def test_pages_are_cut_in_one_order_with_equal_places_by_id(empty: SearchBackend, query: dict[str, object]) -> None:
    same = {"name": "Choir", "price_pence": 500, **at(PRESTON)}
    for start in (20, 0, 10):
        empty.upsert([make_listing(f"c{number:02}", **same) for number in range(start, start + 10)])
    found = [ids(empty, **query, page=page, per_page=7) for page in range(1, 6)]
    assert [len(page) for page in found] == [7, 7, 7, 7, 2]
    assert [listing for page in found for listing in page] == [f"c{number:02}" for number in range(30)]
    assert ids(empty, **query, page=6, per_page=7) == []


def test_a_page_of_no_hits_still_counts(market: SearchBackend) -> None:
    answer = market.search(ListingQuery(per_page=0))
    assert (answer.total, answer.hits) == (len(MARKET), [])


def test_a_rating_and_a_price_do_not_move_a_listing_among_equals(empty: SearchBackend) -> None:
    empty.upsert(
        [
            make_listing("a", name="Choir", rating="not rated", price_pence=9_000),
            make_listing("b", name="Choir", rating="Outstanding", price_pence=100, has_free_capacity=True),
        ]
    )
    assert ids(empty, text="choir") == ["a", "b"]
