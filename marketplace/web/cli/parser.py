"""Reads the command line, calls the command, and turns what goes wrong into one line and an exit code."""

import argparse
import gc
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from decimal import Decimal
from importlib import import_module
from pathlib import Path

from marketplace.web.cli.console import CommandFailed, say

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130

EPILOG = """\
Settings come from the environment: MARKETPLACE_DATA_DIR (default ./var), HOST, PORT (8000), PUBLIC_URL, WEB_WORKERS,
DATABASE_URL, REDIS_URL, MEILISEARCH_URL, STRIPE_SECRET_KEY, SMTP_URL and others; see docs/deployment.md.
Without DATABASE_URL or REDIS_URL a command uses the embedded services, also while "marketplace serve" runs.
"""


def build_parser() -> argparse.ArgumentParser:
    """Name all commands and their words."""
    parser = argparse.ArgumentParser(
        prog="marketplace",
        description="Care marketplace and brokerage platform for English councils.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(metavar="COMMAND", required=True, title="commands")

    serve = _command(commands, "serve", "run everything on this machine until Ctrl-C", "serve:serve")
    serve.add_argument("--demo", action="store_true", help="load the demo councils first")
    serve.add_argument(
        "--no-postcodes", action="store_true", help="do not load the postcode directory when it is empty"
    )
    _command(commands, "web", "run the web server alone", "processes:web")
    _command(commands, "worker", "run a worker alone", "processes:worker")
    _command(commands, "scheduler", "run the scheduler alone", "processes:scheduler")
    _command(commands, "migrate", "bring the database to the newest schema", "processes:migrate")
    _command(commands, "demo", "load the demo councils; repeating it changes nothing", "demo:load")

    imports = _group(commands, "import", "bring data in")
    directory = _command(imports, "directory", "the regulator's directory", "imports:directory")
    directory.add_argument("file", metavar="FILE", type=Path, help="CSV or API records, plain or gzipped")
    directory.add_argument("--format", default="auto", help="layout, if it is not to be told from the content")
    directory.add_argument("--complete", action="store_true", help="close registered locations that the file lacks")
    directory.add_argument("--as-of", metavar="DAY", help="day of the facts, such as 2026-02-15, if the file has none")
    directory.add_argument("--report", metavar="FILE", type=Path, help="write a line for each row with a problem (CSV)")
    _json(directory)
    postcodes = _command(imports, "postcodes", "a postcode directory", "imports:postcodes")
    postcodes.add_argument(
        "file", metavar="FILE", type=Path, nargs="?", help="postcode, lat, lon, lad_code; without it the packaged one"
    )
    _json(postcodes)

    referrals = _command(
        imports, "referrals", "referrals with people and budgets, from the case system", "exchange:take_referrals"
    )
    referrals.add_argument(
        "file", metavar="FILE", type=Path, help="CSV or JSON as /exchange/schema/referrals.json says"
    )
    referrals.add_argument("--council", metavar="C", required=True, help="the council, by its short name in addresses")
    referrals.add_argument(
        "--as", dest="email", metavar="EMAIL", required=True, help="who takes it in: broker or manager of the council"
    )
    referrals.add_argument("--report", metavar="FILE", type=Path, help="write a line for each problem (CSV)")
    _json(referrals)

    search = _group(commands, "search", "the search index")
    _json(_command(search, "rebuild", "make the index anew from the database", "search:rebuild"))
    query = _command(search, "query", "ask the index", "search:query")
    query.add_argument("text", metavar="TEXT", help="what a person would type")
    query.add_argument("--postcode", help="nearest first, with distances from here")
    query.add_argument("--limit", type=_positive, default=10, help="results at most (default: 10)")
    _json(query)

    match = _group(commands, "match", "the matching engine")
    solve = _command(match, "solve", "the best assignment for a file of cases, candidates and pairs", "matching:solve")
    solve.add_argument("input", metavar="INPUT", help="marketplace-match/1 (JSON), or - for standard input")
    solve.add_argument("--output", metavar="FILE", help="write the answer here, not to standard output")
    solve.add_argument(
        "--time-limit", metavar="S", type=_seconds, help="give the best answer found after so many seconds"
    )
    solve.add_argument("--json", action="store_true", help="print the figures as JSON, too, when there is an --output")

    ras = _group(commands, "ras", "the resource allocation system: points and what they are worth")
    preview = _command(ras, "preview", "what a point would be worth, from a file of cases", "ras:preview")
    preview.add_argument(
        "file", metavar="FILE", help="CSV: a column case and one of points for each domain; - for stdin"
    )
    preview.add_argument("--budget-pence", metavar="N", type=int, required=True, help="a year's money for support")
    preview.add_argument("--people", metavar="N", type=int, required=True, help="people who use support now")
    preview.add_argument(
        "--slice-percent", metavar="P", type=_percent, default="15", help="the protected part (default: 15)"
    )
    preview.add_argument(
        "--slice",
        choices=["first", "after"],
        default="first",
        help="whether it comes off before the division (default: first)",
    )
    preview.add_argument("--weeks", choices=["52", "7/365"], default="52", help="weeks of a year (default: 52)")
    _json(preview)

    _json(_command(commands, "check", "check every invariant; exit code 1 on a breach", "checking:check"))
    audit = _group(commands, "audit", "the audit log")
    _json(_command(audit, "verify", "walk the hash chain of each council", "checking:audit_verify"))

    backup = _command(commands, "backup", "write the whole database to a file", "backups:backup")
    backup.add_argument("file", metavar="FILE", type=Path)
    restore = _command(commands, "restore", "read a backup into an empty database", "backups:restore")
    restore.add_argument("file", metavar="FILE", type=Path)
    restore.add_argument("--force", action="store_true", help="replace what the database holds")

    _json(_command(commands, "payment-runs", "list payment runs, newest first", "payments:payment_runs"))
    export = _group(commands, "export", "take data out")
    run_file = _command(export, "payment-run", "the file of a released payment run", "payments:export_run")
    run_file.add_argument("id", metavar="ID", help="id or number, as payment-runs lists them")
    run_file.add_argument("--format", choices=["bacs", "csv"], required=True)
    run_file.add_argument("--out", metavar="FILE", type=Path, required=True)
    documents = _command(
        export, "documents", "every bill, credit note and remittance, a file each", "payments:export_documents"
    )
    documents.add_argument("--format", choices=["ubl", "pdf", "csv"], required=True)
    documents.add_argument("--out", metavar="DIR", type=Path, required=True)
    documents.add_argument("--council", metavar="C", help="only this council, by its short name in addresses")
    _json(documents)
    for what, words in (("plans", "plans in place, with their outcomes"), ("outcomes", "what reviews found")):
        given = _command(export, what, f"{words}, for the case system", f"exchange:give_{what}")
        given.add_argument("--council", metavar="C", required=True, help="the council, by its short name in addresses")
        given.add_argument("--format", choices=["csv", "json"], required=True)
        given.add_argument("--out", metavar="FILE", type=Path, required=True)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Returns:
        Exit code: 0 when all went well, 1 on failure, 2 for wrong words, 130 after Ctrl-C.
    """
    options = build_parser().parse_args(arguments)
    # What is imported stays until the end: with rounds after every 700 new objects a third of the start goes into them.
    gc.set_threshold(50_000, 20, 20)
    module, _, name = options.run.partition(":")
    try:
        command: Callable[[argparse.Namespace], int] = getattr(import_module(f"marketplace.web.cli.{module}"), name)
        return command(options)
    except KeyboardInterrupt:
        say("Stopped.")
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # Whoever reads our output has enough of it; the interpreter must not complain at its end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except Exception as error:
        if os.environ.get("MARKETPLACE_DEBUG") == "1":
            traceback.print_exc()
        say(f"marketplace: {_in_words(error)}")
        return EXIT_FAILED


def _in_words(error: Exception) -> str:
    """Say what went wrong in a line or two. A database's own words may quote rows, so they are left out."""
    from marketplace.core.errors import PlatformError
    from marketplace.core.settings import SettingsError
    from marketplace.web.embedded import ServiceError

    if isinstance(error, CommandFailed | SettingsError | ServiceError):
        return str(error)
    if isinstance(error, PlatformError):
        return error.detail or error.title
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, OSError | TimeoutError):
        return f"The database or the queue does not answer ({type(cause).__name__})."
    return f"Unexpected {type(cause).__name__}. Set MARKETPLACE_DEBUG=1 to see where."


def _command(
    group: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str, run: str
) -> argparse.ArgumentParser:
    parser = group.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    parser.set_defaults(run=run)
    return parser


def _group(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, what: str
) -> "argparse._SubParsersAction[argparse.ArgumentParser]":
    parser = commands.add_parser(name, help=what, description=f"{what[0].upper()}{what[1:]}.")
    return parser.add_subparsers(metavar="WHAT", required=True, title="commands")


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print the result as JSON")


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 1 <= number <= 1000:
        raise argparse.ArgumentTypeError("must be a whole number from 1 to 1000")
    return number


def _percent(text: str) -> Decimal:
    if not re.fullmatch(r"\d{1,3}(\.\d{1,2})?", text, re.ASCII):
        raise argparse.ArgumentTypeError("must be a share in per cent with two decimals at most, like 15 or 12.5")
    return Decimal(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 1_000_000:
        raise argparse.ArgumentTypeError("must be a number of seconds above 0")
    return seconds
