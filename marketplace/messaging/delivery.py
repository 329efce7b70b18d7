"""How a message leaves the platform: one port, with a file outbox, SMTP, and a clear no for what is not there."""

import asyncio
import os
import smtplib
import ssl
import tempfile
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import UUID

import msgspec

from marketplace.core.settings import Settings, SettingsError
from marketplace.messaging.models import Channel

SMTP_SECONDS = 15.0
"""Longest wait for one answer of the mail server."""

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SCHEMES = {"smtp": 587, "smtps": 465}


class Envelope(msgspec.Struct, frozen=True, kw_only=True):
    """A message as it is handed over."""

    message_id: UUID
    channel: Channel
    to_address: str
    subject: str
    body: str
    created_at: datetime


class DeliveryRefused(Exception):
    """The carrier will never take this message: trying again is of no use. The text names no person."""


class Carrier(Protocol):
    """Takes messages to their readers."""

    async def send(self, envelope: Envelope) -> None:
        """Hand a message over. Sending it again after a crash is harmless, or as rare as the carrier allows.

        Raises:
            DeliveryRefused: It can never be delivered.
            Exception: Anything else is worth another try.
        """


def open_carrier(settings: Settings) -> Carrier:
    """Choose the carrier that the settings ask for: SMTP, else files below the data directory.

    Raises:
        SettingsError: `SMTP_URL` cannot be used, or a service is named that this release cannot talk to.
    """
    if settings.notify_api_key:
        raise SettingsError(
            "NOTIFY_API_KEY is set, but this release cannot send through GOV.UK Notify. "
            "Remove it; set SMTP_URL to send e-mail, or neither to keep messages as files."
        )
    sender = f"no-reply@{urlsplit(settings.public_url).hostname or 'localhost'}"
    if settings.smtp_url:
        return SmtpCarrier(settings.smtp_url, sender)
    return FileOutbox(settings.data_dir / "outbox", sender)


def write_mail(envelope: Envelope, sender: str) -> EmailMessage:
    """Make the e-mail of a message: the same message gives the same bytes.

    Raises:
        DeliveryRefused: The address is none.
    """
    mail = EmailMessage()
    try:
        mail["To"] = Address(addr_spec=envelope.to_address)
        mail["Subject"] = envelope.subject
    except (ValueError, IndexError) as error:
        raise DeliveryRefused("The address or the subject cannot stand in an e-mail") from error
    mail["From"] = Address("Care Marketplace", addr_spec=sender)
    mail["Date"] = format_datetime(envelope.created_at)
    mail["Message-ID"] = f"<{envelope.message_id}@{sender.partition('@')[2]}>"
    # Out-of-office replies and list software leave such mail alone (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(envelope.body)
    return mail


class FileOutbox:
    """Keeps each message as a file `{message id}.eml`, readable by the owner alone.

    For an installation without a mail server: an e-mail program opens the files. Texts and letters are kept, too,
    marked by the header `X-Channel`.
    """

    def __init__(self, folder: Path, sender: str) -> None:
        self.folder = folder
        self.sender = sender

    async def send(self, envelope: Envelope) -> None:
        """Write the file, whole or not at all; a repetition replaces it with the same content."""
        if envelope.channel is not Channel.EMAIL:
            # A phone number is no e-mail address; nothing is ever sent to the domain (RFC 2606).
            number = "".join(char for char in envelope.to_address if char.isascii() and char.isalnum()) or "nobody"
            envelope = msgspec.structs.replace(envelope, to_address=f"{number}@{envelope.channel.value}.invalid")
        mail = write_mail(envelope, self.sender)
        if envelope.channel is not Channel.EMAIL:
            mail["X-Channel"] = envelope.channel.value
        await asyncio.to_thread(self._write, self.folder / f"{envelope.message_id}.eml", mail.as_bytes())

    def _write(self, path: Path, content: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, unfinished = tempfile.mkstemp(dir=self.folder, prefix=".", suffix=".part")  # Mode 0600.
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except BaseException:
            os.unlink(unfinished)
            raise


class SmtpCarrier:
    """Sends e-mail through a server: `smtp://user:password@host:587` (STARTTLS) or `smtps://…:465`.

    `?from=address` sets the sender. A password is only sent over TLS, or to this machine.
    """

    def __init__(self, url: str, sender: str) -> None:
        """Read the address; nothing is connected yet.

        Raises:
            SettingsError: It is no address of a mail server.
        """
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError("SMTP_URL must look like smtp://user:password@host:587") from error
        if parts.scheme not in _SCHEMES or not parts.hostname:
            raise SettingsError("SMTP_URL must start with smtp:// or smtps:// and name a host")
        self._host = parts.hostname
        self._port = port or _SCHEMES[parts.scheme]
        self._is_tls = parts.scheme == "smtps"
        self._user = unquote(parts.username or "")
        self._password = unquote(parts.password or "")
        self.sender = parse_qs(parts.query).get("from", [sender])[0]
        try:
            Address(addr_spec=self.sender)
        except (ValueError, IndexError) as error:
            raise SettingsError("The sender in SMTP_URL (?from=…) is no e-mail address") from error

    async def send(self, envelope: Envelope) -> None:
        """Send an e-mail, in a thread. If we die after the server took it, it is sent twice with one Message-ID."""
        if envelope.channel is not Channel.EMAIL:
            raise DeliveryRefused(f"A mail server carries no {envelope.channel.value}")
        mail = write_mail(envelope, self.sender)
        try:
            await asyncio.to_thread(self._send, mail)
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            if all(500 <= code < 600 for code in codes):
                raise DeliveryRefused(f"The mail server refused the address ({codes[0]})") from error
            raise ConnectionError(f"The mail server did not take the address yet ({codes[0]})") from error
        except smtplib.SMTPResponseException as error:
            # The server's own words may quote the address, and errors end up in the log.
            raise ConnectionError(f"The mail server answered {error.smtp_code}") from error

    def _send(self, mail: EmailMessage) -> None:
        context = ssl.create_default_context()
        if self._is_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self._host, self._port, timeout=SMTP_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=SMTP_SECONDS)
        with server:
            server.ehlo()
            is_private = self._is_tls or self._host in _LOOPBACK
            if not self._is_tls and server.has_extn("starttls"):
                server.starttls(context=context)
                server.ehlo()
                is_private = True
            if self._user:
                if not is_private:
                    raise ConnectionError("The mail server offers no TLS, so the password is not sent")
                server.login(self._user, self._password)
            server.send_message(mail)


_carrier: Carrier | None = None
_settings: Settings | None = None


def use_settings(settings: Settings | None, carrier: Carrier | None = None) -> None:
    """Set this process's settings and carrier (start-up of a worker, tests).

    Args:
        settings: None forgets both.
        carrier: Instead of the one that the settings ask for.

    Raises:
        SettingsError: As `open_carrier`.
    """
    global _carrier, _settings
    _carrier = None if settings is None else carrier or open_carrier(settings)
    _settings = settings


def carrier() -> Carrier:
    """Return the carrier of this process."""
    if _carrier is None:
        raise RuntimeError("messaging.delivery.use_settings was not called in this process")
    return _carrier


def settings() -> Settings:
    """Return the settings that links in messages are made with."""
    if _settings is None:
        raise RuntimeError("messaging.delivery.use_settings was not called in this process")
    return _settings
