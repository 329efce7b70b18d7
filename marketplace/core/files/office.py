"""Word documents (.docx): parts and relations of an Office Open XML package, looked at one by one and packed anew.

Source of names: ECMA-376, parts 1 (WordprocessingML) and 2 (Open Packaging Conventions).
"""

import posixpath
import re
from collections.abc import Mapping
from typing import Any, Final, NoReturn
from xml.sax.saxutils import quoteattr

from marketplace.core.files.archives import pack
from marketplace.core.files.embedded import without_notes
from marketplace.core.files.kinds import FileRefused, damaged, wrong_kind
from marketplace.core.files.xmlparts import local_name, read_xml, without_elements

TYPES: Final = "[Content_Types].xml"
AUTHOR_REMOVED: Final = "Who wrote it and with what"
TEMPLATE_REMOVED: Final = "A template or list that was kept elsewhere"
LINKS_REMOVED: Final = "Links that lead to no web page"
NOTES_REMOVED: Final = "What cameras wrote into its pictures"

_MAIN: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_WORD: Final = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_XML: Final = (".xml", ".rels", ".vml")
_PLAIN: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".odttf", ".ttf")
_MACROS: Final = ("vbaproject", "vbadata", "macroenabled", "attachedtoolbars", "keymapcustomizations", "customui")
_EMBEDDED: Final = ("activex", "embeddings/", "oleobject", "webextension", "afchunk")
_EMBEDDED_TYPES: Final = ("/oleobject", "/package", "/control", "/afchunk", "/subdocument", "/frame", "/activexcontrol")
_DROPPED_TYPES: Final = ("/thumbnail", "/custom-properties", "/people")
_CUT_TYPES: Final = ("/attachedtemplate", "/mailmergesource", "/mailmergeheadersource")
_CUT: Final = ("attachedtemplate", "mailmerge")
_LINKS: Final = ("http://", "https://", "mailto:", "tel:", "#")
_FIELDS: Final = re.compile(r"\b(?:DDE|DDEAUTO|LINK|INCLUDETEXT|IMPORT|MACROBUTTON)\b", re.IGNORECASE)
_FAR_PICTURE: Final = re.compile(r"INCLUDEPICTURE[^{}]{0,20}(?:://|\\\\)", re.IGNORECASE)

_CORE: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<cp:coreProperties xmlns:cp='
    b'"http://schemas.openxmlformats.org/package/2006/metadata/core-properties"/>'
)
_APP: Final = (
    b'<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Properties xmlns='
    b'"http://schemas.openxmlformats.org/officeDocument/2006/extended-properties"/>'
)


def macros() -> FileRefused:
    """Return the refusal of a document with a program in it."""
    return FileRefused("macros", "The document has macros in it. Save it without macros, or as PDF, and send that one")


def embedded() -> FileRefused:
    """Return the refusal of a document with another file in it."""
    return FileRefused("embedded", "The document has another file inside it. Save it as PDF and send that one")


def external() -> FileRefused:
    """Return the refusal of a document that fetches parts of itself when it is opened."""
    return FileRefused("external", "The document fetches parts from another place. Save it as PDF and send that one")


def clean_docx(parts: dict[str, bytes]) -> tuple[bytes, tuple[str, ...]]:
    """Return a Word document without what acts or tells of its author, and what was taken out.

    Args:
        parts: As unpacked.

    Raises:
        FileRefused: Macros, other files inside, parts from elsewhere, or no Word document.
    """
    return _Package(parts).clean()


