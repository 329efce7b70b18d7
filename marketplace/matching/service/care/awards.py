"""Comparing offers and awarding them: marks before prices, points by published weights, the person heard first (K5)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import pounds, uk_date
from marketplace.matching.care.scoring import (
    DEFAULT_OFFER_WEIGHTS,
    OfferFacts,
    OfferWeights,
    Quality,
    score_offer,
    weights_from,
)
from marketplace.matching.care.week import half_up, visit_words, worker_minutes
from marketplace.matching.errors_care import AwardRefused, CareNotAccredited, NotYet, RequirementNotOpen
from marketplace.matching.events import RequirementAwarded, RequirementClosed
from marketplace.matching.forms_offers import AwardForm, HeardForm, Mark
from marketplace.matching.models import (
    Preference,
    Requirement,
    RequirementAward,
    RequirementOffer,
    RequirementVisit,
)
from marketplace.matching.repository import WeightRepository
from marketplace.matching.repository.care import AwardRepository, CareOfferRepository, RequirementRepository
from marketplace.matching.service.care.candidates import known_carers, quality_of
from marketplace.matching.service.care.requirements import RequirementService
from marketplace.matching.service.preferences import PreferenceService
from marketplace.matching.service.weights import version_of
from marketplace.matching.states import (
    REQUIREMENT,
    REQUIREMENT_OFFER,
    RequirementOfferStatus,
    RequirementStatus,
)
from marketplace.matching.words_care import REQUIREMENT_LABELS
from marketplace.providers.repository.accreditations import AccreditationRepository
from marketplace.providers.repository.care import CareFacts


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """An offer in the comparison."""

    offer: RequirementOffer
    name: str
    visit_ids: frozenset[UUID]
    """The visits it covers, all of them named."""
    is_whole: bool
    ceiling_pence: int
    """Its share of the ceiling."""
    rank: int
    """1 has the most points; 0 before there are points."""
    is_chosen: bool
    """Whether the person named it."""
    quality: Quality
    is_known: bool


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """All offers for a requirement, with what they are measured by."""

    requirement: Requirement
    visits: Sequence[RequirementVisit]
    offers: tuple[Compared, ...]
    """The person's choice first, then by points."""
    weights: OfferWeights
    heard: Preference | None
    """What the person said since the round was closed."""

    @property
    def kept(self) -> tuple[Compared, ...]:
        """Offers that have visits already: their award stays when another provider's was taken back."""
        return tuple(item for item in self.offers if item.offer.status is RequirementOfferStatus.WON)

    @property
    def is_marked(self) -> bool:
        """Whether every offer has its mark, so that prices are shown."""
        return bool(self.offers) and all("mark" in item.offer.scores for item in self.offers)


async def weights_for(db: AsyncSession, requirement: Requirement) -> OfferWeights:
    """Return the weights that were fixed when a requirement was opened; without published ones the platform's."""
    if requirement.award_weight_set_id is None:
        return DEFAULT_OFFER_WEIGHTS
    row = await WeightRepository(db).find(requirement.council_id, requirement.award_weight_set_id)
    return weights_from(row.values, version_of(row))


