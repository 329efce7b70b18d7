"""The verbs of feedback: `giving` for people, `deciding` for the council, `replying` for providers."""

from marketplace.quality.service.deciding import FeedbackCheckService
from marketplace.quality.service.giving import FeedbackService
from marketplace.quality.service.replying import REPLY_WITHIN, FeedbackReplyService

__all__ = ["REPLY_WITHIN", "FeedbackCheckService", "FeedbackReplyService", "FeedbackService"]
