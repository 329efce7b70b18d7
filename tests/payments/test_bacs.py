import csv
import io
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.payments.bacs import (
    BacsCredit,
    BacsFile,
    BacsRefused,
    bacs_date,
    bacs_text,
    is_processing_day,
    next_processing_day,
    render_bacs18,
    render_payments_csv,
)
from tests.payments.bacs_reader import Unreadable, read_bacs18
from tests.payments.specimens import specimen

PROCESSING_ON = date(2026, 8, 21)


def make_credit(**changes):
    fields = {
        "sort_code": "601613",
        "account_number": "87654321",
        "account_name": "Riverside Support CIC",
        "amount_pence": 45_000,
        "reference": "SB-000123",
    }
    return BacsCredit(**(fields | changes))


def make_file(**changes):
    fields = {
        "service_user_number": "123456",
        "serial": "000007",
        "file_number": 7,
        "created_on": date(2026, 8, 14),
        "processing_on": PROCESSING_ON,
        "sort_code": "60-16-13",
        "account_number": "12345678",
        "account_name": "Example Council",
        "credits": (make_credit(),),
    }
    return BacsFile(**(fields | changes))


def problems_of(**changes):
    with pytest.raises(BacsRefused) as refused:
        render_bacs18(make_file(**changes))
    return refused.value.problems


def test_a_file_is_written_byte_for_byte():
    payments = (
        BacsCredit(
            sort_code="20-45-12",
            account_number="12345678",
            account_name="Ada Müller & Søn",
            amount_pence=250_000,
            reference="SB-000001",
        ),
        make_credit(amount_pence=182_150, reference="SB-000002"),
    )
    assert render_bacs18(make_file(credits=payments)) == (
        b"VOL1000007                               123456                                1\r\n"
        b"HDR1A123456S   12345600000700010001       26226 26240 000000                    \r\n"
        b"HDR2F0200000100                                   00                            \r\n"
        b"UHL1 26233999999    000000001 DAILY  007                                        \r\n"
        b"2045121234567809960161312345678    00000250000EXAMPLE COUNCIL   SB-000001         ADA MULLER & SON  \r\n"
        b"6016138765432109960161312345678    00000182150EXAMPLE COUNCIL   SB-000002         RIVERSIDE SUPPORT \r\n"
        b"6016131234567801760161312345678    00000432150EXAMPLE COUNCIL   CONTRA            EXAMPLE COUNCIL   \r\n"
        b"EOF1A123456S   12345600000700010001       26226 26240 000000                    \r\n"
        b"EOF2F0200000100                                   00                            \r\n"
        b"UTL10000000432150000000043215000000010000002                                    \r\n"
    )


def test_the_same_file_gives_the_same_bytes():
    assert render_bacs18(make_file()) == render_bacs18(make_file())


def test_the_contra_can_carry_its_own_narrative():
    contents = read_bacs18(render_bacs18(make_file(contra_narrative="Planners, August")))
    assert contents.contra.name == "PLANNERS  AUGUST"
    assert contents.contra.account_name == "EXAMPLE COUNCIL"


names = (
    st.text(max_size=40).map(lambda text: text + "A").filter(lambda text: any(map(str.isalnum, bacs_text(text)[:18])))
)
credit_lists = st.lists(
    st.builds(
        make_credit,
        sort_code=st.from_regex(r"[0-9]{5}[1-9]", fullmatch=True).filter(str.isascii),
        account_number=st.integers(1, 99_999_999).map("{:08}".format),
        account_name=names,
        amount_pence=st.integers(1, 2_000_000_000),
        reference=st.text(max_size=8).map(lambda text: text + "7").filter(lambda text: len(bacs_text(text)) <= 18),
    ),
    min_size=1,
    max_size=20,
)


@settings(deadline=None)
@given(credits=credit_lists, name=names)
def test_totals_and_contra_always_agree_with_the_payments(credits, name):
    contents = read_bacs18(render_bacs18(make_file(credits=tuple(credits), account_name=name)))
    assert [
        (item.sort_code, item.account_number, item.amount_pence, item.reference, item.account_name)
        for item in contents.credits
    ] == [
        (
            credit.sort_code,
            credit.account_number,
            credit.amount_pence,
            bacs_text(credit.reference),
            bacs_text(credit.account_name)[:18].rstrip(),
        )
        for credit in credits
    ]
    assert contents.contra.amount_pence == sum(credit.amount_pence for credit in credits)
    assert contents.processing_on == PROCESSING_ON


