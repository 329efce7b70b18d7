"""What the embedded index knows about words, for putting misspelt ones right."""

from search.tantivy_sets import Columns
from search.words import stem


class TantivyWords:
    """`WordCounts` of one state of the index."""

    def __init__(self, columns: Columns) -> None:
        """Bind to a state."""
        self._columns = columns

    def is_known(self, word: str, *, is_open: bool) -> bool:
        """See `WordCounts.is_known`."""
        if self.how_common(word):
            return True
        return is_open and any(map(self.how_common, self._columns.vocabulary.beginning_with(word)))

    def near(self, word: str, typos: int) -> list[str]:
        """See `WordCounts.near`."""
        return [other for _, other in self._columns.vocabulary.near(word, typos) if self.how_common(other)]

    def how_common(self, word: str) -> int:
        """See `WordCounts.how_common`."""
        return self._columns.number_of(stem(word))
