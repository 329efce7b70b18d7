"""The register's vocabularies: every wording that is in use, brought to one.

The register names a service type in two ways, a register name ("Domiciliary care service") and a public
name ("Homecare agencies"), and a specialism in one of three wordings, depending on the year and on the file.
Pairs checked against the code lists of the syndication API.
"""

import re

import msgspec

_SPACES = re.compile(r"\s+")


def key_of(text: str) -> str:
    """Bring a name to the form in which names are compared: lower case, single spaces."""
    return _SPACES.sub(" ", text).strip().casefold()


class ServiceType(msgspec.Struct, frozen=True):
    """A kind of regulated service. `is_social_care` marks the kinds that a social care market is about."""

    register_name: str
    public_name: str
    is_social_care: bool
    is_care_home: bool = False
    other_names: tuple[str, ...] = ()


SERVICE_TYPES: tuple[ServiceType, ...] = (
    ServiceType("Care home service with nursing", "Nursing homes", True, is_care_home=True),
    ServiceType("Care home service without nursing", "Residential homes", True, is_care_home=True),
    ServiceType("Domiciliary care service", "Homecare agencies", True, other_names=("Homecare agency",)),
    ServiceType("Supported living service", "Supported living", True),
    ServiceType("Extra Care housing services", "Supported housing", True),
    ServiceType("Shared Lives", "Shared lives", True),
    ServiceType("Specialist college service", "Education disability services", True),
    ServiceType(
        "Community based services for people with a learning disability",
        "Community services - Learning disabilities",
        True,
    ),
    ServiceType(
        "Residential substance misuse treatment and/or rehabilitation service", "Rehabilitation (substance abuse)", True
    ),
    ServiceType(
        "Community based services for people who misuse substances", "Community services - Substance abuse", False
    ),
    ServiceType(
        "Community based services for people with mental health needs", "Community services - Mental Health", False
    ),
    ServiceType("Community health care services - Nurses Agency only", "Community services - Nursing", False),
    ServiceType("Community healthcare service", "Community services - Healthcare", False),
    ServiceType("Rehabilitation services", "Rehabilitation (illness/injury)", False),
    ServiceType(
        "Long term conditions services",
        "Long-term conditions",
        False,
        other_names=("Long term conditions", "Long-term conditions services"),
    ),
    ServiceType("Hospice services", "Hospice", False),
    ServiceType("Hospice services at home", "Home hospice care", False),
    ServiceType("Acute services with overnight beds", "Hospital", False),
    ServiceType(
        "Acute services without overnight beds / listed acute services with or without overnight beds",
        "Clinic",
        False,
    ),
    ServiceType(
        "Hospital services for people with mental health needs, learning disabilities and problems with substance "
        "misuse",
        "Hospitals - Mental health/capacity",
        False,
    ),
    ServiceType("Ambulance service", "Ambulances", False),
    ServiceType("Blood and transplant service", "Blood and transplant services", False),
    ServiceType("Dental service", "Dentist", False),
    ServiceType("Diagnostic and/or screening service", "Diagnosis/screening", False),
    # The public name covers two register names; the second is the commoner and stands for both.
    ServiceType("Doctors consultation service", "Doctors/GPs (consultation)", False),
    ServiceType("Doctors treatment service", "Doctors/GPs", False),
    ServiceType("Hyperbaric chamber services", "Hyperbaric chambers", False),
    ServiceType("Mobile doctors service", "Mobile doctors", False),
    ServiceType("Prison healthcare services", "Prison healthcare", False),
    ServiceType("Remote clinical advice service", "Phone/online advice", False),
    ServiceType("Urgent care services", "Urgent care centres", False),
)

_SERVICE_BY_KEY: dict[str, ServiceType] = {
    key_of(name): service
    for service in SERVICE_TYPES
    for name in (service.register_name, service.public_name, *service.other_names)
}
_SERVICE_BY_NAME = {service.register_name: service for service in SERVICE_TYPES}

