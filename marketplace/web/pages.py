"""The template environment of all pages: filters, globals, hashed asset names and forms that carry their tokens.

Every template may rely on these context variables, each of which may be absent:
`principal` (None or an object with `name`, `role_label`, `council_name`), `csrf_token`, `form_id` (one-time id of the
page's POST forms), `request_path`, `navigation` (list of `(text, href, is_current)`), `acting_for` (name of the person
acted for), `flash` (list of mappings with `kind` "success" or "information", `text`, optional `heading`),
`council_name`, `theme` (a name in `THEMES`), `values` and `errors` of a form.

Rendering costs show on every page: the layout is plain HTML, macros are for forms, and a loop over results holds
neither macros nor includes (20 macro calls cost more than the rest of a page; measured in the trials of the stack).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import ChainableUndefined, ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from jinja2 import pass_context as _pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from marketplace.core import formats
from marketplace.core.prose import blocks as typed_blocks
from marketplace.core.prose import headings as typed_headings
from marketplace.matching.words import version_words

SERVICE_NAME = "Care Marketplace"
STATIC_PREFIX = "/static/"
CSRF_FIELD = "csrf_token"
FORM_ID_FIELD = "form_id"
THEMES = ("teal", "plum", "forest", "indigo", "bronze")

FOOTER_LINKS = (
    ("How it works", "/how-it-works"),
    ("Plan of the month", "/plan-of-the-month"),
    ("Accessibility", "/accessibility"),
    ("Cookies", "/cookies"),
    ("Privacy", "/privacy"),
    ("Open data", "/open-data"),
    ("Give feedback", "/feedback"),
)

# htmx only swaps fragments of our own pages: no code from attributes, no style element, no other host, and no page kept
# in browser storage, where the next person at a shared computer could read it. Refused forms (422) are swapped in.
HTMX_CONFIG = json.dumps(
    {
        "allowEval": False,
        "includeIndicatorStyles": False,
        "selfRequestsOnly": True,
        "historyCacheSize": 0,
        "refreshOnHistoryMiss": True,
        "allowScriptTags": False,
        "responseHandling": [
            {"code": "204", "swap": False},
            {"code": "[23]..", "swap": True},
            {"code": "422", "swap": True},
            {"code": "[45]..", "swap": False, "error": True},
        ],
    },
    separators=(",", ":"),
)

_ERROR_PAGES = frozenset({400, 403, 404, 405, 409, 413, 422, 429, 500, 503})

# Colour is a second signal only; the words say the state. Grey: nothing to do. Yellow: waiting. Green: fine.
# Red: somebody must act. Turquoise: under way.
_STATUS_COLOURS = {
    "grey": "draft optional closed cancelled withdrawn ended archived not_started unavailable superseded",
    "yellow": "requested returned to_put_right submitted pending waiting offered awaiting_approval awaiting_payment "
    "due in_review proposed planned part_approved claimed",
    "turquoise": "in_progress assigned open answered scheduled started paused processing released",
    "green": "accepted agreed approved signed_off completed delivered paid live active accredited verified funded "
    "published reconciled",
    "red": "declined refused overdue suspended failed disputed expired lapsed breached missed rejected error no_show",
}
_COLOUR_OF_STATUS = {status: colour for colour, names in _STATUS_COLOURS.items() for status in names.split()}


def create_environment(
    template_dirs: Path | Iterable[Path],
    manifest: Mapping[str, str] | None = None,
    *,
    auto_reload: bool = False,
) -> Environment:
    """Make the environment that renders every page.

    Args:
        template_dirs: Folders searched for templates, in order.
        manifest: Plain asset name to hashed file name, from `load_manifest`. None leaves names plain, for tests that
            do not build assets; with a manifest an unknown name is an error.
        auto_reload: Look at template files again on each use (development).

    Returns:
        An environment with autoescape for every template, whatever its ending.
    """
    folders = [template_dirs] if isinstance(template_dirs, Path) else list(template_dirs)
    environment = Environment(
        loader=ChoiceLoader(
            [
                FileSystemLoader(folders),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]
        ),
        autoescape=True,
        # The GOV.UK macros reach through parameters that were not given; a strict Undefined breaks them.
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=auto_reload,
        cache_size=-1,
        extensions=["jinja2.ext.do"],
    )
    environment.filters.update(FILTERS)

    def asset(name: str) -> str:
        """Address of a built file by its plain name: `asset("app.css")`."""
        if manifest is None:
            return f"{STATIC_PREFIX}{name}"
        if name not in manifest:
            raise LookupError(f"No asset is called {name}; the build made {', '.join(sorted(manifest))}.")
        return f"{STATIC_PREFIX}{manifest[name]}"

    environment.globals.update(
        asset=asset,
        form_start=form_start,
        service_name=SERVICE_NAME,
        footer_links=FOOTER_LINKS,
        htmx_config=HTMX_CONFIG,
    )
    return environment


def load_manifest(folder: Path) -> dict[str, str]:
    """Read the manifest of built assets.

    Raises:
        FileNotFoundError: The assets were not built; the message names the command.
    """
    path = folder / "manifest.json"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `python -m marketplace.web.assets.build`.")
    manifest: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return manifest


def error_template(status: int) -> str:
    """Name the error page of a status: its own where there is one, else the page of its family (400 or 500)."""
    if status in _ERROR_PAGES:
        return f"errors/{status}.html"
    family = HTTPStatus.BAD_REQUEST if status < HTTPStatus.INTERNAL_SERVER_ERROR else HTTPStatus.INTERNAL_SERVER_ERROR
    return f"errors/{int(family)}.html"


@_pass_context
def form_start(
    context: Context,
    action: str,
    method: str = "post",
    *,
    multipart: bool = False,
    once: bool = True,
    attributes: Mapping[str, str] | None = None,
) -> Markup:
    """Open a form: `{{ form_start("/bookings") }} … </form>`. A global, because imported macros do not see the context.

    Browser validation is off (`novalidate`): our own messages are better and reach screen readers. A POST form carries
    the hidden input `csrf_token` and, unless `once` is off, `form_id`, so that sending it twice acts once.

    Raises:
        LookupError: A POST form on a page without `csrf_token`: every submission would be refused.
    """
    extra = {"enctype": "multipart/form-data"} if multipart else {}
    written = Markup("").join(Markup(' {}="{}"').format(k, v) for k, v in {**extra, **(attributes or {})}.items())
    opening = Markup('<form action="{}" method="{}" novalidate{}>').format(action, method.lower(), written)
    return opening + _hidden_inputs(context, once) if method.lower() == "post" else opening


def _hidden_inputs(context: Context, once: bool) -> Markup:
    token = context.get("csrf_token")
    if not isinstance(token, str) or not token:
        raise LookupError("A POST form needs csrf_token in the context of its page.")
    inputs = Markup('<input type="hidden" name="{}" value="{}">')
    form_id = context.get("form_id")
    return inputs.format(CSRF_FIELD, token) + (
        inputs.format(FORM_ID_FIELD, form_id) if once and form_id else Markup("")
    )


def status_text(status: object) -> str:
    """Write a state for people: "awaiting_approval" becomes "Awaiting approval"."""
    words = str(getattr(status, "value", status)).replace("_", " ").replace("-", " ").strip()
    return words[:1].upper() + words[1:]


def status_tag(status: object, text: str | None = None) -> Markup:
    """Show a state as a coloured tag. Plain Python, so that it may stand in a loop over results.

    Args:
        status: A state's value ("awaiting_approval") or enum member; an unknown one is grey.
        text: Words to show instead of the state's own name.
    """
    value = str(getattr(status, "value", status)).replace("-", "_").lower()
    colour = _COLOUR_OF_STATUS.get(value, "grey")
    words = text or status_text(status)
    return Markup('<strong class="govuk-tag govuk-tag--{}">{}</strong>').format(colour, words)


def keep_lines(text: object) -> Markup:
    """Escape a typed text so that macros which re-indent their content cannot move its lines."""
    return Markup(str(escape(text)).replace("\r\n", "\n").replace("\n", "&#10;"))  # noqa: S704 - escaped first


def paragraphs(text: str) -> Markup:
    """Show a typed text with its own paragraphs and line breaks, everything else escaped."""
    blocks = [block for block in text.replace("\r\n", "\n").split("\n\n") if block.strip()]
    joined = (Markup("<br>").join(escape(line) for line in block.strip().split("\n")) for block in blocks)
    return Markup("").join(Markup('<p class="govuk-body">{}</p>').format(block) for block in joined)


def prose(text: str, prefix: str = "text", level: int = 3) -> Markup:
    """Show a longer text with its headings and lists (see `core.prose`), everything else escaped.

    Args:
        text: As it was typed.
        prefix: Start of the headings' ids, which `prose_contents` names, too: one for each text of a page.
        level: Level of the headings, 2 to 6.
    """
    size = {2: "m", 3: "s"}.get(level, "s")
    parts: list[Markup] = []
    number = 0
    for block in typed_blocks(text):
        if block.kind == "heading":
            number += 1
            heading = Markup('<h{} class="govuk-heading-{}" id="{}-{}">{}</h{}>')
            parts.append(heading.format(level, size, prefix, number, block.lines[0], level))
        elif block.kind == "list":
            items = Markup("").join(Markup("<li>{}</li>").format(line) for line in block.lines)
            parts.append(Markup('<ul class="govuk-list govuk-list--bullet">{}</ul>').format(items))
        else:
            joined = Markup("<br>").join(escape(line) for line in block.lines)
            parts.append(Markup('<p class="govuk-body">{}</p>').format(joined))
    return Markup("\n").join(parts)


def prose_contents(text: str, prefix: str = "text") -> list[tuple[str, str]]:
    """List the headings of a longer text as `(id, words)`, for a list of contents above it."""
    return [(f"{prefix}-{number}", words) for number, words in enumerate(typed_headings(text), start=1)]


def as_list(value: object) -> list[str]:
    """Read what was ticked: nothing, one value or several, always as texts."""
    if value is None or isinstance(value, ChainableUndefined) or value == "":
        return []
    if isinstance(value, str) or not isinstance(value, Iterable):
        return [str(value)]
    return [str(item) for item in value]


def choices(
    options: Iterable[str | Sequence[str]], chosen: object = None, conditional: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Turn the options of a field into items of a GOV.UK macro.

    Args:
        options: `(value, text)` or `(value, text, hint)`; a plain text such as "or" is a divider.
        chosen: What was typed or stored: one value or several.
        conditional: Value to the HTML that is shown while it is chosen.
    """
    ticked = as_list(chosen)
    items: list[dict[str, Any]] = []
    for option in options:
        if isinstance(option, str):
            items.append({"divider": option})
            continue
        value = str(option[0])
        item: dict[str, Any] = {"value": value, "text": option[1]}
        item["checked"] = item["selected"] = value in ticked
        if len(option) > 2 and option[2]:
            item["hint"] = {"text": option[2]}
        if conditional and value in conditional:
            item["conditional"] = {"html": conditional[value]}
        items.append(item)
    return items