@settings(deadline=None)
@given(st.text())
def test_cleaned_text_stays_in_the_character_set_and_is_stable(text):
    cleaned = bacs_text(text)
    assert set(cleaned) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.&/- ")
    assert bacs_text(cleaned) == cleaned


@pytest.mark.parametrize(
    ("typed", "cleaned"),
    [
        ("Zoë Łukasiewicz", "ZOE LUKASIEWICZ"),
        ("Straße Ærø", "STRASSE AERO"),
        ("O'Brien—Smith\r\n", "O BRIEN-SMITH"),
        ("=cmd|x!A1", "CMD X A1"),
        ("A\x00B\tC", "A B C"),
        ("£5 & up/50%", "5 & UP/50"),
    ],
)
def test_text_is_folded_into_the_bacs_character_set(typed, cleaned):
    assert bacs_text(typed) == cleaned


def test_every_problem_is_listed_at_once():
    bad = make_credit(sort_code="6016", account_number="1234567", account_name="'''", amount_pence=0, reference="")
    assert problems_of(serial="000000", credits=(make_credit(), bad)) == (
        "the serial must be six letters or digits, not 000000",
        "payment 2: the sort code must be six digits",
        "payment 2: the account number must be eight digits",
        "payment 2: the account name must hold a letter or digit",
        "payment 2: the amount must be 1 to 99999999999 pence",
        "payment 2: the reference must hold a letter or digit",
    )


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"service_user_number": "12345"}, "the service user number must be six digits"),
        ({"service_user_number": "１２３４５６"}, "the service user number must be six digits"),
        ({"file_number": 1000}, "the file number must be 1 to 999"),
        ({"account_number": "1234567a"}, "paying account: the account number must be eight digits"),
        ({"account_name": "  "}, "paying account: the account name must hold a letter or digit"),
        ({"credits": ()}, "the file has no payments"),
        ({"processing_on": date(2026, 8, 22)}, "2026-08-22 is not a Bacs processing day"),
        ({"processing_on": date(2026, 8, 31)}, "2026-08-31 is not a Bacs processing day"),
        ({"created_on": PROCESSING_ON}, "the processing day must be after the day the file is made"),
        ({"credits": (make_credit(amount_pence=10**11),)}, "payment 1: the amount must be 1 to 99999999999 pence"),
        ({"credits": (make_credit(amount_pence=1.5),)}, "payment 1: the amount must be whole pence"),
        ({"credits": (make_credit(reference="R" * 19),)}, "payment 1: the reference has 19 characters, at most 18 fit"),
    ],
)
def test_what_the_bank_would_reject_is_refused(changes, problem):
    assert problems_of(**changes) == (problem,)


def test_a_run_beyond_the_contra_is_refused():
    most = make_credit(amount_pence=99_999_999_999)
    assert read_bacs18(render_bacs18(make_file(credits=(most,)))).contra.amount_pence == 99_999_999_999
    (problem,) = problems_of(credits=(most, make_credit(amount_pence=1)))
    assert problem == "the payments add up to 100000000000 pence, the contra holds at most 99999999999"


def test_problems_name_no_person_and_no_account():
    told = " ".join(problems_of(credits=(make_credit(account_number="8765432", amount_pence=0),)))
    assert "8765432" not in told
    assert "Riverside" not in told


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content.replace(b"00000045000", b"00000045001", 1),
        lambda content: content.replace(b"UTL10", b"UTL11"),
        lambda content: content.replace(b"CONTRA", b"CONTRB"),
        lambda content: content[:-2],
        lambda content: content.replace(b"EOF1A123456", b"EOF1A123457"),
        lambda content: content.replace(b"EXAMPLE", b"example"),
    ],
)
def test_the_reader_notices_a_spoilt_file(spoil):
    with pytest.raises(Unreadable):
        read_bacs18(spoil(render_bacs18(make_file())))


