"""Pages of payments."""

from typing import Any

ROUTES: list[Any] = []
