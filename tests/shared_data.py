"""The folder of real public data beside the project, for tests marked `shared`."""

import os
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PLACES = (
    Path(os.environ["MARKETPLACE_SHARED_DATA"]) if "MARKETPLACE_SHARED_DATA" in os.environ else None,
    _ROOT.parent / "shared" / "data",
    _ROOT.parents[1] / "shared" / "data",
)


def shared_file(name: str) -> Path:
    """Give the path of a file of real data; the test is skipped where it is not there."""
    for folder in _PLACES:
        if folder is not None and (folder / name).is_file():
            return folder / name
    pytest.skip(f"real data {name} is not here: set MARKETPLACE_SHARED_DATA to its folder")
