"""Pages of the workforce."""

from marketplace.providers.routes.workforce.nominations import CallController, OwnNominationController
from marketplace.providers.routes.workforce.pa_council import PaRegisterController, workforce_file, workforce_page
from marketplace.providers.routes.workforce.pa_own import OwnApprovalController
from marketplace.providers.routes.workforce.pa_public import pa_register_page
from marketplace.providers.routes.workforce.photos import WorkerPhotoController
from marketplace.providers.routes.workforce.workers import WorkersController

WORKFORCE = [
    WorkersController,
    WorkerPhotoController,
    OwnNominationController,
    CallController,
    OwnApprovalController,
    PaRegisterController,
    workforce_page,
    workforce_file,
    pa_register_page,
]
