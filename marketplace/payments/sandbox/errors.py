"""Refusals in the shape in which Stripe answers them."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer other than success.

    `kept` says whether the idempotency layer remembers it: Stripe forgets
    refusals of the request itself, but replays what happened after the work
    had begun.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        kept: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kept = kept
        error: dict[str, Any] = {"message": message, "type": kind}
        if code is not None:
            error["code"] = code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}"
        if param is not None:
            error["param"] = param
        self.body = {"error": error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that is wrong in itself."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param)


def refused(message: str, *, param: str | None = None, code: str | None = None) -> ApiError:
    """A request that the state of its object does not allow."""
    return ApiError(400, "invalid_request_error", message, code=code, param=param, kept=True)


def missing(param: str) -> ApiError:
    """A parameter that Stripe insists on."""
    return invalid(f"Missing required param: {param}.", param=param, code="parameter_missing")


def no_such(kind: str, object_id: str) -> ApiError:
    """An object that does not exist for this account."""
    return ApiError(404, "invalid_request_error", f"No such {kind}: '{object_id}'", code="resource_missing", param="id")
