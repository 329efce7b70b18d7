"""How a provider comes in: questions one by one, an e-mail that confirms the address, then account and organisation.

Answers are kept in a row of their own under a secret that only the visitor's browser has; no address holds any of them.
Nothing is public after joining: the council checks the first listing, and looks at the evidence (V1). An organisation
that is here already never becomes a second copy: who registers it is offered to ask to join it (V15).
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Principal, Role, audit
from marketplace.accounts.errors import AddressTaken
from marketplace.accounts.service import hash_password, row_of_link, token_hash
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, broken_constraint
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id, parse_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import HereAlready, JoinLinkDead
from marketplace.providers.events import JoiningSubmitted, OrganisationJoined
from marketplace.providers.models import Joining, Organisation, OrganisationKind, Worker, WorkerKind
from marketplace.providers.repository.applications import ApplicationRepository
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.repository.joining import JoiningRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.places import Point
from marketplace.providers.service.duplicates import Alike, AlikeBy, DuplicateService
from marketplace.providers.service.join_places import new_organisation, place_of
from marketplace.providers.service.join_requests import JoinRequestService
from marketplace.providers.service.joining_answers import (
    ANOTHER,
    ASK,
    STEPS,
    is_asking,
    numbers_of,
    open_step,
    read_answer,
    read_password,
    round_of,
)
from marketplace.providers.service.recognising import Recognising
from marketplace.providers.service.registration import RegistrationService

LINK_PURPOSE: Final = "join"
DRAFT_LIFE: Final = timedelta(hours=24)
"""How long a browser may come back to answers that were not sent in."""
FORGOTTEN_AFTER: Final = timedelta(days=7)
"""What nobody confirmed by then is deleted; so long the link works."""
STARTS_PER_ADDRESS: Final = 100
"""Registrations begun in a day from one network address: a whole charity may share one."""
UNIQUE_NUMBERS: Final = frozenset(
    {"uq_organisations_charity_number", "uq_organisations_company_number", "uq_organisations_cqc_provider_id"}
)


class Confirmed(StrEnum):
    """What came of a registration when its e-mail address was confirmed."""

    JOINED = "joined"
    ASKED = "asked"
    """The organisation is here: its people are asked."""
    ALREADY_IN = "already_in"
    """The organisation is here, and this e-mail address acts for it."""


class JoiningService:
    """The verbs of joining. Runs in a transaction with scope `every`: a visitor has no council yet."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.joinings = JoiningRepository(db)
        self.accounts = AccountService(db)
        self.recognising = Recognising(db)

    async def current(self, secret: str | None) -> Joining | None:
        """Return what a browser has under way."""
        if not secret or len(secret) > 100:
            return None
        return await self.joinings.by_secret(token_hash(secret), self.clock.now() - DRAFT_LIFE)

    async def answer(
        self, secret: str | None, step: str, data: Mapping[str, Any], address: str = "unknown"
    ) -> tuple[Joining, str]:
        """Keep the answer to one question. Returns the registration and the secret its browser is to hold.

        Args:
            secret: Of the browser; None where it begins.
            step: Which question.
            data: The form.
            address: Network address, for the limits.

        Raises:
            NotFound: No such question.
            InvalidInput: What is wrong with the answer.
            OutsideCouncils: The base is where no council of the installation is.
            TooManyTries: Too many registrations begun, or numbers looked up, from one address.
        """
        if step not in STEPS:
            raise NotFound
        form = FormReader(data)
        answers = {**read_answer(form, step), **round_of(form.raw("round"))}
        email = form.email("email", "your e-mail address") if step == "email" else ""
        password = read_password(form) if step == "password" else ""
        form.done()
        if step == "place":
            await place_of(self.db, answers["postcode"])
        joining = await self.current(secret)
        if step == "numbers" and any(numbers_of(answers).values()):
            await self.recognising.look_up(answers, joining, address)
        now = self.clock.now()
        if joining is None or secret is None:
            await self.accounts.count_visit("join-start", address, STARTS_PER_ADDRESS)
            secret = secrets.token_urlsafe(24)
            joining = Joining(id=new_id(), secret_hash=token_hash(secret), email="", password_hash="", created_at=now)
            joining.answers = {}
            self.db.add(joining)
        joining.answers = {**joining.answers, **answers}
        if email:
            joining.email = email
        if password:
            joining.password_hash = await hash_password(password)
        joining.updated_at = now
        await self.recognising.recognise(joining)
        await self.db.flush()
        return joining, secret

    async def come_from(self, secret: str | None, round_id: str) -> None:
        """Keep which round of a council somebody wants to apply in: joining ends there."""
        joining = await self.current(secret)
        if joining is not None and round_of(round_id):
            joining.answers = {**joining.answers, **round_of(round_id)}
            await self.db.flush()

    async def wanted_round(self, secret_key: str, link: str) -> UUID | None:
        """Return the round that somebody came from whose registration a link confirms, if there is such a round.

        Raises:
            JoinLinkDead: Used, too old, or not ours.
        """
        round_id = parse_id(str((await self.waiting(secret_key, link)).answers.get("round") or ""))
        facts = await ApplicationRepository(self.db).round(round_id) if round_id else None
        return facts.round.id if facts else None

    async def choose(self, secret: str | None, data: Mapping[str, Any]) -> Joining:
        """Keep what somebody does about an organisation that is here: ask to join it, or say that theirs is another.

        Raises:
            NotFound: None was recognised.
            InvalidInput: Nothing chosen, or "another" where a number says that it is the same one.
        """
        joining = await self.current(secret)
        found = await self.recognising.here(joining)
        if joining is None:
            raise NotFound
        form = FormReader(data)
        choices = (ASK,) if found.by is AlikeBy.NUMBER else (ASK, ANOTHER)
        choice = form.option("here_choice", "what you want to do", choices)
        message = form.text("message", "your message", required=False, longest=500)
        form.done()
        joining.answers = {**joining.answers, "here_choice": choice, "message": message}
        joining.updated_at = self.clock.now()
        await self.db.flush()
        return joining

    async def forget(self, secret: str | None) -> None:
        """Delete what a browser has under way: somebody changed their mind."""
        joining = await self.current(secret)
        if joining is not None:
            await self.db.delete(joining)
            await self.db.flush()

    async def submit(self, secret: str | None, address: str) -> str | None:
        """Send the answers in and have the link to confirm sent. Says nothing about whether the e-mail is known.

        Args:
            secret: Of the browser.
            address: Network address, for the limit.

        Returns:
            The question that is still open, or None when it was sent in.

        Raises:
            TooManyTries: Too many registrations from this network address today.
            OutsideCouncils: The council left the installation since the question was answered.
        """
        joining = await self.current(secret)
        if joining is not None:
            await self.recognising.recognise(joining)
        missing = open_step(joining)
        if joining is None or missing is not None:
            return missing
        council, _ = await place_of(self.db, joining.answers["postcode"])
        may_write = await self.accounts.may_join(joining.email, address)
        joining.secret_hash = None
        joining.submitted_at = joining.updated_at = self.clock.now()
        if may_write:
            publish(self.db, JoiningSubmitted(council_id=council.id, joining_id=joining.id))
        await self.db.flush()
        return None

    async def waiting(self, secret_key: str, link: str) -> Joining:
        """Return the registration that a link confirms, locked.

        Raises:
            JoinLinkDead: Used, too old, or not ours.
        """
        joining_id = row_of_link(secret_key, LINK_PURPOSE, link)
        joining = await self.joinings.locked(joining_id) if joining_id else None
        if joining is None or joining.submitted_at is None or joining.confirmed_at is not None:
            raise JoinLinkDead
        if joining.submitted_at + FORGOTTEN_AFTER <= self.clock.now():
            raise JoinLinkDead
        return joining

    async def confirm(self, secret_key: str, link: str, choice: str = "") -> Confirmed:
        """Make the account and the organisation: the link showed that the e-mail address is theirs.

        Args:
            secret_key: The installation's.
            link: The secret of the link.
            choice: "ask" or "another" where `HereAlready` was raised before, else empty.

        Raises:
            JoinLinkDead: Used, too old, not ours, or the address got an account in the meantime.
            HereAlready: Somebody registered the organisation in the meantime; nothing was done.
        """
        joining = await self.waiting(secret_key, link)
        if choice == ASK and joining.answers.get("here_id"):
            joining.answers = {**joining.answers, "here_choice": ASK}
        if is_asking(joining.answers):
            return await self._ask(joining)
        if await AccountRepository(self.db).is_known(joining.email):
            raise JoinLinkDead
        await self.recognising.refuse_copy(joining, choice)
        return await self._make(joining)

    async def note_here(self, secret_key: str, link: str, error: HereAlready) -> None:
        """Keep which organisation a registration turned out to be, so that the next answer can ask to join it."""
        joining = await self.waiting(secret_key, link)
        organisation = await OrganisationRepository(self.db).find(error.organisation_id)
        await self.recognising.note_copy(joining, Alike(organisation, AlikeBy(error.by)))

    async def _make(self, joining: Joining) -> Confirmed:
        answers, now = joining.answers, self.clock.now()
        kind = OrganisationKind(answers["kind"])
        council, point = await place_of(self.db, answers["postcode"])
        try:
            user = await self.accounts.create_user(
                joining.email, answers.get("contact_name") or answers["name"], joining.password_hash
            )
        except AddressTaken as error:
            raise JoinLinkDead from error
        alone = kind is OrganisationKind.SOLE_PA
        organisation = await self.add(new_organisation(answers, joining.email, council.id, point, now), answers)
        worker = await self._worker(organisation, answers, point) if alone else None
        principal = await self.accounts.grant(
            None,
            user,
            council.id,
            Role.PA if worker else Role.PROVIDER,
            organisation_id=organisation.id,
            worker_id=worker.id if worker else None,
        )
        audit.record(
            self.db,
            principal,
            "providers.join",
            council_id=council.id,
            subject_kind="organisation",
            subject_id=organisation.id,
            after={"name": organisation.name, "kind": kind, "town": organisation.town},
        )
        publish(self.db, OrganisationJoined(council_id=council.id, organisation_id=organisation.id, user_id=user.id))
        joining.answers, joining.email, joining.password_hash = {}, "", ""
        joining.organisation_id, joining.confirmed_at, joining.updated_at = organisation.id, now, now
        await self.db.flush()
        await self._claim(principal, organisation, answers)
        return Confirmed.JOINED

    async def add(self, organisation: Organisation, answers: Mapping[str, Any]) -> Organisation:
        """Store a new organisation.

        Raises:
            HereAlready: Somebody registered one with the same number in the same moment.
        """
        try:
            async with self.db.begin_nested():
                self.db.add(organisation)
        except IntegrityError as error:
            if broken_constraint(error) not in UNIQUE_NUMBERS:
                raise
            found = await DuplicateService(self.db).alike(answers["name"], "", numbers_of(answers))
            if found is None:
                raise
            raise HereAlready(found.organisation.id, found.organisation.name, found.by) from error
        return organisation

    async def _claim(self, principal: Principal, organisation: Organisation, answers: Mapping[str, Any]) -> None:
        """Tie it to the regulator's register. What differs is looked at; what cannot be is left for later."""
        number = answers.get("cqc_number")
        if not number:
            return
        try:
            async with self.db.begin_nested():
                await RegistrationService(self.db).claim(principal, number)
        except InvalidInput as error:
            audit.record(
                self.db,
                principal,
                "providers.refuse_registration_number",
                council_id=principal.council_id,
                subject_kind="organisation",
                subject_id=organisation.id,
                after={"typed": number},
                why=error.fields.get("number", ""),
            )

    async def _ask(self, joining: Joining) -> Confirmed:
        """Ask the organisation's people, or the council where nobody acts for it, to let somebody in."""
        answers, now = joining.answers, self.clock.now()
        organisation = await OrganisationRepository(self.db).find(UUID(str(answers["here_id"])))
        organisation = await DuplicateRepository(self.db).standing_for(organisation)
        council_id = organisation.home_council_id or (await place_of(self.db, answers["postcode"]))[0].id
        request = await JoinRequestService(self.db).ask(
            organisation,
            council_id,
            name=answers.get("contact_name") or answers["name"],
            email=joining.email,
            password_hash=joining.password_hash,
            message=answers.get("message", ""),
        )
        joining.answers, joining.email, joining.password_hash = {}, "", ""
        joining.confirmed_at = joining.updated_at = now
        await self.db.flush()
        return Confirmed.ASKED if request is not None else Confirmed.ALREADY_IN

    async def forget_old(self) -> int:
        """Delete what nobody confirmed within seven days. Returns how many."""
        return await self.joinings.forget(self.clock.now() - FORGOTTEN_AFTER)

    async def _worker(self, organisation: Organisation, answers: Mapping[str, Any], point: Point) -> Worker:
        worker = Worker(
            id=new_id(),
            organisation_id=organisation.id,
            kind=WorkerKind.PA,
            name=answers["name"],
            postcode=answers["postcode"],
            town=organisation.town,
            lat=point[0],
            lon=point[1],
            starts_on=today(self.clock),
            created_at=self.clock.now(),
        )
        self.db.add(worker)
        await self.db.flush()
        return worker
