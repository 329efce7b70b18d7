"""The demo: three councils made up from the case studies, with people, providers and six months of history.

`load_demo` writes it once. A tour, in the order things happen: `content/` holds the texts and facts; `spots` finds
addresses; `councils`, `market` and `people` make who is there; `stories` says what is to happen, `referrals` (with the
real engine), `plans`, `visits` and `money` write down how it went; `book` keeps every row and writes them in one go.
"""

from marketplace.reporting.demo.loader import PASSWORD, DemoReport, SignIn, load_demo

__all__ = ["PASSWORD", "DemoReport", "SignIn", "load_demo"]
