"""One application with everything its pages are drawn from."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import local
from marketplace.core.database import clock_of
from marketplace.providers.models import (
    Application,
    ApplicationAnswer,
    Criterion,
    CriterionKind,
    Lot,
    Organisation,
)
from marketplace.providers.repository.applications import ApplicationRepository, RoundFacts
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.service.applications.carry import is_asked_anew
from marketplace.providers.service.applications.papers import Needed, needed
from marketplace.providers.service.frameworks.rounds import RoundState, round_state
from marketplace.providers.service.reach import reach_council, reach_every_council
from marketplace.providers.service.registration import is_registered
from marketplace.providers.states import ApplicationStatus

STATUS_WORDS: Final[dict[ApplicationStatus, str]] = {
    ApplicationStatus.DRAFT: "Draft",
    ApplicationStatus.SUBMITTED: "Sent",
    ApplicationStatus.EVALUATING: "Being looked at",
    # That the evaluators agreed is the council's own business until the decision.
    ApplicationStatus.MODERATED: "Being looked at",
    ApplicationStatus.AWARDED: "Awarded",
    ApplicationStatus.REFUSED: "Not awarded",
    ApplicationStatus.WITHDRAWN: "Withdrawn",
}
STATUS_COLOURS: Final[dict[ApplicationStatus, str]] = {
    ApplicationStatus.DRAFT: "draft",
    ApplicationStatus.SUBMITTED: "submitted",
    ApplicationStatus.EVALUATING: "submitted",
    ApplicationStatus.MODERATED: "submitted",
    ApplicationStatus.AWARDED: "accepted",
    ApplicationStatus.REFUSED: "refused",
    ApplicationStatus.WITHDRAWN: "withdrawn",
}
"""State names of the filter `status_tag`, for their colour."""
DECIDED: Final = frozenset({ApplicationStatus.AWARDED, ApplicationStatus.REFUSED})
UNDER_WAY: Final = frozenset({ApplicationStatus.SUBMITTED, ApplicationStatus.EVALUATING, ApplicationStatus.MODERATED})


class Opened(msgspec.Struct, kw_only=True):
    """An application as its organisation sees it."""

    application: Application
    facts: RoundFacts
    organisation: Organisation
    every_lot: Sequence[Lot]
    """All lots of the version."""
    lots: Sequence[Lot]
    """Those it is for."""
    every_criterion: Sequence[Criterion]
    every_answer: Mapping[UUID, ApplicationAnswer]
    """By criterion; those to lots that were taken out are kept, too."""
    needed: list[Needed]
    """The evidence of a draft; empty once it is sent."""
    is_registered: bool
    now: datetime
    day: date
    asked_anew: frozenset[UUID] = frozenset()
    """Criteria of a draft whose answer comes from an earlier round, in which the question was another."""

    @property
    def path(self) -> str:
        """Address of its first page."""
        return f"/provider/applications/{self.application.id}"

    @property
    def round_state(self) -> RoundState:
        """Where its round stands now."""
        return round_state(self.facts.round, self.now)

    @property
    def is_draft(self) -> bool:
        """Whether it can be written on. That does not end with the round: what is typed late is kept, too."""
        return self.application.status is ApplicationStatus.DRAFT

    @property
    def title(self) -> str:
        """What it is called."""
        return f"{self.facts.framework.name}: {self.facts.round.name}"

    @property
    def criteria(self) -> list[Criterion]:
        """What is asked for the lots it is for, in order."""
        lot_ids = {lot.id for lot in self.lots}
        return [row for row in self.every_criterion if row.lot_id is None or row.lot_id in lot_ids]

    def of_kind(self, kind: CriterionKind) -> list[Criterion]:
        """Return what is asked of one kind."""
        return [row for row in self.criteria if row.kind is kind]

    def answer(self, criterion: Criterion) -> ApplicationAnswer | None:
        """Return the answer to a criterion, finished or not."""
        return self.every_answer.get(criterion.id)

    def lot(self, lot_id: UUID | None) -> Lot | None:
        """Return a lot by id."""
        return next((lot for lot in self.every_lot if lot.id == lot_id), None)

    @property
    def needs_registration(self) -> bool:
        """Whether a lot is only for organisations registered with the Care Quality Commission."""
        return any(lot.needs_registration for lot in self.lots)

    @property
    def is_eligible(self) -> bool:
        """Whether every question that decides about applying has the answer that is wanted."""
        for criterion in self.of_kind(CriterionKind.ELIGIBILITY):
            answer = self.answer(criterion)
            if answer is None or answer.confirmed_at is None or not is_wanted(criterion, answer.choice):
                return False
        return True


def is_wanted(criterion: Criterion, choice: str) -> bool:
    """Whether a choice needs no explanation."""
    return not criterion.wanted_answer or choice == criterion.wanted_answer


def minutes_needed(criteria: Iterable[Criterion], missing_papers: int) -> int:
    """Estimate how long an application takes.

    Returns:
        Minutes, in steps of five: half a minute for a yes or no, one for a declaration, three for a paper that is not
        here yet, and for a text one for each twelve words at most, which is slow typing with a pause to think.
    """
    seconds = 120
    for row in criteria:
        if row.kind is CriterionKind.ELIGIBILITY:
            seconds += 30
        elif row.kind is CriterionKind.DECLARATION:
            seconds += 60
        elif row.kind is CriterionKind.SCORED:
            seconds += 60 * row.longest_words // 12
    return max(5, -(-(seconds // 60 + 3 * missing_papers) // 5) * 5)


def appeal_until(application: Application, appeal_days: int) -> date | None:
    """Return the last day for an appeal; None while nothing is decided."""
    if application.decided_at is None:
        return None
    return local(application.decided_at).date() + timedelta(days=appeal_days)


async def open_application(
    db: AsyncSession, principal: Principal, application_id: UUID, *, locked: bool = False, is_wide: bool = False
) -> Opened:
    """Return an application of the user's own organisation and reach the council it is for.

    Args:
        db: The transaction of the request.
        principal: Whose organisation.
        application_id: Which one.
        locked: Keep others from changing it until the end of the transaction.
        is_wide: Leave every council in reach, for a caller that asks more of the organisation and narrows it then.

    Raises:
        Forbidden: The role sends no applications.
        NotFound: It is somebody else's.
    """
    principal.require(Permission.APPLICATIONS_OWN)
    organisation_id = principal.need_organisation()
    await reach_every_council(db)
    applications = ApplicationRepository(db)
    application, facts, organisation = await applications.own(organisation_id, application_id, locked=locked)
    lots = await applications.lots_of_version(facts.round.version_id, application.id)
    criteria = await FrameworkRepository(db).criteria(facts.round.version_id)
    answers = await applications.answers(application.id)
    clock = clock_of(db)
    day = local(clock.now()).date()
    opened = Opened(
        application=application,
        facts=facts,
        organisation=organisation,
        every_lot=[lot for lot, _ in lots],
        lots=[lot for lot, is_chosen in lots if is_chosen],
        every_criterion=criteria,
        every_answer={row.criterion_id: row for row in answers},
        needed=[],
        is_registered=False,
        now=clock.now(),
        day=day,
    )
    if opened.is_draft:
        # What was sent carries its papers as they stood then.
        evidence = await EvidenceRepository(db).of_organisation(organisation_id)
        opened.needed = needed(opened.lots, opened.criteria, evidence, day, facts.round.starts_on)
        sources = await applications.sources(answers)
        opened.asked_anew = frozenset(
            row.id
            for row in criteria
            if (answer := opened.answer(row)) is not None
            and answer.carried_from_id in sources
            and is_asked_anew(sources[answer.carried_from_id], row)
        )
        opened.is_registered = opened.needs_registration and await is_registered(db, organisation_id)
    if not is_wide:
        await reach_council(db, principal, application.council_id)
    return opened
