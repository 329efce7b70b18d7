"""Receipts: what shows that something was bought. Given by who recorded it, opened by them and by finance."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound, StepRefused
from marketplace.core.files.checking import CheckedFile
from marketplace.core.files.kinds import FileRefused, GivenFile
from marketplace.core.files.store import FileStore
from marketplace.core.models import StoredFile
from marketplace.payments.models import MoneyMovement, Receipt
from marketplace.payments.repository.audits import MoneyAuditRepository
from marketplace.payments.repository.money import MoneyRepository

FIELD: Final = "files"
MOST_FILES: Final = 5


async def record_refused_receipt(principal: Principal, error: FileRefused, given: Sequence[GivenFile]) -> None:
    """Write down that a file was not taken, in a transaction of its own. Neither the file nor its name is kept."""
    await audit.record_refusal(
        principal,
        "payments.refuse_receipt",
        council_id=principal.council_id,
        subject_kind="user",
        subject_id=principal.user_id,
        why=error.reason,
        detail={"files": [{"sha256": file.sha256, "size": len(file.content)} for file in given[: 2 * MOST_FILES]]},
    )


class ReceiptService:
    """Keeps receipts with payments."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.money = MoneyRepository(db)
        self.store = FileStore(db)

    async def own_movement(self, principal: Principal, movement_id: UUID) -> MoneyMovement:
        """Return a movement of who is signed in: the person's, or one that their organisation recorded.

        Raises:
            NotFound: Not theirs.
        """
        if principal.may(Permission.MONEY_OWN):
            question = self.money.of_person(principal.council_id, principal.need_person())
        else:
            principal.require(Permission.FUNDS_OWN)
            question = self.money.of_organisation(principal.councils, principal.need_organisation())
        return await self.money.one(question.where(MoneyMovement.id == movement_id))

    async def attach(
        self,
        principal: Principal,
        council_id: UUID,
        person_id: UUID,
        checked: Sequence[CheckedFile],
        *,
        movement_id: UUID | None = None,
        booking_id: UUID | None = None,
    ) -> list[StoredFile]:
        """Keep receipts with a payment or a visit. Whether it is theirs is asked before.

        Raises:
            InvalidInput: There would be too many.
        """
        before = len((await self.money.receipts_of([movement_id])).get(movement_id, [])) if movement_id else 0
        if before + len(checked) > MOST_FILES:
            raise InvalidInput({FIELD: f"There can be {MOST_FILES} files with this. There are {before} already"})
        kept = []
        for file in checked:
            stored = await self.store.keep_checked(file, by_user_id=principal.user_id)
            self.db.add(
                Receipt(
                    file_id=stored.id,
                    council_id=council_id,
                    person_id=person_id,
                    movement_id=movement_id,
                    booking_id=booking_id,
                    note="",
                    added_at=self.clock.now(),
                )
            )
            kept.append(stored)
        await self.db.flush()
        for stored in kept:
            self._record(principal, "payments.add_receipt", council_id, person_id, stored)
        return kept

    async def open(self, principal: Principal, file_id: UUID) -> tuple[StoredFile, bytes]:
        """Hand a receipt out, to the person, who recorded the payment, and finance. Each opening is audited.

        Raises:
            NotFound: Not for this reader.
            NotReady: The virus scanner has not looked at it yet.
        """
        receipt = await self._for_reader(principal, file_id)
        stored, content = await self.store.open(file_id)
        self._record(principal, "payments.open_receipt", receipt.council_id, receipt.person_id, stored)
        return stored, content

    async def remove(self, principal: Principal, file_id: UUID) -> Receipt:
        """Take a receipt back, the wrong picture for example, unless a check of the money asks about it.

        Raises:
            NotFound: Not theirs.
            StepRefused: It is part of a check.
        """
        receipt = await self._for_reader(principal, file_id)
        if principal.may(Permission.BUDGETS_SET):
            raise NotFound
        if await MoneyAuditRepository(self.db).asks_about(receipt.movement_id, receipt.booking_id):
            raise StepRefused("The council asks about this payment, so its receipts stay.")
        removed = await self.store.remove(file_id)
        self._record(principal, "payments.remove_receipt", receipt.council_id, receipt.person_id, removed)
        return receipt

    async def _for_reader(self, principal: Principal, file_id: UUID) -> Receipt:
        receipt = await self.money.receipt(principal.councils, file_id)
        if receipt is None:
            raise NotFound
        if principal.may(Permission.MONEY_AUDIT) or principal.may(Permission.BUDGETS_SET):
            return receipt
        if principal.may(Permission.MONEY_OWN) and receipt.person_id == principal.need_person():
            return receipt
        if principal.may(Permission.FUNDS_OWN) and receipt.movement_id:
            await self.own_movement(principal, receipt.movement_id)
            return receipt
        raise NotFound

    def _record(self, principal: Principal, action: str, council_id: UUID, person_id: UUID, stored: StoredFile) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=council_id,
            subject_kind="person",
            subject_id=person_id,
            after={"file_id": stored.id, "sha256": stored.sha256.hex(), "size": stored.size},
        )
