"""Pages on which an organisation applies to councils."""

from marketplace.providers.routes.applications.files import ApplicationFileController, SentFileController
from marketplace.providers.routes.applications.index import ApplicationListController
from marketplace.providers.routes.applications.outcome import ApplicationOutcomeController
from marketplace.providers.routes.applications.sending import ApplicationSendingController
from marketplace.providers.routes.applications.steps import ApplicationStepController

APPLICATIONS = [
    ApplicationListController,
    ApplicationStepController,
    ApplicationSendingController,
    ApplicationOutcomeController,
    ApplicationFileController,
    SentFileController,
]
