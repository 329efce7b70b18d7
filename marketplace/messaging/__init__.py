"""Templates and delivery of e-mail, text and letters. `MessagingService(db).tell(…)` queues a message to users.

`send_secret(…)` sends an e-mail with a secret link, to any address.
"""

from marketplace.messaging.sending import send_secret
from marketplace.messaging.service import MessagingService

__all__ = ["MessagingService", "send_secret"]
