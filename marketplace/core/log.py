"""Structured logs: one JSON line each, ids only, never names, addresses or notes about a person."""

import logging
import sys

import structlog

_HIDDEN = frozenset({"password", "secret", "token", "authorization", "cookie", "email", "name", "address", "phone"})


def configure(*, as_json: bool = True, level: int = logging.INFO) -> None:
    """Set up logging for this process, on standard error."""
    renderer = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hide,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")


def _hide(logger: object, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Blank values that must not be in a log, whoever passed them."""
    return {key: "[hidden]" if key.lower() in _HIDDEN else value for key, value in event.items()}
