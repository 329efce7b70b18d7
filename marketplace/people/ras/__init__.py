"""The resource allocation system: points for what somebody needs, and what a point is worth (domain.md 1.3, 4.7).

`current_version` finds the published version of a day, `points_of` adds up a person's answers, `indicative` prices
them. The sum is advice: the final budget is what the agreed plan costs. `engine` holds the arithmetic.
"""

from marketplace.people.ras.domains import indicative, most_points, points_of
from marketplace.people.ras.engine import a_week, a_year
from marketplace.people.ras.repository import RasRepository, current_version

__all__ = ["RasRepository", "a_week", "a_year", "current_version", "indicative", "most_points", "points_of"]
