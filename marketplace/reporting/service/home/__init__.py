"""Dashboards: what needs each role now, in a handful of questions."""

from marketplace.reporting.service.home.roles import HomeService

__all__ = ["HomeService"]
