"""Templates and delivery of e-mail, text and letters."""
