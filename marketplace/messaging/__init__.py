"""Templates and delivery of e-mail, text and letters. `MessagingService(db).tell(…)` queues a message."""

from marketplace.messaging.service import MessagingService

__all__ = ["MessagingService"]
