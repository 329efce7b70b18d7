"""Compiled loops: where Numba keeps what it compiled, and when it is worth asking it.

Kernels are plain functions on arrays. `compiled(kernel)` gives the machine-code form, made at its first call and kept
on disk; small problems call the plain function, because importing Numba takes longer than they do.
"""

import os
import stat
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def cache_folder() -> Path:
    """Folder of the compiled code: under the data directory where there is one, else a temporary one of this user.

    The folder of the package may be read-only, so it is never used. Nor is a folder that somebody else could write to,
    because what lies there is run.
    """
    data = os.environ.get("MARKETPLACE_DATA_DIR", "")
    folder = Path(data) / "compiled" if data else Path(tempfile.gettempdir()) / f"marketplace-compiled-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, parents=bool(data), exist_ok=True)
        about = folder.lstat()
        if stat.S_ISDIR(about.st_mode) and about.st_uid == os.getuid() and not about.st_mode & 0o022:
            return folder
    except OSError:
        pass
    return Path(tempfile.mkdtemp(prefix="marketplace-compiled-"))


@cache
def compiled(kernel: Callable[P, R]) -> Callable[P, R]:
    """Compile a kernel (no Python objects, no fast-math: results are those of the plain function, bit for bit)."""
    if "NUMBA_CACHE_DIR" not in os.environ:
        # Numba reads it when it is imported and again before each compilation.
        os.environ["NUMBA_CACHE_DIR"] = str(cache_folder())
    import numba

    form: Callable[P, R] = numba.njit(cache=True, nogil=True)(kernel)
    return form
