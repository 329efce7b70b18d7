"""Payments: tariff books, invoices and credit notes, holds, payables, returned payments, a council's books.

Revision: 0012
After: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

INVOICE_BEFORE = ("issued", "held", "approved", "in_run", "sent", "credited")
INVOICE_NOW = ("draft", "issued", "held", "approved", "in_run", "sent", "paid", "credited", "refused", "withdrawn")
RUN_BEFORE = ("made", "released", "cancelled")
RUN_NOW = ("made", "released", "submitted", "confirmed", "cancelled")
TARIFF_BEFORE = ("plan_completed", "review_held", "money_management_month")
TARIFF_NOW = (*TARIFF_BEFORE, "plan_implemented", "replan", "abandoned", "deceased", "grant")
ACCRUAL_BEFORE = ("plan", "visit")
ACCRUAL_NOW = ("plan", "plan_stage", "visit", "review", "money_management", "claim", "block", "interest")
KIND_BEFORE = ("self_bill",)
KIND_NOW = ("self_bill", "self_bill_credit", "provider_invoice", "credit_note")
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
    "card_disputed",
    "person_owes",
    "person_paid",
    "fund_drawn",
    "wages_due",
    "wages_sent",
)
PURPOSES_NOW = (
    *PURPOSES_BEFORE,
    "commitment",
    "committed",
    "block_spend",
    "grant_spend",
    "interest_spend",
    "vat_recoverable",
)
CHOICES = (
    ("accruals", "accrual_kind", "kind", ACCRUAL_BEFORE, ACCRUAL_NOW),
    ("invoices", "invoice_kind", "kind", KIND_BEFORE, KIND_NOW),
    ("invoices", "invoice_status", "status", INVOICE_BEFORE, INVOICE_NOW),
    ("ledger_accounts", "purpose", "purpose", PURPOSES_BEFORE, PURPOSES_NOW),
    ("payment_runs", "run_status", "status", RUN_BEFORE, RUN_NOW),
    ("tariffs", "tariff_event", "event", TARIFF_BEFORE, TARIFF_NOW),
)
"""Columns whose allowed values change: table, name of the choice, column, values before and now."""

CHECKS = (
    ("invoices", "vat", "net_pence + vat_pence = total_pence"),
    ("invoices", "numbered", "(number IS NULL) = (status IN ('draft', 'withdrawn'))"),
    ("invoices", "credits", "(credits_id IS NOT NULL) = (kind IN ('self_bill_credit', 'credit_note'))"),
    ("invoice_lines", "amount", "amount_pence >= 0 AND vat_pence >= 0 AND vat_pence <= amount_pence"),
    ("invoice_lines", "held", "(status = 'held') = (reason_code IS NOT NULL)"),
    ("tariffs", "once", "once_months BETWEEN 1 AND 60"),
)


def _allow(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{value}'" for value in values)
    op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, f"{column} IN ({listed})")


def _carry_over() -> None:
    """What was there goes on: each tariff is a book of its own, each approved bill one payable."""
    op.execute("SET LOCAL app.councils = '*'")
    op.execute("UPDATE invoices SET received_on = issued_on, net_pence = total_pence")
    op.execute(
        """
        INSERT INTO tariff_books (id, council_id, framework_id, number, status, name, source, starts_on, ends_on,
            made_by_user_id, made_at, published_by_user_id, published_at)
        SELECT t.id, t.council_id, NULL, row_number() OVER (PARTITION BY t.council_id ORDER BY t.starts_on, t.id),
            'published', t.name, t.source, t.starts_on, t.ends_on,
            t.set_by_user_id, t.set_at, t.set_by_user_id, t.set_at
        FROM tariffs t
        """
    )
    op.execute("UPDATE tariffs SET book_id = id")
    op.execute(
        """
        INSERT INTO steps (id, council_id, subject_kind, subject_id, from_status, to_status, at, by_user_id, why)
        SELECT gen_random_uuid(), b.council_id, 'tariff_book', b.id, NULL, b.status, b.made_at, NULL, 'Carried over'
        FROM tariff_books b
        """
    )
    op.execute(
        """
        INSERT INTO payables (id, council_id, organisation_id, invoice_id, status, amount_pence, received_on, due_on,
            created_at)
        SELECT i.id, i.council_id, i.organisation_id, i.id,
            CASE i.status WHEN 'approved' THEN 'open' ELSE i.status END, i.total_pence, i.received_on, i.due_on,
            i.approved_at
        FROM invoices i WHERE i.status IN ('approved', 'in_run', 'sent')
        """
    )
    op.execute(
        """
        INSERT INTO steps (id, council_id, subject_kind, subject_id, from_status, to_status, at, by_user_id, why)
        SELECT gen_random_uuid(), p.council_id, 'payable', p.id, NULL, p.status, p.created_at, NULL, 'Carried over'
        FROM payables p
        """
    )
    op.execute(
        """
        UPDATE invoice_lines l SET payable_id = i.id
        FROM invoices i WHERE i.id = l.invoice_id AND i.status IN ('approved', 'in_run', 'sent')
        """
    )
    op.execute("UPDATE payment_run_invoices SET payable_id = invoice_id")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, name, column, _before, now in CHOICES:
        _allow(table, name, column, now)
    op.create_table(
        "budget_teams",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("cost_centre", sa.Text(), nullable=False),
        sa.Column("manager_user_id", sa.Uuid(), nullable=True),
        sa.Column("yearly_pence", sa.BigInteger(), nullable=True),
        sa.Column("outwards", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("yearly_pence >= 0", name=op.f("ck_budget_teams_yearly")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_budget_teams_council_id")),
        sa.ForeignKeyConstraint(["manager_user_id"], ["users.id"], name=op.f("fk_budget_teams_manager_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_teams")),
        sa.UniqueConstraint("council_id", "name", name=op.f("uq_budget_teams_council_id_name")),
    )
    op.create_table(
        "cost_codes",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("set_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_cost_codes_council_id")),
        sa.ForeignKeyConstraint(["set_by_user_id"], ["users.id"], name=op.f("fk_cost_codes_set_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cost_codes")),
        sa.UniqueConstraint(
            "council_id", "account", "starts_on", name=op.f("uq_cost_codes_council_id_account_starts_on")
        ),
    )
    op.create_table(
        "journal_exports",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("posted_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("posted_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("total_pence", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("export_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_journal_exports_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_journal_exports_made_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_journal_exports")),
        sa.UniqueConstraint("council_id", "number", name=op.f("uq_journal_exports_council_id_number")),
    )
    op.create_index("ix_journal_exports_council", "journal_exports", ["council_id", "made_at"], unique=False)
    op.create_table(
        "block_contracts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "service_line",
            sa.Enum(
                "support_planning",
                "money_management",
                "home_care",
                "personal_assistance",
                "community_support",
                "equipment",
                name="service_line",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("team_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("weekly_minutes", sa.Integer(), nullable=False),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("entered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_block_contracts_period")),
        sa.CheckConstraint("weekly_minutes > 0 AND weekly_pence > 0", name=op.f("ck_block_contracts_amounts")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_block_contracts_council_id")),
        sa.ForeignKeyConstraint(
            ["entered_by_user_id"], ["users.id"], name=op.f("fk_block_contracts_entered_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_block_contracts_organisation_id")
        ),
        sa.ForeignKeyConstraint(["team_id"], ["budget_teams.id"], name=op.f("fk_block_contracts_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_block_contracts")),
    )
    op.create_index("ix_block_contracts_council", "block_contracts", ["council_id", "starts_on"], unique=False)
    op.create_index("ix_block_contracts_organisation_id", "block_contracts", ["organisation_id"], unique=False)
    op.create_table(
        "budget_team_people",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("team_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("set_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_budget_team_people_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_budget_team_people_person_id")),
        sa.ForeignKeyConstraint(["set_by_user_id"], ["users.id"], name=op.f("fk_budget_team_people_set_by_user_id")),
        sa.ForeignKeyConstraint(["team_id"], ["budget_teams.id"], name=op.f("fk_budget_team_people_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_team_people")),
        sa.UniqueConstraint("person_id", "starts_on", name=op.f("uq_budget_team_people_person_id_starts_on")),
    )
    op.create_index("ix_budget_team_people_team_id", "budget_team_people", ["team_id"], unique=False)
    op.create_table(
        "invoice_batches",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "checked", "sent", "dropped", name="batch_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("row_count", sa.Integer(), nullable=False),
        sa.Column("clean_count", sa.Integer(), nullable=False),
        sa.Column("held_count", sa.Integer(), nullable=False),
        sa.Column("unread_count", sa.Integer(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("uploaded_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("uploaded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "clean_count + held_count + unread_count = row_count", name=op.f("ck_invoice_batches_counts")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_invoice_batches_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_invoice_batches_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by_user_id"], ["users.id"], name=op.f("fk_invoice_batches_uploaded_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invoice_batches")),
    )
    op.create_index(
        "ix_invoice_batches_organisation", "invoice_batches", ["organisation_id", "uploaded_at", "id"], unique=False
    )
    op.create_index(
        "uq_invoice_batches_file",
        "invoice_batches",
        ["council_id", "organisation_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("status = 'sent'"),
    )
    op.create_table(
        "money_managements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("arranged_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("arranged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_money_managements_period")),
        sa.ForeignKeyConstraint(
            ["arranged_by_user_id"], ["users.id"], name=op.f("fk_money_managements_arranged_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_money_managements_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_money_managements_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_money_managements_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_money_managements")),
    )
    op.create_index("ix_money_managements_council", "money_managements", ["council_id", "starts_on"], unique=False)
    op.create_index("ix_money_managements_organisation_id", "money_managements", ["organisation_id"], unique=False)
    op.create_index(
        "uq_money_managements_open",
        "money_managements",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("ends_on IS NULL"),
    )
    op.create_table(
        "onward_payments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("partner_name", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("recorded_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_onward_payments_amount")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_onward_payments_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_onward_payments_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_user_id"], ["users.id"], name=op.f("fk_onward_payments_recorded_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_onward_payments")),
        sa.UniqueConstraint(
            "organisation_id",
            "partner_name",
            "reference",
            name=op.f("uq_onward_payments_organisation_id_partner_name_reference"),
        ),
    )
    op.create_index("ix_onward_payments_council", "onward_payments", ["council_id", "due_on"], unique=False)
    op.create_table(
        "resource_contributions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "match_funding",
                "space",
                "staff_time",
                "equipment",
                "joint_bid",
                name="contribution_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("value_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("recorded_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_resource_contributions_period")),
        sa.CheckConstraint("value_pence > 0", name=op.f("ck_resource_contributions_value")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_resource_contributions_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_resource_contributions_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_user_id"], ["users.id"], name=op.f("fk_resource_contributions_recorded_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_resource_contributions")),
    )
    op.create_index(
        "ix_resource_contributions_council", "resource_contributions", ["council_id", "starts_on"], unique=False
    )
    op.create_table(
        "self_billing_agreements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "offered",
                "signed",
                "ended",
                name="self_billing_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("vat_number", sa.Text(), nullable=False),
        sa.Column("offered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("offered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("signed_name", sa.Text(), nullable=False),
        sa.Column("signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(status = 'offered') = (signed_at IS NULL)", name=op.f("ck_self_billing_agreements_signed")
        ),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_self_billing_agreements_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_self_billing_agreements_council_id")),
        sa.ForeignKeyConstraint(
            ["offered_by_user_id"], ["users.id"], name=op.f("fk_self_billing_agreements_offered_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_self_billing_agreements_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["signed_by_user_id"], ["users.id"], name=op.f("fk_self_billing_agreements_signed_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_billing_agreements")),
    )
    op.create_index(
        "ix_self_billing_agreements_organisation",
        "self_billing_agreements",
        ["organisation_id", "council_id", "starts_on"],
        unique=False,
    )
    op.create_index(
        "uq_self_billing_agreements_open",
        "self_billing_agreements",
        ["council_id", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.create_table(
        "tariff_books",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("framework_id", sa.Uuid(), nullable=True),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "published", name="book_status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(status = 'draft') = (published_at IS NULL)", name=op.f("ck_tariff_books_published")),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_tariff_books_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_tariff_books_council_id")),
        sa.ForeignKeyConstraint(["framework_id"], ["frameworks.id"], name=op.f("fk_tariff_books_framework_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_tariff_books_made_by_user_id")),
        sa.ForeignKeyConstraint(
            ["published_by_user_id"], ["users.id"], name=op.f("fk_tariff_books_published_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_books")),
        sa.UniqueConstraint(
            "council_id",
            "framework_id",
            "number",
            name=op.f("uq_tariff_books_council_id_framework_id_number"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index("ix_tariff_books_council", "tariff_books", ["council_id", "status", "starts_on"], unique=False)
    op.create_table(
        "vat_treatments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "service_line",
            sa.Enum(
                "support_planning",
                "money_management",
                "home_care",
                "personal_assistance",
                "community_support",
                "equipment",
                name="service_line",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "category",
            sa.Enum(
                "not_registered",
                "exempt_welfare",
                "exempt_other",
                "reduced",
                "standard",
                "zero",
                "outside_scope",
                name="vat_category",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("stated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("stated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("agreed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "agreed_by_user_id IS NULL OR agreed_by_user_id <> stated_by_user_id",
            name=op.f("ck_vat_treatments_other_hand"),
        ),
        sa.CheckConstraint("rate BETWEEN 0 AND 10000", name=op.f("ck_vat_treatments_rate")),
        sa.ForeignKeyConstraint(["agreed_by_user_id"], ["users.id"], name=op.f("fk_vat_treatments_agreed_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_vat_treatments_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_vat_treatments_organisation_id")
        ),
        sa.ForeignKeyConstraint(["stated_by_user_id"], ["users.id"], name=op.f("fk_vat_treatments_stated_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vat_treatments")),
        sa.UniqueConstraint(
            "council_id",
            "organisation_id",
            "service_line",
            "starts_on",
            name=op.f("uq_vat_treatments_council_id_organisation_id_service_line_starts_on"),
        ),
    )
    op.create_table(
        "returned_items",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("returned_on", sa.Date(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("account_ends", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("entered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled_note", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_returned_items_amount")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_returned_items_council_id")),
        sa.ForeignKeyConstraint(
            ["entered_by_user_id"], ["users.id"], name=op.f("fk_returned_items_entered_by_user_id")
        ),
        sa.ForeignKeyConstraint(["line_id"], ["payment_run_lines.id"], name=op.f("fk_returned_items_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_returned_items")),
        sa.UniqueConstraint("line_id", name=op.f("uq_returned_items_line_id")),
    )
    op.create_index("ix_returned_items_council", "returned_items", ["council_id", "returned_on", "id"], unique=False)
    op.create_table(
        "payables",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "in_run",
                "sent",
                "paid",
                name="payable_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence <> 0", name=op.f("ck_payables_amount")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_payables_council_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_payables_invoice_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_payables_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payables")),
    )
    op.create_index("ix_payables_council_status", "payables", ["council_id", "status", "due_on", "id"], unique=False)
    op.create_index("ix_payables_invoice_id", "payables", ["invoice_id"], unique=False)
    op.create_index("ix_payables_organisation", "payables", ["organisation_id", "created_at", "id"], unique=False)
    op.create_table(
        "activity_times",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column(
            "activity",
            sa.Enum(
                "visiting",
                "writing",
                "brokerage",
                "recruitment",
                "choosing",
                "peer_links",
                "money",
                "travel",
                "supervision",
                "other",
                name="activity",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("worked_on", sa.Date(), nullable=False),
        sa.Column("entered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 1 AND 1440", name=op.f("ck_activity_times_minutes")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_activity_times_council_id")),
        sa.ForeignKeyConstraint(
            ["entered_by_user_id"], ["users.id"], name=op.f("fk_activity_times_entered_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_activity_times_organisation_id")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_activity_times_plan_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_activity_times_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity_times")),
    )
    op.create_index("ix_activity_times_council", "activity_times", ["council_id", "worked_on"], unique=False)
    op.create_index("ix_activity_times_plan_id", "activity_times", ["plan_id", "worked_on"], unique=False)
    op.create_table(
        "late_interests",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("payable_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "claimed",
                "agreed",
                "refused",
                name="interest_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("debt_pence", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("rate", sa.Integer(), nullable=False),
        sa.Column("interest_pence", sa.BigInteger(), nullable=False),
        sa.Column("fixed_pence", sa.BigInteger(), nullable=False),
        sa.Column("claimed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "decided_by_user_id IS NULL OR decided_by_user_id <> claimed_by_user_id",
            name=op.f("ck_late_interests_other_hand"),
        ),
        sa.CheckConstraint("until_on > from_on", name=op.f("ck_late_interests_period")),
        sa.ForeignKeyConstraint(
            ["claimed_by_user_id"], ["users.id"], name=op.f("fk_late_interests_claimed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_late_interests_council_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_late_interests_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_late_interests_organisation_id")
        ),
        sa.ForeignKeyConstraint(["payable_id"], ["payables.id"], name=op.f("fk_late_interests_payable_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_late_interests")),
        sa.UniqueConstraint("payable_id", name=op.f("uq_late_interests_payable_id")),
    )
    op.create_index("ix_late_interests_council", "late_interests", ["council_id", "status", "id"], unique=False)
    op.create_index("ix_late_interests_organisation_id", "late_interests", ["organisation_id"], unique=False)
    op.create_table(
        "tariff_claims",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column(
            "event",
            sa.Enum(
                "plan_completed",
                "review_held",
                "money_management_month",
                "plan_implemented",
                "replan",
                "abandoned",
                "deceased",
                "grant",
                name="tariff_event",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("happened_on", sa.Date(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("amount_pence", sa.BigInteger(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "asked", "agreed", "refused", name="claim_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("amount_pence > 0", name=op.f("ck_tariff_claims_amount")),
        sa.CheckConstraint(
            "decided_by_user_id IS NULL OR decided_by_user_id <> asked_by_user_id",
            name=op.f("ck_tariff_claims_other_decider"),
        ),
        sa.CheckConstraint("minutes >= 0", name=op.f("ck_tariff_claims_minutes")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_tariff_claims_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_tariff_claims_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_tariff_claims_decided_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_tariff_claims_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_tariff_claims_person_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_tariff_claims_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tariff_claims")),
    )
    op.create_index(
        "ix_tariff_claims_council", "tariff_claims", ["council_id", "status", "asked_at", "id"], unique=False
    )
    op.create_index(
        "ix_tariff_claims_organisation", "tariff_claims", ["organisation_id", "asked_at", "id"], unique=False
    )
    op.create_index(
        "uq_tariff_claims_plan_event",
        "tariff_claims",
        ["plan_id", "event", "happened_on"],
        unique=True,
        postgresql_where=sa.text("status <> 'refused'"),
    )
    op.create_table(
        "line_holds",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reason_code",
            sa.Enum(
                "no_visit",
                "not_approved",
                "wrong_person",
                "no_agreement",
                "agreement_ended",
                "price_above",
                "time_above",
                "duplicate",
                "not_accredited",
                "vat_unclear",
                "future",
                "queried",
                name="hold_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("stops_clock", sa.Boolean(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("held_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["answered_by_user_id"], ["users.id"], name=op.f("fk_line_holds_answered_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_line_holds_council_id")),
        sa.ForeignKeyConstraint(["ended_by_user_id"], ["users.id"], name=op.f("fk_line_holds_ended_by_user_id")),
        sa.ForeignKeyConstraint(["held_by_user_id"], ["users.id"], name=op.f("fk_line_holds_held_by_user_id")),
        sa.ForeignKeyConstraint(["line_id"], ["invoice_lines.id"], name=op.f("fk_line_holds_line_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_holds")),
    )
    op.create_index("ix_line_holds_line_id", "line_holds", ["line_id", "held_at"], unique=False)
    op.create_index(
        "uq_line_holds_open", "line_holds", ["line_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "payment_queries",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "actuals",
                "death",
                "instalments",
                "payment",
                "remittance",
                "price",
                "suspended",
                "other",
                name="query_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "closed",
                name="payment_query_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("line_id", sa.Uuid(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("chased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("chase_count", sa.Integer(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_payment_queries_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_payment_queries_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_payment_queries_council_id")),
        sa.ForeignKeyConstraint(["invoice_id"], ["invoices.id"], name=op.f("fk_payment_queries_invoice_id")),
        sa.ForeignKeyConstraint(["line_id"], ["invoice_lines.id"], name=op.f("fk_payment_queries_line_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_payment_queries_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_queries")),
    )
    op.create_index(
        "ix_payment_queries_council", "payment_queries", ["council_id", "status", "asked_at", "id"], unique=False
    )
    op.create_index(
        "ix_payment_queries_organisation", "payment_queries", ["organisation_id", "asked_at", "id"], unique=False
    )
    op.add_column(
        "accruals",
        sa.Column("working", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("accruals", sa.Column("minutes", sa.Integer(), nullable=True))
    op.add_column("accruals", sa.Column("person_id", sa.Uuid(), nullable=True))
    op.add_column(
        "accruals",
        sa.Column(
            "service_line",
            sa.Enum(
                "support_planning",
                "money_management",
                "home_care",
                "personal_assistance",
                "community_support",
                "equipment",
                name="service_line",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("accruals", sa.Column("team_id", sa.Uuid(), nullable=True))
    op.create_index("ix_accruals_council_earned", "accruals", ["council_id", "earned_on", "id"], unique=False)
    op.create_index("ix_accruals_person_id", "accruals", ["person_id", "kind", "earned_on"], unique=False)
    op.create_foreign_key(op.f("fk_accruals_person_id"), "accruals", "people", ["person_id"], ["id"])
    op.create_foreign_key(op.f("fk_accruals_team_id"), "accruals", "budget_teams", ["team_id"], ["id"])
    op.add_column("sessions", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bank_accounts", sa.Column("called_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("bank_accounts", sa.Column("called_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("bank_accounts", sa.Column("call_number_from", sa.Text(), server_default="", nullable=False))
    op.add_column("bank_accounts", sa.Column("call_spoke_to", sa.Text(), server_default="", nullable=False))
    op.add_column("bank_accounts", sa.Column("check_note", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(
        op.f("fk_bank_accounts_called_by_user_id"), "bank_accounts", "users", ["called_by_user_id"], ["id"]
    )
    op.add_column(
        "invoice_lines",
        sa.Column(
            "status",
            sa.Enum(
                "clean", "held", "refused", name="line_status", native_enum=False, create_constraint=True, length=40
            ),
            server_default="clean",
            nullable=False,
        ),
    )
    op.add_column(
        "invoice_lines", sa.Column("is_credit", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("invoice_lines", sa.Column("credits_line_id", sa.Uuid(), nullable=True))
    op.add_column("invoice_lines", sa.Column("booking_id", sa.Uuid(), nullable=True))
    op.add_column("invoice_lines", sa.Column("service_on", sa.Date(), nullable=True))
    op.add_column("invoice_lines", sa.Column("claimed_pence", sa.BigInteger(), nullable=True))
    op.add_column("invoice_lines", sa.Column("vat_pence", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column(
        "invoice_lines",
        sa.Column(
            "vat_category",
            sa.Enum(
                "not_registered",
                "exempt_welfare",
                "exempt_other",
                "reduced",
                "standard",
                "zero",
                "outside_scope",
                name="vat_category",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="not_registered",
            nullable=False,
        ),
    )
    op.add_column("invoice_lines", sa.Column("vat_rate", sa.Integer(), server_default="0", nullable=False))
    op.add_column("invoice_lines", sa.Column("vat_reason", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "invoice_lines",
        sa.Column("asked", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column(
        "invoice_lines",
        sa.Column(
            "reason_code",
            sa.Enum(
                "no_visit",
                "not_approved",
                "wrong_person",
                "no_agreement",
                "agreement_ended",
                "price_above",
                "time_above",
                "duplicate",
                "not_accredited",
                "vat_unclear",
                "future",
                "queried",
                name="hold_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("invoice_lines", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("invoice_lines", sa.Column("payable_id", sa.Uuid(), nullable=True))
    op.alter_column("invoice_lines", "accrual_id", existing_type=sa.UUID(), nullable=True)
    op.drop_constraint(op.f("uq_invoice_lines_accrual_id"), "invoice_lines", type_="unique")
    op.create_index(
        "uq_invoice_lines_accrual_id",
        "invoice_lines",
        ["accrual_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'refused' AND NOT is_credit"),
    )
    op.create_index("ix_invoice_lines_accrual_id", "invoice_lines", ["accrual_id"], unique=False)
    op.create_index("ix_invoice_lines_booking_id", "invoice_lines", ["booking_id"], unique=False)
    op.create_index("ix_invoice_lines_credits_line_id", "invoice_lines", ["credits_line_id"], unique=False)
    op.create_index(
        "ix_invoice_lines_held",
        "invoice_lines",
        ["council_id", "held_at", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'held'"),
    )
    op.create_index("ix_invoice_lines_payable_id", "invoice_lines", ["payable_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_invoice_lines_credits_line_id"), "invoice_lines", "invoice_lines", ["credits_line_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_invoice_lines_booking_id"), "invoice_lines", "bookings", ["booking_id"], ["id"])
    op.create_foreign_key(op.f("fk_invoice_lines_payable_id"), "invoice_lines", "payables", ["payable_id"], ["id"])
    op.add_column("invoices", sa.Column("supplier_number", sa.Text(), server_default="", nullable=False))
    op.add_column("invoices", sa.Column("received_on", sa.Date(), nullable=True))
    op.add_column("invoices", sa.Column("net_pence", sa.BigInteger(), nullable=True))
    op.add_column("invoices", sa.Column("vat_pence", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("invoices", sa.Column("buyer_reference", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "invoices",
        sa.Column("parties", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    )
    op.add_column("invoices", sa.Column("credits_id", sa.Uuid(), nullable=True))
    op.add_column("invoices", sa.Column("self_billing_agreement_id", sa.Uuid(), nullable=True))
    op.add_column("invoices", sa.Column("batch_id", sa.Uuid(), nullable=True))
    op.add_column("invoices", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column("invoices", sa.Column("submitted_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("invoices", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("invoices", "number", existing_type=sa.TEXT(), nullable=True)
    op.create_index("ix_invoices_batch_id", "invoices", ["batch_id"], unique=False)
    op.create_index("ix_invoices_credits_id", "invoices", ["credits_id"], unique=False)
    op.create_index(
        "uq_invoices_supplier_number",
        "invoices",
        ["council_id", "organisation_id", sa.literal_column("upper(supplier_number)")],
        unique=True,
        postgresql_where=sa.text("supplier_number <> '' AND status NOT IN ('draft', 'withdrawn', 'refused')"),
    )
    op.create_foreign_key(
        op.f("fk_invoices_submitted_by_user_id"), "invoices", "users", ["submitted_by_user_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_invoices_self_billing_agreement_id"),
        "invoices",
        "self_billing_agreements",
        ["self_billing_agreement_id"],
        ["id"],
    )
    op.create_foreign_key(op.f("fk_invoices_batch_id"), "invoices", "invoice_batches", ["batch_id"], ["id"])
    op.create_foreign_key(op.f("fk_invoices_credits_id"), "invoices", "invoices", ["credits_id"], ["id"])
    op.add_column("payment_run_invoices", sa.Column("payable_id", sa.Uuid(), nullable=True))
    op.create_index("ix_payment_run_invoices_payable_id", "payment_run_invoices", ["payable_id"], unique=False)
    op.create_index("ix_payment_run_invoices_line_id", "payment_run_invoices", ["line_id"], unique=False)
    op.create_foreign_key(
        op.f("fk_payment_run_invoices_payable_id"), "payment_run_invoices", "payables", ["payable_id"], ["id"]
    )
    op.add_column(
        "payment_run_lines",
        sa.Column("warnings", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("payment_run_lines", sa.Column("returned_on", sa.Date(), nullable=True))
    op.add_column(
        "payment_runs", sa.Column("is_rehearsal", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.add_column("payment_runs", sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment_runs", sa.Column("submitted_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("payment_runs", sa.Column("submission_reference", sa.Text(), server_default="", nullable=False))
    op.add_column("payment_runs", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("payment_runs", sa.Column("confirmed_by_user_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_payment_runs_confirmed_by_user_id"), "payment_runs", "users", ["confirmed_by_user_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("fk_payment_runs_submitted_by_user_id"), "payment_runs", "users", ["submitted_by_user_id"], ["id"]
    )
    op.add_column("tariffs", sa.Column("book_id", sa.Uuid(), nullable=True))
    op.add_column(
        "tariffs",
        sa.Column("stages", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column(
        "tariffs",
        sa.Column("uplifts", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
    )
    op.add_column("tariffs", sa.Column("once_months", sa.Integer(), nullable=True))
    op.add_column("tariffs", sa.Column("vat_on_top", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.drop_constraint(op.f("uq_tariffs_council_id_event_starts_on"), "tariffs", type_="unique")
    op.create_index("ix_tariffs_council", "tariffs", ["council_id", "event", "starts_on"], unique=False)
    op.create_unique_constraint(op.f("uq_tariffs_book_id_event"), "tariffs", ["book_id", "event"])
    op.create_foreign_key(op.f("fk_tariffs_book_id"), "tariffs", "tariff_books", ["book_id"], ["id"])
    _carry_over()
    op.alter_column("invoices", "received_on", nullable=False)
    op.alter_column("invoices", "net_pence", nullable=False)
    op.alter_column("payment_run_invoices", "payable_id", nullable=False)
    op.drop_constraint(op.f("pk_payment_run_invoices"), "payment_run_invoices", type_="primary")
    op.create_primary_key(op.f("pk_payment_run_invoices"), "payment_run_invoices", ["run_id", "payable_id"])
    op.alter_column("tariffs", "book_id", nullable=False)
    for table, name, condition in CHECKS:
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, condition)


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table, name, column, before, _now in CHOICES:
        _allow(table, name, column, before)
    for table, name, _condition in CHECKS:
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
    op.drop_constraint(op.f("fk_tariffs_book_id"), "tariffs", type_="foreignkey")
    op.drop_constraint(op.f("uq_tariffs_book_id_event"), "tariffs", type_="unique")
    op.drop_index("ix_tariffs_council", table_name="tariffs")
    op.create_unique_constraint(
        op.f("uq_tariffs_council_id_event_starts_on"),
        "tariffs",
        ["council_id", "event", "starts_on"],
        postgresql_nulls_not_distinct=False,
    )
    op.drop_column("tariffs", "vat_on_top")
    op.drop_column("tariffs", "once_months")
    op.drop_column("tariffs", "uplifts")
    op.drop_column("tariffs", "stages")
    op.drop_column("tariffs", "book_id")
    op.drop_column("sessions", "confirmed_at")
    op.drop_constraint(op.f("fk_payment_runs_submitted_by_user_id"), "payment_runs", type_="foreignkey")
    op.drop_constraint(op.f("fk_payment_runs_confirmed_by_user_id"), "payment_runs", type_="foreignkey")
    op.drop_column("payment_runs", "confirmed_by_user_id")
    op.drop_column("payment_runs", "confirmed_at")
    op.drop_column("payment_runs", "submission_reference")
    op.drop_column("payment_runs", "submitted_by_user_id")
    op.drop_column("payment_runs", "submitted_at")
    op.drop_column("payment_runs", "is_rehearsal")
    op.drop_column("payment_run_lines", "returned_on")
    op.drop_column("payment_run_lines", "warnings")
    op.drop_constraint(op.f("pk_payment_run_invoices"), "payment_run_invoices", type_="primary")
    op.create_primary_key(op.f("pk_payment_run_invoices"), "payment_run_invoices", ["run_id", "invoice_id"])
    op.drop_constraint(op.f("fk_payment_run_invoices_payable_id"), "payment_run_invoices", type_="foreignkey")
    op.drop_index("ix_payment_run_invoices_line_id", table_name="payment_run_invoices")
    op.drop_index("ix_payment_run_invoices_payable_id", table_name="payment_run_invoices")
    op.drop_column("payment_run_invoices", "payable_id")
    op.drop_constraint(op.f("fk_invoices_credits_id"), "invoices", type_="foreignkey")
    op.drop_constraint(op.f("fk_invoices_batch_id"), "invoices", type_="foreignkey")
    op.drop_constraint(op.f("fk_invoices_self_billing_agreement_id"), "invoices", type_="foreignkey")
    op.drop_constraint(op.f("fk_invoices_submitted_by_user_id"), "invoices", type_="foreignkey")
    op.drop_index(
        "uq_invoices_supplier_number",
        table_name="invoices",
        postgresql_where=sa.text("supplier_number <> '' AND status NOT IN ('draft', 'withdrawn', 'refused')"),
    )
    op.drop_index("ix_invoices_credits_id", table_name="invoices")
    op.drop_index("ix_invoices_batch_id", table_name="invoices")
    op.alter_column("invoices", "number", existing_type=sa.TEXT(), nullable=False)
    op.drop_column("invoices", "version")
    op.drop_column("invoices", "submitted_by_user_id")
    op.drop_column("invoices", "reason")
    op.drop_column("invoices", "batch_id")
    op.drop_column("invoices", "self_billing_agreement_id")
    op.drop_column("invoices", "credits_id")
    op.drop_column("invoices", "parties")
    op.drop_column("invoices", "buyer_reference")
    op.drop_column("invoices", "vat_pence")
    op.drop_column("invoices", "net_pence")
    op.drop_column("invoices", "received_on")
    op.drop_column("invoices", "supplier_number")
    op.drop_constraint(op.f("fk_invoice_lines_payable_id"), "invoice_lines", type_="foreignkey")
    op.drop_constraint(op.f("fk_invoice_lines_booking_id"), "invoice_lines", type_="foreignkey")
    op.drop_constraint(op.f("fk_invoice_lines_credits_line_id"), "invoice_lines", type_="foreignkey")
    op.drop_index("ix_invoice_lines_payable_id", table_name="invoice_lines")
    op.drop_index("ix_invoice_lines_held", table_name="invoice_lines", postgresql_where=sa.text("status = 'held'"))
    op.drop_index("ix_invoice_lines_credits_line_id", table_name="invoice_lines")
    op.drop_index("ix_invoice_lines_booking_id", table_name="invoice_lines")
    op.drop_index("ix_invoice_lines_accrual_id", table_name="invoice_lines")
    op.drop_index(
        "uq_invoice_lines_accrual_id",
        table_name="invoice_lines",
        postgresql_where=sa.text("status <> 'refused' AND NOT is_credit"),
    )
    op.create_unique_constraint(
        op.f("uq_invoice_lines_accrual_id"), "invoice_lines", ["accrual_id"], postgresql_nulls_not_distinct=False
    )
    op.alter_column("invoice_lines", "accrual_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("invoice_lines", "payable_id")
    op.drop_column("invoice_lines", "held_at")
    op.drop_column("invoice_lines", "reason_code")
    op.drop_column("invoice_lines", "asked")
    op.drop_column("invoice_lines", "vat_reason")
    op.drop_column("invoice_lines", "vat_rate")
    op.drop_column("invoice_lines", "vat_category")
    op.drop_column("invoice_lines", "vat_pence")
    op.drop_column("invoice_lines", "claimed_pence")
    op.drop_column("invoice_lines", "service_on")
    op.drop_column("invoice_lines", "booking_id")
    op.drop_column("invoice_lines", "credits_line_id")
    op.drop_column("invoice_lines", "is_credit")
    op.drop_column("invoice_lines", "status")
    op.drop_constraint(op.f("fk_bank_accounts_called_by_user_id"), "bank_accounts", type_="foreignkey")
    op.drop_column("bank_accounts", "check_note")
    op.drop_column("bank_accounts", "call_spoke_to")
    op.drop_column("bank_accounts", "call_number_from")
    op.drop_column("bank_accounts", "called_by_user_id")
    op.drop_column("bank_accounts", "called_at")
    op.drop_constraint(op.f("fk_accruals_team_id"), "accruals", type_="foreignkey")
    op.drop_constraint(op.f("fk_accruals_person_id"), "accruals", type_="foreignkey")
    op.drop_index("ix_accruals_person_id", table_name="accruals")
    op.drop_index("ix_accruals_council_earned", table_name="accruals")
    op.drop_column("accruals", "team_id")
    op.drop_column("accruals", "service_line")
    op.drop_column("accruals", "person_id")
    op.drop_column("accruals", "minutes")
    op.drop_column("accruals", "working")
    op.drop_index("ix_payment_queries_organisation", table_name="payment_queries")
    op.drop_index("ix_payment_queries_council", table_name="payment_queries")
    op.drop_table("payment_queries")
    op.drop_index("uq_line_holds_open", table_name="line_holds", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_line_holds_line_id", table_name="line_holds")
    op.drop_table("line_holds")
    op.drop_index(
        "uq_tariff_claims_plan_event", table_name="tariff_claims", postgresql_where=sa.text("status <> 'refused'")
    )
    op.drop_index("ix_tariff_claims_organisation", table_name="tariff_claims")
    op.drop_index("ix_tariff_claims_council", table_name="tariff_claims")
    op.drop_table("tariff_claims")
    op.drop_index("ix_late_interests_organisation_id", table_name="late_interests")
    op.drop_index("ix_late_interests_council", table_name="late_interests")
    op.drop_table("late_interests")
    op.drop_index("ix_activity_times_plan_id", table_name="activity_times")
    op.drop_index("ix_activity_times_council", table_name="activity_times")
    op.drop_table("activity_times")
    op.drop_index("ix_payables_organisation", table_name="payables")
    op.drop_index("ix_payables_invoice_id", table_name="payables")
    op.drop_index("ix_payables_council_status", table_name="payables")
    op.drop_table("payables")
    op.drop_index("ix_returned_items_council", table_name="returned_items")
    op.drop_table("returned_items")
    op.drop_table("vat_treatments")
    op.drop_index("ix_tariff_books_council", table_name="tariff_books")
    op.drop_table("tariff_books")
    op.drop_index(
        "uq_self_billing_agreements_open",
        table_name="self_billing_agreements",
        postgresql_where=sa.text("status = 'offered'"),
    )
    op.drop_index("ix_self_billing_agreements_organisation", table_name="self_billing_agreements")
    op.drop_table("self_billing_agreements")
    op.drop_index("ix_resource_contributions_council", table_name="resource_contributions")
    op.drop_table("resource_contributions")
    op.drop_index("ix_onward_payments_council", table_name="onward_payments")
    op.drop_table("onward_payments")
    op.drop_index(
        "uq_money_managements_open", table_name="money_managements", postgresql_where=sa.text("ends_on IS NULL")
    )
    op.drop_index("ix_money_managements_organisation_id", table_name="money_managements")
    op.drop_index("ix_money_managements_council", table_name="money_managements")
    op.drop_table("money_managements")
    op.drop_index("uq_invoice_batches_file", table_name="invoice_batches", postgresql_where=sa.text("status = 'sent'"))
    op.drop_index("ix_invoice_batches_organisation", table_name="invoice_batches")
    op.drop_table("invoice_batches")
    op.drop_index("ix_budget_team_people_team_id", table_name="budget_team_people")
    op.drop_table("budget_team_people")
    op.drop_index("ix_block_contracts_organisation_id", table_name="block_contracts")
    op.drop_index("ix_block_contracts_council", table_name="block_contracts")
    op.drop_table("block_contracts")
    op.drop_index("ix_journal_exports_council", table_name="journal_exports")
    op.drop_table("journal_exports")
    op.drop_table("cost_codes")
    op.drop_table("budget_teams")
