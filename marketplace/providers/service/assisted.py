"""Assisted entry: a council officer registers a group on its behalf, by telephone or from paper.

The officer says who told it and how. No password is chosen: the group gets a link by e-mail, or a letter with a code.
Until somebody of the group signs in, the officer may also give its evidence on its behalf.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, Role, audit
from marketplace.accounts.models import Council
from marketplace.core.clock import today
from marketplace.core.database import clock_of, scope_to
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.core.places import Postcode
from marketplace.providers.errors import HereAlready, OutsideCouncils
from marketplace.providers.events import OrganisationJoined
from marketplace.providers.models import Evidence, Joining, Organisation, OrganisationInvitation, OrganisationKind
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.joining import JoiningRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.people import PeopleRepository
from marketplace.providers.repository.places import PlaceRepository, Point
from marketplace.providers.service.duplicates import AlikeBy, DuplicateService
from marketplace.providers.service.evidence import EvidenceForm
from marketplace.providers.service.invitations import InvitationService
from marketplace.providers.service.join_places import new_organisation, place_of
from marketplace.providers.service.joining import JoiningService
from marketplace.providers.service.joining_answers import (
    KINDS,
    numbers_of,
    read_numbers,
    read_phone,
    read_safeguarding,
)

HOW: Final = {"telephone": "By telephone", "paper": "On paper", "visit": "At a visit", "email": "By e-mail"}
FIELDS: Final = (
    "told_by",
    "told_how",
    "told_on",
    "kind",
    "name",
    "postcode",
    "charity_number",
    "company_number",
    "cqc_number",
    "contact_name",
    "email",
    "phone",
    "safeguarding_name",
    "safeguarding_contact",
    "is_another",
)
LONGEST: Final = 300
"""Characters of a field that are kept while it is not yet checked."""
TOLD: Final = ("told_by", "told_how", "told_on")


class Entered(msgspec.Struct, frozen=True):
    """A group that an officer of the council registered."""

    joining: Joining
    organisation: Organisation
    evidence: Sequence[Evidence]
    invitation: OrganisationInvitation | None
    """The newest that is open."""
    has_people: bool
    """Somebody of the group signed in: it looks after itself."""


def read_entry(data: Mapping[str, Any], day: Any) -> tuple[dict[str, str], str]:
    """Read the whole form. Returns the answers and the e-mail address, which may be empty.

    Raises:
        InvalidInput: With all messages.
    """
    form = FormReader(data)
    told_on = form.day("told_on", "the day on which they told you")
    if told_on is not None and told_on > day:
        form.wrong("told_on", "The day must be today or in the past")
    answers = {
        "told_by": form.text("told_by", "who told you", longest=100),
        "told_how": form.option("told_how", "how they told you", HOW),
        "told_on": told_on.isoformat() if told_on else "",
        # Who works alone registers in person: their name and home are theirs to give.
        "kind": form.option(
            "kind", "what they are", [kind.value for kind in KINDS if kind is not OrganisationKind.SOLE_PA]
        ),
        "name": form.text("name", "the name of the group", longest=150),
        "postcode": form.postcode("postcode", "the postcode"),
        **read_numbers(form),
        "contact_name": form.text("contact_name", "who will look after it", longest=100),
        "phone": read_phone(form, "a phone number", required=False),
        **read_safeguarding(form, required=False),
        "is_another": "yes" if form.ticked("is_another") else "",
    }
    email = form.email("email", "the e-mail address", required=False)
    if not email and not answers["phone"] and "phone" not in form.errors:
        form.wrong("phone", "Enter a phone number or an e-mail address")
    form.done()
    return answers, email


class AssistedService:
    """Registers groups on their behalf. Runs in scope `every`; entries are found by the officer's council."""

    def __init__(self, db: AsyncSession, secret_key: str) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.secret_key = secret_key
        self.joinings = JoiningRepository(db)

    async def entries(self, principal: Principal) -> list[tuple[Joining, Organisation | None]]:
        """Return what officers of the council entered: drafts first, then the newest that are done."""
        principal.require(Permission.ORGANISATIONS_ENTER)
        return await self.joinings.entered(principal.council_id)

    async def draft(self, principal: Principal, joining_id: UUID) -> Joining:
        """Return a draft of the council's.

        Raises:
            NotFound: None of theirs, or it is done.
        """
        principal.require(Permission.ORGANISATIONS_ENTER)
        row = await self.joinings.locked(joining_id)
        if row is None or row.entered_council_id != principal.council_id or row.confirmed_at is not None:
            raise NotFound
        return row

    async def save(self, principal: Principal, joining_id: UUID | None, data: Mapping[str, Any]) -> Joining:
        """Keep what was typed so far, right or wrong, to go on later.

        Raises:
            NotFound: No draft of the council's.
        """
        principal.require(Permission.ORGANISATIONS_ENTER)
        await scope_to(self.db, "every")
        form, now = FormReader(data), self.clock.now()
        typed = {name: form.text(name, name, required=False, longest=10_000)[:LONGEST] for name in FIELDS}
        for part in ("day", "month", "year"):
            typed[f"told_on-{part}"] = form.raw(f"told_on-{part}")[:4]
        if joining_id is None:
            row = Joining(
                id=new_id(),
                secret_hash=None,
                email="",
                password_hash="",
                entered_by_user_id=principal.user_id,
                entered_council_id=principal.council_id,
                created_at=now,
            )
            self.db.add(row)
        else:
            row = await self.draft(principal, joining_id)
        row.answers = typed
        row.updated_at = now
        await self.db.flush()
        return row

    async def enter(self, principal: Principal, joining_id: UUID | None, data: Mapping[str, Any]) -> Joining:
        """Register the group and invite it.

        Raises:
            InvalidInput: What is wrong, by field.
            HereAlready: It is here.
            NotFound: No draft of the council's.
        """
        row = await self.save(principal, joining_id, data)
        day, now = today(self.clock), self.clock.now()
        answers, email = read_entry(data, day)
        point = await self._place(principal, answers["postcode"])
        await DuplicateRepository(self.db).one_at_a_time(answers["postcode"])
        found = await DuplicateService(self.db).alike(answers["name"], answers["postcode"], numbers_of(answers))
        if found is not None and (found.by is AlikeBy.NUMBER or not answers["is_another"]):
            raise HereAlready(found.organisation.id, found.organisation.name, found.by)
        organisation = new_organisation(answers, email, principal.council_id, point, now)
        await JoiningService(self.db).add(organisation, answers)
        row.organisation_id, row.confirmed_at, row.submitted_at, row.updated_at = organisation.id, now, now, now
        row.answers = {name: answers[name] for name in (*TOLD, "contact_name", "cqc_number")}
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.enter_organisation",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=organisation.id,
            after={
                "name": organisation.name,
                "kind": organisation.kind,
                "on_behalf_of_organisation_id": organisation.id,
                **{name: answers[name] for name in TOLD},
            },
            why=f"Told by {answers['told_by']}, {HOW[answers['told_how']].lower()}",
        )
        publish(
            self.db,
            OrganisationJoined(
                council_id=principal.council_id, organisation_id=organisation.id, user_id=principal.user_id
            ),
        )
        await InvitationService(self.db, self.secret_key).write(principal, organisation, email, Role.PROVIDER)
        return row

    async def entered(self, principal: Principal, joining_id: UUID) -> Entered:
        """Return a group that an officer of the council registered.

        Raises:
            NotFound: None of theirs, or still a draft.
        """
        principal.require(Permission.ORGANISATIONS_ENTER)
        await scope_to(self.db, "every")
        row = await self.joinings.locked(joining_id)
        if row is None or row.entered_council_id != principal.council_id or row.organisation_id is None:
            raise NotFound
        organisation = await OrganisationRepository(self.db).find(row.organisation_id)
        people = PeopleRepository(self.db)
        invitations = [
            one
            for one in await people.invitations(organisation.id, self.clock.now())
            if one.expires_at > self.clock.now()
        ]
        return Entered(
            joining=row,
            organisation=organisation,
            evidence=await EvidenceRepository(self.db).of_organisation(organisation.id, None),
            invitation=invitations[0] if invitations else None,
            has_people=await people.has_keeper(organisation.id, today(self.clock)),
        )

    async def invite_again(self, principal: Principal, joining_id: UUID, data: Mapping[str, Any]) -> Entered:
        """Send the group another link, or make another letter where the field is left empty.

        Raises:
            StepRefused: Somebody of the group signs in: they invite others themselves.
            InvalidInput: Not an e-mail address.
        """
        found = await self._for_help(principal, joining_id)
        form = FormReader(data)
        email = form.email("email", "the e-mail address", required=False)
        form.done()
        now = self.clock.now()
        for old in await PeopleRepository(self.db).invitations(found.organisation.id, now):
            old.revoked_at = now
        await InvitationService(self.db, self.secret_key).write(principal, found.organisation, email, Role.PROVIDER)
        if email and not found.organisation.email:
            found.organisation.email = email
        await self.db.flush()
        return found

    async def give_evidence(self, principal: Principal, joining_id: UUID, form: EvidenceForm) -> Evidence:
        """Give a piece of evidence on the group's behalf. It counts once somebody at a council has seen it, as always.

        Raises:
            StepRefused: Somebody of the group signs in: they give it themselves.
        """
        found = await self._for_help(principal, joining_id)
        row = Evidence(
            id=new_id(),
            organisation_id=found.organisation.id,
            worker_id=None,
            kind=form.kind,
            detail=form.detail,
            cover_pence=form.cover_pence,
            issued_on=form.issued_on,
            expires_on=form.expires_on,
            given_by_user_id=principal.user_id,
            given_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        audit.record(
            self.db,
            principal,
            "providers.give_evidence",
            council_id=principal.council_id,
            subject_kind="evidence",
            subject_id=row.id,
            after={
                "kind": row.kind,
                "issued_on": row.issued_on,
                "expires_on": row.expires_on,
                "on_behalf_of_organisation_id": found.organisation.id,
            },
        )
        return row

    def note_refusal(self, principal: Principal, error: HereAlready) -> None:
        """Write into the council's log that a second copy was refused."""
        audit.record(
            self.db,
            principal,
            "providers.refuse_second_copy",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=error.organisation_id,
            after={"by": error.by},
            why=error.detail,
        )

    async def _for_help(self, principal: Principal, joining_id: UUID) -> Entered:
        found = await self.entered(principal, joining_id)
        if found.has_people:
            raise StepRefused("Somebody of the group signs in now and looks after this.")
        return found

    async def _place(self, principal: Principal, text: str) -> Point:
        """Return the point of a postcode.

        A group from outside all councils is the entering council's; one of another council here is that council's.
        """
        try:
            council, point = await place_of(self.db, text)
        except OutsideCouncils:
            postcode = Postcode.parse(text)
            found = await PlaceRepository(self.db).postcode(postcode) if postcode else None
            if found is None:
                raise
            return found[0]
        self._refuse_other(principal, council)
        return point

    def _refuse_other(self, principal: Principal, council: Council) -> None:
        if council.id != principal.council_id:
            raise InvalidInput(
                {"postcode": f"This postcode is in the area of {council.name}. Ask them to register the group"}
            )
