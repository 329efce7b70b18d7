"""Setting tariffs: dated, never retroactive, previewed."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from marketplace.accounts import Permission, Principal, audit
from marketplace.accounts.law import least_wage
from marketplace.core import outbox
from marketplace.core.clock import today
from marketplace.core.database import clock_of
from marketplace.core.errors import InvalidInput
from marketplace.core.formats import pounds, uk_date
from marketplace.payments.bands import Band, fee_for, is_below_wage, read_bands, wage_lines
from marketplace.payments.events import TariffBookPublished
from marketplace.payments.models import Tariff, TariffBook, TariffEvent
from marketplace.payments.repository.tariff_books import TariffBookRepository
from marketplace.payments.repository.tariffs import SERVICE_OF, TariffRepository
from marketplace.payments.rules import Price
from marketplace.payments.schemas import TariffForm, TariffPreview
from marketplace.payments.states import TARIFF_BOOK, BookStatus

ACCRUE_PLAN = "payments.accrue_plan"
"""Name of the task that turns a signed-off plan into money."""

OLDEST_FIRST_DAY = timedelta(days=366)


async def rule_on(
    db: AsyncSession, council_id: UUID, organisation_id: UUID, event: TariffEvent, day: date
) -> Tariff | None:
    """Return the rule that prices an event of an organisation on a day, or None where nothing is paid for it.

    The day is that of completion, whenever it is asked (C3). The book of the framework under which the organisation was
    accredited on that day goes before the council's own.
    """
    tariffs = TariffRepository(db)
    framework_id = await tariffs.framework_of(council_id, organisation_id, SERVICE_OF[event], day)
    return await tariffs.on(council_id, event, day, framework_id)


def price_of(tariff: Tariff) -> Price:
    """Read a stored rule as it prices."""
    return Price.read(tariff.bands, tariff.stages or (), tariff.uplifts or (), vat_on_top=bool(tariff.vat_on_top))


def price_words(rule: Tariff) -> str:
    """Write a rule's fee in a line: one sum, or the lowest to the highest."""
    fees = sorted(band.pence for band in read_bands(rule.bands))
    words = pounds(fees[0]) if fees[0] == fees[-1] else f"{pounds(fees[0])} to {pounds(fees[-1])}"
    return f"up to {words}" if rule.event is TariffEvent.GRANT else words


