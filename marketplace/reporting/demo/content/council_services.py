"""What each council of the demo offers itself, on the same terms as everybody else (R20)."""

from marketplace.providers.models import ListingCategory as Kind
from marketplace.providers.models import OrganisationKind, PriceUnit, ServiceLine
from marketplace.reporting.demo.content.councils import CouncilText
from marketplace.reporting.demo.content.shapes import Body, offered


def council_services(text: CouncilText) -> Body:
    """Return the council's own services as one organisation among the others."""
    name, town = text.short_name, text.districts[0].town
    return Body(
        key=f"{text.slug}-own-services",
        name=f"{name} Council services (example)",
        kind=OrganisationKind.COUNCIL,
        district=text.districts[0].code,
        summary=f"Services that the council in {name} runs itself.",
        services=(ServiceLine.COMMUNITY_SUPPORT,),
        offers=(
            offered(
                Kind.CARE_HOME, f"Sycamore House, {town}", f"A small care home in {town} for longer or shorter stays.",
                f"You have your own room with a bath. Meals are cooked in the house. Families from {name} visit when "
                "they like.", 89_500, PriceUnit.WEEK, "older dementia", miles=15,
            ),
            offered(
                Kind.SUPPORTED_LIVING, f"A flat of your own in {town}, with support",
                f"You are the tenant, and somebody is there day and night. For adults in {name}.",
                f"Six flats and one for the staff. You decide how you live. Support comes to your flat in {town} when "
                "you ask for it.", 62_000, PriceUnit.WEEK, "learning autism", miles=15,
            ),
            offered(
                Kind.OTHER_REGULATED, f"Shared lives in {name}",
                f"You stay with a family in {name}, for a weekend or for good.",
                f"We look for a family that suits you and stay in touch. In {town} and all around.",
                48_000, PriceUnit.WEEK, "learning older", miles=25,
            ),
            offered(
                Kind.DAY_OPPORTUNITY, f"The Workshop, {town}", f"Woodwork, cooking and music for adults in {name}.",
                f"Come for half a day or for the whole day. The bus brings you to {town} and back.",
                3_400, PriceUnit.SESSION, "learning physical", "art music baking", miles=12,
            ),
            offered(
                Kind.TRANSPORT, f"{name} door to door", f"A small bus with a lift, anywhere in {name}.",
                f"Tell us the day before where you want to go. We wait while you shop in {town}.",
                350, PriceUnit.ONCE, "older physical sight", miles=20,
            ),
            offered(
                Kind.ADVICE, f"Money and benefits advice, {name}",
                f"What could people in {name} claim? We help with the forms.",
                f"By telephone, in the library in {town} or at your home. Nobody in {name} pays for this.",
                0, PriceUnit.FREE, "older carer long_term", miles=25,
            ),
            offered(
                Kind.GARDENING, f"A tidy garden in {name}",
                f"Grass, hedges and small repairs at homes in {name}.",
                f"Two people come with their tools. They take the cuttings with them to {town}.",
                2_200, PriceUnit.VISIT, "older physical", "gardening", miles=15,
            ),
            offered(
                Kind.SHOPPING, f"Meals brought home in {name}", f"A hot meal at midday, every day, anywhere in {name}.",
                f"You choose from three meals. The driver from {town} takes the time for a few words.",
                525, PriceUnit.VISIT, "older long_term", miles=15,
            ),
        ),
        rating="Good",
    )  # fmt: skip
