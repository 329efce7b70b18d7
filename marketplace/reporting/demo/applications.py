"""Makes applications: one in each state in every council, and an earlier one of the provider with an account.

They follow the frameworks and rounds that are in the book already: the newest round that closed, and the one that is
open. Without such a round nothing is made.
"""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from marketplace.accounts.models import Council as CouncilRow
from marketplace.core.database import Base
from marketplace.providers.models import (
    Appeal,
    Application,
    ApplicationAnswer,
    ApplicationLot,
    Criterion,
    CriterionKind,
    Evidence,
    Framework,
    Lot,
    LotOutcome,
    ModeratedScore,
    Organisation,
    OrganisationKind,
    Round,
)
from marketplace.providers.repository.applications import RoundFacts
from marketplace.providers.service.applications.opened import Opened
from marketplace.providers.service.applications.papers import needed
from marketplace.providers.service.applications.snapshot import content_of, print_of, signed
from marketplace.providers.states import AppealStatus, ApplicationStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, Shop, World

B = TypeVar("B", bound=Base)

TEXTS = (
    "We sit down with the person first, for as long as it takes, and write down what a good week looks like. Every "
    "plan starts from that page. One man told us he wanted to see his old brass band again. He goes on Tuesdays now.",
    "New workers go along on visits for two weeks before they go alone. Each has a named colleague to ring at any "
    "time. We meet every month to talk over what went well and what did not.",
    "We ask everybody four times a year, by telephone or at home, as they like. In the last year 9 of 10 said that "
    "they were listened to. We changed our evening times because of what the others said.",
    "We keep a short list of clubs, walks and lunches near each person, and go along the first time. Nobody has to "
    "walk through a new door alone.",
    "If somebody may be in danger we act on the same day: we make sure they are safe, ring the council’s team and "
    "write down what we saw. Our safeguarding lead looks at each case within a week.",
    "When a worker is ill, the two others who know the person are asked first. No visit is dropped without a call.",
)
THIN = "We do this well and have done so for years."
FEEDBACK = {
    1: "It says that you do it, not how. Give one example of one person.",
    2: "A start. Say who does what, and how you know that it works.",
    3: "A sound answer. An example from last year would make it better.",
    4: "A strong answer with a good example.",
    5: "Everything we asked for, with proof.",
}


_COUNCIL = OrganisationKind.COUNCIL


class Made(NamedTuple):
    """An application with the answers it was given, as rows."""

    row: dict[str, Any]
    answers: dict[str, dict[str, Any]]
    """By key of the criterion."""


class Field(NamedTuple):
    """A round with what is asked in it, as rows made up into objects."""

    facts: RoundFacts
    lots: list[Lot]
    criteria: list[Criterion]


def make_applications(world: World, council: Council) -> None:
    """Keep a council's applications: awarded, refused with an appeal, sent, and a draft with answers from before.

    Where the only round is one that stays open for long, such as that of a register, it decides as it goes along.
    """
    pair = _rounds(world, council)
    if pair is None:
        return
    past, now = pair
    star = council.shop(council.text.provider)
    teller = _Teller(world, council)
    earlier = None
    decides = past or (now if now and now.facts.round.opens_at < world.now - timedelta(days=60) else None)
    others = _applicants(council, decides or now)
    if decides and _fits(star, decides) and decides is not now:
        earlier = teller.decided(star, decides, is_awarded=True)
    elif decides and others:
        teller.decided(others.pop(0), decides, is_awarded=True)
    if decides and others:
        teller.decided(others.pop(0), decides, is_awarded=False)
    if now is None:
        return
    if others:
        teller.sent(others.pop(0), now)
    teller.draft(star, now, earlier)


def _applicants(council: Council, field: Field | None) -> list[Shop]:
    """Return who applies besides the provider with an account: first those that do what the lots are for."""
    apart = {council.text.provider, council.text.lead_planner[0]}
    found = [shop for shop in council.shops if shop.body.key not in apart and shop.body.kind is not _COUNCIL]
    return sorted(found, key=lambda shop: field is None or not _fits(shop, field))


def _fits(shop: Shop, field: Field) -> bool:
    return any(lot.service_line in shop.body.services for lot in field.lots)


