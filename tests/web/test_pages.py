"""The environment, the layout, the fields of forms, the error pages and the static pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, UndefinedError

from marketplace.web import pages
from tests.web.page_checks import check_page, elements, words

ROOT = Path(__file__).resolve().parents[2]
TEMPLATES = ROOT / "templates"


@dataclass
class Person:
    name: str = "Ada Example"
    role_label: str = "Broker"
    council_name: str = "Doncaster"


@pytest.fixture(scope="module")
def environment() -> Environment:
    return pages.create_environment(TEMPLATES)


def render(environment: Environment, source: str, **context: Any) -> str:
    return environment.from_string(source).render(**context)


FORMS = '{% import "components/forms.html" as forms %}'


# --- environment


def test_every_template_escapes_what_people_typed(environment: Environment) -> None:
    assert render(environment, "{{ name }}", name="<script>") == "&lt;script&gt;"
    page = render(
        environment,
        FORMS + '{{ forms.text_input("q", label, values, errors, hint=label) }}{{ forms.error_summary(errors) }}',
        label="<b>label</b>",
        values={"q": '"><img src=x>'},
        errors={"q": "<i>wrong</i>"},
    )
    for tag in ("<b>", "<img", "<i>"):
        assert tag not in page


def test_assets_get_their_hashed_names() -> None:
    environment = pages.create_environment(TEMPLATES, {"app.css": "app-0123456789ab.css"})
    assert render(environment, "{{ asset('app.css') }}") == "/static/app-0123456789ab.css"


def test_an_unknown_asset_is_an_error_once_assets_are_built() -> None:
    environment = pages.create_environment(TEMPLATES, {"app.css": "app-0123456789ab.css"})
    with pytest.raises(LookupError, match=r"other\.css"):
        render(environment, "{{ asset('other.css') }}")


def test_a_missing_manifest_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"python -m marketplace\.web\.assets\.build"):
        pages.load_manifest(tmp_path)


def test_filters_write_for_people_and_refuse_what_is_missing(environment: Environment) -> None:
    assert render(environment, "{{ 12345 | pounds }}") == "£123.45"
    assert render(environment, "{{ day | uk_date }}", day=date(2026, 11, 21)) == "21 November 2026"
    with pytest.raises((UndefinedError, TypeError)):
        render(environment, "{{ forgotten | pounds }}")


# --- forms


def test_a_post_form_carries_its_tokens(environment: Environment) -> None:
    form = render(environment, '{{ form_start("/bookings") }}</form>', csrf_token="t<1", form_id="once")
    assert 'action="/bookings" method="post" novalidate>' in form
    assert '<input type="hidden" name="csrf_token" value="t&lt;1">' in form
    assert '<input type="hidden" name="form_id" value="once">' in form


def test_a_get_form_carries_no_token(environment: Environment) -> None:
    form = render(environment, '{{ form_start("/search", "get") }}</form>', csrf_token="secret", form_id="once")
    assert "secret" not in form
    assert "once" not in form


def test_a_post_form_without_a_token_fails_while_rendering(environment: Environment) -> None:
    with pytest.raises(LookupError, match="csrf_token"):
        render(environment, '{{ form_start("/bookings") }}</form>')


def test_form_attributes_are_escaped(environment: Environment) -> None:
    form = render(environment, '{{ form_start(a, "get", attributes={"id": a}, multipart=true) }}', a='"><script>')
    assert "<script>" not in form
    assert 'enctype="multipart/form-data"' in form


@pytest.mark.parametrize(
    "call",
    [
        'text_input("f", "Field", values, errors)',
        'number("f", "Field", values, errors)',
        'pounds_input("f", "Field", values, errors)',
        'postcode("f", "Field", values, errors)',
        'email("f", "Field", values, errors)',
        'phone("f", "Field", values, errors)',
        'one_time_code("f", "Field", values, errors)',
        'time_input("f", "Field", values, errors)',
        'textarea("f", "Field", values, errors)',
        'textarea("f", "Field", values, errors, max_characters=200)',
    ],
)
def test_text_fields_keep_what_was_typed_and_say_what_is_wrong(environment: Environment, call: str) -> None:
    source = FORMS + "{{ forms." + call + " }}"
    field = render(environment, source, values={"f": "typed & kept"}, errors={"f": "Enter it"})
    assert "typed &amp; kept" in field
    assert 'id="f-error"' in field
    assert "Enter it" in field
    assert "f-error" in re.findall(r'aria-describedby="([^"]*)"', field)[0].split()
    blank = render(environment, source, values={}, errors={})
    assert "f-error" not in blank
    assert render(environment, source) == blank, "a page without values and errors shows an empty field"


def test_a_password_is_never_written_back(environment: Environment) -> None:
    field = render(
        environment, FORMS + '{{ forms.password("f", "Field", errors) }}', values={"f": "hunter2"}, errors={}
    )
    assert "hunter2" not in field
    assert "value=" not in field


@pytest.mark.parametrize("wrong", [{}, {"f": "Choose one"}])
def test_choices_stay_chosen(environment: Environment, wrong: dict[str, str]) -> None:
    options = [("1", "One"), ("11", "Eleven"), (2, "Two")]
    source = FORMS + '{{ forms[macro]("f", "Field", options, values, errors) }}'

    def chosen(macro: str, value: object, mark: str) -> list[str]:
        html = render(environment, source, macro=macro, options=options, values={"f": value}, errors=wrong)
        return re.findall(rf'value="(\w+)"[^>]*\s{mark}', html)

    assert chosen("radios", "11", "checked") == ["11"]
    assert chosen("checkboxes", "11", "checked") == ["11"]
    assert chosen("checkboxes", ["1", "2"], "checked") == ["1", "2"]
    assert chosen("select", "2", "selected") == ["2"]
    assert chosen("radios", None, "checked") == []


def test_a_date_is_three_fields_and_the_error_leads_to_the_first(environment: Environment) -> None:
    source = FORMS + '{{ forms.error_summary(errors) }}{{ forms.date_input("on", "Day", values, errors) }}'
    values = {"on-day": "31", "on-month": "2", "on-year": "2026"}
    html = render(environment, source, values=values, errors={"on": "Enter a real date"})
    assert re.findall(r'name="(on-\w+)"', html) == ["on-day", "on-month", "on-year"]
    assert re.findall(r'value="(\d+)"', html) == ["31", "2", "2026"]
    assert 'href="#on"' in html
    assert re.search(r'<input[^>]* id="on" name="on-day"', html)
    assert html.count("govuk-input--error") == 3


def test_lines_of_a_text_survive_inside_other_components(environment: Environment) -> None:
    # The GOV.UK macros indent the HTML of their parts, which would add blanks to a text each time a form is refused.
    source = (
        FORMS
        + '{{ forms.radios("r", "R", [("1", "One")], values, errors,'
        + ' conditional={"1": forms.textarea("t", "T", values, errors)}) }}'
    )
    html = render(environment, source, values={"r": "1", "t": "one\r\ntwo\n  three"}, errors={})
    assert re.findall(r"<textarea[^>]*>([^<]*)<", html) == ["one&#10;two&#10;  three"]


def test_a_message_of_the_whole_form_has_no_link(environment: Environment) -> None:
    source = FORMS + "{{ forms.error_summary(errors) }}"
    summary = render(environment, source, errors={"form": "Sorry, not now", "name": "Enter a name"})
    assert summary.count("<a ") == 1
    assert "Sorry, not now" in summary
    assert render(environment, source, errors={}) == ""


# --- texts and states


def test_states_are_words_and_unknown_ones_are_grey(environment: Environment) -> None:
    assert pages.status_tag("awaiting_approval") == (
        '<strong class="govuk-tag govuk-tag--yellow">Awaiting approval</strong>'
    )
    assert "govuk-tag--grey" in pages.status_tag("<made up>")
    assert "&lt;made up&gt;" in pages.status_tag("<made up>")


def test_typed_texts_keep_paragraphs_and_nothing_else() -> None:
    html = pages.paragraphs("One\nline\n\n<b>Two</b>\n\n\n")
    assert html == '<p class="govuk-body">One<br>line</p><p class="govuk-body">&lt;b&gt;Two&lt;/b&gt;</p>'


def test_a_line_chart_of_nothing_stays_on_the_ground() -> None:
    assert pages.line_points([0, 0]) == "0.00,100.00 100.00,100.00"
    assert pages.line_points([5]) == "0.00,0.00"


# --- layout


def test_the_layout_shows_who_is_signed_in_and_signs_out_by_post(environment: Environment) -> None:
    html = render(
        environment,
        '{% extends "layout/base.html" %}{% block title %}Bookings{% endblock %}'
        '{% block content %}<h1 class="govuk-heading-l">{{ self.title() }}</h1>{% endblock %}',
        principal=Person(),
        csrf_token="token",
        form_id="once",
        navigation=[("Bookings", "/bookings", True), ("Search", "/search", False)],
        acting_for="Bo Example",
        flash=[{"kind": "success", "text": "Request sent"}, {"kind": "information", "text": "Office closed"}],
        theme="plum",
    )
    tree = check_page(html)
    text = words(tree)
    assert "Signed in as Ada Example, Broker, Doncaster" in text
    assert "You are acting for Bo Example" in text
    assert "Request sent" in text
    assert re.search(r'<form action="/sign-out" method="post"', html)
    assert "once" not in html, "the one-time id is for the form of the page, not for signing out"
    assert next(e for e in elements(tree) if e.tag == "title").text == "Bookings – Care Marketplace – Doncaster"
    current = [words(e) for e in elements(tree) if e.attrib.get("aria-current")]
    assert current == ["Bookings"]
    assert 'data-theme="plum"' in html


def test_the_layout_of_a_stranger_offers_to_sign_in(environment: Environment) -> None:
    html = render(
        environment, '{% extends "layout/base.html" %}{% block content %}<h1>Care Marketplace</h1>{% endblock %}'
    )
    check_page(html)
    assert "/sign-in" in html
    assert "Sign out" not in html


def test_a_refused_form_says_error_in_the_title(environment: Environment) -> None:
    html = render(
        environment,
        '{% extends "layout/base.html" %}{% block title %}Book{% endblock %}'
        "{% block content %}<h1>Book</h1>{% endblock %}",
        errors={"on": "Enter a date"},
    )
    check_page(html)
    assert "<title>Error: Book – Care Marketplace</title>" in html


def test_pages_load_nothing_from_elsewhere(environment: Environment) -> None:
    html = environment.get_template("layout/base.html").render()
    loads = re.findall(r'(?:src|srcset|data)="([^"]*)"', html) + re.findall(r'<link[^>]* href="([^"]*)"', html)
    assert loads
    assert all(address.startswith("/static/") for address in loads)


# --- error pages and static pages


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 413, 422, 429, 500, 503])
def test_error_pages_render_with_nothing_and_with_everything(environment: Environment, status: int) -> None:
    template = environment.get_template(pages.error_template(status))
    check_page(template.render())
    html = template.render(
        problem_title="This visit time has just been taken",
        problem_detail="Choose another time <b>.",
        reference="0f3c",
        retry_minutes=1,
        principal=Person(),
        csrf_token=lambda: "not a text",
    )
    tree = check_page(html)
    assert "<b>" not in html
    assert "0f3c" in words(tree)
    title = next(e for e in elements(tree) if e.tag == "title")
    assert words(title).startswith("This visit time has just been taken – ")


def test_statuses_without_a_page_of_their_own_use_their_family() -> None:
    assert pages.error_template(404) == "errors/404.html"
    assert pages.error_template(418) == "errors/400.html"
    assert pages.error_template(504) == "errors/500.html"


STATIC_PAGES = sorted(path.name for path in (TEMPLATES / "static_pages").glob("*.html"))


@pytest.mark.parametrize("name", STATIC_PAGES)
@pytest.mark.parametrize(
    "context",
    [
        {},
        {
            "contact_email": "help@doncaster.example",
            "contact_phone": "01302 000000",
            "prepared_on": date(2026, 11, 21),
            "known_issues": ["Some uploaded files cannot be read aloud"],
            "council_name": "Doncaster",
            "privacy_email": "privacy@doncaster.example",
            "cookies": [{"name": "session", "purpose": "Keeps you signed in.", "lasts": "12 hours."}],
        },
    ],
)
def test_static_pages_are_whole(environment: Environment, name: str, context: dict[str, Any]) -> None:
    check_page(environment.get_template(f"static_pages/{name}").render(**context))


@pytest.mark.parametrize("name", STATIC_PAGES)
def test_static_pages_are_written_in_plain_english(environment: Environment, name: str) -> None:
    tree = check_page(environment.get_template(f"static_pages/{name}").render())
    main = next(e for e in elements(tree) if e.tag == "main")
    blocks = [words(e) for e in elements(main) if e.tag in ("p", "li")]
    sentences = [s for block in blocks for s in re.split(r"(?<=[.!?:]) ", block) if s]
    too_long = [s for s in sentences if len(s.split()) > 25]
    assert not too_long
    assert flesch_kincaid_grade(sentences) <= 7.5


def flesch_kincaid_grade(sentences: list[str]) -> float:
    """Years of school needed to read a text (Kincaid and others, 1975), syllables counted as groups of vowels."""
    vocabulary = [word for sentence in sentences for word in re.findall(r"[A-Za-z’']+", sentence)]
    syllables = sum(
        max(1, len(re.findall(r"[aeiouy]+", re.sub(r"(?<=[^l])e$|es$|ed$", "", word.lower())))) for word in vocabulary
    )
    return 0.39 * len(vocabulary) / len(sentences) + 11.8 * syllables / len(vocabulary) - 15.59
