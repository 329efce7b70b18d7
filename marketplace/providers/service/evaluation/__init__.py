"""The council's work on applications: evaluators, interests, scores, moderation, decisions, appeals (C1, C2, V5)."""