def _rounds(world: World, council: Council) -> tuple[Field | None, Field | None] | None:
    """Return the newest round of a council that closed, and one that is open; of one framework where there is one."""
    rounds = [Round(**row) for row in world.book.of(Round) if row["council_id"] == council.id]
    live = [row for row in rounds if row.cancelled_at is None]
    past = sorted((row for row in live if row.closes_at < world.now), key=lambda row: row.closes_at)
    now = sorted((row for row in live if row.opens_at <= world.now < row.closes_at), key=lambda row: row.closes_at)
    both = [(old, new) for old in past for new in now if old.framework_id == new.framework_id]
    if both:
        return _field(world, council, both[-1][0]), _field(world, council, both[-1][1])
    if not past and not now:
        return None
    return (_field(world, council, past[-1]) if past else None), (_field(world, council, now[0]) if now else None)


def _field(world: World, council: Council, round: Round) -> Field:
    framework = _one(world, Framework, round.framework_id)
    lots = [Lot(**row) for row in world.book.of(Lot) if row["version_id"] == round.version_id]
    criteria = [Criterion(**row) for row in world.book.of(Criterion) if row["version_id"] == round.version_id]
    return Field(
        RoundFacts(round, framework, _one(world, CouncilRow, council.id)),
        sorted(lots, key=lambda lot: (lot.position, lot.code)),
        sorted(criteria, key=lambda row: (row.position, row.key)),
    )


def _one(world: World, model: type[B], row_id: UUID) -> B:
    return next(model(**row) for row in world.book.of(model) if row["id"] == row_id)


