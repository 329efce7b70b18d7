"""A plan as staff read it: the statutory summary, the person's face for paper, and versions side by side."""

from typing import Annotated, Any

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.formats import uk_date
from marketplace.plans.compare import compare
from marketplace.plans.easy_read import explained
from marketplace.plans.faces import Face, easy_parts, person_face
from marketplace.plans.paper import easy_pdf, face_pdf, summary_pdf
from marketplace.plans.pictures import svg
from marketplace.plans.repository import PlanDetail
from marketplace.plans.repository.faces import FaceSource, source_of
from marketplace.plans.routes.common import id_of
from marketplace.plans.section25 import sums_up
from marketplace.plans.service.faces import FaceService, VersionPair, staff_findings
from marketplace.plans.states import PlanStatus
from marketplace.plans.summary import sheets_of
from marketplace.plans.words import PLAN_COLOURS, PLAN_LABELS

MOST_VERSIONS = 10_000
CHANGE_WORDS = {"same": "No change", "changed": "Changed", "added": "New", "removed": "Taken out"}


class FaceController(Controller):
    """Faces of a plan for its planner and for the council."""

    path = "/plans/{plan_id:str}"

    @get("/summary", permission=Permission.PLANS_READ)
    async def summary(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the statutory summary with what the law still wants."""
        service = FaceService(db)
        source = await service.for_staff(principal, id_of(plan_id))
        facts = await service.facts(source)
        findings = staff_findings(principal, source, facts)
        context = {
            **_heading(source),
            "sheets": sheets_of(source, facts),
            "findings": findings,
            "sums_up": sums_up(findings),
        }
        return Template("plans/faces/summary.html", context=context)

    @get("/summary.pdf", permission=Permission.PLANS_READ)
    async def summary_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Response[bytes]:
        """Give the statutory summary as a PDF."""
        service = FaceService(db)
        source = await service.for_staff(principal, id_of(plan_id))
        facts = await service.facts(source)
        missing = [item.message for item in staff_findings(principal, source, facts) if not item.is_there]
        about = [
            f"{source.person.name}, reference {source.person.reference}",
            f"Referral {source.referral.reference}, version {source.version.number}: {_state(source)}.",
            f"{principal.council_name}. Written on {uk_date(today(clock_of(db)))}.",
            *([f"Still missing: {'; '.join(missing)}."] if missing else []),
        ]
        content = await summary_pdf(
            "Care and support plan: summary", about, sheets_of(source, facts), today(clock_of(db))
        )
        return pdf_answer(content, f"summary-{source.referral.reference}")

    @get("/face", permission=Permission.PLANS_READ)
    async def face(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Template:
        """Show the plan as the person reads it, to print it for them."""
        source = await FaceService(db).for_staff(principal, id_of(plan_id))
        context = {**_heading(source), **face_context(person_face(source.texts, source.items))}
        return Template("plans/faces/face.html", context=context)

    @get("/face.pdf", permission=Permission.PLANS_READ)
    async def face_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Response[bytes]:
        """Give the person's face as a PDF."""
        source = await FaceService(db).for_staff(principal, id_of(plan_id))
        return await person_file(db, source, f"plan-{source.referral.reference}")

    @get("/easy-read.pdf", permission=Permission.PLANS_READ)
    async def easy_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], plan_id: FromPath[str]
    ) -> Response[bytes]:
        """Give the plan in Easy Read as a PDF, to send it to the person."""
        source = await FaceService(db).for_staff(principal, id_of(plan_id))
        return await easy_file_of(db, source, f"easy-read-{source.referral.reference}")

    @get("/compare", permission=Permission.PLANS_READ)
    async def versions(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        plan_id: FromPath[str],
        old: Annotated[int | None, QueryParameter(name="old", ge=1, le=MOST_VERSIONS)] = None,
        new: Annotated[int | None, QueryParameter(name="new", ge=1, le=MOST_VERSIONS)] = None,
    ) -> Template:
        """Show two versions side by side."""
        pair = await FaceService(db).staff_pair(principal, id_of(plan_id), old, new)
        return Template("plans/faces/versions.html", context={**_heading(pair.new), **pair_context(pair)})


