"""The words of rows as PostgreSQL searches them, while there is no search index.

Each expression has an index of its own, so a condition must be written exactly like this. Letters are folded as far as
PostgreSQL can without an extension: lower case, without the accents of western Europe and without apostrophes.
"""

from typing import Final

_ACCENTED: Final = "àáâãäåçèéêëìíîïñòóôõöøùúûüýÿ"
_PLAIN: Final = "aaaaaaceeeeiiiinoooooouuuuyy"


def _words(texts: str) -> str:
    return f"to_tsvector('english'::regconfig, translate(lower({texts}), '{_ACCENTED}''’', '{_PLAIN}'))"


LISTING_WORDS: Final = _words("title || ' ' || summary || ' ' || body || ' ' || town || ' ' || postcode_area")
ORGANISATION_WORDS: Final = _words("name")
REGISTER_WORDS: Final = _words("name || ' ' || provider_name || ' ' || also_known_as || ' ' || town")
