"""Pages of quality: feedback, contract monitoring."""

from marketplace.quality.routes.checks import FeedbackCheckController
from marketplace.quality.routes.monitoring import MonitoringController, OwnMonitoringController
from marketplace.quality.routes.person import FeedbackController
from marketplace.quality.routes.provider import ProviderFeedbackController

ROUTES = [
    FeedbackController,
    FeedbackCheckController,
    ProviderFeedbackController,
    MonitoringController,
    OwnMonitoringController,
]