def line_points(values: Sequence[float], top: float | None = None, floor: float = 0) -> str:
    """Place the values of a line chart on a 100 by 100 field: "0,100 50,20 100,0".

    Args:
        values: One figure per step, at least one, none below the floor.
        top: Figure at the upper edge; the largest value when not given.
        floor: Figure at the lower edge. Leave it at 0 for charts; a sparkline, which shows only the shape, may start
            at its smallest value.
    """
    span = max([top or 0, *values]) - floor or 1
    step = 100 / (len(values) - 1) if len(values) > 1 else 0
    return " ".join(
        f"{index * step:.2f},{100 - 100 * (value - floor) / span:.2f}" for index, value in enumerate(values)
    )


def chart_cells(rows: Iterable[Sequence[Any]]) -> list[tuple[Any, Any]]:
    """Cells of the table under a chart: the label and the written figure of each `(label, value, written)`."""
    return [(row[0], row[2]) for row in rows]


FILTERS: dict[str, Any] = {
    "pounds": formats.pounds,
    "pounds_short": formats.pounds_short,
    "uk_date": formats.uk_date,
    "uk_day": formats.uk_day,
    "uk_short_date": formats.uk_short_date,
    "uk_month": formats.uk_month,
    "uk_datetime": formats.uk_datetime,
    "uk_deadline": formats.uk_deadline,
    "uk_time": formats.uk_time,
    "time_range": formats.time_range,
    "date_range": formats.date_range,
    "last_day": formats.last_day,
    "duration": formats.duration,
    "miles": formats.miles,
    "days_ago": formats.days_ago,
    "plural": formats.plural,
    "weights_version": version_words,
    "sort_code_masked": formats.sort_code_masked,
    "account_masked": formats.account_masked,
    "status_text": status_text,
    "status_tag": status_tag,
    "keep_lines": keep_lines,
    "paragraphs": paragraphs,
    "prose": prose,
    "prose_contents": prose_contents,
    "choices": choices,
    "line_points": line_points,
    "chart_cells": chart_cells,
}
