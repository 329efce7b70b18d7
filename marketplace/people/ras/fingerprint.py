"""What a version was worked out from, as one short text: the same sample and settings give the same print for ever."""

import hashlib
from collections.abc import Sequence

import msgspec

from marketplace.people.models import RasCase, RasVersion
from marketplace.people.ras.engine import ENGINE, Calibration, RasSettings, calibrate


def settings_of(version: RasVersion) -> RasSettings:
    """Return a version's settings for the engine."""
    return RasSettings(
        budget_pence=version.budget_pence,
        people=version.people_count,
        slice_basis_points=version.slice_basis_points,
        slice_order=version.slice_order,
        weeks=version.weeks,
    )


def fingerprint(version: RasVersion, cases: Sequence[RasCase]) -> str:
    """Return the SHA-256 of the engine, the settings, the domains with their points, and every case, in hexadecimal.

    Ids, titles, dates and who did what are left out: they change nothing of the sums.
    """
    content = {
        "engine": ENGINE,
        "settings": settings_of(version),
        "domains": version.domains,
        "cases": [
            [
                case.position,
                case.reference,
                case.answers,
                case.domain_points,
                case.points,
                case.previous_annual_pence,
                case.age_band,
                case.care_group,
                case.ethnicity,
                case.gender,
            ]
            for case in cases
        ],
    }
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest()


class Rerun(msgspec.Struct, frozen=True, kw_only=True):
    """A version worked out again from its rows."""

    found: Calibration
    fingerprint: str
    differences: list[tuple[str, str, str]]
    """`(what, stored, found)` of whatever is not the same; empty: it repeats to the penny."""


def rerun(version: RasVersion, cases: Sequence[RasCase]) -> Rerun:
    """Work a version out again from what is stored.

    Raises:
        InvalidInput: There is nothing to work out.
    """
    found = calibrate([case.points for case in cases], settings_of(version))
    again = fingerprint(version, cases)
    pairs = [
        ("Cases", version.sample_count, found.cases),
        ("Mean points", version.mean_points, found.mean_points),
        ("Total points", version.total_points, found.total_points),
        ("Allocatable, pence", version.allocatable_pence, found.allocatable_pence),
        ("Protected, pence", version.protection_pence, found.protection_pence),
        ("Value of a point, pence", version.point_value_pence, found.point_value_pence),
        ("Fingerprint", version.fingerprint, again),
    ]
    return Rerun(
        found=found,
        fingerprint=again,
        differences=[(what, str(stored), str(now)) for what, stored, now in pairs if stored != now],
    )
