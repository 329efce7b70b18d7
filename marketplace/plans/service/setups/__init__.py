"""The way to a direct payment: `drafts` by the council, `answers` of the person, `payments` that start and stop."""

from marketplace.plans.service.setups.answers import SetupAnswers
from marketplace.plans.service.setups.drafts import SetupService
from marketplace.plans.service.setups.payments import SetupPayments

__all__ = ["SetupAnswers", "SetupPayments", "SetupService"]
