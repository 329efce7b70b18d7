"""The sample of a version: its file in, and its cases out."""

from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.database import session_maker, transaction
from marketplace.core.errors import InvalidInput
from marketplace.core.files.forms import UPLOAD, FileForm
from marketplace.core.flash import flash
from marketplace.core.forms import FormReader
from marketplace.core.spreadsheets import csv_text, pounds_cell
from marketplace.core.web import submit
from marketplace.people.models import RasVersion
from marketplace.people.ras.forms import read_version
from marketplace.people.ras.preview import price
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.sample import Sample, read_sample
from marketplace.people.ras.service import RasService
from marketplace.people.routes_ras.shared import draft_of, read_id, version_of


class RasSampleController(Controller):
    """The cases on which a version is tried."""

    path = "/ras"

    @get("/{version_id:str}/sample", permission=Permission.RAS_DRAFT)
    async def sample(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template:
        """Ask for a sample, and say what its file looks like."""
        return _sample_page(await draft_of(db, principal, version_id), {}, None)

    @post("/{version_id:str}/sample", permission=Permission.RAS_DRAFT, **UPLOAD)
    async def load_sample(
        self, request: Request[Any, Any, Any], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Template | Redirect:
        """Read a sample, and take it where every row is right."""
        wanted = read_id(version_id)
        async with transaction(session_maker(), principal.councils) as db:
            row = await RasRepository(db).find(principal.council_id, wanted)
        form = await FileForm.read(request)
        found: Sample | None = None
        try:
            given = form.files.get("sample", [])
            if not given:
                raise InvalidInput({"sample": "Choose the file with the sample"})
            reader = FormReader(form.values)
            version = read_version(reader)
            reader.done()
            sample = found = read_sample(given[0].content, row.domains)
            async with transaction(session_maker(), principal.councils) as db:

                async def action() -> str:
                    await RasService(db).load_sample(principal, wanted, sample, version)
                    flash(request, f"The sample of {len(sample.cases):,} cases is in")
                    return f"/ras/{wanted}"

                return await submit(request, db, principal.actor, form.content, action)
        except InvalidInput as error:
            return _sample_page(row, error.fields, found)

    @get("/{version_id:str}/template.csv", permission=Permission.RAS_DRAFT)
    async def template(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Response[str]:
        """Give the heading of a sample's file, with one case as an example."""
        row = await version_of(db, principal, version_id)
        heading = ["case", *(one["key"] for one in row.domains), "previous_annual", "age_band", "care_group"]
        example = ["A1", *(one["answers"][0]["key"] for one in row.domains), "5200.00", "65-74", "physical"]
        rows = [[*heading, "ethnicity", "gender"], [*example, "", ""]]
        return _csv(csv_text(rows), f"sample-for-version-{row.number}.csv")

    @get("/{version_id:str}/cases.csv", permission=Permission.RAS_READ)
    async def cases(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], version_id: FromPath[str]
    ) -> Response[str]:
        """Give each case with what its points come to, so that the sums can be checked elsewhere."""
        row = await version_of(db, principal, version_id)
        heading = ["case", "points", "indicative_annual", "indicative_weekly", "previous_annual", "less_than_before"]
        rows: list[list[Any]] = [heading]
        for case in price(row, await RasRepository(db).cases(row)):
            previous = case.previous_annual_pence
            rows.append(
                [
                    case.reference,
                    case.points,
                    pounds_cell(case.annual_pence),
                    pounds_cell(case.weekly_pence),
                    None if previous is None else pounds_cell(previous),
                    None if previous is None else pounds_cell(case.loss_pence),
                ]
            )
        return _csv(csv_text(rows), f"version-{row.number}.csv")


def _sample_page(row: RasVersion, errors: dict[str, str], found: Sample | None) -> Template:
    context = {"row": row, "errors": errors, "sample": found}
    return Template("people/ras/sample.html", context=context, status_code=422 if errors else 200)


def _csv(text: str, name: str) -> Response[str]:
    headers = {"content-disposition": f'attachment; filename="{name}"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)
