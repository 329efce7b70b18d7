"""Questions about a round: asked by organisations, answered for everybody, without who asked (C1)."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final, Self
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.forms import FormReader
from marketplace.core.ids import new_id
from marketplace.core.outbox import publish
from marketplace.providers.errors import ChangedMeanwhile, QuestionsClosed, TooManyQuestions
from marketplace.providers.events import FrameworkQuestionChanged
from marketplace.providers.models import FrameworkQuestion, Organisation, Round
from marketplace.providers.repository.engagement import QuestionRepository
from marketplace.providers.repository.frameworks import FrameworkRepository
from marketplace.providers.repository.organisations import OrganisationRepository
from marketplace.providers.service.frameworks.rounds import takes_questions
from marketplace.providers.service.reach import reach_council

LONGEST_QUESTION: Final = 2_000
LONGEST_ANSWER: Final = 6_000
MOST_A_DAY: Final = 20
A_DAY: Final = timedelta(days=1)


class AnswerForm(msgspec.Struct, frozen=True, kw_only=True):
    """The question as everybody reads it, and the answer."""

    question: str
    answer: str
    seen: str
    """What was published when the page was opened, in short; see `state_of`."""

    @classmethod
    def read(cls, data: dict[str, Any]) -> Self:
        """Read the form.

        Raises:
            InvalidInput: What is wrong, by field.
        """
        form = FormReader(data)
        question = form.text("published_question", "the question as everybody reads it", longest=LONGEST_QUESTION)
        answer = form.text("answer", "the answer", longest=LONGEST_ANSWER)
        form.done()
        return cls(question=question, answer=answer, seen=form.raw("seen"))


def state_of(row: FrameworkQuestion) -> str:
    """Return a short text that changes each time an answer is published."""
    return row.published_at.isoformat() if row.published_at else "new"


def names_in(text: str, organisation: Organisation | None) -> list[str]:
    """Find what would give an organisation away in a text: its name, web site, e-mail address or telephone number."""
    if organisation is None:
        return []
    squeezed = re.sub(r"\s+", " ", text).casefold()
    bare = re.sub(r"[^0-9a-z]", "", squeezed)
    found = []
    if organisation.name.casefold() in squeezed:
        found.append(organisation.name)
    for value in (organisation.website, organisation.email):
        short = re.sub(r"^https?://(www\.)?", "", value.casefold()).strip("/")
        if short and short in squeezed:
            found.append(value)
    figures = re.sub(r"[^0-9]", "", organisation.phone)
    if len(figures) >= 6 and figures in bare:
        found.append(organisation.phone)
    return found


class QuestionService:
    """Asks and answers."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.questions = QuestionRepository(db)

    async def ask(self, principal: Principal, row: Round, data: dict[str, Any]) -> FrameworkQuestion:
        """Ask about a round, for one's organisation. The council of the round may be another one.

        Raises:
            Forbidden: The role does not apply for lots.
            QuestionsClosed: The time for questions is over.
            TooManyQuestions: More in a day than one organisation needs.
            InvalidInput: No question, or one too long.
        """
        principal.require(Permission.APPLICATIONS_OWN)
        organisation_id = principal.need_organisation()
        if not takes_questions(row, self.clock.now()):
            raise QuestionsClosed("Look at what others asked: the answers stay here for everybody.")
        form = FormReader(data)
        words = form.text("question", "your question", longest=LONGEST_QUESTION)
        form.done()
        await reach_council(self.db, principal, row.council_id)
        # Locked, so that two questions at once are counted one after the other, and a closing that moves is seen.
        locked = await FrameworkRepository(self.db).rounds.find(row.council_id, row.id, locked=True)
        if not takes_questions(locked, self.clock.now()):
            raise QuestionsClosed
        asked = await self.questions.asked_since(row.council_id, organisation_id, self.clock.now() - A_DAY)
        if asked >= MOST_A_DAY:
            raise TooManyQuestions("Ask again tomorrow, or put several questions into one.")
        question = FrameworkQuestion(
            id=new_id(),
            council_id=row.council_id,
            round_id=row.id,
            organisation_id=organisation_id,
            asked_by_user_id=principal.user_id,
            question=words,
            asked_at=self.clock.now(),
        )
        self.db.add(question)
        await self.db.flush()
        self._record(principal, "providers.ask_framework_question", question, {"round_id": row.id})
        self._tell(question, is_answered=False)
        return question

    async def own(self, principal: Principal, round_ids: Sequence[UUID]) -> Sequence[FrameworkQuestion]:
        """Return what the user's organisation asked about some rounds."""
        if principal.organisation_id is None or not round_ids:
            return []
        return await self.questions.of_organisation(principal.organisation_id, round_ids)

    async def find(self, principal: Principal, question_id: UUID, *, locked: bool = False) -> FrameworkQuestion:
        """Return a question asked of the council.

        Raises:
            NotFound: There is none, or it was asked of another council.
        """
        principal.require(Permission.FRAMEWORKS_EDIT)
        return await self.questions.find(principal.council_id, question_id, locked=locked)

    async def answer(self, principal: Principal, question_id: UUID, form: AnswerForm) -> FrameworkQuestion:
        """Publish the answer, or put a published one right. Whoever asked is told the first time and each time after.

        Raises:
            ChangedMeanwhile: A colleague published an answer since the page was opened.
            InvalidInput: The words name the organisation that asked.
        """
        row = await self.find(principal, question_id, locked=True)
        if state_of(row) != form.seen:
            raise ChangedMeanwhile
        asker = await OrganisationRepository(self.db).find(row.organisation_id) if row.organisation_id else None
        wrong = {
            field: f"Take out “{found[0]}”: it says who asked"
            for field, text in (("published_question", form.question), ("answer", form.answer))
            if (found := names_in(text, asker))
        }
        if wrong:
            raise InvalidInput(wrong)
        before = {"published_question": row.published_question, "answer": row.answer}
        row.published_question, row.answer = form.question, form.answer
        row.answered_by_user_id, row.published_at = principal.user_id, self.clock.now()
        await self.db.flush()
        after = {"published_question": form.question, "answer": form.answer}
        self._record(principal, "providers.answer_framework_question", row, after, before)
        self._tell(row, is_answered=True)
        return row

    def _tell(self, row: FrameworkQuestion, *, is_answered: bool) -> None:
        publish(
            self.db,
            FrameworkQuestionChanged(
                council_id=row.council_id, question_id=row.id, round_id=row.round_id, is_answered=is_answered
            ),
        )

    def _record(
        self,
        principal: Principal,
        action: str,
        row: FrameworkQuestion,
        after: dict[str, Any],
        before: dict[str, Any] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="framework_question",
            subject_id=row.id,
            before=before,
            after=after,
        )
