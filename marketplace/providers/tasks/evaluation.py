"""Telling evaluators, the council and applicants how applications go on, and the calendar of agreements."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import AccountRepository
from marketplace.accounts.permissions import Role
from marketplace.core.database import session_maker, transaction
from marketplace.core.outbox import first_time, task
from marketplace.core.schedule import every
from marketplace.core.settings import site_address
from marketplace.messaging import MessagingService
from marketplace.providers.events import (
    AgreementMoved,
    AppealMoved,
    ApplicationMoved,
    EvaluationsComplete,
    EvaluatorAsked,
    EvaluatorStoodDown,
)
from marketplace.providers.models import Application
from marketplace.providers.repository.agreements import AgreementRepository
from marketplace.providers.repository.evaluation import AppealRepository, DeskRepository, EvaluationRepository
from marketplace.providers.service.agreements import AgreementService
from marketplace.providers.service.telling import tell_organisation
from marketplace.providers.states import AgreementStatus, AppealStatus, ApplicationStatus

DECIDES = (Role.ACCREDITOR, Role.MANAGER)
"""Roles that sign and decide; told where nobody in particular is."""


@task("providers.ask_evaluator", on=EvaluatorAsked)
async def ask_evaluator(message_id: UUID, event: EvaluatorAsked) -> None:
    """Tell somebody that they are to score an application. The message names no applicant before interests are said."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.ask_evaluator", message_id):
            row = await EvaluationRepository(db).find(event.council_id, event.evaluation_id)
            application = await DeskRepository(db).find(event.council_id, row.application_id)
            round_, _, _ = await DeskRepository(db).round_of(application)
            context = {
                "reference": application.reference,
                "round_name": round_.name,
                "decides_on": round_.decides_on,
                "link": f"{site_address()}/accreditation/scoring/{row.id}",
            }
            await MessagingService(db).tell(event.council_id, "evaluator_asked", context, user_id=row.evaluator_user_id)


