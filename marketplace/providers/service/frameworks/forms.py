"""What council staff type about frameworks, versions, lots and criteria."""

import hashlib
import re
from typing import Any, Final, Self
from uuid import UUID

import msgspec

from marketplace.core.forms import FormReader
from marketplace.core.places import DISTRICT_NAMES
from marketplace.providers.models import (
    EVIDENCE_LABELS,
    Criterion,
    CriterionKind,
    EvidenceKind,
    Lot,
    ServiceLine,
)

LONGEST_TEXT: Final = 60_000
"""Characters of a specification or of terms: some 10,000 words, more than a reader of any should meet."""
LONGEST_NOTE: Final = 4_000
MOST_WORDS: Final = 3_000
"""Longest answer that a question may ask for."""
HIGHEST_SCORE: Final = 5
KIND_LABELS: Final[dict[CriterionKind, str]] = {
    CriterionKind.ELIGIBILITY: "Eligibility question",
    CriterionKind.DECLARATION: "Declaration",
    CriterionKind.SCORED: "Scored question",
    CriterionKind.EVIDENCE: "Evidence",
}
KIND_HEADINGS: Final[dict[CriterionKind, str]] = {
    CriterionKind.ELIGIBILITY: "Can you apply?",
    CriterionKind.DECLARATION: "Declarations",
    CriterionKind.SCORED: "Questions we score",
    CriterionKind.EVIDENCE: "Evidence to show",
}
KIND_HINTS: Final[dict[CriterionKind, str]] = {
    CriterionKind.ELIGIBILITY: "Yes or no. Who gives the other answer cannot apply, and reads why",
    CriterionKind.DECLARATION: "A statement to agree to, or to explain. Answers are carried over to the next round",
    CriterionKind.SCORED: "A text that two people score from 0 to 5, each on their own",
    CriterionKind.EVIDENCE: "A paper that the organisation gives once, for all councils",
}
_CODE = re.compile(r"^[0-9A-Za-z][0-9A-Za-z.\-]{0,7}$")


def fingerprint(row: Lot | Criterion) -> str:
    """Return a short text that changes with any value of a row, so that a form knows what it was opened on."""
    values = {name: str(value) for name, value in row.to_dict(exclude={"position"}).items()}
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:16]


class FrameworkForm(msgspec.Struct, frozen=True, kw_only=True):
    """The name of a framework and what it is for in a few words."""

    name: str
    summary: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        name = form.text("name", "the name", longest=120)
        summary = form.text("summary", "what it is for", longest=600)
        form.done()
        return cls(name=name, summary=summary)


