"""Forms of accounts."""

from typing import Any

import msgspec

from marketplace.core.forms import FormReader


class SignInForm(msgspec.Struct, frozen=True):
    """E-mail and password."""

    email: str
    password: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "SignInForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        email = form.email("email", "your e-mail address")
        password = _password(form, data)
        form.done()
        return cls(email, password)


def read_password(data: dict[str, Any]) -> str:
    """Read a password that is given again.

    Raises:
        InvalidInput: None, or too long a one.
    """
    form = FormReader(data)
    password = _password(form, data)
    form.done()
    return password


def _password(form: FormReader, data: dict[str, Any]) -> str:
    password = str(data.get("password") or "")
    if not password:
        form.wrong("password", "Enter your password")
    elif len(password) > 200 or "\x00" in password:
        form.wrong("password", "Your password must be 200 characters or fewer")
    return password


class ResetRequestForm(msgspec.Struct, frozen=True):
    """Which account wants a new password."""

    email: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ResetRequestForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        email = form.email("email", "your e-mail address")
        form.done()
        return cls(email)


class NewPasswordForm(msgspec.Struct, frozen=True):
    """A new password."""

    password: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "NewPasswordForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        password = str(data.get("password") or "")
        if not password:
            form.wrong("password", "Enter a new password")
        form.done()
        return cls(password)
