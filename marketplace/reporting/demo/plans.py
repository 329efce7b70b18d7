"""Tells the history of plans: written, checked, agreed, signed off, paid for, reviewed and sometimes changed."""

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from marketplace.accounts.council_settings import DEFAULTS
from marketplace.accounts.permissions import Role
from marketplace.core.clock import local
from marketplace.plans.models import HelpKind, Plan, PlanItem, PlanVersion, Review, ReviewKind, ReviewOutcome
from marketplace.plans.states import PlanStatus, ReviewStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.plans import (
    ABOUT,
    GOOD_DAYS,
    INFORMATION,
    ITEMS,
    MONEY,
    NOT_WORKING,
    RETURNED,
    RISKS,
    WORKING,
)
from marketplace.reporting.demo.referrals import Matched
from marketplace.reporting.demo.world import Council, World, working_day

CRITERIA: list[str] = DEFAULTS["plans.quality_criteria"]
ANNUAL_WINDOW = timedelta(days=56)
SIGNED_AFTER = timedelta(days=14)


class SignedOff(msgspec.Struct, frozen=True, kw_only=True):
    """A version that earned its tariff."""

    version_id: UUID
    plan_id: UUID
    person_id: UUID
    worker_id: UUID
    user_id: UUID | None
    organisation_id: UUID
    number: int
    visit_minutes: int
    at: datetime


class _Written(msgspec.Struct, kw_only=True):
    """A version as its history ended."""

    row: dict[str, Any]
    moves: list[Move]
    signed_at: datetime | None


