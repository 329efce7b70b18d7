"""Files of visits: found by their headings, in any encoding, with every bad row named (issue 7, bad input)."""

import io
from datetime import date, time

import pytest

from marketplace.core.errors import InvalidInput
from marketplace.core.textfiles import UnreadableFile
from marketplace.payments.service.invoice_files import COLUMNS, ReadFile, read_correction, read_file, template

HEADING = ",".join(COLUMNS)
GOOD = "INV-1,SA-00012,10/02/2027,09:00,60,18.00"


def read(*rows: str, heading: str = HEADING, encoding: str = "utf-8") -> ReadFile:
    return read_file(io.BytesIO("\n".join([heading, *rows]).encode(encoding)))


def test_a_row_becomes_a_line() -> None:
    [row] = read(GOOD).rows
    assert (row.row, row.invoice_number) == (2, "INV-1")
    assert row.asked == ("SA-00012", date(2027, 2, 10), time(9), 60, 1_800, "")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({0: ""}, "invoice-number"),
        ({0: "N" * 41}, "invoice-number"),
        ({1: ""}, "person-reference"),
        ({2: "32/01/2027"}, "visit-date"),
        ({2: "29/02/2027"}, "visit-date"),
        ({2: "soon"}, "visit-date"),
        ({2: "10/02/1827"}, "visit-date"),
        ({3: "25:00"}, "start-time"),
        ({3: "nine"}, "start-time"),
        ({4: "-60"}, "minutes"),
        ({4: "0"}, "minutes"),
        ({4: "1441"}, "minutes"),
        ({4: "1.5"}, "minutes"),
        ({4: "٣"}, "minutes"),
        ({5: "-18.00"}, "amount"),
        ({5: "0"}, "amount"),
        ({5: "0.00"}, "amount"),
        ({5: "18.005"}, "amount"),
        ({5: "1e3"}, "amount"),
        ({5: "NaN"}, "amount"),
        ({5: "1000000.01"}, "amount-too-large"),
        ({5: "999999999.99"}, "amount-too-large"),
        ({5: "99999999999"}, "amount"),
    ],
)
def test_a_row_that_is_no_line_is_named_and_the_others_go_on(change: dict[int, str], code: str) -> None:
    cells = GOOD.split(",")
    for place, text in change.items():
        cells[place] = text
    found = read(GOOD, ",".join(cells), GOOD)
    assert [(problem.row, problem.code) for problem in found.problems] == [(3, code)]
    assert [row.row for row in found.rows] == [2, 4]
    assert found.row_count == 3


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("10/02/2027", date(2027, 2, 10)),
        ("10-2-27", date(2027, 2, 10)),
        ("2027-02-10", date(2027, 2, 10)),
        ("10.02.2027 00:00", date(2027, 2, 10)),
    ],
)
def test_dates_are_read_day_first_or_as_iso(text: str, day: date) -> None:
    assert read(GOOD.replace("10/02/2027", text)).rows[0].asked.visit_on == day


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_accents_survive_every_encoding(encoding: str) -> None:
    found = read("Zoë-№1".replace("№", "É") + GOOD.removeprefix("INV-1"), encoding=encoding)
    assert found.rows[0].invoice_number == "Zoë-É1"


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_columns_are_found_by_name_in_any_order_and_with_any_mark(mark: str) -> None:
    heading = mark.join(["Amount (GBP)", "Visit Date", "Start", "Mins", "Invoice No.", "Agreement ref", "Colour"])
    found = read(mark.join(["£18.50", "10/02/2027", "0905", "45", "7", "sa-00012", "red"]), heading=heading)
    [row] = found.rows
    assert row.asked == ("SA-00012", date(2027, 2, 10), time(9, 5), 45, 1_850, "")
    assert row.invoice_number == "7"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"a,b\n1,2\n", "no column for: invoice_number, person_reference"),
        (HEADING.replace("minutes", "x").encode() + b"\n" + GOOD.encode(), "no column for: minutes"),
        (HEADING.encode() + b"\n", "no rows"),
        (b"%PDF-1.7", "a PDF document"),
        (b"PK\x03\x04...", "spreadsheet"),
        (HEADING.encode() + b"\n" + b"\n".join([GOOD.encode()] * 5_001), "more than 5,000 rows"),
        (
            HEADING.encode() + b"\n" + b"\n".join(GOOD.replace("INV-1", f"I{n}").encode() for n in range(501)),
            "more than 500 invoice numbers",
        ),
    ],
)
def test_a_file_that_is_no_such_table_is_refused_in_a_sentence(body: bytes, words: str) -> None:
    with pytest.raises(UnreadableFile, match=words):
        read_file(io.BytesIO(body))


def test_broken_rows_and_empty_rows_do_not_stop_the_reading() -> None:
    found = read(GOOD, ",,,,,", 'INV-1,"SA,10/02/2027', "a,b", GOOD)
    assert len(found.rows) == 2
    assert {problem.code for problem in found.problems} == {"broken-row"}


def test_the_template_is_read_back_and_holds_no_formulas() -> None:
    body = template([["=1+1", "SA-00012", "10/02/2027", "09:00", "60", "18.00", "V-1A2B3C4D"]])
    assert b"'=1+1" in body
    [row] = read_file(io.BytesIO(body)).rows
    assert row.asked.visit_reference == "V-1A2B3C4D"


def test_a_correction_names_every_wrong_field() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_correction({"minutes": "-5", "amount_pounds": "-1", "start_time": "99"})
    assert set(caught.value.fields) == {"person_reference", "visit_date", "start_time", "minutes", "amount_pounds"}
