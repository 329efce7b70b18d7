"""The council's desk: which applications there are, what each waits for, and one of them as it was sent in."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import local, parse_day, today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.core.models import Step
from marketplace.core.spreadsheets import Cell, csv_text
from marketplace.providers.errors import HasInterest
from marketplace.providers.models import (
    Agreement,
    Appeal,
    Application,
    ApplicationLot,
    Evaluation,
    Framework,
    FrameworkVersion,
    Lot,
    ModeratedScore,
    Organisation,
    Round,
)
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.repository.evaluation import (
    MOST_EXPORTED,
    PAGE,
    AppealRepository,
    DeskRepository,
    EvaluationRepository,
    Wanted,
)
from marketplace.providers.service.evaluation.assigning import AssigningService
from marketplace.providers.service.evaluation.fairness import DECLARED, has_declared
from marketplace.providers.service.evaluation.rules import active, are_all_sent
from marketplace.providers.states import AgreementStatus, AppealStatus, ApplicationStatus, EvaluationStatus

STATUS_LABELS: Final[dict[ApplicationStatus, str]] = {
    ApplicationStatus.SUBMITTED: "Sent in",
    ApplicationStatus.EVALUATING: "Being scored",
    ApplicationStatus.MODERATED: "To be decided",
    ApplicationStatus.AWARDED: "Awarded",
    ApplicationStatus.REFUSED: "Refused",
    ApplicationStatus.WITHDRAWN: "Taken back",
}
EVALUATION_LABELS: Final[dict[EvaluationStatus, str]] = {
    EvaluationStatus.ASSIGNED: "Has not declared interests yet",
    EvaluationStatus.SCORING: "Scoring",
    EvaluationStatus.SUBMITTED: "Scores sent",
    EvaluationStatus.STOOD_DOWN: "Stood down",
}
AGREEMENT_LABELS: Final[dict[AgreementStatus, str]] = {
    AgreementStatus.OFFERED: "Offered",
    AgreementStatus.PROVIDER_SIGNED: "Signed by the organisation",
    AgreementStatus.SIGNED: "Signed by both",
    AgreementStatus.DECLINED: "Declined",
    AgreementStatus.REPLACED: "Replaced",
    AgreementStatus.ENDED: "Ended",
}
APPEAL_LABELS: Final[dict[AppealStatus, str]] = {
    AppealStatus.OPEN: "Waits for a decision",
    AppealStatus.UPHELD: "Upheld",
    AppealStatus.DISMISSED: "Dismissed",
}
KIND_LABELS: Final[dict[str, Mapping[Any, str]]] = {
    "application": STATUS_LABELS,
    "agreement": AGREEMENT_LABELS,
    "appeal": APPEAL_LABELS,
    "evaluation": EVALUATION_LABELS,
}
KIND_WORDS: Final = {"application": "", "agreement": "Agreement: ", "appeal": "Appeal: ", "evaluation": "Evaluator: "}


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """An application in the list, with who has the next step."""

    application: Application
    organisation_name: str
    round: Round
    lots: list[tuple[ApplicationLot, Lot]]
    who: str
    """Who has the next step: "The council", "The organisation", evaluators' names, or "Nobody"."""
    what: str
    """What that step is."""
    is_overdue: bool
    """The round's day for decisions has passed and there is none."""


class Desk(msgspec.Struct, frozen=True, kw_only=True):
    """A page of the list."""

    lines: list[Line]
    counts: dict[ApplicationStatus, int]
    has_more: bool


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One line of an application's history."""

    at: datetime
    title: str
    by: str
    text: str