class AwardService:
    """From the end of the clock to the award."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.requirements = RequirementRepository(db)
        self.offers = CareOfferRepository(db)
        self.awards = AwardRepository(db)

    async def compare(self, requirement: Requirement, *, locked: bool = False) -> Comparison:
        """Return the offers of a requirement whose clock has ended."""
        rows = await self.offers.of_requirement(requirement.council_id, requirement.id, locked=locked)
        visits = await self.requirements.visits(requirement.council_id, requirement.id)
        named = await self.offers.visit_ids([row.id for row in rows])
        ids = [row.organisation_id for row in rows]
        facts = CareFacts(self.db)
        names, quality = await facts.names(ids), await quality_of(facts, ids)
        known = await known_carers(self.requirements, requirement)
        heard = await self._heard(requirement)
        every = frozenset(visit.id for visit in visits)
        order = _order(rows)
        found = [
            Compared(
                offer=row,
                name=names.get(row.organisation_id, "Somebody who has left"),
                visit_ids=frozenset(named.get(row.id) or every),
                is_whole=frozenset(named.get(row.id) or every) == every,
                ceiling_pence=_share(requirement.ceiling_weekly_pence, visits, named.get(row.id) or every),
                rank=order.get(row.id, 0),
                is_chosen=heard is not None and heard.organisation_id == row.organisation_id,
                quality=quality.get(row.organisation_id, Quality()),
                is_known=row.organisation_id in known,
            )
            for row in rows
        ]
        found.sort(key=lambda item: (not item.is_chosen, item.rank, item.offer.id))
        return Comparison(
            requirement=requirement,
            visits=visits,
            offers=tuple(found),
            weights=await weights_for(self.db, requirement),
            heard=heard,
        )

    async def mark(
        self, principal: Principal, requirement_id: UUID, version: int, marks: Mapping[UUID, Mark]
    ) -> Comparison:
        """Give every offer its mark for outcomes. Prices are shown after this, so marks do not change any more.

        Raises:
            NotYet: An offer is without a mark, or they were given before.
        """
        made = await self._comparing(principal, requirement_id, version)
        if made.is_marked:
            raise NotYet("The marks were given before, and prices have been shown since.")
        if {item.offer.id for item in made.offers} != set(marks):
            raise NotYet("An offer came or went in the meantime. Look at them again.")
        for item in made.offers:
            mark = marks[item.offer.id]
            item.offer.scores = {"mark": mark.points, "reason": mark.reason, "by": str(principal.user_id)}
            REQUIREMENT_OFFER.move(self.db, item.offer, RequirementOfferStatus.SHORTLISTED, by=principal.user_id)
            self._note(principal, "matching.mark_care_offer", item.offer, {"mark": mark.points}, mark.reason)
        await self._score(made)
        return made

    async def accept_price(
        self, principal: Principal, requirement_id: UUID, version: int, offer_id: UUID, why: str
    ) -> Comparison:
        """Accept the reason for a price below the least lawful one: it then counts as that price would.

        Raises:
            NotFound: No such offer, or its price is lawful without a reason.
            NotYet: The offers have no marks yet.
        """
        made = await self._comparing(principal, requirement_id, version)
        if not made.is_marked:
            raise NotYet("Give every offer its mark first.")
        item = next((item for item in made.offers if item.offer.id == offer_id and item.offer.is_below_cost), None)
        if item is None or item in made.kept:
            raise NotFound
        item.offer.scores = {**item.offer.scores, "accepted": why}
        self._note(principal, "matching.accept_low_price", item.offer, {"accepted": True}, why)
        await self._score(made)
        return made

    async def rescore(self, requirement: Requirement) -> None:
        """Give points anew, after the ceiling has changed. The caller has locked the requirement."""
        made = await self.compare(requirement, locked=True)
        if made.is_marked:
            await self._score(made)

    async def hear(self, principal: Principal, requirement_id: UUID, version: int, form: HeardForm) -> Preference:
        """Record what the person said about the offers, and whom they chose (Procurement Act, Schedule 5, 15-17).

        Raises:
            NotYet: The offers are not compared yet, so there is nothing to be heard about.
        """
        made = await self._comparing(principal, requirement_id, version)
        if not made.is_marked:
            raise NotYet("Compare the offers first, so that the person hears what there is.")
        return await PreferenceService(self.db).record(
            principal,
            person_id=made.requirement.person_id,
            requirement_id=requirement_id,
            how=form.how,
            said=form.said,
            organisation_id=form.organisation_id,
        )

    async def award(self, principal: Principal, requirement_id: UUID, form: AwardForm) -> list[RequirementAward]:
        """Award one offer, or several that together cover every visit once.

        After one of several awards was taken back, the visits of the others stay theirs: what is awarded is the rest.

        Raises:
            NotYet: The offers have no points, or the person was not heard since.
            AwardRefused: Visits are left over or covered twice, more providers than agreed, above the ceiling, an
                offer that is no longer valid, a start in the past, or a conflict of interest declared since.
            CareNotAccredited: A provider's accreditation does not count on the first day (invariant 6).
            InvalidInput: Not the person's choice, or not the first, without a reason.
        """
        made = await self._comparing(principal, requirement_id, form.version)
        row = made.requirement
        if not made.is_marked:
            raise NotYet("Give every offer its mark first.")
        if made.heard is None:
            raise NotYet("Hear the person first: what they say is recorded before anything is awarded.")
        kept = made.kept
        chosen = [item for item in made.offers if item.offer.id in set(form.offer_ids) and item not in kept]
        if len(chosen) != len(form.offer_ids) or not chosen:
            raise NotFound
        self._check(made, chosen)
        conflicts = await self.requirements.conflicts(row.council_id, row.person_id)
        for item in chosen:
            if item.offer.organisation_id in conflicts:
                raise AwardRefused(f"A conflict of interest is recorded for {item.name}. Choose another offer.")
            await self._need_accreditation(row, item)
        if needs_reason(made, chosen) and not form.reason:
            against = any(item.is_chosen for item in made.offers)
            words = "another offer than the person chose" if against else "an offer that is not first in points"
            raise InvalidInput({"reason": f"Say why you award {words}"})
        now = self.clock.now()
        awards = []
        for item in chosen:
            REQUIREMENT_OFFER.move(self.db, item.offer, RequirementOfferStatus.WON, by=principal.user_id)
            award = RequirementAward(
                council_id=row.council_id,
                requirement_id=row.id,
                offer_id=item.offer.id,
                organisation_id=item.offer.organisation_id,
                preference_id=made.heard.id,
                visit_ids=sorted(str(visit_id) for visit_id in item.visit_ids),
                rate_pence=item.offer.rate_pence,
                weekly_pence=item.offer.weekly_pence,
                starts_on=item.offer.starts_on,
                rank=item.rank,
                override_reason=form.reason,
                awarded_by_user_id=principal.user_id,
                awarded_at=now,
            )
            self.db.add(award)
            awards.append(award)
        winners = {item.offer.id for item in chosen}
        for item in made.offers:
            if item.offer.id not in winners and item not in kept:
                RequirementService(self.db).lose(item.offer, principal.user_id, "Another offer was chosen")
        REQUIREMENT.move(self.db, row, RequirementStatus.AWARDED, by=principal.user_id, why=form.reason)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.award_requirement",
            council_id=row.council_id,
            subject_kind="requirement",
            subject_id=row.id,
            after={
                "status": row.status,
                "offers": sorted(str(item) for item in winners),
                "ranks": [item.rank for item in chosen],
                "preference_id": made.heard.id,
            },
            why=form.reason,
        )
        for award in awards:
            outbox.publish(
                self.db,
                RequirementAwarded(
                    council_id=row.council_id,
                    requirement_id=row.id,
                    award_id=award.id,
                    offer_id=award.offer_id,
                    organisation_id=award.organisation_id,
                    person_id=row.person_id,
                    weekly_pence=award.weekly_pence,
                ),
            )
        outbox.publish(
            self.db, RequirementClosed(council_id=row.council_id, requirement_id=row.id, status=row.status.value)
        )
        return awards

    async def _comparing(self, principal: Principal, requirement_id: UUID, version: int) -> Comparison:
        """Lock a requirement whose offers are compared, then its offers."""
        principal.require(Permission.REQUIREMENTS_WRITE)
        row = await RequirementService(self.db).locked_as_shown(principal, requirement_id, version)
        if row.status is not RequirementStatus.CLOSED:
            raise RequirementNotOpen(f"Its state is now: {REQUIREMENT_LABELS[row.status].lower()}.")
        return await self.compare(row, locked=True)

    async def _heard(self, requirement: Requirement) -> Preference | None:
        """Return what the person said since this round was opened, and since an award of it was taken back.

        Earlier words were about other offers.
        """
        found = await PreferenceService(self.db).latest(requirement.council_id, requirement_id=requirement.id)
        if found is None or requirement.opened_at is None or found.heard_at < requirement.opened_at:
            return None
        ended_at = await self.awards.last_taken_back(requirement.council_id, requirement.id)
        return None if ended_at is not None and found.heard_at < ended_at else found

    async def _score(self, made: Comparison) -> None:
        row = made.requirement
        for item in made.offers:
            offer = item.offer
            if item in made.kept:
                continue  # Its points are those by which it was awarded.
            facts = OfferFacts(
                weekly_pence=offer.weekly_pence,
                ceiling_pence=item.ceiling_pence,
                legal_pence=int(offer.legal_cost["total_pence"]),
                accepted_below_cost="accepted" in offer.scores,
                quality=item.quality,
                is_known=item.is_known,
                starts_on=offer.starts_on,
                wanted_on=row.starts_on,
                latest_on=row.latest_start_on,
                mark=int(offer.scores["mark"]),
                mark_reason=str(offer.scores["reason"]),
            )
            score = score_offer(facts, made.weights)
            offer.scores = {**offer.scores, "score": score.as_json()}
            offer.total = score.total
        await self.db.flush()

    def _check(self, made: Comparison, chosen: Sequence[Compared]) -> None:
        row, on = made.requirement, today(self.clock)
        together = [*made.kept, *chosen]
        if len(together) > 1 and not (row.split_agreed and len(together) <= row.most_providers):
            raise AwardRefused("The person has not agreed to so many providers.")
        covered = [visit_id for item in together for visit_id in item.visit_ids]
        visits = {visit.id: visit for visit in made.visits}
        twice = {visit_id for visit_id in covered if covered.count(visit_id) > 1}
        if twice:
            raise AwardRefused(f"More than one offer covers {_named(visits, twice)}.")
        left = set(visits) - set(covered)
        if left:
            raise AwardRefused(f"Nobody would come for {_named(visits, left)}.")
        price = sum(item.offer.weekly_pence for item in together)
        if price > row.ceiling_weekly_pence:
            raise AwardRefused(
                f"{pounds(price)} a week is above the ceiling of {pounds(row.ceiling_weekly_pence)}. "
                "Raise the ceiling first, or choose another offer."
            )
        for item in chosen:
            if item.offer.valid_until < on:
                raise AwardRefused(f"The offer of {item.name} stood until {uk_date(item.offer.valid_until)}.")
            if item.offer.starts_on < on:
                raise AwardRefused(f"{item.name} offered to start on {uk_date(item.offer.starts_on)}, which is past.")
            if str(item.offer.organisation_id) in row.excluded_organisation_ids:
                raise AwardRefused(f"The person does not want {item.name}.")

    async def _need_accreditation(self, row: Requirement, item: Compared) -> None:
        live = await AccreditationRepository(self.db).is_live(
            item.offer.organisation_id, row.council_id, row.service_line, item.offer.starts_on, today(self.clock)
        )
        if not live:
            raise CareNotAccredited(
                f"The accreditation of {item.name} does not count on {uk_date(item.offer.starts_on)}. "
                "Choose another offer."
            )

    def _note(
        self, principal: Principal, action: str, offer: RequirementOffer, after: dict[str, Any], why: str
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=offer.council_id,
            subject_kind="requirement_offer",
            subject_id=offer.id,
            after=after,
            why=why,
        )


def needs_reason(made: Comparison, chosen: Sequence[Compared]) -> bool:
    """Whether an award must be explained: it is not the person's choice, or, where they chose nobody, not the first.

    The whole week from one provider comes before shared weeks: a shared award needs a reason while a whole offer
    stands within the ceiling.
    """
    if any(item.is_chosen for item in made.offers):
        return not any(item.is_chosen for item in chosen)
    if made.kept:
        taken = frozenset().union(*(item.visit_ids for item in made.kept))
        free = [item for item in made.offers if not item.visit_ids & taken]
        return min(item.rank for item in chosen) != min(item.rank for item in free)
    whole = [item for item in made.offers if item.is_whole]
    if len(chosen) == 1:
        return chosen[0].rank != min(item.rank for item in whole or made.offers)
    if any(item.offer.weekly_pence <= made.requirement.ceiling_weekly_pence for item in whole):
        return True
    parts = [item for item in made.offers if not item.is_whole]
    return min(item.rank for item in chosen) != min(item.rank for item in parts)


def _order(rows: Iterable[RequirementOffer]) -> dict[UUID, int]:
    """Return ranks by points; among equals who sent first comes first."""
    scored = [row for row in rows if row.total is not None]
    scored.sort(key=lambda row: (-(row.total or 0), row.submitted_at or row.made_at, row.id))
    return {row.id: rank for rank, row in enumerate(scored, start=1)}


def _share(ceiling_pence: int, visits: Sequence[RequirementVisit], covered: Iterable[UUID]) -> int:
    """Return the part of the ceiling that some visits have, by their minutes, half a penny up."""
    wanted = set(covered)
    part = worker_minutes([visit for visit in visits if visit.id in wanted])
    return half_up(ceiling_pence * part, max(1, worker_minutes(visits)))


def _named(visits: Mapping[UUID, RequirementVisit], ids: Iterable[UUID]) -> str:
    found = sorted((visits[item] for item in ids), key=lambda visit: (visit.weekday, visit.starts_local))
    shown = "; ".join(visit_words(visit) for visit in found[:3])
    return f"{shown} and {len(found) - 3} more" if len(found) > 3 else shown
