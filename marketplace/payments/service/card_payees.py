"""Payees at Stripe: setting the account up on Stripe's own page, and what Stripe says of it."""

from uuid import UUID

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.database import SessionMaker, clock_of, transaction
from marketplace.core.errors import InvalidInput, NotFound, Unavailable
from marketplace.payments.card_events import CardPayeeChanged
from marketplace.payments.models import CardPayee
from marketplace.payments.repository.cards import CardRepository
from marketplace.payments.service.card_gateway import gateway, need_gateway
from marketplace.payments.stripe_gateway import GatewayError, GatewayRefused, PayeeAccount
from marketplace.providers.models import Organisation

log = structlog.get_logger(__name__)

CUT_OFF = "access_removed"
"""Stripe refuses to show us the account: the payee took our access away, or Stripe closed it."""
NO_ANSWER = "The card company does not answer. Nothing was changed. Try again in a few minutes."


class PayeeService:
    """The verbs of payees. They change rows; the functions below call out."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.cards = CardRepository(db)

    async def own(self, principal: Principal) -> CardPayee | None:
        """Return the account of who is signed in."""
        principal.require(Permission.BANK_DETAILS_OWN)
        return await self.cards.payee_of(principal.need_organisation())

    async def apply(self, organisation_id: UUID, account: PayeeAccount, principal: Principal | None) -> CardPayee:
        """Write down what Stripe says of an account, for the first time or again."""
        payee = await self.cards.payee_of(organisation_id, locked=True)
        before = _facts(payee) if payee else None
        if payee is None:
            payee = CardPayee(
                organisation_id=organisation_id,
                stripe_account_id=account.id,
                can_take_payments=False,
                started_by_user_id=principal.user_id if principal else None,
                updated_at=self.clock.now(),
            )
            self.db.add(payee)
        was_open = payee.can_take_payments
        payee.can_take_payments, payee.can_be_paid_out = account.can_charge, account.can_pay_out
        payee.is_complete = account.has_submitted and not account.asked_for
        payee.asked_for, payee.disabled_why = list(account.asked_for), account.disabled_why
        payee.updated_at = self.clock.now()
        await self.db.flush()
        if before == _facts(payee):
            return payee
        council_id = principal.council_id if principal else await self.cards.council_of(payee)
        log.info("card-payee-changed", organisation_id=str(organisation_id), can_take_payments=account.can_charge)
        if council_id is None:
            return payee
        audit.record(
            self.db,
            principal,
            "payments.update_card_payee",
            council_id=council_id,
            subject_kind="organisation",
            subject_id=organisation_id,
            before=before,
            after=_facts(payee),
        )
        if payee.can_take_payments != was_open:
            outbox.publish(
                self.db,
                CardPayeeChanged(
                    council_id=council_id,
                    organisation_id=organisation_id,
                    can_take_payments=payee.can_take_payments,
                ),
            )
        return payee


async def set_up(maker: SessionMaker, principal: Principal, public_url: str) -> str:
    """Return the address of Stripe's page on which a payee goes on with its account; opened at the first call.

    No transaction stays open while Stripe answers. The account is opened under a key made from the organisation, so a
    call that was not heard finds the same account again.

    Raises:
        InvalidInput: The organisation has no e-mail address, to which Stripe writes.
        Unavailable: Stripe does not answer.
    """
    principal.require(Permission.BANK_DETAILS_OWN)
    organisation_id = principal.need_organisation()
    async with transaction(maker, principal.councils) as db:
        payee = await CardRepository(db).payee_of(organisation_id)
        organisation = await db.get(Organisation, organisation_id)
    if organisation is None:
        raise NotFound
    if gateway() is None:
        raise Unavailable("Card payments are not switched on here.")
    if payee is None and not organisation.email:
        message = "Add an email address to your organisation first: the card company writes to it"
        raise InvalidInput({"start": message})
    try:
        if payee is None:
            account = await need_gateway().create_payee(
                payee_id=organisation_id, email=organisation.email, metadata={"organisation_id": str(organisation_id)}
            )
            async with transaction(maker, principal.councils) as db:
                payee = await PayeeService(db).apply(organisation_id, account, principal)
        return await need_gateway().onboarding_url(
            payee.stripe_account_id,
            return_url=f"{public_url}/provider/cards/back",
            refresh_url=f"{public_url}/provider/cards/refresh",
        )
    except GatewayError as error:
        log.warning("card-set-up-failed", organisation_id=str(organisation_id), cause=str(error))
        raise Unavailable(NO_ANSWER) from error


async def look_again(maker: SessionMaker, principal: Principal) -> None:
    """Read the account of who is signed in again: coming back from Stripe's page proves nothing.

    An answer that does not come is no harm: `account.updated` tells, too.
    """
    principal.require(Permission.BANK_DETAILS_OWN)
    async with transaction(maker, principal.councils) as db:
        payee = await CardRepository(db).payee_of(principal.need_organisation())
    if payee is not None:
        try:
            await read_payee(maker, payee.stripe_account_id)
        except GatewayError as error:
            log.warning("card-payee-unread", organisation_id=str(payee.organisation_id), cause=str(error))


async def read_payee(maker: SessionMaker, stripe_account_id: str) -> str:
    """Ask Stripe how an account stands now, and write it down.

    Returns:
        What it came to, for the record of an event.

    Raises:
        GatewayUnavailable: Try again.
    """
    async with transaction(maker, "every") as db:
        payee = await CardRepository(db).payee_by_account(stripe_account_id)
    if payee is None:
        return "unknown account"
    try:
        account = await need_gateway().get_payee(stripe_account_id)
    except GatewayRefused as error:
        if error.http_status not in (403, 404):
            raise
        account = PayeeAccount(
            id=stripe_account_id, can_charge=False, can_pay_out=False, has_submitted=False, disabled_why=CUT_OFF
        )
    async with transaction(maker, "every") as db:
        payee = await PayeeService(db).apply(payee.organisation_id, account, None)
    return "open" if payee.can_take_payments else "closed"


def _facts(payee: CardPayee) -> dict[str, object]:
    return {
        "can_take_payments": payee.can_take_payments,
        "can_be_paid_out": payee.can_be_paid_out,
        "is_complete": payee.is_complete,
        "asked_for": list(payee.asked_for or []),
        "disabled_why": payee.disabled_why,
    }
