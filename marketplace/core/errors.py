"""One tree of errors. Packages subclass a family; one handler in `web` turns them into pages or problem+json."""

from http import HTTPStatus
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    # The process that opens one uploaded file starts for each, and needs errors but no database.
    from sqlalchemy.exc import IntegrityError


class PlatformError(Exception):
    """Something that went wrong and that we can put into words.

    Class attributes: `status` (HTTP), `code` (public and stable, part of /problems/{code}) and `title` (plain words).
    The message, when given, says more and is shown to people: no names, no database text.
    """

    status: ClassVar[HTTPStatus] = HTTPStatus.INTERNAL_SERVER_ERROR
    code: ClassVar[str] = "error"
    title: ClassVar[str] = "Sorry, there is a problem"

    def __init__(self, detail: str = "") -> None:
        super().__init__(detail or self.title)
        self.detail = detail


class NotFound(PlatformError):
    """Absent, or not yours: both look the same."""

    status = HTTPStatus.NOT_FOUND
    code = "not-found"
    title = "Page not found"


class SignInNeeded(PlatformError):
    """Nobody is signed in and the page needs somebody."""

    status = HTTPStatus.UNAUTHORIZED
    code = "sign-in-needed"
    title = "Sign in to see this page"


class Forbidden(PlatformError):
    """Yours to see, not yours to do."""

    status = HTTPStatus.FORBIDDEN
    code = "forbidden"
    title = "You cannot do this"


class Conflict(PlatformError):
    """The world moved on since the page was opened."""

    status = HTTPStatus.CONFLICT
    code = "conflict"
    title = "This has changed since you opened it"


class InvalidInput(PlatformError):
    """One or more fields are wrong.

    `fields[name]` is the message to show beside the field of that name.
    """

    status = HTTPStatus.UNPROCESSABLE_ENTITY
    code = "invalid-input"
    title = "There is a problem"

    def __init__(self, fields: dict[str, str], detail: str = "") -> None:
        super().__init__(detail or "; ".join(fields.values()))
        self.fields = fields


class BadRequest(PlatformError):
    """The request itself makes no sense (a broken address, a NUL byte, an id out of range)."""

    status = HTTPStatus.BAD_REQUEST
    code = "bad-request"
    title = "This address or request is not right"


class TooMany(PlatformError):
    """Too many tries in a short time."""

    status = HTTPStatus.TOO_MANY_REQUESTS
    code = "too-many"
    title = "Too many tries"


class Unavailable(PlatformError):
    """A part we lean on does not answer: worth another try."""

    status = HTTPStatus.SERVICE_UNAVAILABLE
    code = "unavailable"
    title = "Sorry, the service is unavailable"


class StepRefused(Conflict):
    """A life cycle does not allow this step from where the row is now."""

    code = "step-refused"


class StaleForm(Conflict):
    """The same form was sent twice with different content."""

    code = "form-already-used"
    title = "This form has already been sent"


def broken_constraint(error: "IntegrityError") -> str | None:
    """Name of the database constraint that an insert or update broke, or None when the driver does not say."""
    cause: BaseException | None = error.orig
    while cause is not None:
        name = getattr(cause, "constraint_name", None)
        if isinstance(name, str):
            return name
        cause = cause.__cause__
    return None
