"""The page of one person: it lists referrals, so the package above `people` serves it."""

from typing import Any

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal
from marketplace.accounts.words import COMMUNICATION_NEEDS, GENDER_LABELS, INTERESTS, NEEDS
from marketplace.core.errors import NotFound
from marketplace.core.formats import pounds, uk_date
from marketplace.core.ids import parse_id
from marketplace.matching.repository import ReferralRepository
from marketplace.matching.repository.care import RequirementRepository
from marketplace.matching.words import STATUS_LABELS
from marketplace.matching.words_care import REQUIREMENT_COLOURS, REQUIREMENT_LABELS
from marketplace.people import BudgetRepository, PeopleService
from marketplace.people.models import BudgetStatus, FundingRoute, Person
from marketplace.people.routes_representatives import representatives_of

NOT_RECORDED = "Not recorded"
BUDGET_WORDS = {
    BudgetStatus.INDICATIVE: "Indicative",
    BudgetStatus.FINAL: "Agreed",
    BudgetStatus.ENDED: "Ended",
    FundingRoute.DIRECT_PAYMENT: "Direct payment",
    FundingRoute.COUNCIL_MANAGED: "Managed by the council",
    FundingRoute.SELF_FUNDED: "Pays themselves",
}


class PersonController(Controller):
    """One person."""

    @get("/people/{person_id:str}", permission=Permission.PEOPLE_READ)
    async def show(
        self,
        db: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        person_id: FromPath[str],
    ) -> Template:
        """Show a record; who read it is written down."""
        wanted = parse_id(person_id)
        if wanted is None:
            raise NotFound
        person = await PeopleService(db).read(principal, wanted)
        budgets = await BudgetRepository(db).of_person(principal.council_id, person.id)
        context = {
            "person": person,
            "communication": [COMMUNICATION_NEEDS.get(code, code) for code in person.communication_needs],
            "details": _details(person),
            "representatives": await representatives_of(db, principal.council_id, person.id),
            "budgets": [
                [
                    uk_date(budget.starts_on),
                    uk_date(budget.ends_on) if budget.ends_on else "No end",
                    BUDGET_WORDS[budget.status],
                    BUDGET_WORDS[budget.route],
                    pounds(budget.weekly_pence),
                    pounds(budget.own_weekly_pence),
                ]
                for budget in budgets
            ],
            "referrals": await ReferralRepository(db).of_person(principal.council_id, person.id),
            "status_labels": STATUS_LABELS,
            "requirements": await RequirementRepository(db).of_person(principal.council_id, person.id)
            if principal.may(Permission.REQUIREMENTS_READ)
            else [],
            "requirement_labels": REQUIREMENT_LABELS,
            "requirement_colours": REQUIREMENT_COLOURS,
        }
        return Template("people/show.html", context=context)


def _details(person: Person) -> list[dict[str, Any]]:
    location = ", ".join(part for part in (person.address_line, person.town, person.postcode) if part)
    if person.lat is None:
        location += " (the directory does not know this postcode, so distances cannot be measured)"
    rows = {
        "Date of birth": uk_date(person.born_on) if person.born_on else NOT_RECORDED,
        "Gender": GENDER_LABELS[person.gender],
        "Address": location,
        "Telephone": person.phone or NOT_RECORDED,
        "E-mail": person.email or NOT_RECORDED,
        "Support is about": ", ".join(NEEDS.get(code, code) for code in person.needs) or NOT_RECORDED,
        "Languages": ", ".join(person.languages) or NOT_RECORDED,
        "Enjoys": ", ".join(INTERESTS.get(code, code) for code in person.interests) or NOT_RECORDED,
    }
    return [{"key": key, "value": value} for key, value in rows.items()]
