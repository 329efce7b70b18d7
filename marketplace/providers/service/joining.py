"""How a provider comes in: questions one by one, an e-mail that confirms the address, then account and organisation.

Answers are kept in a row of their own under a secret that only the visitor's browser has; no address holds any of them.
Nothing is public after joining: the council checks the first listing, and looks at the evidence (V1).
"""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, AccountService, Principal, Role, audit
from marketplace.accounts.errors import AddressTaken
from marketplace.accounts.models import Council
from marketplace.accounts.service import check_password, hash_password, row_of_link, token_hash
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.core.places import TOWNS, Postcode, distance_metres
from marketplace.providers.errors import JoinLinkDead, OutsideCouncils
from marketplace.providers.events import JoiningSubmitted, OrganisationJoined
from marketplace.providers.models import Joining, Organisation, OrganisationKind, Worker, WorkerKind
from marketplace.providers.repository.joining import JoiningRepository
from marketplace.providers.repository.places import PlaceRepository, Point

LINK_PURPOSE: Final = "join"
DRAFT_LIFE: Final = timedelta(hours=24)
"""How long a browser may come back to answers that were not sent in."""
FORGOTTEN_AFTER: Final = timedelta(days=7)
"""What nobody confirmed by then is deleted; so long the link works."""

STEPS: Final = ("kind", "name", "place", "contact", "email", "phone", "safeguarding", "password")
"""One question a page, in this order. Somebody who works alone is not asked for a contact: it is they."""

KINDS: Final[dict[OrganisationKind, tuple[str, str]]] = {
    OrganisationKind.COMMUNITY: ("Community group", "A club, a class, a faith group or a few neighbours"),
    OrganisationKind.THIRD_SECTOR: ("Charity or social enterprise", ""),
    OrganisationKind.SOLE_PA: ("Personal assistant, working alone", "People hire you and you work for them directly"),
    OrganisationKind.PA_SERVICE: ("Personal assistant service", "You find or manage personal assistants"),
    OrganisationKind.HOME_CARE: ("Home care agency", "Your staff help people at home, with washing and dressing"),
    OrganisationKind.EQUIPMENT: ("Equipment supplier", "Aids, telecare, repairs"),
}
"""Who may register itself. Council services are added by the council."""

_FIELDS: Final = {
    "kind": ("kind",),
    "name": ("name",),
    "place": ("postcode",),
    "contact": ("contact_name",),
    "email": ("email",),
    "phone": ("phone",),
    "safeguarding": ("safeguarding_name", "safeguarding_contact"),
    "password": (),
}
_PHONE = re.compile(r"^\+?[0-9 ()\-]{10,25}$")


