"""The queue of a council's referrals: a tab a state, what is due first on top."""

from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import NotFound
from marketplace.core.forms import FormReader
from marketplace.core.ids import parse_id
from marketplace.matching.models import Urgency
from marketplace.matching.pages import due_words
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.states import ReferralStatus
from marketplace.matching.words import STATUS_LABELS, URGENCY_LABELS

QUEUE_PAGE = 25
TABS: dict[str, ReferralStatus] = {
    "waiting": ReferralStatus.RECEIVED,
    "offered": ReferralStatus.OFFERED,
    "planned": ReferralStatus.MATCHED,
    "own": ReferralStatus.SELF_PLANNED,
    "kept": ReferralStatus.RETAINED,
    "incomplete": ReferralStatus.INCOMPLETE,
    "closed": ReferralStatus.CLOSED,
}


class ReferralQueueController(Controller):
    """The queue."""

    @get("/referrals", permission=Permission.REFERRALS_READ)
    async def index(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        tab: Annotated[str, QueryParameter(name="tab", max_length=20)] = "waiting",
        urgency: Annotated[str, QueryParameter(name="urgency", max_length=20)] = "",
        q: Annotated[str, QueryParameter(name="q", max_length=60)] = "",
        after: Annotated[str, QueryParameter(name="after", max_length=36)] = "",
    ) -> Template:
        """Show the queue: a tab a state, what is due first on top."""
        status = TABS.get(tab)
        if status is None:
            raise NotFound
        level = Urgency(urgency) if urgency in list(Urgency) else None
        reference = FormReader({"q": q}).text("q", "the reference", required=False)
        referrals, on = ReferralRepository(db), today(clock_of(db))
        rows = await referrals.queue(
            principal.council_id,
            status,
            urgency=level,
            reference=reference,
            after=parse_id(after),
            limit=QUEUE_PAGE + 1,
        )
        counts = await referrals.counts(principal.council_id)
        context = {
            "rows": [(row[0], row[1], due_words(row[0], on)) for row in rows[:QUEUE_PAGE]],
            "next": rows[QUEUE_PAGE - 1][0].id if len(rows) > QUEUE_PAGE else None,
            "tab": tab,
            "tabs": [(name, STATUS_LABELS[state], counts.get(state, 0)) for name, state in TABS.items()],
            "overdue": await referrals.overdue(principal.council_id, on),
            "values": {"urgency": level.value if level else "", "q": reference},
            "urgencies": [(item.value, label) for item, label in URGENCY_LABELS.items()],
            "status_labels": STATUS_LABELS,
            "urgency_labels": URGENCY_LABELS,
            "today": on,
        }
        return Template("matching/queue.html", context=context)
