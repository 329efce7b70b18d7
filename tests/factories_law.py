"""The book of the law for tests of pure rules: the figures of domain.md 4.4, and those of the year before."""

from datetime import date

from marketplace.accounts.law import LawBook, LawFigure

APRIL_2026 = date(2026, 4, 6)
_ROWS = (
    ("wage_21", 1_221, date(2025, 4, 1)),
    ("wage_21", 1_271, date(2026, 4, 1)),
    ("wage_18", 1_000, date(2025, 4, 1)),
    ("wage_18", 1_085, date(2026, 4, 1)),
    ("wage_16", 755, date(2025, 4, 1)),
    ("wage_16", 800, date(2026, 4, 1)),
    ("insurance_rate", 1_500, date(2025, 4, 6)),
    ("insurance_threshold", 500_000, date(2025, 4, 6)),
    ("insurance_under_21_limit", 5_027_000, date(2025, 4, 6)),
    ("employment_allowance", 1_050_000, date(2025, 4, 6)),
    ("pension_trigger", 1_000_000, date(2025, 4, 6)),
    ("pension_lower", 624_000, date(2025, 4, 6)),
    ("pension_upper", 5_027_000, date(2025, 4, 6)),
    ("pension_employer_rate", 300, date(2025, 4, 6)),
    ("pension_total_rate", 800, date(2025, 4, 6)),
    ("holiday_weeks", 56, date(2024, 4, 1)),
    ("holiday_accrual", 1_207, date(2024, 4, 1)),
    ("sick_pay", 11_875, date(2025, 4, 6)),
    ("sick_pay", 12_325, date(2026, 4, 6)),
    ("sick_pay_share", 10_000, date(2025, 4, 6)),
    ("sick_pay_share", 8_000, date(2026, 4, 6)),
    ("liability_cover", 500_000_000, date(1999, 1, 1)),
    ("liability_fine", 250_000, date(1999, 1, 1)),
    ("capital_upper_limit", 2_325_000, date(2024, 4, 8)),
    ("capital_lower_limit", 1_425_000, date(2024, 4, 8)),
    ("tariff_income_step", 25_000, date(2024, 4, 8)),
    ("tariff_income_weekly", 100, date(2024, 4, 8)),
    ("late_reference_rate", 475, date(2025, 1, 1)),
    ("late_reference_rate", 425, date(2025, 7, 1)),
    ("late_reference_rate", 375, date(2026, 1, 1)),
)


def make_book(on: date = APRIL_2026, *more: tuple[str, int, date]) -> LawBook:
    """A book opened at a day, with further figures (key, value, first day) where a test needs them."""
    figures: dict[str, tuple[LawFigure, ...]] = {}
    for key, value, starts_on in sorted((*_ROWS, *more), key=lambda row: row[2]):
        figure = LawFigure(starts_on=starts_on, value=value, unit="", source="")
        figures[key] = (*figures.get(key, ()), figure)
    return LawBook(figures=figures, on=on)
