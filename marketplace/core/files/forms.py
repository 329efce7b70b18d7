"""Forms with files: read whichever way they were encoded, each file bounded, and told apart when sent twice."""

from typing import Any, Final

import msgspec
from litestar.connection import Request
from litestar.datastructures import UploadFile
from litestar.exceptions import InternalServerException

from marketplace.core.errors import BadRequest
from marketplace.core.files.kinds import LIMITS, GivenFile
from marketplace.core.web import FormData

LARGEST_UPLOAD: Final = 12_000_000
"""Bytes of a request with files: `@post(…, request_max_body_size=LARGEST_UPLOAD)`. One file of 10 MB, its form around
it, and what the encoding adds."""

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
        """Read the form of a request, multipart or not.

        Raises:
            BadRequest: The form is broken.
        """
        values: FormData = {}
        files: dict[str, list[GivenFile]] = {}
        for name, item in (await read_form(request)).multi_items():
            if isinstance(item, UploadFile):
                # One byte more than allowed is enough for `check` to see that it is too large.
                await item.seek(0)
                files.setdefault(name, []).append(GivenFile(item.filename, await item.read(LIMITS.size + 1)))
                continue
            before = values.get(name)
            values[name] = item if before is None else [*before, item] if isinstance(before, list) else [before, item]
        return cls(values, files)


async def read_form(request: Request[Any, Any, Any]) -> Any:
    """Return the parsed form of a request: a mapping that keeps every value of a field. Read once, however often asked.

    Raises:
        BadRequest: It says it is a form and cannot be read as one.
    """
    try:
        return await request.form()
    except (UnicodeError, LookupError) as error:
        # A text that is not in the encoding its part names, or in one that nobody knows.
        raise BadRequest("The form could not be read. Go back, reload the page and send it again.") from error
    except InternalServerException as error:
        raise BadRequest("The form did not arrive whole. Go back and send it again.") from error