class PlanTeller:
    """Writes the plans of one council. `signed_off` gathers what finance has to pay for."""

    def __init__(self, world: World, council: Council) -> None:
        self.world, self.council = world, council
        self.signed_off: list[SignedOff] = []
        self.window: dict[str, int] = council.text.settings["plans.first_review_days"][0]

    def tell(self, matched: Matched) -> None:
        """Write a plan from the day a planner took it on."""
        book, council = self.world.book, self.council
        plan_id = book.add(
            Plan,
            matched.at,
            council_id=council.id,
            referral_id=matched.referral_id,
            person_id=matched.client.id,
            organisation_id=matched.shop.id,
            worker_id=matched.helper.id,
            created_at=matched.at,
        )
        book.audit(
            council.id,
            matched.at,
            "plans.start_plan",
            "plan",
            plan_id,
            (matched.helper.user_id, Role.PLANNER.value) if matched.helper.user_id else None,
            after={"referral_id": str(matched.referral_id)},
        )
        pace = matched.story.pace
        first = self._version(plan_id, matched, 1, matched.at, pace.submit, matched.story.end)
        if first.signed_at is not None:
            held_on = self._reviews(plan_id, matched, first.signed_at)
            if held_on is not None and matched.story.end is None and self.world.rng.random() < 0.14:
                self._change(plan_id, matched, first, held_on)
        self._keep(first)

    def _change(self, plan_id: UUID, matched: Matched, first: _Written, held_on: date) -> None:
        """Start a second version after a review; once signed off it takes the first one's place."""
        begun_at = self.world.at(working_day(held_on + timedelta(days=1)), 11)
        second = self._version(plan_id, matched, 2, begun_at, 6, None)
        if second.signed_at is not None:
            first.moves.append((PlanStatus.SUPERSEDED, second.signed_at, second.row["signed_off_by_user_id"], ""))
            first.row["status"] = PlanStatus.SUPERSEDED
            self._cancel_open_reviews(plan_id, second.signed_at)
            self._reviews(plan_id, matched, second.signed_at)
        self._keep(second)

    def _keep(self, written: _Written) -> None:
        row = written.row
        row["status"] = PlanStatus(written.moves[-1][0])
        row["version"] = len(written.moves)
        row["updated_at"] = max(row["updated_at"], written.moves[-1][1])
        self.world.book.steps("plan_version", self.council.id, row["id"], written.moves)

    def _version(
        self, plan_id: UUID, matched: Matched, number: int, begun_at: datetime, days: int, end: str | None
    ) -> _Written:
        """Write a version as far as it came by now, or as far as its story says."""
        world, rng, council = self.world, self.world.rng, self.council
        client, pace, planner = matched.client, matched.story.pace, matched.helper.user_id
        version_id = world.book.id(begun_at)
        row: dict[str, Any] = {
            "id": version_id,
            "council_id": council.id,
            "plan_id": plan_id,
            "number": number,
            "status": PlanStatus.DRAFT,
            "about_me": rng.choice(ABOUT),
            "good_days": rng.choice(GOOD_DAYS),
            "risks": rng.choice(RISKS),
            "money": rng.choice(MONEY),
            "information_given": rng.choice(INFORMATION),
            "visit_minutes": rng.randrange(180, 361, 15),
            "checks": {},
            "comments": "",
            **dict.fromkeys(("submitted_at", "submitted_by_user_id", "checked_at", "checked_by_user_id")),
            **dict.fromkeys(("agreed_at", "agreed_by_user_id", "signed_off_at", "signed_off_by_user_id")),
            "updated_at": begun_at,
            "version": 1,
        }
        row = world.book.put(PlanVersion, **row)
        self._items(version_id, client.weekly_pence or 12_000, begun_at, complete=end != "draft")
        written = _Written(row=row, moves=[(PlanStatus.DRAFT, begun_at, planner, "")], signed_at=None)
        if end == "draft":
            row["risks"] = row["information_given"] = ""
            return written
        at = self._after(begun_at, days)
        if at is None:
            return written
        self._submit(written, at, planner)
        if end == "in_quality_check":
            return written
        goes_back = end == "returned" or (end is None and rng.random() < 0.16)
        checked_at = self._after(at, pace.check)
        if checked_at is None:
            return written
        quality = council.staff["quality"]
        row["checked_at"], row["checked_by_user_id"] = checked_at, quality
        if goes_back:
            row["comments"] = rng.choice(RETURNED)
            row["checks"] = {**dict.fromkeys(CRITERIA, "yes"), CRITERIA[rng.randint(0, 4)]: "no"}
            written.moves.append((PlanStatus.RETURNED, checked_at, quality, row["comments"]))
            again = self._after(checked_at, 3)
            if end == "returned" or again is None:
                return written
            self._submit(written, again, planner)
            checked_at = self._after(again, pace.check)
            if checked_at is None:
                row["checks"] = {}
                return written
            row["checked_at"] = checked_at
        row["checks"], row["comments"] = dict.fromkeys(CRITERIA, "yes"), ""
        written.moves.append((PlanStatus.AWAITING_AGREEMENT, checked_at, quality, ""))
        self._audit("plans.pass_plan", version_id, checked_at, quality, Role.QUALITY_CHECKER)
        agreed_at = self._after(checked_at, pace.agree)
        if end == "awaiting_agreement" or agreed_at is None:
            return written
        row["agreed_at"], row["agreed_by_user_id"] = agreed_at, client.user_id
        written.moves.append((PlanStatus.AWAITING_SIGN_OFF, agreed_at, client.user_id, ""))
        self._audit("plans.agree_plan", version_id, agreed_at, client.user_id, Role.PERSON)
        signed_at = self._after(agreed_at, pace.sign)
        if end == "awaiting_sign_off" or signed_at is None:
            return written
        signer = rng.choice(council.recorders)
        row["signed_off_at"], row["signed_off_by_user_id"] = signed_at, signer
        written.moves.append((PlanStatus.SIGNED_OFF, signed_at, signer, ""))
        written.signed_at = signed_at
        self._audit("plans.sign_off_plan", version_id, signed_at, signer, Role.SOCIAL_WORKER)
        self.signed_off.append(
            SignedOff(
                version_id=version_id,
                plan_id=plan_id,
                person_id=client.id,
                worker_id=matched.helper.id,
                user_id=planner,
                organisation_id=matched.shop.id,
                number=number,
                visit_minutes=row["visit_minutes"],
                at=signed_at,
            )
        )
        return written

    def _submit(self, written: _Written, at: datetime, planner: UUID | None) -> None:
        written.row["submitted_at"], written.row["submitted_by_user_id"] = at, planner
        written.moves.append((PlanStatus.IN_QUALITY_CHECK, at, planner, ""))
        if planner:
            self._audit("plans.submit_plan", written.row["id"], at, planner, Role.PLANNER)

    def _after(self, at: datetime, days: int) -> datetime | None:
        """Return an hour of a working day some days on; None when that has not come yet."""
        rng = self.world.rng
        day = working_day(local(at).date() + timedelta(days=days))
        later = max(self.world.at(day, rng.randint(9, 16), rng.randint(0, 59)), at + timedelta(minutes=20))
        return later if day < self.world.today and later < self.world.now else None

    def _items(self, version_id: UUID, weekly_pence: int, at: datetime, *, complete: bool) -> None:
        rng = self.world.rng
        chosen = rng.sample(ITEMS, rng.randint(3, 5))
        # Nobody's plan rests on paid care alone: help that costs nothing was looked for first (B8).
        if not any(item[2] in (HelpKind.COMMUNITY, HelpKind.FAMILY, HelpKind.VOLUNTARY) for item in chosen):
            chosen[-1] = ITEMS[2]
        shares = [item[3] for item in chosen]
        ceiling = max(sum(shares), 100)
        for position, (outcome, what, helped_by, share) in enumerate(chosen, start=1):
            if not complete and position > 2:
                break
            self.world.book.add(
                PlanItem,
                at,
                council_id=self.council.id,
                plan_version_id=version_id,
                position=position,
                outcome=outcome,
                what=what,
                helped_by=helped_by,
                weekly_pence=weekly_pence * share // ceiling // 50 * 50,
            )

    def _reviews(self, plan_id: UUID, matched: Matched, signed_at: datetime) -> date | None:
        """Set the first and the yearly review. Returns the day the first one was held, if it was."""
        in_place_on = local(signed_at).date()
        first = (
            in_place_on + timedelta(days=self.window["from"]),
            in_place_on + timedelta(days=self.window["due"]),
            in_place_on + timedelta(days=self.window["until"]),
        )
        held_on = self._first_review(plan_id, matched, signed_at, in_place_on, first)
        year_on = _a_year_after(in_place_on)
        self._review(
            plan_id, matched, ReviewKind.ANNUAL, signed_at, in_place_on, (year_on - ANNUAL_WINDOW, year_on, year_on)
        )
        return held_on

    def _first_review(
        self, plan_id: UUID, matched: Matched, signed_at: datetime, in_place_on: date, window: tuple[date, date, date]
    ) -> date | None:
        world, rng = self.world, self.world.rng
        starts_on, due_on, ends_on = window
        wanted = matched.story.review
        held_on = working_day(due_on + timedelta(days=rng.randint(-8, 7)))
        if wanted == "held" or (wanted is None and held_on < world.today and rng.random() < 0.9):
            if held_on < world.today:
                self._review(
                    plan_id, matched, ReviewKind.WELFARE_CHECK, signed_at, in_place_on, window, held_on, held_on
                )
                return held_on
        elif wanted == "booked" or (wanted is None and world.today >= starts_on and rng.random() < 0.5):
            booked_on = working_day(world.today + timedelta(days=rng.randint(2, 12)))
            if starts_on <= booked_on <= ends_on:
                self._review(plan_id, matched, ReviewKind.WELFARE_CHECK, signed_at, in_place_on, window, booked_on)
                return None
        self._review(plan_id, matched, ReviewKind.WELFARE_CHECK, signed_at, in_place_on, window)
        return None

    def _review(
        self,
        plan_id: UUID,
        matched: Matched,
        kind: ReviewKind,
        signed_at: datetime,
        in_place_on: date,
        window: tuple[date, date, date],
        booked_on: date | None = None,
        held_on: date | None = None,
    ) -> None:
        world, rng, planner = self.world, self.world.rng, matched.helper.user_id
        moves: list[Move] = [(ReviewStatus.DUE, signed_at, planner, "The plan was signed off")]
        if booked_on is not None:
            asked_on = min(booked_on - timedelta(days=rng.randint(6, 12)), world.today)
            moves.append((ReviewStatus.BOOKED, max(world.at(asked_on, 10, 15), signed_at), planner, ""))
        if held_on is not None:
            moves.append((ReviewStatus.HELD, max(world.at(held_on, 16), moves[-1][1]), planner, ""))
        told_at = moves[-1][1] if held_on else None
        # The latest ones still wait for the person.
        is_signed = held_on is not None and held_on <= world.today - SIGNED_AFTER
        if is_signed:
            moves.append((ReviewStatus.SIGNED, moves[-1][1] + timedelta(minutes=20), planner, ""))
        review_id = world.book.add(
            Review,
            signed_at,
            council_id=self.council.id,
            plan_id=plan_id,
            person_id=matched.client.id,
            kind=kind,
            status=ReviewStatus(moves[-1][0]),
            facilitator_id=matched.helper.id,
            plan_in_place_on=in_place_on,
            window_starts_on=window[0],
            due_on=window[1],
            window_ends_on=window[2],
            booked_on=booked_on,
            held_on=held_on,
            working=rng.choice(WORKING) if held_on else "",
            not_working=rng.choice(NOT_WORKING) if held_on else "",
            outcome=ReviewOutcome.GO_ON if held_on else None,
            facilitator_reason="",
            reason="",
            asked_by=None,
            booked_at_time="",
            place="",
            self_review_at=None,
            person_signed_at=moves[-1][1] if is_signed else None,
            person_signed_by_user_id=matched.client.user_id if is_signed else None,
            signed_at=told_at,
            signed_by_user_id=planner if held_on else None,
            created_at=signed_at,
        )
        world.book.steps("review", self.council.id, review_id, moves)

    def _cancel_open_reviews(self, plan_id: UUID, at: datetime) -> None:
        for row in self.world.book.of(Review):
            if row["plan_id"] == plan_id and row["status"] in (ReviewStatus.DUE, ReviewStatus.BOOKED):
                before = row["status"]
                row["status"] = ReviewStatus.CANCELLED
                self.world.book.step("review", self.council.id, row["id"], before, ReviewStatus.CANCELLED, at)

    def _audit(self, action: str, version_id: UUID, at: datetime, user_id: UUID, role: Role) -> None:
        self.world.book.audit(self.council.id, at, action, "plan_version", version_id, (user_id, role.value))


def _a_year_after(day: date) -> date:
    return day.replace(year=day.year + 1) if (day.month, day.day) != (2, 29) else date(day.year + 1, 2, 28)
