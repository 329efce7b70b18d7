"""Commands that bring data in."""

import argparse
from typing import Any

import msgspec
from sqlalchemy import text

from marketplace.core.database import SessionMaker, transaction
from marketplace.core.outbox import publish
from marketplace.core.places import PostcodeCounts, import_postcodes
from marketplace.providers.directory import DirectoryCounts, Layout, import_directory
from marketplace.providers.events import EVERYWHERE, DirectoryImported
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, progress, say
from marketplace.web.cli.installation import installation

_FIGURES = ("rows", "created", "updated", "unchanged", "closed", "refused", "corrected", "skipped")


def directory(options: argparse.Namespace) -> int:
    """Import a file of the regulator's directory. The worker then makes the search index anew."""
    layouts = ["auto", *(layout.value for layout in Layout)]
    if options.format not in layouts:
        raise CommandFailed(f"--format must be one of {', '.join(layouts)}.")

    async def work(maker: SessionMaker) -> DirectoryCounts:
        with progress("Directory") as show:
            async with transaction(maker, "every") as db:
                counts = await import_directory(
                    db,
                    options.file,
                    format=options.format,
                    as_of=options.as_of,
                    is_complete=options.complete,
                    report=options.report,
                    progress=show,
                )
                publish(db, DirectoryImported(council_id=EVERYWHERE, import_id=counts.import_id))
        return counts

    with installation() as place:
        counts = place.run(work)
    _print(counts, options, layout=counts.layout)
    if options.report:
        say(f"Rows with a problem are listed in {options.report}.")
    return 0


def postcodes(options: argparse.Namespace) -> int:
    """Import a postcode directory: that of the file, or the packaged one."""
    with installation() as place:
        counts = place.run(lambda maker: load_postcodes(maker, options.file))
    _print(counts, options)
    return 0


async def load_postcodes(maker: SessionMaker, source: Any = None) -> PostcodeCounts:
    """Load postcodes with a bar; also the first step of `serve`."""
    with progress("Postcodes") as show:
        async with transaction(maker) as db:
            return await import_postcodes(db, source, progress=show)


async def load_postcodes_once(maker: SessionMaker) -> None:
    """Load the packaged postcodes where there are none yet."""
    async with transaction(maker) as db:
        if await db.scalar(text("SELECT EXISTS (SELECT FROM postcodes)")):
            return
    say("Loading the postcodes of Great Britain, once. This takes about half a minute.")
    counts = await load_postcodes(maker)
    say(f"Loaded {counts.created:,} postcodes in {counts.seconds:.0f} s.")


def _print(counts: DirectoryCounts | PostcodeCounts, options: argparse.Namespace, **more: Any) -> None:
    if options.json:
        print_json(counts)
        return
    figures = msgspec.structs.asdict(counts)
    print_figures({**more, **{name: figures[name] for name in _FIGURES}, "seconds": figures["seconds"]})
    for why, number in sorted(counts.skipped_why.items()):
        say(f"Skipped {number:,}: {why}")