class _Teller:
    """Tells the story of each application of a council."""

    def __init__(self, world: World, council: Council) -> None:
        self.world = world
        self.council = council
        self.numbers: Counter[int] = Counter()
        """The last number of a reference, by year."""

    def decided(self, shop: Shop, field: Field, *, is_awarded: bool) -> Made:
        """An application of the past that was sent, scored and decided; the refused one is appealed against."""
        world, round = self.world, field.facts.round
        begun = round.opens_at + timedelta(days=3)
        closed = min(round.closes_at, world.now - timedelta(days=30))
        sent = closed - timedelta(days=2)
        # A refusal is kept young, so that its appeal is open; no decision comes before its round has closed.
        decided = max(closed + timedelta(hours=3), world.now - timedelta(days=300 if is_awarded else 12))
        scored = closed + (decided - closed) / 2
        status = ApplicationStatus.AWARDED if is_awarded else ApplicationStatus.REFUSED
        lots = _lots_for(shop, field)
        made = self._application(shop, field, lots, begun, status, is_thin=not is_awarded)
        self._send(made, shop, field, lots, sent)
        accreditor, manager = self.council.staff["accreditor"], self.council.staff["manager"]
        row = made.row
        row.update(
            moderated_by_user_id=accreditor,
            moderated_at=scored,
            decided_by_user_id=manager,
            decided_at=decided,
            updated_at=decided,
            feedback="Thank you for the work you put into this. "
            + ("People told us they like how you work." if is_awarded else "We hope you apply again next time."),
        )
        marks = self._marks(made, field, lots, scored, accreditor, is_awarded=is_awarded)
        for line in world.book.of(ApplicationLot):
            if line["application_id"] == row["id"]:
                lot = next(lot for lot in lots if lot.id == line["lot_id"])
                total = _percent(marks, [one for one in field.criteria if one.lot_id in (None, lot.id)])
                line["outcome"] = LotOutcome.AWARDED if is_awarded else LotOutcome.REFUSED
                line["score_percent"] = total
                line["reason"] = (
                    "We would like to work with you: your answers show how you do things, with examples."
                    if is_awarded
                    else "Two answers say that you do things well, but not how."
                )
        moves: list[Move] = [
            (ApplicationStatus.DRAFT.value, begun, shop.user_id, ""),
            (ApplicationStatus.SUBMITTED.value, sent, shop.user_id, ""),
            (ApplicationStatus.EVALUATING.value, sent + timedelta(days=2, hours=1), accreditor, ""),
            (ApplicationStatus.MODERATED.value, scored, accreditor, ""),
            (status.value, decided, manager, ""),
        ]
        if moves[2][1] > scored:
            moves[2] = (moves[2][0], scored, accreditor, "")
        world.book.steps("application", self.council.id, row["id"], moves)
        if not is_awarded:
            self._appeal(shop, row["id"], min(decided + timedelta(days=4), world.now - timedelta(hours=5)))
        return made

    def sent(self, shop: Shop, field: Field) -> None:
        """An application that waits for its evaluators."""
        now = self.world.now
        begun = max(field.facts.round.opens_at, now - timedelta(days=9))
        sent = max(begun, now - timedelta(days=1, hours=2))
        lots = _lots_for(shop, field)
        made = self._application(shop, field, lots, begun, ApplicationStatus.SUBMITTED)
        self._send(made, shop, field, lots, sent)
        moves: list[Move] = [
            (ApplicationStatus.DRAFT.value, begun, shop.user_id, ""),
            (ApplicationStatus.SUBMITTED.value, sent, shop.user_id, ""),
        ]
        self.world.book.steps("application", self.council.id, made.row["id"], moves)

    def draft(self, shop: Shop, field: Field, earlier: Made | None) -> None:
        """A draft: one may apply, some declarations are to be confirmed, one text is half written."""
        begun = max(field.facts.round.opens_at, self.world.now - timedelta(days=4))
        lots = _lots_for(shop, field)
        made = self._application(shop, field, lots, begun, ApplicationStatus.DRAFT)
        before = earlier.answers if earlier else {}
        made.row["earlier_id"] = earlier.row["id"] if earlier else None
        kinds = {one.key: one.kind for one in field.criteria}
        kept, answers = 0, self.world.book.of(ApplicationAnswer)
        for key, answer in made.answers.items():
            source = before.get(key)
            if kinds[key] is CriterionKind.DECLARATION and source is not None:
                answer.update(choice=source["choice"], words=source["words"], carried_from_id=source["id"])
                answer["confirmed_at"] = None
            elif kinds[key] is not CriterionKind.ELIGIBILITY:
                kept += 1
                if kept > 1:
                    answers.remove(answer)
                else:
                    answer.update(words=answer["words"].split(". ")[0] + ".", confirmed_at=None)
        moves: list[Move] = [(ApplicationStatus.DRAFT.value, begun, shop.user_id, "")]
        self.world.book.steps("application", self.council.id, made.row["id"], moves)

    def _application(
        self,
        shop: Shop,
        field: Field,
        lots: list[Lot],
        begun: datetime,
        status: ApplicationStatus,
        *,
        is_thin: bool = False,
    ) -> Made:
        book, council_id = self.world.book, self.council.id
        self.numbers[begun.year] += 1
        application_id = book.add(
            Application,
            begun,
            council_id=council_id,
            round_id=field.facts.round.id,
            organisation_id=shop.id,
            reference=f"A-{begun.year}-{self.numbers[begun.year]:04}",
            status=status,
            earlier_id=None,
            late_reason="",
            is_late=False,
            submitted=None,
            submitted_hash=None,
            submitted_by_user_id=None,
            submitted_at=None,
            moderated_by_user_id=None,
            moderated_at=None,
            decided_by_user_id=None,
            decided_at=None,
            feedback="",
            reminded_at=None,
            created_by_user_id=shop.user_id,
            created_at=begun,
            updated_at=begun,
            version=1,
        )
        for lot in lots:
            book.add(
                ApplicationLot,
                begun,
                council_id=council_id,
                application_id=application_id,
                lot_id=lot.id,
                outcome=None,
                score_percent=None,
                reason="",
            )
        answers: dict[str, dict[str, Any]] = {}
        texts = 0
        for one in _asked(field, lots):
            choice, words = one.wanted_answer, ""
            if one.kind is CriterionKind.SCORED:
                choice, words = "", THIN if is_thin and texts % 2 == 0 else TEXTS[texts % len(TEXTS)]
                words = " ".join(words.split()[: one.longest_words])
                texts += 1
            answers[one.key] = book.put(
                ApplicationAnswer,
                id=book.id(begun),
                council_id=council_id,
                application_id=application_id,
                criterion_id=one.id,
                choice=choice or ("yes" if one.kind is CriterionKind.DECLARATION else ""),
                words=words,
                carried_from_id=None,
                confirmed_at=begun,
                updated_by_user_id=shop.user_id,
                updated_at=begun,
                version=1,
            )
        row = next(row for row in book.of(Application) if row["id"] == application_id)
        return Made(row, answers)

    def _send(self, made: Made, shop: Shop, field: Field, lots: list[Lot], at: datetime) -> None:
        """Keep what was sent, made by the same code that makes it for everybody."""
        evidence = [Evidence(**row) for row in self.world.book.of(Evidence) if row["organisation_id"] == shop.id]
        answers = [ApplicationAnswer(**row) for row in made.answers.values()]
        opened = Opened(
            application=Application(**made.row),
            facts=field.facts,
            organisation=_one(self.world, Organisation, shop.id),
            every_lot=field.lots,
            lots=lots,
            every_criterion=field.criteria,
            every_answer={row.criterion_id: row for row in answers},
            needed=[],
            is_registered=shop.body.rating is not None,
            now=at,
            day=at.date(),
        )
        opened.needed = needed(lots, opened.criteria, evidence, at.date(), field.facts.round.starts_on)
        content = signed(
            content_of(opened, {}, {}), user_id=shop.user_id, name=f"For {shop.body.name}", role="Manager", at=at
        )
        made.row.update(
            submitted=content,
            submitted_hash=print_of(content),
            submitted_by_user_id=shop.user_id,
            submitted_at=at,
            updated_at=at,
        )

    def _marks(
        self, made: Made, field: Field, lots: list[Lot], at: datetime, by: UUID, *, is_awarded: bool
    ) -> dict[UUID, int]:
        """Keep what the evaluators agreed on; returns the scores by criterion."""
        marks: dict[UUID, int] = {}
        for one in _asked(field, lots):
            if one.kind is not CriterionKind.SCORED:
                continue
            is_thin = made.answers[one.key]["words"] == " ".join(THIN.split()[: one.longest_words])
            marks[one.id] = 1 if is_thin else (4 + len(marks) % 2 if is_awarded else 3)
            self.world.book.add(
                ModeratedScore,
                at,
                council_id=self.council.id,
                application_id=made.row["id"],
                criterion_id=one.id,
                score=marks[one.id],
                feedback=FEEDBACK[marks[one.id]],
                moderated_by_user_id=by,
                updated_at=at,
            )
        return marks

    def _appeal(self, shop: Shop, application_id: UUID, at: datetime) -> None:
        appeal_id = self.world.book.add(
            Appeal,
            at,
            council_id=self.council.id,
            application_id=application_id,
            status=AppealStatus.OPEN,
            grounds="Our second answer names how new workers are taught and who they can ring. We think that is what "
            "you asked for, and more than was scored.",
            made_by_user_id=shop.user_id,
            made_at=at,
            decision="",
            decided_by_user_id=None,
            decided_at=None,
            version=1,
        )
        moves: list[Move] = [(AppealStatus.OPEN.value, at, shop.user_id, "")]
        self.world.book.steps("appeal", self.council.id, appeal_id, moves)


def _asked(field: Field, lots: list[Lot]) -> list[Criterion]:
    """Return what is answered for some lots; evidence is not answered but given."""
    ids = {lot.id for lot in lots}
    return [
        one
        for one in field.criteria
        if one.kind is not CriterionKind.EVIDENCE and (one.lot_id is None or one.lot_id in ids)
    ]


def _lots_for(shop: Shop, field: Field) -> list[Lot]:
    """Return one lot that an organisation would apply for: of its service where there is one."""
    open_to = [lot for lot in field.lots if shop.body.rating is not None or not lot.needs_registration]
    fitting = [lot for lot in open_to if lot.service_line in shop.body.services]
    return fitting[:1] or (open_to or field.lots)[-1:]


def _percent(marks: dict[UUID, int], criteria: list[Criterion]) -> int:
    """Return the weighted score, rounded half up once."""
    weights = {one.id: one.weight_percent or 1 for one in criteria if one.id in marks}
    whole = 5 * sum(weights.values())
    return (200 * sum(marks[key] * weight for key, weight in weights.items()) + whole) // (2 * whole) if whole else 0
