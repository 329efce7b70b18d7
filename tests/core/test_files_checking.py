"""The process that opens files: what it answers, what it may use, and how it ends."""

import asyncio
import os
import sys
import textwrap
from pathlib import Path

import pytest

from marketplace.core.errors import Unavailable
from marketplace.core.files import checking
from marketplace.core.files.checking import check, check_all
from marketplace.core.files.kinds import FileRefused, GivenFile, Kind
from marketplace.core.files.scanner import Verdict, use_scanner
from tests.files_corpus import deflated_zeros, pdf, phone_photo, png_text_bomb, raw_zip


async def test_a_file_is_opened_in_another_process_and_comes_back_clean() -> None:
    checked = await check("IMG_1.JPG", phone_photo())
    assert checked.is_scanned
    assert checked.clean.media_type is Kind.JPEG
    assert checked.clean.name == "IMG_1.jpg"
    assert checked.clean.content.startswith(b"\xff\xd8\xff")
    assert (await check("a.pdf", pdf(pages=2))).clean.pages == 2


async def test_a_refusal_comes_back_with_its_reason_and_words() -> None:
    with pytest.raises(FileRefused) as refused:
        await check("a.png", png_text_bomb())
    assert (refused.value.reason, refused.value.fields["file"][:24]) == ("damaged", "The picture is damaged a")
    with pytest.raises(FileRefused) as refused:
        await check("a.docx", raw_zip([(b"word/document.xml", deflated_zeros(10_000), 10_000_000_000, 0)]))
    assert refused.value.reason == "too-complex"


async def test_the_first_of_several_is_named_and_counted() -> None:
    good, bad = GivenFile("a.txt", b"hello"), GivenFile("C:\\b.exe", b"MZ" + bytes(9))
    assert [one.clean.name for one in await check_all([good, good], field="f")] == ["a.txt", "a.txt"]
    with pytest.raises(FileRefused) as refused:
        await check_all([good, bad], field="f")
    assert refused.value.fields["f"].startswith("“b.exe”: A program")
    with pytest.raises(FileRefused) as refused:
        await check_all([good] * 3, field="f", most=2)
    assert refused.value.fields == {"f": "Choose 2 files or fewer"}


def stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str) -> None:
    """Run another program in place of the process that opens files."""
    script = tmp_path / "python"
    script.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{textwrap.dedent(program)}'\n")
    script.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(script))


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "too-complex"),
        ("raise MemoryError", "too-complex"),
        ("raise KeyError(1)", "damaged"),
        ("print(1)", "damaged"),
        ("", "damaged"),
    ],
)
async def test_a_process_that_breaks_refuses_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, reason: str
) -> None:
    stand_in(monkeypatch, tmp_path, program)
    with pytest.raises(FileRefused) as refused:
        await check("a.txt", b"hello")
    assert refused.value.reason == reason


async def test_a_process_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(checking, "SECONDS", 0.1)
    with pytest.raises(FileRefused) as refused:
        await check("a.txt", b"hello")
    assert refused.value.reason == "too-complex"


async def test_who_waits_too_long_is_asked_to_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_in(monkeypatch, tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(checking, "SECONDS", 0.3)
    monkeypatch.setattr(checking, "WAIT_SECONDS", 0.1)
    with pytest.raises(Unavailable, match="Many files"):
        await check("a.txt", b"hello")


async def test_a_process_that_cannot_start_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(Unavailable, match="Files cannot be taken"):
        await check("a.txt", b"hello")


async def test_the_process_gets_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")
    seen = tmp_path / "seen"
    stand_in(monkeypatch, tmp_path, f'import os; open("{seen}", "w").write(repr(dict(os.environ)))')
    with pytest.raises(FileRefused):
        await check("a.txt", b"hello")
    assert "a secret" not in seen.read_text()
    assert "PYTHONPATH" in seen.read_text()


async def test_the_process_cannot_take_more_memory_than_its_share() -> None:
    program = (
        "from marketplace.core.files.worker import limit_self, MEMORY_BYTES; limit_self()\n"
        "try:\n    bytes(MEMORY_BYTES)\nexcept MemoryError:\n    print('bounded')\n"
        "try:\n    open('/tmp/x-file', 'w').write('x')\nexcept OSError:\n    print('writes nothing')\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(checking._ROOT)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n" + program,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert out.split(b"\n")[0] == b"bounded"


async def test_what_the_scanner_does_not_say_is_kept_as_unknown() -> None:
    class Away:
        async def scan(self, content: bytes) -> Verdict:
            return Verdict.UNKNOWN

    use_scanner(Away())
    try:
        assert not (await check("a.txt", b"hello")).is_scanned
    finally:
        use_scanner(None)
