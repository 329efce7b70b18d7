"""Parts of a web or worker process that live as long as it does: the search index, the card gateway."""

from typing import Any

from marketplace.core.settings import Settings


def open_parts(settings: Settings) -> dict[str, Any]:
    """Open the parts named in `app.state`."""
    return {}
