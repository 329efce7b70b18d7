"""Names of the districts around the first councils, for pages that list where a service goes.

Written by hand: the districts of Lancashire, South Yorkshire and Derbyshire and of the areas beside them, by the codes
of the Office for National Statistics. Elsewhere the register's name of the council area stands in (see the callers).
"""

from typing import Final

DISTRICT_NAMES: Final[dict[str, str]] = {
    "E06000008": "Blackburn with Darwen",
    "E06000009": "Blackpool",
    "E06000015": "Derby",
    "E06000018": "Nottingham",
    "E06000021": "Stoke-on-Trent",
    "E07000032": "Amber Valley",
    "E07000033": "Bolsover",
    "E07000034": "Chesterfield",
    "E07000035": "Derbyshire Dales",
    "E07000036": "Erewash",
    "E07000037": "High Peak",
    "E07000038": "North East Derbyshire",
    "E07000039": "South Derbyshire",
    "E07000117": "Burnley",
    "E07000118": "Chorley",
    "E07000119": "Fylde",
    "E07000120": "Hyndburn",
    "E07000121": "Lancaster",
    "E07000122": "Pendle",
    "E07000123": "Preston",
    "E07000124": "Ribble Valley",
    "E07000125": "Rossendale",
    "E07000126": "South Ribble",
    "E07000127": "West Lancashire",
    "E07000128": "Wyre",
    "E08000001": "Bolton",
    "E08000002": "Bury",
    "E08000003": "Manchester",
    "E08000005": "Rochdale",
    "E08000010": "Wigan",
    "E08000014": "Sefton",
    "E08000016": "Barnsley",
    "E08000017": "Doncaster",
    "E08000018": "Rotherham",
    "E08000019": "Sheffield",
    "E08000032": "Bradford",
    "E08000033": "Calderdale",
    "E08000034": "Kirklees",
    "E08000035": "Leeds",
    "E08000036": "Wakefield",
}