async def section25_context(db: AsyncSession, principal: Principal, detail: PlanDetail) -> dict[str, Any]:
    """Context of `plans/faces/_section25.html` for somebody who was let in to a version: the sign-off shows it."""
    source = source_of(detail)
    findings = staff_findings(principal, source, await FaceService(db).facts(source))
    return {"findings": findings, "sums_up": sums_up(findings)}


def face_context(face: Face) -> dict[str, Any]:
    """Context of a face on a page, its pictures drawn."""
    return {"face": face, "draw": svg}


def easy_context(face: Face) -> dict[str, Any]:
    """Context of a face in Easy Read on a page."""
    parts = [part for part in easy_parts(face) if part.lines]
    lines = [line for part in parts for line in (part.title, *part.lines)]
    return {"parts": parts, "hard_words": explained(lines), "draw": svg}


def pair_context(pair: VersionPair) -> dict[str, Any]:
    """Context of two versions side by side."""
    old, new = pair.old, pair.new
    rows = compare(old.texts, old.items, new.texts, new.items)
    return {
        "old": old.version,
        "new": new.version,
        "rows": rows,
        "changed": sum(row.change != "same" for row in rows),
        "change_words": CHANGE_WORDS,
        "choices": [(str(version.number), _choice(version)) for version in pair.choices],
        "old_pence": weekly_cost(old),
        "new_pence": weekly_cost(new),
    }


def weekly_cost(source: FaceSource) -> int:
    """Return what a version costs a week, pence."""
    return sum(item.weekly_pence for item in source.items)


async def person_file(db: AsyncSession, source: FaceSource, name: str) -> Response[bytes]:
    """Write the person's face as a PDF."""
    made_on = today(clock_of(db))
    content = await face_pdf(
        person_face(source.texts, source.items),
        f"My plan: {source.person.name}",
        [f"{_state(source)}. Printed on {uk_date(made_on)}."],
        _closing(source),
        made_on,
    )
    return pdf_answer(content, name)


async def easy_file_of(db: AsyncSession, source: FaceSource, name: str) -> Response[bytes]:
    """Write a plan in Easy Read as a PDF."""
    made_on = today(clock_of(db))
    face = person_face(source.texts, source.items)
    context = easy_context(face)
    content = await easy_pdf(
        face,
        "My plan in Easy Read",
        [source.person.name, f"Printed on {uk_date(made_on)}."],
        context["hard_words"],
        made_on,
    )
    return pdf_answer(content, name)


def pdf_answer(content: bytes, name: str) -> Response[bytes]:
    """Answer with a PDF that no cache keeps. The name of the file says nothing of the person."""
    headers = {"content-disposition": f'attachment; filename="{name}.pdf"', "cache-control": "no-store"}
    return Response(content, media_type="application/pdf", headers=headers)


def _heading(source: FaceSource) -> dict[str, Any]:
    status = source.version.status
    return {
        "plan": source.plan,
        "version": source.version,
        "person": source.person,
        "referral": source.referral,
        "planner_name": source.planner_name or "The person, without a planner",
        "organisation_name": source.organisation_name,
        "state": (PLAN_COLOURS[status], PLAN_LABELS[status]),
    }


def _state(source: FaceSource) -> str:
    version = source.version
    if version.signed_off_at is not None and version.status is PlanStatus.SIGNED_OFF:
        return f"In place since {uk_date(version.signed_off_at)}"
    return PLAN_LABELS[version.status]


def _closing(source: FaceSource) -> list[str]:
    if source.planner_name:
        return [f"My planner is {source.planner_name} from {source.organisation_name}."]
    return ["I wrote this plan myself, with the help I chose."]


def _choice(version: Any) -> str:
    day = f", {uk_date(version.submitted_at)}" if version.submitted_at else ""
    return f"Version {version.number}: {PLAN_LABELS[version.status].lower()}{day}"
