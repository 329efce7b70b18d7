"""The questions of joining: which are asked of whom, in which order, and how an answer is read."""

import re
from collections.abc import Mapping
from typing import Any, Final

from marketplace.accounts.service import check_password
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.providers.models import Joining, OrganisationKind
from marketplace.providers.service.numbers import read_charity, read_company, read_cqc

STEPS: Final = ("kind", "name", "place", "numbers", "contact", "email", "phone", "safeguarding", "password")
"""One question a page, in this order."""
HERE: Final = "here"
"""The question that is only asked where the organisation is here already: join it, or is yours another one?"""
ASK, ANOTHER = "ask", "another"

KINDS: Final[dict[OrganisationKind, tuple[str, str]]] = {
    OrganisationKind.COMMUNITY: ("Community group", "A club, a class, a faith group or a few neighbours"),
    OrganisationKind.THIRD_SECTOR: ("Charity or social enterprise", ""),
    OrganisationKind.SOLE_PA: ("Personal assistant, working alone", "People hire you and you work for them directly"),
    OrganisationKind.PA_SERVICE: ("Personal assistant service", "You find or manage personal assistants"),
    OrganisationKind.HOME_CARE: ("Home care agency", "Your staff help people at home, with washing and dressing"),
    OrganisationKind.EQUIPMENT: ("Equipment supplier", "Aids, telecare, repairs"),
}
"""Who may register itself. Council services are added by the council."""

NUMBER_FIELDS: Final = ("charity_number", "company_number", "cqc_number")
_FIELDS: Final = {
    "kind": ("kind",),
    "name": ("name",),
    "place": ("postcode",),
    # All three are optional, so what is kept is that they were asked for.
    "numbers": ("numbers_asked",),
    "contact": ("contact_name",),
    "email": ("email",),
    "phone": ("phone",),
    "safeguarding": ("safeguarding_name", "safeguarding_contact"),
    "password": (),
}
_PHONE = re.compile(r"^\+?[0-9 ()\-]{10,25}$")


def is_alone(answers: Mapping[str, Any]) -> bool:
    """Whether somebody registers who works alone: their name and postcode are personal."""
    return bool(answers.get("kind") == OrganisationKind.SOLE_PA)


def is_asking(answers: Mapping[str, Any]) -> bool:
    """Whether somebody wants to be let into an organisation that is here."""
    return bool(answers.get("here_id")) and answers.get("here_choice") == ASK


def steps_of(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the questions for somebody who answered so far.

    Somebody who works alone is not asked for a contact (it is they) nor for numbers of a body; who asks to be let in
    need not say again what the organisation said.
    """
    without: set[str] = set()
    if is_alone(answers):
        without |= {"contact", "numbers"}
    if is_asking(answers):
        without |= {"phone", "safeguarding"}
    return tuple(step for step in STEPS if step not in without)


def open_step(joining: Joining | None) -> str | None:
    """Return the first question that is not answered; None when all are."""
    if joining is None:
        return STEPS[0]
    answers = joining.answers
    if answers.get("here_id") and not answers.get("here_choice"):
        return HERE
    for step in steps_of(answers):
        if step == "email":
            is_answered = bool(joining.email)
        elif step == "password":
            is_answered = bool(joining.password_hash)
        else:
            is_answered = all(answers.get(field) for field in _FIELDS[step])
        if not is_answered:
            return step
    return None


def values_of(joining: Joining | None) -> dict[str, str]:
    """Return the answers as forms show them; never the password."""
    if joining is None:
        return {}
    return {**{name: str(value) for name, value in joining.answers.items()}, "email": joining.email}


def round_of(text: str) -> dict[str, str]:
    """Return the round that somebody came from as it is kept with the answers; empty where the text names none."""
    found = parse_id(text)
    return {"round": str(found)} if found else {}


def numbers_of(answers: Mapping[str, Any]) -> dict[str, str | None]:
    """Return the numbers given, by the column of an organisation in which they are kept."""
    return {
        "charity_number": answers.get("charity_number") or None,
        "company_number": answers.get("company_number") or None,
        "cqc_provider_id": answers.get("cqc_number") or None,
    }


def read_answer(form: FormReader, step: str) -> dict[str, str]:
    """Read the answer to one question; e-mail address and password are read elsewhere."""
    if step == "kind":
        return {"kind": form.option("kind", "what you are", [kind.value for kind in KINDS])}
    if step == "name":
        return {"name": form.text("name", "the name", longest=150)}
    if step == "place":
        return {"postcode": form.postcode("postcode", "the postcode")}
    if step == "numbers":
        return {**read_numbers(form), "numbers_asked": "yes"}
    if step == "contact":
        return {"contact_name": form.text("contact_name", "your name", longest=100)}
    if step == "phone":
        return {"phone": read_phone(form, "a phone number")}
    if step == "safeguarding":
        return read_safeguarding(form)
    return {}


def read_numbers(form: FormReader) -> dict[str, str]:
    """Read the three optional numbers, by field."""
    return {
        "charity_number": read_charity(form) or "",
        "company_number": read_company(form) or "",
        "cqc_number": read_cqc(form) or "",
    }


def read_phone(form: FormReader, label: str, *, required: bool = True) -> str:
    """Read a telephone number in the field `phone`."""
    phone = form.text("phone", label, required=required, longest=30)
    if phone and not _PHONE.match(phone):
        form.wrong("phone", "Enter a phone number, like 01632 960 001 or 07700 900 982")
    return phone


def read_safeguarding(form: FormReader, *, required: bool = True) -> dict[str, str]:
    """Read who answers for keeping people safe: a name, and a telephone number or an e-mail address."""
    name = form.text("safeguarding_name", "the name of your safeguarding contact", required=required, longest=100)
    contact = form.text("safeguarding_contact", "their phone number or e-mail address", required=required, longest=200)
    if contact and "@" in contact:
        contact = form.email("safeguarding_contact", "the e-mail address")
    elif contact and not _PHONE.match(contact):
        form.wrong("safeguarding_contact", "Enter a phone number, like 01632 960 001, or an e-mail address")
    return {"safeguarding_name": name, "safeguarding_contact": contact}


def read_password(form: FormReader) -> str:
    """Read a new password in the field `password`."""
    password = str(form.data.get("password") or "")
    if not password:
        form.wrong("password", "Enter a password")
        return ""
    try:
        check_password(password)
    except InvalidInput as error:
        form.wrong("password", error.fields["password"])
    return password
