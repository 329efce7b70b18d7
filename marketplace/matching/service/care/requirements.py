"""Requirements for care: writing them, asking providers, ending a round, changing the terms, giving up."""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput
from marketplace.core.formats import pounds
from marketplace.matching.calendar import answer_deadline
from marketplace.matching.care.week import quarters
from marketplace.matching.engine import Rule
from marketplace.matching.errors_care import NotYet, RequirementChanged, RequirementNotOpen
from marketplace.matching.events import RequirementClosed, RequirementOpened, RequirementWithdrawn
from marketplace.matching.forms_care import OpenForm, RequirementForm, TermsForm, VisitLine
from marketplace.matching.models import (
    Requirement,
    RequirementInvitation,
    RequirementOffer,
    RequirementRoute,
    RequirementVisit,
    UnmetReason,
    UnmetRequirement,
    WeightPurpose,
)
from marketplace.matching.packs_care import identifiers, may_show, outward_of
from marketplace.matching.repository import WeightRepository
from marketplace.matching.repository.care import (
    CareOfferRepository,
    InvitationRepository,
    RequirementRepository,
    UnmetRepository,
)
from marketplace.matching.service.care.candidates import CareRankingService
from marketplace.matching.service.care.ranking import RankedProviders
from marketplace.matching.states import (
    REQUIREMENT,
    REQUIREMENT_OFFER,
    RequirementOfferStatus,
    RequirementStatus,
)
from marketplace.matching.words_care import CARE_DECLINE_LABELS, CARE_DECLINE_REASONS, REQUIREMENT_LABELS
from marketplace.people import PeopleRepository
from marketplace.people.models import Person

LATE = "The time for offers has ended"
ALL_DECLINED = "Everybody who was asked said no"
NOBODY = "Nobody could be asked"
_FIELDS = tuple(name for name in RequirementForm.__struct_fields__ if name not in ("visits", "version"))
_UNMET_BY_RULE = {
    Rule.WITHIN_AREA.value: UnmetReason.TOO_FAR,
    Rule.HAS_CAPACITY.value: UnmetReason.NO_HOURS,
    Rule.REQUIRED_SKILL.value: UnmetReason.NO_SKILL,
    Rule.ESSENTIAL_LANGUAGE.value: UnmetReason.NO_LANGUAGE,
}


