"""What may be given, how much of it, and what comes out of a look at it."""

import hashlib
from enum import StrEnum
from typing import Final

import msgspec

from marketplace.core.errors import InvalidInput

ACCEPTED: Final = "PDF, JPG, PNG, WebP, Word (.docx), OpenDocument (.odt) or plain text (.txt)"
"""Said on every form and in every refusal of a kind."""

ACCEPT_ATTRIBUTE: Final = ".pdf,.jpg,.jpeg,.png,.webp,.docx,.odt,.txt"
"""For the file chooser of a browser; a hint to the person, no wall."""


class Kind(StrEnum):
    """Kinds of file that are kept."""

    PDF = "application/pdf"
    JPEG = "image/jpeg"
    PNG = "image/png"
    WEBP = "image/webp"
    DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
    ODT = "application/vnd.oasis.opendocument.text"
    TEXT = "text/plain"


ENDINGS: Final[dict[Kind, tuple[str, ...]]] = {
    Kind.PDF: (".pdf",),
    Kind.JPEG: (".jpg", ".jpeg"),
    Kind.PNG: (".png",),
    Kind.WEBP: (".webp",),
    Kind.DOCX: (".docx",),
    Kind.ODT: (".odt",),
    Kind.TEXT: (".txt", ".text", ".md", ".log"),
}
"""Endings that a name may have; the first is given to one that has another."""

KIND_WORDS: Final[dict[str, str]] = {
    Kind.PDF: "PDF",
    Kind.JPEG: "picture",
    Kind.PNG: "picture",
    Kind.WEBP: "picture",
    Kind.DOCX: "Word document",
    Kind.ODT: "OpenDocument text",
    Kind.TEXT: "text",
}


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """How much is opened at most. Sizes in bytes."""

    size: int = 10_000_000
    """Of the file as sent, and as kept."""
    megapixels: int = 40
    """Of a picture, read from its header before anything is decoded."""
    square_pixels: int = 0
    """Above 0 only pictures are taken, cut square around their middle and made at most this wide."""
    pages: int = 200
    pdf_objects: int = 200_000
    zip_entries: int = 1_000
    unpacked: int = 100_000_000
    """Of everything in a document, counted while it is read."""
    ratio: int = 100
    """Unpacked to packed, of each entry that unpacks to more than `ratio_from`."""
    ratio_from: int = 1_000_000
    """Small XML parts pack very well; below this the ratio says nothing."""


LIMITS: Final = Limits()


class GivenFile(msgspec.Struct, frozen=True):
    """A file as it arrived; nothing of it has been looked at."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """Hash of the content, as hexadecimal text."""
        return hashlib.sha256(self.content).hexdigest()


class CleanFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file that passed, as it may be kept."""

    name: str
    media_type: Kind
    content: bytes
    pages: int | None = None
    changes: tuple[str, ...] = ()
    """What was taken out or changed, in plain words, such as "The place where the picture was taken"."""


class FileRefused(InvalidInput):
    """A file that is not taken. The message says what is wrong and what to do; `reason` is a stable word for logs."""

    code = "file-refused"
    title = "This file cannot be used"

    def __init__(self, reason: str, message: str, field: str = "file") -> None:
        super().__init__({field: message})
        self.reason = reason
        self.message = message

    def at(self, field: str) -> "FileRefused":
        """Return the same refusal, to be shown beside another field."""
        return FileRefused(self.reason, self.message, field)


def wrong_kind(what: str = "This kind of file") -> FileRefused:
    """Return the refusal of a kind that is not taken."""
    return FileRefused("kind", f"{what} cannot be used. Send a {ACCEPTED} file")


def damaged(what: str) -> FileRefused:
    """Return the refusal of a file that cannot be read to its end. `what` is "PDF", "picture" or such."""
    return FileRefused("damaged", f"The {what} is damaged and cannot be read. Save it again, or send another copy")


def too_complex(what: str) -> FileRefused:
    """Return the refusal of a file that unpacks to more than we open."""
    return FileRefused("too-complex", f"The {what} unpacks to more than we can open. Save it as a smaller PDF")
