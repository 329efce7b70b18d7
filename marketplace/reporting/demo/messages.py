"""Writes messages that people of the demo were sent lately."""

from datetime import timedelta

from marketplace.messaging.models import Channel, Message, MessageStatus
from marketplace.reporting.demo.world import Council, World

_TO_STAFF = (
    ("broker", 1, "An offer was declined", "A planner said no to a referral. It is back in your queue."),
    ("finance", 4, "Self-bills are ready", "The self-bills of last month are made. Please look at them."),
    (
        "finance-checker",
        2,
        "A payment run waits for you",
        "A colleague made a payment run. Please check and release it.",
    ),
    ("manager", 3, "A review is overdue", "The time for a first review has passed. Please talk to the planner."),
    ("accreditor", 6, "An accreditation has ended", "The accreditation of an organisation ended. It gets no new work."),
    ("quality", 1, "A plan waits for its check", "A planner sent a plan to be checked."),
)


def tell_messages(world: World, council: Council) -> None:
    """Keep messages to the council's staff, the planner, the provider and the person of the sign-ins."""
    slug = council.text.slug
    readers = [
        (council.staff[key], f"{key}@{slug}.example", days, subject, body) for key, days, subject, body in _TO_STAFF
    ]
    star = council.stars["person"]
    readers += [
        (
            star.user_id,
            f"person@{slug}.example",
            9,
            "Your plan is ready",
            "Please read your plan and say if you agree.",
        ),
        (star.user_id, f"person@{slug}.example", 2, "A visit took place", "Please say whether all went well."),
    ]
    lead = council.lead_planner
    if lead.user_id:
        offer = "A person near you needs a plan. Please answer within two working days."
        readers.append((lead.user_id, f"planner@{slug}.example", 1, "A new offer for you", offer))
    for user_id, address, days, subject, body in readers:
        at = world.now - timedelta(days=days, minutes=world.rng.randint(5, 400))
        world.book.add(
            Message,
            at,
            council_id=council.id,
            user_id=user_id,
            channel=Channel.EMAIL,
            to_address=address,
            template="demo",
            subject=subject,
            body=f"{body}\n\nSign in to see more. This message is part of the example.",
            status=MessageStatus.SENT,
            created_at=at,
            sent_at=at + timedelta(minutes=1),
        )
