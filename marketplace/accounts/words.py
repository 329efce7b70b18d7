"""Words that people and providers share: how matching facts are written, once, for both sides.

They live here because `people` and `providers` stand side by side and neither imports the other.
"""

from enum import StrEnum


class Gender(StrEnum):
    """As the person says it."""

    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    NOT_SAID = "not_said"


GENDER_LABELS: dict[Gender, str] = {
    Gender.FEMALE: "Female",
    Gender.MALE: "Male",
    Gender.OTHER: "Other",
    Gender.NOT_SAID: "Not said",
}

LANGUAGES = (
    "English",
    "British Sign Language",
    "Arabic",
    "Bengali",
    "Cantonese",
    "Gujarati",
    "Hindi",
    "Makaton",
    "Mandarin",
    "Polish",
    "Punjabi",
    "Romanian",
    "Slovak",
    "Somali",
    "Ukrainian",
    "Urdu",
    "Welsh",
)
"""Languages a person or worker may name, in the order forms show them."""

NEEDS: dict[str, str] = {
    "older": "Older people",
    "dementia": "Dementia",
    "physical": "Physical disability",
    "learning": "Learning disability",
    "autism": "Autism",
    "mental_health": "Mental health",
    "sight": "Sight loss",
    "hearing": "Hearing loss",
    "brain_injury": "Brain injury",
    "long_term": "Long-term illness",
    "substance": "Alcohol or drugs",
    "carer": "Carers",
}
"""What support may be about: code and words. A person's needs and a worker's specialisms use the same codes."""

INTERESTS: dict[str, str] = {
    "art": "Art and crafts",
    "baking": "Baking and cooking",
    "cinema": "Cinema",
    "computers": "Computers and gaming",
    "cricket": "Cricket",
    "dancing": "Dancing",
    "dogs": "Dogs and animals",
    "fishing": "Fishing",
    "football": "Football",
    "gardening": "Gardening",
    "gym": "Gym and fitness",
    "history": "Local history",
    "music": "Music",
    "photography": "Photography",
    "reading": "Reading",
    "religion": "Faith and worship",
    "shopping": "Shopping",
    "singing": "Singing",
    "swimming": "Swimming",
    "walking": "Walking",
}
"""Interests that people and workers may share (Derby's register, R17)."""

ETHNIC_GROUPS: dict[str, str] = {
    "asian": "Asian or Asian British",
    "black": "Black, Black British, Caribbean or African",
    "mixed": "Mixed or multiple ethnic groups",
    "white": "White",
    "other": "Another ethnic group",
}
"""The five groups of the 2021 census of England and Wales. Asked for equality reports alone; matching never sees it."""

COMMUNICATION_NEEDS: dict[str, str] = {
    "large_print": "Large print",
    "easy_read": "Easy Read",
    "braille": "Braille",
    "audio": "Audio",
    "bsl": "British Sign Language interpreter",
    "interpreter": "Interpreter for another language",
    "phone": "By telephone, not in writing",
    "advocate": "An advocate to help",
    "extra_time": "Extra time",
}
"""How somebody needs to be told things (Accessible Information Standard)."""

SKILLS: dict[str, str] = {
    "moving": "Moving and handling, hoists",
    "personal_care": "Washing and dressing",
    "medicines": "Help with medicines",
    "peg": "Tube feeding (PEG)",
    "catheter": "Catheter and stoma care",
    "epilepsy": "Epilepsy and rescue medicine",
    "dementia_care": "Dementia care",
    "positive_behaviour": "Positive behaviour support",
    "makaton_signing": "Makaton or signing",
    "end_of_life": "End of life care",
    "driving": "Drives, with a car",
    "wheelchair_car": "Drives a car that takes a wheelchair",
    "cooking": "Cooking",
    "computers": "Help with computers and phones",
    "money": "Help with money and letters",
    "employer_support": "Help with employing somebody",
    "person_centred": "Person-centred planning",
}
"""What a worker is trained or used to do: code and words."""
