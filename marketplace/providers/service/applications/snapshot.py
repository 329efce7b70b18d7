"""What an application says at the moment it is sent: the text that the council reads, with its hash."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from marketplace.providers.models import ApplicationAnswer, Criterion, CriterionKind, Organisation
from marketplace.providers.repository.applications import EarlierAnswer
from marketplace.providers.service.applications.carry import is_changed_since
from marketplace.providers.service.applications.opened import Opened
from marketplace.providers.service.applications.papers import GOOD_ENOUGH

FileNames = Mapping[UUID, Sequence[tuple[UUID, str]]]
"""`files[answer_id]` are the ids and names of the files of an answer."""


def content_of(opened: Opened, sources: dict[UUID, EarlierAnswer], files: FileNames) -> dict[str, Any]:
    """Return everything an application says, as plain JSON values.

    Args:
        opened: The application.
        sources: What carried answers began as, by the id of the earlier answer.
        files: The files of the answers.

    Returns:
        `organisation`, `round`, `lots`, `answers`, `evidence` and `registration`. In an answer, `carried` says that it
        began as one of an earlier round and `changed` that it says something else than that one.
    """
    round = opened.facts.round
    return {
        "organisation": _organisation(opened.organisation),
        "round": {
            "id": str(round.id),
            "name": round.name,
            "framework_id": str(opened.facts.framework.id),
            "framework": opened.facts.framework.name,
            "version_id": str(round.version_id),
            "closes_at": round.closes_at.astimezone(UTC).isoformat(),
            "starts_on": round.starts_on.isoformat(),
        },
        "lots": [{"id": str(lot.id), "code": lot.code, "name": lot.name} for lot in opened.lots],
        "answers": [_answer(row, opened.answer(row), sources, files) for row in opened.criteria],
        "evidence": [paper.snapshot() for item in opened.needed for paper in item.papers if paper.state in GOOD_ENOUGH],
        "registration": {
            "is_needed": opened.needs_registration,
            "is_registered": opened.is_registered,
            "provider_id": opened.organisation.cqc_provider_id or "",
        },
    }


def print_of(content: Mapping[str, Any]) -> bytes:
    """Return the SHA-256 over canonical JSON: keys in order, no spaces, UTF-8."""
    return hashlib.sha256(msgspec.json.encode(content, order="deterministic")).digest()


def signed(content: dict[str, Any], *, user_id: UUID, name: str, role: str, at: datetime) -> dict[str, Any]:
    """Return the content with who signed it, when and as what."""
    signer = {"user_id": str(user_id), "name": name, "role": role, "at": at.astimezone(UTC).isoformat()}
    return {**content, "signed": signer}


def _organisation(row: Organisation) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "name": row.name,
        "kind": row.kind.value,
        "town": row.town,
        "postcode": row.postcode,
        "charity_number": row.charity_number or "",
        "company_number": row.company_number or "",
    }


def _answer(
    criterion: Criterion, answer: ApplicationAnswer | None, sources: dict[UUID, EarlierAnswer], files: FileNames
) -> dict[str, Any]:
    is_text = criterion.kind is not CriterionKind.EVIDENCE
    return {
        "criterion_id": str(criterion.id),
        "key": criterion.key,
        "kind": criterion.kind.value,
        "lot_id": str(criterion.lot_id) if criterion.lot_id else None,
        "title": criterion.title,
        "question": criterion.question,
        "evidence_kind": criterion.evidence_kind,
        "choice": answer.choice if answer and is_text else "",
        "words": answer.words if answer and is_text else "",
        "carried": answer is not None and answer.carried_from_id is not None,
        "changed": answer is not None and is_changed_since(answer, sources),
        "files": [{"id": str(file_id), "name": name} for file_id, name in files.get(answer.id, ())] if answer else [],
    }
