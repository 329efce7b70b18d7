"""What a dashboard shows."""

import msgspec


class Need(msgspec.Struct, frozen=True):
    """Something that waits for the reader: words with their number, where to go, what it means."""

    text: str
    href: str
    note: str = ""
    is_urgent: bool = False


class Chart(msgspec.Struct, frozen=True):
    """A small chart with its table. `rows` are (label, value, value in words)."""

    id: str
    title: str
    description: str
    rows: tuple[tuple[str, int, str], ...]
    label_heading: str
    value_heading: str


class Home(msgspec.Struct, frozen=True, kw_only=True):
    """A dashboard: what needs the reader, figures as (label, value, note), charts, other ways on as (text, href)."""

    needs: tuple[Need, ...] = ()
    figures: tuple[tuple[str, str, str], ...] = ()
    charts: tuple[Chart, ...] = ()
    links: tuple[tuple[str, str], ...] = ()
    all_done: str = "Nothing is waiting for you."
