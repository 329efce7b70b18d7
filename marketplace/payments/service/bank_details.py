"""Bank details: entered by the organisation, called back and checked by others, live after the cooling-off days."""

from datetime import date, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit, setting
from marketplace.core import outbox
from marketplace.core.clock import local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, InvalidInput, NotFound
from marketplace.core.formats import account_masked, sort_code_masked
from marketplace.core.settings import modulus_folder
from marketplace.payments.errors import CallBackNeeded, OwnDetails
from marketplace.payments.events import BankDetailsChecked, BankDetailsEntered
from marketplace.payments.models import BankAccount, PaymentRunLine
from marketplace.payments.modulus import OUTCOME_WORDS, Outcome, check_account, tables_of
from marketplace.payments.repository.bank_accounts import BankAccountRepository
from marketplace.payments.schemas import NUMBER_FROM, BankDetailsForm, CallForm
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


def first_day(checked_on: date, cooling_off_days: int) -> date:
    """Return the first day on which accepted details are paid to: the whole days of cooling-off lie between."""
    return checked_on + timedelta(days=cooling_off_days + 1)


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
            ConfirmFirst: The password was not given again lately.
            InvalidInput: The account number cannot belong to the sort code.
        """
        principal.require(Permission.BANK_DETAILS_OWN)
        principal.require_confirmed(self.clock.now())
        organisation_id = principal.need_organisation()
        outcome = check_account(form.sort_code, form.account_number, tables_of(modulus_folder()))
        if outcome is Outcome.FAILED:
            raise InvalidInput(
                {"account_number": "Check the sort code and account number: they do not belong together"}
            )
        await self.accounts.hold(organisation_id)
        row = BankAccount(
            organisation_id=organisation_id,
            account_name=form.account_name,
            sort_code=form.sort_code,
            account_number=form.account_number,
            check_note=OUTCOME_WORDS[outcome],
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

    async def record_call(self, principal: Principal, account_id: UUID, form: CallForm) -> BankAccount:
        """Record that finance called the organisation on a number known from before, and that it gave the details.

        Raises:
            Forbidden: Not finance, or the one who entered them.
            NotFound: Unknown, or nothing to do with the council.
            Conflict: Checked or replaced since.
        """
        account, _ = await self._waiting_locked(principal, account_id)
        account.called_at, account.called_by_user_id = self.clock.now(), principal.user_id
        account.call_number_from, account.call_spoke_to = form.number_from, form.spoke_to
        await self.db.flush()
        self._record(principal, "payments.call_back", account, why=NUMBER_FROM[form.number_from])
        return account

    async def check(self, principal: Principal, account_id: UUID, *, accept: bool, reason: str) -> BankAccount:
        """Accept details, which go live after the cooling-off days, or refuse them.

        Args:
            principal: Somebody of finance who did not enter them.
            account_id: Which.
            accept: Whether they are right.
            reason: What was found, or why they are refused.

        Raises:
            Forbidden: Not finance, the one who entered them, or who made the call and would accept what they heard.
            ConfirmFirst: The password was not given again lately.
            NotFound: Unknown, or nothing to do with the council.
            Conflict: Checked or replaced since.
            CallBackNeeded: Nobody called the organisation yet.
        """
        principal.require_confirmed(self.clock.now())
        account, organisation = await self._waiting_locked(principal, account_id)
        day = today(self.clock)
        if accept and account.called_at is None and await self.needs_call(principal.council_id):
            raise CallBackNeeded("Call on a number you knew before, and record the call. Then accept the details.")
        if accept and account.called_by_user_id == principal.user_id:
            raise OwnDetails("You made the call about these bank details, so another person must accept them.")
        account.checked_by_user_id = principal.user_id
        if accept:
            account.live_from = first_day(day, await self.cooling_off_days(principal.council_id))
        else:
            account.check_note = reason
        await self.db.flush()
        action = "payments.accept_bank_details" if accept else "payments.refuse_bank_details"
        self._record(principal, action, account, why=reason)
        self._tell(principal, organisation.id, account, accept=accept, reason=reason)
        return account

    async def stop(self, principal: Principal, account_id: UUID, reason: str) -> BankAccount:
        """Stop details that were accepted: the organisation's old contact did not know of them. Nothing is paid there.

        Raises:
            Forbidden: Not finance.
            NotFound: Unknown, or nothing to do with the council.
            Conflict: They were never accepted, or stopped before.
        """
        principal.require(Permission.PAYMENTS_HANDLE)
        _, organisation, _ = await self.waiting_one(principal, account_id)
        await self.accounts.hold(organisation.id)
        account, _, _ = await self.waiting_one(principal, account_id)
        if account.live_from is None or account.checked_by_user_id is None:
            raise Conflict("These bank details are not accepted, so there is nothing to stop.")
        account.live_from, account.check_note = None, reason
        await self.db.flush()
        self._record(principal, "payments.stop_bank_details", account, why=reason)
        self._tell(principal, organisation.id, account, accept=False, reason=reason)
        return account

    async def needs_call(self, council_id: UUID) -> bool:
        """Whether the council wants a call before it accepts bank details."""
        return bool(await setting(self.db, council_id, "payments.call_back", today(self.clock)))

    async def cooling_off_days(self, council_id: UUID) -> int:
        """Return for how many whole days accepted details wait."""
        days: int = await setting(self.db, council_id, "payments.cooling_off_days", today(self.clock))
        return days

    async def _waiting_locked(self, principal: Principal, account_id: UUID) -> tuple[BankAccount, Organisation]:
        """Return details that wait, with nobody else at them, for somebody who did not enter them."""
        _, organisation, _ = await self.waiting_one(principal, account_id)
        await self.accounts.hold(organisation.id)
        account, _, is_waiting = await self.waiting_one(principal, account_id)
        if not is_waiting:
            raise Conflict("These bank details were checked or replaced in the meantime.")
        if account.entered_by_user_id == principal.user_id:
            raise OwnDetails("You entered these bank details, so another person must check them.")
        return account, organisation

    def _tell(
        self, principal: Principal, organisation_id: UUID, account: BankAccount, *, accept: bool, reason: str
    ) -> None:
        outbox.publish(
            self.db,
            BankDetailsChecked(
                council_id=principal.council_id,
                organisation_id=organisation_id,
                bank_account_id=account.id,
                is_accepted=accept,
                reason="" if accept else reason,
            ),
        )

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
