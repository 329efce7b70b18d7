"""Generalised-assignment problems in the text format of OR-Library, as `marketplace-match/1`.

The text: number of problems; for each, agents and jobs, a row of costs per agent, a row of what each job takes per
agent, the capacities. Numbers may break over lines anywhere.
"""

from typing import Any


def read_problems(text: str, *, maximise: bool) -> list[dict[str, Any]]:
    """Documents of `marketplace-match/1`, one per problem: one tier, so that all jobs are placed before anything.

    Costs become scores: largest cost - cost, unless the numbers are profits already (`maximise`).
    """
    numbers = iter(int(word) for word in text.split())
    documents = []
    for _ in range(next(numbers)):
        agents, jobs = next(numbers), next(numbers)
        worth = [[next(numbers) for _ in range(jobs)] for _ in range(agents)]
        takes = [[next(numbers) for _ in range(jobs)] for _ in range(agents)]
        room = [next(numbers) for _ in range(agents)]
        if not maximise:
            largest = max(map(max, worth))
            worth = [[largest - cost for cost in row] for row in worth]
        documents.append(
            {
                "format": "marketplace-match/1",
                "cases": [{"id": f"j{j}", "tier": 0} for j in range(jobs)],
                "candidates": [{"id": f"a{i}", "capacity": [room[i]]} for i in range(agents)],
                "pairs": [
                    {"case": f"j{j}", "candidate": f"a{i}", "score": worth[i][j], "uses": [takes[i][j]]}
                    for j in range(jobs)
                    for i in range(agents)
                ],
            }
        )
    return documents
