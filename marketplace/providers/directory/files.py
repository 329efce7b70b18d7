"""The file that the register is read from every night: which one it is, and whether it was read before."""

import glob
import hashlib
from pathlib import Path
from typing import BinaryIO

BLOCK_BYTES = 1024 * 1024


def fingerprint(file: BinaryIO) -> str:
    """Give the SHA-256 of a file's bytes, in hexadecimal; the file stands where it stood."""
    digest = hashlib.sha256()
    stood_at = file.tell()
    file.seek(0)
    while block := file.read(BLOCK_BYTES):
        digest.update(block)
    file.seek(stood_at)
    return digest.hexdigest()


def newest_file(pattern: str, settled_before: float) -> Path | None:
    """Find the newest file that fits; None when there is none.

    Args:
        pattern: A path, a folder, or a path with `*`, `?` and `**`.
        settled_before: Seconds since 1970. A file that changed after it may still be on its way and is passed over.
    """
    wanted = str(Path(pattern) / "*") if Path(pattern).is_dir() else pattern
    found: list[tuple[float, str]] = []
    for name in glob.glob(wanted, recursive=True):
        path = Path(name)
        # Tools that copy write under a hidden name first.
        if path.is_file() and not path.name.startswith(".") and (changed := path.stat().st_mtime) <= settled_before:
            found.append((changed, name))
    return Path(max(found)[1]) if found else None
