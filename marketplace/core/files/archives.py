"""Documents that are zip archives: every limit is checked before, and again while, anything is unpacked."""

import io
import re
import stat
import struct
import zipfile
import zlib
from typing import Final

from marketplace.core.files.kinds import FileRefused, Limits, damaged, too_complex, wrong_kind
from marketplace.core.files.sniffing import refuse_test_virus

BLOCK: Final = 256 * 1024
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_NESTED: Final = (
    b"PK\x03\x04",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!\x1a\x07",
    b"\x1f\x8b\x08",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"MSCF",
)
_PROGRAMS: Final = (b"MZ", b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"#!/")
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_DRIVE: Final = re.compile(r"^[A-Za-z]:")
WHAT: Final = "document"


def unpack(content: bytes, limits: Limits) -> dict[str, bytes]:
    """Return what a document holds, by name, in its order.

    Raises:
        FileRefused: Too many or too large parts, names that lead elsewhere, links, locks, archives inside.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            _check_entries(entries, limits)
            return _read(archive, entries, limits)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, struct.error) as error:
        raise damaged(WHAT) from error
    except (NotImplementedError, RuntimeError, ValueError, OSError, UnicodeError, OverflowError) as error:
        raise damaged(WHAT) from error


def _check_entries(entries: list[zipfile.ZipInfo], limits: Limits) -> None:
    """Look at the table of contents alone: nothing is unpacked yet."""
    if not entries:
        raise wrong_kind("An archive of files")
    if len(entries) > limits.zip_entries:
        raise too_complex(WHAT)
    if sum(entry.file_size for entry in entries) > limits.unpacked:
        raise too_complex(WHAT)
    names = [entry.filename.lower() for entry in entries]
    if len(set(names)) < len(names):
        raise damaged(WHAT)
    for entry in entries:
        # `orig_filename` still has what follows a NUL.
        parts = entry.orig_filename.replace("\\", "/").split("/")
        if entry.orig_filename.startswith(("/", "\\")) or ".." in parts or _DRIVE.match(entry.orig_filename):
            raise damaged(WHAT)
        if "\x00" in entry.orig_filename or len(entry.filename) > 300:
            raise damaged(WHAT)
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise damaged(WHAT)
        if entry.flag_bits & 0x1:
            raise FileRefused(
                "password", "The document needs a password. Save a copy without a password and send that one"
            )
        if entry.compress_type not in _METHODS:
            raise damaged(WHAT)
        if entry.file_size > limits.ratio_from and entry.file_size > limits.ratio * max(entry.compress_size, 1):
            raise too_complex(WHAT)


def _read(archive: zipfile.ZipFile, entries: list[zipfile.ZipInfo], limits: Limits) -> dict[str, bytes]:
    """Unpack piece by piece and count: the sizes in the table are what the sender wrote there."""
    found: dict[str, bytes] = {}
    total = 0
    for entry in entries:
        if entry.is_dir():
            continue
        pieces: list[bytes] = []
        size = 0
        with archive.open(entry) as packed:
            while piece := packed.read(BLOCK):
                size, total = size + len(piece), total + len(piece)
                if total > limits.unpacked:
                    raise too_complex(WHAT)
                if size > limits.ratio_from and size > limits.ratio * max(entry.compress_size, 1):
                    raise too_complex(WHAT)
                pieces.append(piece)
        part = b"".join(pieces)
        refuse_test_virus(part)
        refuse_foreign(part)
        found[entry.filename] = part
    return found


def refuse_foreign(part: bytes) -> None:
    """Refuse an archive, a program or an old Office file inside a document.

    Raises:
        FileRefused: It is one.
    """
    if part.startswith((*_NESTED, *_PROGRAMS, _OLE)):
        raise FileRefused("embedded", "The document has another file inside it. Save it as PDF and send that one")


def pack(parts: dict[str, bytes], *, stored: tuple[str, ...] = ()) -> bytes:
    """Write a document anew: the same parts, one fixed date, no comments, nothing between or around them.

    Args:
        parts: Content by name, in the order they are written in.
        stored: Names that are not compressed.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            entry.external_attr = 0
            archive.writestr(entry, part)
    return out.getvalue()
