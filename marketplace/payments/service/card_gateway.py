"""The card gateway of this process, and the address under which card pages lead back."""

from marketplace.core.settings import Settings
from marketplace.payments.stripe_gateway import GatewayUnavailable, StripeGateway

_gateway: StripeGateway | None = None
_public_url = "http://localhost:8000"


def use_gateway(made: StripeGateway | None) -> None:
    """Set the card gateway of this process (start-up, tests)."""
    global _gateway
    _gateway = made


def gateway() -> StripeGateway | None:
    """Return the card gateway of this process; None where no cards are taken."""
    return _gateway


def public_url() -> str:
    """Return the site's address, which stands in the links of card pages and so in calls that must repeat exactly."""
    return _public_url


def use_public_url(address: str) -> None:
    """Set the site's address (start-up, tests)."""
    global _public_url
    _public_url = address


def need_gateway() -> StripeGateway:
    """Return the card gateway.

    Raises:
        GatewayUnavailable: None is set in this process; work that waits for one is tried again.
    """
    if _gateway is None:
        raise GatewayUnavailable(code="gateway_missing")
    return _gateway


def open_cards(settings: Settings) -> StripeGateway | None:
    """Open the card gateway that the settings name and make it this process's; None without keys."""
    use_public_url(settings.public_url)
    if not settings.stripe_secret_key or not settings.stripe_webhook_secret:
        use_gateway(None)
        return None
    made = StripeGateway(settings.stripe_secret_key, settings.stripe_api_base, settings.stripe_webhook_secret)
    use_gateway(made)
    return made
