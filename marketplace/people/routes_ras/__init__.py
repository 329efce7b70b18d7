"""The workbench of the resource allocation system: versions, domains, sample, preview, publishing by two roles."""

from marketplace.people.routes_ras.drafting import RasDraftController
from marketplace.people.routes_ras.publishing import RasPublishingController
from marketplace.people.routes_ras.sample import RasSampleController
from marketplace.people.routes_ras.versions import RasController

__all__ = ["ROUTES"]

ROUTES = [RasController, RasDraftController, RasSampleController, RasPublishingController]
