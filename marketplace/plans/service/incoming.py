"""A case that another council passed on: what is copied, who reads it, and the contact that starts from it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput
from marketplace.core.formats import pounds, uk_date
from marketplace.core.outbox import publish
from marketplace.people import PeopleRepository, PeopleService, note_view
from marketplace.people.assessments import assessment_for_plan
from marketplace.people.forms import PersonForm
from marketplace.people.front_door import FrontDoorService
from marketplace.people.front_door_forms import ContactForm
from marketplace.people.models import ContactAsker, ContactChannel, ContactOutcome, Person, ProfileTool
from marketplace.people.profile import profile_sections
from marketplace.people.profile_words import TOOLS
from marketplace.plans.events_moving import CaseCameIn
from marketplace.plans.faces import SHARED_KEYS, shared_face
from marketplace.plans.models import CouncilMove, IncomingCase
from marketplace.plans.repository.faces import FaceRepository
from marketplace.plans.repository.moving import IncomingRepository, MoveRepository
from marketplace.plans.service.sharing import communication_words

TEAM = "Assessment"
"""The team that the contact of an incoming case is passed on to."""
_RECORD = ("given_name", "family_name", "phone", "email", "needs", "languages", "communication_needs")


class IncomingService:
    """Cases that came in to a council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.cases = IncomingRepository(db)
        self.clock = clock_of(db)

    async def pass_on(self, council_id: UUID, move_id: UUID) -> IncomingCase | None:
        """Copy what the person let the council pass on, or take the copy back. The scope holds both councils.

        What counts is the move as it stands now: an event that comes late or twice does no harm.

        Args:
            council_id: The council that is left.
            move_id: The move.

        Returns:
            The case at the new council; None where nothing is passed on.
        """
        move = await MoveRepository(self.db).find(council_id, move_id, locked=True)
        if move.to_council_id is None:
            return None
        case = await self.cases.of_move(move.to_council_id, move.id)
        if move.consent != "yes" or move.cancelled_at is not None:
            if case is not None and case.withdrawn_at is None:
                case.withdrawn_at, case.extract = self.clock.now(), {}
                await self.db.flush()
                self._note(None, case, "plans.take_case_back", {"shared": []})
            return None
        copy = await extract_of(self.db, move)
        if case is None:
            left = await AccountRepository(self.db).council(move.council_id)
            case = IncomingCase(
                council_id=move.to_council_id,
                move_id=move.id,
                from_name=left.name if left else "",
                moves_on=move.moves_on,
                extract=copy,
                received_at=self.clock.now(),
            )
            self.db.add(case)
        elif case.withdrawn_at is None and set(case.extract["shared"]) == set(copy["shared"]):
            return case
        else:
            case.extract, case.moves_on, case.withdrawn_at = copy, move.moves_on, None
            case.received_at = self.clock.now()
        await self.db.flush()
        after = {"shared": move.shared, "from_council_id": move.council_id, "moves_on": case.moves_on}
        self._note(None, case, "plans.pass_case_on", after)
        publish(self.db, CaseCameIn(council_id=case.council_id, case_id=case.id))
        return case

    async def states(self, council_id: UUID, cases: Sequence[IncomingCase]) -> dict[UUID, str]:
        """Say where each case stands: "withdrawn", "assessed", "duty", "started" or "waits".

        "duty": the day has come and nobody has assessed here, so needs are met as before (Care Act s.38).
        """
        assessed = await self.cases.assessed(council_id, cases)
        day = today(self.clock)
        found = {}
        for case in cases:
            if case.withdrawn_at is not None:
                state = "withdrawn"
            elif case.id in assessed:
                state = "assessed"
            elif case.moves_on <= day:
                state = "duty"
            else:
                state = "started" if case.started_at is not None else "waits"
            found[case.id] = state
        return found

    async def all(self, principal: Principal) -> Sequence[IncomingCase]:
        """Return cases that came in, those nobody started first."""
        principal.require(Permission.CONTACTS_TAKE)
        return await self.cases.latest(principal.council_id)

    async def read(self, principal: Principal, case_id: UUID) -> IncomingCase:
        """Return a case and note who read it.

        Raises:
            NotFound: There is none in the council.
        """
        principal.require(Permission.CONTACTS_TAKE)
        case = await self.cases.find(principal.council_id, case_id)
        if case.withdrawn_at is None:
            self._note(principal, case, "plans.read_incoming_case", None)
        if case.person_id is not None:
            await note_view(self.db, principal, case.person_id, "plan")
        return case

    async def start(self, principal: Principal, case_id: UUID, version: int, data: dict[str, Any]) -> IncomingCase:
        """Record the person here, or find their record, and take a contact that goes to assessment.

        Args:
            principal: Who starts.
            case_id: Which case.
            version: The case as the page showed it.
            data: `reference` of a record there is, or the new address: `address_line`, `town`, `postcode`.

        Raises:
            NotFound: There is none in the council.
            Conflict: Somebody started, the consent was taken back, or it changed since.
            InvalidInput: By field.
        """
        principal.require(Permission.CONTACTS_TAKE)
        principal.require(Permission.PEOPLE_RECORD)
        case = await self.cases.find(principal.council_id, case_id, locked=True)
        if case.withdrawn_at is not None:
            raise Conflict("The person took back that their record is passed on. Ask them.")
        if case.started_at is not None or case.version != version:
            raise Conflict("Somebody else has started. Open the case again.")
        person = await self._person(principal, case, data)
        form = ContactForm(
            channel=ContactChannel.PROFESSIONAL,
            asked_by=ContactAsker.PROFESSIONAL,
            topic=next(iter(person.needs), "other"),
            words=f"Moves here from {case.from_name} on {uk_date(case.moves_on)}. Their record was passed on.",
            outcome=ContactOutcome.PASSED_ON,
            outcome_words=f"Needs are met as before from {uk_date(case.moves_on)} until we have assessed.",
            passed_to=TEAM,
            listing_ids=[],
            is_crisis=False,
            told_means_tested=False,
            postcode="",
        )
        contact = await FrontDoorService(self.db).take(principal, person.id, form)
        case.person_id, case.contact_id = person.id, contact.id
        case.started_by_user_id, case.started_at = principal.user_id, self.clock.now()
        await self.db.flush()
        self._note(principal, case, "plans.start_incoming_case", {"person_id": person.id, "contact_id": contact.id})
        return case

    async def _person(self, principal: Principal, case: IncomingCase, data: dict[str, Any]) -> Person:
        reference = str(data.get("reference", "")).strip()
        if reference:
            found = await PeopleRepository(self.db).by_reference(principal.council_id, reference)
            if found is None or found.died_on is not None:
                raise InvalidInput({"reference": "Nobody here has this reference"})
            return found
        known = case.extract["person"]
        values: dict[str, Any] = {"gender": "not_said", **{name: known[name] for name in _RECORD}}
        values["born_on"] = known["born_on"]
        values |= {name: data.get(name, "") for name in ("address_line", "town", "postcode")}
        return await PeopleService(self.db).record(principal, PersonForm.read(values, today(self.clock)))

    def _note(self, principal: Principal | None, case: IncomingCase, action: str, after: dict[str, Any] | None) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=case.council_id,
            subject_kind="incoming_case",
            subject_id=case.id,
            after=after,
        )


