"""Results of the tax office's employment status check (CEST), kept by whoever wants to (domain.md 4.3).

Whether somebody is employed is a matter of fact and of each hiring, which the platform neither decides nor guesses. The
outcome and the reference are kept so that they are at hand when somebody asks.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.providers.models import Organisation, StatusTest, Worker
from marketplace.providers.repository.evidence import EvidenceRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.repository.status_tests import StatusTestRepository

OUTCOMES: Final = {
    "employed": "Employed for tax purposes",
    "self_employed": "Self-employed for tax purposes",
    "unable": "Unable to make a determination",
}
"""What the tool says, in its own words."""

EARLIEST: Final = date(2017, 3, 2)
"""The tool was first offered on this day."""

MOST_KEPT: Final = 100
"""Results of one organisation: each worker may have several hirers."""


class StatusTestForm(msgspec.Struct, frozen=True, kw_only=True):
    """A result as it was typed."""

    outcome: str
    reference: str
    taken_on: date
    worker_id: UUID | None

    @classmethod
    def read(cls, data: dict[str, Any], day: date) -> "StatusTestForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        outcome = form.option("outcome", "what the tool said", tuple(OUTCOMES))
        reference = form.text("reference", "the reference on the result", longest=100)
        taken_on = form.day("taken_on", "the day of the result")
        if taken_on and taken_on > day:
            form.wrong("taken_on", "The day of the result must be today or in the past")
        elif taken_on and taken_on < EARLIEST:
            form.wrong("taken_on", "The day of the result must be after 1 March 2017")
        worker_id = form.id("worker_id", "who it is about", required=False) if form.raw("worker_id") else None
        form.done()
        if taken_on is None:
            raise AssertionError("done() refuses a form without it")
        return cls(outcome=outcome, reference=reference, taken_on=taken_on, worker_id=worker_id)


class StatusTestService:
    """Keeps and removes results."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.tests = StatusTestRepository(db)

    async def own(self, principal: Principal) -> tuple[Organisation, Sequence[tuple[StatusTest, Worker | None]]]:
        """Return the user's organisation and its results; somebody who is one of several workers sees their own."""
        principal.require(Permission.ORGANISATION_OWN)
        organisation = await OrganisationRepository(self.db).find(principal.need_organisation())
        return organisation, await self.tests.of_organisation(organisation.id, principal.worker_id)

    async def keep(self, principal: Principal, data: dict[str, Any]) -> StatusTest:
        """Keep a result.

        Raises:
            InvalidInput: What is wrong, by field.
            NotFound: A worker of somebody else.
        """
        organisation, known = await self.own(principal)
        clock = clock_of(self.db)
        form = StatusTestForm.read(data, today(clock))
        if len(known) >= MOST_KEPT:
            reader = FormReader(data)
            reader.wrong("reference", f"You keep {MOST_KEPT} results already. Remove one that you do not need")
            reader.done()
        worker_id = principal.worker_id or form.worker_id
        if worker_id is not None and await EvidenceRepository(self.db).worker(organisation.id, worker_id) is None:
            raise NotFound
        row = StatusTest(
            id=new_id(),
            organisation_id=organisation.id,
            worker_id=worker_id,
            outcome=form.outcome,
            reference=form.reference,
            taken_on=form.taken_on,
            given_by_user_id=principal.user_id,
            given_at=clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, "providers.keep_status_test", row, after=_facts(row))
        return row

    async def remove(self, principal: Principal, test_id: UUID) -> None:
        """Remove a result that was typed wrong or is no longer wanted.

        Raises:
            NotFound: Not one that the user sees.
        """
        organisation, _ = await self.own(principal)
        row = await self.tests.find(organisation.id, test_id)
        if principal.worker_id is not None and row.worker_id != principal.worker_id:
            raise NotFound
        self._record(principal, "providers.remove_status_test", row, before=_facts(row))
        await self.db.delete(row)
        await self.db.flush()

    def _record(
        self,
        principal: Principal,
        action: str,
        row: StatusTest,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="status_test",
            subject_id=row.id,
            before=before,
            after=after,
        )


def _facts(row: StatusTest) -> dict[str, Any]:
    return {"outcome": row.outcome, "reference": row.reference, "taken_on": row.taken_on, "worker_id": row.worker_id}
