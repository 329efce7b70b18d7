"""Files that people give: what is refused, what is cleaned, what comes out."""

import contextlib
import io
import random
import zipfile

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from marketplace.core.files.inspection import inspect
from marketplace.core.files.kinds import ENDINGS, FileRefused, Kind, Limits
from marketplace.core.files.names import clean_name
from tests.files_corpus import (
    CLEANED,
    GOOD,
    HOSTILE,
    Sample,
    docx_of_much,
    docx_with_template,
    odt,
    pdf,
    phone_photo,
    picture,
    saved,
    unpacked,
)


def labels(samples: list[Sample]) -> list[str]:
    return [sample.label for sample in samples]


def test_the_corpus_is_large_enough() -> None:
    assert len(HOSTILE) + len(CLEANED) >= 60
    assert len(GOOD) >= 20
    names = labels([*HOSTILE, *CLEANED, *GOOD])
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("sample", HOSTILE, ids=labels(HOSTILE))
def test_a_hostile_file_is_refused_with_its_reason(sample: Sample) -> None:
    content = sample.make()
    with pytest.raises(FileRefused) as refused:
        inspect(sample.name, content)
    assert refused.value.reason == sample.expect
    assert refused.value.fields == {"file": refused.value.message}
    assert refused.value.status == 422
    assert len(refused.value.message) > 30


@pytest.mark.parametrize("sample", [*CLEANED, *GOOD], ids=labels([*CLEANED, *GOOD]))
def test_a_file_is_kept_without_what_must_go(sample: Sample) -> None:
    content = sample.make()
    for words in sample.gone:
        assert words in unpacked_if_possible(content), words
    clean = inspect(sample.name, content)
    assert clean.media_type == sample.expect
    assert clean.name.lower().endswith(ENDINGS[clean.media_type])
    inside = unpacked(clean.content)
    for words in sample.gone:
        assert words not in inside, words
    # What is kept passes again, and nothing more is found in it.
    again = inspect(clean.name, clean.content)
    assert (again.name, again.media_type, again.pages) == (clean.name, clean.media_type, clean.pages)
    reopen(clean.media_type, clean.content)


def unpacked_if_possible(content: bytes) -> bytes:
    try:
        return unpacked(content) + content
    except pikepdf.PdfError:
        return content


def reopen(kind: Kind, content: bytes) -> None:
    if kind in (Kind.JPEG, Kind.PNG, Kind.WEBP):
        with Image.open(io.BytesIO(content)) as made:
            made.load()
            assert len(made.getexif()) == 0
            assert getattr(made, "n_frames", 1) == 1
    if kind in (Kind.DOCX, Kind.ODT):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            assert archive.testzip() is None


def test_a_photograph_is_turned_the_way_it_was_held_and_loses_its_place() -> None:
    clean = inspect("IMG_1.JPG", phone_photo())
    with Image.open(io.BytesIO(clean.content)) as made:
        assert made.size == (40, 60)
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(made.info)
    assert "The place where the picture was taken" in clean.changes
    assert clean.name == "IMG_1.jpg"


def test_a_small_picture_keeps_its_colours() -> None:
    clean = inspect("a.png", saved(picture(), "PNG"))
    with Image.open(io.BytesIO(clean.content)) as made:
        assert made.getpixel((5, 5)) == (180, 30, 60)
        assert made.getpixel((55, 35)) == (200, 220, 240)
    few = inspect("a.png", saved(picture(mode="P"), "PNG"))
    with Image.open(io.BytesIO(few.content)) as made:
        assert made.convert("RGB").getpixel((55, 35)) == picture(mode="P").convert("RGB").getpixel((55, 35))
    grey = inspect("a.png", saved(Image.new("I;16", (30, 30), 0x8000), "PNG"))
    with Image.open(io.BytesIO(grey.content)) as made:
        assert made.getpixel((5, 5)) == 128


def test_a_pdf_keeps_its_pages_fonts_and_words() -> None:
    clean = inspect("a.pdf", pdf(pages=3))
    assert clean.pages == 3
    with pikepdf.open(io.BytesIO(clean.content)) as made:
        assert set(made.pages[0].obj.Resources.Font.keys()) == {"/F1", "/JS", "/AA", "/EF"}
        assert b"Certificate page 2" in made.pages[2].obj.Contents.read_bytes()
        assert "/Info" not in made.trailer


def test_a_link_in_a_word_document_stays_and_one_to_a_file_leads_nowhere() -> None:
    clean = inspect("a.docx", docx_of_much())
    with zipfile.ZipFile(io.BytesIO(clean.content)) as archive:
        relations = archive.read("word/_rels/document.xml.rels").decode()
        assert "https://www.example.org/?a=1&amp;b=2" in relations
        assert 'Target="about:blank"' in relations
        assert "people" not in relations
        assert archive.namelist()[0] == "[Content_Types].xml"
        assert not {"docProps/custom.xml", "docProps/thumbnail.jpeg", "word/people.xml"} & set(archive.namelist())
    assert "Links that lead to no web page" in clean.changes