class _Package:
    def __init__(self, parts: dict[str, bytes]) -> None:
        self.parts = dict(parts)
        self.changes: set[str] = {AUTHOR_REMOVED}
        self.defaults: dict[str, str] = {}
        self.overrides: dict[str, str] = {}

    def clean(self) -> tuple[bytes, tuple[str, ...]]:
        self._read_types()
        self._check_names()
        for name in [name for name in self.parts if name.lower().endswith(".rels")]:
            self._relations(name)
        if b"mailMerge" in self.parts.get("word/settings.xml", b""):
            self._cut_settings("word")
        for name, part in list(self.parts.items()):
            self._part(name, part)
        self._properties()
        self.parts[TYPES] = self._types()
        ordered = {TYPES: self.parts.pop(TYPES), **self.parts}
        return pack(ordered), tuple(sorted(self.changes))

    def _read_types(self) -> None:
        def element(name: str, attributes: Mapping[str, str]) -> None:
            kind = attributes.get("ContentType", "")
            if local_name(name) == "Default":
                self.defaults[attributes.get("Extension", "").lower()] = kind
            elif local_name(name) == "Override":
                self.overrides[attributes.get("PartName", "").lstrip("/")] = kind

        read_xml(self.parts[TYPES], element)
        kinds = [kind.lower() for kind in (*self.defaults.values(), *self.overrides.values())]
        if any(word in kind for kind in kinds for word in (*_MACROS, "ms-office.vba")):
            raise macros()
        if any(word in kind for kind in kinds for word in _EMBEDDED):
            raise embedded()
        if _MAIN not in self.overrides.values():
            joined = " ".join(kinds)
            if "spreadsheetml" in joined:
                raise wrong_kind("A spreadsheet")
            if "presentationml" in joined:
                raise wrong_kind("A presentation")
            raise wrong_kind("A Word template" if "template.main" in joined else "This kind of document")

    def _check_names(self) -> None:
        for name in self.parts:
            lower = name.lower()
            if any(word in lower for word in _MACROS):
                raise macros()
            if any(word in lower for word in _EMBEDDED):
                raise embedded()
            is_printer = "printersettings" in lower and lower.endswith(".bin")
            if not lower.endswith((*_XML, *_PLAIN, ".svg")) and not is_printer:
                raise embedded()

    def _relations(self, name: str) -> None:
        """Check the relations of one part and write them anew."""
        kept: list[dict[str, str]] = []
        folder = posixpath.dirname(posixpath.dirname(name))
        found: list[dict[str, str]] = []

        def element(tag: str, attributes: dict[str, str]) -> None:
            if local_name(tag) == "Relationship":
                found.append(attributes)

        read_xml(self.parts[name], element)
        for relation in found:
            kind, target = relation.get("Type", "").lower(), relation.get("Target", "")
            if any(word in kind for word in ("vbaproject", "vbadata", "extensibility", "toolbars", "keymap")):
                raise macros()
            if kind.endswith(_EMBEDDED_TYPES) or any(word in kind for word in _EMBEDDED):
                raise embedded()
            if relation.get("TargetMode") == "External":
                if kind.endswith(_CUT_TYPES):
                    self._cut_settings(folder)
                    continue
                if not kind.endswith("/hyperlink"):
                    raise external()
                if not target.strip().lower().startswith(_LINKS):
                    relation = {**relation, "Target": "about:blank"}
                    self.changes.add(LINKS_REMOVED)
            elif "://" in target or "\\" in target or target.startswith("//"):
                raise external()
            elif kind.endswith(_DROPPED_TYPES):
                self._drop(posixpath.normpath(posixpath.join(folder, target)).lstrip("/"))
                continue
            kept.append(relation)
        lines = "".join(f"<Relationship {_attributes(relation)}/>" for relation in kept)
        self.parts[name] = (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Relationships xmlns='
            f'"http://schemas.openxmlformats.org/package/2006/relationships">{lines}</Relationships>'
        ).encode()

    def _cut_settings(self, folder: str) -> None:
        """Take out the template and the list of addresses that a document is filled from."""
        name = posixpath.join(folder, "settings.xml")
        if name not in self.parts:
            raise external()
        read_xml(self.parts[name])
        self.parts[name] = without_elements(self.parts[name], lambda tag, _: local_name(tag).lower() in _CUT)
        self.changes.add(TEMPLATE_REMOVED)

    def _drop(self, name: str) -> None:
        if self.parts.pop(name, None) is not None:
            self.overrides.pop(name, None)

    def _part(self, name: str, part: bytes) -> None:
        lower = name.lower()
        if lower.endswith(_XML):
            if not lower.endswith(".rels"):
                check_word_xml(part)
        elif lower.endswith(".svg"):
            check_drawing(part)
        else:
            plain = without_notes(part)
            if len(plain) < len(part):
                self.parts[name] = plain
                self.changes.add(NOTES_REMOVED)

    def _properties(self) -> None:
        """Replace who wrote it, for which company, from which template, for how long."""
        for name in list(self.parts):
            if name.lower().startswith("docprops/"):
                kind = self.overrides.get(name, "")
                if kind.endswith("core-properties+xml"):
                    self.parts[name] = _CORE
                elif kind.endswith("extended-properties+xml"):
                    self.parts[name] = _APP
                elif not name.lower().endswith(".rels"):
                    self._drop(name)

    def _types(self) -> bytes:
        lines = [
            f"<Default Extension={quoteattr(ending)} ContentType={quoteattr(kind)}/>"
            for ending, kind in self.defaults.items()
        ]
        lines += [
            f"<Override PartName={quoteattr('/' + name)} ContentType={quoteattr(kind)}/>"
            for name, kind in self.overrides.items()
            if name in self.parts
        ]
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<Types xmlns='
            f'"http://schemas.openxmlformats.org/package/2006/content-types">{"".join(lines)}</Types>'
        ).encode()


def _attributes(relation: Mapping[str, str]) -> str:
    return " ".join(f"{key}={quoteattr(value)}" for key, value in relation.items() if " " not in key)


def check_word_xml(part: bytes) -> None:
    """Refuse what a Word part may do besides showing text.

    Raises:
        FileRefused: Fields that fetch or run something, or other files inside.
    """
    fields: list[str] = []

    def element(name: str, attributes: dict[str, str]) -> None:
        local = local_name(name)
        if local in ("OLEObject", "altChunk", "subDoc") or name == f"{_WORD} control":
            raise embedded()
        if local in ("fldSimple", "instrText", "fldChar"):
            fields.append(" ".join(value for key, value in attributes.items() if local_name(key) == "instr"))
            if local != "instrText":
                fields.append("\n")

    def text(name: str, piece: str) -> None:
        if local_name(name) == "instrText":
            fields.append(piece)

    read_xml(part, element, text)
    written = "".join(fields)
    if _FIELDS.search(written) or _FAR_PICTURE.search(written):
        raise external()


def check_drawing(part: bytes) -> None:
    """Refuse a drawing (SVG) inside a document that does more than draw.

    Raises:
        FileRefused: Scripts, links to elsewhere, foreign content.
    """

    def element(name: str, attributes: dict[str, Any]) -> None:
        local = local_name(name).lower()
        if local in ("script", "foreignobject", "iframe", "handler", "listener"):
            raise macros()
        for key, value in attributes.items():
            attribute = local_name(key).lower()
            if attribute.startswith("on"):
                raise macros()
            if attribute == "href" and not value.strip().startswith(("#", "data:image/png", "data:image/jpeg")):
                raise external()

    read_xml(part, element)


def refuse_unknown(parts: Mapping[str, bytes]) -> NoReturn:
    """Refuse an archive that is no document.

    Raises:
        FileRefused: Always.
    """
    if any(name.lower().endswith((".class", ".dex")) for name in parts):
        raise wrong_kind("A program")
    if not parts:
        raise damaged("document")
    raise wrong_kind("An archive of files")
