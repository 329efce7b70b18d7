"""Forms with files: read whichever way they were encoded, within bounds, and told apart when sent twice.

Litestar's own reader is not used: it writes files to the disk before anything looked at them, and answers texts that
are not in their encoding with a server error.
"""

from contextlib import aclosing
from typing import Any, Final

import msgspec
from litestar.connection import Request
from litestar.exceptions import InternalServerException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from multipart import MultipartError, MultipartSegment, PushMultipartParser

from marketplace.core.errors import BadRequest
from marketplace.core.files.kinds import LIMITS, GivenFile
from marketplace.core.flash import request_state
from marketplace.core.web import FormData

LARGEST_UPLOAD: Final = 12_000_000
"""Bytes of a request with files: one file of 10 MB, its form around it, and what the encoding adds."""

UPLOAD: Final[dict[str, Any]] = {"request_max_body_size": LARGEST_UPLOAD, "takes_files": True}
"""Options of a route that takes files: `@post("/", permission=…, **UPLOAD)`. Others refuse multipart forms."""

LARGEST_TEXTS: Final = 1_000_000
"""Bytes of everything typed in a form with files."""
MOST_PARTS: Final = 1_000

CHOOSE_AGAIN: Final = "Choose your file again: it was not kept"
"""Shown with a refused form: a browser never fills in a file by itself."""


class FileForm(msgspec.Struct, frozen=True):
    """A form that may carry files: texts and files apart."""

    values: FormData
    """What was typed: for a `FormReader`, and to show the form again."""
    files: dict[str, list[GivenFile]]
    """By field, in the order they were chosen; a field without a file is not there."""

    @property
    def content(self) -> FormData:
        """What was typed together with a hash of each file: give this to `submit`, so that a form sent twice with the
        same files acts once, and with another file is refused."""
        return {**self.values, **{name: [file.sha256 for file in given] for name, given in self.files.items()}}

    @classmethod
    async def read(cls, request: Request[Any, Any, Any]) -> "FileForm":
        """Read the form of a request, multipart or not; once, however often it is asked for.

        Raises:
            BadRequest: It cannot be read, or the route takes no files.
            RequestEntityTooLarge: It is larger than the route takes.
        """
        state = request_state(request)
        if "form" not in state:
            content_type, options = request.content_type
            if content_type == "multipart/form-data":
                state["form"] = await _multipart(request, options.get("boundary") or "")
            else:
                state["form"] = cls(_gathered(list((await request.form()).multi_items())), {})
        found: FileForm = state["form"]
        return found


async def _multipart(request: Request[Any, Any, Any], boundary: str) -> FileForm:
    if not request.route_handler.opt.get("takes_files"):
        raise BadRequest("This page takes no files.")
    parts = _Parts()
    try:
        with PushMultipartParser(boundary.encode(), max_segment_count=MOST_PARTS) as parser:
            async with aclosing(request.stream()) as stream:
                async for block in stream:
                    # What follows the last part is read, too, or the sender would never hear our answer.
                    if not parser.closed and block:
                        for event in parser.parse(block):
                            parts.take(event)
            if not parser.closed:
                for event in parser.parse(b""):
                    parts.take(event)
    except (MultipartError, UnicodeError, ValueError, LookupError) as error:
        raise BadRequest("The form could not be read. Go back, reload the page and send it again.") from error
    except InternalServerException as error:
        raise BadRequest("The form did not arrive whole. Go back and send it again.") from error
    return FileForm(_gathered(parts.texts), parts.files)


class _Parts:
    """What a parser found, put together. Holds no more of a file than it takes to see that it is too large."""

    def __init__(self) -> None:
        self.texts: list[tuple[str, str]] = []
        self.files: dict[str, list[GivenFile]] = {}
        self._segment: MultipartSegment | None = None
        self._body = bytearray()
        self._text_bytes = 0

    def take(self, event: Any) -> None:
        """Take the head of a part, a piece of it, or None for its end."""
        if isinstance(event, MultipartSegment):
            self._segment, self._body = event, bytearray()
        elif self._segment is None:
            return
        elif event is None:
            self._end(self._segment)
            self._segment = None
        elif self._segment.filename is None:
            self._text_bytes += len(event)
            if self._text_bytes > LARGEST_TEXTS:
                raise RequestEntityTooLarge
            self._body += event
        else:
            self._body += event[: LIMITS.size + 1 - len(self._body)]

    def _end(self, segment: MultipartSegment) -> None:
        if segment.filename is None:
            self.texts.append((segment.name, self._body.decode()))
        elif segment.filename:
            self.files.setdefault(segment.name, []).append(GivenFile(segment.filename, bytes(self._body)))
        self._body = bytearray()


def _gathered(items: list[tuple[str, Any]]) -> FormData:
    values: FormData = {}
    for name, item in items:
        before = values.get(name)
        if before is None:
            values[name] = item
        else:
            values[name] = [*before, item] if isinstance(before, list) else [before, item]
    return values
