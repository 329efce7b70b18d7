"""Forms about a person: the council's record and the person's own profile."""

from datetime import date
from typing import Any

import msgspec

from marketplace.accounts.words import COMMUNICATION_NEEDS, ETHNIC_GROUPS, INTERESTS, LANGUAGES, NEEDS, Gender
from marketplace.core.forms import FormReader
from marketplace.people.models import Person

LONGEST_TEXT = 4_000


class ProfileForm(msgspec.Struct, frozen=True, kw_only=True):
    """The one page profile, and how somebody needs to be told things."""

    appreciated: str
    important_to_me: str
    how_to_support_me: str
    interests: list[str]
    languages: list[str]
    communication_needs: list[str]
    version: int

    @classmethod
    def read(cls, data: dict[str, Any]) -> "ProfileForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(**_profile(form), version=_version(form))
        form.done()
        return found


class PersonForm(msgspec.Struct, frozen=True, kw_only=True):
    """A person's record as council staff write it."""

    reference: str
    """Number in the council's case system; empty for one of ours."""
    given_name: str
    family_name: str
    born_on: date | None
    gender: Gender
    ethnicity: str
    """Code of `ETHNIC_GROUPS`; empty: not said."""
    address_line: str
    town: str
    postcode: str
    phone: str
    email: str
    needs: list[str]
    appreciated: str
    important_to_me: str
    how_to_support_me: str
    interests: list[str]
    languages: list[str]
    communication_needs: list[str]
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], today: date) -> "PersonForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        born_on = form.day("born_on", "the date of birth", required=False)
        if born_on is not None and born_on >= today:
            form.wrong("born_on", "The date of birth must be in the past")
        found = cls(
            reference=form.text("reference", "the reference", required=False, longest=40),
            given_name=form.text("given_name", "the first name", longest=100),
            family_name=form.text("family_name", "the last name", longest=100),
            born_on=born_on,
            gender=form.choice("gender", "the gender", Gender, required=False) or Gender.NOT_SAID,
            ethnicity=form.option("ethnicity", "the ethnic group", ETHNIC_GROUPS, required=False),
            address_line=form.text("address_line", "the address", required=False, longest=200),
            town=form.text("town", "the town", required=False, longest=100),
            postcode=form.postcode("postcode", "the postcode"),
            phone=form.text("phone", "the telephone number", required=False, longest=40),
            email=form.email("email", "the e-mail address", required=False),
            needs=form.options("needs", "the needs", NEEDS),
            **_profile(form),
            version=_version(form),
        )
        form.done()
        return found


def person_values(person: Person) -> dict[str, Any]:
    """Return a record as the values of its form."""
    values: dict[str, Any] = {
        name: getattr(person, name)
        for name in PersonForm.__struct_fields__
        if name not in {"born_on", "gender", "version"}
    }
    values["gender"] = person.gender.value
    values["version"] = str(person.version)
    if person.born_on:
        values |= {
            "born_on-day": str(person.born_on.day),
            "born_on-month": str(person.born_on.month),
            "born_on-year": str(person.born_on.year),
        }
    return values


def _profile(form: FormReader) -> dict[str, Any]:
    return {
        "appreciated": form.text("appreciated", "what people appreciate", required=False, longest=LONGEST_TEXT),
        "important_to_me": form.text("important_to_me", "what is important", required=False, longest=LONGEST_TEXT),
        "how_to_support_me": form.text("how_to_support_me", "how to support", required=False, longest=LONGEST_TEXT),
        "interests": form.options("interests", "the interests", INTERESTS),
        "languages": form.options("languages", "the languages", LANGUAGES),
        "communication_needs": form.options("communication_needs", "the communication needs", COMMUNICATION_NEEDS),
    }


def _version(form: FormReader) -> int:
    """Read the version a page was drawn from; 0 when a record is new or the field was tampered with."""
    value = form.raw("version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
