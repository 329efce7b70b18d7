"""The page of one version: its points, what they mean for the sample, and what can be done with it."""

from decimal import Decimal, InvalidOperation

from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository, Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.web import FormData, typed
from marketplace.people.models import RasVersion, SliceOrder
from marketplace.people.ras.preview import preview
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.service import RasService, lacks
from marketplace.people.routes_ras.shared import WORDS
from marketplace.people.states import RasStatus


async def version_page(
    db: AsyncSession,
    principal: Principal,
    row: RasVersion,
    *,
    asked: str = "",
    errors: dict[str, str] | None = None,
    values: FormData | None = None,
) -> Template:
    """Show a version; `asked` is a mean to try out, as it was typed."""
    repository, service = RasRepository(db), RasService(db)
    cases = await repository.cases(row)
    asked_mean = _mean(asked)
    if asked and asked_mean is None:
        errors = {**(errors or {}), "mean": "Enter a mean from 0 to 100,000, like 46"}
    people = {row.made_by_user_id, row.proposed_by_user_id, row.published_by_user_id} - {None}
    names = await AccountRepository(db).names({user_id for user_id in people if user_id is not None})
    may_draft = principal.may(Permission.RAS_DRAFT)
    context = {
        "row": row,
        "preview": preview(row, cases, asked_mean),
        "missing": service.missing(row, cases) if row.status is RasStatus.DRAFT else [],
        "lacking": lacks(row, cases),
        "without_answers": sum(1 for case in cases if len(case.answers) < len(row.domains)),
        "names": names,
        "is_current": row is await repository.current(principal.council_id, today(clock_of(db))),
        "may_change": may_draft and row.status is RasStatus.DRAFT,
        "may_draft": may_draft,
        "may_publish": principal.may(Permission.RAS_PUBLISH),
        "is_own": principal.user_id in (row.made_by_user_id, row.proposed_by_user_id),
        "promised_beyond": row.slice_order is SliceOrder.AFTER and row.protection_pence > 0,
        "values": typed({"mean": asked, "version": str(row.version), **(values or {})}),
        "errors": errors or {},
        **WORDS,
    }
    return Template("people/ras/show.html", context=context, status_code=422 if errors else 200)


def _mean(text: str) -> Decimal | None:
    """Read a mean to try out; None where it is none."""
    try:
        value = Decimal(text.strip()) if text.strip().isascii() else Decimal("NaN")
    except InvalidOperation:
        return None
    return value.quantize(Decimal("0.0001")) if value.is_finite() and 0 <= value <= 100_000 else None
