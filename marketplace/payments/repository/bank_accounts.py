"""Questions about bank details. They belong to an organisation, which several councils pay, or to a council."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, or_, select
from sqlalchemy.orm import aliased

from marketplace.accounts.models import Membership, User
from marketplace.core.repository import Repository
from marketplace.payments.models import Accrual, BankAccount
from marketplace.payments.repository.payables import batches
from marketplace.providers.models import Accreditation, Organisation


def _is_payee_of(council_id: UUID) -> ColumnElement[bool]:
    """Condition: a council has to do with an organisation: it is accredited there, earned there or acts there."""
    return or_(
        exists(
            select(Accreditation.id).where(
                Accreditation.organisation_id == Organisation.id, Accreditation.council_id == council_id
            )
        ),
        exists(
            select(Membership.id).where(
                Membership.organisation_id == Organisation.id, Membership.council_id == council_id
            )
        ),
        exists(select(Accrual.id).where(Accrual.organisation_id == Organisation.id, Accrual.council_id == council_id)),
    )


class BankAccountRepository(Repository[BankAccount]):
    """Bank details with their check."""

    model_type = BankAccount

    async def hold(self, organisation_id: UUID) -> None:
        """Let nobody else enter or check details of an organisation until the transaction ends."""
        await self.db.execute(
            select(func.pg_advisory_xact_lock(func.hashtext("payments.bank"), func.hashtext(str(organisation_id))))
        )

    async def of_organisation(self, organisation_id: UUID, limit: int = 20) -> Sequence[BankAccount]:
        """Return an organisation's details, newest first."""
        return await self.every(
            select(BankAccount)
            .where(BankAccount.organisation_id == organisation_id)
            .order_by(BankAccount.id.desc())
            .limit(limit)
            .execution_options(populate_existing=True)
        )

    async def addresses_of(self, council_id: UUID, organisation_id: UUID, on: date) -> set[str]:
        """Return the e-mail addresses at which an organisation's people of a day are told, lower case."""
        rows = await self.db.scalars(
            select(func.lower(User.email))
            .join(Membership, Membership.user_id == User.id)
            .where(
                Membership.council_id == council_id,
                Membership.organisation_id == organisation_id,
                Membership.starts_on <= on,
                or_(Membership.ends_on.is_(None), Membership.ends_on > on),
                User.is_active,
            )
        )
        return set(rows)

    async def old_contacts(self, organisation_id: UUID, but_for: UUID) -> dict[str, str]:
        """Return who entered details that counted before: `names[e-mail address]`, lower case."""
        rows = await self.db.execute(
            select(func.lower(User.email), User.name)
            .join(BankAccount, BankAccount.entered_by_user_id == User.id)
            .where(
                BankAccount.organisation_id == organisation_id,
                BankAccount.live_from.is_not(None),
                BankAccount.id != but_for,
            )
        )
        return {row[0]: row[1] for row in rows}

    async def waiting(self, council_id: UUID, limit: int = 200) -> Sequence[Row[BankAccount, str]]:
        """Return details that wait for a check, of organisations the council pays, oldest first.

        Only the newest details of an organisation wait: those it replaced before anybody looked do not count.
        """
        later = aliased(BankAccount)
        return (
            await self.db.execute(
                select(BankAccount, Organisation.name)
                .join(Organisation, Organisation.id == BankAccount.organisation_id)
                .where(
                    BankAccount.checked_by_user_id.is_(None),
                    BankAccount.live_from.is_(None),
                    ~exists(
                        select(later.id).where(
                            later.organisation_id == BankAccount.organisation_id, later.id > BankAccount.id
                        )
                    ),
                    _is_payee_of(council_id),
                )
                .order_by(BankAccount.id)
                .limit(limit)
            )
        ).all()

    async def cooling(self, council_id: UUID, day: date, limit: int = 200) -> Sequence[Row[BankAccount, str]]:
        """Return accepted details that are not paid to yet on a day, the next ones to count first."""
        return (
            await self.db.execute(
                select(BankAccount, Organisation.name)
                .join(Organisation, Organisation.id == BankAccount.organisation_id)
                .where(BankAccount.live_from > day, _is_payee_of(council_id))
                .order_by(BankAccount.live_from, BankAccount.id)
                .limit(limit)
            )
        ).all()

    async def payee(self, council_id: UUID, account_id: UUID) -> Row[BankAccount, Organisation] | None:
        """Return details of an organisation the council pays, with the organisation."""
        return (
            await self.db.execute(
                select(BankAccount, Organisation)
                .join(Organisation, Organisation.id == BankAccount.organisation_id)
                .where(BankAccount.id == account_id, _is_payee_of(council_id))
                .execution_options(populate_existing=True)
            )
        ).first()

    async def live_of(self, organisation_ids: Iterable[UUID], day: date) -> dict[UUID, list[BankAccount]]:
        """Return by organisation the details that have gone live by a day, the one that counts first."""
        found: dict[UUID, list[BankAccount]] = {}
        for batch in batches(organisation_ids):
            rows = await self.db.scalars(
                select(BankAccount)
                .where(BankAccount.organisation_id.in_(batch), BankAccount.live_from <= day)
                .order_by(BankAccount.live_from.desc(), BankAccount.id.desc())
            )
            for row in rows:
                if row.organisation_id is not None:
                    found.setdefault(row.organisation_id, []).append(row)
        return found

    async def shared(self, account_ids: Iterable[UUID], day: date) -> set[UUID]:
        """Return which details are also those that another organisation has had in use by a day: a mark of fraud."""
        other = aliased(BankAccount)
        found: set[UUID] = set()
        for batch in batches(account_ids):
            found.update(
                await self.db.scalars(
                    select(BankAccount.id)
                    .join(
                        other,
                        (other.sort_code == BankAccount.sort_code)
                        & (other.account_number == BankAccount.account_number),
                    )
                    .where(
                        BankAccount.id.in_(batch),
                        other.organisation_id.is_distinct_from(BankAccount.organisation_id),
                        other.live_from <= day,
                    )
                    .distinct()
                )
            )
        return found

    async def of_council(self, council_id: UUID, day: date, known_at: datetime) -> BankAccount | None:
        """Return the account a council pays from, as it stood on a day.

        Rows entered after `known_at` do not count, so that a file made then can be made again as it was.
        """
        return await self.maybe(
            select(BankAccount)
            .where(
                BankAccount.council_id == council_id,
                BankAccount.live_from <= day,
                BankAccount.created_at <= known_at,
            )
            .order_by(BankAccount.live_from.desc(), BankAccount.id.desc())
        )
