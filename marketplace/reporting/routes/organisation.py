"""An organisation's own first page."""

from litestar import get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.providers.service.organisations import KIND_LABELS
from marketplace.reporting.service.organisation import OrganisationDeskService


@get("/provider/organisation", permission=Permission.ORGANISATION_OWN)
async def own_organisation(db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
    """Show everything councils ask of an organisation, with what is to do now."""
    organisation, parts = await OrganisationDeskService(db).page(principal)
    context = {
        "organisation": organisation,
        "kind": KIND_LABELS[organisation.kind],
        "parts": parts,
        "to_do": [part for part in parts if part.to_do],
    }
    return Template("reporting/organisation.html", context=context)
