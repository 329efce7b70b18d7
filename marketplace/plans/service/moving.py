"""Somebody moves to another council: continuity of care (Care Act s.37-38).

The council they leave records the move and passes on what the person lets it. The new council reads a copy, and nothing
before the person's yes. It assesses anew; until it has, it meets the needs that the old plan met.
"""

from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import Conflict, NotFound
from marketplace.core.outbox import publish
from marketplace.people import PeopleRepository
from marketplace.plans.events_moving import MoveAnswered, MoveCancelled, MoveRecorded
from marketplace.plans.models import CouncilMove
from marketplace.plans.moving_words import AnswerForm, MoveForm
from marketplace.plans.repository.moving import MoveRepository


class MoveChanged(Conflict):
    """The move was answered, changed or called off since the page was opened."""

    code = "move-changed"
    title = "This has changed since you opened it"


class MoveService:
    """The verbs of a move, at the council that is left."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.moves = MoveRepository(db)
        self.people = PeopleRepository(db)
        self.clock = clock_of(db)

    async def record(self, principal: Principal, person_id: UUID, data: dict[str, Any]) -> CouncilMove:
        """Record that somebody moves away. They are told, and asked what may be passed on.

        Raises:
            NotFound: No such person in the council.
            Conflict: They have died, or a move of theirs is recorded.
            InvalidInput: With all messages.
        """
        principal.require(Permission.PEOPLE_RECORD)
        person = await self.people.find(principal.council_id, person_id, locked=True)
        if person.died_on is not None:
            raise Conflict("It is recorded that they have died.")
        others = {one.id: one.name for one in await self.moves.others(principal.council_id)}
        form = MoveForm.read(data, today(self.clock), others)
        if await self.moves.open_of(principal.council_id, person_id) is not None:
            raise MoveChanged("A move is recorded already. Call that one off first.")
        move = CouncilMove(
            council_id=principal.council_id,
            person_id=person_id,
            moves_on=form.moves_on,
            to_council_id=form.to_council_id,
            to_name=form.to_name,
            recorded_by_user_id=principal.user_id,
            recorded_at=self.clock.now(),
        )
        self.db.add(move)
        await self.db.flush()
        self._note(
            principal, move, "plans.record_move", {"moves_on": move.moves_on, "to_council_id": form.to_council_id}
        )
        publish(self.db, MoveRecorded(council_id=move.council_id, move_id=move.id, person_id=person_id))
        return move

    async def own(self, principal: Principal) -> CouncilMove:
        """Return the move of the reader.

        Raises:
            NotFound: None is recorded.
        """
        principal.require(Permission.PLAN_OWN)
        move = await self.moves.open_of(principal.council_id, principal.need_person())
        if move is None:
            raise NotFound
        return move

    async def answer(self, principal: Principal, person_id: UUID, form: AnswerForm) -> CouncilMove:
        """Take what the person decides; they may change their mind as long as the move counts.

        A yes passes the chosen parts on, a no takes back what was passed on.

        Args:
            principal: The person, who acts for them, or staff who write down what the person said.
            person_id: Who moves.
            form: What they decide.

        Raises:
            NotFound: No move is recorded.
            MoveChanged: The page showed another state of it.
        """
        if principal.may(Permission.PLAN_OWN):
            if principal.need_person() != person_id:
                raise NotFound
        else:
            principal.require(Permission.PEOPLE_RECORD)
        move = await self._held(principal, person_id, form.version)
        move.consent = "yes" if form.consents else "no"
        move.shared, move.support, move.consent_words = list(form.shared), form.support, form.words
        move.answered_by_user_id, move.answered_at = principal.user_id, self.clock.now()
        await self.db.flush()
        after = {"consent": move.consent, "shared": move.shared, "support": move.support}
        self._note(principal, move, "plans.answer_move", after)
        publish(
            self.db,
            MoveAnswered(
                council_id=move.council_id,
                move_id=move.id,
                person_id=person_id,
                moves_on=move.moves_on,
                to_council_id=move.to_council_id,
                consents=form.consents,
                support=form.support,
            ),
        )
        return move

    async def cancel(self, principal: Principal, person_id: UUID, version: int) -> CouncilMove:
        """Call a move off: what was passed on is taken back.

        Raises:
            NotFound: No move is recorded.
            MoveChanged: The page showed another state of it.
        """
        principal.require(Permission.PEOPLE_RECORD)
        move = await self._held(principal, person_id, version)
        move.cancelled_at = self.clock.now()
        await self.db.flush()
        self._note(principal, move, "plans.cancel_move", {"cancelled_at": move.cancelled_at})
        publish(
            self.db,
            MoveCancelled(
                council_id=move.council_id, move_id=move.id, person_id=person_id, to_council_id=move.to_council_id
            ),
        )
        return move

    async def _held(self, principal: Principal, person_id: UUID, version: int) -> CouncilMove:
        move = await self.moves.open_of(principal.council_id, person_id, locked=True)
        if move is None:
            raise NotFound
        if move.version != version:
            raise MoveChanged("Open the page again to see how it stands.")
        return move

    def _note(self, principal: Principal, move: CouncilMove, action: str, after: dict[str, Any]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=move.council_id,
            subject_kind="council_move",
            subject_id=move.id,
            after={"person_id": move.person_id, **after},
        )
