"""The market without an index: words, places, filters, counts and pages by PostgreSQL alone.

Each question is two statements, or a few more where no offer has all the words: one counts everything, one gives the
page. Stems and phrases are PostgreSQL's own (`english`), over the expression indexes that the models declare.
"""

from marketplace.providers.repository.market_plain.asking import PlainRepository
from marketplace.providers.repository.market_plain.question import (
    MANY_VALUES,
    ONE_VALUE,
    PlainQuestion,
    PlainRow,
    PlainUnit,
)

__all__ = ["MANY_VALUES", "ONE_VALUE", "PlainQuestion", "PlainRepository", "PlainRow", "PlainUnit"]
