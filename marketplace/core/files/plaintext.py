"""Plain text: UTF-8 that is nothing else in disguise."""

import re
from typing import Final

from marketplace.core.files.kinds import damaged, wrong_kind

_MARKUP: Final = re.compile(
    r"<\s*(?:!doctype|!entity|\?xml|\?php|%|html|head|body|script|svg|iframe|object|embed|style|form|meta|link)\b"
    r"|<\s*[a-z][a-z0-9]*\s[^<>]*\bon[a-z]+\s*=|javascript\s*:|vbscript\s*:|<%|<\?(?:php|=)",
    re.IGNORECASE,
)
_UTF7: Final = re.compile(r"\+AD[wx4](?:-|[A-Za-z0-9+/])|\+/v[89+/]", re.ASCII)
"""How `<` looks in UTF-7, which old browsers guessed."""

_SCRIPT_STARTS: Final = ("@echo", "#!", "#requires", "rem ", "on error resume", "wscript.", "%!ps", "import os ")


def check_text(content: bytes) -> bytes:
    """Return a text without its byte order mark, in one kind of line ends.

    Raises:
        FileRefused: Binary, not UTF-8, or a page or script.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise wrong_kind("This kind of file, or text that is not in UTF-8,") from None
    if not text.strip():
        raise damaged("text")
    if any(ord(char) < 32 and char not in "\n\r\t\f" for char in text) or "\x7f" in text:
        raise wrong_kind()
    if _MARKUP.search(text) or _UTF7.search(text):
        raise wrong_kind("A web page, drawing or script")
    if text.lstrip().lower().startswith(_SCRIPT_STARTS):
        raise wrong_kind("A script")
    return text.replace("\r\n", "\n").encode()
