"""Carriers: files that are whole and private, a mail server that is really talked to, refusals that are clear."""

import asyncio
import email
import email.policy
import socket
import threading
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest

from marketplace.core.settings import Settings, SettingsError
from marketplace.messaging.delivery import DeliveryRefused, Envelope, FileOutbox, SmtpCarrier, open_carrier
from marketplace.messaging.models import Channel

ENVELOPE = Envelope(
    message_id=UUID("0195f000-0000-7000-8000-000000000001"),
    channel=Channel.EMAIL,
    to_address="reader@example.org",
    subject="Your visit on Monday – 8am",
    body="Hello,\n\nYour visit costs £16.\n",
    created_at=datetime(2027, 3, 3, 10, 0, tzinfo=UTC),
)


class MailServer(threading.Thread):
    """A mail server of a few commands. Answers each RCPT with `rcpt_answer` and keeps what it takes."""

    def __init__(self, rcpt_answer: str = "250 fine") -> None:
        super().__init__(daemon=True)
        self.rcpt_answer = rcpt_answer
        self.taken: list[bytes] = []
        self.said: list[str] = []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def run(self) -> None:
        connection, _ = self.socket.accept()
        with connection, connection.makefile("rwb") as stream:
            self.answer(stream, "220 ready")
            while line := stream.readline().decode().strip():
                self.said.append(line)
                word = line.split()[0].upper()
                if word == "EHLO":
                    self.answer(stream, "250-here", "250 8BITMIME")
                elif word == "RCPT":
                    self.answer(stream, self.rcpt_answer)
                elif word == "DATA":
                    self.answer(stream, "354 go on")
                    lines = []
                    while (part := stream.readline()) != b".\r\n":
                        lines.append(part)
                    self.taken.append(b"".join(lines))
                    self.answer(stream, "250 taken")
                elif word == "QUIT":
                    self.answer(stream, "221 bye")
                    return
                else:
                    self.answer(stream, "250 fine")

    @staticmethod
    def answer(stream: Any, *lines: str) -> None:
        stream.write("".join(f"{line}\r\n" for line in lines).encode())
        stream.flush()


@pytest.fixture
def server() -> Generator[MailServer, None, None]:
    made = MailServer()
    made.start()
    yield made
    made.socket.close()


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


async def test_a_message_becomes_a_private_file_with_its_own_name(tmp_path: Path) -> None:
    outbox = FileOutbox(tmp_path / "outbox", "no-reply@care.example")
    await outbox.send(ENVELOPE)
    [path] = _files(tmp_path / "outbox")
    assert path.name == f"{ENVELOPE.message_id}.eml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert (mail["To"], mail["Subject"]) == (ENVELOPE.to_address, ENVELOPE.subject)
    assert mail["Message-ID"] == f"<{ENVELOPE.message_id}@care.example>"
    assert mail.get_content() == ENVELOPE.body


async def test_a_repeated_message_gives_the_same_bytes(tmp_path: Path) -> None:
    outbox = FileOutbox(tmp_path, "no-reply@care.example")
    await outbox.send(ENVELOPE)
    [path] = _files(tmp_path)
    first = path.read_bytes()
    await outbox.send(ENVELOPE)
    assert [path] == _files(tmp_path)
    assert path.read_bytes() == first


async def test_an_address_that_is_none_is_refused_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(DeliveryRefused):
        await FileOutbox(tmp_path, "no-reply@care.example").send(
            msgspec.structs.replace(ENVELOPE, to_address="a@b.c\r\nBcc: d@e.f")
        )
    assert _files(tmp_path) == []


async def test_a_mail_server_gets_the_message(server: MailServer) -> None:
    await SmtpCarrier(f"smtp://127.0.0.1:{server.port}/?from=care@council.example", "x@y.example").send(ENVELOPE)
    await asyncio.to_thread(server.join, 5)
    [taken] = server.taken
    mail = email.message_from_bytes(taken, policy=email.policy.default)
    assert "care@council.example" in mail["From"]
    assert "Your visit costs £16." in mail.get_content()


@pytest.mark.parametrize(
    ("answer", "error"), [("550 nobody here", DeliveryRefused), ("451 come back later", ConnectionError)]
)
async def test_a_refused_address_is_final_and_a_busy_server_is_not(answer: str, error: type[Exception]) -> None:
    busy = MailServer(answer)
    busy.start()
    with pytest.raises(error) as raised:
        await SmtpCarrier(f"smtp://127.0.0.1:{busy.port}", "no-reply@care.example").send(ENVELOPE)
    assert ENVELOPE.to_address not in str(raised.value)
    assert busy.taken == []
    busy.socket.close()


async def test_texts_are_no_business_of_a_mail_server() -> None:
    with pytest.raises(DeliveryRefused):
        await SmtpCarrier("smtp://127.0.0.1:1", "a@b.example").send(
            msgspec.structs.replace(ENVELOPE, channel=Channel.TEXT)
        )


@pytest.mark.parametrize("url", ["http://mail.example", "smtp://", "smtp://host:port", "smtp://host?from=nobody"])
def test_a_wrong_address_of_a_mail_server_is_a_settings_error(url: str, settings: Settings) -> None:
    with pytest.raises(SettingsError, match="SMTP_URL"):
        open_carrier(msgspec.structs.replace(settings, smtp_url=url))


def test_a_service_that_we_cannot_talk_to_is_refused_at_the_start(settings: Settings) -> None:
    with pytest.raises(SettingsError, match="NOTIFY_API_KEY is set, but"):
        open_carrier(msgspec.structs.replace(settings, notify_api_key="key"))


def test_files_are_the_default(settings: Settings) -> None:
    carrier = open_carrier(settings)
    assert isinstance(carrier, FileOutbox)
    assert carrier.folder == settings.data_dir / "outbox"
