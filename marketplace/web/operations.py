"""The operations page: work that got stuck, and when the recurring jobs last ran."""

from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.errors import NotFound
from marketplace.core.flash import flash
from marketplace.core.ids import parse_id
from marketplace.core.models import OutboxDelivery, OutboxMessage, ScheduledRun
from marketplace.core.web import FormData, submit
from marketplace.providers.service.directory_file import import_words

MOST_SHOWN = 100


class OperationsController(Controller):
    """What an administrator looks at when something seems to be missing."""

    path = "/operations"

    @get("/", permission=Permission.OPERATIONS_READ)
    async def show(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the parked work of the administrator's council and the recurring jobs."""
        parked = (
            await db.execute(
                select(OutboxDelivery, OutboxMessage)
                .join(OutboxMessage, OutboxMessage.id == OutboxDelivery.message_id)
                .where(OutboxDelivery.parked_at.is_not(None), OutboxMessage.council_id == principal.council_id)
                .order_by(OutboxDelivery.parked_at)
                .limit(MOST_SHOWN)
            )
        ).all()
        jobs = (await db.scalars(select(ScheduledRun).order_by(ScheduledRun.name))).all()
        context = {
            "parked": [tuple(row) for row in parked],
            "jobs": jobs,
            "most_shown": MOST_SHOWN,
            "register": await import_words(db),
        }
        return Template("web/operations.html", context=context)

    @post("/try-again", permission=Permission.OPERATIONS_READ)
    async def try_again(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        data: URLEncodedBody[FormData],
    ) -> Redirect:
        """Give one piece of parked work another round of tries."""
        message_id = parse_id(str(data.get("message") or ""))
        task = str(data.get("task") or "")
        delivery = None
        if message_id is not None:
            delivery = await db.scalar(
                select(OutboxDelivery)
                .join(OutboxMessage, OutboxMessage.id == OutboxDelivery.message_id)
                .where(
                    OutboxDelivery.message_id == message_id,
                    OutboxDelivery.task == task,
                    OutboxDelivery.parked_at.is_not(None),
                    OutboxMessage.council_id == principal.council_id,
                )
            )
        if delivery is None:
            raise NotFound

        async def action() -> str:
            await outbox.unpark(db, delivery.message_id, delivery.task)
            audit.record(
                db,
                principal,
                "core.retry_delivery",
                council_id=principal.council_id,
                subject_kind="outbox_message",
                subject_id=delivery.message_id,
                after={"task": delivery.task},
            )
            flash(request, "It will be tried again within a minute")
            return "/operations"

        return await submit(request, db, principal.actor, data, action)
