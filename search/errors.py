"""What can go wrong in a search."""


class SearchError(Exception):
    """Base of the errors of this package."""


class IndexUnavailable(SearchError):
    """The index is missing, damaged, of an older layout, or its server does not answer.

    The callers show the page without search; a rebuild brings the index back.
    """


class IndexBusy(SearchError):
    """Another process holds the index for writing for longer than we wait. Worth a retry."""


class UnknownFilter(SearchError, ValueError):
    """A query names a filter or an order that does not exist."""
