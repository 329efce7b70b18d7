"""The person, what matters to them, their needs and their personal budget."""