class TextForm(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of a draft version."""

    specification: str
    agreement_terms: str
    changes: str
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Read the form. A draft may be saved with empty texts; publishing asks for them.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        specification = form.text("specification", "the specification", required=False, longest=LONGEST_TEXT)
        terms = form.text("agreement_terms", "the terms of the agreement", required=False, longest=LONGEST_TEXT)
        changes = form.text("changes", "what is new", required=False, longest=LONGEST_NOTE)
        version = form.number("version", "the version of this page", least=1, most=1_000_000)
        form.done()
        return cls(specification=specification, agreement_terms=terms, changes=changes, version=version)


class LotForm(msgspec.Struct, frozen=True, kw_only=True):
    """A lot."""

    code: str
    name: str
    description: str
    service_line: ServiceLine
    district_codes: list[str]
    evidence: list[str]
    needs_registration: bool
    trusts_other_councils: bool
    agreement_months: int
    pass_percent: int
    seen: str
    """`fingerprint` of the lot when the page was opened; empty for a new one."""

    @classmethod
    def read(cls, data: dict[str, Any], district_codes: list[str]) -> Self:
        """Read the form.

        Args:
            data: As sent.
            district_codes: Those of the council.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        code = form.text("code", "the code of the lot", longest=8)
        if code and not form.errors.get("code") and not _CODE.match(code):
            form.wrong("code", "The code of the lot must be up to 8 letters and numbers, like 1b")
        name = form.text("name", "the name of the lot", longest=120)
        description = form.text("description", "the description", required=False, longest=LONGEST_NOTE)
        service_line = form.choice("service_line", "the service", ServiceLine)
        districts = form.options("district_codes", "districts", district_codes)
        evidence = form.options("evidence", "evidence", [kind.value for kind in EvidenceKind])
        months = form.number("agreement_months", "how many months an agreement lasts", least=1, most=120)
        percent = form.number("pass_percent", "the pass mark", least=0, most=100)
        form.done()
        return cls(
            code=code,
            name=name,
            description=description,
            service_line=service_line or ServiceLine.SUPPORT_PLANNING,
            district_codes=districts,
            evidence=evidence,
            needs_registration=form.ticked("needs_registration"),
            trusts_other_councils=form.ticked("trusts_other_councils"),
            agreement_months=months,
            pass_percent=percent,
            seen=form.raw("seen"),
        )


class CriterionForm(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an application is asked."""

    kind: CriterionKind
    lot_id: UUID | None
    title: str
    question: str
    help: str
    wanted_answer: str
    evidence_kind: str
    longest_words: int
    weight_percent: int
    pass_score: int
    seen: str

    @classmethod
    def read(cls, kind: CriterionKind, data: dict[str, Any], lot_ids: list[str]) -> Self:
        """Read the form of one kind of criterion.

        Args:
            kind: Of which kind.
            data: As sent.
            lot_ids: Ids of the version's lots as texts.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        lot = form.option("lot_id", "who is asked", ["all", *lot_ids])
        title = form.text("title", "a short title", longest=120)
        question = form.text("question", "the question", longest=1_000)
        is_eligibility = kind is CriterionKind.ELIGIBILITY
        help_label = "why this matters" if is_eligibility else "the help"
        help_text = form.text("help", help_label, required=is_eligibility, longest=2_000)
        wanted, evidence_kind, longest, weight, pass_score = "", "", 500, 0, 0
        if kind in (CriterionKind.ELIGIBILITY, CriterionKind.DECLARATION):
            wanted = form.option("wanted_answer", "the answer that is wanted", ["yes", "no"])
        if kind is CriterionKind.SCORED:
            longest = form.number("longest_words", "the longest answer in words", least=50, most=MOST_WORDS)
            weight = form.number("weight_percent", "the weight", least=1, most=100)
            pass_score = form.number("pass_score", "the lowest score that passes", least=0, most=HIGHEST_SCORE)
        if kind is CriterionKind.EVIDENCE:
            evidence_kind = form.option("evidence_kind", "the evidence", [one.value for one in EvidenceKind])
        form.done()
        return cls(
            kind=kind,
            lot_id=UUID(lot) if lot in lot_ids else None,
            title=title,
            question=question,
            help=help_text,
            wanted_answer=wanted,
            evidence_kind=evidence_kind,
            longest_words=longest,
            weight_percent=weight,
            pass_score=pass_score,
            seen=form.raw("seen"),
        )


def district_options(codes: list[str]) -> list[tuple[str, str]]:
    """Return districts as options of a field, by name."""
    return sorted(((code, DISTRICT_NAMES.get(code, code)) for code in codes), key=lambda option: option[1])


def evidence_options() -> list[tuple[str, str]]:
    """Return the kinds of evidence as options of a field."""
    return [(kind.value, label) for kind, label in EVIDENCE_LABELS.items()]


def evidence_label(kind: str) -> str:
    """Write a kind of evidence for people."""
    return EVIDENCE_LABELS[EvidenceKind(kind)]


def slug_of(text: str, longest: int = 60) -> str:
    """Write a name as part of an address or as a key: small letters, figures and hyphens."""
    words = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return words[:longest].strip("-") or "item"
