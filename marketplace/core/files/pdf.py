"""PDF: opened by qpdf within bounds, everything that acts taken out, the file written anew.

Writing anew drops what no page refers to, and whatever stood before the first or after the last byte of the document:
a file that is a PDF and an archive or a script at once is only a PDF afterwards.
"""

import io
import zlib
from typing import Any, Final

import pikepdf
from pikepdf.settings import set_qpdf_limits

from marketplace.core.files.embedded import without_notes
from marketplace.core.files.kinds import CleanFile, FileRefused, Kind, Limits, damaged, too_complex
from marketplace.core.files.sniffing import refuse_test_virus

SCRIPTS_REMOVED: Final = "Scripts"
ACTIONS_REMOVED: Final = "Things that happen by themselves when it is opened or clicked"
FILES_REMOVED: Final = "Files inside the file"
FORM_REMOVED: Final = "A form that fills itself in"
MEDIA_REMOVED: Final = "Films and sounds"
NOTES_REMOVED: Final = "Who wrote it and with what"
LOCK_REMOVED: Final = "The lock against changes"
SIGNATURE_BROKEN: Final = "The proof that nobody changed it since it was signed"

_ACTIONS: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/ResetForm",
        "/GoToR",
        "/GoToE",
        "/GoTo3DView",
        "/Rendition",
        "/Movie",
        "/Sound",
        "/RichMediaExecute",
        "/Trans",
    }
)
_MEDIA: Final = frozenset({"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D", "/FileAttachment"})
_KEYS: Final = {
    "/JS": SCRIPTS_REMOVED,
    "/JavaScript": SCRIPTS_REMOVED,
    "/OpenAction": ACTIONS_REMOVED,
    "/AA": ACTIONS_REMOVED,
    "/EmbeddedFiles": FILES_REMOVED,
    "/EmbeddedFile": FILES_REMOVED,
    "/EF": FILES_REMOVED,
    "/RF": FILES_REMOVED,
    "/AF": FILES_REMOVED,
    "/Collection": FILES_REMOVED,
    "/XFA": FORM_REMOVED,
    "/RichMediaContent": MEDIA_REMOVED,
    "/RichMediaSettings": MEDIA_REMOVED,
    "/Metadata": NOTES_REMOVED,
    "/PieceInfo": NOTES_REMOVED,
    "/Thumb": NOTES_REMOVED,
}
"""Keys that are taken out wherever they stand, and what to say of it."""

_SHORT_KEYS: Final = frozenset({"/JS", "/AA", "/EF", "/RF", "/AF", "/Thumb"})
"""A page may call its fonts and pictures so, too."""
_GRAPHICS: Final = frozenset({"/ca", "/CA", "/BM", "/SMask", "/LW", "/AIS", "/OP", "/op", "/OPM", "/SA", "/TK"})
_FILE_KEYS: Final = frozenset({"/F", "/UF", "/DOS", "/Mac", "/Unix", "/S"})

_LINKS: Final = (b"http://", b"https://", b"mailto:", b"tel:")
_DEEPEST: Final = 60
_LARGEST_STREAM: Final = 30_000_000
"""Bytes that qpdf unpacks of one stream: object streams of real files stay below one megabyte."""


def clean_pdf(name: str, content: bytes, limits: Limits) -> CleanFile:
    """Open a PDF, take out what acts and what tells of its author, and write it anew. The name is returned as given.

    Raises:
        FileRefused: Damaged, locked with a password, too long, or too complex.
    """
    set_qpdf_limits(
        flate_max_memory=_LARGEST_STREAM,
        run_length_max_memory=_LARGEST_STREAM,
        png_max_memory=_LARGEST_STREAM,
        tiff_max_memory=_LARGEST_STREAM,
        dct_max_memory=_LARGEST_STREAM,
        max_stream_filters=4,
        parser_max_nesting=100,
        parser_max_container_size=limits.pdf_objects,
        doc_max_warnings=200,
    )
    try:
        with _opened(content) as pdf:
            return _cleaned(name, pdf, limits)
    except pikepdf.PasswordError as error:
        raise FileRefused(
            "password", "The PDF needs a password. Save a copy without a password and send that one"
        ) from error
    except (MemoryError, RecursionError) as error:
        raise too_complex("PDF") from error
    except (pikepdf.PdfError, zlib.error, ValueError, TypeError, KeyError, RuntimeError, AttributeError) as error:
        # qpdf finds damage only when it reaches it, and the wrappers around it answer with several kinds of error.
        raise damaged("PDF") from error


def _opened(content: bytes) -> pikepdf.Pdf:
    """Open a file; one with small faults is mended, one that is cut short is not."""
    try:
        return pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise
    except pikepdf.PdfError:
        if b"%%EOF" not in content[-4096:]:
            raise
        return pikepdf.open(io.BytesIO(content), suppress_warnings=True)


