"""Handing files out: always as a download, never as a page of ours."""

from typing import Final
from urllib.parse import quote

from litestar import Response

from marketplace.core.models import StoredFile

HEADERS: Final = {
    # Even a browser that shows the file all the same gives it an origin of its own, without scripts.
    "content-security-policy": "default-src 'none'; sandbox",
    "x-content-type-options": "nosniff",
    "cache-control": "no-store",
    "cross-origin-resource-policy": "same-origin",
    "x-robots-tag": "noindex",
}


def file_answer(stored: StoredFile, content: bytes) -> Response[bytes]:
    """Answer with a stored file as a download under its own name."""
    headers = {**HEADERS, "content-disposition": disposition(stored.name)}
    media_type = "text/plain; charset=utf-8" if stored.media_type == "text/plain" else stored.media_type
    return Response(content, media_type=media_type, headers=headers)


def disposition(name: str) -> str:
    """Write the header that names a download: plain letters for old browsers, the whole name for others.

    Source: RFC 6266, section 4.1 and appendix D; RFC 8187 for the encoding.
    """
    plain = "".join(char if char.isascii() and (char.isalnum() or char in " .-_()") else "_" for char in name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
