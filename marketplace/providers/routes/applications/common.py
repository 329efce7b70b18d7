"""What the pages of applications share."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from litestar.response import Template

from marketplace.core.errors import NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.providers.models import EVIDENCE_LABELS, CriterionKind, EvidenceKind
from marketplace.providers.repository.applications import RoundFacts
from marketplace.providers.service.applications.opened import STATUS_COLOURS, STATUS_WORDS, Opened
from marketplace.providers.service.applications.papers import PaperState
from marketplace.providers.service.applications.steps import STATUS_LABELS, TaskStatus
from marketplace.providers.states import ApplicationStatus

TASK_COLOURS: dict[TaskStatus, str] = {
    TaskStatus.NOT_STARTED: "not_started",
    TaskStatus.IN_PROGRESS: "in_progress",
    TaskStatus.TO_CONFIRM: "waiting",
    TaskStatus.CHANGED: "due",
}
"""State names of the filter `status_tag`, for their colour. What is done or cannot start has no tag."""
PAPER_COLOURS: dict[PaperState, str] = {
    "counts": "live",
    "scheduled": "scheduled",
    "ends_early": "due",
    "waiting": "waiting",
    "expired": "expired",
    "refused": "refused",
    "missing": "not_started",
}


def read_id(text: str) -> UUID:
    """Read an id from an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def read_version(data: FormData) -> int:
    """Read the version that a page showed; -1, which nothing has, for what is no number."""
    text = FormReader(data).raw("version")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 else -1


def read_lots(data: FormData) -> list[UUID]:
    """Read the lots that were ticked; what is no id stands for a lot that does not exist."""
    value = data.get("lots", [])
    texts = value if isinstance(value, list) else [value]
    return [parse_id(str(text)) or UUID(int=0) for text in texts if str(text)]


def page(
    name: str,
    opened: Opened | None,
    context: Mapping[str, Any],
    *,
    values: Mapping[str, Any] | None = None,
    errors: Mapping[str, str] | None = None,
    status: int | None = None,
) -> Template:
    """Return a page of `templates/providers/applications`."""
    whole = {
        **context,
        "opened": opened,
        "values": typed(dict(values or {})),
        "errors": dict(errors or {}),
        "task_labels": STATUS_LABELS,
        "task_colours": TASK_COLOURS,
        "paper_colours": PAPER_COLOURS,
        "status_words": STATUS_WORDS,
        "status_colours": STATUS_COLOURS,
    }
    return Template(
        f"providers/applications/{name}.html", context=whole, status_code=status or (422 if errors else 200)
    )


def where(facts: RoundFacts) -> str:
    """Say whose round it is."""
    return f"{facts.council.short_name}: {facts.framework.name}"


def sent_sections(submitted: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Return what was sent as sections of question and answer, for the page that shows it again."""
    lots = {lot["id"]: f"{lot['code']} {lot['name']}" for lot in submitted.get("lots", [])}
    kept: dict[str, list[dict[str, Any]]] = {}
    for answer in submitted.get("answers", []):
        kind = answer["kind"]
        if kind == CriterionKind.EVIDENCE.value:
            continue
        if kind == CriterionKind.ELIGIBILITY.value:
            title = "Whether you can apply"
        elif kind == CriterionKind.DECLARATION.value:
            title = "Declarations"
        else:
            title = f"Your answers for {lots[answer['lot_id']]}" if answer["lot_id"] in lots else "Your answers"
        kept.setdefault(title, []).append(answer)
    return list(kept.items())


def evidence_labels(kinds: Iterable[str]) -> list[str]:
    """Return kinds of evidence in words."""
    return [EVIDENCE_LABELS[EvidenceKind(kind)] for kind in kinds]


def is_over(status: ApplicationStatus) -> bool:
    """Whether nothing more happens to an application."""
    return status in (ApplicationStatus.AWARDED, ApplicationStatus.REFUSED, ApplicationStatus.WITHDRAWN)