class TariffService:
    """The verbs of tariffs."""

    def __init__(self, db: AsyncSession) -> None:
        self.db = db
        self.clock = clock_of(db)
        self.tariffs = TariffRepository(db)

    async def preview(self, principal: Principal, bands: tuple[Band, ...], starts_on: date) -> TariffPreview:
        """Work out what bands would have cost for plans completed in the last six months.

        Plans count by the day they were completed and by their recorded time; the legal wage is the one that holds on
        the first day of the tariff.
        """
        principal.require(Permission.TARIFFS_READ)
        until = today(self.clock) + timedelta(days=1)
        since = _months_before(until, 6)
        wage_pence = await least_wage(self.db, principal.council_id, starts_on)
        rows = await self.tariffs.plans_by_minutes(principal.council_id, since, until)
        fees = [(minutes, plans, fee_for(bands, minutes)) for minutes, plans, _ in rows]
        return TariffPreview(
            since=since,
            until=until,
            plans=sum(plans for _, plans, _ in fees),
            paid_pence=sum(int(paid) for _, _, paid in rows),
            would_pence=sum(plans * fee for _, plans, fee in fees),
            short_plans=sum(plans for minutes, plans, fee in fees if is_below_wage(fee, minutes, wage_pence)),
            longest_minutes=max((minutes for minutes, _, _ in fees), default=0),
            wage_pence=wage_pence,
            wage_lines=wage_lines(bands, wage_pence),
        )

    async def check_start(self, principal: Principal, starts_on: date) -> Tariff | None:
        """Refuse a first day that would change what finished work earns. Returns the tariff that will end.

        The very first tariff may start in the past: plans that were completed without one wait for it.

        Raises:
            InvalidInput: On the field `starts_on`.
        """
        now = today(self.clock)
        latest = await self.tariffs.latest(principal.council_id, TariffEvent.PLAN_COMPLETED)
        message = None
        if latest is None:
            if starts_on < now - OLDEST_FIRST_DAY:
                message = "The first day must not be more than a year ago"
        elif starts_on <= now:
            message = "The first day must be tomorrow or later: plans completed before keep the tariff of their day"
        else:
            book = await TariffBookRepository(self.db).latest(principal.council_id, None)
            last_on = max(latest.starts_on, book.starts_on if book else latest.starts_on)
            if starts_on <= last_on:
                message = f"A tariff from {uk_date(last_on)} is set already. Choose a later day"
        if starts_on > now + 2 * OLDEST_FIRST_DAY:
            message = "The first day must be within two years"
        if message:
            raise InvalidInput({"starts_on": message})
        return latest

    async def set(self, principal: Principal, form: TariffForm) -> Tariff:
        """Set a tariff from a day on; the one before ends on that day.

        Work that was parked because no tariff covered its day is tried again.

        Raises:
            Forbidden: The role may not.
            InvalidInput: The day would change the past, or lies before another tariff.
        """
        principal.require(Permission.TARIFFS_SET)
        council_id = principal.council_id
        await self.tariffs.hold(council_id)
        await self.check_start(principal, form.starts_on)
        books = TariffBookRepository(self.db)
        carried = [
            rule
            for rule in await books.current_rules(council_id, None, form.starts_on)
            if rule.event is not TariffEvent.PLAN_COMPLETED
        ]
        for earlier in await books.ending(council_id, None, form.starts_on):
            earlier.ends_on = form.starts_on
            for rule in (await books.rules([earlier.id])).get(earlier.id, []):
                if rule.ends_on is None or rule.ends_on > form.starts_on:
                    before: dict[str, object] = {"ends_on": rule.ends_on}
                    rule.ends_on = form.starts_on
                    after: dict[str, object] = {"ends_on": form.starts_on}
                    self._record(principal, "payments.end_tariff", rule.id, before=before, after=after)
        book = TariffBook(
            council_id=council_id,
            number=await self.tariffs.last_number(council_id, None) + 1,
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
        tariff = Tariff(
            council_id=council_id,
            book_id=book.id,
            event=TariffEvent.PLAN_COMPLETED,
            name=form.name,
            bands=[{"up_to_minutes": band.up_to_minutes, "pence": band.pence} for band in form.bands],
            starts_on=form.starts_on,
            source=form.source,
            set_by_user_id=principal.user_id,
            set_at=self.clock.now(),
        )
        self.db.add(tariff)
        # A book is whole: what else is paid for goes on at its price.
        for rule in carried:
            values = rule.to_dict(exclude={"id", "book_id", "starts_on", "ends_on", "set_by_user_id", "set_at"})
            by = {"set_by_user_id": principal.user_id, "set_at": self.clock.now()}
            self.db.add(Tariff(**values, **by, book_id=book.id, starts_on=form.starts_on))
        await self.db.flush()
        book.published_by_user_id, book.published_at = principal.user_id, self.clock.now()
        TARIFF_BOOK.move(self.db, book, BookStatus.PUBLISHED, by=principal.user_id)
        await self.db.flush()
        after = {
            "name": form.name,
            "starts_on": form.starts_on,
            "bands": tariff.bands,
            "source": form.source,
        }
        self._record(principal, "payments.set_tariff", tariff.id, after=after)
        for message_id in await self.tariffs.parked(council_id, ACCRUE_PLAN):
            await outbox.unpark(self.db, message_id, ACCRUE_PLAN)
        outbox.publish(self.db, TariffBookPublished(council_id=council_id, book_id=book.id))
        return tariff

    async def wage_warnings(self, principal: Principal, tariffs: list[Tariff]) -> dict[UUID, TariffPreview]:
        """Return the preview of each tariff that stands or is to come, so that the page can warn."""
        now = today(self.clock)
        live = [tariff for tariff in tariffs if tariff.ends_on is None or tariff.ends_on > now]
        return {
            tariff.id: await self.preview(principal, read_bands(tariff.bands), max(tariff.starts_on, now))
            for tariff in live[:3]
        }

    def _record(self, principal: Principal, action: str, tariff_id: UUID, **values: dict[str, object]) -> None:
        audit.record(
            self.db,
            principal,
            action,
            council_id=principal.council_id,
            subject_kind="tariff",
            subject_id=tariff_id,
            before=values.get("before"),
            after=values.get("after"),
        )


def _months_before(day: date, months: int) -> date:
    """Return the same day some months earlier, the 28th at the latest."""
    whole = day.year * 12 + day.month - 1 - months
    return date(whole // 12, whole % 12 + 1, min(day.day, 28))
