"""`python -m marketplace.payments.sandbox`."""

import logging
import os
import sys

from marketplace.payments.sandbox.server import main

if __name__ == "__main__":
    code = main()
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Everything is stored and closed. The server's native threads may still run, and one that asks for the
    # interpreter while Python takes itself down aborts the process, so that step is left out.
    os._exit(code)
