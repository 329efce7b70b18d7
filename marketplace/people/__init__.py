"""The person, what matters to them, their needs and their personal budget.

`PeopleRepository` finds people of a council and where a postcode is; `PeopleService` records and changes them.
"""

from marketplace.people.repository import BudgetRepository, PeopleRepository
from marketplace.people.service import PeopleService

__all__ = ["BudgetRepository", "PeopleRepository", "PeopleService"]
