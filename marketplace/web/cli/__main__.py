"""`python -m marketplace.web.cli`."""

import sys

from marketplace.web.cli.parser import main

if __name__ == "__main__":
    sys.exit(main())
