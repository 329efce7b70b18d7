"""Loads the demo: by `marketplace demo`, and as a step of `marketplace serve --demo`."""

import argparse

from marketplace.core.clock import SystemClock
from marketplace.core.database import SessionMaker
from marketplace.core.settings import Settings
from marketplace.providers.service.market_index import rebuild_index
from marketplace.reporting.demo import DemoReport, load_demo
from marketplace.web.cli.console import progress, say
from marketplace.web.cli.imports import load_postcodes_once
from marketplace.web.cli.installation import installation
from marketplace.web.parts import open_search
from search import SearchError


def load(options: argparse.Namespace) -> int:
    """Load the demo councils and print how to sign in."""
    with installation() as place:
        place.run(load_postcodes_once)
        report = place.run(lambda maker: load_with_index(maker, place.settings))
    print("The demo was loaded." if report.created else "The demo is there already; nothing was changed.")
    print(f"Sign in with the password {report.password} as:")
    for person in report.sign_ins:
        print(f"  {person.email:<40} {person.role}, {person.council}")
    return 0


async def load_with_index(maker: SessionMaker, settings: Settings) -> DemoReport:
    """Load the demo, and when it is new, make the search index anew with its listings."""
    with progress("Demo") as show:
        report = await load_demo(
            maker, SystemClock(), progress=lambda _, share: show(share, 0), secret_key=settings.secret_key
        )
    if report.created:
        search = open_search(settings)
        try:
            await rebuild_index(search.backend, maker)
        except SearchError as error:
            # Pages work without the index, and the first search that misses it has it made.
            say(f"The search index is not ready yet: {type(error).__name__}.")
        finally:
            await search.close()
    return report
