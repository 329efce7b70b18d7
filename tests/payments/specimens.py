"""Finds published specifications and samples in the data folder beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def specimen(name: str) -> Path:
    """The file `specs/payments/{name}`; skips the test where the data folder is absent.

    The folder is `MARKETPLACE_SHARED_DATA`, else `shared/data` beside any
    parent of the project.
    """
    named = os.environ.get("MARKETPLACE_SHARED_DATA")
    folders = [Path(named)] if named else [parent / "shared/data" for parent in Path(__file__).resolve().parents]
    for folder in folders:
        path = folder / "specs/payments" / name
        if path.is_file():
            return path
    pytest.skip("the real data folder is not beside the project (set MARKETPLACE_SHARED_DATA)")
