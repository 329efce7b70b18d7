"""Which way a person's message goes, what a text says, and where a message goes that no carrier takes."""

import re
from typing import Final, NamedTuple

from marketplace.accounts.models import Council
from marketplace.messaging.models import Channel, ContactPreference

LONGEST_TEXT: Final = 306
"""Characters of two joined text messages: 153 each, beside the header that joins them (3GPP TS 23.040)."""
BY_HAND: Final = frozenset({Channel.LETTER, Channel.CALL})
"""Somebody at the council does it: it stands on their list until then."""
_LINK = re.compile(r"https?://\S+")
_PLAIN = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "\n": " "})


class Way(NamedTuple):
    """How a message travels and where to; the place is empty where nobody knows it."""

    channel: Channel
    to_address: str


def digits(phone: str) -> str:
    """Return the digits of a phone number."""
    return "".join(char for char in phone if char.isascii() and char.isdecimal())


def way_for(preference: ContactPreference, account_email: str, *, is_urgent: bool) -> Way:
    """Choose the way for a person's message.

    Args:
        preference: What they asked for.
        account_email: E-mail address they sign in with; "" without an account.
        is_urgent: Whether it cannot wait.

    Returns:
        A way that needs nothing that is missing; what nothing is known for stands on the call list.
    """
    wanted = preference.urgent_channel if is_urgent else preference.channel
    email = preference.email or account_email
    if wanted is Channel.EMAIL and email:
        return Way(Channel.EMAIL, email)
    # A text says only that there is something to read: of no use to somebody who cannot sign in.
    if wanted is Channel.TEXT and account_email and digits(preference.phone):
        return Way(Channel.TEXT, preference.phone)
    if wanted is Channel.LETTER and preference.address:
        return Way(Channel.LETTER, preference.address)
    return by_hand(preference)


def by_hand(preference: ContactPreference | None) -> Way:
    """Return how somebody at the council reaches a person: by phone where there is a number."""
    if preference is None or preference.phone or not preference.address:
        return Way(Channel.CALL, preference.phone if preference else "")
    return Way(Channel.LETTER, preference.address)


def way_after_refusal(channel: Channel, preference: ContactPreference | None, account_email: str) -> Way:
    """Choose the way for a person's message that the carrier does not take: e-mail after a text, then the call list."""
    email = (preference.email if preference else "") or account_email
    if channel is Channel.TEXT and email:
        return Way(Channel.EMAIL, email)
    return by_hand(preference)


def text_words(council: Council, site: str, *, is_urgent: bool) -> str:
    """Write a text: whose, that there is something to read, and where. Nothing about the person or their care.

    Returns:
        At most 306 characters of plain letters, so that two text messages hold it.
    """
    name = council.short_name or council.name
    news = (
        "something has changed and cannot wait. Please read it now" if is_urgent else "you have a new message. Read it"
    )
    choices = [f"{name}: {news} at {site} or call {council.contact_phone}."] if council.contact_phone else []
    choices += [f"{name}: {news} at {site}", f"You have a new message. Read it at {site}"]
    plain = [words.translate(_PLAIN).encode("ascii", "ignore").decode() for words in choices]
    return next((words for words in plain if len(words) <= LONGEST_TEXT), plain[-1][:LONGEST_TEXT])


def without_links(body: str, site: str) -> str:
    """Return words for paper and the phone: each link becomes the site's address. Nobody types a long one, and what
    opens something without a password does not belong on paper."""
    return _LINK.sub(site, body)
