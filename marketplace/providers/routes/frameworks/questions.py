"""Questions about rounds, as the council answers them."""

from http import HTTPStatus
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, URLEncodedBody
from litestar.response import Redirect, Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.core.errors import BadRequest, InvalidInput
from marketplace.core.flash import flash
from marketplace.core.formats import uk_datetime
from marketplace.core.ids import parse_id
from marketplace.core.spreadsheets import csv_text
from marketplace.core.web import FormData, submit
from marketplace.providers.errors import ChangedMeanwhile
from marketplace.providers.models import FrameworkQuestion
from marketplace.providers.repository.engagement import PAGE, QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.routes.frameworks.common import SOMEBODY_SAVED, form_page, row_id
from marketplace.providers.service.frameworks.questions import (
    LONGEST_ANSWER,
    LONGEST_QUESTION,
    AnswerForm,
    QuestionService,
    state_of,
)

PATH = "/accreditation/questions"
MOST_ROWS = 5_000


class QuestionController(Controller):
    """Questions of organisations."""

    path = PATH

    @get("/", permission=Permission.FRAMEWORKS_EDIT)
    async def show_all(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        view: FromQuery[str | None] = None,
        after: FromQuery[str | None] = None,
    ) -> Template:
        """List what waits for an answer, or what was answered."""
        start = parse_id(after) if after else None
        if (after and start is None) or view not in (None, "", "answered"):
            raise BadRequest
        repository, is_answered = QuestionRepository(db), view == "answered"
        found = await repository.page(principal.council_id, is_answered=is_answered, after=start)
        shown = found[:PAGE]
        names = await repository.names(row.organisation_id for row, _, _ in shown if row.organisation_id)
        context = {
            "items": [
                {
                    "id": row.id,
                    "words": row.published_question if is_answered else row.question,
                    "framework": framework.name,
                    "round": around.name,
                    "asked_at": row.asked_at,
                    "by": names.get(row.organisation_id, "") if row.organisation_id else "",
                }
                for row, around, framework in shown
            ],
            "is_answered": is_answered,
            "next_after": shown[-1][0].id if len(found) > PAGE else None,
        }
        return Template("providers/frameworks/questions.html", context=context)

    @get("/all.csv", permission=Permission.FRAMEWORKS_EDIT)
    async def export(self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal]) -> Response[str]:
        """Give all questions as a file, for the council alone: it says who asked."""
        repository = QuestionRepository(db)
        rows = [
            *await repository.page(principal.council_id, is_answered=False, after=None, limit=MOST_ROWS),
            *await repository.page(principal.council_id, is_answered=True, after=None, limit=MOST_ROWS),
        ]
        names = await repository.names(row.organisation_id for row, _, _ in rows if row.organisation_id)
        heading = ("framework", "round", "asked", "asked by", "question", "published question", "answer", "published")
        table = [
            (
                framework.name,
                around.name,
                uk_datetime(row.asked_at),
                names.get(row.organisation_id, "") if row.organisation_id else "",
                row.question,
                row.published_question,
                row.answer,
                uk_datetime(row.published_at) if row.published_at else "",
            )
            for row, around, framework in rows
        ]
        return Response(
            csv_text([heading, *table]),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="questions.csv"'},
        )

    @get("/{question_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def show(
        self, db: NamedDependency[AsyncSession], principal: NamedDependency[Principal], question_id: FromPath[str]
    ) -> Template:
        """Show a question with the form for its answer."""
        row = await QuestionService(db).find(principal, row_id(question_id))
        values = {
            "published_question": row.published_question or row.question,
            "answer": row.answer,
            "seen": state_of(row),
        }
        return await _page(db, row, values, {})

    @post("/{question_id:str}", permission=Permission.FRAMEWORKS_EDIT)
    async def answer(
        self,
        request: Request[Any, Any, Any],
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        question_id: FromPath[str],
        data: URLEncodedBody[FormData],
    ) -> Redirect | Template:
        """Publish the answer for everybody."""
        row = await QuestionService(db).find(principal, row_id(question_id), locked=True)

        async def act() -> str:
            await QuestionService(db).answer(principal, row.id, AnswerForm.read(data))
            return PATH

        try:
            async with db.begin_nested():
                answer = await submit(request, db, principal.actor, data, act)
        except InvalidInput as error:
            return await _page(db, row, data, error.fields)
        except ChangedMeanwhile:
            values = {**data, "seen": state_of(row)}
            return await _page(db, row, values, {"form": SOMEBODY_SAVED}, HTTPStatus.CONFLICT)
        flash(request, "Answer published. Whoever asked is told")
        return answer


async def _page(
    db: AsyncSession,
    row: FrameworkQuestion,
    values: FormData,
    errors: dict[str, str],
    status: HTTPStatus = HTTPStatus.UNPROCESSABLE_ENTITY,
) -> Template:
    repository = FrameworkRepository(db)
    around = await repository.round(row.round_id)
    names = await QuestionRepository(db).names([row.organisation_id] if row.organisation_id else [])
    context = {
        "question": row,
        "round": around,
        "framework": await repository.framework(around.framework_id),
        "by": names.get(row.organisation_id, "") if row.organisation_id else "",
        "longest_question": LONGEST_QUESTION,
        "longest_answer": LONGEST_ANSWER,
        "saved": row if status is HTTPStatus.CONFLICT else None,
    }
    return form_page("question", context, values, errors, status=status)