async def extract_of(db: AsyncSession, move: CouncilMove) -> dict[str, Any]:
    """Write the copy that is passed on: who it is, how to talk with them, and the parts the person chose."""
    council_id, person_id = move.council_id, move.person_id
    person = await PeopleRepository(db).find(council_id, person_id)
    copy: dict[str, Any] = {
        "shared": list(move.shared),
        "person": {name: getattr(person, name) for name in _RECORD}
        | {"born_on": person.born_on.isoformat() if person.born_on else ""},
    }
    if "profile" in move.shared:
        sections = await profile_sections(db, council_id, person_id)
        copy["profile"] = [[TOOLS[ProfileTool(tool)].title, words] for tool, words in sections.items()]
    faces = FaceRepository(db)
    found = await faces.agreed_version(council_id, person_id) if "plan" in move.shared else None
    if found is not None:
        source = await faces.source(*found)
        face = shared_face(source.texts, source.items, tuple(SHARED_KEYS), communication_words(person))
        copy["plan"] = {
            "sections": [[part.title, part.words] for part in face.parts if part.words],
            "items": [
                {"outcome": item.outcome, "what": item.what, "cost": pounds(item.weekly_pence)} for item in source.items
            ],
            "signed": found[1].status.value == "signed_off",
        }
    facts = await assessment_for_plan(db, council_id, person_id) if "assessment" in move.shared else None
    if facts is not None:
        copy["assessment"] = {
            "completed_on": uk_date(facts.completed_on),
            "is_eligible": facts.is_eligible,
            "rationale": facts.rationale,
            "in_my_words": facts.in_my_words,
            "outcomes": list(facts.agreed_outcomes),
            "needs": [need.words for need in facts.needs],
        }
    return copy