def steps_of(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the questions for somebody who answered so far."""
    alone = answers.get("kind") == OrganisationKind.SOLE_PA
    return tuple(step for step in STEPS if not (alone and step == "contact"))


def open_step(joining: Joining | None) -> str | None:
    """Return the first question that is not answered; None when all are."""
    if joining is None:
        return STEPS[0]
    for step in steps_of(joining.answers):
        if step == "email":
            is_answered = bool(joining.email)
        elif step == "password":
            is_answered = bool(joining.password_hash)
        else:
            is_answered = all(joining.answers.get(field) for field in _FIELDS[step])
        if not is_answered:
            return step
    return None


def values_of(joining: Joining | None) -> dict[str, str]:
    """Return the answers as forms show them; never the password."""
    if joining is None:
        return {}
    return {**{name: str(value) for name, value in joining.answers.items()}, "email": joining.email}


class JoiningService:
    """The verbs of joining. Runs in a transaction with scope `every`: a visitor has no council yet."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.joinings = JoiningRepository(db)
        self.accounts = AccountService(db)

    async def current(self, secret: str | None) -> Joining | None:
        """Return what a browser has under way."""
        if not secret or len(secret) > 100:
            return None
        return await self.joinings.by_secret(token_hash(secret), self.clock.now() - DRAFT_LIFE)

    async def answer(self, secret: str | None, step: str, data: Mapping[str, Any]) -> tuple[Joining, str]:
        """Keep the answer to one question. Returns the registration and the secret its browser is to hold.

        Raises:
            NotFound: No such question.
            InvalidInput: What is wrong with the answer.
            OutsideCouncils: The base is where no council of the installation is.
        """
        if step not in STEPS:
            raise NotFound
        form = FormReader(data)
        answers = _read(form, step)
        email = form.email("email", "your e-mail address") if step == "email" else ""
        password = _read_password(form) if step == "password" else ""
        form.done()
        if step == "place":
            await self._place(answers["postcode"])
        now = self.clock.now()
        joining = await self.current(secret)
        if joining is None or secret is None:
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
        await self.db.flush()
        return joining, secret

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
        missing = open_step(joining)
        if joining is None or missing is not None:
            return missing
        council, _ = await self._place(joining.answers["postcode"])
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

    async def confirm(self, secret_key: str, link: str) -> Principal:
        """Make the account and the organisation: the link showed that the e-mail address is theirs.

        Raises:
            JoinLinkDead: Used, too old, not ours, or the address got an account in the meantime.
        """
        joining = await self.waiting(secret_key, link)
        answers, now = joining.answers, self.clock.now()
        kind = OrganisationKind(answers["kind"])
        council, point = await self._place(answers["postcode"])
        try:
            user = await self.accounts.create_user(
                joining.email, answers.get("contact_name") or answers["name"], joining.password_hash
            )
        except AddressTaken as error:
            raise JoinLinkDead from error
        alone = kind is OrganisationKind.SOLE_PA
        organisation = Organisation(
            id=new_id(),
            name=answers["name"],
            kind=kind,
            town=nearest_town(point),
            # The base of somebody who works alone is their home: it stays with the worker, which no page shows.
            postcode="" if alone else answers["postcode"],
            phone=answers["phone"],
            email=joining.email,
            home_council_id=council.id,
            safeguarding_name=answers["safeguarding_name"],
            safeguarding_contact=answers["safeguarding_contact"],
            created_at=now,
        )
        self.db.add(organisation)
        await self.db.flush()
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
        return principal

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

    async def _place(self, text: str) -> tuple[Council, Point]:
        """Return the council of a postcode's district, and the postcode's point.

        Raises:
            InvalidInput: The postcode is not in use, or not one of Great Britain.
            OutsideCouncils: No council here serves it.
        """
        postcode = Postcode.parse(text)
        found = await PlaceRepository(self.db).postcode(postcode) if postcode else None
        if found is None:
            raise InvalidInput(
                {
                    "postcode": "We cannot find this postcode. Check it, or use one close by. We do not have new postcodes"
                }
            )
        point, lad_code = found
        council = await AccountRepository(self.db).council_of_district(lad_code)
        if council is None:
            raise OutsideCouncils
        return council, point


def nearest_town(point: Point) -> str:
    """Return the town of the gazetteer that is nearest to a point."""
    return min(TOWNS, key=lambda town: distance_metres(point[0], point[1], town.lat, town.lon)).name


def _read(form: FormReader, step: str) -> dict[str, str]:
    if step == "kind":
        kind = form.option("kind", "what you are", [kind.value for kind in KINDS])
        return {"kind": kind}
    if step == "name":
        return {"name": form.text("name", "the name", longest=150)}
    if step == "place":
        return {"postcode": form.postcode("postcode", "the postcode")}
    if step == "contact":
        return {"contact_name": form.text("contact_name", "your name", longest=100)}
    if step == "phone":
        phone = form.text("phone", "a phone number", longest=30)
        if phone and not _PHONE.match(phone):
            form.wrong("phone", "Enter a phone number, like 01632 960 001 or 07700 900 982")
        return {"phone": phone}
    if step == "safeguarding":
        return read_safeguarding(form)
    return {}


def read_safeguarding(form: FormReader) -> dict[str, str]:
    """Read who answers for keeping people safe: a name, and a telephone number or an e-mail address."""
    name = form.text("safeguarding_name", "the name of your safeguarding contact", longest=100)
    contact = form.text("safeguarding_contact", "their phone number or e-mail address", longest=200)
    if contact and "@" in contact:
        contact = form.email("safeguarding_contact", "the e-mail address")
    elif contact and not _PHONE.match(contact):
        form.wrong("safeguarding_contact", "Enter a phone number, like 01632 960 001, or an e-mail address")
    return {"safeguarding_name": name, "safeguarding_contact": contact}


def _read_password(form: FormReader) -> str:
    password = str(form.data.get("password") or "")
    if not password:
        form.wrong("password", "Enter a password")
        return ""
    try:
        check_password(password)
    except InvalidInput as error:
        form.wrong("password", error.fields["password"])
    return password
