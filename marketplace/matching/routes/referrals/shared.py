"""What several pages of referrals need: an address's id, a form with its planners, what to say once it is saved."""

from typing import Any
from uuid import UUID

from litestar import Request
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.web import FormData, typed
from marketplace.matching.forms import ReferralForm
from marketplace.matching.models import Referral
from marketplace.matching.pages import form_choices
from marketplace.matching.states import ReferralStatus
from marketplace.providers.repository.planners import PlannerRepository


def read_id(text: str) -> UUID:
    """Read the id of an address.

    Raises:
        NotFound: It is none.
    """
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


async def planners_of(db: AsyncSession, principal: Principal) -> list[tuple[str, str, str, str]]:
    """Return the council's planners for the choices of a form: worker id, name, organisation id, organisation."""
    rows = await PlannerRepository(db).of_council(principal.council_id, today(clock_of(db)))
    return [(str(row[0].id), row[0].name, str(row[1].id), row[1].name) for row in rows]


async def read_form(db: AsyncSession, principal: Principal, data: FormData) -> ReferralForm:
    """Read a referral's form; who may be chosen or left out are the council's planners."""
    planners = await planners_of(db, principal)
    return ReferralForm.read(
        data,
        workers={UUID(item[0]) for item in planners},
        organisations=list(dict.fromkeys(UUID(item[2]) for item in planners)),
    )


async def form_page(
    db: AsyncSession, principal: Principal, template: str, values: FormData, errors: dict[str, str], **more: Any
) -> Template:
    """Show a form of a referral with its choices."""
    choices = form_choices(await planners_of(db, principal))
    return Template(
        template,
        context={"values": typed(values), "errors": errors, **choices, **more},
        status_code=422 if errors else 200,
    )


def say_state(request: Request[Any, Any, Any], referral: Referral) -> None:
    """Say where a saved referral stands now."""
    match referral.status:
        case ReferralStatus.RETAINED:
            flash(request, "Saved. This referral stays with the council and is not offered to the network")
        case ReferralStatus.INCOMPLETE:
            flash(request, "Saved, but something is missing. See what below", kind="information")
        case _:
            flash(request, "Saved. The referral waits for a planner")
