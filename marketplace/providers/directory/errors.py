"""What can be wrong with a whole directory file; row troubles are `RowNote`s."""

from marketplace.core.textfiles import UnreadableFile


class WrongLayout(UnreadableFile):
    """The file is a readable table of another layout; the message names the columns that were expected."""

    code = "wrong-layout"
    title = "This file has another layout"