class RequirementService:
    """Requirements of a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.requirements = RequirementRepository(db)
        self.invitations = InvitationRepository(db)
        self.offers = CareOfferRepository(db)
        self.unmet = UnmetRepository(db)
        self.people = PeopleRepository(db)

    async def record(self, principal: Principal, person_id: UUID, form: RequirementForm) -> Requirement:
        """Write a draft. Nobody outside the council sees it before it is opened.

        Raises:
            NotFound: The person is not one of the council's.
        """
        principal.require(Permission.REQUIREMENTS_WRITE)
        person = await self.people.find(principal.council_id, person_id)
        row = Requirement(
            council_id=principal.council_id,
            person_id=person.id,
            reference=await self.requirements.next_reference(principal.council_id, today(self.clock).year),
            status=RequirementStatus.DRAFT,
            route=RequirementRoute.LOT,
            outward=outward_of(person),
            agreed_ceiling_pence=form.ceiling_weekly_pence,
            created_by_user_id=principal.user_id,
            created_at=self.clock.now(),
            **_values(form),
        )
        self.db.add(row)
        await self.db.flush()
        self._write_visits(row, form.visits)
        await self.db.flush()
        REQUIREMENT.begin(self.db, row, by=principal.user_id)
        self._note(principal, "matching.record_requirement", row)
        return row

    async def update(self, principal: Principal, requirement_id: UUID, form: RequirementForm) -> Requirement:
        """Change a draft. What a broker said about its words counts no longer when they change.

        Raises:
            RequirementChanged: Somebody else saved it since the form was drawn.
            RequirementNotOpen: Providers have seen it: the terms alone may change, between two rounds.
        """
        row = await self._locked(principal, requirement_id, form.version)
        if row.status is not RequirementStatus.DRAFT:
            raise RequirementNotOpen("Providers have seen it, so its words and visits stay as they are.")
        person = await self.people.find(principal.council_id, row.person_id)
        changed = {name: value for name, value in _values(form).items() if getattr(row, name) != value}
        for name, value in changed.items():
            setattr(row, name, value)
        if changed.keys() & {"summary", "outcomes"}:
            row.checked_text = False
        row.agreed_ceiling_pence = form.ceiling_weekly_pence
        row.outward = outward_of(person)
        before = await self.requirements.visits(row.council_id, row.id)
        if [_line(visit) for visit in before] != form.visits:
            for visit in before:
                await self.db.delete(visit)
            await self.db.flush()
            self._write_visits(row, form.visits)
            changed["visits"] = len(form.visits)
        # The version goes on even when only visits changed, so that two brokers notice each other.
        flag_modified(row, "closed_reason")
        await self.db.flush()
        if changed:
            # Names of fields only: what they say is about a person, and the log outlives erasure.
            self._note(principal, "matching.update_requirement", row, after={"changed": sorted(changed)})
        return row

    async def confirm_text(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """Record that a broker looked at the warnings and says that the text names nobody (K4).

        Raises:
            NotYet: It holds something that must go, such as a telephone number.
        """
        row = await self._locked(principal, requirement_id, version)
        person = await self.people.find(row.council_id, row.person_id)
        warnings = identifiers(row, person)
        if not may_show(warnings, is_checked=True):
            raise NotYet("Take out what must go first: it tells who the person is.")
        row.checked_text = True
        await self.db.flush()
        kinds = sorted({item.kind for items in warnings.values() for item in items})
        self._note(principal, "matching.confirm_requirement_text", row, after={"kinds": kinds})
        return row

    async def ranked(self, principal: Principal, row: Requirement, person: Person | None = None) -> RankedProviders:
        """Rank who could deliver a requirement now.

        Raises:
            CannotRank: The place is not known, or there is no visit.
        """
        visits = await self.requirements.visits(row.council_id, row.id)
        person = person or await self.people.find(row.council_id, row.person_id)
        return await CareRankingService(self.db).rank(row, visits, person, principal.council_name)

    async def open(self, principal: Principal, requirement_id: UUID, form: OpenForm) -> Requirement:
        """Ask providers: the first alone, several, or everybody who is accredited and covers the place.

        The ranking is made afresh: who no longer fits is not asked. The clock counts working hours. The weights by
        which offers are scored are fixed now. Where nobody can be asked, the need is logged as unmet at once.

        Raises:
            RequirementChanged: Somebody else saved it since the page was drawn.
            RequirementNotOpen: It is awarded, withdrawn, or offers are under way.
            NotYet: The text may tell who the person is, or the first day has passed.
            InvalidInput: Who was chosen cannot be asked any more.
        """
        row = await self._locked(principal, requirement_id, form.version)
        if row.status not in (RequirementStatus.DRAFT, RequirementStatus.NO_OFFERS, RequirementStatus.CLOSED):
            raise RequirementNotOpen(_state_words(row))
        person = await self.people.find(row.council_id, row.person_id)
        self._need_ready(row, person)
        ranked = await self.ranked(principal, row, person)
        asked = await self._whom(row, form, ranked)
        await self._end_offers(row, principal.user_id, "The council asks again")
        on, now = today(self.clock), self.clock.now()
        weights = await WeightRepository(self.db).in_force(row.council_id, WeightPurpose.OFFERS, on)
        row.route, row.round, row.opened_at = form.route, row.round + 1, now
        row.answer_by = answer_deadline(now, ranked.answer_hours)
        row.award_weight_set_id = weights.id if weights is not None else None
        row.ranking = {**ranked.stored(), "made_at": now.isoformat(), "round": row.round, "by": str(principal.user_id)}
        REQUIREMENT.move(self.db, row, RequirementStatus.OPEN, by=principal.user_id, why=form.reason)
        await self._invite(row, [(item, ranked) for item in asked])
        await self.db.flush()
        self._note(
            principal,
            "matching.open_requirement",
            row,
            after={
                "round": row.round,
                "route": row.route,
                "asked": asked,
                "ranking": ranked.fingerprint,
                "weights": ranked.weights_version,
            },
            why=form.reason,
        )
        if not asked:
            await self._end_round(row, None, NOBODY, _why_nobody(ranked))
            return row
        outbox.publish(self.db, RequirementOpened(council_id=row.council_id, requirement_id=row.id, round=row.round))
        return row

    async def close_early(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """End a round before its time, once everybody who was asked has answered.

        Raises:
            NotYet: Somebody has not answered.
        """
        row = await self._locked(principal, requirement_id, version)
        if row.status is not RequirementStatus.OPEN:
            raise RequirementNotOpen(_state_words(row))
        if await self._waits_for(row):
            raise NotYet("Somebody who was asked has not answered yet, and has time until the clock ends.")
        await self._end_round(row, principal, "Everybody who was asked has answered")
        return row

    async def close_on_time(self, council_id: UUID, requirement_id: UUID) -> bool:
        """End a round whose clock has ended. Returns whether there was anything to end."""
        row = await self.requirements.find(council_id, requirement_id, locked=True)
        ended = row.answer_by is not None and self.clock.now() >= row.answer_by
        if row.status is not RequirementStatus.OPEN or not ended:
            return False
        await self._end_round(row, None, LATE)
        return True

    async def close_if_all_declined(self, row: Requirement) -> None:
        """End a round at once when everybody who was asked said no. The caller has locked the requirement."""
        asked = await self._asked(row)
        if not asked or any(item.declined_at is None for item in asked):
            return
        if not await self.offers.count_live(row.council_id, row.id):
            await self._end_round(row, None, ALL_DECLINED)

    async def refuse_all(
        self, principal: Principal, requirement_id: UUID, version: int, reason: UnmetReason, why: str
    ) -> Requirement:
        """Take none of the offers: the need is logged as unmet with its reason, and the ways on are open (K6)."""
        row = await self._locked(principal, requirement_id, version)
        if row.status is not RequirementStatus.CLOSED:
            raise RequirementNotOpen(_state_words(row))
        await self._end_offers(row, principal.user_id, why)
        await self._move_unmet(row, principal, why, reason)
        return row

    async def change_terms(self, principal: Principal, requirement_id: UUID, form: TermsForm) -> Requirement:
        """Widen, share, raise or move the days before providers are asked again (K6).

        A broker may raise the ceiling up to the council's limit above what was agreed; more needs somebody who may
        raise it. While offers are compared the ceiling alone may change.

        Raises:
            Forbidden: Not the role.
            InvalidInput: More than a broker may raise.
            RequirementChanged: Somebody else saved it since the form was drawn.
            RequirementNotOpen: Providers are being asked, or it is over.
        """
        may_write = principal.may(Permission.REQUIREMENTS_WRITE)
        if not may_write:
            principal.require(Permission.CEILING_RAISE)
        row = await self.locked_as_shown(principal, requirement_id, form.version)
        if row.status not in (RequirementStatus.NO_OFFERS, RequirementStatus.CLOSED):
            raise RequirementNotOpen(_state_words(row))
        wanted = {
            name: getattr(form, name) for name in TermsForm.__struct_fields__ if name not in ("reason", "version")
        }
        before = {name: getattr(row, name) for name in wanted}
        changed = {name: value for name, value in wanted.items() if before[name] != value}
        compares = row.status is RequirementStatus.CLOSED and await self.offers.count_live(row.council_id, row.id)
        if compares and changed.keys() - {"ceiling_weekly_pence"}:
            raise RequirementNotOpen("While offers are compared, only the ceiling may change.")
        if not may_write and changed.keys() - {"ceiling_weekly_pence"}:
            raise Forbidden("Your role may change the ceiling alone.")
        await self._check_ceiling(principal, row, form.ceiling_weekly_pence)
        for name, value in changed.items():
            setattr(row, name, value)
        await self.db.flush()
        if changed:
            self._note(
                principal,
                "matching.change_requirement_terms",
                row,
                before={name: before[name] for name in changed},
                after=changed,
                why=form.reason,
            )
        return row

    async def withdraw(self, principal: Principal, requirement_id: UUID, version: int, why: str) -> Requirement:
        """Give a requirement up: the care is not wanted any more. Whoever was asked or offered is told."""
        row = await self._locked(principal, requirement_id, version)
        before = row.status
        await self._end_offers(row, principal.user_id, "The council no longer needs this care")
        REQUIREMENT.move(self.db, row, RequirementStatus.WITHDRAWN, by=principal.user_id, why=why)
        row.closed_reason = why
        await self.db.flush()
        self._note(principal, "matching.withdraw_requirement", row, before={"status": before}, why=why)
        outbox.publish(self.db, RequirementWithdrawn(council_id=row.council_id, requirement_id=row.id))
        return row

    async def explain_unmet(self, principal: Principal, requirement_id: UUID, reason: UnmetReason) -> UnmetRequirement:
        """Correct why a need was not met.

        Raises:
            NotFound: Nothing was logged, or it is another council's.
        """
        principal.require(Permission.REQUIREMENTS_WRITE)
        await self.requirements.find(principal.council_id, requirement_id, locked=True)
        row = await self.unmet.of_requirement(principal.council_id, requirement_id, locked=True)
        if row is None:
            raise RequirementNotOpen("Nothing is logged as not met.")
        before, row.reason = row.reason, reason
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "matching.explain_unmet",
            council_id=row.council_id,
            subject_kind="unmet_requirement",
            subject_id=row.id,
            before={"reason": before},
            after={"reason": reason},
        )
        return row

    # Steps that several verbs share

    async def _locked(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        principal.require(Permission.REQUIREMENTS_WRITE)
        return await self.locked_as_shown(principal, requirement_id, version)

    async def locked_as_shown(self, principal: Principal, requirement_id: UUID, version: int) -> Requirement:
        """Lock a requirement that nobody changed since a page showed it.

        Raises:
            NotFound: Another council's.
            RequirementChanged: Somebody saved it in the meantime.
        """
        row = await self.requirements.find(principal.council_id, requirement_id, locked=True)
        if row.version != version:
            raise RequirementChanged("Open it again, look at what has changed, then go on.")
        return row

    def _need_ready(self, row: Requirement, person: Person) -> None:
        if not may_show(identifiers(row, person), is_checked=row.checked_text):
            raise NotYet("The text may tell who the person is. Look at what providers will see first.")
        if row.latest_start_on < today(self.clock):
            raise NotYet("The last day for a start has passed. Change the days first.")

    async def _whom(self, row: Requirement, form: OpenForm, ranked: RankedProviders) -> list[UUID]:
        """Return who is asked, best placed first."""
        order = [line.id for line in ranked.lines]
        declined = {item.organisation_id for item in await self._asked(row, every=True) if item.declined_at}
        match form.route:
            case RequirementRoute.LOT:
                return order
            case RequirementRoute.FIRST if not form.organisation_ids:
                # Who said no is passed over; the broker may name them all the same.
                return [item for item in order if item not in declined][:1]
            case _:
                gone = [item for item in form.organisation_ids if item not in order]
                if gone:
                    raise InvalidInput({"organisation_ids": "One of them cannot be asked any more. Look again"})
                return [item for item in order if item in form.organisation_ids]

    async def _asked(self, row: Requirement, *, every: bool = False) -> list[RequirementInvitation]:
        found = await self.invitations.of_requirement(row.council_id, row.id)
        return [item[0] for item in found if every or item[0].round == row.round]

    async def _waits_for(self, row: Requirement) -> bool:
        answered = {offer.organisation_id for offer in await self.offers.of_requirement(row.council_id, row.id)}
        return any(item.declined_at is None and item.organisation_id not in answered for item in await self._asked(row))

    async def _invite(self, row: Requirement, asked: Sequence[tuple[UUID, RankedProviders]]) -> None:
        """Ask organisations; who was asked in an earlier round is asked anew."""
        known = {item.organisation_id: item for item in await self._asked(row, every=True)}
        for organisation_id, ranked in asked:
            line = ranked.line(organisation_id)
            item = known.get(organisation_id)
            if item is None:
                item = RequirementInvitation(
                    council_id=row.council_id, requirement_id=row.id, organisation_id=organisation_id
                )
                self.db.add(item)
            item.round, item.invited_at, item.rank = row.round, self.clock.now(), line.rank if line else None
            item.seen_at = item.reminded_at = item.declined_at = None
            item.decline_reason = ""

    async def _end_round(
        self, row: Requirement, principal: Principal | None, why: str, reason: UnmetReason | None = None
    ) -> None:
        """Close a round: with offers to compare, or as not met."""
        if not await self.offers.count_live(row.council_id, row.id):
            await self._move_unmet(row, principal, why, reason or await self._why_unmet(row))
            return
        by = principal.user_id if principal else None
        REQUIREMENT.move(self.db, row, RequirementStatus.CLOSED, by=by, why=why)
        await self.db.flush()
        self._note(principal, "matching.close_requirement", row, why=why)
        self._tell_closed(row)

    async def _move_unmet(self, row: Requirement, principal: Principal | None, why: str, reason: UnmetReason) -> None:
        by = principal.user_id if principal else None
        REQUIREMENT.move(self.db, row, RequirementStatus.NO_OFFERS, by=by, why=why)
        visits = await self.requirements.visits(row.council_id, row.id)
        taken = quarters(visits)
        person = await self.people.find(row.council_id, row.person_id)
        self.db.add(
            UnmetRequirement(
                council_id=row.council_id,
                requirement_id=row.id,
                round=row.round,
                service_line=row.service_line,
                outward=row.outward,
                lad_code=person.lad_code,
                bands=[f"{number // 5}-{number % 5}" for number in sorted(taken)],
                quarters=sum(taken.values()),
                reason=reason,
                logged_at=self.clock.now(),
            )
        )
        await self.db.flush()
        self._note(principal, "matching.log_unmet", row, after={"reason": reason, "round": row.round}, why=why)
        self._tell_closed(row)

    async def _why_unmet(self, row: Requirement) -> UnmetReason:
        """Return the reason most providers gave; without one, that nobody offered."""
        codes = {label: code for code, label in CARE_DECLINE_LABELS.items()}
        said = Counter(
            reason
            for item in await self._asked(row)
            if item.declined_at and (reason := CARE_DECLINE_REASONS.get(codes.get(_label(item.decline_reason), "")))
        )
        return max(said, key=lambda item: (said[item], item.value)) if said else UnmetReason.NO_OFFERS

    async def _end_offers(self, row: Requirement, by: UUID, why: str) -> None:
        """Let every offer that stands go without an award.

        Raises:
            NotYet: One of them is awarded some of the visits still.
        """
        offers = await self.offers.of_requirement(row.council_id, row.id, locked=True)
        if any(offer.status is RequirementOfferStatus.WON for offer in offers):
            raise NotYet("A provider is awarded some of the visits. Take that award back first, or award the rest.")
        for offer in offers:
            self.lose(offer, by, why)

    def lose(self, offer: RequirementOffer, by: UUID, why: str) -> None:
        """End one offer without an award."""
        REQUIREMENT_OFFER.move(self.db, offer, RequirementOfferStatus.LOST, by=by, why=why)

    async def _check_ceiling(self, principal: Principal, row: Requirement, pence: int) -> None:
        if pence == row.ceiling_weekly_pence:
            return
        if principal.may(Permission.CEILING_RAISE):
            row.agreed_ceiling_pence = pence
            return
        limit = int(await setting(self.db, row.council_id, "matching.raise_limit_pence", today(self.clock)))
        if pence > row.agreed_ceiling_pence + limit:
            most = pounds(row.agreed_ceiling_pence + limit)
            message = f"You may raise the ceiling to {most} a week. More needs a manager who may raise it"
            raise InvalidInput({"ceiling_weekly_pence": message})

    def _tell_closed(self, row: Requirement) -> None:
        outbox.publish(
            self.db,
            RequirementClosed(council_id=row.council_id, requirement_id=row.id, status=row.status.value),
        )

    def _write_visits(self, row: Requirement, lines: Sequence[VisitLine]) -> None:
        for line in lines:
            self.db.add(
                RequirementVisit(
                    council_id=row.council_id,
                    requirement_id=row.id,
                    weekday=line.weekday,
                    starts_local=line.starts_local,
                    minutes=line.minutes,
                    workers=line.workers,
                )
            )

    def _note(
        self,
        principal: Principal | None,
        action: str,
        row: Requirement,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="requirement",
            subject_id=row.id,
            before=before,
            after={"status": row.status, **(after or {})},
            why=why,
        )


def _values(form: RequirementForm) -> dict[str, Any]:
    return {name: getattr(form, name) for name in _FIELDS}


def _line(visit: RequirementVisit) -> VisitLine:
    return VisitLine(
        weekday=visit.weekday, starts_local=visit.starts_local, minutes=visit.minutes, workers=visit.workers
    )


def _label(reason: str) -> str:
    return reason.split(":", 1)[0]


def _state_words(row: Requirement) -> str:
    return f"Its state is now: {REQUIREMENT_LABELS[row.status].lower()}."


def _why_nobody(ranked: RankedProviders) -> UnmetReason:
    """Return what kept most of those who are known from being asked."""
    said = Counter(_UNMET_BY_RULE[item.code] for item in ranked.left_out if item.code in _UNMET_BY_RULE)
    return max(said, key=lambda item: (said[item], item.value)) if said else UnmetReason.NO_OFFERS
