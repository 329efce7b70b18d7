"""Forms of the front door: a contact that staff take, how it ended, and one that somebody makes online."""

from collections.abc import Collection
from typing import Any

import msgspec

from marketplace.core.forms import FormReader
from marketplace.people.models import ContactAsker, ContactChannel, ContactOutcome
from marketplace.people.words import TOPICS

LONGEST_TEXT = 4_000


class EndForm(msgspec.Struct, frozen=True, kw_only=True):
    """How a contact ended."""

    outcome: ContactOutcome
    outcome_words: str
    passed_to: str
    listing_ids: list[str]
    told_means_tested: bool
    version: int

    @classmethod
    def read(cls, data: dict[str, Any], listings: Collection[str]) -> "EndForm":
        """Read the form.

        Args:
            data: The form.
            listings: Ids of offers that are on the market.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(**_end(form, listings), version=_version(form))
        form.done()
        return found


class ContactForm(msgspec.Struct, frozen=True, kw_only=True):
    """A contact as staff write it down."""

    channel: ContactChannel
    asked_by: ContactAsker
    topic: str
    words: str
    postcode: str
    is_crisis: bool
    outcome: ContactOutcome
    outcome_words: str
    passed_to: str
    listing_ids: list[str]
    told_means_tested: bool

    @classmethod
    def read(cls, data: dict[str, Any], listings: Collection[str]) -> "ContactForm":
        """Read the form.

        Args:
            data: The form.
            listings: Ids of offers that are on the market.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(
            channel=form.choice("channel", "how they came to us", ContactChannel) or ContactChannel.PHONE,
            asked_by=form.choice("asked_by", "who asked", ContactAsker) or ContactAsker.OTHER,
            topic=form.option("topic", "what it is about", TOPICS),
            words=form.text("words", "what was asked", required=False, longest=LONGEST_TEXT),
            postcode=form.postcode("postcode", "the postcode", required=False),
            is_crisis=form.ticked("is_crisis"),
            **_end(form, listings),
        )
        form.done()
        return found


class AskForm(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks online, without an account."""

    asked_by: ContactAsker
    topic: str
    words: str
    postcode: str

    @classmethod
    def read(cls, data: dict[str, Any]) -> "AskForm":
        """Read the form.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        found = cls(
            asked_by=form.choice("asked_by", "who the help is for", ContactAsker) or ContactAsker.OTHER,
            topic=form.option("topic", "what the help is about", TOPICS),
            words=form.text("words", "what is hard", required=False, longest=LONGEST_TEXT),
            postcode=form.postcode("postcode", "the postcode"),
        )
        form.done()
        return found


class AskEndForm(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody who asked online goes on: found something, looks by themselves, or wants a call."""

    outcome: ContactOutcome
    name: str
    reach: str

    @classmethod
    def read(cls, data: dict[str, Any], *, is_known: bool) -> "AskEndForm":
        """Read the form.

        Args:
            data: The form.
            is_known: Whether the person is signed in, so that the council knows how to reach them.

        Raises:
            InvalidInput: With all messages.
        """
        form = FormReader(data)
        answers = {
            "found": ContactOutcome.RESOLVED,
            "look": ContactOutcome.SIGNPOSTED,
            "call": ContactOutcome.PASSED_ON,
        }
        answer = form.option("answer", "what you want to do now", answers)
        needs_reach = answer == "call" and not is_known
        found = cls(
            outcome=answers.get(answer, ContactOutcome.SIGNPOSTED),
            name=form.text("name", "your name", required=needs_reach, longest=100) if needs_reach else "",
            reach=form.text("reach", "your phone number or e-mail", required=needs_reach, longest=254)
            if needs_reach
            else "",
        )
        if found.reach and "@" not in found.reach and sum(char.isdigit() for char in found.reach) < 6:
            form.wrong("reach", "Enter a phone number or an e-mail address")
        form.done()
        return found


def _end(form: FormReader, listings: Collection[str]) -> dict[str, Any]:
    outcome = form.choice("outcome", "how it ended", ContactOutcome)
    told = form.options("listing_ids", "offers", listings)
    if form.errors.pop("listing_ids", None):
        # The boxes are on the page only after a search; the search always is.
        form.wrong("offer_words", "Look for offers again: one of them is no longer on the market")
    words = form.text("outcome_words", "what was said or done", required=False, longest=LONGEST_TEXT)
    is_passed = outcome is ContactOutcome.PASSED_ON
    passed_to = form.text("passed_to", "the team it was passed on to", required=is_passed, longest=100)
    if outcome is ContactOutcome.SIGNPOSTED and not told and not words:
        form.wrong("outcome_words", "Write down what they were told of, or tick an offer")
    if outcome is ContactOutcome.SHORT_TERM and not words:
        form.wrong("outcome_words", "Write down what was arranged, and for how long")
    return {
        "outcome": outcome or ContactOutcome.RESOLVED,
        "outcome_words": words,
        "passed_to": passed_to if is_passed else "",
        "listing_ids": told,
        "told_means_tested": form.ticked("told_means_tested"),
    }


def _version(form: FormReader) -> int:
    value = form.raw("version")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else 0
