"""Pages of feedback."""

from marketplace.quality.routes.checks import FeedbackCheckController
from marketplace.quality.routes.person import FeedbackController
from marketplace.quality.routes.provider import ProviderFeedbackController

ROUTES = [FeedbackController, FeedbackCheckController, ProviderFeedbackController]
