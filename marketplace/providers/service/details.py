"""An organisation's own details: name, numbers, where it is and how to reach it. Every change is in the audit log."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, broken_constraint
from marketplace.core.forms import FormReader
from marketplace.core.outbox import publish
from marketplace.core.places import Postcode
from marketplace.providers.errors import HereAlready
from marketplace.providers.events import ListingChanged, OrganisationRenamed
from marketplace.providers.models import Organisation, OrganisationKind
from marketplace.providers.repository.market import MarketRepository
from marketplace.providers.repository.places import PlaceRepository
from marketplace.providers.service.duplicates import AlikeBy, DuplicateService
from marketplace.providers.service.join_places import nearest_town
from marketplace.providers.service.joining import UNIQUE_NUMBERS
from marketplace.providers.service.joining_answers import read_phone
from marketplace.providers.service.numbers import NUMBER_LABELS, read_charity, read_company
from marketplace.providers.service.people import own_organisation

NOT_FOUND: Final = "We cannot find this postcode. Check it. If it is new, use one close by"


class DetailsForm(msgspec.Struct, frozen=True, kw_only=True):
    """The details as they are to be."""

    name: str
    summary: str
    address_line: str
    postcode: str
    phone: str
    email: str
    website: str
    charity_number: str | None
    company_number: str | None
    is_another: bool
    """They said that the group with the same name at their postcode is another one."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> "DetailsForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        website = form.text("website", "the website", required=False, longest=200)
        if website and "://" not in website:
            website = f"https://{website}"
        if website and (not website.startswith(("https://", "http://")) or "." not in website or " " in website):
            form.wrong("website", "Enter the website like https://www.example.org")
        found = cls(
            name=form.text("name", "the name", longest=150),
            summary=form.text("summary", "what you do", required=False, longest=1_000),
            address_line=form.text("address_line", "the address", required=False, longest=200),
            postcode=form.postcode("postcode", "the postcode", required=False),
            phone=read_phone(form, "a phone number", required=False),
            email=form.email("email", "the e-mail address", required=False),
            website=website,
            charity_number=read_charity(form),
            company_number=read_company(form),
            is_another=form.ticked("is_another"),
        )
        if not found.phone and not found.email and not form.errors:
            form.wrong("phone", "Enter a phone number or an e-mail address, so that people can reach you")
        form.done()
        return found


def missing_words(organisation: Organisation) -> str:
    """Say what an organisation left open when it joined and could add; empty where nothing is."""
    missing = []
    if not organisation.summary:
        missing.append("what you do")
    if organisation.kind is not OrganisationKind.SOLE_PA and not organisation.address_line:
        missing.append("your address")
    return f"Add {' and '.join(missing)}" if missing else ""


class DetailsService:
    """Changes the own organisation's details."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)

    async def change(self, principal: Principal, form: DetailsForm) -> Organisation:
        """Change the details.

        Raises:
            InvalidInput: A postcode that nobody knows.
            HereAlready: Another organisation has the number, or the name at this postcode.
        """
        organisation = await own_organisation(self.db, principal, locked=True)
        alone = organisation.kind is OrganisationKind.SOLE_PA
        wanted = {name: value for name, value in msgspec.structs.asdict(form).items() if name != "is_another"}
        if alone:
            # Somebody who works alone has no address here: it is their home.
            wanted.update(address_line="", postcode="")
        before = {name: getattr(organisation, name) for name in wanted}
        changed = {name for name, value in wanted.items() if before[name] != value}
        if not changed:
            return organisation
        await self._refuse_copy(organisation, form, changed, alone=alone)
        if wanted["postcode"] and ("postcode" in changed or not organisation.town):
            organisation.town = await self._town(wanted["postcode"])
        try:
            async with self.db.begin_nested():
                for name in changed:
                    setattr(organisation, name, wanted[name])
        except IntegrityError as error:
            if broken_constraint(error) not in UNIQUE_NUMBERS:
                raise
            await self.db.refresh(organisation)
            await self._refuse_copy(organisation, form, changed, alone=alone)
            raise
        audit.record(
            self.db,
            principal,
            "providers.change_details",
            council_id=organisation.home_council_id or principal.council_id,
            subject_kind="organisation",
            subject_id=organisation.id,
            before={name: before[name] for name in sorted(changed)},
            after={name: wanted[name] for name in sorted(changed)},
        )
        if "name" in changed:
            publish(
                self.db,
                OrganisationRenamed(
                    council_id=organisation.home_council_id or principal.council_id,
                    organisation_id=organisation.id,
                    was=before["name"],
                ),
            )
        if changed & {"name", "summary"}:
            for listing_id in await MarketRepository(self.db).listing_ids_of(organisation.id):
                publish(
                    self.db,
                    ListingChanged(
                        council_id=organisation.home_council_id or principal.council_id, listing_id=listing_id
                    ),
                )
        return organisation

    def note_refusal(self, principal: Principal, error: HereAlready) -> None:
        """Write into the council's log that a second copy was refused; what the change itself wrote is rolled back."""
        audit.record(
            self.db,
            principal,
            "providers.refuse_second_copy",
            council_id=principal.council_id,
            subject_kind="organisation",
            subject_id=principal.need_organisation(),
            after={"held_by_organisation_id": error.organisation_id, "by": error.by},
            why=error.detail,
        )

    async def _refuse_copy(
        self, organisation: Organisation, form: DetailsForm, changed: set[str], *, alone: bool
    ) -> None:
        duplicates = DuplicateService(self.db)
        for column in ("charity_number", "company_number"):
            number = getattr(form, column) if column in changed else None
            found = await duplicates.alike("", "", {column: number}, without=organisation.id)
            if found is not None:
                raise HereAlready(found.organisation.id, found.organisation.name, column)
        if alone or form.is_another or not changed & {"name", "postcode"}:
            return
        found = await duplicates.alike(form.name, form.postcode, {}, without=organisation.id)
        if found is not None:
            raise HereAlready(found.organisation.id, found.organisation.name, found.by)

    async def _town(self, text: str) -> str:
        postcode = Postcode.parse(text)
        found = await PlaceRepository(self.db).postcode(postcode) if postcode else None
        if found is None:
            raise InvalidInput({"postcode": NOT_FOUND})
        return nearest_town(found[0])


def copy_errors(error: HereAlready) -> dict[str, str]:
    """Say at the right field that an organisation is here already."""
    if error.by == AlikeBy.NAME:
        return {
            "name": f"{error.name} has this name and postcode already. If you are another group, tick the box below"
        }
    words = (
        f"{error.name} is here with this {NUMBER_LABELS[error.by]} already. If you are the same organisation, ask your "
        "council to join the two into one"
    )
    return {error.by: words}
