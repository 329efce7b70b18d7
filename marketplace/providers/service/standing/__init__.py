"""Who may do what for whom on any day: awards, decisions with their effects, replies, and what the calendar changes."""
