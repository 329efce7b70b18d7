"""Awarding an accreditation: the one way into the register, by agreement, by approval or by hand."""

from datetime import date, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import Forbidden, InvalidInput, NotFound
from marketplace.core.formats import uk_date
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.events import AccreditationActed, AccreditationChanged
from marketplace.providers.models import (
    SERVICE_LABELS,
    Accreditation,
    AccreditationAction,
    AccreditationStatus,
    ActionKind,
    Lot,
    ServiceLine,
)
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.states import ACCREDITATION

LONGEST_PERIOD: Final = timedelta(days=366 * 10)
"""An accreditation is looked at again after ten years at the latest."""

MAY_AWARD: Final = (Permission.ACCREDITATION_DECIDE, Permission.AGREEMENTS_SIGN, Permission.WORKFORCE_DECIDE)
"""By hand, by the second signature under an agreement, or by the approval of a personal assistant."""


class StandingService:
    """Writes accreditations of the principal's council."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.organisations = OrganisationRepository(db)

    async def award(
        self,
        principal: Principal,
        *,
        organisation_id: UUID,
        lot: Lot | None,
        service_line: ServiceLine,
        live_from: date,
        live_until: date,
        agreement_id: UUID | None = None,
        reason: str,
    ) -> Accreditation:
        """Accredit an organisation for a service, for one lot or, without one, for the service as a whole.

        The evidence that must count on every day is the lot's as it stands now; without a lot none is asked for, and
        only the rule on liability insurance holds.

        Args:
            principal: Somebody of the council who may decide, sign or approve.
            organisation_id: Who is accredited.
            lot: The lot of a published specification of the same council.
            service_line: What it counts for in matching and bookings; the lot's where there is one.
            live_from: First day on which it counts.
            live_until: First day on which it no longer counts.
            agreement_id: The agreement that both sides signed.
            reason: What the decision rests on.

        Raises:
            Forbidden: The role may not award.
            NotFound: No such organisation, or a lot of another council.
            InvalidInput: No day to count on, too long, or the period meets one that exists for the same lot. Keys are
                the fields of the form at /organisations: `live_from`, `last_day`, `service_line`.
        """
        if not any(principal.may(permission) for permission in MAY_AWARD):
            raise Forbidden(f"Your role ({principal.role_label.lower()}) does not include this.")
        if lot is not None and lot.council_id != principal.council_id:
            raise NotFound
        refuse_odd_period(live_from, live_until)
        if lot is not None and lot.service_line is not service_line:
            raise InvalidInput({"service_line": f"This lot is for {SERVICE_LABELS[lot.service_line].lower()}"})
        organisation = await self.organisations.lock(organisation_id)
        if organisation.merged_into_id is not None:
            raise InvalidInput({"live_from": "This organisation was merged into another: accredit that one"})
        now = clock_of(self.db).now()
        row = Accreditation(
            id=new_id(),
            council_id=principal.council_id,
            organisation_id=organisation_id,
            service_line=service_line,
            status=AccreditationStatus.LIVE,
            live_from=live_from,
            live_until=live_until,
            removed_on=None,
            lot_id=lot.id if lot else None,
            agreement_id=agreement_id,
            evidence=sorted(lot.evidence) if lot else [],
            trusts_other_councils=lot.trusts_other_councils if lot else True,
            needs_registration=lot.needs_registration if lot else False,
            reason=reason,
            decided_by_user_id=principal.user_id,
            decided_at=now,
        )
        await self.refuse_overlap(row, "live_from")
        self.db.add(row)
        await self.db.flush()
        ACCREDITATION.begin(self.db, row, by=principal.user_id, why=reason)
        action = AccreditationAction(
            id=new_id(),
            council_id=row.council_id,
            accreditation_id=row.id,
            organisation_id=organisation_id,
            kind=ActionKind.AWARD,
            starts_on=live_from,
            reason=reason,
            is_confidential=False,
            effects={},
            made_by_user_id=principal.user_id,
            made_at=now,
            reply_until=None,
            reply="",
            answer="",
        )
        self.db.add(action)
        await self.db.flush()
        tell_of(self.db, principal, row, action, "providers.accredit_organisation", before=None)
        return row

    async def refuse_overlap(self, row: Accreditation, field: str) -> None:
        """Refuse a period that shares a day with another accreditation for the same lot or, without one, the service.

        Raises:
            InvalidInput: With the other's period, at `field`.
        """
        with self.db.no_autoflush:
            other = await self.organisations.overlapping(row)
        if other is not None:
            last = uk_date(other.live_until - timedelta(days=1))
            raise InvalidInput(
                {
                    field: f"There is already an accreditation for {SERVICE_LABELS[other.service_line].lower()} from "
                    f"{uk_date(other.live_from)} to {last}. Change that one instead"
                }
            )


def refuse_odd_period(live_from: date, live_until: date) -> None:
    """Refuse a period without a day, or longer than ten years.

    Raises:
        InvalidInput: At `last_day`.
    """
    if live_until <= live_from:
        raise InvalidInput({"last_day": "The last day must be the same as or after the first day"})
    if live_until - live_from > LONGEST_PERIOD:
        raise InvalidInput({"last_day": "The last day must be within 10 years of the first day"})


def facts(row: Accreditation) -> dict[str, Any]:
    """Return what an audit row keeps of an accreditation before and after a decision."""
    return {
        "status": row.status,
        "live_from": row.live_from,
        "live_until": row.live_until,
        "removed_on": row.removed_on,
    }


def tell_of(
    db: AsyncSession,
    principal: Principal | None,
    row: Accreditation,
    action: AccreditationAction,
    name: str,
    *,
    before: dict[str, Any] | None,
) -> None:
    """Write the audit row of a decision and publish both facts: the accreditation changed, the council acted."""
    audit.record(
        db,
        principal,
        name,
        council_id=row.council_id,
        subject_kind="accreditation",
        subject_id=row.id,
        before=before,
        after={
            **facts(row),
            "organisation_id": row.organisation_id,
            "service_line": row.service_line,
            "lot_id": row.lot_id,
            "starts_on": action.starts_on,
            "is_confidential": action.is_confidential,
            "effects": action.effects,
        },
        why=action.reason,
    )
    publish(
        db,
        AccreditationChanged(
            council_id=row.council_id,
            organisation_id=row.organisation_id,
            accreditation_id=row.id,
            service_line=row.service_line.value,
            status=row.status.value,
        ),
    )
    publish(
        db,
        AccreditationActed(
            council_id=row.council_id,
            action_id=action.id,
            accreditation_id=row.id,
            organisation_id=row.organisation_id,
            kind=action.kind.value,
        ),
    )
