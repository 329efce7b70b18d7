"""Makes the workforce: skills and training, a call for planners, a register of assistants in several states."""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from marketplace.accounts.words import SKILLS
from marketplace.providers.models import (
    Accreditation,
    Countersignature,
    Evidence,
    EvidenceKind,
    Nomination,
    NominationCall,
    NominationStatus,
    OrganisationKind,
    PaApproval,
    PaReference,
    ServiceLine,
    StatusTest,
    Worker,
    WorkerKind,
    WorkerTraining,
)
from marketplace.providers.service.workforce.conduct import CURRENT
from marketplace.providers.service.workforce.pa_terms import KEPT, months_after
from marketplace.providers.states import PaApprovalStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.world import Council, Shop, World

PLANNER_SKILLS: Final = ("person_centred", "computers", "money", "employer_support", "makaton_signing")
CARE_SKILLS: Final = tuple(key for key in SKILLS if key not in PLANNER_SKILLS)
PLANNER_COURSES: Final = ("values", "principles", "sequence", "carers", "options", "writing", "person_centred")
CARE_COURSES: Final = ("safeguarding", "moving", "medicines", "first_aid", "care_certificate")
RENEWAL_DAYS: Final = 58
"""Days that the year of an approved assistant has left: the first reminder went out."""


def make_workforce(world: World, council: Council) -> None:
    """Give workers skills and courses, ask for planners, and fill the register."""
    # Rows of a table are written in one go, so each has the same columns.
    for row in world.book.of(Worker):
        row.setdefault("skills", [])
    for row in world.book.of(Accreditation):
        row.setdefault("evidence", [])
    _skills(world, council)
    _call(world, council)
    _register(world, council)


def _skills(world: World, council: Council) -> None:
    ids = {helper.id for shop in council.shops for helper in shop.helpers}
    workers = [row for row in world.book.of(Worker) if row["id"] in ids]
    for number, row in enumerate(workers):
        is_planner = row["kind"] is WorkerKind.PLANNER
        pool = PLANNER_SKILLS if is_planner else CARE_SKILLS
        row["skills"] = [key for index, key in enumerate(pool) if (index + number) % 3 != 0][:4]
        courses = PLANNER_COURSES if is_planner else CARE_COURSES
        for index, course in enumerate(courses):
            if (index + number) % 4 == 3:
                continue  # a gap
            _course(world, row, course, number, index)


def _course(world: World, worker: dict[str, Any], course: str, number: int, index: int) -> None:
    done_on = world.today - timedelta(days=40 + 53 * index + 29 * (number % 9))
    lasts = 365 if course in CARE_COURSES and course != "care_certificate" else None
    at = world.at(max(done_on, world.starts_on) + timedelta(days=1), 16)
    world.book.add(
        WorkerTraining,
        at,
        worker_id=worker["id"],
        course=course,
        title="",
        given_by="The council’s own course" if index % 2 else "Example Training",
        done_on=done_on,
        expires_on=done_on + timedelta(days=lasts) if lasts else None,
        recorded_by_user_id=None,
        recorded_at=at,
        removed_at=None,
    )


def _call(world: World, council: Council) -> None:
    """Keep one open call, with nominations of care workers and planners of several organisations."""
    opened_at = world.at(world.today - timedelta(days=9), 10)
    call_id = world.book.add(
        NominationCall,
        opened_at,
        council_id=council.id,
        title=f"Six new planners for {council.text.short_name}",
        about="You sit down with people and write with them what they want from life and what helps. "
        "You are trained in six half days and paid for each completed plan.",
        chosen_by="The widest range of people, and able to start quickly and work well",
        places=6,
        closes_on=world.today + timedelta(days=12),
        decided_at=None,
        reason="",
        created_by_user_id=council.staff["accreditor"],
        created_at=opened_at,
    )
    shops = [shop for shop in council.shops if shop.helpers and shop.body.kind is not OrganisationKind.SOLE_PA][:4]
    for number, shop in enumerate(shops):
        helper = shop.helpers[-1]
        at = opened_at + timedelta(days=1 + number, hours=3)
        world.book.add(
            Nomination,
            at,
            council_id=council.id,
            call_id=call_id,
            organisation_id=shop.id,
            worker_id=helper.id,
            status=NominationStatus.NOMINATED,
            statement=f"{helper.hand.name} listens well, knows many people near {helper.spot.town}, and can start "
            f"in {2 + number} weeks.",
            reason="",
            nominated_by_user_id=shop.user_id,
            nominated_at=at,
            decided_by_user_id=None,
            decided_at=None,
            version=1,
        )


def _register(world: World, council: Council) -> None:
    """Keep one assistant who applied, one who is approved, and one whose year ends soon, as far as there are three.

    The assistant with an account comes last: their year ends soon, so that renewing can be tried.
    """
    alone = [shop for shop in council.shops if shop.body.kind is OrganisationKind.SOLE_PA and shop.helpers]
    alone.sort(key=lambda shop: (shop.body.key == council.text.assistant, shop.body.key))
    for number, shop in enumerate(alone):
        is_last = number == len(alone) - 1
        if number == 0 and not is_last:
            _applied(world, council, shop)
        else:
            _approved(world, council, shop, is_ending=is_last)


