"""Sentences of the demo's plans, reviews and decisions."""

from marketplace.plans.models import HelpKind

ABOUT = (
    "I have lived on this street for most of my life and know everybody with a dog. Since my fall I go out less, and "
    "the days are long.",
    "I am a joiner by trade and I think with my hands. My memory lets me down now, mostly in the afternoon.",
    "I share a house with my brother. We like the same music and argue about the washing up.",
    "I came to England when I was twenty. My family is close by, and Friday is our day.",
    "My illness comes in waves. In a good week I do everything; in a bad one I cannot lift the kettle.",
    "I am quiet until I know you. I like facts, timetables and things that stay the same.",
    "I looked after my husband until he died. Now I need a hand myself, and I find that hard to say.",
    "I had a stroke two years ago. Words come slowly but they come.",
    "I am young and I want what other people my age have: friends, money of my own, a laugh.",
    "I have been in and out of hospital with my nerves. Being busy is what keeps me well.",
)
GOOD_DAYS = (
    "A good day starts slowly, with the radio. A bad day starts with a phone call before nine.",
    "On good days I bake. On bad days I stay in bed and the curtains stay shut.",
    "Good: fresh air, company, an early night. Bad: nobody rings, and I forget to eat.",
    "A good day is one when I have done something for somebody else.",
    "Good days have a plan. Bad days are empty or far too full.",
    "I am best in the morning. After three I need quiet.",
)
RISKS = (
    "Falls on the stairs at night: a rail, a light and a pendant alarm. Daughter rings at nine each evening.",
    "Forgetting tablets: a weekly box from the chemist and a call at eight.",
    "Being on my own for too long: two fixed visits a week, and Marcus next door has a key.",
    "Money: letters pile up. The planner and I open them together on the first Monday.",
    "Getting lost: I carry a card, and the café, the shop and the bus driver know whom to ring.",
    "My wife wears herself out: a break every week, and a plan for the day when she is ill.",
    "Skin and sitting too long: change of chair every two hours, cushion checked each month.",
)
MONEY = (
    "I take the budget as a direct payment into its own account and pay by card or transfer myself.",
    "My direct payment is looked after in a managed account. I agree each bill before it is paid.",
    "The council holds the budget and pays for what is in this plan.",
    "Direct payment, with help from the payroll service because I employ somebody.",
)
INFORMATION = (
    "We talked about attendance allowance, the fire service's safety visit and strength classes at the leisure centre.",
    "I was given the list of memory cafés, the carers' line and what to do to put off needing more help.",
    "We went through benefits, the warm home scheme and exercises that keep my shoulder moving.",
    "I know about free equipment on loan, talking books and how to ask for a new assessment.",
)

ITEMS: tuple[tuple[str, str, HelpKind, int], ...] = (
    ("I get up, washed and dressed when I choose", "Help from eight to nine, five mornings", HelpKind.REGULATED, 36),
    ("I eat a cooked meal every day", "Cook together twice a week and freeze the rest", HelpKind.PA, 24),
    ("I see friends at least once a week", "Sing with the choir on Mondays", HelpKind.COMMUNITY, 2),
    ("I feel safe at night", "Pendant alarm and a sensor light on the landing", HelpKind.EQUIPMENT, 4),
    ("My daughter has two evenings for herself", "A sitter comes on Tuesday and Thursday", HelpKind.REGULATED, 22),
    ("I do my own shopping", "Go with a buddy to the quiet hour", HelpKind.VOLUNTARY, 3),
    ("My garden stays mine", "I plant; two helpers dig", HelpKind.COMMUNITY, 5),
    ("I get out in the fresh air", "A walk with a PA three times a week", HelpKind.PA, 28),
    ("I stay strong on my feet", "Exercises by myself each morning, class on Friday", HelpKind.MYSELF, 0),
    ("I keep my faith", "My son takes me to prayers", HelpKind.FAMILY, 0),
    ("I manage my letters and bills", "A monthly hour with the advice centre", HelpKind.VOLUNTARY, 0),
    ("I learn to travel alone", "Bus training for twelve weeks", HelpKind.SHORT_TERM, 14),
    ("I have something to get up for", "Two days in the market garden", HelpKind.COMMUNITY, 20),
    ("I can use the bath again", "A bath lift, tried at home first", HelpKind.EQUIPMENT, 3),
    ("I spend time with people of my own age", "Football on Wednesday, cinema now and then", HelpKind.PA, 16),
    ("I know what to do when I feel low", "A card with my signs and whom I ring", HelpKind.MYSELF, 0),
    ("My husband and I stay together at home", "Two carers, the same ones, night and morning", HelpKind.REGULATED, 40),
    ("I talk to somebody every day", "My sister rings; a volunteer visits on Tuesdays", HelpKind.FAMILY, 0),
)
"""Outcome, what will happen, who helps, share of the weekly budget in percent."""

RETURNED = (
    "Please write the second outcome in the person's own words, and say who feeds the cat on Sundays.",
    "The cost of the sitter is missing, so the budget does not add up yet.",
    "Good plan. One risk has no answer: what happens when the lift breaks down?",
    "Have free groups been looked at before paid visits? The choir is two streets away.",
)
DECLINED = (
    "I have no time that week",
    "It is too far",
    "I do not have the right skills",
    "I have a conflict of interest",
)
OVERRIDES = (
    "The person met this planner at the drop-in and asked for them by name.",
    "This planner speaks the family's dialect.",
    "The first on the list planned for a close relative last year.",
    "The person needs somebody who can visit in the evening.",
)
CLOSED = (
    "The person moved out of the area.",
    "The person decided to plan with family and without help.",
    "Support ended after reablement; nothing more is needed.",
    "Went into hospital for a long stay. A new referral will follow.",
)
COMPLEX = (
    "Safeguarding enquiry is open; three agencies are involved.",
    "Family disagree about where the person should live; Court of Protection application made.",
    "High risk of self-neglect, and the tenancy is about to end.",
)
WORKING = (
    "The Tuesday visits. I look forward to them.",
    "I am out three days a week and sleep better for it.",
    "The same two faces in the morning have made all the difference.",
    "The alarm. I have not used it, and that is the point.",
    "The choir, and the lift that my neighbour gives me.",
)
NOT_WORKING = (
    "Tea visits come too early. We will move them to half past five.",
    "The bus training stopped when the trainer left.",
    "Nothing to change now.",
    "I would like a second walk and one cleaning hour less.",
    "Bills still worry me. Advice centre to ring on Monday.",
)
