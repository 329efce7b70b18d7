"""Recognising, while somebody registers, that their organisation is here already: kept with their answers (V15)."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountService, audit
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.providers.errors import HereAlready
from marketplace.providers.models import Joining
from marketplace.providers.repository.duplicates import DuplicateRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.duplicates import Alike, AlikeBy, DuplicateService
from marketplace.providers.service.join_places import place_of
from marketplace.providers.service.joining_answers import ANOTHER, is_alone, numbers_of

NUMBERS_PER_ADDRESS: Final = 60
NUMBERS_PER_BROWSER: Final = 15
"""Numbers looked up in a day: nobody is to read the whole list of organisations that way."""
UNKNOWN_CQC: Final = (
    "We cannot find this number in the register. Check it: it looks like 1-101234567. If it is new, leave this empty "
    "and give it later"
)


class Recognising:
    """Keeps with a registration which organisation it turned out to be. Runs in scope `every`."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.accounts = AccountService(db)
        self.duplicates = DuplicateService(db)

    async def here(self, joining: Joining | None) -> Alike:
        """Return the organisation that was recognised.

        Raises:
            NotFound: None was.
        """
        here_id = joining.answers.get("here_id") if joining is not None else None
        if joining is None or not here_id:
            raise NotFound
        organisation = await OrganisationRepository(self.db).find(UUID(str(here_id)))
        return Alike(organisation, AlikeBy(str(joining.answers["here_by"])))

    async def look_up(self, answers: Mapping[str, Any], joining: Joining | None, address: str) -> None:
        """Count that numbers are looked up, and refuse one that the regulator's register does not have."""
        await self.accounts.count_visit("join-number", address, NUMBERS_PER_ADDRESS)
        if joining is not None:
            await self.accounts.count_visit("join-number-browser", str(joining.id), NUMBERS_PER_BROWSER)
        number = answers.get("cqc_number")
        if number and await DuplicateRepository(self.db).register_knows(number) is False:
            raise InvalidInput({"cqc_number": UNKNOWN_CQC})

    async def _alike(self, answers: Mapping[str, Any]) -> Alike | None:
        # Who works alone gives their own name and the postcode of their home: neither is compared with anybody's.
        if is_alone(answers):
            return None
        return await self.duplicates.alike(
            str(answers.get("name", "")), str(answers.get("postcode", "")), numbers_of(answers)
        )

    async def recognise(self, joining: Joining) -> None:
        """Find out whether the organisation is here already; an answer given about it stays while it is the same."""
        found = await self._alike(joining.answers)
        if found is None:
            kept = {name: value for name, value in joining.answers.items() if not name.startswith("here_")}
            if len(kept) != len(joining.answers):
                joining.answers = kept
            return
        is_known = joining.answers.get("here_id") == str(found.organisation.id)
        if not is_known or joining.answers.get("here_by") != found.by.value:
            await self.note_copy(joining, found)

    async def refuse_copy(self, joining: Joining, choice: str) -> None:
        """Refuse what is here already, one registration of a postcode after the other.

        Raises:
            HereAlready: It is.
        """
        answers = joining.answers
        await DuplicateRepository(self.db).one_at_a_time(str(answers["postcode"]))
        found = await self._alike(answers)
        if found is None:
            return
        is_answered = answers.get("here_id") == str(found.organisation.id) and ANOTHER in (
            choice,
            answers.get("here_choice"),
        )
        if found.by is AlikeBy.NUMBER or not is_answered:
            raise HereAlready(found.organisation.id, found.organisation.name, found.by)

    async def note_copy(self, joining: Joining, found: Alike) -> None:
        """Keep which organisation was recognised; a number's is recorded as a second copy that was refused."""
        answers = {name: value for name, value in joining.answers.items() if not name.startswith("here_")}
        joining.answers = {**answers, "here_id": str(found.organisation.id), "here_by": found.by.value}
        await self.db.flush()
        council_id = found.organisation.home_council_id
        if council_id is None and answers.get("postcode"):
            council_id = (await place_of(self.db, answers["postcode"]))[0].id
        if found.by is AlikeBy.NUMBER and council_id is not None:
            audit.record(
                self.db,
                None,
                "providers.refuse_second_copy",
                council_id=council_id,
                subject_kind="organisation",
                subject_id=found.organisation.id,
                after={"typed": {name: value for name, value in numbers_of(answers).items() if value}},
                why="Somebody tried to register it once more, by a number that it has",
            )
