"""Longer texts: headings and lists by their first characters, everything else as typed."""

from hypothesis import given
from hypothesis import strategies as st

from marketplace.core.prose import Block, blocks, headings, plain
from marketplace.web.pages import prose, prose_contents

TEXT = "Before\nstill before\n\n## First\nUnder it\n- one\n- two\n\n- three\n##not one\n## \n\r\nLast"


def test_blocks_are_told_apart() -> None:
    assert blocks(TEXT) == [
        Block("paragraph", ("Before", "still before")),
        Block("heading", ("First",)),
        Block("paragraph", ("Under it",)),
        Block("list", ("one", "two")),
        Block("list", ("three",)),
        Block("paragraph", ("##not one", "##")),
        Block("paragraph", ("Last",)),
    ]
    assert headings(TEXT) == ["First"]
    assert blocks(" \n\n ") == []


def test_html_is_shown_as_text_and_headings_have_ids() -> None:
    text = "## <b>Bold</b>\n\n<script>x</script> & more\n\n- <i>item</i>"
    shown = str(prose(text, "spec"))
    assert '<h3 class="govuk-heading-s" id="spec-1">&lt;b&gt;Bold&lt;/b&gt;</h3>' in shown
    assert "&lt;script&gt;x&lt;/script&gt; &amp; more" in shown
    assert "<li>&lt;i&gt;item&lt;/i&gt;</li>" in shown
    assert prose_contents(text, "spec") == [("spec-1", "<b>Bold</b>")]


@given(st.text(alphabet="#- ab\n\r<", max_size=80))
def test_any_text_is_right_and_reads_the_same_again(text: str) -> None:
    found = blocks(text)
    assert blocks("\n\n".join(plain(block) for block in found)) == found
    assert "<a" not in str(prose(text))