def test_csv_rows_hold_pounds_and_start_no_formula():
    hostile = make_credit(account_name='-2+3"', amount_pence=5, reference="=1+1,\n@x")
    rows = list(csv.reader(io.StringIO(render_payments_csv(make_file(credits=(make_credit(), hostile))).decode())))
    assert rows == [
        ["Sort code", "Account number", "Account name", "Amount", "Reference", "Processing date"],
        ["601613", "87654321", "RIVERSIDE SUPPORT", "450.00", "SB-000123", "2026-08-21"],
        ["601613", "87654321", "2 3", "0.05", "1 1   X", "2026-08-21"],
    ]


@settings(deadline=None)
@given(credits=credit_lists)
def test_no_csv_cell_starts_like_a_formula(credits):
    for row in csv.reader(io.StringIO(render_payments_csv(make_file(credits=tuple(credits))).decode())):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", " ")) or not cell for cell in row)


def test_csv_refuses_what_the_standard_18_file_refuses():
    with pytest.raises(BacsRefused):
        render_payments_csv(make_file(credits=()))


@pytest.mark.parametrize(
    ("day", "following"),
    [
        (date(2026, 4, 2), date(2026, 4, 7)),  # Maundy Thursday to the Tuesday after Easter
        (date(2026, 12, 24), date(2026, 12, 29)),  # Boxing Day 2026 falls on a Saturday
        (date(2027, 12, 24), date(2027, 12, 29)),  # both Christmas days move
        (date(2026, 8, 28), date(2026, 9, 1)),
        (date(2026, 8, 21), date(2026, 8, 24)),
    ],
)
def test_processing_days_skip_weekends_and_bank_holidays(day, following):
    assert next_processing_day(day) == following
    assert is_processing_day(following)


@settings(deadline=None)
@given(st.dates(date(2012, 1, 1), date(2098, 12, 31)))
def test_the_next_processing_day_is_later_and_the_first(day):
    following = next_processing_day(day)
    assert following > day
    assert is_processing_day(following)
    between = (following - day).days
    assert not any(is_processing_day(day + timedelta(days=ahead)) for ahead in range(1, between))


def test_dates_are_a_space_the_year_and_the_day_in_it():
    assert bacs_date(date(2028, 12, 31)) == " 28366"
    with pytest.raises(ValueError, match="no Bacs date"):
        bacs_date(date(2100, 1, 1))


@pytest.mark.shared
def test_a_real_sample_is_read_and_written_again_byte_for_byte():
    content = specimen("bacs_standard18/direct_credit_single_day.txt").read_bytes()
    contents = read_bacs18(content)
    assert contents.contra.amount_pence == 432_150
    again = BacsFile(
        service_user_number=contents.service_user_number,
        serial=contents.serial,
        file_number=contents.file_number,
        created_on=contents.created_on,
        processing_on=contents.processing_on,
        sort_code=contents.contra.sort_code,
        account_number=contents.contra.account_number,
        account_name=contents.contra.account_name,
        contra_narrative=contents.contra.name,
        credits=tuple(
            BacsCredit(
                sort_code=item.sort_code,
                account_number=item.account_number,
                account_name=item.account_name,
                amount_pence=item.amount_pence,
                reference=item.reference,
            )
            for item in contents.credits
        ),
    )
    assert render_bacs18(again) == content


@pytest.mark.shared
def test_a_real_file_that_does_not_add_up_is_not_read():
    content = specimen("bacs_standard18/multi_day_records_106.txt").read_bytes()
    with pytest.raises(Unreadable):
        read_bacs18(content)


