"""Pages of choosing well: comparing, shortlists and their sharing, saved searches, fair choice records."""

from marketplace.providers.routes.choosing.compare import compare_page
from marketplace.providers.routes.choosing.records import ChoiceRecordController
from marketplace.providers.routes.choosing.searches import SavedSearchController
from marketplace.providers.routes.choosing.sharing import SharingController, comment_on_shared, shared_page
from marketplace.providers.routes.choosing.shortlists import ShortlistController

CHOOSING = [
    compare_page,
    ShortlistController,
    SharingController,
    shared_page,
    comment_on_shared,
    SavedSearchController,
    ChoiceRecordController,
]
