"""The workbench: drafting a version, its points and sample, proposing it, and publishing by another role (C4)."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import plural, uk_date
from marketplace.people.models import RasCase, RasVersion, SliceOrder, WeeksOfYear
from marketplace.people.ras.engine import calibrate
from marketplace.people.ras.errors import OwnProposal, RasChanged, RasFixed
from marketplace.people.ras.events import RasProposed, RasPublished
from marketplace.people.ras.fingerprint import fingerprint, settings_of
from marketplace.people.ras.forms import MOST_DOMAINS, DomainForm, PublishForm, SettingsForm
from marketplace.people.ras.repository import RasRepository
from marketplace.people.ras.sample import Sample, key_of
from marketplace.people.ras.starting import STARTING_DOMAINS
from marketplace.people.states import RAS, RasStatus

LEAST_CASES: Final = 30
"""Below this a mean says little of everybody; Derby took 200 (R3)."""


class RasService:
    """Versions of a council's points."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.versions = RasRepository(db)

    async def draft(self, principal: Principal, copied_id: UUID | None = None) -> RasVersion:
        """Begin a version: a copy of another with its sample, or of the starting domains without one."""
        principal.require(Permission.RAS_DRAFT)
        council_id = principal.council_id
        await self.versions.hold_numbers(council_id)
        copied = None if copied_id is None else await self.versions.find(council_id, copied_id)
        number = await self.versions.next_number(council_id)
        row = RasVersion(
            council_id=council_id,
            number=number,
            title=copied.title if copied else "Points for everybody",
            status=RasStatus.DRAFT,
            domains=copied.domains if copied else STARTING_DOMAINS,
            budget_pence=copied.budget_pence if copied else 0,
            people_count=copied.people_count if copied else 0,
            slice_basis_points=copied.slice_basis_points if copied else 1_500,
            slice_order=copied.slice_order if copied else SliceOrder.FIRST,
            weeks=copied.weeks if copied else WeeksOfYear.WEEKS_52,
            made_by_user_id=principal.user_id,
            made_at=clock_of(self.db).now(),
        )
        self.db.add(row)
        await self.db.flush()
        RAS.begin(self.db, row, by=principal.user_id)
        if copied is not None:
            for case in await self.versions.cases(copied):
                values = case.to_dict(exclude={"id", "ras_version_id"})
                self.db.add(RasCase(ras_version_id=row.id, **values))
            await self._calibrate(row)
        copied_number = copied.number if copied else None
        self._note(principal, "people.draft_ras", row, after={"number": number, "copied": copied_number})
        return row

    async def change_settings(self, principal: Principal, version_id: UUID, form: SettingsForm) -> RasVersion:
        """Save title, money, people, slice and weeks of a draft.

        Raises:
            RasFixed: It is no draft any more.
            RasChanged: Somebody else saved it since the form was drawn.
        """
        row = await self._own_draft(principal, version_id, form.version)
        values = {name: getattr(form, name) for name in form.__struct_fields__ if name != "version"}
        changed = {name: value for name, value in values.items() if getattr(row, name) != value}
        before = {name: getattr(row, name) for name in changed}
        for name, value in changed.items():
            setattr(row, name, value)
        await self._calibrate(row)
        self._note(principal, "people.change_ras", row, before=before, after=changed)
        return row

    async def put_domain(self, principal: Principal, version_id: UUID, key: str, form: DomainForm) -> RasVersion:
        """Add a domain (key "new") or change one. Cases that hold answers take the new points.

        Raises:
            NotFound: The draft has no such domain.
            InvalidInput: Another domain has the label, there are too many, or answers of the sample would be lost.
        """
        row = await self._own_draft(principal, version_id, form.version)
        domains = [dict(one) for one in row.domains]
        others = [one for one in domains if one["key"] != key]
        if key != "new" and len(others) == len(domains):
            raise NotFound
        if any(one["label"].lower() == form.label.lower() for one in others):
            raise InvalidInput({"label": "Another domain has this name"})
        if len(others) >= MOST_DOMAINS:
            raise InvalidInput({"label": f"A version has {MOST_DOMAINS} domains at most"})
        if key == "new":
            key, number = key_of(form.label), 2
            # "new" is the address of the form for another domain.
            while key in {"new", *(one["key"] for one in others)}:
                key, number = f"{key_of(form.label)}_{number}", number + 1
        await self._keep_answers(row, key, {answer["key"] for answer in form.answers})
        domain = {"key": key, "label": form.label, "help": form.help, "answers": form.answers}
        others.insert(form.place - 1, domain)
        await self._set_domains(principal, row, others)
        return row

    async def remove_domain(self, principal: Principal, version_id: UUID, key: str, version: int) -> RasVersion:
        """Take a domain out of a draft, and out of its sample.

        Raises:
            NotFound: The draft has no such domain.
            InvalidInput: It is the last one.
        """
        row = await self._own_draft(principal, version_id, version)
        kept = [one for one in row.domains if one["key"] != key]
        if len(kept) == len(row.domains):
            raise NotFound
        if not kept:
            raise InvalidInput({"label": "A version needs at least one domain"})
        await self._set_domains(principal, row, kept)
        return row

    async def load_sample(self, principal: Principal, version_id: UUID, sample: Sample, version: int) -> RasVersion:
        """Put a sample in place of the one there is. A sample with a wrong row is not taken.

        Raises:
            InvalidInput: Rows are wrong, or the points come to nothing.
        """
        row = await self._own_draft(principal, version_id, version)
        if sample.problem_count:
            raise InvalidInput({"sample": f"{plural(sample.problem_count, 'row')} of the file cannot be used"})
        if not any(case.points for case in sample.cases):
            raise InvalidInput({"sample": "All cases of the sample have 0 points, so a point has no value"})
        before = row.sample_count
        await self.versions.forget_cases(row)
        self.db.add_all(
            RasCase(
                council_id=row.council_id,
                ras_version_id=row.id,
                position=place,
                reference=case.reference,
                answers=case.answers,
                domain_points={key: int(points) for key, points in case.domain_points.items()},
                points=int(case.points),
                previous_annual_pence=case.previous_annual_pence,
                age_band=case.age_band,
                care_group=case.care_group,
                ethnicity=case.ethnicity,
                gender=case.gender,
            )
            for place, case in enumerate(sample.cases, start=1)
        )
        await self._calibrate(row)
        self._note(
            principal, "people.load_ras_sample", row, before={"cases": before}, after={"cases": len(sample.cases)}
        )
        return row

    async def propose(self, principal: Principal, version_id: UUID, version: int) -> RasVersion:
        """Hand a draft to the other role.

        Raises:
            InvalidInput: Something is missing; by what it is.
        """
        row = await self._own_draft(principal, version_id, version)
        missing = self.missing(row, await self.versions.cases(row))
        if missing:
            raise InvalidInput({f"missing-{place}": words for place, words in enumerate(missing, start=1)})
        row.proposed_by_user_id, row.proposed_at = principal.user_id, clock_of(self.db).now()
        RAS.move(self.db, row, RasStatus.PROPOSED, by=principal.user_id)
        await self.db.flush()
        self._note(principal, "people.propose_ras", row, after={"point_value_pence": str(row.point_value_pence)})
        outbox.publish(self.db, RasProposed(council_id=row.council_id, ras_version_id=row.id))
        return row

    async def send_back(self, principal: Principal, version_id: UUID, reason: str, version: int) -> RasVersion:
        """Make a proposal a draft again: its maker takes it back, or the other role wants it changed.

        Raises:
            InvalidInput: No reason.
        """
        if not principal.may(Permission.RAS_DRAFT):
            principal.require(Permission.RAS_PUBLISH)
        row = await self._locked(principal, version_id, version)
        if not reason.strip():
            raise InvalidInput({"reason": "Write down what should change"})
        RAS.move(self.db, row, RasStatus.DRAFT, by=principal.user_id, why=reason)
        row.proposed_by_user_id = row.proposed_at = None
        await self.db.flush()
        self._note(principal, "people.send_ras_back", row, why=reason)
        return row

    async def withdraw(self, principal: Principal, version_id: UUID, reason: str, version: int) -> RasVersion:
        """Give up a draft or a proposal. It stays in the list.

        Raises:
            InvalidInput: No reason.
        """
        principal.require(Permission.RAS_DRAFT)
        row = await self._locked(principal, version_id, version)
        if not reason.strip():
            raise InvalidInput({"reason": "Write down why this version is given up"})
        RAS.move(self.db, row, RasStatus.WITHDRAWN, by=principal.user_id, why=reason)
        await self.db.flush()
        self._note(principal, "people.withdraw_ras", row, why=reason)
        return row

    async def publish(self, principal: Principal, version_id: UUID, form: PublishForm) -> RasVersion:
        """Publish a proposal from a day on. It never changes again; the one before it ends on that day.

        Raises:
            OwnProposal: It was made or proposed by who publishes.
            InvalidInput: The day is past, or not after the first day of a version that is published already.
            StepRefused: It is not proposed.
        """
        principal.require(Permission.RAS_PUBLISH)
        await self.versions.hold_numbers(principal.council_id)
        row = await self._locked(principal, version_id, form.version)
        if principal.user_id in (row.made_by_user_id, row.proposed_by_user_id):
            raise OwnProposal("Ask another person, of another role, to look at it.")
        if form.starts_on < today(clock_of(self.db)):
            raise InvalidInput({"starts_on": "The first day must be today or later: budgets of past days stay"})
        last = await self.versions.last_published(row.council_id)
        if last is not None and last.starts_on is not None and form.starts_on <= last.starts_on:
            words = f"Version {last.number} counts from {uk_date(last.starts_on)}. Choose a later day"
            raise InvalidInput({"starts_on": words})
        cases = await self.versions.cases(row)
        missing = self.missing(row, cases)
        if missing:
            raise InvalidInput({"starts_on": " ".join(missing)})
        await self._calibrate(row, cases)
        row.fingerprint = fingerprint(row, cases)
        row.starts_on = form.starts_on
        row.published_by_user_id, row.published_at = principal.user_id, clock_of(self.db).now()
        RAS.move(self.db, row, RasStatus.PUBLISHED, by=principal.user_id)
        if last is not None:
            last.ends_on = form.starts_on
        await self.db.flush()
        self._note(
            principal,
            "people.publish_ras",
            row,
            after={
                "starts_on": form.starts_on,
                "point_value_pence": str(row.point_value_pence),
                "fingerprint": row.fingerprint,
            },
        )
        outbox.publish(self.db, RasPublished(council_id=row.council_id, ras_version_id=row.id))
        return row

    def missing(self, row: RasVersion, cases: Sequence[RasCase]) -> list[str]:
        """Return what a version still needs before it can be proposed, a sentence each."""
        words = []
        if row.budget_pence <= 0:
            words.append("Enter the budget of a year.")
        if row.people_count <= 0:
            words.append("Enter how many people use support now.")
        if not cases:
            words.append("Upload a sample of cases.")
        elif len(cases) < LEAST_CASES:
            found = plural(len(cases), "case")
            words.append(f"The sample has {found}. A mean says little below {LEAST_CASES}.")
        lacking = lacks(row, cases)
        if lacking:
            named = ", ".join(f"“{label}”" for label in lacking)
            words.append(f"The sample has no points for {named}. Upload it again with these columns.")
        if not words and row.point_value_pence <= 0:
            words.append("A point has no value: look at the budget and the points of the sample.")
        return words

    async def _set_domains(self, principal: Principal, row: RasVersion, domains: list[dict[str, Any]]) -> None:
        before = {one["key"]: _total(one) for one in row.domains}
        row.domains = domains
        cases = await self.versions.cases(row)
        points = {one["key"]: {answer["key"]: answer["points"] for answer in one["answers"]} for one in domains}
        for case in cases:
            answers = {key: answer for key, answer in case.answers.items() if key in points}
            taken = {key: worth for key, worth in case.domain_points.items() if key in points}
            case.domain_points = {**taken, **{key: points[key][answer] for key, answer in answers.items()}}
            case.answers = answers
            case.points = sum(case.domain_points.values())
        await self._calibrate(row, cases)
        after = {one["key"]: _total(one) for one in domains}
        self._note(principal, "people.change_ras_domains", row, before=before, after=after)

    async def _keep_answers(self, row: RasVersion, key: str, kept: set[str]) -> None:
        """Refuse to drop an answer that cases of the sample gave: their points would be anybody's guess."""
        lost = sum(1 for case in await self.versions.cases(row) if case.answers.get(key, "") not in {"", *kept})
        if lost:
            words = f"{plural(lost, 'case')} of the sample gave an answer that is no longer here"
            raise InvalidInput({"answer_1": f"{words}. Keep the answer, or upload another sample first"})

    async def _calibrate(self, row: RasVersion, cases: Sequence[RasCase] | None = None) -> None:
        """Work out what a point is worth, as far as that can be said yet."""
        await self.db.flush()
        cases = await self.versions.cases(row) if cases is None else cases
        row.sample_count = len(cases)
        try:
            found = calibrate([case.points for case in cases], settings_of(row))
        except InvalidInput:
            # A draft that is not complete has no value; `missing` says what it needs.
            row.mean_points = row.total_points = row.point_value_pence = Decimal(0)
            row.allocatable_pence = row.protection_pence = 0
        else:
            row.mean_points, row.total_points = found.mean_points, found.total_points
            row.allocatable_pence, row.protection_pence = found.allocatable_pence, found.protection_pence
            row.point_value_pence = found.point_value_pence
        await self.db.flush()

    async def _own_draft(self, principal: Principal, version_id: UUID, version: int) -> RasVersion:
        principal.require(Permission.RAS_DRAFT)
        row = await self._locked(principal, version_id, version)
        if row.status is not RasStatus.DRAFT:
            raise RasFixed("Begin a new draft from it instead.")
        return row

    async def _locked(self, principal: Principal, version_id: UUID, version: int) -> RasVersion:
        row = await self.versions.find(principal.council_id, version_id, locked=True)
        if row.version != version:
            raise RasChanged("Open it again, look at what has changed, then make your change.")
        return row

    def _note(
        self,
        principal: Principal,
        action: str,
        row: RasVersion,
        *,
        before: dict[str, Any] | None = None,
        after: dict[str, Any] | None = None,
        why: str = "",
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=row.council_id,
            subject_kind="ras_version",
            subject_id=row.id,
            before=before,
            after=after,
            why=why,
        )


def lacks(row: RasVersion, cases: Sequence[RasCase]) -> list[str]:
    """Return labels of domains for which some case has no points."""
    return [one["label"] for one in row.domains if any(one["key"] not in case.domain_points for case in cases)]


def _total(domain: dict[str, Any]) -> list[int]:
    return [int(answer["points"]) for answer in domain["answers"]]
