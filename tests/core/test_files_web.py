"""Forms with files over HTTP: how much is read, what is refused early, headers of downloads. ASVS 5.2.1, 5.4.1."""

import asyncio
import tracemalloc
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.core.files.answers import disposition
from marketplace.core.files.forms import LARGEST_UPLOAD
from marketplace.core.formats import file_size
from marketplace.web import middleware
from marketplace.web.app import surround
from marketplace.web.context import csrf_token
from tests.browser import Browser, count
from tests.factories import make_council, make_member, make_organisation

PATH = "/provider/evidence"
BOUNDARY = "a-boundary"


@pytest.fixture
async def provider(browser: Browser, db: AsyncSession) -> Browser:
    council = await make_council(db)
    organisation = await make_organisation(db, home_council_id=council.id)
    return await browser.signed_in(await make_member(db, Role.PROVIDER, council, organisation_id=organisation.id))


def multipart(token: str, *parts: bytes) -> bytes:
    """A body with the token and some parts, each with its own headers."""
    fields = [b'Content-Disposition: form-data; name="csrf_token"\r\n\r\n' + token.encode(), *parts]
    edge = f"--{BOUNDARY}".encode()
    return b"".join(edge + b"\r\n" + part + b"\r\n" for part in fields) + edge + b"--\r\n"


async def send(browser: Browser, content: Any, path: str = PATH, **headers: str) -> Any:
    given = {"content-type": f"multipart/form-data; boundary={BOUNDARY}", **headers}
    return await browser.client.post(path, content=content, headers=given)


def token_of(browser: Browser) -> str:
    return csrf_token(browser.settings.secret_key, browser.token or "")


async def test_a_body_that_says_it_is_too_large_is_not_read(provider: Browser, db: AsyncSession) -> None:
    sent = 0

    async def body() -> AsyncGenerator[bytes, None]:
        nonlocal sent
        while sent < 200_000_000:
            sent += 1_000_000
            yield bytes(1_000_000)

    answer = await send(provider, body(), **{"content-length": "200000000"})
    assert answer.status_code == 413
    assert "That file is too big" in answer.text
    assert "A file may have up to 10 MB" in answer.text
    assert await count(db, "audit_entries", "action = 'web.refuse_large_upload'") == 1
    row = (await db.execute(text("SELECT after FROM audit_entries WHERE action = 'web.refuse_large_upload'"))).one()
    assert row.after == {"route": "/provider/evidence", "bytes": 200_000_000}


async def ask(app: Any, browser: Browser, receive: Any) -> list[dict[str, Any]]:
    """Send a form to an application as a server would, piece by piece. Returns what it answered."""
    messages: list[dict[str, Any]] = []

    async def keep(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "headers": [
            (b"host", b"testserver"),
            (b"accept", b"text/html"),
            (b"content-type", f"multipart/form-data; boundary={BOUNDARY}".encode()),
            (b"cookie", f"session={browser.token}".encode()),
        ],
    }
    await app(scope, receive, keep)
    return messages


async def test_a_body_of_unknown_length_is_cut_off_and_memory_stays_bounded(provider: Browser) -> None:
    taken = 0
    start = multipart(token_of(provider), b'Content-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n')

    async def receive() -> dict[str, Any]:
        nonlocal taken
        piece = start[: -len(f"\r\n--{BOUNDARY}--\r\n")] if taken == 0 else bytes(100_000)
        taken += len(piece)
        return {"type": "http.request", "body": piece, "more_body": True}

    tracemalloc.start()
    try:
        messages = await ask(provider.app, provider, receive)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert messages[0]["status"] == 413
    assert LARGEST_UPLOAD <= taken <= LARGEST_UPLOAD + 200_000
    assert peak < 40_000_000


def in_pieces(content: bytes, seconds: float) -> Any:
    """A sender that needs a while for each fifth of a body."""
    size = len(content) // 5 + 1
    pieces = [content[at : at + size] for at in range(0, len(content), size)]

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(seconds)
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return receive


