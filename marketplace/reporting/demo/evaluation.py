"""Makes what a council does with applications: one of each state, from two scores of which one is in to a signature.

It goes on from the applications that are in the book: those that are decided get their evaluators and agreements, and
the one that was just sent in gets neighbours that are further on. Without such applications nothing is made.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from marketplace.accounts.models import Council as CouncilRow
from marketplace.core.clock import local
from marketplace.core.models import Step
from marketplace.providers.models import (
    Agreement,
    Application,
    ApplicationAnswer,
    ApplicationLot,
    Criterion,
    Evaluation,
    EvaluationScore,
    Framework,
    FrameworkVersion,
    Lot,
    LotOutcome,
    ModeratedScore,
    OrganisationKind,
    Round,
)
from marketplace.providers.service.agreement_words import add_months, hash_of, terms_text
from marketplace.providers.service.applications.snapshot import print_of, signed
from marketplace.providers.service.evaluation.rules import lot_result, of_lot
from marketplace.providers.states import AgreementStatus, ApplicationStatus, EvaluationStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, Shop, World

COMMENTS = (
    "Says who does what, and gives an example of one person. I would like to see figures.",
    "Clear about the person's own wishes. Says little about what happens when a worker is ill.",
    "A good answer with proof from last year. The part on complaints is short.",
)
FEEDBACK = "You show how you work with an example. Say next time how you check that it works for everybody."
MARKS = ((4, 4), (3, 4), (5, 3))
"""Scores of the two evaluators, answer by answer; the last pair is far enough apart to be talked over."""
SIGNING_DAYS = timedelta(days=30)


def make_evaluation(world: World, council: Council) -> None:
    """Keep evaluations, agreed scores and agreements of a council."""
    rows = [row for row in world.book.of(Application) if row["council_id"] == council.id]
    bench = _Bench(world, council)
    decided = [row for row in rows if row["status"] in (ApplicationStatus.AWARDED, ApplicationStatus.REFUSED)]
    for row in decided:
        bench.look_back(row)
    sent = next((row for row in rows if row["status"] == ApplicationStatus.SUBMITTED), None)
    if sent is None:
        return
    shops = bench.neighbours(sent)
    for shop, tell in zip(shops, (bench.half_scored, bench.moderated, bench.awarded), strict=False):
        tell(bench.neighbour(sent, shop))


class _Bench:
    """Tells how a council judges its applications."""

    def __init__(self, world: World, council: Council) -> None:
        self.world = world
        self.council = council
        self.lead = council.staff["accreditor"]
        self.decider = council.staff["manager"]
        self.first, self.second = council.staff["broker"], council.staff["quality"]

    # What was there before

    def look_back(self, row: dict[str, Any]) -> None:
        """Give a decided application its evaluators and, where it was awarded, its agreement."""
        at = {step["to_status"]: step["at"] for step in self.world.book.of(Step) if step["subject_id"] == row["id"]}
        agreed = {
            mark["criterion_id"]: mark["score"]
            for mark in self.world.book.of(ModeratedScore)
            if mark["application_id"] == row["id"]
        }
        asked, done = at[ApplicationStatus.EVALUATING.value], at[ApplicationStatus.MODERATED.value]
        higher = {key: min(5, score + 1) for key, score in agreed.items()}
        for user_id, marks in ((self.first, agreed), (self.second, higher)):
            self._evaluation(row, user_id, asked, asked + (done - asked) / 2, marks)
        if row["status"] == ApplicationStatus.AWARDED:
            decided = row["decided_at"]
            lapsed = self._agreement(row, 1, decided, AgreementStatus.REPLACED)
            now = max(decided, self.world.now - timedelta(days=3))
            self._steps(
                lapsed,
                [(AgreementStatus.OFFERED, decided, self.decider), (AgreementStatus.REPLACED, now, self.decider)],
            )
            offered = self._agreement(row, 2, now, AgreementStatus.OFFERED)
            self._steps(offered, [(AgreementStatus.OFFERED, now, self.decider)])

    # What is new

    def neighbours(self, sent: dict[str, Any]) -> list[Shop]:
        """Return organisations that may apply for the same lots and have not done so in this round."""
        applied = {
            row["organisation_id"] for row in self.world.book.of(Application) if row["round_id"] == sent["round_id"]
        }
        lots = self._lots(sent)
        fitting = [
            shop
            for shop in self.council.shops
            if shop.id not in applied
            and shop.body.kind is not OrganisationKind.COUNCIL
            and (shop.body.rating is not None or not any(lot.needs_registration for lot in lots))
        ]
        return sorted(fitting, key=lambda shop: not any(lot.service_line in shop.body.services for lot in lots))

    def neighbour(self, sent: dict[str, Any], shop: Shop) -> dict[str, Any]:
        """Keep an application like another one, sent in a week ago where its round was open then."""
        book, old_id = self.world.book, sent["id"]
        opened = self._round(sent)["opens_at"]
        begun = max(opened, self.world.now - timedelta(days=12))
        at = begun + (self.world.now - begun) / 4
        content = signed(
            {**sent["submitted"], "organisation": self._who(sent, shop)},
            user_id=shop.user_id,
            name=f"For {shop.body.name}",
            role="Manager",
            at=at,
        )
        row = book.put(
            Application,
            **{
                **sent,
                "id": book.id(begun),
                "organisation_id": shop.id,
                "reference": self._reference(begun),
                "earlier_id": None,
                "submitted": content,
                "submitted_hash": print_of(content),
                "submitted_by_user_id": shop.user_id,
                "submitted_at": at,
                "created_by_user_id": shop.user_id,
                "created_at": begun,
                "updated_at": at,
            },
        )
        for lot in [kept for kept in book.of(ApplicationLot) if kept["application_id"] == old_id]:
            book.put(ApplicationLot, **{**lot, "id": book.id(begun), "application_id": row["id"]})
        for answer in [kept for kept in book.of(ApplicationAnswer) if kept["application_id"] == old_id]:
            changed = {"application_id": row["id"], "updated_by_user_id": shop.user_id, "updated_at": begun}
            book.put(
                ApplicationAnswer,
                **{**answer, **changed, "id": book.id(begun), "confirmed_at": begun, "carried_from_id": None},
            )
        moves: list[Move] = [
            (ApplicationStatus.DRAFT.value, begun, shop.user_id, ""),
            (ApplicationStatus.SUBMITTED.value, at, shop.user_id, ""),
        ]
        book.steps("application", self.council.id, row["id"], moves)
        return row

    def half_scored(self, row: dict[str, Any]) -> None:
        """One evaluator has sent their scores; the other has begun."""
        asked, done = self._times(row)
        self._step(row, ApplicationStatus.EVALUATING, asked, self.lead)
        marks = self._marks(row)
        self._evaluation(row, self.second, asked, done, {key: pair[1] for key, pair in marks.items()})
        begun = {key: pair[0] for key, pair in list(marks.items())[:1]}
        self._evaluation(row, self.first, asked, None, begun)

    def moderated(self, row: dict[str, Any]) -> None:
        """The scores are agreed; the decision is waited for."""
        asked, done = self._times(row)
        marks = self._marks(row)
        self._step(row, ApplicationStatus.EVALUATING, asked, self.lead)
        for user_id, number in ((self.first, 0), (self.second, 1)):
            self._evaluation(row, user_id, asked, done, {key: pair[number] for key, pair in marks.items()})
        at = done + (self.world.now - done) / 3
        agreed = dict.fromkeys(marks, 4)
        for criterion_id, score in agreed.items():
            self.world.book.add(
                ModeratedScore,
                at,
                council_id=self.council.id,
                application_id=row["id"],
                criterion_id=criterion_id,
                score=score,
                feedback=FEEDBACK,
                moderated_by_user_id=self.lead,
                updated_at=at,
            )
        criteria = self._criteria(row)
        for line, lot in self._lines(row):
            line["score_percent"] = lot_result(lot, criteria, agreed).percent
        row.update(moderated_by_user_id=self.lead, moderated_at=at)
        self._step(row, ApplicationStatus.MODERATED, at, self.lead)

    def awarded(self, row: dict[str, Any]) -> None:
        """Decided, and signed by the organisation; the council's signature is waited for."""
        self.moderated(row)
        at = row["moderated_at"] + (self.world.now - row["moderated_at"]) / 3
        for line, _ in self._lines(row):
            line["outcome"] = LotOutcome.AWARDED
        row.update(decided_by_user_id=self.decider, decided_at=at, feedback="Thank you. We look forward to your work.")
        self._step(row, ApplicationStatus.AWARDED, at, self.decider)
        agreement = self._agreement(row, 1, at, AgreementStatus.PROVIDER_SIGNED)
        shop = next(shop for shop in self.council.shops if shop.id == row["organisation_id"])
        signed_at = at + (self.world.now - at) / 3
        agreement.update(
            provider_signed_name=f"For {shop.body.name}",
            provider_signed_role="Manager",
            provider_signed_by_user_id=shop.user_id,
            provider_signed_at=signed_at,
        )
        self._steps(
            agreement,
            [
                (AgreementStatus.OFFERED, at, self.decider),
                (AgreementStatus.PROVIDER_SIGNED, signed_at, shop.user_id),
            ],
        )

    # Rows

    def _evaluation(
        self, row: dict[str, Any], user_id: UUID, asked: datetime, sent: datetime | None, marks: dict[UUID, int]
    ) -> None:
        book = self.world.book
        declared = asked + ((sent or self.world.now) - asked) / 4
        status = EvaluationStatus.SUBMITTED if sent else EvaluationStatus.SCORING
        evaluation_id = book.add(
            Evaluation,
            asked,
            council_id=self.council.id,
            application_id=row["id"],
            evaluator_user_id=user_id,
            status=status,
            interest="",
            declared_at=declared,
            submitted_at=sent,
            assigned_by_user_id=self.lead,
            assigned_at=asked,
            version=1,
        )
        for number, (criterion_id, score) in enumerate(marks.items()):
            book.add(
                EvaluationScore,
                declared,
                council_id=self.council.id,
                evaluation_id=evaluation_id,
                criterion_id=criterion_id,
                score=score,
                comment=COMMENTS[(number + score + (user_id == self.second)) % len(COMMENTS)],
                updated_at=declared,
            )
        moves: list[Move] = [
            (EvaluationStatus.ASSIGNED.value, asked, self.lead, ""),
            (EvaluationStatus.SCORING.value, declared, user_id, "Declared no interest"),
        ]
        if sent:
            moves.append((EvaluationStatus.SUBMITTED.value, sent, user_id, ""))
        book.steps("evaluation", self.council.id, evaluation_id, moves)

    def _agreement(self, row: dict[str, Any], number: int, at: datetime, status: AgreementStatus) -> dict[str, Any]:
        book = self.world.book
        lots = [lot for line, lot in self._lines(row) if line["outcome"] == LotOutcome.AWARDED]
        round_ = self._round(row)
        version = _row(book.of(FrameworkVersion), round_["version_id"])
        framework = _row(book.of(Framework), round_["framework_id"])
        day = local(at).date()
        starts_on = max(round_["starts_on"], day)
        shop = next(shop for shop in self.council.shops if shop.id == row["organisation_id"])
        reference = f"AG-{row['reference'].removeprefix('A-')}"
        terms = terms_text(
            version["agreement_terms"],
            reference=reference,
            number=number,
            council=_row(book.of(CouncilRow), self.council.id)["name"],
            organisation=shop.body.name,
            specification=f"{framework['name']}, version {version['number']} of the specification",
            lots=lots,
            starts_on=starts_on,
        )
        return book.put(
            Agreement,
            id=book.id(at),
            council_id=self.council.id,
            organisation_id=shop.id,
            application_id=row["id"],
            lot_ids={"lots": [str(lot.id) for lot in lots]},
            reference=reference,
            number=number,
            status=status,
            terms=terms,
            terms_hash=hash_of(terms),
            starts_on=starts_on,
            ends_on=add_months(starts_on, max(lot.agreement_months for lot in lots)),
            sign_by=day + SIGNING_DAYS,
            reminded_at=None,
            provider_signed_name="",
            provider_signed_role="",
            provider_signed_by_user_id=None,
            provider_signed_at=None,
            council_signed_name="",
            council_signed_role="",
            council_signed_by_user_id=None,
            council_signed_at=None,
            created_at=at,
            version=1,
        )

    def _steps(self, agreement: dict[str, Any], moves: Sequence[tuple[AgreementStatus, datetime, UUID]]) -> None:
        told: list[Move] = [(status.value, at, by, "") for status, at, by in moves]
        self.world.book.steps("agreement", self.council.id, agreement["id"], told)

    def _step(self, row: dict[str, Any], to: ApplicationStatus, at: datetime, by: UUID) -> None:
        before = row["status"]
        row.update(status=to, updated_at=at)
        self.world.book.step("application", self.council.id, row["id"], before, to.value, at, by)

    # Questions to the book

    def _times(self, row: dict[str, Any]) -> tuple[datetime, datetime]:
        """Return when evaluators were asked and when they sent their scores: within what is left until now."""
        sent: datetime = row["submitted_at"]
        left = self.world.now - sent
        return sent + left / 5, sent + left / 2

    def _marks(self, row: dict[str, Any]) -> dict[UUID, tuple[int, int]]:
        criteria, lots = self._criteria(row), self._lots(row)
        ids = list(dict.fromkeys(criterion.id for lot in lots for criterion in of_lot(criteria, lot)))
        return {criterion_id: MARKS[number % len(MARKS)] for number, criterion_id in enumerate(ids)}

    def _criteria(self, row: dict[str, Any]) -> list[Criterion]:
        version_id = self._round(row)["version_id"]
        kept = [Criterion(**item) for item in self.world.book.of(Criterion) if item["version_id"] == version_id]
        return sorted(kept, key=lambda criterion: (criterion.position, criterion.key))

    def _lines(self, row: dict[str, Any]) -> list[tuple[dict[str, Any], Lot]]:
        return [
            (line, Lot(**_row(self.world.book.of(Lot), line["lot_id"])))
            for line in self.world.book.of(ApplicationLot)
            if line["application_id"] == row["id"]
        ]

    def _lots(self, row: dict[str, Any]) -> list[Lot]:
        return [lot for _, lot in self._lines(row)]

    def _round(self, row: dict[str, Any]) -> dict[str, Any]:
        return _row(self.world.book.of(Round), row["round_id"])

    def _who(self, sent: dict[str, Any], shop: Shop) -> dict[str, Any]:
        who = dict.fromkeys(sent["submitted"]["organisation"], "")
        return {**who, "id": str(shop.id), "name": shop.body.name, "kind": shop.body.kind.value}

    def _reference(self, at: datetime) -> str:
        start = f"A-{at.year}-"
        numbers = [
            int(row["reference"].removeprefix(start))
            for row in self.world.book.of(Application)
            if row["council_id"] == self.council.id and row["reference"].startswith(start)
        ]
        return f"{start}{max(numbers, default=0) + 1:04}"


def _row(rows: list[dict[str, Any]], row_id: UUID) -> dict[str, Any]:
    return next(row for row in rows if row["id"] == row_id)
