"""A labelled set for search: offers, what people type, and what they should find. All of it made up for this."""