def _cleaned(name: str, pdf: pikepdf.Pdf, limits: Limits) -> CleanFile:
    pages = len(pdf.pages)
    if pages < 1:
        raise damaged("PDF")
    if pages > limits.pages:
        raise FileRefused(
            "pages", f"The PDF has more than {limits.pages} pages. Send only the pages that matter, or split it"
        )
    if len(pdf.objects) > limits.pdf_objects:
        raise too_complex("PDF")
    if pdf.Root.get("/NeedsRendering", False):
        raise FileRefused("form", "The PDF is a form that cannot be kept. Print it to PDF and send that one")
    sweep = _Sweep(limits)
    if pdf.is_encrypted:
        sweep.changes.add(LOCK_REMOVED)
    if "/Info" in pdf.trailer:
        sweep.changes.add(NOTES_REMOVED)
        del pdf.trailer["/Info"]
    for item in pdf.objects:
        sweep.visit(item, 0)
    for page in pdf.pages:
        sweep.annotations(page.obj)
    out = io.BytesIO()
    pdf.save(
        out,
        encryption=False,
        fix_metadata_version=False,
        static_id=False,
        deterministic_id=True,
        object_stream_mode=pikepdf.ObjectStreamMode.generate,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
    )
    kept = out.getvalue()
    if len(kept) > limits.size:
        raise FileRefused("size", "The PDF is too large. Save it as a smaller PDF, or split it")
    return CleanFile(name=name, media_type=Kind.PDF, content=kept, pages=pages, changes=tuple(sorted(sweep.changes)))


class _Sweep:
    """Walks every object and takes out what acts. Remembers, in words, what it took out."""

    def __init__(self, limits: Limits) -> None:
        self.changes: set[str] = set()
        self.left = limits.unpacked

    def visit(self, item: Any, depth: int) -> None:
        """Clean an object and what stands directly in it; other objects are visited by themselves."""
        if depth > _DEEPEST:
            raise too_complex("PDF")
        if isinstance(item, pikepdf.Stream):
            self._stream(item)
        if isinstance(item, (pikepdf.Dictionary, pikepdf.Stream)):
            self._dictionary(item, depth)
        elif isinstance(item, pikepdf.Array):
            for part in item:
                if _is_direct_container(part):
                    self.visit(part, depth + 1)

    def _dictionary(self, item: Any, depth: int) -> None:
        for key in list(item.keys()):
            if key in _KEYS and not (key in _SHORT_KEYS and _is_resource(item.get(key))):
                del item[key]
                self.changes.add(_KEYS[key])
        if _name(item.get("/FT")) == "/Sig" and "/V" in item:
            self.changes.add(SIGNATURE_BROKEN)
        if not isinstance(item, pikepdf.Stream):
            self._action(item)
            if _name(item.get("/Subtype")) in _MEDIA and "/Rect" in item:
                self._blank(item)
                self.changes.add(MEDIA_REMOVED)
        for key in list(item.keys()):
            value = item.get(key)
            if _is_direct_container(value):
                self.visit(value, depth + 1)

    def _action(self, item: Any) -> None:
        kind, address = _name(item.get("/S")), item.get("/URI")
        if isinstance(address, pikepdf.Dictionary):
            # The base that all relative links of a document start from.
            del item["/URI"]
        if kind in _ACTIONS:
            words = SCRIPTS_REMOVED if kind == "/JavaScript" else ACTIONS_REMOVED
        elif kind == "/URI" and not _is_web_address(address):
            words = ACTIONS_REMOVED
        else:
            return
        self._blank(item)
        self.changes.add(words)

    @staticmethod
    def _blank(item: Any) -> None:
        """Empty an action or annotation, wherever it is referred to from."""
        for key in list(item.keys()):
            del item[key]

    def _stream(self, item: Any) -> None:
        raw = item.read_raw_bytes()
        refuse_test_virus(raw)
        filters = item.get("/Filter")
        if isinstance(filters, pikepdf.Array) and len(filters) == 1:
            filters = filters[0]
        if _name(filters) == "/FlateDecode":
            self._unpack(raw)
        elif _name(filters) == "/DCTDecode":
            plain = without_notes(raw)
            if len(plain) < len(raw):
                item.write(plain, filter=pikepdf.Name.DCTDecode, decode_parms=item.get("/DecodeParms"))
                self.changes.add(NOTES_REMOVED)

    def _unpack(self, raw: bytes) -> None:
        """Look at what a stream unpacks to, piece by piece, never at more than the limit in all."""
        engine = zlib.decompressobj()
        tail, rest = b"", raw
        while rest and self.left > 0:
            try:
                piece = engine.decompress(rest, 1_000_000)
            except zlib.error:
                return
            if not piece:
                return
            self.left -= len(piece)
            refuse_test_virus(tail + piece)
            tail, rest = piece[-100:], engine.unconsumed_tail

    def annotations(self, page: Any) -> None:
        """Drop the emptied ones from a page's list."""
        listed = page.get("/Annots")
        if isinstance(listed, pikepdf.Array):
            left = [item for item in listed if isinstance(item, pikepdf.Dictionary) and "/Subtype" in item]
            if len(left) < len(listed):
                page["/Annots"] = pikepdf.Array(left)


def _is_direct_container(item: Any) -> bool:
    return isinstance(item, (pikepdf.Dictionary, pikepdf.Array)) and not item.is_indirect


def _name(item: Any) -> str | None:
    return str(item) if isinstance(item, pikepdf.Name) else None


def _is_web_address(address: Any) -> bool:
    return isinstance(address, pikepdf.String) and bytes(address).strip().lower().startswith(_LINKS)


def _is_resource(value: Any) -> bool:
    """Whether a value is a font, picture, colour or such of a page. What acts has another shape."""
    if isinstance(value, pikepdf.Stream):
        return _name(value.get("/Subtype")) in ("/Form", "/Image")
    if isinstance(value, pikepdf.Dictionary):
        keys = set(value.keys())
        is_known = _name(value.get("/Type")) in ("/Font", "/ExtGState", "/Pattern") or bool(keys & _GRAPHICS)
        return is_known and not keys & _FILE_KEYS
    return isinstance(value, pikepdf.Array) and len(value) > 0 and isinstance(value[0], pikepdf.Name)
