"""The assignment problem `marketplace-match/1`: read, solve, prove.

A tour: `instance` holds the arrays and the answer; `read` makes them from a file and refuses what is wrong; `slots`
sees whether places are single slots. If so, `flow` finds the best assignment and `certificate` proves it (`limited`
gives it up in time and `greedy` stands in); if not, `hours` takes over. `reasons` says why somebody is left over.
"""

from marketplace.matching.engine.solve.dispatch import solve
from marketplace.matching.engine.solve.instance import (
    Instance,
    InvalidInstance,
    Progress,
    Reason,
    Solution,
    build,
    tie_costs,
)
from marketplace.matching.engine.solve.read import FORMAT, read_instance

__all__ = [
    "FORMAT",
    "Instance",
    "InvalidInstance",
    "Progress",
    "Reason",
    "Solution",
    "build",
    "read_instance",
    "solve",
    "tie_costs",
]
