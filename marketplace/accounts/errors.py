"""What can go wrong when people sign in."""

from marketplace.core.errors import Conflict, Forbidden, InvalidInput, NotFound, TooMany


class SignInRefused(InvalidInput):
    """Wrong e-mail or password, or no role: one answer for all, so that nobody learns who has an account."""

    code = "sign-in-refused"


class ConfirmFirst(Forbidden):
    """Something that moves money needs the password again; pages send people to `/confirm-it-is-you`."""

    code = "confirm-it-is-you"
    title = "Confirm it is you"


class TooManyTries(TooMany):
    """Too many failed sign-ins or reset requests."""

    code = "too-many-tries"
    title = "Too many tries. Wait a few minutes, then try again"


class ResetLinkDead(NotFound):
    """A reset link that was used, is too old or never was."""

    code = "reset-link-dead"
    title = "This link no longer works"


class AddressTaken(Conflict):
    """An e-mail address that has an account already. Never shown to a visitor before they showed that it is theirs."""

    code = "address-taken"
    title = "This e-mail address already has an account"
