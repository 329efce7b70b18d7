"""Forms about representatives that are clicked twice, sent from two tabs, or sent again with other content."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts.permissions import Role
from marketplace.people.challenges import ChallengeService
from tests.browser import Browser
from tests.factories import Member, make_member
from tests.factories_bookings import loose
from tests.people.test_my_budget import start
from tests.people.test_representatives import ASK, make_pair, the_row
from tests.two_tabs import Prepare, Try, sent_again


async def ask_somebody(db: AsyncSession, clock: Any) -> Try:
    _, member = await make_pair(db)
    return Try(member, "/representatives/new", ASK, ("representations", "status = 'invited'"), {"name": "Robin Bright"})


async def acted_for(db: AsyncSession) -> tuple[Member, str]:
    person, member = await make_pair(db)
    await make_member(db, Role.REPRESENTATIVE, member.council, person_id=person.id, acting_for_name=person.name)
    row = await the_row(db)
    loose(db, row)
    return member, f"/representatives/{row.id}"


async def change_what_they_may_do(db: AsyncSession, clock: Any) -> Try:
    member, path = await acted_for(db)
    effect = ("audit_entries", "action LIKE '%represent%'")
    return Try(member, path, {"scopes": ["money"]}, effect, {"scopes": ["book"]}, tab=303)


async def end_it(db: AsyncSession, clock: Any) -> Try:
    member, path = await acted_for(db)
    effect = ("representations", "status = 'revoked'")
    return Try(member, f"{path}/end", {"reason": "We fell out."}, effect, {"reason": "She moved."}, tab=404)


async def end_it_for_the_council(db: AsyncSession, clock: Any) -> Try:
    member, path = await acted_for(db)
    manager = await make_member(db, Role.MANAGER, member.council)
    loose(db, manager.user, manager.membership)
    form = {"decision": "end", "reason": "A court ended it."}
    effect = ("representations", "ended_at IS NOT NULL")
    return Try(manager, path.replace("representatives", "representations"), form, effect, {"reason": "Asked."})


async def challenge_a_budget(db: AsyncSession, clock: Any) -> Try:
    _person, member, _manager, budget = await start(db)
    path, effect = f"/my-budget/{budget.id}/challenge", ("budget_challenges", "true")
    db.expunge_all()
    return Try(member, path, {"words": "Too little."}, effect, {"words": "Too much."})


async def answer_a_challenge(db: AsyncSession, clock: Any) -> Try:
    _person, member, manager, budget = await start(db)
    row = await ChallengeService(db).ask(member.principal, budget.id, "Too little.")
    form = {"outcome": "changed", "weekly": "130", "answer": "Nights.", "version": "1"}
    path, effect = f"/budget-challenges/{row.id}", ("budgets", "weekly_pence = 13000")
    db.expunge_all()
    return Try(manager, path, form, effect, {"weekly": "140"})


@pytest.mark.parametrize(
    "prepare",
    [
        ask_somebody,
        change_what_they_may_do,
        end_it,
        end_it_for_the_council,
        challenge_a_budget,
        answer_a_challenge,
    ],
    ids=lambda one: one.__name__,
)
async def test_a_form_counts_once_however_often_it_is_sent(
    browser: Browser, db: AsyncSession, clock: Any, prepare: Prepare
) -> None:
    await sent_again(browser, db, await prepare(db, clock))
