"""`python -m marketplace.payments.sandbox`."""

import sys

from marketplace.payments.sandbox.server import main

if __name__ == "__main__":
    sys.exit(main())
