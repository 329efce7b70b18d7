"""Makes frameworks: versions, lots, criteria, rounds in every state, questions, the engagement log."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from marketplace.core.clock import instant
from marketplace.providers.models import (
    Criterion,
    EngagementEntry,
    Framework,
    FrameworkQuestion,
    FrameworkVersion,
    LateRule,
    Lot,
    Round,
)
from marketplace.providers.service.frameworks.publishing import content_hash
from marketplace.providers.service.frameworks.round_forms import working_day
from marketplace.providers.states import FrameworkVersionStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content import frameworks_derby, frameworks_doncaster, frameworks_lancashire
from marketplace.reporting.demo.content.framework_shapes import Entry, FrameworkText, RoundText, Said, VersionText
from marketplace.reporting.demo.world import Council, World

LONGEST_AGO = -380
"""Days back from today that a round may have opened: the councils of the demo are little older."""
ANSWERED_AFTER = timedelta(days=2)
CLOSING_NOTICE = timedelta(days=7)


def make_frameworks(world: World, council: Council) -> None:
    """Keep the frameworks of a council."""
    texts: dict[str, tuple[FrameworkText, ...]] = {
        "lancashire": frameworks_lancashire.frameworks(world.today),
        "doncaster": frameworks_doncaster.FRAMEWORKS,
        "derby": frameworks_derby.FRAMEWORKS,
    }
    for text in texts.get(council.text.slug, ()):
        _framework(world, council, text)


def _framework(world: World, council: Council, text: FrameworkText) -> None:
    by = council.staff["accreditor"]
    first = min(version.published for version in text.versions if version.published is not None)
    at = world.at(world.today + timedelta(days=first - 5), 9)
    framework_id = world.book.add(
        Framework,
        at,
        council_id=council.id,
        slug=text.slug,
        name=text.name,
        summary=text.summary,
        created_by_user_id=by,
        created_at=at,
        closed_at=None,
    )
    after = {"name": text.name}
    world.book.audit(
        council.id, at, "providers.add_framework", "framework", framework_id, (by, "accreditor"), after=after
    )
    versions = [
        _version(world, council, framework_id, number, version) for number, version in enumerate(text.versions, start=1)
    ]
    for row in text.rounds:
        _round(world, council, framework_id, versions[row.version - 1], row)
    for entry in text.entries:
        _entry(world, council, framework_id, entry)


def _version(world: World, council: Council, framework_id: UUID, number: int, text: VersionText) -> UUID:
    """Keep a version as a draft; it is published when its lots and criteria are there, as in life."""
    book, by = world.book, council.staff["accreditor"]
    day = world.today + timedelta(days=text.published if text.published is not None else -3)
    published_at = world.at(day, 11)
    begun_at = published_at - timedelta(days=2)
    version = {
        "council_id": council.id,
        "framework_id": framework_id,
        "number": number,
        "status": FrameworkVersionStatus.DRAFT,
        "specification": text.specification.strip(),
        "changes": text.changes,
        "agreement_terms": text.terms.strip(),
        "content_hash": None,
        "published_by_user_id": None,
        "published_at": None,
        "created_at": begun_at,
        "version": 1,
    }
    version_id = book.add(FrameworkVersion, begun_at, **version)
    lots: list[dict[str, Any]] = []
    for position, lot in enumerate(text.lots, start=1):
        values = {
            "council_id": council.id,
            "version_id": version_id,
            "code": lot.code,
            "name": lot.name,
            "description": lot.description,
            "service_line": lot.service,
            "district_codes": [],
            "evidence": [kind.value for kind in lot.evidence],
            "needs_registration": lot.is_regulated,
            "trusts_other_councils": True,
            "agreement_months": lot.months,
            "pass_percent": lot.passing,
            "position": position,
        }
        lots.append({**values, "id": book.add(Lot, begun_at, **values)})
    ids = {lot["code"]: lot["id"] for lot in lots}
    criteria: list[dict[str, Any]] = []
    for position, asked in enumerate(text.asked, start=1):
        values = {
            "council_id": council.id,
            "version_id": version_id,
            "lot_id": ids.get(asked.lot),
            "key": asked.key,
            "kind": asked.kind,
            "title": asked.title,
            "question": asked.question,
            "help": asked.help,
            "wanted_answer": asked.wanted,
            "evidence_kind": asked.evidence.value if asked.evidence else "",
            "longest_words": asked.words,
            "weight_percent": asked.weight,
            "pass_score": asked.least,
            "position": position,
        }
        criteria.append({**values, "id": book.add(Criterion, begun_at, **values)})
    moves: list[Move] = [(FrameworkVersionStatus.DRAFT.value, begun_at, by, "")]
    if text.published is not None:
        moves.append((FrameworkVersionStatus.PUBLISHED.value, published_at, by, ""))
        sealed = content_hash(
            FrameworkVersion(**version), [Lot(**lot) for lot in lots], [Criterion(**one) for one in criteria]
        )
        book.afterwards(
            FrameworkVersion,
            version_id,
            status=FrameworkVersionStatus.PUBLISHED,
            content_hash=sealed,
            published_by_user_id=by,
            published_at=published_at,
        )
        after = {"number": number, "content_hash": sealed.hex(), "lots": len(lots), "criteria": len(criteria)}
        book.audit(
            council.id,
            published_at,
            "providers.publish_version",
            "framework_version",
            version_id,
            (by, "accreditor"),
            after=after,
        )
    book.steps("framework_version", council.id, version_id, moves)
    return version_id


def _round(world: World, council: Council, framework_id: UUID, version_id: UUID, text: RoundText) -> None:
    today = world.today

    def day(offset: int) -> date:
        return working_day(today + timedelta(days=offset))

    opens_at = instant(day(max(text.opens, LONGEST_AGO)), time(9))
    closes_on = day(text.closes)
    while closes_on >= today > today + timedelta(days=text.closes):
        # What is over stays over: before a weekend, not after it.
        closes_on = _day_before(closes_on)
    closes_at = instant(closes_on, time(12))
    questions_until = min(instant(day(text.questions_until), time(17)), closes_at)
    cancelled_at = world.at(day(text.cancelled), 15) if text.cancelled is not None else None
    created_at = min(opens_at - timedelta(days=10), world.at(today - timedelta(days=4), 10))
    by = council.staff["accreditor"]
    is_opened = opens_at <= world.now
    is_closing = closes_at - CLOSING_NOTICE <= world.now and cancelled_at is None
    round_id = world.book.add(
        Round,
        created_at,
        council_id=council.id,
        framework_id=framework_id,
        version_id=version_id,
        name=text.name,
        opens_at=opens_at,
        questions_until=questions_until,
        closes_at=closes_at,
        late_rule=LateRule.ACCEPT_WITH_REASON if text.late_days else LateRule.REFUSE,
        late_until=instant(working_day(closes_on + timedelta(days=text.late_days)), time(12))
        if text.late_days
        else None,
        decides_on=day(text.decides),
        starts_on=day(text.starts),
        reopens_on=day(text.reopens) if text.reopens is not None else None,
        cancelled_at=cancelled_at,
        cancelled_because=text.because,
        told_open_at=opens_at + timedelta(minutes=4) if is_opened else None,
        told_closing_at=max(closes_at - CLOSING_NOTICE, opens_at) + timedelta(minutes=4) if is_closing else None,
        created_by_user_id=by,
        created_at=created_at,
        version=1,
    )
    after = {"name": text.name, "closes_at": closes_at.isoformat()}
    world.book.audit(council.id, created_at, "providers.add_round", "round", round_id, (by, "accreditor"), after=after)
    for said in text.questions:
        _question(world, council, round_id, opens_at, said)


def _question(world: World, council: Council, round_id: UUID, opens_at: datetime, said: Said) -> None:
    shop = council.shop(said.by)
    asked_at = max(world.at(world.today + timedelta(days=said.day), 14), min(opens_at + timedelta(hours=1), world.now))
    is_answered = bool(said.answer)
    world.book.add(
        FrameworkQuestion,
        asked_at,
        council_id=council.id,
        round_id=round_id,
        organisation_id=shop.id,
        asked_by_user_id=shop.user_id,
        question=said.question,
        published_question=said.published,
        answer=said.answer,
        asked_at=asked_at,
        answered_by_user_id=council.staff["accreditor"] if is_answered else None,
        published_at=min(asked_at + ANSWERED_AFTER, world.now) if is_answered else None,
    )


def _entry(world: World, council: Council, framework_id: UUID, entry: Entry) -> None:
    held_on = world.today + timedelta(days=entry.day)
    made_at = world.at(held_on, 16)
    shop = council.shop(entry.by) if entry.by else None
    world.book.add(
        EngagementEntry,
        made_at,
        council_id=council.id,
        framework_id=framework_id,
        kind=entry.kind,
        held_on=held_on,
        title=entry.title,
        said=entry.said,
        done=entry.done,
        people=entry.people,
        organisations=1 if shop else entry.organisations,
        organisation_id=shop.id if shop else None,
        lot_codes=list(entry.lots),
        is_public=entry.is_public,
        made_by_user_id=shop.user_id if shop else council.staff["accreditor"],
        made_at=made_at,
        version=1,
    )


def _day_before(day: date) -> date:
    """Return the last working day before a day."""
    day -= timedelta(days=1)
    while working_day(day) != day:
        day -= timedelta(days=1)
    return day
