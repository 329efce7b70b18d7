"""Commands that run one part of the platform, for installations of several machines."""

import argparse

from marketplace.web.cli import installation as places
from marketplace.web.cli.console import say


def web(options: argparse.Namespace) -> int:
    """Serve pages until SIGTERM or Ctrl-C."""
    from marketplace.web import serve_web

    with places.installation() as place:
        place.export()
        settings = place.settings
        return serve_web.main(
            ["--host", settings.host, "--port", str(settings.port), "--workers", str(settings.web_workers)]
        )


def worker(options: argparse.Namespace) -> int:
    """Run background tasks until SIGTERM or Ctrl-C."""
    from marketplace.web.worker import run

    with places.installation() as place:
        return run(place.settings)


def scheduler(options: argparse.Namespace) -> int:
    """Relay, sweep and run recurring jobs until SIGTERM or Ctrl-C."""
    from marketplace.web.scheduler import run

    with places.installation() as place:
        return run(place.settings)


def migrate(options: argparse.Namespace) -> int:
    """Bring the database to the newest schema."""
    with places.installation(with_schema=False) as place:
        if places.migrate(place.database_url):
            say(f"The database is now at revision {places.newest_revision()}.")
        else:
            say("The database is up to date.")
    return 0
