"""What changed between two versions: lots and criteria by their keys, texts by paragraph."""

from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Any, Literal

import msgspec

from marketplace.core.places import DISTRICT_NAMES
from marketplace.core.prose import blocks, plain
from marketplace.providers.models import SERVICE_LABELS, Criterion, FrameworkVersion, Lot
from marketplace.providers.service.frameworks.forms import KIND_LABELS, evidence_label

Mark = Literal["same", "added", "removed"]


class Passage(msgspec.Struct, frozen=True):
    """A paragraph, heading or list of a text, and whether it is new, gone or as before."""

    mark: Mark
    text: str


class FieldChange(msgspec.Struct, frozen=True):
    """One value that is different."""

    label: str
    before: str
    after: str


class PartChange(msgspec.Struct, frozen=True):
    """A lot or criterion that is new, gone or different."""

    mark: Literal["added", "removed", "changed"]
    title: str
    fields: tuple[FieldChange, ...] = ()


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is different between two versions."""

    specification: tuple[Passage, ...]
    terms: tuple[Passage, ...]
    lots: tuple[PartChange, ...]
    criteria: tuple[PartChange, ...]

    @property
    def is_none(self) -> bool:
        """Whether both are the same."""
        texts = any(one.mark != "same" for one in (*self.specification, *self.terms))
        return not (texts or self.lots or self.criteria)


Content = tuple[FrameworkVersion, Sequence[Lot], Sequence[Criterion]]


def compare(before: Content, after: Content) -> Differences:
    """Compare two versions, the older one first."""
    return Differences(
        specification=passages(before[0].specification, after[0].specification),
        terms=passages(before[0].agreement_terms, after[0].agreement_terms),
        lots=_parts(
            {lot.code: (f"Lot {lot.code} {lot.name}", _lot(lot)) for lot in before[1]},
            {lot.code: (f"Lot {lot.code} {lot.name}", _lot(lot)) for lot in after[1]},
        ),
        criteria=_parts(_criteria(before), _criteria(after)),
    )


def passages(before: str, after: str) -> tuple[Passage, ...]:
    """Compare two texts by paragraph."""
    old, new = ([plain(block) for block in blocks(text)] for text in (before, after))
    found: list[Passage] = []
    for kind, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            found.extend(Passage("same", text) for text in new[new_from:new_to])
        else:
            found.extend(Passage("removed", text) for text in old[old_from:old_to])
            found.extend(Passage("added", text) for text in new[new_from:new_to])
    return tuple(found)


Described = dict[str, tuple[str, dict[str, str]]]


def _parts(before: Described, after: Described) -> tuple[PartChange, ...]:
    found: list[PartChange] = []
    for key, (title, values) in after.items():
        if key not in before:
            found.append(PartChange("added", title))
            continue
        old = before[key][1]
        fields = tuple(
            FieldChange(label, old[label] or "Nothing", value or "Nothing")
            for label, value in values.items()
            if old[label] != value
        )
        if fields:
            found.append(PartChange("changed", title, fields))
    found.extend(PartChange("removed", title) for key, (title, _) in before.items() if key not in after)
    return tuple(found)


def _criteria(content: Content) -> Described:
    codes = {lot.id: lot.code for lot in content[1]}
    return {
        one.key: (
            f"{KIND_LABELS[one.kind]}: {one.title}",
            _criterion(one, codes.get(one.lot_id) if one.lot_id else None),
        )
        for one in content[2]
    }


def _criterion(one: Criterion, code: str | None) -> dict[str, str]:
    return {
        "Who is asked": f"Applicants for lot {code}" if code else "Everybody",
        "Kind": KIND_LABELS[one.kind],
        "Title": one.title,
        "Question": one.question,
        "Help": one.help,
        "Wanted answer": one.wanted_answer,
        "Evidence": evidence_label(one.evidence_kind) if one.evidence_kind else "",
        "Longest answer": f"{one.longest_words} words",
        "Weight": f"{one.weight_percent}%",
        "Lowest score that passes": str(one.pass_score),
    }


def _lot(lot: Lot) -> dict[str, str]:
    districts: list[Any] = [DISTRICT_NAMES.get(code, code) for code in lot.district_codes]
    return {
        "Name": lot.name,
        "Description": lot.description,
        "Service": SERVICE_LABELS[lot.service_line],
        "Districts": ", ".join(districts) or "The whole council",
        "Evidence that must be in date": ", ".join(evidence_label(kind) for kind in lot.evidence),
        "Registration with the Care Quality Commission": "Needed" if lot.needs_registration else "Not needed",
        "Evidence seen by other councils": "Counts" if lot.trusts_other_councils else "Does not count",
        "Length of the agreement": f"{lot.agreement_months} months",
        "Pass mark": f"{lot.pass_percent}%",
    }
