"""How the demo's frameworks are written down. Days count from today: below 0 is the past."""

import msgspec

from marketplace.providers.models import CriterionKind, EngagementKind, EvidenceKind, ServiceLine

ALL = ""
"""Asked of everybody."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A criterion. `lot` is the code of a lot, or `ALL`."""

    key: str
    kind: CriterionKind
    title: str
    question: str
    help: str = ""
    lot: str = ALL
    wanted: str = ""
    evidence: EvidenceKind | None = None
    words: int = 500
    weight: int = 0
    least: int = 0


class LotText(msgspec.Struct, frozen=True, kw_only=True):
    """A lot."""

    code: str
    name: str
    description: str
    service: ServiceLine
    evidence: tuple[EvidenceKind, ...]
    is_regulated: bool = False
    months: int = 36
    passing: int = 60


class VersionText(msgspec.Struct, frozen=True, kw_only=True):
    """A version. `published` is the day, None for a draft."""

    published: int | None
    changes: str
    specification: str
    terms: str
    lots: tuple[LotText, ...]
    asked: tuple[Asked, ...]


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """A question about a round: by which organisation, on which day, and what was published."""

    by: str
    day: int
    question: str
    published: str = ""
    answer: str = ""


class RoundText(msgspec.Struct, frozen=True, kw_only=True):
    """A round under the version of a number."""

    name: str
    version: int
    opens: int
    questions_until: int
    closes: int
    decides: int
    starts: int
    late_days: int = 0
    """Days after closing in which late applications are taken with a reason; 0 refuses them."""
    reopens: int | None = None
    cancelled: int | None = None
    because: str = ""
    questions: tuple[Said, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the engagement log; `by` is an organisation that expressed an interest."""

    kind: EngagementKind
    day: int
    title: str
    said: str = ""
    done: str = ""
    people: int = 0
    organisations: int = 0
    lots: tuple[str, ...] = ()
    by: str = ""
    is_public: bool = True


class FrameworkText(msgspec.Struct, frozen=True, kw_only=True):
    """A framework with everything that belongs to it."""

    slug: str
    name: str
    summary: str
    versions: tuple[VersionText, ...]
    rounds: tuple[RoundText, ...]
    entries: tuple[Entry, ...] = ()


def eligibility(key: str, title: str, question: str, why: str, *, wanted: str = "yes", lot: str = ALL) -> Asked:
    """A question that decides who can apply."""
    return Asked(
        key=key, kind=CriterionKind.ELIGIBILITY, title=title, question=question, help=why, wanted=wanted, lot=lot
    )


def declaration(key: str, title: str, statement: str, help: str = "", *, wanted: str = "yes") -> Asked:
    """A statement to agree to or to explain."""
    return Asked(key=key, kind=CriterionKind.DECLARATION, title=title, question=statement, help=help, wanted=wanted)


def scored(
    key: str, weight: int, title: str, question: str, help: str, *, lot: str = ALL, least: int = 0, words: int = 500
) -> Asked:
    """A question that two people score."""
    return Asked(
        key=key,
        kind=CriterionKind.SCORED,
        title=title,
        question=question,
        help=help,
        lot=lot,
        weight=weight,
        least=least,
        words=words,
    )


def paper(key: str, evidence: EvidenceKind, title: str, question: str, *, lot: str = ALL) -> Asked:
    """A piece of evidence."""
    return Asked(key=key, kind=CriterionKind.EVIDENCE, title=title, question=question, evidence=evidence, lot=lot)
