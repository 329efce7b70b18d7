"""What several pages about representatives show: the facts of one, the form that asks somebody."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from litestar.response import Template

from marketplace.accounts.models import Representation
from marketplace.accounts.permissions import RepresentativeKind, Scope
from marketplace.accounts.states import RepresentationStatus
from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.people.representatives import KIND_HINTS, KINDS, SCOPES

STATUS_WORDS: Final = {
    RepresentationStatus.INVITED: "Asked, no answer yet",
    RepresentationStatus.TO_CHECK: "The council looks at the papers",
    RepresentationStatus.LIVE: "Acts for you",
    RepresentationStatus.DECLINED: "Said no",
    RepresentationStatus.REFUSED: "Not accepted by the council",
    RepresentationStatus.REVOKED: "Ended by you",
    RepresentationStatus.ENDED: "Over",
}


def facts_of(row: Representation) -> dict[str, Any]:
    """Return what a template says of one who acts for a person."""
    return {
        "id": row.id,
        "name": row.name,
        "relationship": row.relationship,
        "kind": KINDS[row.kind],
        "status": row.status.value,
        "status_words": STATUS_WORDS[row.status],
        "scopes": [SCOPES[Scope(scope)] for scope in row.scopes],
        "asked_at": row.asked_at,
        "last_on": row.ends_on - timedelta(days=1) if row.ends_on else None,
        "reason": row.reason,
        "ended_at": row.ended_at,
        "note": row.evidence_note,
        "has_file": row.file_id is not None,
    }


def ask_page(
    address: str, kinds: tuple[RepresentativeKind, ...], values: FormData, errors: dict[str, str], person: str = ""
) -> Template:
    """Show the form that asks somebody, to the person or to the council."""
    context = {
        "action": address if "?" in address else f"{address}/new",
        "person": person,
        "kinds": [(kind.value, KINDS[kind], KIND_HINTS[kind]) for kind in kinds],
        "scopes": [(scope.value, words) for scope, words in SCOPES.items()],
        "values": typed(values),
        "errors": errors,
    }
    return Template("people/representatives/ask.html", context=context, status_code=422 if errors else 200)


def read_id(text: str) -> UUID:
    """Read the id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
