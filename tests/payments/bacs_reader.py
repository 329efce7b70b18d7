"""An independent reader of Bacs Standard 18 direct-credit files.

It shares no code with the writer: every position is written out here again,
from the layout, so that a mistake on one side cannot hide on the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

CHARACTERS = re.compile(rb"[A-Z0-9.&/\- ]*")


class Unreadable(Exception):
    """The bytes are not a single-day direct-credit file."""


@dataclass(frozen=True)
class Item:
    """One payment or contra record."""

    sort_code: str
    account_number: str
    code: str
    payer_sort_code: str
    payer_account_number: str
    amount_pence: int
    name: str
    reference: str
    account_name: str


@dataclass(frozen=True)
class Contents:
    """What a file says."""

    serial: str
    service_user_number: str
    file_number: int
    created_on: date
    expires_on: date
    processing_on: date
    credits: tuple[Item, ...]
    contra: Item


def read_bacs18(content: bytes) -> Contents:
    """Take a file apart and check everything that it says twice.

    Raises:
        Unreadable: A wrong width, character, label, total or contra.
    """
    if not content.endswith(b"\r\n"):
        raise Unreadable("the last record is not ended")
    lines = content[:-2].split(b"\r\n")
    for line in lines:
        if not CHARACTERS.fullmatch(line):
            raise Unreadable(f"characters outside the set: {line!r}")
    records = [line.decode("ascii") for line in lines]
    if len(records) < 9:
        raise Unreadable("too few records")
    labels, payments, trailers = records[:4], records[4:-3], records[-3:]
    _check_labels(labels, trailers)

    volume, header, _, user_header = labels
    items = tuple(_read_item(record) for record in payments)
    credits, contra = items[:-1], items[-1]
    serial, owner = volume[4:10], volume[41:47]
    if header[4:21] != f"A{owner}S   {owner}" or header[21:27] != serial:
        raise Unreadable("HDR1 does not repeat the volume label")
    _check_totals(credits, contra, trailers[2])
    return Contents(
        serial=serial,
        service_user_number=owner,
        file_number=int(user_header[37:40]),
        created_on=_read_date(header[41:47]),
        expires_on=_read_date(header[47:53]),
        processing_on=_read_date(user_header[4:10]),
        credits=credits,
        contra=contra,
    )


def _check_labels(labels: list[str], trailers: list[str]) -> None:
    for record, name in zip(
        [*labels, *trailers], ["VOL1", "HDR1", "HDR2", "UHL1", "EOF1", "EOF2", "UTL1"], strict=True
    ):
        if record[:4] != name or len(record) != 80:
            raise Unreadable(f"expected {name} of 80 characters")
    volume, header, layout, user_header = labels
    if volume[10:41].strip() or volume[47:79].strip() or volume[79] != "1":
        raise Unreadable("VOL1")
    if header[27:35] != "00010001" or header[35:41].strip() or header[53:60] != " 000000" or header[60:].strip():
        raise Unreadable("HDR1")
    if layout[4:15] != "F0200000100" or layout[15:50].strip() or layout[50:52] != "00" or layout[52:].strip():
        raise Unreadable("HDR2")
    if user_header[10:37] != "999999    000000001 DAILY  " or user_header[40:].strip():
        raise Unreadable("UHL1")
    if trailers[0][4:] != header[4:] or trailers[1][4:] != layout[4:]:
        raise Unreadable("an end label differs from its header")


def _read_item(record: str) -> Item:
    if len(record) != 100:
        raise Unreadable(f"a payment record of {len(record)} characters")
    if record[14] != "0" or record[31:35] != "    ":
        raise Unreadable("account type or free format")
    for first, last in ((0, 14), (15, 31), (35, 46)):
        if not record[first:last].isdigit():
            raise Unreadable(f"columns {first + 1} to {last} are no digits")
    return Item(
        sort_code=record[0:6],
        account_number=record[6:14],
        code=record[15:17],
        payer_sort_code=record[17:23],
        payer_account_number=record[23:31],
        amount_pence=int(record[35:46]),
        name=record[46:64].rstrip(),
        reference=record[64:82].rstrip(),
        account_name=record[82:100].rstrip(),
    )


def _check_totals(credits: tuple[Item, ...], contra: Item, totals: str) -> None:
    if any(credit.code != "99" for credit in credits) or contra.code != "17" or contra.reference != "CONTRA":
        raise Unreadable("transaction codes")
    account = (contra.sort_code, contra.account_number)
    for item in (*credits, contra):
        if (item.payer_sort_code, item.payer_account_number) != account:
            raise Unreadable("a record names another paying account")
    credited = sum(credit.amount_pence for credit in credits)
    if contra.amount_pence != credited:
        raise Unreadable("the contra does not balance the payments")
    said = [int(totals[4:17]), int(totals[17:30]), int(totals[30:37]), int(totals[37:44])]
    if said != [credited, credited, 1, len(credits)] or totals[44:].strip():
        raise Unreadable("the control totals do not agree")


def _read_date(text: str) -> date:
    if text[0] != " ":
        raise Unreadable("a date without its leading space")
    return datetime.strptime("20" + text[1:], "%Y%j").date()  # noqa: DTZ007 - a calendar day has no zone
