"""Lancashire's network: the lead body, partner planners and home care."""

from marketplace.providers.models import ListingCategory as Kind
from marketplace.providers.models import OrganisationKind, PriceUnit, ServiceLine
from marketplace.reporting.demo.content.shapes import (
    EVERY_DAY,
    Body,
    F,
    M,
    O,
    carer,
    offered,
    planner,
    planning,
)

PLANNING = (ServiceLine.SUPPORT_PLANNING, ServiceLine.MONEY_MANAGEMENT)
HOUR, VISIT, WEEK = PriceUnit.HOUR, PriceUnit.VISIT, PriceUnit.WEEK

BODIES = (
    Body(
        key="redrose",
        name="Redrose Support CIC",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000123",
        summary="The lead body for support planning in Lancashire. We plan with people and bring partners together.",
        services=PLANNING,
        offers=(
            planning(
                "Plan your support with Redrose",
                "An adviser sits down with you, listens, and writes a plan in your own words.",
                "We visit once or twice, at home or somewhere you like. You choose who else is there. You keep the "
                "same adviser, who comes back after a few weeks to see how things are going.",
                10_000,
            ),
            offered(
                Kind.MONEY_MANAGEMENT,
                "Managed account for your direct payment",
                "We look after the bank account and pay the bills you approve.",
                "You decide what is bought and we send a clear statement each month. There is no charge for a phone "
                "call, and you can take the account back whenever you are ready.",
                650,
                WEEK,
                "physical learning older",
                miles=45,
            ),
            offered(
                Kind.ADVICE,
                "Drop-in about personal budgets",
                "Free help on Tuesdays with forms, letters and first questions.",
                "Bring anything you do not understand. A person who has a budget themselves is always there, along "
                "with an adviser. No booking, tea provided.",
                0,
                PriceUnit.FREE,
                "carer physical older",
                miles=20,
            ),
        ),
        hands=(
            planner(
                "Nadia Farrow", F, 100, "E07000123", "older dementia physical", "baking walking history", "Urdu", 25
            ),
            planner("Colin Ashby", M, 100, "E07000126", "learning autism", "football music", "Makaton"),
            planner("Tess Holroyd", F, 80, "E07000118", "mental_health long_term", "gardening reading"),
            planner("Imran Sadler", M, 60, "E07000117", "physical brain_injury", "cricket gym", "Punjabi, Urdu"),
            planner(
                "Gwen Latimer", F, 100, "E07000127", "older sight hearing", "singing dogs", "British Sign Language"
            ),
        ),
    ),
    Body(
        key="millstone",
        name="Millstone Planning Partnership",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000117",
        summary="A charity run by disabled people in east Lancashire. Every planner has used support themselves.",
        services=PLANNING,
        offers=(
            planning(
                "Peer support planning",
                "Plan with somebody who has been through it too.",
                "We start from what a good week looks like and work backwards. Expect honest talk about what money "
                "can and cannot buy, and a list of free things nearby that you may not know.",
                9_500,
            ),
            offered(
                Kind.MONEY_MANAGEMENT,
                "Payroll and bills for people who employ a PA",
                "Wages, pension letters and tax, done on time each month.",
                "Send us the hours by phone, text or on paper. We check them with you before anything is paid.",
                500,
                WEEK,
                "physical learning",
                miles=40,
            ),
        ),
        hands=(
            planner("Bridget Oakes", F, 100, "E07000117", "physical long_term", "art cinema"),
            planner("Yusuf Tarrant", M, 80, "E07000120", "mental_health substance", "football gym", "Urdu, Punjabi"),
            planner("Halina Brzoza", F, 60, "E07000122", "older dementia", "baking religion", "Polish"),
            planner("Sol Whitaker", O, 100, "E07000125", "autism mental_health", "computers photography"),
        ),
    ),
    Body(
        key="wyre-voices",
        name="Wyre Voices",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000128",
        summary="Small self-advocacy group on the coast. We help people speak up and plan what comes next.",
        services=PLANNING,
        offers=(
            planning(
                "Easy Read support planning",
                "Plans with pictures, short words and plenty of time.",
                "Made with and for people with learning disabilities. We can meet three or four times, film parts of "
                "the plan, and practise what you want to say to the council.",
                10_000,
            ),
            offered(
                Kind.ADVICE,
                "Speak up with an advocate",
                "Somebody on your side in meetings and reviews.",
                "An advocate does not tell you what to do. They help you get ready, come along, and make sure that "
                "your points are heard and written down.",
                0,
                PriceUnit.FREE,
                "learning autism",
                miles=25,
            ),
        ),
        hands=(
            planner("Marcus Dell", M, 100, "E07000128", "learning autism", "fishing football", "Makaton"),
            planner("Philippa Crane", F, 80, "E07000119", "learning sight", "singing dancing"),
            planner("Anil Rawat", M, 60, "E07000119", "older long_term", "history cricket", "Hindi, Gujarati"),
        ),
    ),
    Body(
        key="lune-bridge",
        name="Lune Bridge Planners",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000121",
        summary="Independent planners for Lancaster, Morecambe and the villages of the Lune valley.",
        services=PLANNING,
        offers=(
            planning(
                "Support planning in north Lancashire",
                "Local planners who know the bus times and the village halls.",
                "Our planners live in the area they work in. If you farm, care for somebody or live at the end of a "
                "track, we come to you, also in the early evening.",
                9_800,
            ),
            offered(
                Kind.ADVICE,
                "Benefits check at your kitchen table",
                "Find out what you may claim, with help to fill in the forms.",
                "Most people we see are missing something. Have your letters ready; the visit takes about an hour "
                "and costs nothing.",
                0,
                PriceUnit.FREE,
                "older carer long_term",
                miles=20,
            ),
        ),
        hands=(
            planner("Rowena Stead", F, 100, "E07000121", "older dementia carer", "walking reading", "", 30),
            planner("Piotr Zielak", M, 80, "E07000121", "mental_health long_term", "music photography", "Polish"),
            planner("Fern Abbot", F, 40, "E07000124", "physical older", "gardening dogs", "", 30),
        ),
    ),
    Body(
        key="tandem",
        name="Tandem Independent Living",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000118",
        summary="Planning and practical help for disabled adults in Chorley, Leyland and around.",
        services=PLANNING,
        offers=(
            planning(
                "Plan and get started",
                "We write the plan with you and stay until the first things are in place.",
                "That may be ringing a club with you, meeting a personal assistant, or sorting out the first bill. "
                "Plans do not work on paper alone.",
                10_000,
            ),
        ),
        hands=(
            planner("Dermot Quill", M, 100, "E07000118", "physical brain_injury", "computers gym"),
            planner("Asha Venning", F, 80, "E07000126", "mental_health autism", "art cinema", "Bengali"),
            planner("Lois Barrow", F, 60, "E07000127", "learning physical", "swimming baking"),
        ),
    ),
    Body(
        key="lantern",
        name="Lantern Mind Planning",
        kind=OrganisationKind.THIRD_SECTOR,
        district="E07000120",
        summary="Planning with people who live with mental ill-health, in Hyndburn and Pendle.",
        services=PLANNING,
        offers=(
            planning(
                "Recovery planning",
                "A plan for good days and for bad ones.",
                "We ask early what warns you that things are slipping and who should ring whom. Plans fit on two "
                "pages and you carry a pocket card.",
                9_000,
            ),
        ),
        hands=(
            planner("Kit Farraday", O, 80, "E07000120", "mental_health substance", "music dogs"),
            planner("Salma Noorani", F, 60, "E07000122", "mental_health carer", "baking reading", "Urdu"),
        ),
        accredited_days_left=-7,
    ),
    Body(
        key="brightwater",
        name="Brightwater Home Care",
        kind=OrganisationKind.HOME_CARE,
        district="E07000123",
        summary="Care at home in Preston and South Ribble from a small, steady team.",
        services=(ServiceLine.HOME_CARE, ServiceLine.COMMUNITY_SUPPORT),
        rating="Good",
        offers=(
            offered(
                Kind.HOME_CARE,
                "Care at home, morning to bedtime",
                "Help with washing, dressing, meals and medicines.",
                "No more than three carers come to you, and you meet them first. Visits start at half an hour; we do "
                "not do quarter-hour calls.",
                2_480,
                HOUR,
                "older physical dementia",
                "baking walking",
                "Punjabi",
                12,
            ),
            offered(
                Kind.HOME_CARE,
                "Sitting service for carers",
                "Two to five hours off for the person who cares for you.",
                "A carer you know stays while your husband, wife, daughter or son goes out or catches up on sleep.",
                2_150,
                HOUR,
                "dementia carer",
                miles=12,
                least=120,
            ),
            offered(
                Kind.SHOPPING,
                "Weekly shop, put away",
                "We go with you, or go for you, and leave the fridge in order.",
                "Receipts always come back with the change. Heavy bags are our job.",
                1_900,
                VISIT,
                "older physical",
                "shopping",
                miles=10,
                least=60,
            ),
        ),
        hands=(
            carer("Joyce Pemberton", F, "older dementia", "baking singing"),
            carer("Harpreet Sund", F, "older physical", "religion baking", "Punjabi"),
            carer("Kwame Boatey", M, "physical long_term", "football music"),
        ),
    ),
    Body(
        key="cottonfield",
        name="Cottonfield Care",
        kind=OrganisationKind.HOME_CARE,
        district="E07000117",
        summary="Home care in Burnley and Pendle, with carers who speak Urdu, Polish and English.",
        services=(ServiceLine.HOME_CARE,),
        rating="Outstanding",
        offers=(
            offered(
                Kind.HOME_CARE,
                "Personal care in your language",
                "Washing, dressing and meals the way your family does them.",
                "Tell us about food, prayer and who may come into which room. We match carers by language and, when "
                "you ask, by gender.",
                2_560,
                HOUR,
                "older physical",
                "religion baking",
                "Urdu, Punjabi, Polish",
                10,
            ),
            offered(
                Kind.HOME_CARE,
                "Dementia care with a memory book",
                "The same two carers and a book about your life.",
                "We build the book with you over the first month. It lives in the kitchen, and new carers read it "
                "before they ring the bell.",
                2_640,
                HOUR,
                "dementia older",
                "history singing",
                miles=10,
            ),
        ),
        hands=(
            carer("Zainab Mirza", F, "older physical", "baking religion", "Urdu, Punjabi"),
            carer("Agata Wilk", F, "dementia older", "singing gardening", "Polish"),
            carer("Lewis Tranter", M, "physical", "football fishing"),
        ),
    ),
    Body(
        key="harbour-light",
        name="Harbour Light Care",
        kind=OrganisationKind.HOME_CARE,
        district="E07000128",
        summary="Coastal home care from Fleetwood to Lytham, evenings and nights included.",
        services=(ServiceLine.HOME_CARE,),
        rating="Requires improvement",
        offers=(
            offered(
                Kind.HOME_CARE,
                "Evening and bedtime visits",
                "A carer between six and ten, so that you go to bed when you want.",
                "We hold your time within half an hour and text you if the carer is late.",
                2_390,
                HOUR,
                "physical older",
                miles=14,
            ),
            offered(
                Kind.HOME_CARE,
                "Getting home from hospital",
                "Six weeks of extra help while you find your feet.",
                "Goals are small and yours: the stairs, the kettle, the corner shop. We step back as you step up.",
                2_520,
                HOUR,
                "older physical long_term",
                miles=14,
            ),
        ),
        hands=(
            carer("Donna Ridley", F, "older physical", "cinema dogs"),
            carer("Peter Mawson", M, "older long_term", "fishing history"),
        ),
    ),
    Body(
        key="ribble-hands",
        name="Ribble Hands Homecare",
        kind=OrganisationKind.HOME_CARE,
        district="E07000124",
        also_in=("E07000123",),
        summary="New home-care team for Clitheroe, Longridge and the farms between, and evenings in Preston.",
        services=(ServiceLine.HOME_CARE,),
        rating="",
        offers=(
            offered(
                Kind.HOME_CARE,
                "Rural home care",
                "Carers who drive the lanes and arrive in all weathers.",
                "We plan rounds by valley, so nobody waits for a carer from the other side of the fell. Shortest "
                "visit 45 minutes.",
                2_790,
                HOUR,
                "older physical",
                "dogs gardening",
                miles=15,
                least=45,
            ),
        ),
        hands=(
            carer("Hannah Throup", F, "older physical", "dogs gardening"),
            carer("Owen Calder", M, "physical dementia", "walking music"),
        ),
    ),
    Body(
        key="county-days",
        name="Lancashire Day Opportunities (council service)",
        kind=OrganisationKind.COUNCIL,
        district="E07000123",
        summary="The council's own day service, priced like everybody else's so that you can compare.",
        services=(ServiceLine.COMMUNITY_SUPPORT,),
        offers=(
            offered(
                Kind.DAY_OPPORTUNITY,
                "Work and skills days",
                "Kitchen, print room or market garden: learn on the job.",
                "Two or three days a week with a coach for every four people. Lunch is made by the kitchen group.",
                5_200,
                PriceUnit.SESSION,
                "learning autism",
                "baking gardening",
                miles=15,
                least=240,
            ),
            offered(
                Kind.TRANSPORT,
                "Door-to-door minibus",
                "A bus with a lift and a driver who knows your name.",
                "For days out, appointments or clubs within the county. Book by noon the day before.",
                850,
                PriceUnit.ONCE,
                "physical older sight",
                miles=20,
            ),
        ),
        hands=(carer("Frances Noble", F, "learning autism", "baking gardening", hours=EVERY_DAY),),
    ),
)
