"""What a file is, by its first bytes. Its name and what the browser said of it are never asked."""

from typing import Final

from marketplace.core.files.kinds import FileRefused, wrong_kind

EICAR: Final = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-" + b"ANTIVIRUS-TEST-FILE!" + b"$H+H*"
"""The harmless text that every virus scanner must find. In pieces, or scanners would find this source file."""

_REFUSED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"MZ", "A program"),
    (b"\x7fELF", "A program"),
    (b"\xfe\xed\xfa", "A program"),
    (b"\xcf\xfa\xed\xfe", "A program"),
    (b"\xca\xfe\xba\xbe", "A program"),
    (b"\x00asm", "A program"),
    (b"dex\n", "A program"),
    (b"#!", "A script"),
    (b"{\\rtf", "A rich text file (RTF)"),
    (b"Rar!\x1a\x07", "An archive of files"),
    (b"7z\xbc\xaf\x27\x1c", "An archive of files"),
    (b"\x1f\x8b", "An archive of files"),
    (b"BZh", "An archive of files"),
    (b"\xfd7zXZ\x00", "An archive of files"),
    (b"\x28\xb5\x2f\xfd", "An archive of files"),
    (b"MSCF", "An archive of files"),
    (b"L\x00\x00\x00\x01\x14\x02\x00", "A Windows shortcut"),
    (b"II*\x00", "A TIFF picture"),
    (b"MM\x00*", "A TIFF picture"),
    (b"II+\x00", "A TIFF picture"),
    (b"MM\x00+", "A TIFF picture"),
    (b"8BPS", "A Photoshop picture"),
    (b"\x00\x00\x01\x00", "An icon"),
    (b"\xd7\xcd\xc6\x9a", "A Windows drawing"),
    (b"ID3", "A sound"),
    (b"OggS", "A sound"),
    (b"fLaC", "A sound"),
    (b"\x1a\x45\xdf\xa3", "A film"),
    (b"SQLite format 3", "A database"),
    (b"%!PS", "A PostScript file"),
    (b"\xff\xfe", "Text that is not in UTF-8"),
    (b"\xfe\xff", "Text that is not in UTF-8"),
)

_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HEIC: Final = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis")

PICTURES: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
)
"""First bytes and the decoder that may open them; WebP is told by two places."""


def family_of(content: bytes) -> str:
    """Say how a file is to be opened: "pdf", "zip", "text", or the name of a decoder: "JPEG", "PNG", "GIF" …

    Raises:
        FileRefused: A kind that is never taken, with the words for it.
    """
    start = content[:1024]
    for magic, decoder in PICTURES:
        if start.startswith(magic) and (decoder != "BMP" or _is_bmp(content)):
            return decoder
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return "WEBP"
    if start.startswith((b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")):
        return "zip"
    if start.startswith(_OLE):
        raise wrong_kind("A file of an old Office version (.doc, .xls, .ppt) or an Office file with a password")
    if start[4:8] == b"ftyp":
        if start[8:12] in _HEIC:
            raise FileRefused("heic", "A HEIC picture cannot be used. Save it as JPG, or take a screenshot of it")
        raise wrong_kind("A film")
    for magic, what in _REFUSED:
        if start.startswith(magic):
            raise wrong_kind(what)
    # Readers look for the mark in the first kilobyte; what stands before it goes when the file is written anew.
    if b"%PDF-" in start:
        return "pdf"
    return "text"


def refuse_test_virus(content: bytes) -> None:
    """Refuse what holds the test text of virus scanners.

    Raises:
        FileRefused: It is there.
    """
    if EICAR in content:
        raise infected()


def infected() -> FileRefused:
    """Return the refusal of a file with a virus."""
    return FileRefused(
        "infected", "The file has a virus in it. We did not keep it. Check your device, then send a clean copy"
    )


def _is_bmp(content: bytes) -> bool:
    """Two letters are too little to go by: the header names its own size, too."""
    return len(content) > 26 and content[14:18] in (b"\x0c\0\0\0", b"(\0\0\0", b"l\0\0\0", b"|\0\0\0")
