"""Bookings: agreements, weekly patterns, the day of a visit, employment, direct-payment accounts, cards, talk.

Revision: 0010
After: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BOOKING_BEFORE = (
    "awaiting_payment",
    "requested",
    "accepted",
    "claimed",
    "approved",
    "disputed",
    "declined",
    "cancelled",
)
BOOKING_NOW = (
    "awaiting_payment",
    "requested",
    "planned",
    "accepted",
    "in_progress",
    "claimed",
    "approved",
    "part_approved",
    "disputed",
    "declined",
    "cancelled",
    "no_show",
)
CARD_BEFORE = ("created", "open", "paid", "failed", "expired", "refunding", "refunded")
CARD_NOW = (*CARD_BEFORE, "disputed", "lost")
PURPOSES_BEFORE = (
    "plan_spend",
    "direct_payment_spend",
    "direct_payment",
    "contributions",
    "accrued",
    "payable",
    "bank_clearing",
    "stripe_clearing",
    "card_received",
)
PURPOSES_NOW = (
    *PURPOSES_BEFORE,
    "card_disputed",
    "person_owes",
    "person_paid",
    "fund_drawn",
    "wages_due",
    "wages_sent",
)
ROLES_BEFORE = (
    "person",
    "representative",
    "planner",
    "provider",
    "pa",
    "social_worker",
    "broker",
    "quality_checker",
    "accreditor",
    "finance",
    "finance_checker",
    "manager",
    "admin",
)
ROLES_NOW = (*ROLES_BEFORE[:5], "care_worker", *ROLES_BEFORE[5:])
CHANNELS_BEFORE = ("email", "text", "letter")
CHANNELS_NOW = (*CHANNELS_BEFORE, "call")

CHOICES = (
    ("bookings", "booking_status", "status", BOOKING_BEFORE, BOOKING_NOW),
    ("card_payments", "card_status", "status", CARD_BEFORE, CARD_NOW),
    ("ledger_accounts", "purpose", "purpose", PURPOSES_BEFORE, PURPOSES_NOW),
    ("memberships", "role", "role", ROLES_BEFORE, ROLES_NOW),
    ("messages", "channel", "channel", CHANNELS_BEFORE, CHANNELS_NOW),
)
"""Columns whose allowed values change: table, name of the choice, column, values before and now."""

CHECKS = (
    ("bookings", "top_up", "top_up_pence BETWEEN 0 AND cost_pence"),
    ("bookings", "approved", "approved_pence BETWEEN 0 AND cost_pence"),
    ("bookings", "workers", "workers_needed BETWEEN 0 AND 2"),
    ("bookings", "travel", "travel_minutes BETWEEN 0 AND 120"),
    ("bookings", "pattern", "(pattern_id IS NULL) = (pattern_on IS NULL)"),
    ("card_payments", "dispute", "disputed_pence BETWEEN 0 AND amount_pence"),
    ("card_payments", "return", "return_pence BETWEEN 0 AND amount_pence"),
    ("card_payments", "subject", "(booking_id IS NULL) = (purpose = 'visits')"),
    ("listings", "session_places", "session_places BETWEEN 1 AND 500"),
)


def _allow(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


VISIT_PROPOSALS_OPEN = (
    ("ix_visit_proposals_open", "answer_by", False),
    ("uq_visit_proposals_open_pattern", "pattern_id", True),
    ("uq_visit_proposals_open_visit", "booking_id", True),
)
"""Indexes over proposals that wait for an answer: name, column, whether there is one at most."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "law_rates",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.BigInteger(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_law_rates")),
        sa.UniqueConstraint("key", "starts_on", name=op.f("uq_law_rates_key_starts_on")),
    )
    op.create_table(
        "stripe_balance_lines",
        sa.Column("stripe_account_id", sa.Text(), nullable=False),
        sa.Column("external_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=False),
        sa.Column("payment_intent_id", sa.Text(), nullable=False),
        sa.Column("noted_council_id", sa.Uuid(), nullable=True),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("fee_pence", sa.BigInteger(), nullable=False),
        sa.Column("net_pence", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stripe_balance_lines")),
        sa.UniqueConstraint("external_id", name=op.f("uq_stripe_balance_lines_external_id")),
    )
    op.create_index(
        "ix_stripe_balance_lines_account", "stripe_balance_lines", ["stripe_account_id", "created_at"], unique=False
    )
    op.create_index("ix_stripe_balance_lines_intent", "stripe_balance_lines", ["payment_intent_id"], unique=False)
    op.create_table(
        "card_reconciliations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("ledger_pence", sa.BigInteger(), nullable=False),
        sa.Column("stripe_pence", sa.BigInteger(), nullable=False),
        sa.Column("fee_pence", sa.BigInteger(), nullable=False),
        sa.Column("matched", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unread_why", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_card_reconciliations_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_reconciliations")),
        sa.UniqueConstraint("council_id", "on_day", name=op.f("uq_card_reconciliations_council_id_on_day")),
    )
    op.create_table(
        "alert_contacts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_alert_contacts_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_alert_contacts_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_contacts")),
    )
    op.create_index("ix_alert_contacts_person", "alert_contacts", ["person_id"], unique=False)
    op.create_table(
        "approval_rules",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("remind_days", sa.Integer(), nullable=False),
        sa.Column("act_days", sa.Integer(), nullable=False),
        sa.Column(
            "action",
            sa.Enum(
                "ask",
                "approve_recorded",
                "approve",
                name="silence_action",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("set_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "remind_days BETWEEN 1 AND 30 AND act_days BETWEEN 1 AND 60", name=op.f("ck_approval_rules_days")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_approval_rules_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_approval_rules_person_id")),
        sa.ForeignKeyConstraint(["set_by_user_id"], ["users.id"], name=op.f("fk_approval_rules_set_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_rules")),
        sa.UniqueConstraint("council_id", "person_id", name=op.f("uq_approval_rules_council_id_person_id")),
    )
    op.create_table(
        "contact_preferences",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "email", "text", "letter", "call", name="channel", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "urgent_channel",
            sa.Enum(
                "email",
                "text",
                "letter",
                "call",
                name="urgent_channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("quiet_from_hour", sa.Integer(), nullable=False),
        sa.Column("quiet_until_hour", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "quiet_from_hour BETWEEN 0 AND 23 AND quiet_until_hour BETWEEN 0 AND 23",
            name=op.f("ck_contact_preferences_quiet"),
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_contact_preferences_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_contact_preferences_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_preferences")),
        sa.UniqueConstraint("council_id", "person_id", name=op.f("uq_contact_preferences_council_id_person_id")),
    )
    op.create_table(
        "direct_payment_arrangements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "holding",
            sa.Enum(
                "council_held",
                "own_account",
                "prepaid_card",
                "provider_managed",
                name="holding",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("set_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(holding = 'provider_managed') = (organisation_id IS NOT NULL)",
            name=op.f("ck_direct_payment_arrangements_managed_by"),
        ),
        sa.CheckConstraint(
            "ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_direct_payment_arrangements_period")
        ),
        sa.ForeignKeyConstraint(
            ["council_id"], ["councils.id"], name=op.f("fk_direct_payment_arrangements_council_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_direct_payment_arrangements_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_direct_payment_arrangements_person_id")),
        sa.ForeignKeyConstraint(
            ["set_by_user_id"], ["users.id"], name=op.f("fk_direct_payment_arrangements_set_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_payment_arrangements")),
        sa.UniqueConstraint("person_id", "starts_on", name=op.f("uq_direct_payment_arrangements_person_id_starts_on")),
    )
    op.create_table(
        "direct_payment_audits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "asked",
                "answered",
                "closed",
                name="audit_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("risk_points", sa.Integer(), nullable=False),
        sa.Column(
            "risk_reasons", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("spent_pence", sa.BigInteger(), nullable=False),
        sa.Column("proven_pence", sa.BigInteger(), nullable=False),
        sa.Column("surplus_pence", sa.BigInteger(), nullable=False),
        sa.Column("reclaim_pence", sa.BigInteger(), nullable=False),
        sa.Column("instalments", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("opened_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("closed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_direct_payment_audits_period")),
        sa.CheckConstraint("instalments BETWEEN 1 AND 60", name=op.f("ck_direct_payment_audits_instalments")),
        sa.CheckConstraint(
            "surplus_pence >= 0 AND reclaim_pence BETWEEN 0 AND surplus_pence",
            name=op.f("ck_direct_payment_audits_surplus"),
        ),
        sa.ForeignKeyConstraint(
            ["closed_by_user_id"], ["users.id"], name=op.f("fk_direct_payment_audits_closed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_direct_payment_audits_council_id")),
        sa.ForeignKeyConstraint(
            ["opened_by_user_id"], ["users.id"], name=op.f("fk_direct_payment_audits_opened_by_user_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_direct_payment_audits_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_payment_audits")),
    )
    op.create_index(
        "ix_direct_payment_audits_council", "direct_payment_audits", ["council_id", "status", "opened_at"], unique=False
    )
    op.create_index(
        "ix_direct_payment_audits_person", "direct_payment_audits", ["person_id", "opened_at"], unique=False
    )
    op.create_table(
        "money_asks",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "agreed",
                "refused",
                name="ask_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("is_weekly", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_money_asks_amount")),
        sa.ForeignKeyConstraint(["answered_by_user_id"], ["users.id"], name=op.f("fk_money_asks_answered_by_user_id")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_money_asks_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_money_asks_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_money_asks_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_asks")),
    )
    op.create_index("ix_money_asks_council", "money_asks", ["council_id", "status", "asked_at"], unique=False)
    op.create_index("ix_money_asks_person", "money_asks", ["person_id", "asked_at"], unique=False)
    op.create_table(
        "money_movements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "council_share",
                "contribution",
                "one_off",
                "payment",
                "refund",
                "reclaim",
                "correction",
                name="movement_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_in", sa.Boolean(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("payee", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column(
            "match",
            sa.Enum(
                "matched",
                "partly",
                "unmatched",
                "not_needed",
                name="match",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("budget_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_money_movements_amount")),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name=op.f("fk_money_movements_budget_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_money_movements_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_money_movements_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_money_movements_person_id")),
        sa.ForeignKeyConstraint(
            ["recorded_by_user_id"], ["users.id"], name=op.f("fk_money_movements_recorded_by_user_id")
        ),
        sa.ForeignKeyConstraint(["reverses_id"], ["money_movements.id"], name=op.f("fk_money_movements_reverses_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_movements")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_money_movements_reverses_id")),
    )
    op.create_index(
        "ix_money_movements_person", "money_movements", ["council_id", "person_id", "happened_on"], unique=False
    )
    op.create_index(
        "uq_money_movements_payday",
        "money_movements",
        ["budget_id", "happened_on"],
        unique=True,
        postgresql_where=sa.text("budget_id IS NOT NULL"),
    )
    op.create_table(
        "threads",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("person_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_threads_council_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_threads_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_threads_person_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_threads_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threads")),
        sa.UniqueConstraint("subject_kind", "subject_id", name=op.f("uq_threads_subject_kind_subject_id")),
    )
    op.create_index("ix_threads_organisation", "threads", ["organisation_id", "updated_at"], unique=False)
    op.create_index("ix_threads_person", "threads", ["council_id", "person_id", "updated_at"], unique=False)
    op.create_table(
        "back_ups",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("position > 0", name=op.f("ck_back_ups_position")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_back_ups_council_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_back_ups_listing_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_back_ups_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_back_ups")),
        sa.UniqueConstraint(
            "person_id", "position", deferrable=True, initially="DEFERRED", name=op.f("uq_back_ups_person_id_position")
        ),
    )
    op.create_table(
        "calendar_feeds",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("membership_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(person_id IS NULL) <> (worker_id IS NULL)", name=op.f("ck_calendar_feeds_one_owner")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_calendar_feeds_council_id")),
        sa.ForeignKeyConstraint(["membership_id"], ["memberships.id"], name=op.f("fk_calendar_feeds_membership_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_calendar_feeds_person_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_calendar_feeds_user_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_calendar_feeds_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feeds")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_calendar_feeds_secret_hash")),
    )
    op.create_index("ix_calendar_feeds_user", "calendar_feeds", ["user_id"], unique=False)
    op.create_table(
        "representations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("membership_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("relationship", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "helper",
                "nominated",
                "authorised",
                "attorney",
                "deputy",
                name="representative_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "invited",
                "to_check",
                "live",
                "declined",
                "refused",
                "revoked",
                "ended",
                name="representation_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("evidence_note", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("invitation_hash", sa.LargeBinary(), nullable=True),
        sa.Column("invitation_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("checked_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "checked_by_user_id IS NULL OR checked_by_user_id <> asked_by_user_id",
            name=op.f("ck_representations_other_checker"),
        ),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_representations_period")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_representations_asked_by_user_id")),
        sa.ForeignKeyConstraint(
            ["checked_by_user_id"], ["users.id"], name=op.f("fk_representations_checked_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_representations_council_id")),
        sa.ForeignKeyConstraint(["ended_by_user_id"], ["users.id"], name=op.f("fk_representations_ended_by_user_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_representations_file_id")),
        sa.ForeignKeyConstraint(["membership_id"], ["memberships.id"], name=op.f("fk_representations_membership_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_representations_person_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_representations_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_representations")),
        sa.UniqueConstraint("invitation_hash", name=op.f("uq_representations_invitation_hash")),
        sa.UniqueConstraint("membership_id", name=op.f("uq_representations_membership_id")),
    )
    op.create_index(
        "ix_representations_ending",
        "representations",
        ["ends_on"],
        unique=False,
        postgresql_where=sa.text("status = 'live'"),
    )
    op.create_index("ix_representations_person", "representations", ["council_id", "person_id", "status"], unique=False)
    op.create_index("ix_representations_user", "representations", ["user_id"], unique=False)
    op.create_table(
        "support_agreements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column(
            "funding",
            sa.Enum("direct_payment", "card", name="funding", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "relation",
            sa.Enum(
                "none",
                "partner",
                "close_relative",
                "other_relative",
                name="relation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("lives_with", sa.Boolean(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "offered",
                "agreed",
                "ended",
                "declined",
                "withdrawn",
                name="agreement_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "written_by",
            sa.Enum("person", "provider", name="side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column(
            "notice_by",
            sa.Enum("person", "provider", name="notice_by", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("notice_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_before_death_on", sa.Date(), nullable=True),
        sa.Column("planned_until", sa.Date(), nullable=True),
        sa.Column("not_planned_why", sa.Text(), nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_support_agreements_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_support_agreements_council_id")),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"], ["users.id"], name=op.f("fk_support_agreements_created_by_user_id")
        ),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_support_agreements_listing_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_support_agreements_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_support_agreements_person_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_support_agreements_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_agreements")),
        sa.UniqueConstraint("council_id", "reference", name=op.f("uq_support_agreements_council_id_reference")),
    )
    op.create_index(
        "ix_support_agreements_organisation", "support_agreements", ["organisation_id", "status"], unique=False
    )
    op.create_index(
        "ix_support_agreements_person", "support_agreements", ["council_id", "person_id", "status"], unique=False
    )
    op.create_index(
        "ix_support_agreements_running",
        "support_agreements",
        ["council_id"],
        unique=False,
        postgresql_where=sa.text("status = 'agreed'"),
    )
    op.create_table(
        "thread_messages",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("thread_id", sa.Uuid(), nullable=False),
        sa.Column("is_providers", sa.Boolean(), nullable=False),
        sa.Column("written_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("acting_for", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_because", sa.Text(), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("report_settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_thread_messages_council_id")),
        sa.ForeignKeyConstraint(["thread_id"], ["threads.id"], name=op.f("fk_thread_messages_thread_id")),
        sa.ForeignKeyConstraint(
            ["written_by_user_id"], ["users.id"], name=op.f("fk_thread_messages_written_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thread_messages")),
    )
    op.create_index(
        "ix_thread_messages_reported",
        "thread_messages",
        ["council_id"],
        unique=False,
        postgresql_where=sa.text("reported_because <> ''"),
    )
    op.create_index("ix_thread_messages_thread", "thread_messages", ["thread_id", "written_at", "id"], unique=False)
    op.create_table(
        "agreement_pauses",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "hospital", "holiday", "other", name="pause_kind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column(
            "made_by",
            sa.Enum("person", "provider", name="side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_agreement_pauses_period")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["support_agreements.id"], name=op.f("fk_agreement_pauses_agreement_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_agreement_pauses_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_agreement_pauses_made_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_pauses")),
    )
    op.create_index("ix_agreement_pauses_agreement", "agreement_pauses", ["agreement_id", "starts_on"], unique=False)
    op.create_table(
        "agreement_terms",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "offered",
                "agreed",
                "declined",
                "withdrawn",
                "lapsed",
                name="terms_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "offered_by",
            sa.Enum("person", "provider", name="side", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "price_unit",
            sa.Enum(
                "free",
                "hour",
                "visit",
                "session",
                "week",
                "plan",
                "once",
                name="price_unit",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("notice_days", sa.Integer(), nullable=False),
        sa.Column("free_cancel_hours", sa.Integer(), nullable=False),
        sa.Column("late_cancel_percent", sa.Integer(), nullable=False),
        sa.Column("retainer_percent", sa.Integer(), nullable=False),
        sa.Column("retainer_days", sa.Integer(), nullable=False),
        sa.Column(
            "pay_basis",
            sa.Enum(
                "planned", "actual", "capped", name="pay_basis", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("tolerance_minutes", sa.Integer(), nullable=False),
        sa.Column("second_worker_percent", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=True),
        sa.Column("weekly_before_pence", sa.BigInteger(), nullable=True),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=True),
        sa.Column("working", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("person_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("person_signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("person_signature", sa.Text(), nullable=False),
        sa.Column("provider_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("provider_signature", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status <> 'agreed' OR (person_signed_at IS NOT NULL AND provider_signed_at IS NOT NULL)",
            name=op.f("ck_agreement_terms_both_signed"),
        ),
        sa.CheckConstraint("free_cancel_hours BETWEEN 0 AND 720", name=op.f("ck_agreement_terms_free_cancel")),
        sa.CheckConstraint(
            "late_cancel_percent BETWEEN 0 AND 100 AND retainer_percent BETWEEN 0 AND 100",
            name=op.f("ck_agreement_terms_percentages"),
        ),
        sa.CheckConstraint("notice_days BETWEEN 0 AND 365", name=op.f("ck_agreement_terms_notice")),
        sa.CheckConstraint("number > 0", name=op.f("ck_agreement_terms_number")),
        sa.CheckConstraint("second_worker_percent BETWEEN 0 AND 100", name=op.f("ck_agreement_terms_second_worker")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["support_agreements.id"], name=op.f("fk_agreement_terms_agreement_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_agreement_terms_council_id")),
        sa.ForeignKeyConstraint(
            ["person_signed_by_user_id"], ["users.id"], name=op.f("fk_agreement_terms_person_signed_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["provider_signed_by_user_id"], ["users.id"], name=op.f("fk_agreement_terms_provider_signed_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_terms")),
        sa.UniqueConstraint("agreement_id", "number", name=op.f("uq_agreement_terms_agreement_id_number")),
    )
    op.create_index(
        "ix_agreement_terms_open",
        "agreement_terms",
        ["answer_by"],
        unique=False,
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.create_table(
        "employments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("agreement_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("born_on", sa.Date(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "preparing",
                "running",
                "ended",
                name="employment_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "work_status",
            sa.Enum(
                "employed", "self_employed", name="work_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "relation",
            sa.Enum(
                "none",
                "partner",
                "close_relative",
                "other_relative",
                name="relation",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("lives_with", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("weekly_minutes", sa.Integer(), nullable=False),
        sa.Column("wage_pence", sa.BigInteger(), nullable=False),
        sa.Column("weeks_a_year", sa.Integer(), nullable=False),
        sa.Column("days_a_week", sa.Integer(), nullable=False),
        sa.Column("sick_days", sa.Integer(), nullable=False),
        sa.Column(
            "pay_every",
            sa.Enum(
                "week", "four_weeks", "month", name="pay_every", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "holiday_method",
            sa.Enum(
                "weeks",
                "accrued",
                "rolled_up",
                name="holiday_method",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("claims_allowance", sa.Boolean(), nullable=False),
        sa.Column("other_wages_pence", sa.BigInteger(), nullable=False),
        sa.Column("insurance_pence", sa.BigInteger(), nullable=False),
        sa.Column("payroll_pence", sa.BigInteger(), nullable=False),
        sa.Column("training_pence", sa.BigInteger(), nullable=False),
        sa.Column("recruitment_pence", sa.BigInteger(), nullable=False),
        sa.Column("payroll_by", sa.Text(), nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "days_a_week BETWEEN 1 AND 7 AND sick_days BETWEEN 0 AND 260", name=op.f("ck_employments_days")
        ),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_employments_period")),
        sa.CheckConstraint("wage_pence >= 0", name=op.f("ck_employments_wage")),
        sa.CheckConstraint("weekly_minutes BETWEEN 0 AND 10080", name=op.f("ck_employments_weekly_minutes")),
        sa.ForeignKeyConstraint(["agreement_id"], ["support_agreements.id"], name=op.f("fk_employments_agreement_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_employments_council_id")),
        sa.ForeignKeyConstraint(["created_by_user_id"], ["users.id"], name=op.f("fk_employments_created_by_user_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_employments_person_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_employments_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employments")),
    )
    op.create_index("ix_employments_person", "employments", ["council_id", "person_id"], unique=False)
    op.create_index("ix_employments_worker", "employments", ["worker_id"], unique=False)
    op.create_table(
        "thread_files",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("message_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_thread_files_council_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_thread_files_file_id")),
        sa.ForeignKeyConstraint(["message_id"], ["thread_messages.id"], name=op.f("fk_thread_files_message_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_thread_files")),
    )
    op.create_index("ix_thread_files_message", "thread_files", ["message_id"], unique=False)
    op.create_table(
        "visit_patterns",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_local", sa.Time(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("every_weeks", sa.Integer(), nullable=False),
        sa.Column("anchor_on", sa.Date(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("workers_needed", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("second_worker_id", sa.Uuid(), nullable=True),
        sa.Column("is_sleep_in", sa.Boolean(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("concession", sa.Text(), server_default="", nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_visit_patterns_period")),
        sa.CheckConstraint("every_weeks IN (1, 2, 3, 4)", name=op.f("ck_visit_patterns_every")),
        sa.CheckConstraint("minutes BETWEEN 15 AND 1440", name=op.f("ck_visit_patterns_minutes")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_visit_patterns_weekday")),
        sa.CheckConstraint("workers_needed BETWEEN 0 AND 2", name=op.f("ck_visit_patterns_workers")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["support_agreements.id"], name=op.f("fk_visit_patterns_agreement_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_patterns_council_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["visit_patterns.id"], name=op.f("fk_visit_patterns_replaces_id")),
        sa.ForeignKeyConstraint(["second_worker_id"], ["workers.id"], name=op.f("fk_visit_patterns_second_worker_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_visit_patterns_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_patterns")),
    )
    op.create_index("ix_visit_patterns_agreement", "visit_patterns", ["agreement_id", "starts_on"], unique=False)
    op.create_table(
        "agreement_rates",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("terms_id", sa.Uuid(), nullable=False),
        sa.Column(
            "day_kind",
            sa.Enum(
                "any",
                "weekday",
                "saturday",
                "sunday",
                "bank_holiday",
                name="day_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_sleep_in", sa.Boolean(), nullable=False),
        sa.Column("price_pence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("price_pence >= 0", name=op.f("ck_agreement_rates_price")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_agreement_rates_council_id")),
        sa.ForeignKeyConstraint(
            ["terms_id"], ["agreement_terms.id"], name=op.f("fk_agreement_rates_terms_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreement_rates")),
        sa.UniqueConstraint(
            "terms_id", "day_kind", "is_sleep_in", name=op.f("uq_agreement_rates_terms_id_day_kind_is_sleep_in")
        ),
    )
    op.create_table(
        "employer_duties",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("employment_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "to_do",
                "started",
                "done",
                "not_needed",
                "lapsed",
                name="duty_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("helper", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("escalated_on", sa.Date(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_employer_duties_council_id")),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_employer_duties_employment_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_employer_duties_file_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employer_duties")),
        sa.UniqueConstraint("employment_id", "key", name=op.f("uq_employer_duties_employment_id_key")),
    )
    op.create_index("ix_employer_duties_expires", "employer_duties", ["expires_on"], unique=False)
    op.create_table(
        "family_exceptions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("employment_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "asked",
                "allowed",
                "refused",
                "withdrawn",
                name="exception_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("is_for_care", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision_reason", sa.Text(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "decided_by_user_id IS NULL OR decided_by_user_id <> asked_by_user_id",
            name=op.f("ck_family_exceptions_other_decider"),
        ),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_family_exceptions_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_family_exceptions_council_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_family_exceptions_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_family_exceptions_employment_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_family_exceptions_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_family_exceptions")),
    )
    op.create_index("ix_family_exceptions_employment", "family_exceptions", ["employment_id"], unique=False)
    op.create_index(
        "ix_family_exceptions_open",
        "family_exceptions",
        ["council_id", "asked_at"],
        unique=False,
        postgresql_where=sa.text("status = 'asked'"),
    )
    op.create_table(
        "timesheets",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("employment_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("open", "sent", name="timesheet_status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("gross_pence", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_timesheets_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_timesheets_council_id")),
        sa.ForeignKeyConstraint(["employment_id"], ["employments.id"], name=op.f("fk_timesheets_employment_id")),
        sa.ForeignKeyConstraint(["sent_by_user_id"], ["users.id"], name=op.f("fk_timesheets_sent_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timesheets")),
        sa.UniqueConstraint("employment_id", "starts_on", name=op.f("uq_timesheets_employment_id_starts_on")),
    )
    op.create_table(
        "audit_items",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("audit_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "asked",
                "answered",
                "accepted",
                "questioned",
                name="audit_item_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(movement_id IS NULL) <> (booking_id IS NULL)", name=op.f("ck_audit_items_one_subject")),
        sa.ForeignKeyConstraint(["answered_by_user_id"], ["users.id"], name=op.f("fk_audit_items_answered_by_user_id")),
        sa.ForeignKeyConstraint(["audit_id"], ["direct_payment_audits.id"], name=op.f("fk_audit_items_audit_id")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_audit_items_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_audit_items_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_audit_items_decided_by_user_id")),
        sa.ForeignKeyConstraint(["movement_id"], ["money_movements.id"], name=op.f("fk_audit_items_movement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_items")),
        sa.UniqueConstraint("audit_id", "booking_id", name=op.f("uq_audit_items_audit_id_booking_id")),
        sa.UniqueConstraint("audit_id", "movement_id", name=op.f("uq_audit_items_audit_id_movement_id")),
    )
    op.create_table(
        "movement_visits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_movement_visits_amount")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_movement_visits_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_movement_visits_council_id")),
        sa.ForeignKeyConstraint(["movement_id"], ["money_movements.id"], name=op.f("fk_movement_visits_movement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_movement_visits")),
        sa.UniqueConstraint("movement_id", "booking_id", name=op.f("uq_movement_visits_movement_id_booking_id")),
    )
    op.create_index("ix_movement_visits_booking", "movement_visits", ["booking_id"], unique=False)
    op.create_table(
        "receipts",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_receipts_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_receipts_council_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_receipts_file_id")),
        sa.ForeignKeyConstraint(["movement_id"], ["money_movements.id"], name=op.f("fk_receipts_movement_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_receipts_person_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_receipts")),
    )
    op.create_index("ix_receipts_booking", "receipts", ["booking_id"], unique=False)
    op.create_index("ix_receipts_movement", "receipts", ["movement_id"], unique=False)
    op.create_index("ix_receipts_person", "receipts", ["person_id"], unique=False)
    op.create_table(
        "timesheet_lines",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("timesheet_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("corrects_id", sa.Uuid(), nullable=True),
        sa.Column("worked_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("rate_pence", sa.BigInteger(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("booking_id IS NULL OR corrects_id IS NULL", name=op.f("ck_timesheet_lines_correction")),
        sa.CheckConstraint("minutes <> 0 OR amount_pence <> 0", name=op.f("ck_timesheet_lines_minutes")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_timesheet_lines_booking_id")),
        sa.ForeignKeyConstraint(["corrects_id"], ["timesheet_lines.id"], name=op.f("fk_timesheet_lines_corrects_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_timesheet_lines_council_id")),
        sa.ForeignKeyConstraint(["timesheet_id"], ["timesheets.id"], name=op.f("fk_timesheet_lines_timesheet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timesheet_lines")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_timesheet_lines_booking_id")),
    )
    op.create_index("ix_timesheet_lines_timesheet", "timesheet_lines", ["timesheet_id", "worked_on"], unique=False)
    op.create_table(
        "visit_alerts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "late",
                "missed",
                "no_worker",
                "worker_cancelled",
                "substitute",
                name="alert_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_visit_alerts_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_alerts_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_alerts")),
        sa.UniqueConstraint("booking_id", "kind", name=op.f("uq_visit_alerts_booking_id_kind")),
    )
    op.create_index(
        "ix_visit_alerts_open",
        "visit_alerts",
        ["council_id", "raised_at"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.create_table(
        "visit_places",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_holding", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("place > 0", name=op.f("ck_visit_places_place")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_visit_places_booking_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_places_council_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_visit_places_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_places")),
        sa.UniqueConstraint("booking_id", name=op.f("uq_visit_places_booking_id")),
    )
    op.create_table(
        "visit_records",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("start", "finish", name="record_kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_key", sa.Uuid(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("by_user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_visit_records_booking_id")),
        sa.ForeignKeyConstraint(["by_user_id"], ["users.id"], name=op.f("fk_visit_records_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_records_council_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_visit_records_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_records")),
        sa.UniqueConstraint("client_key", name=op.f("uq_visit_records_client_key")),
    )
    op.create_index("ix_visit_records_booking", "visit_records", ["booking_id", "happened_at"], unique=False)
    op.create_table(
        "visit_proposals",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("agreement_id", sa.Uuid(), nullable=False),
        sa.Column(
            "scope",
            sa.Enum(
                "one", "following", "all", name="change_scope", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("pattern_id", sa.Uuid(), nullable=True),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("wanted", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("before_pence", sa.BigInteger(), nullable=False),
        sa.Column("after_pence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "asked",
                "accepted",
                "declined",
                "withdrawn",
                "lapsed",
                name="proposal_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(scope = 'one') = (booking_id IS NOT NULL)", name=op.f("ck_visit_proposals_one_visit")),
        sa.CheckConstraint("(scope = 'one') = (pattern_id IS NULL)", name=op.f("ck_visit_proposals_one_pattern")),
        sa.CheckConstraint("(status = 'asked') = (answered_at IS NULL)", name=op.f("ck_visit_proposals_answer")),
        sa.ForeignKeyConstraint(
            ["agreement_id"], ["support_agreements.id"], name=op.f("fk_visit_proposals_agreement_id")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_visit_proposals_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_visit_proposals_asked_by_user_id")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_visit_proposals_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_proposals_council_id")),
        sa.ForeignKeyConstraint(["pattern_id"], ["visit_patterns.id"], name=op.f("fk_visit_proposals_pattern_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_proposals")),
    )
    op.create_index("ix_visit_proposals_agreement", "visit_proposals", ["agreement_id", "asked_at"], unique=False)
    for name, column, unique in VISIT_PROPOSALS_OPEN:
        op.create_index(name, "visit_proposals", [column], unique=unique, postgresql_where=sa.text("status = 'asked'"))
    op.create_table(
        "visit_workers",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("busy_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("is_holding", sa.Boolean(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("busy_until >= ends_at", name=op.f("ck_visit_workers_busy")),
        sa.CheckConstraint("position BETWEEN 1 AND 2", name=op.f("ck_visit_workers_position")),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_visit_workers_booking_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_visit_workers_council_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_visit_workers_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_workers")),
        sa.UniqueConstraint("booking_id", "position", name=op.f("uq_visit_workers_booking_id_position")),
    )
    op.create_index("ix_visit_workers_worker", "visit_workers", ["worker_id", "starts_at"], unique=False)
    op.create_table(
        "card_disputes",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("stripe_dispute_id", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "under_review",
                "won",
                "lost",
                name="dispute_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("withheld_pence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("withheld_pence BETWEEN 0 AND amount_pence", name=op.f("ck_card_disputes_withheld")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_card_disputes_council_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payments.id"], name=op.f("fk_card_disputes_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_disputes")),
        sa.UniqueConstraint("stripe_dispute_id", name=op.f("uq_card_disputes_stripe_dispute_id")),
    )
    op.create_index("ix_card_disputes_payment", "card_disputes", ["payment_id"], unique=False)
    op.create_table(
        "card_payment_visits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_card_payment_visits_amount")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_card_payment_visits_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_card_payment_visits_council_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payments.id"], name=op.f("fk_card_payment_visits_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_payment_visits")),
        sa.UniqueConstraint("payment_id", "booking_id", name=op.f("uq_card_payment_visits_payment_id_booking_id")),
    )
    op.create_index("ix_card_payment_visits_booking", "card_payment_visits", ["booking_id"], unique=False)
    op.create_table(
        "card_refunds",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "asked",
                "done",
                "failed",
                "refused",
                name="refund_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stripe_refund_id", sa.Text(), nullable=True),
        sa.Column("failed_why", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "agreed_by_user_id IS NULL OR agreed_by_user_id <> asked_by_user_id",
            name=op.f("ck_card_refunds_other_approver"),
        ),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_card_refunds_amount")),
        sa.ForeignKeyConstraint(["agreed_by_user_id"], ["users.id"], name=op.f("fk_card_refunds_agreed_by_user_id")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_card_refunds_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_card_refunds_council_id")),
        sa.ForeignKeyConstraint(["payment_id"], ["card_payments.id"], name=op.f("fk_card_refunds_payment_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_card_refunds")),
        sa.UniqueConstraint("stripe_refund_id", name=op.f("uq_card_refunds_stripe_refund_id")),
    )
    op.create_index(
        "ix_card_refunds_open",
        "card_refunds",
        ["council_id"],
        unique=False,
        postgresql_where=sa.text("status IN ('waiting', 'asked')"),
    )
    op.create_index("ix_card_refunds_payment", "card_refunds", ["payment_id"], unique=False)
    op.create_table(
        "reconciliation_differences",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("ledger_pence", sa.BigInteger(), nullable=False),
        sa.Column("stripe_pence", sa.BigInteger(), nullable=False),
        sa.Column("found_on", sa.Date(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("settled_why", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_reconciliation_differences_council_id")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["card_payments.id"], name=op.f("fk_reconciliation_differences_payment_id")
        ),
        sa.ForeignKeyConstraint(
            ["settled_by_user_id"], ["users.id"], name=op.f("fk_reconciliation_differences_settled_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reconciliation_differences")),
        sa.UniqueConstraint(
            "council_id", "kind", "subject", name=op.f("uq_reconciliation_differences_council_id_kind_subject")
        ),
    )
    op.create_index(
        "ix_reconciliation_differences_open",
        "reconciliation_differences",
        ["council_id", "found_on"],
        unique=False,
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.add_column("workers", sa.Column("photo_file_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_workers_photo_file_id"), "workers", "stored_files", ["photo_file_id"], ["id"])
    op.add_column("bookings", sa.Column("agreement_id", sa.Uuid(), nullable=True))
    op.add_column("bookings", sa.Column("pattern_id", sa.Uuid(), nullable=True))
    op.add_column("bookings", sa.Column("pattern_on", sa.Date(), nullable=True))
    op.add_column("bookings", sa.Column("workers_needed", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("bookings", sa.Column("travel_minutes", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.add_column("bookings", sa.Column("is_sleep_in", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("bookings", sa.Column("top_up_pence", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("bookings", sa.Column("claimed_minutes", sa.Integer(), nullable=True))
    op.add_column("bookings", sa.Column("claimed_pence", sa.BigInteger(), nullable=True))
    op.add_column("bookings", sa.Column("approved_pence", sa.BigInteger(), nullable=True))
    op.add_column("bookings", sa.Column("actual_starts_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bookings", sa.Column("actual_ends_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bookings", sa.Column("concession", sa.Text(), server_default="", nullable=False))
    op.add_column("bookings", sa.Column("called_off_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "bookings",
        sa.Column(
            "called_off_by",
            sa.Enum(
                "person",
                "provider",
                "platform",
                name="called_off_by",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "bookings",
        sa.Column(
            "call_off_reason",
            sa.Enum(
                "changed_mind",
                "ill",
                "hospital",
                "holiday",
                "appointment",
                "worker_away",
                "no_worker",
                "unsafe",
                "not_paid",
                "no_money",
                "not_answered",
                "not_accredited",
                "agreement_ended",
                "changed",
                "died",
                "other",
                name="call_off_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column(
        "bookings", sa.Column("is_approved_by_rule", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("bookings", sa.Column("ask_again_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bookings", sa.Column("reminders", sa.Integer(), server_default=sa.text("0"), nullable=False))
    op.alter_column("bookings", "worker_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("ix_bookings_agreement", "bookings", ["agreement_id", "starts_at"], unique=False)
    op.create_index(
        "ix_bookings_waiting_for_person",
        "bookings",
        ["ask_again_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('accepted', 'in_progress', 'claimed')"),
    )
    op.create_unique_constraint(op.f("uq_bookings_pattern_id_pattern_on"), "bookings", ["pattern_id", "pattern_on"])
    op.create_foreign_key(op.f("fk_bookings_agreement_id"), "bookings", "support_agreements", ["agreement_id"], ["id"])
    op.create_foreign_key(op.f("fk_bookings_pattern_id"), "bookings", "visit_patterns", ["pattern_id"], ["id"])
    op.add_column(
        "card_payees", sa.Column("can_be_paid_out", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "card_payees", sa.Column("is_complete", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column(
        "card_payees", sa.Column("asked_for", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("card_payees", sa.Column("disabled_why", sa.Text(), server_default="", nullable=False))
    op.add_column("card_payees", sa.Column("started_by_user_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_card_payees_started_by_user_id"), "card_payees", "users", ["started_by_user_id"], ["id"]
    )
    op.add_column(
        "card_payments",
        sa.Column(
            "purpose",
            sa.Enum(
                "booking", "top_up", "visits", name="card_purpose", native_enum=False, create_constraint=True, length=40
            ),
            server_default="booking",
            nullable=False,
        ),
    )
    op.add_column(
        "card_payments", sa.Column("disputed_pence", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "card_payments", sa.Column("return_pence", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("card_payments", sa.Column("fee_pence", sa.BigInteger(), nullable=True))
    op.add_column("card_payments", sa.Column("stripe_charge_id", sa.Text(), nullable=True))
    op.alter_column("card_payments", "booking_id", existing_type=sa.UUID(), nullable=True)
    op.add_column("people", sa.Column("died_on", sa.Date(), nullable=True))
    op.add_column("listings", sa.Column("session_places", sa.Integer(), nullable=True))
    op.add_column("messages", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.add_column("messages", sa.Column("format", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(op.f("fk_messages_person_id"), "messages", "people", ["person_id"], ["id"])
    op.add_column("messages", sa.Column("short_words", sa.Text(), server_default="", nullable=False))
    op.add_column("messages", sa.Column("is_urgent", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("messages", sa.Column("not_before", sa.DateTime(timezone=True), nullable=True))
    op.add_column("messages", sa.Column("done_by_user_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_messages_done_by_user_id"), "messages", "users", ["done_by_user_id"], ["id"])
    op.create_index(
        "ix_messages_by_hand",
        "messages",
        ["council_id", "is_urgent", "created_at", "id"],
        postgresql_where=sa.text("status = 'queued' AND channel IN ('letter', 'call')"),
    )
    op.create_index("ix_messages_held", "messages", ["not_before"], postgresql_where=sa.text("not_before IS NOT NULL"))
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)
    for table, name, column, _before, now in CHOICES:
        _allow(table, name, column, now)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, name, column, before, _now in CHOICES:
        _allow(table, name, column, before)
    for table, name, _condition in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.drop_index("ix_messages_held", table_name="messages", postgresql_where=sa.text("not_before IS NOT NULL"))
    op.drop_index(
        "ix_messages_by_hand",
        table_name="messages",
        postgresql_where=sa.text("status = 'queued' AND channel IN ('letter', 'call')"),
    )
    op.drop_constraint(op.f("fk_messages_done_by_user_id"), "messages", type_="foreignkey")
    for column in ("done_by_user_id", "not_before", "is_urgent", "short_words"):
        op.drop_column("messages", column)
    op.drop_constraint(op.f("fk_messages_person_id"), "messages", type_="foreignkey")
    op.drop_column("messages", "format")
    op.drop_column("messages", "person_id")
    op.drop_constraint(op.f("fk_workers_photo_file_id"), "workers", type_="foreignkey")
    op.drop_column("workers", "photo_file_id")
    op.drop_column("listings", "session_places")
    op.drop_column("people", "died_on")
    op.alter_column("card_payments", "booking_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("card_payments", "stripe_charge_id")
    op.drop_column("card_payments", "fee_pence")
    op.drop_column("card_payments", "return_pence")
    op.drop_column("card_payments", "disputed_pence")
    op.drop_column("card_payments", "purpose")
    op.drop_constraint(op.f("fk_card_payees_started_by_user_id"), "card_payees", type_="foreignkey")
    op.drop_column("card_payees", "started_by_user_id")
    op.drop_column("card_payees", "disabled_why")
    op.drop_column("card_payees", "asked_for")
    op.drop_column("card_payees", "is_complete")
    op.drop_column("card_payees", "can_be_paid_out")
    op.drop_constraint(op.f("fk_bookings_pattern_id"), "bookings", type_="foreignkey")
    op.drop_constraint(op.f("fk_bookings_agreement_id"), "bookings", type_="foreignkey")
    op.drop_constraint(op.f("uq_bookings_pattern_id_pattern_on"), "bookings", type_="unique")
    op.drop_index(
        "ix_bookings_waiting_for_person",
        table_name="bookings",
        postgresql_where=sa.text("status IN ('accepted', 'in_progress', 'claimed')"),
    )
    op.drop_index("ix_bookings_agreement", table_name="bookings")
    op.alter_column("bookings", "worker_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("bookings", "reminders")
    op.drop_column("bookings", "ask_again_at")
    op.drop_column("bookings", "is_approved_by_rule")
    op.drop_column("bookings", "call_off_reason")
    op.drop_column("bookings", "called_off_by")
    op.drop_column("bookings", "called_off_at")
    op.drop_column("bookings", "concession")
    op.drop_column("bookings", "actual_ends_at")
    op.drop_column("bookings", "actual_starts_at")
    op.drop_column("bookings", "approved_pence")
    op.drop_column("bookings", "claimed_pence")
    op.drop_column("bookings", "claimed_minutes")
    op.drop_column("bookings", "top_up_pence")
    op.drop_column("bookings", "is_sleep_in")
    op.drop_column("bookings", "travel_minutes")
    op.drop_column("bookings", "workers_needed")
    op.drop_column("bookings", "pattern_on")
    op.drop_column("bookings", "pattern_id")
    op.drop_column("bookings", "agreement_id")
    op.drop_index(
        "ix_reconciliation_differences_open",
        table_name="reconciliation_differences",
        postgresql_where=sa.text("settled_at IS NULL"),
    )
    op.drop_table("reconciliation_differences")
    op.drop_index("ix_card_refunds_payment", table_name="card_refunds")
    op.drop_index(
        "ix_card_refunds_open", table_name="card_refunds", postgresql_where=sa.text("status IN ('waiting', 'asked')")
    )
    op.drop_table("card_refunds")
    op.drop_index("ix_card_payment_visits_booking", table_name="card_payment_visits")
    op.drop_table("card_payment_visits")
    op.drop_index("ix_card_disputes_payment", table_name="card_disputes")
    op.drop_table("card_disputes")
    op.drop_index("ix_visit_workers_worker", table_name="visit_workers")
    op.drop_table("visit_workers")
    for name, _column, _unique in VISIT_PROPOSALS_OPEN:
        op.drop_index(name, table_name="visit_proposals", postgresql_where=sa.text("status = 'asked'"))
    op.drop_index("ix_visit_proposals_agreement", table_name="visit_proposals")
    op.drop_table("visit_proposals")
    op.drop_index("ix_visit_records_booking", table_name="visit_records")
    op.drop_table("visit_records")
    op.drop_table("visit_places")
    op.drop_index("ix_visit_alerts_open", table_name="visit_alerts", postgresql_where=sa.text("settled_at IS NULL"))
    op.drop_table("visit_alerts")
    op.drop_index("ix_timesheet_lines_timesheet", table_name="timesheet_lines")
    op.drop_table("timesheet_lines")
    op.drop_index("ix_receipts_person", table_name="receipts")
    op.drop_index("ix_receipts_booking", table_name="receipts")
    op.drop_index("ix_receipts_movement", table_name="receipts")
    op.drop_table("receipts")
    op.drop_index("ix_movement_visits_booking", table_name="movement_visits")
    op.drop_table("movement_visits")
    op.drop_table("audit_items")
    op.drop_table("timesheets")
    op.drop_index(
        "ix_family_exceptions_open", table_name="family_exceptions", postgresql_where=sa.text("status = 'asked'")
    )
    op.drop_index("ix_family_exceptions_employment", table_name="family_exceptions")
    op.drop_table("family_exceptions")
    op.drop_index("ix_employer_duties_expires", table_name="employer_duties")
    op.drop_table("employer_duties")
    op.drop_table("agreement_rates")
    op.drop_index("ix_visit_patterns_agreement", table_name="visit_patterns")
    op.drop_table("visit_patterns")
    op.drop_index("ix_thread_files_message", table_name="thread_files")
    op.drop_table("thread_files")
    op.drop_index("ix_employments_worker", table_name="employments")
    op.drop_index("ix_employments_person", table_name="employments")
    op.drop_table("employments")
    op.drop_index(
        "ix_agreement_terms_open", table_name="agreement_terms", postgresql_where=sa.text("status = 'offered'")
    )
    op.drop_table("agreement_terms")
    op.drop_index("ix_agreement_pauses_agreement", table_name="agreement_pauses")
    op.drop_table("agreement_pauses")
    op.drop_index("ix_thread_messages_thread", table_name="thread_messages")
    op.drop_index(
        "ix_thread_messages_reported", table_name="thread_messages", postgresql_where=sa.text("reported_because <> ''")
    )
    op.drop_table("thread_messages")
    op.drop_index(
        "ix_support_agreements_running", table_name="support_agreements", postgresql_where=sa.text("status = 'agreed'")
    )
    op.drop_index("ix_support_agreements_person", table_name="support_agreements")
    op.drop_index("ix_support_agreements_organisation", table_name="support_agreements")
    op.drop_table("support_agreements")
    op.drop_index("ix_representations_user", table_name="representations")
    op.drop_index("ix_representations_person", table_name="representations")
    op.drop_index(
        "ix_representations_ending", table_name="representations", postgresql_where=sa.text("status = 'live'")
    )
    op.drop_table("representations")
    op.drop_index("ix_calendar_feeds_user", table_name="calendar_feeds")
    op.drop_table("calendar_feeds")
    op.drop_table("back_ups")
    op.drop_index("ix_threads_person", table_name="threads")
    op.drop_index("ix_threads_organisation", table_name="threads")
    op.drop_table("threads")
    op.drop_index("uq_money_movements_payday", table_name="money_movements")
    op.drop_index("ix_money_movements_person", table_name="money_movements")
    op.drop_table("money_movements")
    op.drop_index("ix_money_asks_person", table_name="money_asks")
    op.drop_index("ix_money_asks_council", table_name="money_asks")
    op.drop_table("money_asks")
    op.drop_index("ix_direct_payment_audits_person", table_name="direct_payment_audits")
    op.drop_index("ix_direct_payment_audits_council", table_name="direct_payment_audits")
    op.drop_table("direct_payment_audits")
    op.drop_table("direct_payment_arrangements")
    op.drop_table("contact_preferences")
    op.drop_table("approval_rules")
    op.drop_index("ix_alert_contacts_person", table_name="alert_contacts")
    op.drop_table("alert_contacts")
    op.drop_table("card_reconciliations")
    op.drop_index("ix_stripe_balance_lines_intent", table_name="stripe_balance_lines")
    op.drop_index("ix_stripe_balance_lines_account", table_name="stripe_balance_lines")
    op.drop_table("stripe_balance_lines")
    op.drop_table("law_rates")
