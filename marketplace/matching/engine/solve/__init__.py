"""The assignment problem `marketplace-match/1`: read, solve, prove.

A tour: `instance` holds the arrays and the answer; `read` makes them from a file and refuses what is wrong.
"""

from marketplace.matching.engine.solve.instance import (
    Instance,
    InvalidInstance,
    Progress,
    Reason,
    Solution,
    build,
    tie_costs,
)

__all__ = ["Instance", "InvalidInstance", "Progress", "Reason", "Solution", "build", "tie_costs"]