# Wording of the syndication API, then every other wording met.
SPECIALISMS: dict[str, tuple[str, ...]] = {
    "Caring for adults over 65 yrs": ("Older people", "Caring for adults over 65"),
    "Caring for adults under 65 yrs": ("Younger adults", "Caring for adults under 65"),
    "Caring for children": ("Caring for children (0 - 18yrs)", "Children (0-18 years)", "Children 0-18 years"),
    "Caring for people whose rights are restricted under the Mental Health Act": (
        "People detained under the Mental Health Act",
    ),
    "Dementia": (),
    "Eating disorders": ("People with an eating disorder", "Eating disorder"),
    "Learning disabilities": (
        "Learning Disabilities or autistic spectrum disorder",
        "Learning disability",
        "Learning difficulties",
    ),
    "Mental health conditions": ("Mental health", "Mental health needs"),
    "Physical disabilities": ("Physical disability",),
    "Sensory impairment": ("Sensory impairments",),
    "Services for everyone": ("Whole population",),
    "Substance misuse problems": ("People who misuse drugs and alcohol", "Substance misuse"),
}
_SPECIALISM_BY_KEY = {key_of(name): own for own, others in SPECIALISMS.items() for name in (own, *others)}

# Regulated activities that make a provider one of social care: Health and Social Care Act 2008 (Regulated
# Activities) Regulations 2014, schedule 1, paragraphs 1 to 3.
SOCIAL_CARE_ACTIVITIES = frozenset(
    map(
        key_of,
        (
            "Personal care",
            "Accommodation for persons who require nursing or personal care",
            "Accommodation for persons who require treatment for substance misuse",
        ),
    )
)

# The word that stands in the service types of a provider's row of the search download.
OWNERSHIPS = frozenset({"Organisation", "Individual", "Partnership", "NHS Body"})

_REGIONS = {
    "east": "East of England",
    "east of england": "East of England",
    "east midlands": "East Midlands",
    "greater london": "London",
    "london": "London",
    "north east": "North East",
    "north west": "North West",
    "south east": "South East",
    "south west": "South West",
    "west midlands": "West Midlands",
    "yorkshire and humber": "Yorkshire and The Humber",
    "yorkshire and the humber": "Yorkshire and The Humber",
    "yorkshire & humberside": "Yorkshire and The Humber",
}

# Councils that the regulator's files name in more than one way.
_COUNCILS = {
    "bedford borough": "Bedford",
    "bristol": "Bristol, City of",
    "herefordshire": "Herefordshire, County of",
    "kingston upon hull": "Kingston upon Hull, City of",
    "southend on sea": "Southend-on-Sea",
    "st helens": "St. Helens",
    "durham": "County Durham",
}


def service_type(text: str) -> str | None:
    """Give the register name for any wording of a service type, None when it is not one that we know."""
    found = _SERVICE_BY_KEY.get(key_of(text))
    return found.register_name if found else None


def public_name(register_name: str) -> str:
    """Give the name to show to people ("Homecare agencies") for a register name."""
    found = _SERVICE_BY_NAME.get(register_name)
    return found.public_name if found else register_name


def is_social_care(register_names: tuple[str, ...]) -> bool:
    """Whether one of the service types is social care."""
    return any(_SERVICE_BY_NAME[name].is_social_care for name in register_names if name in _SERVICE_BY_NAME)


def is_care_home(register_names: tuple[str, ...]) -> bool | None:
    """Whether one of the service types is a care home; None when no type is known."""
    if not register_names:
        return None
    return any(_SERVICE_BY_NAME[name].is_care_home for name in register_names if name in _SERVICE_BY_NAME)


def specialism(text: str) -> str | None:
    """Give the API wording for any wording of a specialism, None when it is not one that we know."""
    return _SPECIALISM_BY_KEY.get(key_of(text))


def region(text: str) -> str | None:
    """Give the region's name for "South West (ADASS Region)" and the like, None when it is not one."""
    return _REGIONS.get(key_of(text.replace("(ADASS Region)", "")))


def council(text: str) -> str:
    """Give one name for a council that the files name in several ways."""
    return _COUNCILS.get(key_of(text), text)


def split_list(text: str, separator: str) -> list[str]:
    """Split a list of names where the separator may also stand inside a name.

    "Hospital services for people with mental health needs, learning disabilities and problems with substance
    misuse" is one service type, not two: neighbours that together make a known name stay together.
    """
    parts = [part.strip() for part in text.split(separator)]
    if separator != ",":
        return [part for part in parts if part]
    names: list[str] = []
    index = 0
    while index < len(parts):
        joined = ", ".join(parts[index : index + 2])
        if index + 1 < len(parts) and (key_of(joined) in _SERVICE_BY_KEY or key_of(joined) in _LONG_NAMES):
            names.append(joined)
            index += 2
        else:
            if parts[index]:
                names.append(parts[index])
            index += 1
    return names


_LONG_NAMES = frozenset(map(key_of, ("Treatment of disease, disorder or injury",)))
