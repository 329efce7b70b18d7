"""Documents of finance as pure functions of rows: UBL, PDF and CSV. The same rows give the same bytes."""
