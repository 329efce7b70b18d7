"""Tells the history of finance: earnings accrue, months are billed, bills approved, runs made and released."""

from marketplace.reporting.demo.money.finance import FinanceTeller

__all__ = ["FinanceTeller"]
