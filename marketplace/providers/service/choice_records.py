"""Evidence of fair choice: a result list as it stood, locked with its hash. Records are only ever added."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.spreadsheets import Cell, csv_text
from marketplace.providers.models import ChoiceRecord
from marketplace.providers.repository.choosing import RECORDS_PAGE, ChoiceRecordRepository
from marketplace.providers.service.market import MarketService, Results
from marketplace.providers.service.market_cards import Result
from marketplace.providers.service.market_query import MOST_PER_PAGE, MarketQuery, lenient_query
from marketplace.providers.service.saved_searches import parameters
from search import AsyncSearch

MOST_KEPT: Final = 200
LONGEST_REFERENCE: Final = 40
LONGEST_PURPOSE: Final = 500

_REFERENCE: Final = re.compile(r"(?=.*\d)[A-Za-z0-9][A-Za-z0-9 ./_-]*", re.ASCII)
_TEN_DIGITS: Final = re.compile(r"(?<!\d)(\d{3})([ -]?)(\d{3})\2(\d{4})(?!\d)", re.ASCII)
_EMAIL: Final = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")

NO_EMAIL: Final = "Leave out email addresses: this record is about the offers, not about a person"
NO_NHS_NUMBER: Final = "This looks like an NHS number. Use the council’s case reference instead"

COLUMNS: Final[tuple[tuple[str, str], ...]] = (
    ("position", "Position"),
    ("id", "Id"),
    ("name", "Name"),
    ("provider", "Provider"),
    ("category", "Kind of support"),
    ("price", "Price"),
    ("distance_metres", "Distance in metres"),
    ("rating", "Regulator’s rating"),
    ("accredited_by", "Accredited by"),
    ("why", "Why it was found"),
)


class RecordForm(msgspec.Struct, frozen=True, kw_only=True):
    """What a record is for."""

    reference: str
    purpose: str

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read the form. Who the case is about stays out of it: no e-mail address, no NHS number, no bare name.

        Raises:
            InvalidInput: By field.
        """
        form = FormReader(data)
        reference = form.text("reference", "the case reference", longest=LONGEST_REFERENCE)
        purpose = form.text("purpose", "what you looked for and why", longest=LONGEST_PURPOSE)
        for name, text in (("reference", reference), ("purpose", purpose)):
            if _EMAIL.search(text):
                form.wrong(name, NO_EMAIL)
            if holds_nhs_number(text):
                form.wrong(name, NO_NHS_NUMBER)
        if reference and not _REFERENCE.fullmatch(reference):
            form.wrong("reference", "Enter the case reference as the council numbers it, like R-2027-0153, not a name")
        form.done()
        return cls(reference=reference, purpose=purpose)


def holds_nhs_number(text: str) -> bool:
    """Whether a text holds ten digits that are an NHS number: written in groups of 3, 3 and 4, or with its check digit.

    Source: NHS Data Dictionary, NHS NUMBER (modulus 11; ten is never used).
    """
    for match in _TEN_DIGITS.finditer(text):
        digits = match.group(1) + match.group(3) + match.group(4)
        check = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
        if match.group(2) or check % 11 == int(digits[9]):
            return True
    return False


