"""OpenDocument texts (.odt): parts looked at one by one and packed anew.

Source of names: OASIS Open Document Format 1.3, parts 2 (packages) and 3 (schema).
"""

from typing import Final
from xml.sax.saxutils import quoteattr

from marketplace.core.files.archives import pack
from marketplace.core.files.embedded import without_notes
from marketplace.core.files.kinds import FileRefused, Kind, damaged, wrong_kind
from marketplace.core.files.office import AUTHOR_REMOVED, NOTES_REMOVED, check_drawing, embedded, external, macros
from marketplace.core.files.xmlparts import local_name, read_xml, without_elements

MIMETYPE: Final = "mimetype"
MANIFEST: Final = "META-INF/manifest.xml"
_DROPPED: Final = ("thumbnails/", "configurations2/", "meta-inf/", "layout-cache", "versions/")
_PLAIN: Final = (".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".emf", ".wmf", ".svm", ".ttf", ".otf")
_MACROS: Final = ("basic/", "scripts/", "dialogs/")
_ACTING: Final = frozenset({"script", "event-listener", "execute-macro", "library", "module"})
_OBJECTS: Final = frozenset({"object", "object-ole", "plugin", "applet", "floating-frame", "floatingframe"})
_FETCHING: Final = frozenset({"dde-source", "dde-connection", "dde-connection-decl", "section-source"})
_LINKS: Final = ("http://", "https://", "mailto:", "tel:")
_PRINTER: Final = frozenset({"PrinterName", "PrinterSetup", "CurrentDatabaseDataSource"})
_META: Final = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<office:document-meta xmlns:office='
    b'"urn:oasis:names:tc:opendocument:xmlns:office:1.0" office:version="1.3"><office:meta/></office:document-meta>'
)


def clean_odt(parts: dict[str, bytes]) -> tuple[bytes, tuple[str, ...]]:
    """Return an OpenDocument text without what acts or tells of its author, and what was taken out.

    Raises:
        FileRefused: Macros, other files inside, parts from elsewhere, or another kind of document.
    """
    if parts.get(MIMETYPE, b"").strip() != Kind.ODT.value.encode():
        raise wrong_kind("A spreadsheet, presentation or drawing")
    kinds = _manifest(parts)
    changes = {AUTHOR_REMOVED}
    kept: dict[str, bytes] = {MIMETYPE: Kind.ODT.value.encode()}
    for name, part in parts.items():
        lower = name.lower()
        if lower.startswith(_MACROS):
            raise macros()
        if name == MIMETYPE or lower.startswith(_DROPPED):
            continue
        kept[name] = _part(name, part)
        if kept[name] != part and lower.endswith(_PLAIN):
            changes.add(NOTES_REMOVED)
    if "content.xml" not in kept:
        raise damaged("document")
    kept["meta.xml"] = _META
    kept[MANIFEST] = _written_manifest(kept, kinds)
    return pack(kept, stored=(MIMETYPE,)), tuple(sorted(changes))


def _manifest(parts: dict[str, bytes]) -> dict[str, str]:
    """Read which part is of which kind."""
    kinds: dict[str, str] = {}

    def element(name: str, attributes: dict[str, str]) -> None:
        if local_name(name) in ("encryption-data", "encrypted-key", "keyinfo"):
            raise FileRefused(
                "password", "The document needs a password. Save a copy without a password and send that one"
            )
        plain = {local_name(key): value for key, value in attributes.items()}
        if local_name(name) == "file-entry":
            kinds[plain.get("full-path", "")] = plain.get("media-type", "")

    if MANIFEST not in parts:
        raise damaged("document")
    read_xml(parts[MANIFEST], element)
    return kinds


def _written_manifest(kept: dict[str, bytes], kinds: dict[str, str]) -> bytes:
    entries = {"/": Kind.ODT.value, **{name: kinds.get(name, "") for name in kept if name != MIMETYPE}}
    entries["meta.xml"] = "text/xml"
    lines = "".join(
        f"<manifest:file-entry manifest:full-path={quoteattr(name)} manifest:media-type={quoteattr(kind)}/>"
        for name, kind in entries.items()
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<manifest:manifest xmlns:manifest='
        f'"urn:oasis:names:tc:opendocument:xmlns:manifest:1.0" manifest:version="1.3">{lines}</manifest:manifest>'
    ).encode()


def _part(name: str, part: bytes) -> bytes:
    lower = name.lower()
    if lower.endswith((".xml", ".rdf")):
        read_xml(part, _element)
        if lower.endswith("settings.xml"):
            return without_elements(part, _is_of_printer)
        return part
    if lower.endswith(".svg"):
        check_drawing(part)
        return part
    if lower.endswith(_PLAIN):
        return without_notes(part)
    raise embedded()


def _element(name: str, attributes: dict[str, str]) -> None:
    local = local_name(name)
    if local in _ACTING:
        raise macros()
    if local in _OBJECTS:
        raise embedded()
    if local in _FETCHING:
        raise external()
    for key, value in attributes.items():
        if local_name(key) == "href":
            target = value.strip().lower()
            is_inside = target.startswith("#") or (
                ":" not in target.split("/")[0] and not target.startswith(("/", "\\", ".."))
            )
            if not is_inside and not (local == "a" and target.startswith(_LINKS)):
                raise external()


def _is_of_printer(name: str, attributes: dict[str, str]) -> bool:
    return local_name(name) == "config-item" and any(
        local_name(key) == "name" and value in _PRINTER for key, value in attributes.items()
    )
