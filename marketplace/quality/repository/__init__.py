"""Questions asked of quality."""
