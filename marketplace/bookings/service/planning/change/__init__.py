"""Changing visits: one of them, those from a week on, or all that have not begun.

A change by the person counts at once, and who was to come stays when they are free then; otherwise the visit stays
planned and the provider says who comes. A provider never moves a visit: it asks, and the person says yes or no
(`proposals`). A visit that was moved by itself keeps its own time when the weekly visit changes, and one that was
cancelled by itself stays cancelled: both keep their week.
"""

from marketplace.bookings.service.planning.change.changes import VisitChanges
from marketplace.bookings.service.planning.change.wanted import Shown, Wanted

__all__ = ["Shown", "VisitChanges", "Wanted"]
