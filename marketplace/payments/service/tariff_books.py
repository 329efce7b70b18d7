"""Tariff books: written as a draft, priced on the past, published for days to come (C3)."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, time, timedelta
from uuid import UUID

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import flag_modified

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.council_settings import settings_of
from marketplace.core import outbox
from marketplace.core.clock import instant, local, today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput, NotFound
from marketplace.core.formats import uk_date
from marketplace.matching.models import Complexity
from marketplace.payments.book_preview import BookPreview, Past, preview
from marketplace.payments.errors import BookChanged, BookPublished
from marketplace.payments.events import TariffBookPublished
from marketplace.payments.models import Tariff, TariffBook, TariffEvent
from marketplace.payments.repository.tariff_books import TariffBookRepository
from marketplace.payments.repository.tariffs import TariffRepository
from marketplace.payments.rules import Circumstance, StageAt, month_source, months_after, months_between, stage_source
from marketplace.payments.service.accruals import REVIEW_COVERS
from marketplace.payments.service.tariffs import ACCRUE_PLAN, OLDEST_FIRST_DAY, price_of
from marketplace.payments.states import TARIFF_BOOK, BookStatus
from marketplace.payments.tariff_forms import BookForm, RuleForm
from marketplace.plans.models import ReviewKind

PREVIEW_MONTHS = (6, 12)


class TariffBookService:
    """The verbs of tariff books."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.books = TariffBookRepository(db)
        self.tariffs = TariffRepository(db)

    async def start(self, principal: Principal, form: BookForm) -> TariffBook:
        """Start a draft with the rules that count now, so that only what changes needs typing.

        Raises:
            Forbidden: The role may not.
            NotFound: Another council's framework.
        """
        principal.require(Permission.TARIFFS_SET)
        if form.framework_id and not await self.books.framework_name(principal.council_id, form.framework_id):
            raise NotFound
        await self.tariffs.hold(principal.council_id)
        book = TariffBook(
            council_id=principal.council_id,
            framework_id=form.framework_id,
            number=await self.tariffs.last_number(principal.council_id, form.framework_id) + 1,
            status=BookStatus.DRAFT,
            name=form.name,
            source=form.source,
            starts_on=form.starts_on,
            made_by_user_id=principal.user_id,
            made_at=self.clock.now(),
        )
        self.db.add(book)
        await self.db.flush()
        TARIFF_BOOK.begin(self.db, book, by=principal.user_id)
        for rule in await self._like(principal.council_id, form.framework_id):
            self.db.add(
                Tariff(
                    council_id=rule.council_id,
                    book_id=book.id,
                    event=rule.event,
                    name=rule.name,
                    bands=rule.bands,
                    stages=rule.stages or [],
                    uplifts=rule.uplifts or [],
                    once_months=rule.once_months,
                    vat_on_top=bool(rule.vat_on_top),
                    starts_on=book.starts_on,
                    source=form.source,
                    set_by_user_id=principal.user_id,
                    set_at=self.clock.now(),
                )
            )
        await self.db.flush()
        self._record(principal, "payments.start_tariff_book", book, {"name": book.name, "starts_on": book.starts_on})
        return book

    async def change(self, principal: Principal, book_id: UUID, form: BookForm, expected: int) -> TariffBook:
        """Change a draft's name, source and first day."""
        book = await self.draft(principal, book_id, expected)
        book.name, book.source, book.starts_on = form.name, form.source, form.starts_on or book.starts_on
        for rule in (await self.books.rules([book.id])).get(book.id, []):
            rule.starts_on, rule.source = book.starts_on, book.source
        await self.db.flush()
        self._record(principal, "payments.change_tariff_book", book, {"name": book.name, "starts_on": book.starts_on})
        return book

    async def set_rule(self, principal: Principal, book_id: UUID, form: RuleForm, expected: int) -> Tariff:
        """Put a rule into a draft, in place of the one for the same event."""
        book = await self.draft(principal, book_id, expected)
        rule = await self.books.rule(book.id, form.event)
        if rule is None:
            rule = Tariff(council_id=book.council_id, book_id=book.id, event=form.event, starts_on=book.starts_on)
            self.db.add(rule)
        rule.name, rule.source, rule.once_months = form.name, book.source, form.once_months
        rule.bands = [{"up_to_minutes": band.up_to_minutes, "pence": band.pence} for band in form.price.bands]
        rule.stages = msgspec.to_builtins(list(form.price.stages))
        rule.uplifts = msgspec.to_builtins(list(form.price.uplifts))
        rule.vat_on_top = form.price.vat_on_top
        rule.set_by_user_id, rule.set_at = principal.user_id, self.clock.now()
        self._touch(book)
        await self.db.flush()
        after = {"event": form.event, "bands": rule.bands, "stages": rule.stages, "uplifts": rule.uplifts}
        self._record(principal, "payments.set_tariff_rule", book, after)
        return rule

    async def remove_rule(self, principal: Principal, book_id: UUID, event: TariffEvent, expected: int) -> None:
        """Take a rule out of a draft: what it priced is not paid any more once the book counts."""
        book = await self.draft(principal, book_id, expected)
        rule = await self.books.rule(book.id, event)
        if rule is None:
            raise NotFound
        await self.db.delete(rule)
        self._touch(book)
        await self.db.flush()
        self._record(principal, "payments.remove_tariff_rule", book, {"event": event})

    async def drop(self, principal: Principal, book_id: UUID, expected: int) -> None:
        """Throw a draft away. Its number is given out again: nothing refers to it."""
        book = await self.draft(principal, book_id, expected)
        self._record(principal, "payments.drop_tariff_book", book, {"name": book.name})
        for rule in (await self.books.rules([book.id])).get(book.id, []):
            await self.db.delete(rule)
        await self.db.flush()
        await self.db.delete(book)
        await self.db.flush()

    async def check_start(self, book: TariffBook) -> None:
        """Refuse a first day that would change what finished work earns.

        A council's very first book may start in the past, up to a year: completed work waits for it.

        Raises:
            InvalidInput: On the field `starts_on`.
        """
        now = today(self.clock)
        latest = await self.books.latest(book.council_id, book.framework_id)
        council_s = latest or await self.books.latest(book.council_id, None)
        message = None
        if council_s is None and book.starts_on < now - OLDEST_FIRST_DAY:
            message = "The first day must not be more than a year ago"
        elif council_s is not None and book.starts_on <= now:
            message = "The first day must be tomorrow or later: what was completed before keeps the price of its day"
        elif latest is not None and book.starts_on <= latest.starts_on:
            message = f"A price list from {uk_date(latest.starts_on)} is published already. Choose a later day"
        elif book.starts_on > now + 2 * OLDEST_FIRST_DAY:
            message = "The first day must be within two years"
        if message:
            raise InvalidInput({"starts_on": message})

    async def publish(self, principal: Principal, book_id: UUID, expected: int) -> TariffBook:
        """Publish a draft: it counts from its first day, and the book before ends on that day.

        Two people who publish at the same moment come one after the other; the second is told what the first set.

        Raises:
            BookChanged: It was changed since the page was opened.
            BookPublished: Somebody published it before.
            InvalidInput: The day would change the past, or the book is empty.
        """
        principal.require(Permission.TARIFFS_SET)
        await self.tariffs.hold(principal.council_id)
        book = await self.draft(principal, book_id, expected)
        rules = (await self.books.rules([book.id])).get(book.id, [])
        if not rules:
            raise InvalidInput({"rules": "Add at least one price before you publish"})
        await self.check_start(book)
        for earlier in await self.books.ending(book.council_id, book.framework_id, book.starts_on):
            await self._end(principal, earlier, book.starts_on)
        for rule in rules:
            rule.starts_on, rule.source = book.starts_on, book.source
        # The rules are written while the book is a draft: the database keeps those of a published one as they are.
        await self.db.flush()
        book.published_by_user_id, book.published_at = principal.user_id, self.clock.now()
        TARIFF_BOOK.move(self.db, book, BookStatus.PUBLISHED, by=principal.user_id)
        await self.db.flush()
        after: dict[str, object] = {
            "name": book.name,
            "starts_on": book.starts_on,
            "framework_id": book.framework_id,
            "rules": [{"event": rule.event, "bands": rule.bands} for rule in rules],
        }
        self._record(principal, "payments.publish_tariff_book", book, after)
        for message_id in await self.tariffs.parked(book.council_id, ACCRUE_PLAN):
            await outbox.unpark(self.db, message_id, ACCRUE_PLAN)
        outbox.publish(self.db, TariffBookPublished(council_id=book.council_id, book_id=book.id))
        return book

    async def preview(
        self, principal: Principal, book: TariffBook, rules: Sequence[Tariff], months: int, wage_pence: int
    ) -> BookPreview:
        """Work out what a book would have cost on the work of the last months of those it is for.

        Args:
            principal: Who reads.
            book: A book of the own council.
            rules: Its rules.
            months: How far back.
            wage_pence: The legal wage that its fees are held against, pence an hour.
        """
        principal.require(Permission.TARIFFS_READ)
        until = today(self.clock) + timedelta(days=1)
        since = months_after(until, -months)
        return preview(
            {rule.event: price_of(rule) for rule in rules},
            {rule.event: rule.once_months for rule in rules if rule.once_months},
            sorted(await self._past(book, since, until), key=lambda item: (item.day, item.subject)),
            since=since,
            until=until,
            wage_pence=wage_pence,
        )

    async def draft(self, principal: Principal, book_id: UUID, expected: int) -> TariffBook:
        """Return a draft of the own council, locked.

        Raises:
            BookChanged: The page showed another state.
            BookPublished: It is no draft any more.
            NotFound: There is none, or it is another council's.
        """
        principal.require(Permission.TARIFFS_SET)
        book = await self.books.find(principal.council_id, book_id, locked=True)
        if book.status is not BookStatus.DRAFT:
            raise BookPublished("Start a new price list instead.")
        if book.version != expected:
            raise BookChanged("Load the page again to see what it says now.")
        return book

    async def _like(self, council_id: UUID, framework_id: UUID | None) -> list[Tariff]:
        """Return the rules a new draft starts from: those to come or in force, a framework's own before others."""
        for one in (framework_id, None):
            latest = await self.books.latest(council_id, one)
            day = max(today(self.clock), latest.starts_on) if latest else today(self.clock)
            found = await self.books.current_rules(council_id, one, day)
            if found:
                return found
        return []

    async def _end(self, principal: Principal, book: TariffBook, day: date) -> None:
        before = {"ends_on": book.ends_on}
        book.ends_on = day
        for rule in (await self.books.rules([book.id])).get(book.id, []):
            if rule.ends_on is None or rule.ends_on > day:
                rule.ends_on = day
        self._record(principal, "payments.end_tariff_book", book, {"ends_on": day}, before)

    async def _past(self, book: TariffBook, since: date, until: date) -> list[Past]:
        """Return what happened to those whom a book is for."""
        council_id = book.council_id
        frameworks = await self.books.frameworks_of(council_id, today(self.clock))
        own = await self.books.with_own_book(council_id, today(self.clock))

        def is_for(organisation_id: UUID) -> bool:
            under = frameworks.get(organisation_id)
            if book.framework_id is not None:
                return under == book.framework_id
            return under not in own

        paid = await self.books.paid(council_id, since, until)
        settings = await settings_of(self.db, council_id, book.starts_on)
        rural, counts_first = settings["payments.rural_areas"], settings["payments.first_review_earns"]
        found = []
        reviews = await self.books.held_reviews(council_id, since - REVIEW_COVERS, until)
        for case, at in await self.books.completed(council_id, instant(since, time(0)), instant(until, time(0))):
            if not is_for(case.organisation_id):
                continue
            day = local(at).date()
            sources = [case.version_id, *(stage_source(case.version_id, stage) for stage in StageAt)]
            is_later = case.number > 1
            after_review = is_later and any(
                item.plan_id == case.plan_id and day - REVIEW_COVERS <= item.held_on <= day for item in reviews
            )
            plans = (TariffEvent.REPLAN, TariffEvent.PLAN_COMPLETED) if is_later else (TariffEvent.PLAN_COMPLETED,)
            found.append(
                Past(
                    events=plans,
                    subject=case.person_id,
                    day=day,
                    minutes=case.visit_minutes,
                    circumstances=case.circumstances(rural),
                    paid_pence=sum(paid.get(source, 0) for source in sources),
                    covered_by=TariffEvent.REVIEW_HELD if after_review else None,
                )
            )
        found += [
            Past(
                events=(TariffEvent.REVIEW_HELD,),
                subject=review.person_id,
                day=review.held_on,
                paid_pence=paid.get(review.review_id, 0),
            )
            for review in reviews
            if review.held_on >= since
            and is_for(review.organisation_id)
            and (counts_first or review.kind is not ReviewKind.WELFARE_CHECK)
        ]
        return found + await self._rest_of_past(book, since, until, paid, rural, is_for)

    async def _rest_of_past(
        self,
        book: TariffBook,
        since: date,
        until: date,
        paid: dict[UUID, int],
        rural: dict[str, list[str]],
        is_for: Callable[[UUID], bool],
    ) -> list[Past]:
        """Return the months of money management and the claims."""
        found = []
        for row in await self.books.arrangements(book.council_id, since, until):
            found += [
                Past(
                    events=(TariffEvent.MONEY_MANAGEMENT_MONTH,),
                    subject=row.person_id,
                    day=month.ends_on,
                    part=(month.ran, month.days),
                    paid_pence=paid.get(month_source(row.id, month.first), 0),
                )
                for month in months_between(row.starts_on, row.ends_on, until)
                if month.ends_on > since and is_for(row.organisation_id)
            ]
        for claim_id, event, organisation_id, plan_id, minutes, complexity, postcode in await self.books.agreed_claims(
            book.council_id, since, until
        ):
            if is_for(organisation_id):
                places = {one for one in Circumstance if (postcode or "").split(" ")[0] in rural.get(one, ())}
                case = {Circumstance.COMPLEX} if complexity is Complexity.COMPLEX else set()
                found.append(
                    Past(
                        events=(event,),
                        subject=plan_id,
                        day=since,
                        minutes=minutes,
                        circumstances=frozenset(places | case),
                        paid_pence=paid.get(claim_id, 0),
                    )
                )
        return found

    def _touch(self, book: TariffBook) -> None:
        """Let the draft's version move when only its rules changed."""
        book.made_at = self.clock.now()
        flag_modified(book, "made_at")

    def _record(
        self,
        principal: Principal,
        action: str,
        book: TariffBook,
        after: Mapping[str, object],
        before: Mapping[str, object] | None = None,
    ) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=book.council_id,
            subject_kind="tariff_book",
            subject_id=book.id,
            before=dict(before) if before else None,
            after=dict(after),
        )