async def test_a_slow_upload_may_take_longer_than_a_page(provider: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    app = surround(provider.litestar, provider.settings, 0.01)
    body = multipart(token_of(provider), b'Content-Disposition: form-data; name="kind"\r\n\r\nnothing')
    assert (await ask(app, provider, in_pieces(body, 0.02)))[0]["status"] == 404
    # It does not wait for ever.
    monkeypatch.setattr(middleware, "UPLOAD_SECONDS", 0.05)
    assert (await ask(app, provider, in_pieces(body, 0.1)))[0]["status"] == 503


async def test_an_upload_that_breaks_off_is_no_fault_of_ours(provider: Browser) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    assert (await ask(provider.app, provider, receive))[0]["status"] == 400


async def test_pages_that_take_no_files_refuse_them_and_keep_their_small_limit(provider: Browser) -> None:
    body = multipart(token_of(provider), b'Content-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 1_100_000)
    answer = await send(provider, body, f"{PATH}/safeguarding")
    assert answer.status_code == 400
    assert "This page takes no files" in answer.text
    form = {"safeguarding_name": "x" * 1_100_000}
    await provider.post(f"{PATH}/safeguarding", form, expect=413)


async def test_what_is_typed_beside_files_is_bounded(provider: Browser) -> None:
    body = multipart(token_of(provider), b'Content-Disposition: form-data; name="x"\r\n\r\n' + b"x" * 1_100_000)
    assert (await send(provider, body)).status_code == 413


async def test_a_file_of_eleven_megabytes_is_refused_with_what_was_typed(provider: Browser) -> None:
    files = [("files", ("scan.pdf", b"%PDF-1.7" + bytes(11_000_000), "application/pdf"))]
    page = await provider.post(PATH, {"kind": "liability_insurance", "detail": "Typed"}, files=files, expect=422)
    assert page.errors()["files"] == (
        "The file is larger than 10 MB. Save it as a smaller PDF or take a photograph instead"
    )
    assert page.field("detail") == "Typed"


async def test_a_form_without_its_token_is_refused(provider: Browser, db: AsyncSession) -> None:
    files = [("files", ("a.txt", b"hello", "text/plain"))]
    await provider.post(PATH, {"kind": "liability_insurance", "csrf_token": "none"}, files=files, expect=403)
    assert await count(db, "stored_files") == 0


FILE = b'Content-Disposition: form-data; name="files"; filename="a.txt"\r\n'


@pytest.mark.parametrize(
    ("parts", "status"),
    [
        ([b'Content-Disposition: form-data; name="kind"\r\n\r\n\xff\xfe'], 400),
        ([b'Content-Disposition: form-data; name="kind"\r\nContent-Type: text/plain; charset=none\r\n\r\nx'], 404),
        ([b"Content-Disposition: nothing\r\n\r\nx"], 400),
        ([b"\r\nx"], 400),
        ([b'Content-Disposition: form-data; name="x"\r\n\r\nx'] * 1_001, 400),
        ([FILE + b"Content-Type: \xff\r\n\r\nhello"], 400),
        ([b'Content-Disposition: form-data; name="kind"; filename="dbs"\r\n\r\ndbs'], 404),
        ([b'Content-Disposition: form-data; name="kind"\r\n\r\nliability_insurance', FILE + b"\r\n"], 422),
    ],
)
async def test_a_broken_form_is_refused_and_breaks_nothing(provider: Browser, parts: list[bytes], status: int) -> None:
    assert (await send(provider, multipart(token_of(provider), *parts))).status_code == status


@pytest.mark.parametrize(
    "content_type", ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=other"]
)
async def test_a_form_with_the_wrong_edge_is_refused(provider: Browser, content_type: str) -> None:
    answer = await send(provider, multipart(token_of(provider)), **{"content-type": content_type})
    assert answer.status_code in (400, 403)


async def test_a_form_cut_short_is_refused(provider: Browser) -> None:
    body = multipart(token_of(provider), FILE + b"\r\n" + b"x" * 5_000)
    assert (await send(provider, body[:3_000])).status_code == 400


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.pdf", "attachment; filename=\"a.pdf\"; filename*=UTF-8''a.pdf"),
        ("Café (1).txt", "attachment; filename=\"Caf_ (1).txt\"; filename*=UTF-8''Caf%C3%A9%20%281%29.txt"),
        ('x"y\r\n.txt', "attachment; filename=\"x_y__.txt\"; filename*=UTF-8''x%22y%0D%0A.txt"),
    ],
)
def test_a_download_is_named(name: str, header: str) -> None:
    assert disposition(name) == header


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (1, "1 byte"),
        (999, "999 bytes"),
        (1_000, "1 kB"),
        (999_499, "999 kB"),
        (999_500, "1.0 MB"),
        (2_440_000, "2.4 MB"),
    ],
)
def test_sizes_are_written_for_people(size: int, words: str) -> None:
    assert file_size(size) == words
