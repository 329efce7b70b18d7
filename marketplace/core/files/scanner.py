"""The virus scanner: clamd over TCP or a Unix socket, asked by its INSTREAM command. Without one, files are clean.

Source of the protocol: the manual page clamd(8), section COMMANDS.
"""

import asyncio
from enum import StrEnum
from typing import Final, Protocol
from urllib.parse import urlsplit

import structlog

from marketplace.core.settings import Settings, SettingsError

log = structlog.get_logger(__name__)

CONNECT_SECONDS: Final = 2.0
ANSWER_SECONDS: Final = 20.0
BLOCK: Final = 256 * 1024
LONGEST_ANSWER: Final = 4096


class Verdict(StrEnum):
    """What a scanner says of a file."""

    CLEAN = "clean"
    INFECTED = "infected"
    UNKNOWN = "unknown"
    """It did not answer, or not in a way that means anything: ask again later."""


class Scanner(Protocol):
    """Whoever looks for viruses."""

    async def scan(self, content: bytes) -> Verdict:
        """Judge a file. Never raises for a scanner that is away: that is `UNKNOWN`."""
        ...


class NoScanner:
    """No scanner is set up: our own checks are what there is."""

    async def scan(self, content: bytes) -> Verdict:
        """Call everything clean."""
        return Verdict.CLEAN


class Clamd:
    """A clamd server."""

    def __init__(
        self, url: str, *, connect_seconds: float = CONNECT_SECONDS, answer_seconds: float = ANSWER_SECONDS
    ) -> None:
        """Read the address: `tcp://host:port` or `unix:///path`.

        Raises:
            SettingsError: It is neither.
        """
        parts = urlsplit(url)
        self.path = parts.path if url.startswith("unix:///") else ""
        try:
            self.host, self.port = parts.hostname or "", parts.port or 3310
        except ValueError as error:
            raise SettingsError("CLAMD_URL has a port that is none") from error
        if len(self.path) < 2 and not (parts.scheme == "tcp" and self.host):
            raise SettingsError("CLAMD_URL must look like tcp://host:3310 or unix:///run/clamav/clamd.ctl")
        self.connect_seconds, self.answer_seconds = connect_seconds, answer_seconds

    async def scan(self, content: bytes) -> Verdict:
        """Send the file in blocks and read the one line of the answer."""
        try:
            async with asyncio.timeout(self.connect_seconds):
                reader, writer = await self._connect()
        except (OSError, TimeoutError) as error:
            log.warning("scanner-away", cause=type(error).__name__)
            return Verdict.UNKNOWN
        try:
            async with asyncio.timeout(self.answer_seconds):
                answer = await self._ask(reader, writer, content)
        except (OSError, TimeoutError, ValueError) as error:
            log.warning("scanner-away", cause=type(error).__name__)
            return Verdict.UNKNOWN
        finally:
            writer.close()
        return self._verdict(answer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self.path:
            return await asyncio.open_unix_connection(self.path)
        return await asyncio.open_connection(self.host, self.port)

    @staticmethod
    async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, content: bytes) -> str:
        writer.write(b"zINSTREAM\0")
        for at in range(0, len(content), BLOCK):
            block = content[at : at + BLOCK]
            writer.write(len(block).to_bytes(4, "big") + block)
            await writer.drain()
        writer.write(bytes(4))
        await writer.drain()
        line = await reader.read(LONGEST_ANSWER)
        while line and not line.endswith(b"\0") and len(line) < LONGEST_ANSWER:
            more = await reader.read(LONGEST_ANSWER)
            if not more:
                break
            line += more
        return line.rstrip(b"\0\n").decode("utf-8", "replace")

    @staticmethod
    def _verdict(answer: str) -> Verdict:
        if answer.endswith(" OK"):
            return Verdict.CLEAN
        if answer.endswith(" FOUND"):
            return Verdict.INFECTED
        log.warning("scanner-answer", answer=answer[:80])
        return Verdict.UNKNOWN


def scanner_of(settings: Settings) -> Scanner:
    """Return the scanner of an installation.

    Raises:
        SettingsError: CLAMD_URL cannot be used.
    """
    return Clamd(settings.clamd_url) if settings.clamd_url else NoScanner()


_scanner: Scanner = NoScanner()


def use_scanner(new: Scanner | None) -> None:
    """Set the scanner of this process (start-up, tests); None for none."""
    global _scanner
    _scanner = new or NoScanner()


def scanner() -> Scanner:
    """Return the scanner of this process."""
    return _scanner
