"""A month of an account as a page, a spreadsheet and a PDF: the same words in all three."""

import csv
import io
from datetime import date

import pikepdf
import pytest

from marketplace.payments.service.account.pdf import statement_parts, statement_pdf
from marketplace.payments.service.account.spending import SpendingForm, SpendingService
from marketplace.payments.service.direct_payments import DirectPaymentService, Statement, StatementLine
from tests.factories_account import make_approved, make_self_held
from tests.payments.pdf_text import pdf_words, squeezed


async def test_the_page_the_spreadsheet_and_the_pdf_say_the_same(browser, db):
    scene = await make_self_held(db)
    visit = await make_approved(db, scene)
    for pence, visits, what in ((1_600, (visit.id,), ""), (750, (), '=HYPERLINK("evil") & #lunch *bold* $x$')):
        form = SpendingForm(
            amount_pence=pence, happened_on=date(2027, 3, 3), payee="+44 Club", what=what, visits=visits
        )
        await SpendingService(db).pay(scene.member.principal, scene.council.id, scene.person.id, form)
    statement = await DirectPaymentService(db).statement(scene.council.id, scene.person.id, date(2027, 3, 1))
    person = await browser.signed_in(scene.member)
    page = await person.open("/money?month=2027-03")
    answer = await person.get("/money/statement.pdf?month=2027-03")
    assert answer.response.headers["content-type"] == "application/pdf"
    written = squeezed(pdf_words(answer.response.content))
    shown = squeezed(page.words)
    for part in statement_parts(statement):
        assert squeezed(part["title"]) in shown
        assert squeezed(part["title"]) in written
        for row in part["rows"]:
            assert squeezed("".join(row)) in written, row
            assert squeezed("".join(row)) in shown, row
    file = await person.get("/money/statement.csv?month=2027-03")
    rows = list(csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))))
    assert ["2027-03-03", 'Paid to +44 Club: =HYPERLINK("evil") & #lunch *bold* $x$', "-7.50", "276.50"] in rows
    assert rows[-1] == ["2027-03-01", "Still to pay at the end", "", "0.00"]
    assert all(not cell.startswith(("=", "+", "@")) for row in rows for cell in row)


@pytest.mark.parametrize("words", ["=1+1", "+1", "@SUM(A1)", "-2+3", "\tx"])
def test_words_that_a_spreadsheet_would_run_are_kept_as_words(words):
    from marketplace.payments.service.direct_payments import statement_csv

    line = StatementLine(date(2027, 3, 1), words, -5, 95)
    statement = Statement(month=date(2027, 3, 1), opening_pence=100, lines=[line], closing_pence=95)
    row = list(csv.reader(io.StringIO(statement_csv(statement), newline="")))[2]
    assert row[1] == f"'{words}"
    assert row[2] == "-0.05"


@pytest.mark.parametrize("name", ["Zoë O’Neil", "王 Wei", "Łukasz <b>", "#let x = 1"])
async def test_the_pdf_is_tagged_and_takes_any_name(name):
    lines = [StatementLine(date(2027, 3, 1), f"Paid to {name}", -1, number) for number in range(80)]
    statement = Statement(month=date(2027, 3, 1), opening_pence=100, lines=lines, closing_pence=20)
    content = await statement_pdf(
        statement, person=name, reference="P-1", council="Lancashire", made_on=date(2027, 3, 3)
    )
    with pikepdf.open(io.BytesIO(content)) as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert str(pdf.Root.Lang) == "en-GB"
        assert len(pdf.pages) > 1
    if name.isascii():
        assert squeezed(name) in squeezed(pdf_words(content))
