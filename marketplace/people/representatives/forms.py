"""Forms: whom to ask, and what somebody may do."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

from marketplace.accounts.permissions import SCOPES_OF, RepresentativeKind, Scope
from marketplace.core.forms import FormReader
from marketplace.people.representatives.words import SCOPES


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to ask, as what, for what, until when."""

    name: str
    email: str
    relationship: str
    kind: RepresentativeKind
    scopes: tuple[Scope, ...]
    ends_on: date | None

    @classmethod
    def read(cls, data: Mapping[str, Any], kinds: tuple[RepresentativeKind, ...], now: date) -> "AskForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        name = form.text("name", "their name", longest=100)
        email = form.email("email", "their e-mail address")
        relationship = form.text("relationship", "who they are", required=False, longest=100)
        kind = RepresentativeKind(form.option("kind", "how they act", [one.value for one in kinds]) or kinds[0])
        scopes, ends_on = _read_scopes(form, kind, now)
        form.done()
        return cls(name=name, email=email, relationship=relationship, kind=kind, scopes=scopes, ends_on=ends_on)


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody may do from now on, and until when."""

    scopes: tuple[Scope, ...]
    ends_on: date | None

    @classmethod
    def read(cls, data: Mapping[str, Any], kind: RepresentativeKind, now: date) -> "ChangeForm":
        """Read the form.

        Raises:
            InvalidInput: With every message, by field.
        """
        form = FormReader(data)
        scopes, ends_on = _read_scopes(form, kind, now)
        form.done()
        return cls(scopes=scopes, ends_on=ends_on)


def _read_scopes(form: FormReader, kind: RepresentativeKind, now: date) -> tuple[tuple[Scope, ...], date | None]:
    found = form.options("scopes", "what they may do", [scope.value for scope in SCOPES], required=True)
    scopes = tuple(Scope(one) for one in found)
    refused = [SCOPES[scope].lower() for scope in scopes if scope not in SCOPES_OF[kind]]
    if refused:
        form.wrong("scopes", f"A helper cannot do this: {'; '.join(refused)}. Choose another way to act, or untick it")
    # The last day is what people say; rows are half-open.
    last = form.day("last_on", "the last day", required=False)
    if last is not None and last < now:
        form.wrong("last_on", "The last day must be today or later")
    return scopes, last + timedelta(days=1) if last else None