def _row(world: World, council: Council, shop: Shop, at: Any, **given: Any) -> UUID:
    values: dict[str, Any] = {
        "council_id": council.id,
        "organisation_id": shop.id,
        "worker_id": shop.helpers[0].id,
        "status": PaApprovalStatus.APPLIED,
        "route": "six_months",
        "trading_since": world.starts_on - timedelta(days=400),
        "conduct_version": CURRENT,
        "conduct_agreed_at": at,
        "accreditation_id": None,
        "approved_from": None,
        "approved_until": None,
        "reason": "",
        "renews_id": None,
        "changes": "",
        "reminded_days": None,
        "started_at": at - timedelta(hours=1),
        "applied_at": at,
        "decided_by_user_id": None,
        "decided_at": None,
        "version": 1,
    }
    return world.book.add(PaApproval, at, **{**values, **given})


def _applied(world: World, council: Council, shop: Shop) -> None:
    at = world.at(world.today - timedelta(days=4), 15)
    row_id = _row(world, council, shop, at)
    draft: Move = (PaApprovalStatus.DRAFT.value, at - timedelta(hours=1), shop.user_id, "")
    world.book.steps("pa_approval", council.id, row_id, [draft, (PaApprovalStatus.APPLIED.value, at, shop.user_id, "")])
    _references(world, council, row_id, at, taken=1)
    _papers(world, council, shop)


def _approved(world: World, council: Council, shop: Shop, *, is_ending: bool) -> None:
    until = world.today + timedelta(days=RENEWAL_DAYS if is_ending else 200)
    first = date(until.year - 1, until.month, min(until.day, 28))
    until = months_after(first, 12)
    at = world.at(max(first, world.starts_on) + timedelta(days=1), 11)
    accreditation = next(
        (
            row
            for row in world.book.of(Accreditation)
            if row["organisation_id"] == shop.id
            and row["council_id"] == council.id
            and row["service_line"] is ServiceLine.PERSONAL_ASSISTANCE
        ),
        None,
    )
    if accreditation is None:
        return
    accreditation["live_from"] = min(accreditation["live_from"], first)
    accreditation["live_until"] = until
    accreditation["evidence"] = sorted(kind.value for kind in KEPT)
    row_id = _row(
        world,
        council,
        shop,
        at,
        status=PaApprovalStatus.APPROVED,
        accreditation_id=accreditation["id"],
        approved_from=first,
        approved_until=until,
        reminded_days=60 if is_ending else None,
        decided_by_user_id=council.staff["accreditor"],
        decided_at=at,
    )
    moves: list[Move] = [
        (PaApprovalStatus.DRAFT.value, at - timedelta(hours=1), shop.user_id, ""),
        (PaApprovalStatus.APPLIED.value, at - timedelta(minutes=30), shop.user_id, ""),
        (PaApprovalStatus.APPROVED.value, at, council.staff["accreditor"], "References and papers seen"),
    ]
    world.book.steps("pa_approval", council.id, row_id, moves)
    _references(world, council, row_id, at - timedelta(minutes=20), taken=2)
    _papers(world, council, shop)


def _references(world: World, council: Council, approval_id: UUID, at: Any, *, taken: int) -> None:
    people = (
        ("Former employer (example)", "Helped her mother for two years"),
        ("Course tutor (example)", "Taught them"),
    )
    for number, (name, knows_as) in enumerate(people):
        is_taken = number < taken
        world.book.add(
            PaReference,
            at,
            council_id=council.id,
            approval_id=approval_id,
            name=name,
            knows_as=knows_as,
            contact=f"reference{number + 1}@people.example",
            outcome="good" if is_taken else "",
            note="Kind, and always on time." if is_taken else "",
            taken_by_user_id=council.staff["accreditor"] if is_taken else None,
            taken_at=at if is_taken else None,
        )


def _papers(world: World, council: Council, shop: Shop) -> None:
    """Keep the right to work, seen by the council, and the result of the employment status check."""
    at = world.at(world.starts_on + timedelta(days=3), 12)
    evidence_id = world.book.add(
        Evidence,
        at,
        **{
            **{name: None for name in world.book.of(Evidence)[0] if name != "id"},
            "organisation_id": shop.id,
            "worker_id": shop.helpers[0].id,
            "kind": EvidenceKind.RIGHT_TO_WORK,
            "detail": "British passport",
            "issued_on": world.starts_on,
            "given_by_user_id": shop.user_id,
            "given_at": at,
            "seen_by_user_id": council.staff["accreditor"],
            "seen_at": at + timedelta(days=1),
            "refused_because": "",
            "version": 1,
        },
    )
    world.book.add(
        Countersignature,
        at + timedelta(days=1),
        **{
            **{name: None for name in world.book.of(Countersignature)[0] if name != "id"},
            "council_id": council.id,
            "evidence_id": evidence_id,
            "signed_by_user_id": council.staff["accreditor"],
            "signed_at": at + timedelta(days=1),
            "reason": "",
        },
    )
    world.book.add(
        StatusTest,
        at,
        organisation_id=shop.id,
        worker_id=shop.helpers[0].id,
        outcome="employed",
        reference="EXAMPLE-7Q2",
        taken_on=world.starts_on,
        given_by_user_id=shop.user_id,
        given_at=at,
    )
