"""Commands of the exchange with a council's case system."""

import argparse
from typing import Any
from uuid import UUID

from marketplace.accounts import AccountRepository, AccountService, Permission, Principal
from marketplace.core.database import SessionMaker, transaction
from marketplace.core.spreadsheets import csv_text
from marketplace.plans.models import ExchangeRun
from marketplace.plans.service.exchange import ExchangeService
from marketplace.plans.service.exchange_out import ExportService
from marketplace.web.cli.console import CommandFailed, print_figures, print_json, say
from marketplace.web.cli.installation import installation
from marketplace.web.cli.payments import write_private

_FIGURES = ("rows", "created", "updated", "unchanged", "refused")


def take_referrals(options: argparse.Namespace) -> int:
    """Take a file of referrals; rows that are refused are counted, and listed in the report."""
    try:
        content = options.file.read_bytes()
    except OSError as error:
        raise CommandFailed(f"{options.file} cannot be opened: {error.strerror}.") from error

    async def work(maker: SessionMaker) -> ExchangeRun:
        principal = await _principal(maker, options.email, options.council)
        async with transaction(maker, principal.councils) as db:
            return await ExchangeService(db).take(principal, options.file.name, content)

    with installation() as place:
        run = place.run(work)
    figures: dict[str, Any] = {name: getattr(run, name) for name in _FIGURES}
    if options.report:
        lines = [(item["row"], item["column"], item["problem"]) for item in run.problems]
        write_private(options.report, csv_text([("row", "column", "problem"), *lines]).encode())
    if options.json:
        print_json({"run_id": str(run.id), **figures, "problems": run.problems})
    else:
        print_figures(figures)
        if options.report:
            say(f"Problems are listed in {options.report}.")
    return 0


def give_plans(options: argparse.Namespace) -> int:
    """Write the plans that are in place."""
    return _give(options, "plans")


def give_outcomes(options: argparse.Namespace) -> int:
    """Write what reviews found."""
    return _give(options, "outcomes")


def _give(options: argparse.Namespace, what: str) -> int:
    async def work(maker: SessionMaker) -> tuple[bytes, int]:
        council_id = await _council(maker, options.council)
        async with transaction(maker, [council_id]) as db:
            content, run = await ExportService(db).give(None, council_id, what, options.format)
            return content, run.rows

    with installation() as place:
        content, rows = place.run(work)
    write_private(options.out, content)
    say(f"Wrote {rows:,} {what} to {options.out}.")
    return 0


async def _council(maker: SessionMaker, slug: str) -> UUID:
    async with transaction(maker) as db:
        for council in await AccountRepository(db).councils():
            if council.slug == slug:
                return council.id
    raise CommandFailed(f"There is no council {slug}.")


async def _principal(maker: SessionMaker, email: str, slug: str) -> Principal:
    await _council(maker, slug)
    async with transaction(maker, "every") as db:
        for principal in await AccountService(db).roles_of(email):
            if principal.council_slug == slug and principal.may(Permission.EXCHANGE):
                return principal
    raise CommandFailed(f"{email} holds no role in {slug} that exchanges data: broker or manager.")
