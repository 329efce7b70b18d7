"""Compiled loops: where Numba keeps what it compiled, and when it is worth asking it.

Kernels are plain functions on arrays. `compiled(kernel)` gives the machine-code form, made at its first call and kept
on disk; small problems call the plain function, because importing Numba takes longer than they do.
"""

import os
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def cache_folder() -> Path:
    """Folder of the compiled code: under the data directory where there is one, else a temporary one of this user.

    The folder of the package may be read-only, so it is never used.
    """
    data = os.environ.get("MARKETPLACE_DATA_DIR", "")
    if data and os.access(data, os.W_OK):
        return Path(data) / "compiled"
    return Path(tempfile.gettempdir()) / f"marketplace-compiled-{os.getuid() if hasattr(os, 'getuid') else 'user'}"


@cache
def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel (no Python objects, no fast-math: results are those of the plain function, bit for bit)."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        folder = cache_folder()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            folder = Path(tempfile.mkdtemp(prefix="marketplace-compiled-"))
        # Numba reads this when it is imported and again when its settings are reloaded by the next compilation.
        os.environ["NUMBA_CACHE_DIR"] = str(folder)
    import numba

    form: Callable[P, R] = numba.njit(cache=True, nogil=True)(kernel)
    return form
