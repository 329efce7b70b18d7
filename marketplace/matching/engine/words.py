"""How days, distances, money and lists are written in reasons: plain English for a broker or the person.

Distances are in miles, as road signs are, with kilometres beside them because areas are agreed in kilometres.
"""

from collections.abc import Iterable
from datetime import date

from marketplace.matching.engine.model import BANDS, WEEKDAYS

_METRES_PER_MILE = 1609.344
_PLACES = ("first", "second", "third")
# strftime would follow the process's locale.
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def day_text(day: int) -> str:
    """Write a day (`date.toordinal()`): "3 March 2027"."""
    value = date.fromordinal(day)
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def weekday_text(day: int) -> str:
    """Write the day of the week of a day: "Tuesday"."""
    return WEEKDAYS[date.fromordinal(day).weekday()]


def place_text(rank: int) -> str:
    """Write a place in an order: "first", "second", "third", "4th", "21st"."""
    if rank <= len(_PLACES):
        return _PLACES[rank - 1]
    ending = "th" if rank // 10 % 10 == 1 else {1: "st", 2: "nd", 3: "rd"}.get(rank % 10, "th")
    return f"{rank:,}{ending}"


def miles_text(metres: float) -> str:
    """Write a distance: "less than a mile", "1 mile", "4 miles"."""
    miles = int(metres / _METRES_PER_MILE + 0.5)
    return "less than a mile" if metres < _METRES_PER_MILE else count_text(miles, "mile")


def tenths_of_miles_text(tenths: int) -> str:
    """Write a distance from tenths of a mile: "0.3 miles", "1 mile", "2.5 miles"."""
    return f"{_tenths(tenths)} {'mile' if tenths == 10 else 'miles'}"


def kilometres_text(metres: int) -> str:
    """Write a distance to the nearest 100 metres: "6 km", "31.6 km"."""
    return f"{_tenths((metres + 50) // 100)} km"


def outside_text(metres: int, limit_metres: int) -> str:
    """Say that a distance is over a limit.

    The distance is rounded up and the limit down, each to a tenth, so that the words never say "25 km away, outside
    25 km".
    """
    far_miles, limit_miles = _tenths(_tenth_miles_up(metres)), _tenths(int(limit_metres * 10 / _METRES_PER_MILE))
    far_km, limit_km = _tenths(-(-metres // 100)), _tenths(limit_metres // 100)
    return f"About {far_miles} miles away ({far_km} km), outside the area of {limit_miles} miles ({limit_km} km)"


def pounds_text(pence: int) -> str:
    """Write an amount of 0 or more: "£1,200", "£12.50"."""
    pounds, rest = divmod(pence, 100)
    return f"£{pounds:,}.{rest:02d}" if rest else f"£{pounds:,}"


def count_text(number: int, noun: str) -> str:
    """Write a number with its noun: "1 place", "4 places"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def band_text(band: int) -> str:
    """Write a band of the week, see `model.band_of`: "Tuesday morning"."""
    weekday, of_day = divmod(band, len(BANDS))
    return f"{WEEKDAYS[weekday]} {BANDS[of_day]}"


def quarters_text(quarters: int) -> str:
    """Write a number of quarter hours: "45 minutes", "1 hour", "2 hours 15 minutes"."""
    hours, rest = divmod(quarters, 4)
    spoken = [count_text(hours, "hour")] if hours else []
    if rest or not hours:
        spoken.append(f"{rest * 15} minutes")
    return " ".join(spoken)


def list_text(words: Iterable[str], last: str = "and") -> str:
    """Write a list in alphabetical order: "football", "football and gardening", "a, b or c"."""
    items = sorted(words)
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} {last} {items[-1]}"


def _tenths(tenths: int) -> str:
    whole, rest = divmod(tenths, 10)
    return f"{whole}.{rest}" if rest else f"{whole}"


def _tenth_miles_up(metres: int) -> int:
    tenths = int(metres * 10 / _METRES_PER_MILE)
    return tenths if tenths * _METRES_PER_MILE >= metres * 10 else tenths + 1
