"""What every page of an agreement's visits has: whose side it is, its agreement, its form."""

from typing import Any
from uuid import UUID

from litestar import Controller
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.bookings.models import PauseKind, Side, SupportAgreement
from marketplace.bookings.service.planning.patterns import WEEKDAYS
from marketplace.bookings.service.planning.pauses import Pauses
from marketplace.core.errors import NotFound
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed

PAUSE_LABELS = [
    (PauseKind.HOSPITAL.value, "A stay in hospital"),
    (PauseKind.HOLIDAY.value, "A holiday"),
    (PauseKind.OTHER.value, "Something else"),
]


class VisitPages(Controller):
    """What all of them have; `side` and `base` say which side."""

    side = Side.PERSON
    base = "/agreements"

    async def _agreement(self, db: AsyncSession, principal: Principal, text: str) -> SupportAgreement:
        service = Pauses(db)
        found = service.of_person if self.side is Side.PERSON else service.of_provider
        return await found(principal, read_id(text))

    def _home(self, agreement_id: UUID) -> str:
        return f"{self.base}/{agreement_id}/visits"

    def _form(
        self, template: str, agreement: SupportAgreement, values: FormData, errors: dict[str, str], **more: Any
    ) -> Template:
        context = {
            "agreement": agreement,
            "home": self._home(agreement.id),
            "weekdays": [(str(number), name) for number, name in enumerate(WEEKDAYS)],
            "values": typed(values),
            "errors": errors,
            **more,
        }
        return Template(template, context=context, status_code=422 if errors else 200)


def read_id(text: str) -> UUID:
    """Read the id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found
