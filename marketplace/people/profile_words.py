"""Words of the one page profile: its tools with their prompts, the circles, the parts of a day, the pictures (D2).

The prompts are written to be read out: short sentences, one idea each, words of every day.
"""

from typing import Final

import msgspec

from marketplace.people.models import PartOfDay, ProfileTool


class Prompt(msgspec.Struct, frozen=True):
    """A question to think about, with the picture that stands beside it in Easy Read."""

    words: str
    symbol: str


class ToolWords(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool is called and asks."""

    title: str
    """Heading, as the person says it: "My good days"."""
    about: str
    """What the tool is for, in one or two short sentences."""
    ask: str
    """Label of the field."""
    example: str
    symbol: str
    prompts: tuple[Prompt, ...]
    others_see: str
    """Heading where somebody else reads it."""


TOOLS: Final[dict[ProfileTool, ToolWords]] = {
    ProfileTool.APPRECIATED: ToolWords(
        title="What people like about me",
        about="Say what you are good at. Ask a friend what they like about you.",
        ask="What do people like about you?",
        example="I make people laugh",
        symbol="star",
        prompts=(
            Prompt("What are you good at?", "star"),
            Prompt("What would a good friend say?", "people"),
            Prompt("What are you proud of?", "smile"),
        ),
        others_see="What people appreciate about me",
    ),
    ProfileTool.IMPORTANT: ToolWords(
        title="What is important to me",
        about="Say what makes a good life for you. It can be big or small.",
        ask="What is important to you?",
        example="I see my dog every day",
        symbol="heart",
        prompts=(
            Prompt("Who do you love?", "heart"),
            Prompt("What do you do each day?", "clock"),
            Prompt("What would you miss the most?", "sad"),
            Prompt("What do you believe in?", "faith"),
        ),
        others_see="What is important to me",
    ),
    ProfileTool.SUPPORT: ToolWords(
        title="How to support me well",
        about="Say what helps you. Say what does not help.",
        ask="How can people support you well?",
        example="Give me time to answer",
        symbol="hand",
        prompts=(
            Prompt("What should people do?", "hand"),
            Prompt("What should people never do?", "sad"),
            Prompt("How should people talk to you?", "talk"),
            Prompt("What keeps you safe and well?", "home"),
        ),
        others_see="How to support me well",
    ),
    ProfileTool.GOOD_DAYS: ToolWords(
        title="My good days",
        about="Think of a day that was good. What made it good?",
        ask="What makes a day good?",
        example="The sun is out and I sit in the garden",
        symbol="sun",
        prompts=(
            Prompt("Who was there?", "people"),
            Prompt("Where were you?", "home"),
            Prompt("What did you do?", "walk"),
        ),
        others_see="Good days",
    ),
    ProfileTool.BAD_DAYS: ToolWords(
        title="My bad days",
        about="Think of a day that was bad. What made it bad? What helped?",
        ask="What makes a day bad?",
        example="I did not sleep and I had to rush",
        symbol="rain",
        prompts=(
            Prompt("What went wrong?", "sad"),
            Prompt("Who or what helped?", "hand"),
            Prompt("What should people look out for?", "talk"),
        ),
        others_see="Bad days",
    ),
    ProfileTool.ROUTINES: ToolWords(
        title="My routines",
        about="Say how you like to do things. Start with the morning.",
        ask="How do you like to do it?",
        example="I have a cup of tea before I get up",
        symbol="clock",
        prompts=(
            Prompt("How do you get up?", "sun"),
            Prompt("When and what do you eat?", "food"),
            Prompt("How do you wash and dress?", "bath"),
            Prompt("How do you go to bed?", "moon"),
        ),
        others_see="Routines",
    ),
    ProfileTool.WEEK: ToolWords(
        title="My week",
        about="Say what you do in a week. Pick a day and a part of the day.",
        ask="What do you do then?",
        example="I play bowls with the club",
        symbol="calendar",
        prompts=(
            Prompt("What do you do on most weeks?", "calendar"),
            Prompt("Who do you see?", "people"),
            Prompt("When are you on your own?", "home"),
        ),
        others_see="A typical week",
    ),
    ProfileTool.PEOPLE: ToolWords(
        title="People in my life",
        about="Say who is in your life. Put those you are closest to in the middle circle.",
        ask="What is their name?",
        example="Sue",
        symbol="people",
        prompts=(
            Prompt("Who do you love the most?", "heart"),
            Prompt("Who do you see for fun?", "smile"),
            Prompt("Who do you meet at clubs or in shops?", "walk"),
            Prompt("Who is paid to help you?", "hand"),
        ),
        others_see="People in my life",
    ),
    ProfileTool.COMMUNITY: ToolWords(
        title="Places and groups",
        about="Say where you go and what you are part of. Say where you would like to go.",
        ask="What is the place or group?",
        example="The library on Monday",
        symbol="place",
        prompts=(
            Prompt("Where do people know you?", "place"),
            Prompt("What clubs are you in?", "people"),
            Prompt("Where would you like to go?", "bus"),
        ),
        others_see="Places and groups",
    ),
    ProfileTool.WISHES: ToolWords(
        title="My wishes",
        about="Say what you would like to do one day. No wish is too big or too small.",
        ask="What do you wish for?",
        example="I want to see the sea again",
        symbol="wish",
        prompts=(
            Prompt("What would you like to try?", "star"),
            Prompt("What did you do before that you miss?", "clock"),
            Prompt("What would make next year a good year?", "sun"),
        ),
        others_see="Wishes",
    ),
}
"""In the order of the page."""

CIRCLES: Final[dict[int, str]] = {
    1: "Closest to me",
    2: "Good friends and family",
    3: "People I know from clubs, shops and work",
    4: "People who are paid to help me",
}
"""From the middle out. Source: circles of support as used in person-centred planning; TLAP process framework (D2)."""

WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""Names by the number of the day; 0 is Monday."""

PARTS: Final[dict[PartOfDay, str]] = {
    PartOfDay.MORNING: "Morning",
    PartOfDay.AFTERNOON: "Afternoon",
    PartOfDay.EVENING: "Evening",
    PartOfDay.NIGHT: "Night",
}

SYMBOLS: Final[dict[str, str]] = {
    "bath": "Bath and washing",
    "book": "Book",
    "bus": "Bus and travel",
    "calendar": "Calendar",
    "clock": "Clock",
    "dog": "Dog",
    "drink": "Cup of tea",
    "faith": "Faith",
    "food": "Food",
    "garden": "Garden",
    "hand": "Helping hand",
    "heart": "Heart",
    "home": "Home",
    "money": "Money",
    "moon": "Moon",
    "music": "Music",
    "people": "People",
    "phone": "Phone",
    "place": "Place",
    "rain": "Rain",
    "sad": "Sad face",
    "screen": "Television",
    "smile": "Happy face",
    "sport": "Sport",
    "star": "Star",
    "sun": "Sun",
    "talk": "Talking",
    "walk": "Walking",
    "wish": "Wish",
    "work": "Work",
}
"""The site's own pictures: name and what a screen reader says. Drawn in templates/people/_symbols.html."""


def tool_path(tool: ProfileTool) -> str:
    """Return the last part of a tool's address, "good-days"."""
    return tool.value.replace("_", "-")


def tool_of(text: str) -> ProfileTool | None:
    """Return the tool at an address, or None."""
    return next((tool for tool in TOOLS if tool_path(tool) == text), None)
