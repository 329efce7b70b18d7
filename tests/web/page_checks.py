"""Checks that hold for every page: valid HTML, one h1 that starts the title, unique ids, a name for each field."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

_UNLABELLED_TYPES = {"hidden", "submit", "button", "reset", "image"}
_REFERENCES = ("aria-labelledby", "aria-describedby", "aria-controls", "for")


AXE_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    # Every rule is run on every element; only what it says of elements without a fault is left out.
    "resultTypes": ["violations"],
}
# GOV.UK Frontend tells screen readers with aria-expanded that a radio button opens further fields. ARIA 1.2 does not
# list the attribute for radio buttons; GDS kept it because it helped people in tests with assistive technology.
_ACCEPTED_FAULT = ("aria-allowed-attr", "govuk-radios__input")


# How text stands on the page: its colour, size and weight, and every layer under it that shows. One line for each kind.
_INKS = """() => {
  const shows = (name, value) => value !== {
    backgroundColor: 'rgba(0, 0, 0, 0)', backgroundImage: 'none', opacity: '1', position: 'static', filter: 'none',
    mixBlendMode: 'normal', textShadow: 'none',
  }[name]
  const layers = new Map()
  const under = element => {
    if (!element) return ''
    if (!layers.has(element)) {
      const style = getComputedStyle(element)
      const own = ['backgroundColor', 'backgroundImage', 'opacity', 'position', 'filter', 'mixBlendMode', 'textShadow']
        .filter(name => shows(name, style[name])).map(name => style[name]).join()
      const below = under(element.parentElement)
      layers.set(element, own ? `${below}/${own}` : below)
    }
    return layers.get(element)
  }
  const holders = new Set(document.querySelectorAll('input, select, textarea'))
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) if (texts.currentNode.data.trim()) holders.add(texts.currentNode.parentElement)
  const inks = new Set()
  for (const element of holders) {
    const style = getComputedStyle(element)
    inks.add([style.color, style.fontSize, style.fontWeight, element.matches(':disabled'), under(element)].join())
  }
  return [...inks]
}"""


def axe_run(*, with_contrast: bool) -> str:
    """Axe and its run in one go. Only what failed comes back, not the long list of what is right."""
    rules = AXE_RULES if with_contrast else {**AXE_RULES, "rules": {"color-contrast": {"enabled": False}}}
    return f"""{AXE_SCRIPT};
axe.run({json.dumps(rules)}).then(
    found => found.violations.map(fault => [fault.id, fault.nodes.map(node => node.html)])
)"""


def inks_of(page: Page) -> set[str]:
    """Return the kinds of text on an open page by what contrast depends on: the ink and the layers it stands on."""
    return set(page.evaluate(_INKS))


def axe_faults(page: Page, *, with_contrast: bool = True) -> list[tuple[str, list[str]]]:
    """Run axe in an open page: the rules that failed, each with the elements.

    Args:
        page: The page.
        with_contrast: Whether the contrast of text is measured, too: more than half of the time.
    """
    faults = []
    accepted, mark = _ACCEPTED_FAULT
    for rule, nodes in page.evaluate(axe_run(with_contrast=with_contrast)):
        left: list[str] = [node for node in nodes if rule != accepted or mark not in node]
        if left:
            faults.append((rule, left))
    return faults


def parse(html: str) -> Element:
    """Parse a page strictly: broken HTML is an error. Elements of HTML have plain names in the tree."""
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    return tree


def check_page(html: str, parsed: Element | None = None) -> Element:
    """Check what must hold for every page, parsed strictly; returns the tree for further looks."""
    tree = parse(html) if parsed is None else parsed
    ids = Counter(element.attrib["id"] for element in elements(tree) if "id" in element.attrib)
    repeated = [name for name, count in ids.items() if count > 1]
    assert not repeated, f"ids used more than once: {repeated}"
    headings = [words(element) for element in elements(tree) if element.tag == "h1"]
    assert len(headings) == 1, f"h1 headings: {headings}"
    title = words(next(element for element in elements(tree) if element.tag == "title"))
    assert title.removeprefix("Error: ").startswith(headings[0]), f"title {title!r} does not start with {headings[0]!r}"
    _check_references(tree, set(ids))
    _check_labels(tree)
    _check_heading_order(tree)
    assert not re.search(r'\s(style|on[a-z]+)="', html), "inline style or event handler"
    for element in elements(tree):
        assert element.tag != "style", "inline style sheet"
        is_facts = element.attrib.get("type") == "application/ld+json"
        assert element.tag != "script" or is_facts or "src" in element.attrib, "inline script"
    return tree


def elements(tree: Element) -> Iterator[Element]:
    """Every element; html5lib's trees hold comments, too, whose tag is no text."""
    return (element for element in tree.iter() if isinstance(element.tag, str))


def words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _check_references(tree: Element, ids: set[str]) -> None:
    for element in elements(tree):
        for attribute in _REFERENCES:
            for name in element.attrib.get(attribute, "").split():
                assert name in ids, f"{attribute} names {name!r}, which is not on the page"
        href = element.attrib.get("href", "")
        if element.tag == "a" and href.startswith("#"):
            assert href[1:] in ids, f"link to {href!r}, which is not on the page"


def _check_labels(tree: Element) -> None:
    labelled = {element.attrib.get("for") for element in elements(tree) if element.tag == "label"}
    for element in elements(tree):
        if element.tag not in ("input", "select", "textarea") or element.attrib.get("type") in _UNLABELLED_TYPES:
            continue
        named = element.attrib.get("id") in labelled or "aria-label" in element.attrib
        assert named, f"field {element.attrib.get('name')!r} has no label"


def _check_heading_order(tree: Element) -> None:
    main = next(element for element in elements(tree) if element.tag == "main")
    levels = [int(element.tag[1]) for element in elements(main) if re.fullmatch("h[1-6]", element.tag)]
    for before, after in pairwise(levels):
        assert after <= before + 1, f"heading level jumps from h{before} to h{after}"
