"""The results page as its template takes it: facets with counts, what can be taken off, links to other pages."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup

from marketplace.core.formats import plural, pounds
from marketplace.providers.models import CATEGORY_LABELS
from marketplace.providers.service.demand import Looked
from marketplace.providers.service.market import Results
from marketplace.providers.service.market_query import (
    ALL_KINDS,
    ANY_DISTANCE,
    COUNCILS_HEADING,
    FACET_LABELS,
    LAST_PAGE,
    RADIUS_CHOICES,
    SORT_CHOICES,
    MarketQuery,
)
from marketplace.providers.service.times import joined
from marketplace.providers.service.words import REGULATED

_NOT_IN_AN_ID: Final = re.compile(r"[^a-z0-9]+")
_RATED_FIRST: Final = 5
"""Registered care that stands before the block of alternatives."""


class Facet(NamedTuple):
    """A group of values to tick."""

    name: str
    heading: str
    options: Markup
    """The boxes with their labels and counts, as HTML."""
    is_open: bool


_BOX: Final = Markup(
    '<div class="govuk-checkboxes__item"><input class="govuk-checkboxes__input" type="checkbox" id="{id}" '
    'name="{name}" value="{value}"'
)
_LABEL: Final = Markup('><label class="govuk-label govuk-checkboxes__label" for="{id}">{label}')


@lru_cache(maxsize=2_000)
def _parts(name: str, value: str, label: str) -> tuple[str, str, str]:
    """Write what is the same on every page of a value to tick: the value, its box and its label, escaped."""
    option_id = f"{name}-{_NOT_IN_AN_ID.sub('-', value.lower()).strip('-')}"
    return value, str(_BOX.format(id=option_id, name=name, value=value)), str(_LABEL.format(id=option_id, label=label))


_PARTS: Final = {
    name: [_parts(name, value, label) for value, label in labels.items()] for name, (_, labels) in FACET_LABELS.items()
}
"""Written once: some fifty values on every page, which would be a third of its rendering."""


def _option(box: str, label: str, is_ticked: bool, count: int | None) -> str:
    """Write one value to tick. No count where ticking it would not give so many: a day and a time belong together."""
    number = "" if count is None else f' <span class="cm-facet-count">({int(count)})</span>'
    return f"{box}{' checked' if is_ticked else ''}{label}{number}</label></div>\n"


def printable(text: str) -> str:
    """Return what was typed as far as a page can hold it: its start, without controls and unassigned characters."""
    return "".join(char for char in str(text)[:300] if unicodedata.category(char) not in ("Cc", "Cs", "Cn"))


def form_context(query: MarketQuery, results: Results | None, councils: dict[str, str]) -> dict[str, Any]:
    """Return what the templates of the results page need.

    Args:
        query: The question.
        results: Its answer; None for a refused one.
        councils: Names of the councils whose accreditation can be ticked, by id.
    """
    pages = min(-(-results.total // query.per_page), LAST_PAGE) if results else 0
    kinds = results.kinds_named if results else ()
    return {
        "query": query,
        "results": results,
        "values": {
            "q": query.words,
            "postcode": query.place,
            "radius_miles": query.radius_choice,
            "amount": query.amount,
            "sort": query.sort,
        },
        "errors": {},
        "facets": facets(query, results.facets if results else {}, councils),
        "kind_named": " or ".join(CATEGORY_LABELS[kind] for kind in kinds),
        "all_kinds_href": query.address(kinds=ALL_KINDS),
        "taken": _taken(results),
        "only_href": _only(query, results),
        "purse": _purse_words(results),
        "chips": _chips(query, councils),
        "clear_href": MarketQuery().address() if query.words or query.place or query.chosen else "",
        "radius_choices": _radius_choices(results),
        "sort_choices": SORT_CHOICES,
        "councils": [],
        "summary": _summary(query, results, pages),
        "page_count": pages,
        "pages": _page_links(query, pages),
        "previous_href": query.address(page=query.page - 1) if 1 < query.page <= pages else "",
        "next_href": query.address(page=query.page + 1) if query.page < pages else "",
        "before": _RATED_FIRST if results and results.alternatives else query.per_page,
        "alternatives_heading": _alternatives_heading(results),
        "ways_out": _ways_out(query, results),
        "did_you_mean": query.address(q=results.suggestion) if results and results.suggestion else "",
        "near_href": query.address(postcode=results.where.near) if results and results.where.near else "",
        "save_search_href": query.address(path="/saved-searches/new"),
        "evidence_href": query.address(path="/choice-records/new"),
        "unmet": _unmet(query, results),
        "is_fragment": False,
        "may_record": False,
    }


def facets(query: MarketQuery, counts: dict[str, dict[str, int]], councils: dict[str, str]) -> list[Facet]:
    """Give the values that can be ticked: those with results, and those that are ticked already."""
    shown = []
    is_slot = "days" in query.chosen and "times" in query.chosen
    for name, (heading, _) in FACET_LABELS.items():
        ticked = query.chosen.get(name, ())
        found = counts.get(name, {})
        is_counted = not (is_slot and name in ("days", "times"))
        options = [
            _option(box, label, value in ticked, found.get(value, 0) if is_counted else None)
            for value, box, label in _PARTS[name]
            if value in found or value in ticked or not is_counted
        ]
        if options:
            shown.append(Facet(name, heading, Markup("".join(options)), name == "category" or bool(ticked)))  # noqa: S704 - escaped parts
    ticked = query.chosen.get("councils", ())
    found = counts.get("councils", {})
    options = [
        _option(box, label, value in ticked, found.get(value, 0))
        for value, box, label in (_parts("councils", value, name) for value, name in councils.items())
        if found.get(value) or value in ticked
    ]
    if options:
        shown.append(Facet("councils", COUNCILS_HEADING, Markup("".join(options)), bool(ticked)))  # noqa: S704 - escaped parts
    return shown


def _radius_choices(results: Results | None) -> list[tuple[str, str]]:
    counts = results.facets.get("distance", {}) if results else {}
    return [(value, f"{label} ({counts[value]:,})" if value in counts else label) for value, label in RADIUS_CHOICES]


def _chips(query: MarketQuery, councils: dict[str, str]) -> list[tuple[str, str]]:
    """Give what is chosen as (words, address without it)."""
    chips = []
    if query.words:
        chips.append((f"“{query.words}”", query.address(q="")))
    if query.place:
        chips.append((f"Near {query.place}", query.address(postcode="")))
    if query.amount:
        chips.append((f"{query.amount} a week", query.address(amount="")))
    for name, values in query.chosen.items():
        labels = councils if name == "councils" else FACET_LABELS[name][1]
        lead = "Accredited by " if name == "councils" else ""
        chips += [
            (f"{lead}{labels.get(value, 'another council')}", query.address(without=(name, value))) for value in values
        ]
    return chips


def _taken(results: Results | None) -> str:
    """Say what was read from the words: "“PR1” as the place and “Saturday” as the day"."""
    if results is None:
        return ""
    read = results.read
    said = [f"“{results.where.label}” as the place"] if read.place and results.where.label else []
    for name, what in (("days", "the day"), ("times", "the time of day"), ("gender", "who helps"),
                       ("languages", "the language")):  # fmt: skip
        values = read.taken.get(name, [])
        if values:
            said.append(f"“{joined(values)}” as {what}")
    return joined(said) if said else ""


def _only(query: MarketQuery, results: Results | None) -> str:
    """Give the address that shows nothing but what has everything wished for; "" where nothing was wished."""
    if results is None or not results.read.taken or not results.wished:
        return ""
    read = results.read
    chosen = query.chosen | {name: values for name, values in read.taken.items() if name not in query.chosen}
    return msgspec.structs.replace(
        query, words=read.words, place=query.place or read.place, chosen=chosen, page=1
    ).address()


def _alternatives_heading(results: Results | None) -> str:
    """Name the block beside the results: alternatives to registered care, or the kinds that the words did not find."""
    if results is not None and any(row.kind == REGULATED for row in results.rows):
        return "Also near you, free or in the community"
    return "Other kinds of help near you"


def _purse_words(results: Results | None) -> str:
    if results is None or results.purse is None:
        return ""
    purse = results.purse
    own = f", of which you pay in {pounds(purse.own_weekly_pence)}" if purse.own_weekly_pence else ""
    return (
        f"Your direct payment is {pounds(purse.weekly_pence)} a week{own}. Each service is compared with all of it: "
        "what you have booked already is not taken off here."
    )


def _summary(query: MarketQuery, results: Results | None, pages: int) -> str:
    """Say what was found in one sentence, for the heading and for screen readers after a refresh."""
    if results is None:
        return ""
    if not results.total:
        return "Nothing found"
    near = f" near {results.where.label}" if results.where.label else ""
    page = f", page {query.page} of {pages}" if pages > 1 else ""
    if not results.is_counted:
        return f"At least {plural(results.total, 'result')}{near}"
    return f"{plural(results.total, 'result')}{near}{page}"


def _page_links(query: MarketQuery, pages: int) -> list[Any]:
    if pages < 2:
        return []
    shown = sorted({1, pages, *(n for n in range(query.page - 1, query.page + 2) if 1 <= n <= pages)})
    # The rest of the address is the same for every page: it is written once.
    values = query.parameters()
    start = f"/market?{urlencode(values)}&" if values else "/market?"
    links: list[Any] = []
    for before, number in zip([0, *shown], shown, strict=False):
        if number - before > 1:
            links.append("…")
        links.append((number, f"{start}page={number}", number == query.page))
    return links


def _ways_out(query: MarketQuery, results: Results | None) -> Iterable[tuple[str, str]]:
    """Suggest what to do when nothing was found."""
    if results is None or results.rows:
        return []
    ways = []
    if query.page > 1:
        ways.append(("Go to the first page of results", query.address()))
    if results.where.label and query.limit_miles is not None:
        wider = [(value, label) for value, label in RADIUS_CHOICES if value != ANY_DISTANCE]
        wider = [(value, label) for value, label in wider if float(value) > query.limit_miles][:1]
        for value, label in wider or [(ANY_DISTANCE, "any distance")]:
            ways.append((f"Search within {label}" if wider else "Search at any distance",
                         query.address(radius_miles=value)))  # fmt: skip
    if query.chosen:
        ways.append(("Remove all filters", msgspec.structs.replace(query, chosen={}, page=1).address()))
    if query.words and (query.place or query.chosen):
        ways.append(("See everything near you" if query.place else "See everything", query.address(q="")))
    return ways


def looked_for(query: MarketQuery, results: Results) -> Looked:
    """Give what a search looked for, to be counted where it found next to nothing."""
    read, where = results.read, results.where
    categories = query.chosen.get("category") or [kind.value for kind in results.kinds_named]
    return Looked(
        words=read.words,
        category=categories[0] if categories else "",
        days=query.chosen.get("days") or read.taken.get("days", []),
        times_of_day=query.chosen.get("times") or read.taken.get("times", []),
        place=query.place or read.place,
        lat=where.lat,
        lon=where.lon,
        lad_code=where.lad_code,
    )


def _unmet(query: MarketQuery, results: Results | None) -> list[tuple[str, str]]:
    """Give the fields that say what was looked for: what, where and when, nothing of who asks."""
    if results is None:
        return []
    read = results.read
    fields = [("q", read.words), ("postcode", query.place or read.place)]
    categories = query.chosen.get("category") or [kind.value for kind in results.kinds_named]
    fields += [("category", value) for value in categories]
    for name in ("days", "times"):
        fields += [(name, value) for value in query.chosen.get(name) or read.taken.get(name, [])]
    return [(name, value) for name, value in fields if value]
