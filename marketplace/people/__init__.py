"""The person, what matters to them, their needs and their personal budget.

`PeopleRepository` finds people of a council and where a postcode is; `PeopleService` records and changes them;
`note_view` notes who looks at somebody's things; `may_plan_long_term` says why long-term support has to wait.
"""

from marketplace.people.repository import BudgetRepository, PeopleRepository
from marketplace.people.service import PeopleService
from marketplace.people.stages import is_in_crisis, may_plan_long_term
from marketplace.people.views import note_view

__all__ = ["BudgetRepository", "PeopleRepository", "PeopleService", "is_in_crisis", "may_plan_long_term", "note_view"]
