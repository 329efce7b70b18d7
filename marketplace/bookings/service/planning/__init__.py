"""Weekly visits: `patterns` says when, `plan` writes them, `change`, `pauses` and `one_offs` move what is written."""
