"""The person's own plan in other shapes: Easy Read, paper, its versions, and whether everything is in it."""

from typing import Annotated

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import NotFound
from marketplace.plans.faces import person_face
from marketplace.plans.repository.faces import FaceSource
from marketplace.plans.routes.faces import MOST_VERSIONS, easy_context, easy_file_of, pair_context, person_file
from marketplace.plans.section25 import sums_up
from marketplace.plans.service.faces import FaceService, own_findings

NOTHING_YET = "plans/faces/nothing_yet.html"


class MyFacesController(Controller):
    """A person's plan, for the person or somebody who acts for them."""

    path = "/my-plan"

    @get("/easy-read", permission=Permission.PLANS_AGREE)
    async def easy_read(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show the plan with a picture and a few words at a time."""
        source = await FaceService(db).for_person(principal)
        if source is None:
            return Template(NOTHING_YET)
        context = {**easy_context(person_face(source.texts, source.items)), "person": source.person}
        return Template("plans/faces/easy_read.html", context=context)

    @get("/plan.pdf", permission=Permission.PLANS_AGREE)
    async def plan_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Give the plan as a PDF with pictures."""
        return await person_file(db, await _needed(db, principal), "my-plan")

    @get("/easy-read.pdf", permission=Permission.PLANS_AGREE)
    async def easy_file(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Response[bytes]:
        """Give the plan in Easy Read as a PDF."""
        return await easy_file_of(db, await _needed(db, principal), "my-plan-easy-read")

    @get("/points", permission=Permission.PLANS_AGREE)
    async def points(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Template:
        """Show what the law wants in a plan, and what is missing in this one."""
        service = FaceService(db)
        source = await service.for_person(principal)
        if source is None:
            return Template(NOTHING_YET)
        findings = own_findings(source, await service.facts(source))
        return Template("plans/faces/points.html", context={"findings": findings, "sums_up": sums_up(findings)})

    @get("/compare", permission=Permission.PLANS_AGREE)
    async def versions(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        old: Annotated[int | None, QueryParameter(name="old", ge=1, le=MOST_VERSIONS)] = None,
        new: Annotated[int | None, QueryParameter(name="new", ge=1, le=MOST_VERSIONS)] = None,
    ) -> Template:
        """Show two versions of the plan side by side."""
        pair = await FaceService(db).person_pair(principal, old, new)
        if pair is None:
            return Template(NOTHING_YET)
        return Template("plans/faces/my_versions.html", context=pair_context(pair))


async def _needed(db: AsyncSession, principal: Principal) -> FaceSource:
    source = await FaceService(db).for_person(principal)
    if source is None:
        raise NotFound
    return source
