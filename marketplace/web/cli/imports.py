"""Commands that bring data in."""

import argparse
from typing import Any

import msgspec

from marketplace.core.database import SessionMaker, transaction
from marketplace.core.places import PostcodeCounts, import_postcodes
from marketplace.providers.directory import DirectoryCounts, Layout, import_directory
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, progress, say
from marketplace.web.cli.installation import installation

_FIGURES = ("rows", "created", "updated", "unchanged", "closed", "refused", "corrected", "skipped")


def directory(options: argparse.Namespace) -> int:
    """Import a file of the regulator's directory."""
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


def _print(counts: DirectoryCounts | PostcodeCounts, options: argparse.Namespace, **more: Any) -> None:
    if options.json:
        print_json(counts)
        return
    figures = msgspec.structs.asdict(counts)
    print_figures({**more, **{name: figures[name] for name in _FIGURES}, "seconds": figures["seconds"]})
    for why, number in sorted(counts.skipped_why.items()):
        say(f"Skipped {number:,}: {why}")
