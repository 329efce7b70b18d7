"""A small ASGI application for the tests of the web server process."""

import asyncio
import os
from typing import Any


def create_app() -> Any:
    """Answer every request with this worker's process id; `/slow` takes its time."""

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        if scope["path"] == "/slow":
            await asyncio.sleep(0.5)
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

    return app


def create_broken_app() -> Any:
    """Fail as an application with a wrong setting does."""
    raise RuntimeError("a setting is wrong")