@pytest.mark.shared
def test_labels_stand_where_the_published_layout_puts_them():
    layout = specimen("bacs_standard18/record_layout.csv").read_text()
    lines = render_bacs18(make_file()).decode().split("\r\n")
    records = {line[:4]: line for line in lines}
    expected = {
        ("VOL1", "serial number"): "000007",
        ("VOL1", "owner: service user number"): "123456",
        ("HDR1", "file identifier"): "A123456S   123456",
        ("HDR1", "set identification"): "000007",
        ("HDR1", "creation date"): " 26226",
        ("UHL1", "processing date"): " 26233",
        ("UHL1", "file number"): "007",
        ("UTL1", "debit value in pence"): "0000000045000",
        ("UTL1", "credit value in pence"): "0000000045000",
        ("UTL1", "debit count"): "0000001",
        ("UTL1", "credit count"): "0000001",
        ("data", "destination sort code"): "601613",
        ("data", "destination account"): "87654321",
        ("data", "transaction code"): "99",
        ("data", "originating account"): "12345678",
        ("data", "amount in pence"): "00000045000",
        ("data", "originator name"): "EXAMPLE COUNCIL   ",
        ("data", "reference"): "SB-000123         ",
        ("data", "destination name"): "RIVERSIDE SUPPORT ",
    }
    records["data"] = lines[4]
    found = {}
    for row in csv.DictReader(io.StringIO(layout)):
        key = (row["record"], row["field"])
        if key in expected:
            found[key] = records[row["record"]][int(row["first_col"]) - 1 : int(row["last_col"])]
    assert found == expected


@pytest.mark.shared
def test_every_field_of_the_layout_is_where_the_sample_has_it():
    """Each field of the published layout, read from the sample and from our file of the same payments."""
    sample = specimen("bacs_standard18/direct_credit_single_day.txt").read_bytes()
    layout = list(csv.DictReader(io.StringIO(specimen("bacs_standard18/record_layout.csv").read_text())))
    contents = read_bacs18(sample)
    names = ("sort_code", "account_number", "account_name", "amount_pence", "reference")
    ours = render_bacs18(
        BacsFile(
            service_user_number=contents.service_user_number,
            serial=contents.serial,
            file_number=contents.file_number,
            created_on=contents.created_on,
            processing_on=contents.processing_on,
            sort_code=contents.contra.sort_code,
            account_number=contents.contra.account_number,
            account_name=contents.contra.account_name,
            contra_narrative=contents.contra.name,
            credits=tuple(BacsCredit(**{name: getattr(item, name) for name in names}) for item in contents.credits),
        )
    )
    theirs, mine = (content.decode().split("\r\n")[:-1] for content in (sample, ours))
    assert len(theirs) == len(mine)
    compared = 0
    for their_record, my_record in zip(theirs, mine, strict=True):
        label = their_record[:4]
        kind = label if label.isalnum() and not label.isdecimal() else "data"
        kind = {"EOF1": "HDR1", "EOF2": "HDR2"}.get(kind, kind)
        for row in (row for row in layout if row["record"] == kind and row["field"] != "label"):
            cut = slice(int(row["first_col"]) - 1, int(row["last_col"]))
            assert my_record[cut] == their_record[cut], (kind, row["field"])
            compared += 1
    assert compared > 60
    assert ours == sample


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("ÉÀÎÖÜÇÑÅØŁÆŒßÞĐ ŠŽ", b"EAIOUCNAOLAEOESSTH"),
        ("Zoë’s Café Réunion", b"ZOE S CAFE REUNION"),
        ("Ĝaŭĝo Łódź Ødegård", b"GAUGO LODZ ODEGARD"),
        ("eighteen letters x", b"EIGHTEEN LETTERS X"),
        ("nineteen letters xy", b"NINETEEN LETTERS X"),
    ],
)
def test_eighteen_characters_with_accents_fill_their_field_and_no_more(name, written):
    content = render_bacs18(make_file(credits=(make_credit(account_name=name),)))
    record = content.split(b"\r\n")[4]
    assert len(record) == 100
    assert record[82:] == written


@pytest.mark.parametrize("pence", [99_999_999_999, 10_000_000_000, 1])
def test_amounts_of_eleven_digits_fit_and_one_more_does_not(pence):
    contents = read_bacs18(render_bacs18(make_file(credits=(make_credit(amount_pence=pence),))))
    assert contents.contra.amount_pence == pence
    record = render_bacs18(make_file(credits=(make_credit(amount_pence=pence),))).split(b"\r\n")[4]
    assert record[35:46] == f"{pence:011}".encode()
    assert problems_of(credits=(make_credit(amount_pence=100_000_000_000),)) == (
        "payment 1: the amount must be 1 to 99999999999 pence",
    )
