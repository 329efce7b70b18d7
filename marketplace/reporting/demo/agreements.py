"""Writes agreements for regular support: one with an assistant that runs and has a rise to answer, one that a
representative signed, and one that waits for an answer."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from marketplace.accounts.law import LawBook
from marketplace.accounts.models import User
from marketplace.bookings.models import (
    AgreementRate,
    AgreementTerms,
    Funding,
    PayBasis,
    Relation,
    Side,
    SupportAgreement,
    VisitPattern,
)
from marketplace.bookings.service.agreements.fair import fair_visits
from marketplace.bookings.service.agreements.fingerprint import terms_print
from marketplace.bookings.service.agreements.pattern_form import PatternLine, rows_of
from marketplace.bookings.service.agreements.prices import TermsView
from marketplace.bookings.service.agreements.week import week_cost
from marketplace.bookings.service.fair_price import fair_price
from marketplace.bookings.service.fair_price_rules import delivery_of
from marketplace.bookings.states import AgreementStatus, TermsStatus
from marketplace.core.clock import week_start
from marketplace.providers.models import DayKind, OrganisationKind, PriceUnit
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.shapes import Offered
from marketplace.reporting.demo.world import Client, Council, Shop, World

ASSISTANT: Final = (
    PatternLine(
        weekdays=(1, 3), starts_local=time(9, 30), minutes=60, note="Breakfast together, then the post and shopping"
    ),
)
COMPANY: Final = (
    PatternLine(weekdays=(0, 4), starts_local=time(10), minutes=45, note="A wash and a hot drink"),
    PatternLine(weekdays=(5,), starts_local=time(14), minutes=60, every_weeks=2, note="A walk, or a game of cards"),
)
WAITING: Final = (PatternLine(weekdays=(6,), starts_local=time(11), minutes=60, note="Sunday lunch"),)
RISE_PENCE: Final = 100
_WORDS: Final = "We ring if we are more than 10 minutes late."


class _Terms(msgspec.Struct, kw_only=True):
    """One version as it is told."""

    starts_on: date
    rate_pence: int
    status: TermsStatus
    offered_at: datetime
    answered_at: datetime | None = None
    reason: str = ""


class _Deal(msgspec.Struct, kw_only=True):
    """One agreement as it is told."""

    shop: Shop
    listing_id: UUID
    offered: Offered
    client: Client
    person_user: UUID
    person_signature: str
    lines: tuple[PatternLine, ...]
    starts_on: date
    status: AgreementStatus
    terms: tuple[_Terms, ...]

    @property
    def worker_id(self) -> UUID | None:
        """The one assistant it is with."""
        return self.shop.helpers[0].id if self.shop.body.kind is OrganisationKind.SOLE_PA else None


def make_agreements(world: World, council: Council, law: LawBook) -> None:
    """Keep the agreements of one council."""
    teller = _Teller(world, council, law)
    star, represented = council.stars["person"], council.stars["represented"]
    monday = week_start(world.today)
    assistant, company = council.shop(council.text.assistant), council.shop(council.text.provider)
    slug = council.text.slug
    hester = next(row for row in world.book.of(User) if row["email"] == f"representative@{slug}.example")
    acting = f"{hester['name']}, acting for {represented.name}"
    for shop, client, user_id, signature, lines, tells in (
        (assistant, star, star.user_id, star.name, ASSISTANT, teller.running_with_rise),
        (
            company,
            represented,
            hester["id"],
            acting,
            COMPANY,
            teller.running,
        ),
        (company, star, star.user_id, star.name, WAITING, teller.waiting),
    ):
        hourly = next((one for one in shop.listings if one[1].unit is PriceUnit.HOUR), None)
        if hourly is not None:
            tells(
                _Deal(
                    shop=shop,
                    listing_id=hourly[0],
                    offered=hourly[1],
                    client=client,
                    person_user=user_id,
                    person_signature=signature,
                    lines=lines,
                    starts_on=monday - timedelta(weeks=8),
                    status=AgreementStatus.AGREED,
                    terms=(),
                )
            )


class _Teller:
    """Keeps agreements of a council, numbered in their order."""

    def __init__(self, world: World, council: Council, law: LawBook) -> None:
        self.world, self.council, self.law = world, council, law
        self.number = 0

    def running_with_rise(self, deal: _Deal) -> None:
        """One that runs, with a rise from four weeks ahead that the person has to answer."""
        world, rate = self.world, deal.offered.pence
        first = self._agreed(deal.starts_on, rate)
        rise = _Terms(
            starts_on=week_start(world.today) + timedelta(weeks=5),
            rate_pence=rate + RISE_PENCE,
            status=TermsStatus.OFFERED,
            offered_at=world.at(world.today - timedelta(days=3), 11),
            reason="My insurance and my travel cost more than last year.",
        )
        self._keep(msgspec.structs.replace(deal, terms=(first, rise)))

    def running(self, deal: _Deal) -> None:
        """One that runs."""
        self._keep(msgspec.structs.replace(deal, terms=(self._agreed(deal.starts_on, deal.offered.pence),)))

    def waiting(self, deal: _Deal) -> None:
        """One that the provider sent and the person has to answer."""
        starts_on = week_start(self.world.today) + timedelta(weeks=3)
        terms = _Terms(
            starts_on=starts_on,
            rate_pence=deal.offered.pence,
            status=TermsStatus.OFFERED,
            offered_at=self.world.at(self.world.today - timedelta(days=1), 15),
        )
        status = AgreementStatus.OFFERED
        self._keep(msgspec.structs.replace(deal, starts_on=starts_on, status=status, terms=(terms,)))

    def _agreed(self, starts_on: date, rate_pence: int) -> _Terms:
        return _Terms(
            starts_on=starts_on,
            rate_pence=rate_pence,
            status=TermsStatus.AGREED,
            offered_at=self.world.at(starts_on - timedelta(days=9), 10),
            answered_at=self.world.at(starts_on - timedelta(days=7), 16, 30),
        )

    def _keep(self, deal: _Deal) -> None:
        book, council, first = self.world.book, self.council, deal.terms[0]
        self.number += 1
        values: dict[str, Any] = {
            "council_id": council.id,
            "reference": f"SA-{self.number:05}",
            "person_id": deal.client.id,
            "organisation_id": deal.shop.id,
            "listing_id": deal.listing_id,
            "worker_id": deal.worker_id,
            "funding": Funding.DIRECT_PAYMENT,
            "relation": Relation.NONE if deal.worker_id else None,
            "lives_with": False if deal.worker_id else None,
            "status": deal.status,
            "written_by": Side.PROVIDER,
            "starts_on": deal.starts_on,
            "ends_on": None,
            "end_reason": "",
            "notice_by": None,
            "notice_at": None,
            "end_before_death_on": None,
            "planned_until": None,
            "not_planned_why": "",
            "created_by_user_id": deal.shop.user_id,
            "created_at": first.offered_at,
            "version": 1,
        }
        agreement_id = book.add(SupportAgreement, first.offered_at, **values)
        by = deal.shop.user_id
        moves: list[Move] = [("draft", first.offered_at, by, ""), ("offered", first.offered_at, by, "")]
        if first.answered_at is not None:
            moves.append(("agreed", first.answered_at, deal.person_user, ""))
        book.steps("support_agreement", council.id, agreement_id, moves)
        agreement = SupportAgreement(id=agreement_id, **values)
        patterns = rows_of(
            deal.lines,
            council_id=council.id,
            agreement_id=agreement_id,
            starts_on=deal.starts_on,
            created_at=first.offered_at,
            worker_id=deal.worker_id,
        )
        self._keep_patterns(patterns, first.offered_at)
        before: TermsView | None = None
        for number, terms in enumerate(deal.terms, 1):
            before = self._keep_terms(deal, agreement, patterns, number, terms, before)

    def _keep_patterns(self, patterns: Sequence[VisitPattern], at: datetime) -> None:
        empty = {"concession": "", "ends_on": None, "second_worker_id": None, "replaces_id": None, "version": 1}
        for row in patterns:
            given = {name: value for name, value in row.to_dict({"id"}).items() if name not in empty}
            self.world.book.add(VisitPattern, at, **given, **empty)

    def _keep_terms(
        self,
        deal: _Deal,
        agreement: SupportAgreement,
        patterns: Sequence[VisitPattern],
        number: int,
        terms: _Terms,
        before: TermsView | None,
    ) -> TermsView:
        book, at = self.world.book, terms.offered_at
        rates = {DayKind.ANY: terms.rate_pence, DayKind.BANK_HOLIDAY: terms.rate_pence * 2}
        values: dict[str, Any] = {
            "council_id": self.council.id,
            "agreement_id": agreement.id,
            "number": number,
            # The database takes rates of a draft alone; what was signed is added when they are there.
            "status": TermsStatus.DRAFT,
            "offered_by": Side.PROVIDER,
            "starts_on": terms.starts_on,
            "reason": terms.reason,
            "price_unit": PriceUnit.HOUR,
            "notice_days": 28,
            "free_cancel_hours": 24,
            "late_cancel_percent": 100,
            "retainer_percent": 0 if deal.worker_id else 50,
            "retainer_days": 0 if deal.worker_id else 14,
            "pay_basis": PayBasis.CAPPED,
            "tolerance_minutes": 5,
            "second_worker_percent": 100,
            "words": _WORDS,
            "answer_by": terms.starts_on - timedelta(days=1),
            "created_at": at,
        }
        view = TermsView(AgreementTerms(**values), rates)
        week = week_cost(view, deal.lines, terms.starts_on)
        delivery = delivery_of(deal.shop.body.kind)
        working = fair_price(self.law, max(terms.starts_on, self.world.today), fair_visits(week), delivery=delivery)
        values |= {
            "weekly_before_pence": week_cost(before, deal.lines, terms.starts_on).weekly_pence if before else None,
            "weekly_pence": week.weekly_pence,
            "working": msgspec.to_builtins(working),
            "sha256": terms_print(agreement, view, patterns),
            **dict.fromkeys(("person_signed_at", "person_signed_by_user_id", "provider_signed_at")),
            "provider_signed_by_user_id": None,
            "person_signature": "",
            "provider_signature": "",
        }
        terms_id = book.add(AgreementTerms, at, **values)
        for kind, pence in rates.items():
            book.add(
                AgreementRate,
                at,
                council_id=self.council.id,
                terms_id=terms_id,
                day_kind=kind,
                is_sleep_in=False,
                price_pence=pence,
            )
        signer = next(row["name"] for row in book.of(User) if row["id"] == deal.shop.user_id)
        signed: dict[str, Any] = {
            "status": terms.status,
            "provider_signed_at": at,
            "provider_signed_by_user_id": deal.shop.user_id,
            "provider_signature": signer,
        }
        moves: list[Move] = [("draft", at, deal.shop.user_id, ""), ("offered", at, deal.shop.user_id, "")]
        if terms.answered_at is not None:
            moves.append(("agreed", terms.answered_at, deal.person_user, ""))
            signed |= {
                "person_signed_at": terms.answered_at,
                "person_signed_by_user_id": deal.person_user,
                "person_signature": deal.person_signature,
            }
        book.steps("agreement_terms", self.council.id, terms_id, moves)
        book.afterwards(AgreementTerms, terms_id, **signed)
        book.audit(
            self.council.id,
            at,
            "bookings.offer_agreement" if number == 1 else "bookings.offer_change",
            "support_agreement",
            agreement.id,
            (deal.shop.user_id, "pa" if deal.worker_id else "provider"),
            after={"number": number, "weekly_pence": week.weekly_pence},
        )
        return TermsView(view.terms, rates)
