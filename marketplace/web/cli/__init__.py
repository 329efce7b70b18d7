"""The command line: `marketplace serve`, `marketplace check` and so on. `marketplace --help` lists them.

`parser.py` names the commands and their words; each is a function in a module of its own, imported when it is called,
so that a command loads what it needs and no more.
"""

from marketplace.web.cli.parser import main

__all__ = ["main"]
