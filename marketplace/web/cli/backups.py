"""Commands that write and read backups."""

import argparse

from marketplace.web import backup as backups
from marketplace.web.cli.console import CommandFailed, say
from marketplace.web.cli.installation import installation, migrate
from marketplace.web.supervisor import serving


def backup(options: argparse.Namespace) -> int:
    """Write the whole database to a file. Work goes on meanwhile."""
    with installation() as place:
        size = backups.write_backup(place.database_url, options.file)
    say(
        f"Wrote {options.file} ({size:,} bytes). Keep it as safe as the database, and keep the file secret_key with it."
    )
    return 0


def restore(options: argparse.Namespace) -> int:
    """Read a backup into an empty database, whole or not at all, and bring it to this release's schema."""
    with installation(with_schema=False) as place:
        running = serving(place.settings.data_dir) if place.is_embedded else None
        if running is not None:
            raise CommandFailed(f"The platform is running on this data (process {running.pid}). Stop it first.")
        backups.read_backup(place.database_url, options.file, force=options.force)
        migrate(place.database_url)
    say("Restored. Make the search index anew with: marketplace search rebuild")
    return 0
