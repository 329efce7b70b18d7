"""One look at a file: what it is by its content, whether it may be kept, and how it is kept.

Pure: bytes in, bytes out. Run it in a process of its own (`checking.check`), since it opens what strangers made.
"""

import msgspec

from marketplace.core.files.archives import unpack
from marketplace.core.files.kinds import LIMITS, CleanFile, FileRefused, Kind, Limits
from marketplace.core.files.names import clean_name
from marketplace.core.files.office import TYPES, clean_docx, refuse_unknown
from marketplace.core.files.opendocument import MIMETYPE, clean_odt
from marketplace.core.files.pdf import clean_pdf
from marketplace.core.files.pictures import clean_picture
from marketplace.core.files.plaintext import check_text
from marketplace.core.files.sniffing import family_of, refuse_test_virus


def inspect(name: str, content: bytes, limits: Limits = LIMITS) -> CleanFile:
    """Judge a file by its content and return it as it may be kept.

    Args:
        name: As sent; it decides nothing and comes back cleaned.
        content: The whole file.
        limits: How much is opened at most.

    Raises:
        FileRefused: It is not taken; the message says why and what to do.
    """
    refuse_size(content, limits)
    refuse_test_virus(content)
    family = family_of(content)
    if limits.square_pixels and family in ("pdf", "zip", "text"):
        raise FileRefused("kind", "Choose a photo: JPG, PNG or WebP")
    if family == "pdf":
        clean = clean_pdf(name, content, limits)
    elif family == "zip":
        clean = _document(name, content, limits)
    elif family == "text":
        clean = CleanFile(name=name, media_type=Kind.TEXT, content=check_text(content))
    else:
        clean = clean_picture(name, content, family, limits)
    return msgspec.structs.replace(clean, name=clean_name(name, clean.media_type))


def refuse_size(content: bytes, limits: Limits = LIMITS) -> None:
    """Refuse a file that is empty or too large: known without opening it.

    Raises:
        FileRefused: It is.
    """
    if not content:
        raise FileRefused("empty", "The file is empty. Choose another file, or save it again")
    if len(content) > limits.size:
        raise too_large(limits)


def too_large(limits: Limits = LIMITS) -> FileRefused:
    """Return the refusal of a file of too many bytes."""
    return FileRefused(
        "size",
        f"The file is larger than {limits.size // 1_000_000} MB. Save it as a smaller PDF or take a photograph instead",
    )


def _document(name: str, content: bytes, limits: Limits) -> CleanFile:
    parts = unpack(content, limits)
    if TYPES in parts:
        kind, (kept, changes) = Kind.DOCX, clean_docx(parts)
    elif MIMETYPE in parts:
        kind, (kept, changes) = Kind.ODT, clean_odt(parts)
    else:
        refuse_unknown(parts)
    if len(kept) > limits.size:
        raise FileRefused("size", "The document is too large. Save it as a smaller PDF and send that one")
    return CleanFile(name=name, media_type=kind, content=kept, changes=changes)
