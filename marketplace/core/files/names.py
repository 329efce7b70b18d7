"""Names of files as people send them: whatever they hold, a plain name comes out."""

import re
import unicodedata

from marketplace.core.files.kinds import ENDINGS, Kind

LONGEST = 100
UNNAMED = "file"

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control characters, marks that turn the direction of writing or hide, halves of pairs, what has no meaning yet."""

_FORBIDDEN = re.compile(r'[<>:"|?*%;\x00-\x1f]')
_PICTURE_ENDINGS = (".gif", ".bmp", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".mpo", ".heic", ".heif")


def clean_name(name: str, kind: Kind | None) -> str:
    """Return a name for a kept file: no path, nothing invisible, at most 100 characters, the ending of its kind.

    Args:
        name: As sent: "C:\\Users\\me\\scan.PDF", "../../etc/passwd", with any characters.
        kind: By its content. A name with another ending gets the right one after it, so that nothing that is no
            program is ever opened as one. None keeps the ending it has: for a message, not for a file.
    """
    text = unicodedata.normalize("NFC", name[:1_000].encode("utf-8", "replace").decode())
    text = "".join(char for char in text if unicodedata.category(char) not in _DROPPED)
    text = re.split(r"[/\\]", text)[-1]
    text = " ".join(_FORBIDDEN.sub(" ", text).split()).rstrip(". ")
    if kind is None:
        return text[:LONGEST] or UNNAMED
    endings = ENDINGS[kind]
    stem, ending = text, ""
    lower = text.lower()
    for known in endings:
        if lower.endswith(known):
            stem, ending = text[: -len(known)], text[-len(known) :].lower()
            break
    else:
        if kind in (Kind.JPEG, Kind.PNG, Kind.WEBP):
            for known in _PICTURE_ENDINGS:
                if lower.endswith(known):
                    stem = text[: -len(known)]
                    break
    stem = stem.strip(". ")[: LONGEST - 5].strip(". ") or UNNAMED
    return stem + (ending or endings[0])
