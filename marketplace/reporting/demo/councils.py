"""Makes the councils: rows, settings, tariffs and the people who work there."""

from datetime import timedelta
from uuid import UUID

from marketplace.accounts.models import Council as CouncilRow
from marketplace.accounts.models import CouncilSetting
from marketplace.accounts.permissions import Role
from marketplace.payments.models import BankAccount, Tariff, TariffBook
from marketplace.payments.states import BookStatus
from marketplace.reporting.demo.book import Move
from marketplace.reporting.demo.content.councils import CouncilText
from marketplace.reporting.demo.world import Council, World


def make_council(world: World, text: CouncilText, number: int) -> Council:
    """Keep a council with its staff, settings, tariffs and bank account."""
    book, at = world.book, world.founded_at
    council_id = book.add(
        CouncilRow,
        at,
        slug=text.slug,
        name=text.name,
        short_name=text.short_name,
        lead_body=text.lead_body,
        district_codes=[district.code for district in text.districts],
        theme=text.theme,
        contact_phone=text.phone,
        contact_email=f"care@{text.slug}.example",
        created_at=at,
    )
    staff: dict[str, UUID] = {}
    for key, (name, role) in text.staff.items():
        staff[key] = world.user(f"{key}@{text.slug}.example", name, at, is_demo=True)
        world.member(staff[key], council_id, role, at)
    recorders = [staff["worker"]]
    for name in text.teams:
        user_id = world.user(f"{_mailbox(name)}@{text.slug}.example", name, at)
        world.member(user_id, council_id, Role.SOCIAL_WORKER, at)
        recorders.append(user_id)
    _settings(world, council_id, text, staff["admin"])
    tariffs = _tariffs(world, council_id, text, staff["finance"])
    book.add(
        BankAccount,
        at,
        organisation_id=None,
        council_id=council_id,
        account_name=f"{text.short_name} example",
        sort_code="000099",
        account_number=f"0000{number:04}",
        service_user_number=text.service_user_number,
        entered_by_user_id=staff["finance"],
        checked_by_user_id=staff["finance-checker"],
        live_from=at.date(),
        call_number_from="",
        call_spoke_to="",
        check_note="",
        created_at=at,
    )
    return Council(id=council_id, text=text, staff=staff, recorders=tuple(recorders), tariffs=tariffs)


def _settings(world: World, council_id: UUID, text: CouncilText, admin: UUID) -> None:
    for key, (value, source) in text.settings.items():
        setting_id = world.book.add(
            CouncilSetting,
            world.founded_at,
            council_id=council_id,
            key=key,
            value={"value": value},
            starts_on=world.founded_at.date(),
            source=source,
            set_by_user_id=admin,
            set_at=world.founded_at,
        )
        world.book.audit(
            council_id,
            world.founded_at + timedelta(minutes=5),
            "accounts.set_setting",
            "council_setting",
            setting_id,
            (admin, Role.ADMIN.value),
            after={"key": key, "value": value},
            why=source,
        )


def _tariffs(world: World, council_id: UUID, text: CouncilText, finance: UUID) -> dict[str, UUID]:
    """Keep the council's published price list: one book with a rule for each event. Returns rules by event."""
    at = world.founded_at
    book_id = world.book.add(
        TariffBook,
        at,
        council_id=council_id,
        framework_id=None,
        number=1,
        status=BookStatus.PUBLISHED,
        name=f"Prices of {text.short_name}",
        source=text.tariffs[0].source,
        starts_on=at.date(),
        ends_on=None,
        made_by_user_id=finance,
        made_at=at,
        published_by_user_id=finance,
        published_at=at,
        version=1,
    )
    moves: list[Move] = [(BookStatus.DRAFT, at, finance, ""), (BookStatus.PUBLISHED, at, finance, "")]
    world.book.steps("tariff_book", council_id, book_id, moves)
    return {
        tariff.event.value: world.book.add(
            Tariff,
            at,
            council_id=council_id,
            book_id=book_id,
            event=tariff.event,
            name=tariff.name,
            bands=[{"up_to_minutes": limit, "pence": pence} for limit, pence in tariff.bands],
            starts_on=at.date(),
            ends_on=None,
            source=tariff.source,
            stages=[],
            uplifts=[],
            once_months=tariff.once_months,
            vat_on_top=False,
            set_by_user_id=finance,
            set_at=at,
        )
        for tariff in text.tariffs
    }


def _mailbox(name: str) -> str:
    return name.lower().replace(" ", ".").replace("'", "")