@task("providers.tell_evaluator_stood_down", on=EvaluatorStoodDown)
async def tell_evaluator_stood_down(message_id: UUID, event: EvaluatorStoodDown) -> None:
    """Ask the lead to choose somebody else."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.tell_evaluator_stood_down", message_id):
            row = await EvaluationRepository(db).find(event.council_id, event.evaluation_id)
            application = await DeskRepository(db).find(event.council_id, row.application_id)
            names = await AccountRepository(db).names({row.evaluator_user_id})
            context = {
                "reference": application.reference,
                "evaluator_name": names.get(row.evaluator_user_id, "An evaluator"),
                "has_interest": bool(row.interest),
                "link": f"{site_address()}/accreditation/applications/{application.id}/evaluators",
            }
            await _tell_lead(db, application, "evaluator_stood_down", context)


@task("providers.tell_evaluations_complete", on=EvaluationsComplete)
async def tell_evaluations_complete(message_id: UUID, event: EvaluationsComplete) -> None:
    """Tell the lead that the scores can be agreed."""
    async with transaction(session_maker(), [event.council_id]) as db:
        if await first_time(db, "providers.tell_evaluations_complete", message_id):
            application = await DeskRepository(db).find(event.council_id, event.application_id)
            organisation = await DeskRepository(db).organisation(application.organisation_id)
            context = {
                "reference": application.reference,
                "organisation_name": organisation.name,
                "link": f"{site_address()}/accreditation/applications/{application.id}/moderation",
            }
            await _tell_lead(db, application, "evaluations_complete", context)


async def _tell_lead(db: AsyncSession, application: Application, template: str, context: Mapping[str, Any]) -> None:
    """Tell whoever asked the evaluators."""
    rows = await EvaluationRepository(db).of_application(application)
    leads = {row.assigned_by_user_id for row in rows if row.assigned_by_user_id is not None}
    for user_id in sorted(leads):
        await MessagingService(db).tell(application.council_id, template, context, user_id=user_id)


@task("providers.tell_application_decided", on=ApplicationMoved)
async def tell_application_decided(message_id: UUID, event: ApplicationMoved) -> None:
    """Tell the applicant what was decided, with a link to the reasons."""
    if event.status not in (ApplicationStatus.AWARDED, ApplicationStatus.REFUSED):
        return
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.tell_application_decided", message_id):
            application = await DeskRepository(db).find(event.council_id, event.application_id)
            council = await AccountRepository(db).council(event.council_id)
            lots = (await DeskRepository(db).lots([application.id])).get(application.id, [])
            context = {
                "reference": application.reference,
                "council_name": council.name if council else "",
                "is_awarded": event.status == ApplicationStatus.AWARDED,
                "lots": [
                    {"name": f"{lot.code} {lot.name}", "outcome": row.outcome.value if row.outcome else "not decided"}
                    for row, lot in lots
                ],
                "link": f"{site_address()}/provider/applications/{application.id}",
            }
            await tell_organisation(db, event.organisation_id, "application_decided", context)


@task("providers.tell_appeal_decided", on=AppealMoved)
async def tell_appeal_decided(message_id: UUID, event: AppealMoved) -> None:
    """Tell the applicant what became of the appeal, with the reasons."""
    if event.status == AppealStatus.OPEN:
        return
    async with transaction(session_maker(), "every") as db:
        if await first_time(db, "providers.tell_appeal_decided", message_id):
            appeal = await AppealRepository(db).find(event.council_id, event.appeal_id)
            application = await DeskRepository(db).find(event.council_id, event.application_id)
            council = await AccountRepository(db).council(event.council_id)
            context = {
                "reference": application.reference,
                "council_name": council.name if council else "",
                "is_upheld": event.status == AppealStatus.UPHELD,
                "reasons": appeal.decision,
                "link": f"{site_address()}/provider/applications/{application.id}",
            }
            await tell_organisation(db, event.organisation_id, "appeal_decided", context)


ORGANISATION_HEARS = {
    AgreementStatus.OFFERED: "agreement_offered",
    AgreementStatus.SIGNED: "agreement_signed",
    AgreementStatus.ENDED: "agreement_ended",
}
COUNCIL_HEARS = {
    AgreementStatus.PROVIDER_SIGNED: "agreement_to_countersign",
    AgreementStatus.DECLINED: "agreement_declined",
}


@task("providers.tell_agreement_moved", on=AgreementMoved)
async def tell_agreement_moved(message_id: UUID, event: AgreementMoved) -> None:
    """Tell the side that has the next step; of the last step, the organisation."""
    status = AgreementStatus(event.status)
    if status not in ORGANISATION_HEARS and status not in COUNCIL_HEARS:
        return
    async with transaction(session_maker(), "every") as db:
        if not await first_time(db, "providers.tell_agreement_moved", message_id):
            return
        row = await AgreementRepository(db).find(event.council_id, event.agreement_id)
        council = await AccountRepository(db).council(event.council_id)
        steps = await DeskRepository(db).steps(event.council_id, [("agreement", row.id)])
        context: dict[str, Any] = {
            "reference": row.reference,
            "number": row.number,
            "council_name": council.name if council else "",
            "organisation_name": (await DeskRepository(db).organisation(row.organisation_id)).name,
            "sign_by": row.sign_by,
            "starts_on": row.starts_on,
            "reason": next((step.why for step in reversed(steps) if step.to_status == status), ""),
        }
        if status in ORGANISATION_HEARS:
            template = ORGANISATION_HEARS[status]
            if status is AgreementStatus.OFFERED and row.reminded_at is not None:
                template = "agreement_reminder"
            if row.status is not status:
                return  # It went on in the meantime; nobody is asked for what is done.
            context["link"] = f"{site_address()}/provider/agreements/{row.id}"
            await tell_organisation(db, row.organisation_id, template, context)
        else:
            context["link"] = f"{site_address()}/accreditation/agreements/{row.id}"
            await _tell_deciders(db, event.council_id, COUNCIL_HEARS[status], context)


async def _tell_deciders(db: AsyncSession, council_id: UUID, template: str, context: Mapping[str, Any]) -> None:
    for role in DECIDES:
        await MessagingService(db).tell(council_id, template, context, role=role)


@every(timedelta(days=1), "providers.turn_agreements")
async def turn_agreements() -> None:
    """Remind of agreements to be signed soon; end those that are over, replace those whose successor begins."""
    async with transaction(session_maker(), "every") as db:
        await AgreementService(db).remind()
    async with transaction(session_maker(), "every") as db:
        await AgreementService(db).turn()