class Whole(msgspec.Struct, frozen=True, kw_only=True):
    """One application with all that the council may see of it."""

    application: Application
    organisation: Organisation
    round: Round
    version: FrameworkVersion
    framework: Framework
    lots: list[tuple[ApplicationLot, Lot]]
    evaluators: list[tuple[Evaluation, str]]
    moderated: dict[UUID, ModeratedScore]
    agreement: Agreement | None
    appeal: Appeal | None
    events: list[Event]
    needed: int
    who: str
    what: str
    is_true: bool
    """The snapshot still has the hash it was sent in with."""

    @property
    def are_all_sent(self) -> bool:
        """Whether the scores may be looked at side by side."""
        return are_all_sent([row for row, _ in self.evaluators], self.needed)

    @property
    def missing_evaluators(self) -> int:
        """How many evaluators are still to be chosen."""
        return max(0, self.needed - len(active(row for row, _ in self.evaluators)))

    def answers(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the answers of some kinds as they were sent in."""
        return [item for item in (self.application.submitted or {}).get("answers", []) if item.get("kind") in kinds]

    @property
    def evidence(self) -> list[dict[str, Any]]:
        """The evidence as it stood when the application was sent in, with its days as people read them."""
        return evidence_rows(self.application)


class DeskService:
    """Reads applications for the council's people."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.desk = DeskRepository(db)
        self.evaluations = EvaluationRepository(db)

    async def page(
        self, principal: Principal, wanted: Wanted, after: tuple[datetime, UUID] | None, limit: int = PAGE
    ) -> Desk:
        """Return a page of a council's applications, the newest first, with counts by where they are."""
        principal.require(Permission.APPLICATIONS_READ)
        rows = await self.desk.page(principal.council_id, wanted, after=after, limit=limit + 1)
        lines = await self._lines(principal.council_id, rows[:limit])
        counts = await self.desk.counts(principal.council_id, wanted)
        return Desk(lines=lines, counts=counts, has_more=len(rows) > limit)

    async def _lines(self, council_id: UUID, rows: Sequence[Row[Application, Organisation, Round]]) -> list[Line]:
        ids = [application.id for application, _, _ in rows]
        day = today(self.clock)
        lots = await self.desk.lots(ids)
        named = await self.evaluations.of_applications(ids)
        agreements = await AgreementRepository(self.db).of_applications(ids)
        appeals = await AppealRepository(self.db).of_applications(ids)
        needed = await AssigningService(self.db).needed(council_id)
        lines = []
        for application, organisation, round_ in rows:
            who, what = next_step(
                application,
                named.get(application.id, []),
                needed,
                agreements.get(application.id),
                appeals.get(application.id),
            )
            lines.append(
                Line(
                    application=application,
                    organisation_name=organisation.name,
                    round=round_,
                    lots=lots.get(application.id, []),
                    who=who,
                    what=what,
                    is_overdue=is_overdue(application, round_, day),
                )
            )
        return lines

    async def export(self, principal: Principal, wanted: Wanted) -> str:
        """Return the list as CSV, with one line for each lot of an application."""
        desk = await self.page(principal, wanted, None, MOST_EXPORTED)
        heading: tuple[Cell, ...] = (
            "Reference",
            "Organisation",
            "Round",
            "Lot",
            "Lot name",
            "Sent in",
            "Late",
            "State",
            "Waits for",
            "Next step",
            "Score percent",
            "Outcome",
            "Reason",
            "Decided",
        )
        rows: list[tuple[Cell, ...]] = [heading]
        for line in desk.lines:
            row = line.application
            for lot_row, lot in line.lots:
                rows.append(
                    (
                        row.reference,
                        line.organisation_name,
                        line.round.name,
                        lot.code,
                        lot.name,
                        local(row.submitted_at).date().isoformat() if row.submitted_at else None,
                        "yes" if row.is_late else "no",
                        STATUS_LABELS[row.status],
                        line.who,
                        line.what,
                        lot_row.score_percent,
                        lot_row.outcome.value if lot_row.outcome else None,
                        lot_row.reason,
                        local(row.decided_at).date().isoformat() if row.decided_at else None,
                    )
                )
        return csv_text(rows)

    async def show(self, principal: Principal, application_id: UUID) -> Whole:
        """Return one application.

        Raises:
            NotFound: Another council's, or still a draft.
            HasInterest: The principal declared an interest in it.
        """
        principal.require(Permission.APPLICATIONS_READ)
        application = await self.desk.find_sent(principal.council_id, application_id)
        named = (await self.evaluations.of_applications([application.id])).get(application.id, [])
        if any(row.evaluator_user_id == principal.user_id and has_declared(row) for row, _ in named):
            raise HasInterest(DECLARED)
        round_, version, framework = await self.desk.round_of(application)
        agreement = (await AgreementRepository(self.db).of_applications([application.id])).get(application.id)
        appeal = (await AppealRepository(self.db).of_applications([application.id])).get(application.id)
        needed = await AssigningService(self.db).needed(principal.council_id)
        who, what = next_step(application, named, needed, agreement, appeal)
        is_open = application.status in (ApplicationStatus.SUBMITTED, ApplicationStatus.EVALUATING)
        moderated = {} if is_open else (await self.desk.moderated([application.id])).get(application.id, {})
        return Whole(
            application=application,
            organisation=await self.desk.organisation(application.organisation_id),
            round=round_,
            version=version,
            framework=framework,
            lots=(await self.desk.lots([application.id])).get(application.id, []),
            evaluators=named,
            moderated=moderated,
            agreement=agreement,
            appeal=appeal,
            events=await self._events(application, agreement, appeal),
            needed=needed,
            who=who,
            what=what,
            is_true=is_snapshot_true(application),
        )

    async def undeclared(self, principal: Principal, application_id: UUID) -> UUID | None:
        """Return the principal's own evaluation where they are still to declare their interests: that comes first."""
        rows = (await self.evaluations.of_applications([application_id])).get(application_id, [])
        return next(
            (
                row.id
                for row, _ in rows
                if row.evaluator_user_id == principal.user_id and row.status is EvaluationStatus.ASSIGNED
            ),
            None,
        )

    async def _events(
        self, application: Application, agreement: Agreement | None, appeal: Appeal | None
    ) -> list[Event]:
        subjects = [("application", application.id)]
        subjects += [("agreement", agreement.id)] if agreement else []
        subjects += [("appeal", appeal.id)] if appeal else []
        steps = await self.desk.steps(application.council_id, subjects)
        names = await AccountRepository(self.db).names({step.by_user_id for step in steps if step.by_user_id})
        shown = [step for step in steps if step.to_status != ApplicationStatus.DRAFT or step.from_status]
        return [
            Event(
                at=step.at,
                title=event_title(step),
                by=names.get(step.by_user_id, "") if step.by_user_id else "",
                text=step.why,
            )
            for step in shown
        ]


def event_title(step: Step) -> str:
    """Say in a few words what a step was."""
    labels = {str(status): words for status, words in KIND_LABELS[step.subject_kind].items()}
    words = labels.get(step.to_status, "Taken back to be changed")
    if step.subject_kind == "appeal" and step.from_status is None:
        words = "Made"
    prefix = KIND_WORDS[step.subject_kind]
    return f"{prefix}{words.lower()}" if prefix else words


def next_step(
    application: Application,
    evaluators: Sequence[tuple[Evaluation, str]],
    needed: int,
    agreement: Agreement | None,
    appeal: Appeal | None,
) -> tuple[str, str]:
    """Say who has the next step of an application, and what it is."""
    status = application.status
    if appeal is not None and appeal.status is AppealStatus.OPEN:
        return "The council", "Decide about the appeal"
    if status is ApplicationStatus.SUBMITTED:
        return "The council", "Choose evaluators"
    if status is ApplicationStatus.EVALUATING:
        rows = [row for row, _ in evaluators]
        if len(active(rows)) < needed:
            return "The council", "Choose another evaluator"
        if are_all_sent(rows, needed):
            return "The council", "Agree the scores"
        open_ones = (EvaluationStatus.ASSIGNED, EvaluationStatus.SCORING)
        return ", ".join(name for row, name in evaluators if row.status in open_ones), "Score the answers"
    if status is ApplicationStatus.MODERATED:
        return "The council", "Decide"
    if status is ApplicationStatus.AWARDED and agreement is not None:
        if agreement.status is AgreementStatus.OFFERED:
            return "The organisation", "Sign the agreement"
        if agreement.status is AgreementStatus.PROVIDER_SIGNED:
            return "The council", "Sign the agreement"
    return "Nobody", "Nothing"


def is_overdue(application: Application, round_: Round, day: date) -> bool:
    """Whether the day by which applicants were to hear has passed without a decision."""
    waits = (ApplicationStatus.SUBMITTED, ApplicationStatus.EVALUATING, ApplicationStatus.MODERATED)
    return application.status in waits and round_.decides_on < day


def is_snapshot_true(application: Application) -> bool:
    """Whether what was sent in still has its hash: SHA-256 over canonical JSON."""
    content = msgspec.json.encode(application.submitted, order="deterministic")
    return application.submitted_hash == hashlib.sha256(content).digest()


def evidence_rows(application: Application) -> list[dict[str, Any]]:
    """Return the evidence of a snapshot with `from` and `until` (the last day it counts) as people read them."""
    rows: list[dict[str, Any]] = (application.submitted or {}).get("evidence", [])
    return [
        {**row, "from": _written(row.get("issued_on")), "until": _written(row.get("expires_on"), -1)} for row in rows
    ]


def _written(day: object, shift: int = 0) -> str:
    found = parse_day(day) if isinstance(day, str) else None
    return uk_date(found + timedelta(days=shift)) if found else ""
