"""Commands that look whether everything is as it must be."""

import argparse
from typing import Any

import msgspec

from marketplace.web.cli.console import print_json
from marketplace.web.cli.installation import installation


def check(options: argparse.Namespace) -> int:
    """Check every invariant. Exit code 1 on a breach."""
    from marketplace.web.checks import run_checks

    with installation() as place:
        findings = place.run(run_checks)
    if options.json:
        print_json({"invariants": findings})
    else:
        for finding in findings:
            word = "ok    " if finding.ok else "BREACH"
            print(
                f"{word} {finding.name} ({finding.checked:,} checked){': ' if finding.detail else ''}{finding.detail}"
            )
    return 0 if all(finding.ok for finding in findings) else 1


def audit_verify(options: argparse.Namespace) -> int:
    """Walk the audit chain of each council. Exit code 1 where it is broken."""
    from marketplace.core.database import SessionMaker

    async def work(maker: SessionMaker) -> list[dict[str, Any]]:
        from marketplace.web.checks import audit_reports

        return [{"council": slug, **msgspec.structs.asdict(report)} async for slug, report in audit_reports(maker)]

    with installation() as place:
        reports = place.run(work)
    is_whole = all(report["broken_at"] is None for report in reports)
    if options.json:
        print_json({"ok": is_whole, "councils": reports})
    else:
        for report in reports:
            state = "whole" if report["broken_at"] is None else f"BROKEN at seal {report['broken_at']}"
            print(f"{report['council']}: {state}, {report['entries']:,} sealed, {report['unsealed']:,} not yet sealed")
    return 0 if is_whole else 1
