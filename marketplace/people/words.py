"""Words of pages about people: what somebody can look at, what is said of contacts at the front door."""

from marketplace.accounts.words import NEEDS
from marketplace.people.models import ContactAsker, ContactChannel, ContactOutcome

VIEWED: dict[str, str] = {
    "record": "Record",
    "profile": "Profile",
    "timeline": "Timeline",
    "contact": "A call or visit to the council",
    "stages": "Help so far",
    "assessment": "Assessment",
    "budget": "Budget",
    "charges": "What is paid, and by whom",
    "plan": "Plan",
    "shared_plan": "Parts of the plan that were shared",
    "review": "Review",
}
"""What can be looked at, in the words of the person's page."""

CHANNELS: dict[ContactChannel, str] = {
    ContactChannel.PHONE: "Telephone",
    ContactChannel.ONLINE: "Online",
    ContactChannel.IN_PERSON: "Face to face",
    ContactChannel.LETTER: "Letter",
    ContactChannel.PROFESSIONAL: "A doctor, hospital, school or other body",
}
ASKERS: dict[ContactAsker, str] = {
    ContactAsker.SELF: "The person",
    ContactAsker.FAMILY: "Family",
    ContactAsker.CARER: "A carer",
    ContactAsker.PROFESSIONAL: "A professional",
    ContactAsker.OTHER: "Somebody else",
}
OUTCOMES: dict[ContactOutcome, str] = {
    ContactOutcome.RESOLVED: "Answered at once",
    ContactOutcome.SIGNPOSTED: "Told of help nearby",
    ContactOutcome.SHORT_TERM: "Short-term support arranged",
    ContactOutcome.PASSED_ON: "Passed on",
    ContactOutcome.WITHDRAWN: "Did not go on",
}
OUTCOME_COLOURS: dict[ContactOutcome, str] = {
    ContactOutcome.RESOLVED: "green",
    ContactOutcome.SIGNPOSTED: "green",
    ContactOutcome.SHORT_TERM: "blue",
    ContactOutcome.PASSED_ON: "yellow",
    ContactOutcome.WITHDRAWN: "grey",
}
OTHER_TOPIC = "other"
TOPICS: dict[str, str] = {**NEEDS, OTHER_TOPIC: "Something else"}
"""What a contact may be about."""
STAGES: dict[int, str] = {
    1: "Promoting independence",
    2: "Regaining independence and making safe",
    3: "Living with care and support",
}
"""The three stages (B1)."""