class RecordPage(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the page of a record shows."""

    row: ChoiceRecord
    query: MarketQuery
    made_by: str
    shown_hash: str
    """In groups of eight, as it is printed."""
    is_true: bool
    """Whether the row and its hash agree."""


class ChoiceRecordService:
    """Keeps and reads records of a council."""

    def __init__(self, db: AsyncSession, search: AsyncSearch | None = None) -> None:
        self.db = db
        self.search = search
        self.records = ChoiceRecordRepository(db)

    async def preview(self, principal: Principal, query: MarketQuery) -> Results:
        """Return the first page of what would be kept."""
        principal.require(Permission.CHOICES_RECORD)
        return await MarketService(self.db, self.search).search(msgspec.structs.replace(query, page=1))

    async def keep(self, principal: Principal, query: MarketQuery, form: RecordForm) -> ChoiceRecord:
        """Ask the market now and keep the first two hundred results, in order."""
        principal.require(Permission.CHOICES_RECORD)
        market = MarketService(self.db, self.search)
        kept: list[Result] = []
        page, total, is_plain = 1, 0, False
        while len(kept) < MOST_KEPT:
            results = await market.search(msgspec.structs.replace(query, page=page, per_page=MOST_PER_PAGE))
            kept += results.rows
            total, is_plain = results.total, results.is_plain
            if page * MOST_PER_PAGE >= total:
                break
            page += 1
        row = ChoiceRecord(
            id=new_id(),
            council_id=principal.council_id,
            reference=form.reference,
            purpose=form.purpose,
            question=parameters(query),
            results=[_kept(number, result) for number, result in enumerate(kept[:MOST_KEPT], start=1)],
            total=total,
            engine=self._engine(is_plain=is_plain),
            made_by_user_id=principal.user_id,
            made_at=clock_of(self.db).now(),
        )
        row.content_hash = content_hash(row)
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.keep_choice_record",
            council_id=row.council_id,
            subject_kind="choice_record",
            subject_id=row.id,
            after={"reference": row.reference, "results": len(row.results), "hash": row.content_hash.hex()},
        )
        return row

    async def page(self, principal: Principal, record_id: UUID) -> RecordPage:
        """Return a record of the own council.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        row = await self.find(principal, record_id)
        return RecordPage(
            row=row,
            query=lenient_query(row.question),
            made_by=await self.records.made_by(row),
            shown_hash=grouped(row.content_hash.hex()),
            is_true=hmac.compare_digest(content_hash(row), row.content_hash),
        )

    async def find(self, principal: Principal, record_id: UUID) -> ChoiceRecord:
        """Return a record of the own council.

        Raises:
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.CHOICES_RECORD)
        return await self.records.find(principal.council_id, record_id)

    async def list_page(
        self, principal: Principal, before: tuple[datetime, UUID] | None
    ) -> tuple[list[tuple[ChoiceRecord, str]], bool]:
        """Return a page of the council's records with who made them, the newest first, and whether there are more."""
        principal.require(Permission.CHOICES_RECORD)
        rows = await self.records.page(principal.council_id, before)
        return rows[:RECORDS_PAGE], len(rows) > RECORDS_PAGE

    def _engine(self, *, is_plain: bool) -> str:
        """Name what answered: "tantivy", "meilisearch", or "postgresql" while there was no index."""
        if is_plain or self.search is None:
            return "postgresql"
        return type(self.search.backend).__name__.removesuffix("Search").lower()


def _kept(position: int, result: Result) -> dict[str, Any]:
    """Write a result as plain JSON values; whole numbers only, so that it reads back as it was."""
    return {
        "position": position,
        "id": result.id,
        "name": result.name,
        "provider": result.provider,
        "category": result.category_label,
        "price": " ".join(part for part in (result.amount, result.unit) if part),
        "price_pence": result.price_pence,
        "price_unit": result.price_unit,
        "distance_metres": result.distance_metres,
        "away": result.away,
        "rating": result.rating,
        "accredited_by": list(result.accredited_by),
        "why": result.why,
    }


def content_hash(row: ChoiceRecord) -> bytes:
    """Return the SHA-256 over the canonical JSON of a record: UTF-8, names in order, no spaces, the instant in UTC."""
    content = {
        "format": "choice-record/1",
        "id": str(row.id),
        "council_id": str(row.council_id),
        "reference": row.reference,
        "purpose": row.purpose,
        "question": row.question,
        "results": row.results,
        "total": row.total,
        "engine": row.engine,
        "made_by_user_id": str(row.made_by_user_id),
        "made_at": row.made_at.astimezone(UTC).isoformat(timespec="microseconds"),
    }
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


def grouped(digits: str) -> str:
    """Write a hash in groups of eight."""
    return " ".join(digits[at : at + 8] for at in range(0, len(digits), 8))


def is_print_of(typed: str, row: ChoiceRecord) -> bool:
    """Whether a hash that somebody typed from a print, with or without spaces, is that of the record as it is now."""
    text = "".join(typed.split()).lower()
    return text.isascii() and hmac.compare_digest(text, content_hash(row).hex())


def as_csv(row: ChoiceRecord) -> str:
    """Write the results of a record as CSV: a heading, a line each. A cell never begins a formula of a spreadsheet."""
    lines = [[_cell(result.get(name)) for name, _ in COLUMNS] for result in row.results]
    return csv_text([[heading for _, heading in COLUMNS], *lines])


def _cell(value: Any) -> Cell:
    return ", ".join(value) if isinstance(value, list) else value
