"""Bank details: entered by the organisation, checked by somebody else, live the next day."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.formats import account_masked, sort_code_masked
from marketplace.payments.errors import OwnDetails
from marketplace.payments.events import BankDetailsChecked, BankDetailsEntered
from marketplace.payments.models import BankAccount, PaymentRunLine
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.schemas import BankDetailsForm
from marketplace.providers.models import Organisation


class DetailsView(msgspec.Struct, frozen=True):
    """Bank details as a page may show them: masked."""

    id: UUID
    account_name: str
    sort_code: str
    account_number: str
    entered_on: date
    live_from: date | None
    state: str
    """One of in_use, checked, replaced, refused, waiting."""


def masked(account: BankAccount | PaymentRunLine) -> str:
    """Write an account so that its owner knows it and nobody else can use it."""
    return f"{sort_code_masked(account.sort_code)} {account_masked(account.account_number)}"


def views_of(accounts: list[BankAccount], day: date) -> list[DetailsView]:
    """Return an organisation's details with their state on a day.

    Args:
        accounts: Newest first.
        day: Today.
    """
    live = [row for row in accounts if row.live_from is not None and row.live_from <= day]
    used = max(live, key=lambda row: (row.live_from or day, row.id), default=None)
    views = []
    for place, row in enumerate(accounts):
        if row.live_from is None and row.checked_by_user_id is not None:
            state = "refused"
        elif row.live_from is None:
            state = "waiting" if place == 0 else "replaced"
        elif row.live_from > day:
            state = "checked"
        else:
            state = "in_use" if row is used else "replaced"
        views.append(
            DetailsView(
                row.id,
                row.account_name,
                sort_code_masked(row.sort_code),
                account_masked(row.account_number),
                local(row.created_at).date(),
                row.live_from,
                state,
            )
        )
    return views


class BankDetailsService:
    """The verbs of bank details."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.accounts = BankAccountRepository(db)

    async def own(self, principal: Principal) -> list[DetailsView]:
        """Return the reader's own organisation's details, newest first."""
        principal.require(Permission.BANK_DETAILS_OWN)
        rows = await self.accounts.of_organisation(principal.need_organisation())
        return views_of(list(rows), today(self.clock))

    async def enter(self, principal: Principal, form: BankDetailsForm) -> BankAccount:
        """Take new details. What is in use stays in use until a second person has checked the new ones.

        Raises:
            Forbidden: The role may not.
        """
        principal.require(Permission.BANK_DETAILS_OWN)
        organisation_id = principal.need_organisation()
        await self.accounts.hold(organisation_id)
        row = BankAccount(
            organisation_id=organisation_id,
            account_name=form.account_name,
            sort_code=form.sort_code,
            account_number=form.account_number,
            entered_by_user_id=principal.user_id,
            created_at=self.clock.now(),
        )
        self.db.add(row)
        await self.db.flush()
        self._record(principal, "payments.enter_bank_details", row)
        outbox.publish(
            self.db,
            BankDetailsEntered(
                council_id=principal.council_id, organisation_id=organisation_id, bank_account_id=row.id
            ),
        )
        return row

    async def waiting_one(self, principal: Principal, account_id: UUID) -> tuple[BankAccount, Organisation, bool]:
        """Return details with their organisation, and whether they wait for a check.

        Raises:
            NotFound: Unknown, or of an organisation that the council has nothing to do with.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        found = await self.accounts.payee(principal.council_id, account_id)
        if found is None:
            raise NotFound
        account, organisation = found
        newest = (await self.accounts.of_organisation(organisation.id, limit=1))[0]
        return account, organisation, newest.id == account.id and account.checked_by_user_id is None

    async def check(self, principal: Principal, account_id: UUID, *, accept: bool, reason: str) -> BankAccount:
        """Accept details, which go live tomorrow, or refuse them.

        Args:
            principal: Somebody of finance who did not enter them.
            account_id: Which.
            accept: Whether they are right.
            reason: How it was checked (the number called), or why they are refused.

        Raises:
            Forbidden: Not finance, or the one who entered them.
            NotFound: Unknown, or nothing to do with the council.
            Conflict: Checked or replaced since.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        _, organisation, _ = await self.waiting_one(principal, account_id)
        await self.accounts.hold(organisation.id)
        account, _, is_waiting = await self.waiting_one(principal, account_id)
        if not is_waiting:
            raise Conflict("These bank details were checked or replaced in the meantime.")
        if account.entered_by_user_id == principal.user_id:
            raise OwnDetails("You entered these bank details, so another person must check them.")
        account.checked_by_user_id = principal.user_id
        if accept:
            account.live_from = today(self.clock) + timedelta(days=1)
        await self.db.flush()
        action = "payments.accept_bank_details" if accept else "payments.refuse_bank_details"
        self._record(principal, action, account, why=reason)
        outbox.publish(
            self.db,
            BankDetailsChecked(
                council_id=principal.council_id,
                organisation_id=organisation.id,
                bank_account_id=account.id,
                is_accepted=accept,
                reason="" if accept else reason,
            ),
        )
        return account

    def _record(self, principal: Principal, action: str, account: BankAccount, why: str = "") -> None:
        # The log keeps the masked account: it is read by people who may not see the whole one.
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="bank_account",
            subject_id=account.id,
            after={"organisation_id": account.organisation_id, "account": masked(account)},
            why=why,
        )
