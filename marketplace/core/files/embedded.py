"""Pictures inside documents: what the camera wrote beside them is cut out without touching the pixels.

Documents refer to their pictures by size and colour, so these are not written anew as uploaded pictures are.
"""

from typing import Final

_JPEG_KEPT: Final = frozenset({0xE0, 0xEE})
"""JFIF, and Adobe's mark, without which colours come out wrong."""
_PNG_DROPPED: Final = frozenset({b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME", b"caBX"})


def without_notes(content: bytes) -> bytes:
    """Return a JPEG or PNG picture without its metadata; anything else, and what is broken, as it is."""
    if content.startswith(b"\xff\xd8\xff"):
        return _jpeg(content)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _png(content)
    return content


def _jpeg(content: bytes) -> bytes:
    kept, at = [content[:2]], 2
    while at + 4 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA or 0xD0 <= marker <= 0xD9:
            break
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        if length < 2:
            break
        if not (0xE0 <= marker <= 0xEF or marker == 0xFE) or marker in _JPEG_KEPT:
            kept.append(content[at : at + 2 + length])
        at += 2 + length
    kept.append(content[at:])
    return b"".join(kept)


def _png(content: bytes) -> bytes:
    kept, at = [content[:8]], 8
    while at + 12 <= len(content):
        length, kind = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8]
        end = at + 12 + length
        if kind not in _PNG_DROPPED:
            kept.append(content[at:end])
        at = end
        if kind == b"IEND":
            break
    return b"".join(kept)
