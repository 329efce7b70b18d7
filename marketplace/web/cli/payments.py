"""Commands for payment runs."""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from marketplace.accounts import AccountRepository
from marketplace.core.database import SessionMaker, transaction
from marketplace.payments.documents.content import DocumentRefused
from marketplace.payments.repository.documents import DocumentRepository
from marketplace.payments.schemas import FileFormat, RunSummary
from marketplace.payments.service.documents import DocumentFormat, DocumentService
from marketplace.payments.service.runs import PaymentRunService
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, progress, say
from marketplace.web.cli.installation import installation

UNFINISHED = ".unfinished"


async def _runs(maker: SessionMaker) -> Sequence[RunSummary]:
    async with transaction(maker, "every") as db:
        return await PaymentRunService(db).summaries()


def payment_runs(options: argparse.Namespace) -> int:
    """List payment runs, newest first."""
    with installation() as place:
        runs = place.run(_runs)
    if options.json:
        print_json({"payment_runs": runs})
        return 0
    if not runs:
        say("There are no payment runs yet.")
    for run in runs:
        pounds = f"£{run.total_pence // 100:,}.{run.total_pence % 100:02}"
        print(f"{run.id}  {run.council}  {run.number}  {run.status}  pays on {run.pay_on}  {pounds}  {run.lines} lines")
    return 0


def export_run(options: argparse.Namespace) -> int:
    """Write the file of a released run; the same run gives the same bytes each time."""
    with installation() as place:

        async def work(maker: SessionMaker) -> bytes:
            wanted = [run for run in await _runs(maker) if options.id in (str(run.id), run.number)]
            if len(wanted) > 1:
                raise CommandFailed(f"Several councils have a run {options.id}: give its id.")
            if not wanted:
                raise CommandFailed(f"There is no payment run {options.id}. List them with: marketplace payment-runs")
            async with transaction(maker, "every") as db:
                return await PaymentRunService(db).file_bytes(wanted[0].id, FileFormat(options.format))

        content = place.run(work)
    write_private(options.out, content)
    say(f"Wrote {len(content):,} bytes to {options.out}.")
    return 0


def export_documents(options: argparse.Namespace) -> int:
    """Write every document of finance into a folder: `<council>-<number>.<ending>`, the same bytes each time."""
    chosen = DocumentFormat(options.format)
    options.out.mkdir(parents=True, exist_ok=True)
    with installation() as place, progress("Documents", "documents") as show:

        async def work(maker: SessionMaker) -> dict[str, int]:
            async with transaction(maker, "every") as db:
                councils = [
                    council
                    for council in await AccountRepository(db).councils()
                    if options.council in (None, council.slug, council.name)
                ]
                if options.council and not councils:
                    raise CommandFailed(f"There is no council {options.council}.")
                wanted = [(council.id, council.slug) for council in councils]
                total = sum([await DocumentRepository(db).counts(council_id) for council_id, _ in wanted])
            figures = {"documents": 0, "refused": 0}
            for council_id, slug in wanted:
                async with transaction(maker, [council_id]) as db:
                    async for written in DocumentService(db).every(council_id, chosen):
                        if isinstance(written, DocumentRefused):
                            figures["refused"] += 1
                            say(f"{slug}: {written}")
                        else:
                            write_private(options.out / f"{slug}-{written.name}", written.content)
                            figures["documents"] += 1
                        show(sum(figures.values()) / max(1, total), sum(figures.values()))
            return figures

        figures = place.run(work)
    if options.json:
        print_json(figures)
    else:
        print_figures(figures)
    return 1 if figures["refused"] else 0


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read (it holds bank details), whole or not at all.

    What a killed attempt left of the same file is removed: it holds bank details, too.
    """
    folder, prefix = path.absolute().parent, f".{path.name}."
    for left in folder.iterdir():
        if left.name.startswith(prefix) and left.name.endswith(UNFINISHED):
            left.unlink(missing_ok=True)
    descriptor, unfinished = tempfile.mkstemp(dir=folder, prefix=prefix, suffix=UNFINISHED)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.replace(unfinished, path)
    except BaseException:
        os.unlink(unfinished)
        raise