def test_the_template_of_a_document_goes_and_its_other_settings_stay() -> None:
    clean = inspect("a.docx", docx_with_template("file:///C:/Users/me/Normal.dotm"))
    with zipfile.ZipFile(io.BytesIO(clean.content)) as archive:
        settings = archive.read("word/settings.xml")
        assert b'<w:zoom w:percent="100"/><w:compat a=">"/></w:settings>' in settings
    assert "A template or list that was kept elsewhere" in clean.changes


def test_an_opendocument_text_starts_with_its_kind_and_keeps_its_settings() -> None:
    clean = inspect("a.odt", odt())
    assert clean.content[30:77] == b"mimetypeapplication/vnd.oasis.opendocument.text"
    with zipfile.ZipFile(io.BytesIO(clean.content)) as archive:
        assert b"config:name='A'" in archive.read("settings.xml")
        assert b"content.xml" in archive.read("META-INF/manifest.xml")


def test_the_limits_are_the_callers() -> None:
    with pytest.raises(FileRefused, match="larger than 1 MB"):
        inspect("a.txt", b"a" * 1_000_001, Limits(size=1_000_000))
    with pytest.raises(FileRefused, match="more than 2 pages"):
        inspect("a.pdf", pdf(pages=3), Limits(pages=2))


@pytest.mark.parametrize(
    ("sent", "kind", "kept"),
    [
        ("certificate.pdf", Kind.PDF, "certificate.pdf"),
        ("C:\\Users\\me\\Scan 1.PDF", Kind.PDF, "Scan 1.pdf"),
        ("../../etc/passwd", Kind.TEXT, "passwd.txt"),
        ("/var/www/x.php", Kind.JPEG, "x.php.jpg"),
        ("photo.heic", Kind.JPEG, "photo.jpg"),
        ("nul\x00byte\x07.png", Kind.PNG, "nulbyte.png"),
        ("invoice\u202efdp.exe", Kind.PDF, "invoicefdp.exe.pdf"),
        ("a\r\nSet-Cookie: x.pdf", Kind.PDF, "aSet-Cookie x.pdf"),
        ('"quoted"; name.txt', Kind.TEXT, "quoted name.txt"),
        ("....", Kind.PDF, "file.pdf"),
        ("", Kind.DOCX, "file.docx"),
        (".pdf", Kind.PDF, "file.pdf"),
        ("\ud800.pdf", Kind.PDF, "file.pdf"),
        ("вакцина.pdf", Kind.PDF, "вакцина.pdf"),
        ("x" * 500 + ".pdf", Kind.PDF, "x" * 95 + ".pdf"),
        ("photo.jpeg", Kind.JPEG, "photo.jpeg"),
    ],
)
def test_names_come_out_plain(sent: str, kind: Kind, kept: str) -> None:
    assert clean_name(sent, kind) == kept


@given(st.text(max_size=300), st.sampled_from(Kind))
def test_any_name_comes_out_plain(sent: str, kind: Kind) -> None:
    name = clean_name(sent, kind)
    assert 0 < len(name) <= 105
    assert name.endswith(ENDINGS[kind])
    assert name.isprintable()
    assert not set(name) & set('/\\"<>:|?*;%\x00')
    assert clean_name(name, kind) == name


@given(
    st.binary(max_size=400),
    st.sampled_from([b"", b"%PDF-1.7\n", b"PK\x03\x04", b"\xff\xd8\xff\xe0", b"RIFF1234WEBP", b"GIF89a", b"BM"]),
)
def test_any_bytes_are_refused_or_kept_and_never_break(content: bytes, start: bytes) -> None:
    with contextlib.suppress(FileRefused):
        assert inspect("a", start + content).content


def broken(content: bytes, chance: random.Random) -> bytes:
    """A file in which some bytes are changed, lost, added or repeated."""
    body = bytearray(content)
    for _ in range(chance.choice((1, 3, 12))):
        at = chance.randrange(len(body))
        match chance.randrange(4):
            case 0:
                body[at] = chance.randrange(256)
            case 1:
                del body[at : at + chance.randrange(1, 50)]
            case 2:
                body[at : at + 4] = b"\xff\xff\xff\x7f"
            case _:
                body[at:at] = body[chance.randrange(len(body)) :][:100]
        body = body or bytearray(b"x")
    return bytes(body)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow tells of broken notes in pictures.
@pytest.mark.parametrize("kind", ["application/pdf", "image/", "application/vnd"])
def test_good_files_that_broke_on_their_way_are_refused_or_kept(kind: str) -> None:
    chance = random.Random(5)
    samples = [
        made for made in (sample.make() for sample in GOOD if sample.expect.startswith(kind)) if len(made) < 20_000
    ]
    for _ in range(150):
        with contextlib.suppress(FileRefused):
            assert inspect("a", broken(chance.choice(samples), chance)).content
