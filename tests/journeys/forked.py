"""What a new process of a site runs: a module of its own, so that those who start it need not import the site."""

from multiprocessing.connection import Connection


def run(words: list[str], ready: Connection) -> None:
    """Run a site in this process."""
    from tests.journeys.site import main

    main(words, ready)
