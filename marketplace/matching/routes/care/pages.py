"""What the pages of requirements share."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.formats import uk_datetime
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.models import Step
from marketplace.core.web import FormData, typed
from marketplace.matching.forms_care import read_version
from marketplace.matching.models import Requirement
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.states import RequirementStatus
from marketplace.matching.words import URGENCY_LABELS
from marketplace.matching.words_care import (
    CARE_SERVICES,
    REQUIREMENT_COLOURS,
    REQUIREMENT_LABELS,
    REQUIREMENT_OFFER_COLOURS,
    REQUIREMENT_OFFER_LABELS,
)


def read_id(text: str) -> UUID:
    """Read an id from an address or a form.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def version_of_form(data: FormData) -> int:
    """Read the version that a page showed."""
    return read_version(FormReader(data))


async def find(db: AsyncSession, principal: Principal, requirement_id: str) -> Requirement:
    """Return a requirement of the council.

    Raises:
        NotFound: Another council's, or none.
    """
    return await RequirementRepository(db).find(principal.council_id, read_id(requirement_id))


def page(
    name: str,
    context: Mapping[str, Any],
    *,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    folder: str = "requirements",
    status: int | None = None,
) -> Template:
    """Return a page of `templates/matching/requirements` or of another folder beside it."""
    whole = {
        **context,
        "values": typed(dict(values or {})),
        "errors": dict(errors or {}),
        "requirement_labels": REQUIREMENT_LABELS,
        "requirement_colours": REQUIREMENT_COLOURS,
        "offer_labels": REQUIREMENT_OFFER_LABELS,
        "offer_colours": REQUIREMENT_OFFER_COLOURS,
        "urgency_labels": URGENCY_LABELS,
        "services": CARE_SERVICES,
    }
    return Template(f"matching/{folder}/{name}.html", context=whole, status_code=status or (422 if errors else 200))


async def base_context(db: AsyncSession, principal: Principal, requirement: Requirement) -> dict[str, Any]:
    """Return what each page of one requirement shows of it."""
    return {
        "requirement": requirement,
        "may_write": principal.may(Permission.REQUIREMENTS_WRITE),
        "today": today(clock_of(db)),
    }


async def history(db: AsyncSession, steps: Sequence[Step]) -> list[dict[str, str]]:
    """Return steps of a requirement as lines of a timeline."""
    ids = {step.by_user_id for step in steps if step.by_user_id is not None}
    names = await AccountRepository(db).names(ids)
    return [
        {
            "title": REQUIREMENT_LABELS[RequirementStatus(step.to_status)],
            "when": uk_datetime(step.at),
            "at": step.at.isoformat(),
            "by": names.get(step.by_user_id, "") if step.by_user_id else "By the platform",
            "text": step.why,
        }
        for step in steps
    ]
