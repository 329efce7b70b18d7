"""A provider's free hours of care: the week as a form, and as a picture with a table beside it."""

from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.flash import flash
from marketplace.core.formats import plural
from marketplace.core.web import FormData, submit
from marketplace.matching.bands import BANDS, SLOTS, WEEKDAYS, slot
from marketplace.matching.forms_hours import HoursForm, copied, hours_text, hours_values, picture
from marketplace.matching.repository.hours import CareHoursRepository
from marketplace.matching.routes.care.pages import page
from marketplace.matching.service.care.hours import STALE_AFTER, CareHoursService, free_hours
from marketplace.matching.words_care import CARE_SERVICES
from marketplace.providers.models import ServiceLine

PATH = "/provider/care-hours"


class CareHoursController(Controller):
    """Hours of care that an organisation has free."""

    path = PATH

    @get("/", permission=Permission.REQUIREMENTS_ANSWER)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        service: Annotated[str, QueryParameter(name="service", max_length=40)] = "",
    ) -> Template:
        """Show what is free now, and the form to say it anew."""
        services = await CareHoursService(db).services(principal)
        if service and service not in services:
            raise NotFound
        line = ServiceLine(service) if service else next(iter(services), None)
        return await _page(db, principal, services, line)

    @post("/", permission=Permission.REQUIREMENTS_ANSWER)
    async def say(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Keep what is free, or copy Monday and show the form again."""
        hours = CareHoursService(db)
        services = await hours.services(principal)
        if data.get("service") not in services:
            raise NotFound
        line = ServiceLine(data["service"])
        if (values := copied(data)) is not None:
            return await _page(db, principal, services, line, values=values, was_copied=True)
        workers = await hours.workers(principal)

        async def action() -> str:
            said = await hours.say(principal, HoursForm.read(data, workers=workers))
            flash(request, f"Saved: {hours_text(said)} hours a week are free")
            return f"{PATH}?service={line.value}"

        try:
            async with db.begin_nested():
                return await submit(request, db, principal.actor, data, action)
        except InvalidInput as error:
            return await _page(db, principal, services, line, values=data, errors=error.fields)


async def _page(
    db: AsyncSession,
    principal: Principal,
    services: list[ServiceLine],
    line: ServiceLine | None,
    *,
    values: FormData | None = None,
    errors: dict[str, str] | None = None,
    was_copied: bool = False,
) -> Template:
    rows = list(await CareHoursRepository(db).said(principal.need_organisation(), line)) if line else []
    now = free_hours(rows, clock_of(db).now())
    context = {
        "mine": [(item, CARE_SERVICES[item]) for item in services],
        "service": line,
        "service_label": CARE_SERVICES[line] if line else "",
        "now": now,
        "total": hours_text(now.total) if now else "",
        "awarded": hours_text(now.awarded) if now and now.awarded else "",
        "stale_after": plural(STALE_AFTER.days, "day"),
        "picture": picture(now.quarters) if now else [],
        "days": [
            (day, [(slot(index, band), item.label, item.hours) for band, item in enumerate(BANDS)])
            for index, day in enumerate(WEEKDAYS)
        ],
        "was_copied": was_copied,
    }
    kept = {f"slot-{number}": "" for number in range(SLOTS)} | hours_values(rows)
    shown = {name: value for name, value in (values or {}).items() if name in kept}
    return page("show", context, values={**kept, **shown}, errors=errors, folder="care_hours")
