"""What a web process has once it is made, as the server makes it."""

import pytest

from marketplace.core.settings import Settings
from marketplace.messaging import delivery
from marketplace.web.app import create_app


def test_pages_that_write_messages_know_where_their_links_lead(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery.use_settings(None)
    monkeypatch.setattr("marketplace.web.app.load_manifest", lambda _: None)
    try:
        create_app(settings)
        assert delivery.settings() is settings
    finally:
        delivery.use_settings(None)
