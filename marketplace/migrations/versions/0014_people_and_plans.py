"""People and plans: profile, front door, assessments, RAS, budgets, plans of one's own, agreeing, reviews.

Revision: 0014
After: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

REFERRAL_BEFORE = ("received", "incomplete", "retained", "offered", "matched", "closed")
REFERRAL_NOW = ("received", "incomplete", "retained", "self_planned", "offered", "matched", "closed")
REVIEW_BEFORE = ("due", "booked", "held", "cancelled")
REVIEW_NOW = ("due", "booked", "held", "signed", "cancelled")
KIND_BEFORE = ("welfare_check", "annual")
KIND_NOW = ("welfare_check", "annual", "direct_payment", "unscheduled")
RUN_BEFORE = ("made", "released", "submitted", "confirmed", "cancelled")
RUN_NOW = (*RUN_BEFORE, "rejected")
HOLD_BEFORE = (
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
)
HOLD_NOW = (*HOLD_BEFORE, "in_block")
CHOICES = (
    ("referrals", "referral_status", "status", REFERRAL_BEFORE, REFERRAL_NOW),
    ("reviews", "review_status", "status", REVIEW_BEFORE, REVIEW_NOW),
    ("reviews", "review_kind", "kind", KIND_BEFORE, KIND_NOW),
    ("payment_runs", "run_status", "status", RUN_BEFORE, RUN_NOW),
    ("line_holds", "hold_reason", "reason_code", HOLD_BEFORE, HOLD_NOW),
    ("invoice_lines", "hold_reason", "reason_code", HOLD_BEFORE, HOLD_NOW),
)
CHECKS = (
    ("budgets", "one_off", "one_off_pence >= 0"),
    ("plans", "planner", "planned_by = 'person' OR (worker_id IS NOT NULL AND organisation_id IS NOT NULL)"),
    ("plans", "worker_of", "(worker_id IS NULL) = (organisation_id IS NULL)"),
    ("reviews", "one_facilitator", "num_nonnulls(facilitator_id, facilitator_user_id) <= 1"),
)

VAT_KEY = ["council_id", "organisation_id", "service_line", "starts_on"]
VAT_ONCE = "uq_vat_treatments_council_id_organisation_id_service_line_starts_on"
LATER_ROWS = (
    ("payment_runs", "status = 'rejected'", "payment runs that the bank refused whole"),
    ("invoice_lines", "billed_again_on IS NOT NULL", "lines of bills that were billed again"),
    ("vat_treatments", "corrects_id IS NOT NULL", "corrections of VAT treatments"),
    ("referrals", "status = 'self_planned'", "people who plan for themselves"),
    ("reviews", "kind IN ('direct_payment', 'unscheduled')", "reviews of kinds that were not known before"),
    ("reviews", "facilitator_id IS NULL", "reviews without a planner"),
    ("plans", "worker_id IS NULL", "plans without a planner"),
    (
        "money_movements",
        "budget_id IS NOT NULL AND EXISTS (SELECT FROM money_movements o WHERE o.budget_id = money_movements.budget_id"
        " AND o.happened_on = money_movements.happened_on AND o.id <> money_movements.id)",
        "movements of money that share their day and budget",
    ),
)
"""Rows that the schema before cannot hold, and that no rule could rewrite: of money, or of what people decided."""


def _allow(table: str, name: str, column: str, values: tuple[str, ...]) -> None:
    allowed = ", ".join(f"'{value}'" for value in values)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({column} IN ({allowed}))")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "approval_limits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "person",
                "representative",
                "planner",
                "provider",
                "pa",
                "care_worker",
                "social_worker",
                "broker",
                "quality_checker",
                "accreditor",
                "finance",
                "finance_checker",
                "manager",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=True),
        sa.Column("over_budget_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("set_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("weekly_pence >= 0 AND over_budget_pence >= 0", name=op.f("ck_approval_limits_amounts")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_approval_limits_council_id")),
        sa.ForeignKeyConstraint(["set_by_user_id"], ["users.id"], name=op.f("fk_approval_limits_set_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_limits")),
        sa.UniqueConstraint(
            "council_id", "role", "starts_on", name=op.f("uq_approval_limits_council_id_role_starts_on")
        ),
    )
    op.create_table(
        "exchange_runs",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("problems", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("trouble", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=True),
        sa.Column("started_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_exchange_runs_council_id")),
        sa.ForeignKeyConstraint(["started_by_user_id"], ["users.id"], name=op.f("fk_exchange_runs_started_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_exchange_runs")),
    )
    op.create_index("ix_exchange_runs_council", "exchange_runs", ["council_id", "started_at"], unique=False)
    op.create_table(
        "ras_versions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "proposed",
                "published",
                "withdrawn",
                name="ras_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("domains", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("budget_pence", sa.BigInteger(), nullable=False),
        sa.Column("people_count", sa.Integer(), nullable=False),
        sa.Column("slice_basis_points", sa.Integer(), nullable=False),
        sa.Column(
            "slice_order",
            sa.Enum("first", "after", name="slice_order", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "weeks",
            sa.Enum("52", "7/365", name="weeks_of_year", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("sample_count", sa.Integer(), nullable=False),
        sa.Column("mean_points", sa.Numeric(precision=12, scale=4), nullable=False),
        sa.Column("total_points", sa.Numeric(precision=16, scale=4), nullable=False),
        sa.Column("allocatable_pence", sa.BigInteger(), nullable=False),
        sa.Column("protection_pence", sa.BigInteger(), nullable=False),
        sa.Column("point_value_pence", sa.Numeric(precision=14, scale=4), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("proposed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status <> 'published' OR (starts_on IS NOT NULL AND point_value_pence > 0)",
            name=op.f("ck_ras_versions_published"),
        ),
        sa.CheckConstraint("budget_pence >= 0 AND people_count >= 0", name=op.f("ck_ras_versions_amounts")),
        sa.CheckConstraint(
            "published_by_user_id IS NULL OR published_by_user_id <> proposed_by_user_id",
            name=op.f("ck_ras_versions_other_publisher"),
        ),
        sa.CheckConstraint("slice_basis_points BETWEEN 0 AND 10000", name=op.f("ck_ras_versions_slice")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_ras_versions_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_ras_versions_made_by_user_id")),
        sa.ForeignKeyConstraint(
            ["proposed_by_user_id"], ["users.id"], name=op.f("fk_ras_versions_proposed_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["published_by_user_id"], ["users.id"], name=op.f("fk_ras_versions_published_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ras_versions")),
        sa.UniqueConstraint("council_id", "number", name=op.f("uq_ras_versions_council_id_number")),
    )
    op.create_index("ix_ras_versions_council", "ras_versions", ["council_id", "status", "starts_on"], unique=False)
    op.create_table(
        "assessments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("cares_for_person_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "adult",
                "carer_stage_1",
                "carer_stage_2",
                "equipment",
                name="assessment_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "completed",
                "superseded",
                name="assessment_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ras_version_id", sa.Uuid(), nullable=True),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("points", sa.Integer(), nullable=True),
        sa.Column("is_eligible", sa.Boolean(), nullable=True),
        sa.Column("rationale", sa.Text(), nullable=False),
        sa.Column("in_my_words", sa.Text(), nullable=False),
        sa.Column("agreed_outcomes", sa.Text(), nullable=False),
        sa.Column("previous_weekly_pence", sa.BigInteger(), nullable=True),
        sa.Column("has_substantial_difficulty", sa.Boolean(), nullable=False),
        sa.Column("supported_by", sa.Text(), nullable=False),
        sa.Column("assessed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("held_on", sa.Date(), nullable=True),
        sa.Column("completed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "status = 'draft' OR (completed_at IS NOT NULL AND is_eligible IS NOT NULL)",
            name=op.f("ck_assessments_completed"),
        ),
        sa.CheckConstraint("points >= 0", name=op.f("ck_assessments_points")),
        sa.CheckConstraint("previous_weekly_pence >= 0", name=op.f("ck_assessments_previous")),
        sa.ForeignKeyConstraint(["assessed_by_user_id"], ["users.id"], name=op.f("fk_assessments_assessed_by_user_id")),
        sa.ForeignKeyConstraint(
            ["cares_for_person_id"], ["people.id"], name=op.f("fk_assessments_cares_for_person_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_assessments_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_assessments_person_id")),
        sa.ForeignKeyConstraint(["ras_version_id"], ["ras_versions.id"], name=op.f("fk_assessments_ras_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessments")),
    )
    op.create_index("ix_assessments_council", "assessments", ["council_id", "status", "created_at", "id"], unique=False)
    op.create_index("ix_assessments_person_id", "assessments", ["person_id", "completed_at"], unique=False)
    op.create_table(
        "crises",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("look_again_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("started_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("ended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("override_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name=op.f("ck_crises_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_crises_council_id")),
        sa.ForeignKeyConstraint(["ended_by_user_id"], ["users.id"], name=op.f("fk_crises_ended_by_user_id")),
        sa.ForeignKeyConstraint(["override_by_user_id"], ["users.id"], name=op.f("fk_crises_override_by_user_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_crises_person_id")),
        sa.ForeignKeyConstraint(["started_by_user_id"], ["users.id"], name=op.f("fk_crises_started_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_crises")),
    )
    op.create_index(
        "uq_crises_open", "crises", ["person_id"], unique=True, postgresql_where=sa.text("ended_on IS NULL")
    )
    op.create_table(
        "financial_assessments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("capital_pence", sa.BigInteger(), nullable=False),
        sa.Column("income_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("disregarded_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("expenses_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("protected_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("tariff_income_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("contribution_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("is_full_cost", sa.Boolean(), nullable=False),
        sa.Column("is_light_touch", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "capital_pence >= 0 AND income_weekly_pence >= 0 AND disregarded_weekly_pence >= 0 "
            "AND expenses_weekly_pence >= 0 AND protected_weekly_pence >= 0 AND tariff_income_weekly_pence >= 0 "
            "AND contribution_weekly_pence >= 0",
            name=op.f("ck_financial_assessments_amounts"),
        ),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_financial_assessments_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_financial_assessments_council_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_financial_assessments_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_financial_assessments_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_financial_assessments")),
        sa.UniqueConstraint("person_id", "starts_on", name=op.f("uq_financial_assessments_person_id_starts_on")),
    )
    op.create_table(
        "front_door_contacts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "phone",
                "online",
                "in_person",
                "letter",
                "professional",
                name="contact_channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "asked_by",
            sa.Enum(
                "self",
                "family",
                "carer",
                "professional",
                "other",
                name="contact_asker",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "resolved",
                "signposted",
                "short_term",
                "passed_on",
                "withdrawn",
                name="contact_outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("outcome_words", sa.Text(), nullable=False),
        sa.Column("passed_to", sa.Text(), nullable=False),
        sa.Column("listing_ids", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("is_crisis", sa.Boolean(), nullable=False),
        sa.Column("told_means_tested", sa.Boolean(), nullable=False),
        sa.Column("lad_code", sa.Text(), nullable=False),
        sa.Column("asker_name", sa.Text(), nullable=False),
        sa.Column("asker_reach", sa.Text(), nullable=False),
        sa.Column("taken_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "(outcome = 'passed_on') = (passed_to <> '')", name=op.f("ck_front_door_contacts_passed_to")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_front_door_contacts_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_front_door_contacts_person_id")),
        sa.ForeignKeyConstraint(
            ["taken_by_user_id"], ["users.id"], name=op.f("fk_front_door_contacts_taken_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_front_door_contacts")),
    )
    op.create_index(
        "ix_front_door_contacts_council", "front_door_contacts", ["council_id", "taken_at", "id"], unique=False
    )
    op.create_index("ix_front_door_contacts_person_id", "front_door_contacts", ["person_id", "taken_at"], unique=False)
    op.create_table(
        "person_stages",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.Integer(), nullable=False),
        sa.Column("started_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("tried", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("exception_reason", sa.Text(), nullable=False),
        sa.Column("exception_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("started_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ended_on IS NULL OR ended_on >= started_on", name=op.f("ck_person_stages_period")),
        sa.CheckConstraint("stage BETWEEN 1 AND 3", name=op.f("ck_person_stages_stage")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_person_stages_council_id")),
        sa.ForeignKeyConstraint(
            ["exception_by_user_id"], ["users.id"], name=op.f("fk_person_stages_exception_by_user_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_person_stages_person_id")),
        sa.ForeignKeyConstraint(["started_by_user_id"], ["users.id"], name=op.f("fk_person_stages_started_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person_stages")),
    )
    op.create_index("ix_person_stages_person_id", "person_stages", ["person_id", "started_on"], unique=False)
    op.create_index(
        "uq_person_stages_open",
        "person_stages",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("ended_on IS NULL"),
    )
    op.create_table(
        "plan_shares",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("sections", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("given_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("end_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_plan_shares_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_plan_shares_council_id")),
        sa.ForeignKeyConstraint(["ended_by_user_id"], ["users.id"], name=op.f("fk_plan_shares_ended_by_user_id")),
        sa.ForeignKeyConstraint(["given_by_user_id"], ["users.id"], name=op.f("fk_plan_shares_given_by_user_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_plan_shares_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_plan_shares_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_shares")),
    )
    op.create_index("ix_plan_shares_organisation_id", "plan_shares", ["organisation_id", "ends_on"], unique=False)
    op.create_index("ix_plan_shares_person_id", "plan_shares", ["person_id"], unique=False)
    op.create_table(
        "profile_entries",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "tool",
            sa.Enum(
                "appreciated",
                "important",
                "support",
                "good_days",
                "bad_days",
                "routines",
                "week",
                "people",
                "community",
                "wishes",
                name="profile_tool",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=True),
        sa.Column(
            "part_of_day",
            sa.Enum(
                "morning",
                "afternoon",
                "evening",
                "night",
                name="part_of_day",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("circle", sa.Integer(), nullable=True),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=True),
        sa.Column("is_private", sa.Boolean(), nullable=False),
        sa.Column("added_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("circle BETWEEN 1 AND 4", name=op.f("ck_profile_entries_circle")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_profile_entries_weekday")),
        sa.ForeignKeyConstraint(["added_by_user_id"], ["users.id"], name=op.f("fk_profile_entries_added_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_profile_entries_council_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_profile_entries_file_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_profile_entries_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_profile_entries")),
    )
    op.create_index("ix_profile_entries_person_id", "profile_entries", ["person_id", "tool", "position"], unique=False)
    op.create_table(
        "ras_cases",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("ras_version_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("domain_points", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("previous_annual_pence", sa.BigInteger(), nullable=True),
        sa.Column("age_band", sa.Text(), nullable=False),
        sa.Column("care_group", sa.Text(), nullable=False),
        sa.Column("ethnicity", sa.Text(), nullable=False),
        sa.Column("gender", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("points >= 0 AND previous_annual_pence >= 0", name=op.f("ck_ras_cases_amounts")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_ras_cases_council_id")),
        sa.ForeignKeyConstraint(["ras_version_id"], ["ras_versions.id"], name=op.f("fk_ras_cases_ras_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ras_cases")),
        sa.UniqueConstraint("ras_version_id", "reference", name=op.f("uq_ras_cases_ras_version_id_reference")),
    )
    op.create_table(
        "ras_months",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("ras_version_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("indicative_annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("final_annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("answered_annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("protection_annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("alarms", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_ras_months_council_id")),
        sa.ForeignKeyConstraint(["ras_version_id"], ["ras_versions.id"], name=op.f("fk_ras_months_ras_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ras_months")),
        sa.UniqueConstraint("ras_version_id", "month", name=op.f("uq_ras_months_ras_version_id_month")),
    )
    op.create_table(
        "record_views",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "person",
                "representative",
                "planner",
                "provider",
                "pa",
                "care_worker",
                "social_worker",
                "broker",
                "quality_checker",
                "accreditor",
                "finance",
                "finance_checker",
                "manager",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("viewed_on", sa.Date(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_record_views_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_record_views_organisation_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_record_views_person_id")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_record_views_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_views")),
        sa.UniqueConstraint(
            "person_id", "user_id", "what", "viewed_on", name=op.f("uq_record_views_person_id_user_id_what_viewed_on")
        ),
    )
    op.create_index("ix_record_views_person_id", "record_views", ["person_id", "last_at"], unique=False)
    op.create_table(
        "assessed_needs",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("assessment_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("is_eligible", sa.Boolean(), nullable=False),
        sa.Column(
            "met_by",
            sa.Enum(
                "council",
                "informal",
                "community",
                "not_eligible",
                name="met_by",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["assessment_id"], ["assessments.id"], name=op.f("fk_assessed_needs_assessment_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_assessed_needs_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assessed_needs")),
        sa.UniqueConstraint("assessment_id", "position", name=op.f("uq_assessed_needs_assessment_id_position")),
    )
    op.create_table(
        "budget_challenges",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "changed",
                "upheld",
                "withdrawn",
                name="challenge_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_budget_challenges_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_budget_challenges_asked_by_user_id")),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name=op.f("fk_budget_challenges_budget_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_budget_challenges_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_budget_challenges_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_challenges")),
    )
    op.create_index(
        "ix_budget_challenges_council_status",
        "budget_challenges",
        ["council_id", "status", "answer_by", "id"],
        unique=False,
    )
    op.create_index(
        "uq_budget_challenges_open",
        "budget_challenges",
        ["budget_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "budget_parts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "route",
            sa.Enum(
                "direct_payment",
                "council_managed",
                "self_funded",
                name="funding_route",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("what_for", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("weekly_pence >= 0", name=op.f("ck_budget_parts_amount")),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name=op.f("fk_budget_parts_budget_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_budget_parts_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_budget_parts")),
        sa.UniqueConstraint("budget_id", "position", name=op.f("uq_budget_parts_budget_id_position")),
    )
    op.create_table(
        "protections",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("budget_id", sa.Uuid(), nullable=False),
        sa.Column("ras_version_id", sa.Uuid(), nullable=False),
        sa.Column("annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("previous_annual_pence", sa.BigInteger(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("agreed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("change_reason", sa.Text(), server_default="", nullable=False),
        sa.Column("changed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("version", sa.Integer(), server_default="1", nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("annual_pence > 0", name=op.f("ck_protections_amount")),
        sa.ForeignKeyConstraint(["agreed_by_user_id"], ["users.id"], name=op.f("fk_protections_agreed_by_user_id")),
        sa.ForeignKeyConstraint(["changed_by_user_id"], ["users.id"], name=op.f("fk_protections_changed_by_user_id")),
        sa.ForeignKeyConstraint(["budget_id"], ["budgets.id"], name=op.f("fk_protections_budget_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_protections_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_protections_person_id")),
        sa.ForeignKeyConstraint(["ras_version_id"], ["ras_versions.id"], name=op.f("fk_protections_ras_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_protections")),
        sa.UniqueConstraint("budget_id", name=op.f("uq_protections_budget_id")),
    )
    op.create_index("ix_protections_council_review", "protections", ["council_id", "review_on"], unique=False)
    op.create_index("ix_protections_person_id", "protections", ["person_id"], unique=False)
    op.create_table(
        "direct_payment_setups",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "offered",
                "agreed",
                "started",
                "refused",
                "stopped",
                name="setup_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("has_capacity", sa.Boolean(), nullable=False),
        sa.Column(
            "managed_by",
            sa.Enum(
                "self", "nominee", "authorised", name="managed_by", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("representation_id", sa.Uuid(), nullable=True),
        sa.Column("manager_accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conditions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
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
        sa.Column(
            "frequency",
            sa.Enum(
                "weekly",
                "four_weekly",
                "monthly",
                "once",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_pence", sa.BigInteger(), nullable=False),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("once_pence", sa.BigInteger(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("needs", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("terms_version", sa.Text(), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("agreed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "has_capacity OR managed_by = 'authorised'", name=op.f("ck_direct_payment_setups_no_capacity")
        ),
        sa.CheckConstraint(
            "managed_by = 'self' OR representation_id IS NOT NULL OR status IN ('draft', 'refused')",
            name=op.f("ck_direct_payment_setups_manager"),
        ),
        sa.CheckConstraint(
            "amount_pence >= 0 AND weekly_pence >= 0 AND once_pence >= 0", name=op.f("ck_direct_payment_setups_amount")
        ),
        sa.CheckConstraint(
            "(holding = 'provider_managed') OR organisation_id IS NULL", name=op.f("ck_direct_payment_setups_fund_of")
        ),
        sa.CheckConstraint(
            "holding <> 'provider_managed' OR organisation_id IS NOT NULL OR status IN ('draft', 'refused')",
            name=op.f("ck_direct_payment_setups_fund"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_direct_payment_setups_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["agreed_by_user_id"], ["users.id"], name=op.f("fk_direct_payment_setups_agreed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_direct_payment_setups_council_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_direct_payment_setups_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_direct_payment_setups_person_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_direct_payment_setups_plan_id")),
        sa.ForeignKeyConstraint(
            ["representation_id"], ["representations.id"], name=op.f("fk_direct_payment_setups_representation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_direct_payment_setups")),
    )
    op.create_index(
        "uq_direct_payment_setups_open",
        "direct_payment_setups",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'offered', 'agreed')"),
    )
    op.create_index(
        "uq_direct_payment_setups_weekly",
        "direct_payment_setups",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'offered', 'agreed', 'started') AND frequency <> 'once'"),
    )
    op.create_table(
        "early_starts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("sign_off_by", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("agreed_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("extended_reason", sa.Text(), nullable=False),
        sa.Column("extended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("told", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_how", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("sign_off_by > starts_on", name=op.f("ck_early_starts_period")),
        sa.ForeignKeyConstraint(["agreed_by_user_id"], ["users.id"], name=op.f("fk_early_starts_agreed_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_early_starts_council_id")),
        sa.ForeignKeyConstraint(
            ["extended_by_user_id"], ["users.id"], name=op.f("fk_early_starts_extended_by_user_id")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_early_starts_person_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_early_starts_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_early_starts")),
    )
    op.create_index("ix_early_starts_council", "early_starts", ["council_id", "sign_off_by"], unique=False)
    op.create_index(
        "uq_early_starts_open", "early_starts", ["person_id"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "plan_helpers",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "family",
                "peer",
                "planner",
                "other",
                name="helper_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("sections", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("expires_at > invited_at", name=op.f("ck_plan_helpers_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_plan_helpers_council_id")),
        sa.ForeignKeyConstraint(["invited_by_user_id"], ["users.id"], name=op.f("fk_plan_helpers_invited_by_user_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("fk_plan_helpers_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_helpers")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_plan_helpers_token_hash")),
    )
    op.create_index("ix_plan_helpers_plan_id", "plan_helpers", ["plan_id"], unique=False)
    op.create_table(
        "outcome_results",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column(
            "progress",
            sa.Enum(
                "reached",
                "partly",
                "not_yet",
                "no_longer",
                name="progress",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_outcome_results_council_id")),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_outcome_results_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome_results")),
        sa.UniqueConstraint("review_id", "position", name=op.f("uq_outcome_results_review_id_position")),
    )
    op.create_index("ix_outcome_results_council", "outcome_results", ["council_id"], unique=False)
    op.create_table(
        "panel_cases",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "asked",
                "listed",
                "decided",
                "withdrawn",
                name="panel_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("risks", sa.Text(), nullable=False),
        sa.Column("persons_view", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("panel_on", sa.Date(), nullable=True),
        sa.Column("members", sa.Text(), nullable=False),
        sa.Column("is_supported", sa.Boolean(), nullable=True),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_panel_cases_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_panel_cases_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_panel_cases_decided_by_user_id")),
        sa.ForeignKeyConstraint(["plan_version_id"], ["plan_versions.id"], name=op.f("fk_panel_cases_plan_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_panel_cases")),
    )
    op.create_index(
        "ix_panel_cases_council_status", "panel_cases", ["council_id", "status", "panel_on", "id"], unique=False
    )
    op.create_index(
        "uq_panel_cases_open",
        "panel_cases",
        ["plan_version_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('asked', 'listed')"),
    )
    op.create_table(
        "plan_asks",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "agreed",
                "refused",
                "withdrawn",
                name="ask_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("budget_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("asked_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("agreed_weekly_pence", sa.BigInteger(), nullable=True),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("asked_weekly_pence > budget_weekly_pence", name=op.f("ck_plan_asks_more")),
        sa.ForeignKeyConstraint(["answered_by_user_id"], ["users.id"], name=op.f("fk_plan_asks_answered_by_user_id")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_plan_asks_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_plan_asks_council_id")),
        sa.ForeignKeyConstraint(["plan_version_id"], ["plan_versions.id"], name=op.f("fk_plan_asks_plan_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_asks")),
    )
    op.create_index(
        "ix_plan_asks_council_status", "plan_asks", ["council_id", "status", "asked_at", "id"], unique=False
    )
    op.create_index(
        "uq_plan_asks_open", "plan_asks", ["plan_version_id"], unique=True, postgresql_where=sa.text("status = 'open'")
    )
    op.create_table(
        "plan_sections",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("edited_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("edited_by_helper_id", sa.Uuid(), nullable=True),
        sa.Column("author", sa.Text(), server_default="", nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("earlier", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_plan_sections_council_id")),
        sa.ForeignKeyConstraint(
            ["edited_by_helper_id"], ["plan_helpers.id"], name=op.f("fk_plan_sections_edited_by_helper_id")
        ),
        sa.ForeignKeyConstraint(["edited_by_user_id"], ["users.id"], name=op.f("fk_plan_sections_edited_by_user_id")),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_plan_sections_plan_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_sections")),
        sa.UniqueConstraint("plan_version_id", "key", name=op.f("uq_plan_sections_plan_version_id_key")),
    )
    op.create_table(
        "plan_showcases",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("story", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("nominated_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("nominated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("consent_given", sa.Boolean(), nullable=True),
        sa.Column("consent_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("consent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("published_at IS NULL OR consent_given", name=op.f("ck_plan_showcases_consent")),
        sa.ForeignKeyConstraint(
            ["consent_by_user_id"], ["users.id"], name=op.f("fk_plan_showcases_consent_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_plan_showcases_council_id")),
        sa.ForeignKeyConstraint(
            ["nominated_by_user_id"], ["users.id"], name=op.f("fk_plan_showcases_nominated_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["plan_version_id"], ["plan_versions.id"], name=op.f("fk_plan_showcases_plan_version_id")
        ),
        sa.ForeignKeyConstraint(
            ["published_by_user_id"], ["users.id"], name=op.f("fk_plan_showcases_published_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_showcases")),
    )
    op.create_index(
        "uq_plan_showcases_month",
        "plan_showcases",
        ["council_id", "month"],
        unique=True,
        postgresql_where=sa.text("published_at IS NOT NULL AND withdrawn_at IS NULL"),
    )
    op.create_table(
        "review_invites",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("told_on", sa.Date(), nullable=True),
        sa.Column("came", sa.Boolean(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_review_invites_council_id")),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_invites_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_invites")),
    )
    op.create_index("ix_review_invites_review_id", "review_invites", ["review_id"], unique=False)
    op.create_table(
        "review_notes",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "working", "not_working", "wish", name="note_kind", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("by_name", sa.Text(), nullable=False),
        sa.Column("by_user_id", sa.Uuid(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["by_user_id"], ["users.id"], name=op.f("fk_review_notes_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_review_notes_council_id")),
        sa.ForeignKeyConstraint(["review_id"], ["reviews.id"], name=op.f("fk_review_notes_review_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_notes")),
    )
    op.create_index("ix_review_notes_review_id", "review_notes", ["review_id", "id"], unique=False)
    op.add_column(
        "budgets",
        sa.Column(
            "kind",
            sa.Enum(
                "support",
                "carer",
                "equipment",
                name="budget_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="support",
            nullable=False,
        ),
    )
    op.add_column("budgets", sa.Column("one_off_pence", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("budgets", sa.Column("assessment_id", sa.Uuid(), nullable=True))
    op.add_column("budgets", sa.Column("ras_version_id", sa.Uuid(), nullable=True))
    op.add_column("budgets", sa.Column("financial_assessment_id", sa.Uuid(), nullable=True))
    op.add_column("budgets", sa.Column("points", sa.Integer(), nullable=True))
    op.add_column("budgets", sa.Column("point_value_pence", sa.Numeric(precision=14, scale=4), nullable=True))
    op.add_column("budgets", sa.Column("annual_pence", sa.BigInteger(), nullable=True))
    op.add_column("budgets", sa.Column("may_change_on", sa.Date(), nullable=True))
    op.add_column("budgets", sa.Column("indicative_id", sa.Uuid(), nullable=True))
    op.add_column("budgets", sa.Column("variance_reason", sa.Text(), server_default="", nullable=False))
    op.add_column("budgets", sa.Column("decided_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("budgets", sa.Column("direct_weekly_pence", sa.BigInteger(), nullable=True))
    op.add_column("budgets", sa.Column("pay_every_weeks", sa.Integer(), nullable=True))
    op.add_column("budgets", sa.Column("pays_monthly", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("budgets", sa.Column("paid_to", sa.Date(), nullable=True))
    op.create_check_constraint(
        op.f("ck_budgets_direct"), "budgets", "direct_weekly_pence >= 0 AND direct_weekly_pence <= weekly_pence"
    )
    op.create_check_constraint(op.f("ck_budgets_rhythm"), "budgets", "pay_every_weeks BETWEEN 1 AND 13")
    op.create_check_constraint(op.f("ck_budgets_one_rhythm"), "budgets", "NOT pays_monthly OR pay_every_weeks IS NULL")
    # A budget may bring two things on its first day: its share, and what is paid once.
    op.drop_index("uq_money_movements_payday", table_name="money_movements")
    op.create_index(
        "uq_money_movements_payday",
        "money_movements",
        ["budget_id", "happened_on", "kind"],
        unique=True,
        postgresql_where=sa.text("budget_id IS NOT NULL"),
    )
    op.create_foreign_key(op.f("fk_budgets_ras_version_id"), "budgets", "ras_versions", ["ras_version_id"], ["id"])
    op.create_foreign_key(
        op.f("fk_budgets_financial_assessment_id"),
        "budgets",
        "financial_assessments",
        ["financial_assessment_id"],
        ["id"],
    )
    op.create_foreign_key(op.f("fk_budgets_indicative_id"), "budgets", "budgets", ["indicative_id"], ["id"])
    op.create_foreign_key(op.f("fk_budgets_assessment_id"), "budgets", "assessments", ["assessment_id"], ["id"])
    op.create_foreign_key(op.f("fk_budgets_decided_by_user_id"), "budgets", "users", ["decided_by_user_id"], ["id"])
    op.add_column("people", sa.Column("photo_file_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_people_photo_file_id"), "people", "stored_files", ["photo_file_id"], ["id"])
    op.add_column("plan_items", sa.Column("need_id", sa.Uuid(), nullable=True))
    op.add_column("plan_items", sa.Column("listing_id", sa.Uuid(), nullable=True))
    op.add_column("plan_items", sa.Column("unit_price_pence", sa.BigInteger(), nullable=True))
    op.add_column("plan_items", sa.Column("price_unit", sa.Text(), server_default="", nullable=False))
    op.add_column("plan_items", sa.Column("weekly_quantity", sa.Numeric(precision=8, scale=2), nullable=True))
    op.add_column("plan_items", sa.Column("priced_on", sa.Date(), nullable=True))
    op.add_column(
        "plan_items",
        sa.Column(
            "route",
            sa.Enum(
                "direct_payment",
                "council_managed",
                "self_funded",
                name="funding_route",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.create_foreign_key(op.f("fk_plan_items_need_id"), "plan_items", "assessed_needs", ["need_id"], ["id"])
    op.create_foreign_key(op.f("fk_plan_items_listing_id"), "plan_items", "listings", ["listing_id"], ["id"])
    op.add_column(
        "plans",
        sa.Column(
            "planned_by",
            sa.Enum("planner", "person", name="planned_by", native_enum=False, create_constraint=True, length=40),
            server_default="planner",
            nullable=False,
        ),
    )
    op.add_column("plan_versions", sa.Column("passed_on_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("plan_versions", sa.Column("passed_on_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("plan_versions", sa.Column("passed_on_why", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(
        op.f("fk_plan_versions_passed_on_by_user_id"), "plan_versions", "users", ["passed_on_by_user_id"], ["id"]
    )
    op.alter_column("plans", "organisation_id", existing_type=sa.UUID(), nullable=True)
    op.alter_column("plans", "worker_id", existing_type=sa.UUID(), nullable=True)
    op.add_column(
        "reviews",
        sa.Column(
            "responsible",
            sa.Enum("planner", "council", name="responsible", native_enum=False, create_constraint=True, length=40),
            server_default="planner",
            nullable=False,
        ),
    )
    op.add_column("reviews", sa.Column("facilitator_user_id", sa.Uuid(), nullable=True))
    op.add_column("reviews", sa.Column("facilitator_reason", sa.Text(), server_default="", nullable=False))
    op.add_column("reviews", sa.Column("reason", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "reviews",
        sa.Column(
            "asked_by",
            sa.Enum(
                "person",
                "family",
                "provider",
                "council",
                "planner",
                name="asked_by",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("reviews", sa.Column("asked_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("reviews", sa.Column("booked_at_time", sa.Text(), server_default="", nullable=False))
    op.add_column("reviews", sa.Column("place", sa.Text(), server_default="", nullable=False))
    op.add_column("reviews", sa.Column("self_review_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "reviews",
        sa.Column(
            "outcome",
            sa.Enum(
                "go_on",
                "change_plan",
                "reassess",
                "end",
                name="review_outcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("reviews", sa.Column("changes", sa.Text(), server_default="", nullable=False))
    op.add_column("reviews", sa.Column("changes_from", sa.Date(), nullable=True))
    op.add_column("reviews", sa.Column("person_signed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reviews", sa.Column("person_signed_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("reviews", sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("reviews", sa.Column("signed_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("reviews", sa.Column("version", sa.Integer(), server_default="1", nullable=False))
    op.alter_column("reviews", "facilitator_id", existing_type=sa.UUID(), nullable=True)
    op.create_index("ix_reviews_person_id", "reviews", ["person_id", "due_on"], unique=False)
    op.create_foreign_key(
        op.f("fk_reviews_person_signed_by_user_id"), "reviews", "users", ["person_signed_by_user_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_reviews_asked_by_user_id"), "reviews", "users", ["asked_by_user_id"], ["id"])
    op.create_foreign_key(op.f("fk_reviews_signed_by_user_id"), "reviews", "users", ["signed_by_user_id"], ["id"])
    op.create_foreign_key(op.f("fk_reviews_facilitator_user_id"), "reviews", "users", ["facilitator_user_id"], ["id"])
    op.add_column("bookings", sa.Column("block_contract_id", sa.Uuid(), nullable=True))
    op.create_index(
        "ix_bookings_block",
        "bookings",
        ["block_contract_id", "visit_on"],
        unique=False,
        postgresql_where=sa.text("block_contract_id IS NOT NULL"),
    )
    for table, name, column, _before, now in CHOICES:
        _allow(table, name, column, now)
    op.add_column("invoice_lines", sa.Column("billed_again_on", sa.Date(), nullable=True))
    op.drop_index("uq_invoice_lines_accrual_id", table_name="invoice_lines")
    op.create_index(
        "uq_invoice_lines_accrual_id",
        "invoice_lines",
        ["accrual_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'refused' AND NOT is_credit AND billed_again_on IS NULL"),
    )
    # A wrong statement stays, and another from the same day takes its place.
    op.add_column("vat_treatments", sa.Column("corrects_id", sa.Uuid(), nullable=True))
    op.add_column("vat_treatments", sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("fk_vat_treatments_corrects_id"), "vat_treatments", "vat_treatments", ["corrects_id"], ["id"]
    )
    op.create_unique_constraint(op.f("uq_vat_treatments_corrects_id"), "vat_treatments", ["corrects_id"])
    op.drop_constraint(op.f(VAT_ONCE), "vat_treatments", type_="unique")
    op.create_index(
        "uq_vat_treatments_first",
        "vat_treatments",
        VAT_KEY,
        unique=True,
        postgresql_where=sa.text("corrects_id IS NULL"),
    )
    op.create_check_constraint(
        op.f("ck_vat_treatments_corrected"), "vat_treatments", "corrected_at IS NULL OR agreed_at IS NOT NULL"
    )
    # Reviews held before both sides signed here were complete when they were written down.
    op.execute("SELECT set_config('app.councils', '*', true)")
    op.execute("UPDATE reviews SET status = 'signed' WHERE status = 'held'")
    for table, name, rule in CHECKS:
        op.execute(f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_{name} CHECK ({rule})")
    op.create_table(
        "council_moves",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("moves_on", sa.Date(), nullable=False),
        sa.Column("to_council_id", sa.Uuid(), nullable=True),
        sa.Column("to_name", sa.Text(), nullable=False),
        sa.Column("consent", sa.Text(), nullable=False),
        sa.Column("consent_words", sa.Text(), nullable=False),
        sa.Column("shared", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("support", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("(to_council_id IS NULL) = (to_name <> '')", name=op.f("ck_council_moves_destination")),
        sa.CheckConstraint("to_council_id <> council_id", name=op.f("ck_council_moves_another")),
        sa.CheckConstraint("consent IN ('asked', 'yes', 'no')", name=op.f("ck_council_moves_consent")),
        sa.CheckConstraint("support IN ('', 'ends', 'goes_on')", name=op.f("ck_council_moves_support")),
        sa.CheckConstraint("(consent = 'asked') = (answered_at IS NULL)", name=op.f("ck_council_moves_answer")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_council_moves_council_id")),
        sa.ForeignKeyConstraint(["to_council_id"], ["councils.id"], name=op.f("fk_council_moves_to_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_council_moves_person_id")),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_council_moves_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_user_id"], ["users.id"], name=op.f("fk_council_moves_recorded_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_council_moves")),
    )
    op.create_index(
        "uq_council_moves_open",
        "council_moves",
        ["person_id"],
        unique=True,
        postgresql_where=sa.text("cancelled_at IS NULL"),
    )
    op.create_table(
        "incoming_cases",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("move_id", sa.Uuid(), nullable=False),
        sa.Column("from_name", sa.Text(), nullable=False),
        sa.Column("moves_on", sa.Date(), nullable=False),
        sa.Column("extract", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("contact_id", sa.Uuid(), nullable=True),
        sa.Column("started_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("day_told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_incoming_cases_council_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_incoming_cases_person_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["front_door_contacts.id"], name=op.f("fk_incoming_cases_contact_id")),
        sa.ForeignKeyConstraint(
            ["started_by_user_id"], ["users.id"], name=op.f("fk_incoming_cases_started_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_cases")),
        sa.UniqueConstraint("move_id", name=op.f("uq_incoming_cases_move_id")),
    )
    op.create_index("ix_incoming_cases_council", "incoming_cases", ["council_id", "moves_on", "id"], unique=False)


def _refuse_what_would_be_lost() -> None:
    """Refuse to go back while there are rows that the schema before cannot hold.

    Raises:
        RuntimeError: It names how many of what there are. Nothing has changed.
    """
    found = []
    bind = op.get_bind()
    bind.execute(sa.text("SELECT set_config('app.councils', '*', true)"))
    for table, rule, words in LATER_ROWS:
        number = bind.scalar(sa.text(f"SELECT count(*) FROM {table} WHERE {rule}"))
        if number:
            found.append(f"{number} {words}")
    if found:
        raise RuntimeError(
            "This database cannot go back to revision 0013: it holds "
            + "; ".join(found)
            + ". Nothing was changed. Keep this release, or restore the backup from before the upgrade."
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _refuse_what_would_be_lost()
    op.drop_table("incoming_cases")
    op.drop_table("council_moves")
    op.drop_constraint(op.f("ck_vat_treatments_corrected"), "vat_treatments", type_="check")
    op.drop_index("uq_vat_treatments_first", table_name="vat_treatments")
    op.create_unique_constraint(op.f(VAT_ONCE), "vat_treatments", VAT_KEY)
    op.drop_column("vat_treatments", "corrected_at")
    op.drop_column("vat_treatments", "corrects_id")
    for table, name, _rule in CHECKS:
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT ck_{table}_{name}")
    op.execute("SELECT set_config('app.councils', '*', true)")
    op.execute("UPDATE reviews SET status = 'held' WHERE status = 'signed'")
    for table in ("line_holds", "invoice_lines"):
        op.execute(f"UPDATE {table} SET reason_code = 'duplicate' WHERE reason_code = 'in_block'")
    op.drop_index("ix_bookings_block", "bookings", postgresql_where=sa.text("block_contract_id IS NOT NULL"))
    op.drop_column("bookings", "block_contract_id")
    for table, name, column, before, _now in CHOICES:
        _allow(table, name, column, before)
    op.drop_index("uq_invoice_lines_accrual_id", table_name="invoice_lines")
    op.create_index(
        "uq_invoice_lines_accrual_id",
        "invoice_lines",
        ["accrual_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'refused' AND NOT is_credit"),
    )
    op.drop_column("invoice_lines", "billed_again_on")
    op.drop_constraint(op.f("fk_reviews_facilitator_user_id"), "reviews", type_="foreignkey")
    op.drop_constraint(op.f("fk_reviews_signed_by_user_id"), "reviews", type_="foreignkey")
    op.drop_constraint(op.f("fk_reviews_asked_by_user_id"), "reviews", type_="foreignkey")
    op.drop_constraint(op.f("fk_reviews_person_signed_by_user_id"), "reviews", type_="foreignkey")
    op.drop_index("ix_reviews_person_id", table_name="reviews")
    op.alter_column("reviews", "facilitator_id", existing_type=sa.UUID(), nullable=False)
    op.drop_column("reviews", "version")
    op.drop_column("reviews", "signed_by_user_id")
    op.drop_column("reviews", "signed_at")
    op.drop_column("reviews", "person_signed_by_user_id")
    op.drop_column("reviews", "person_signed_at")
    op.drop_column("reviews", "changes_from")
    op.drop_column("reviews", "changes")
    op.drop_column("reviews", "outcome")
    op.drop_column("reviews", "self_review_at")
    op.drop_column("reviews", "place")
    op.drop_column("reviews", "booked_at_time")
    op.drop_column("reviews", "asked_by_user_id")
    op.drop_column("reviews", "asked_by")
    op.drop_column("reviews", "reason")
    op.drop_column("reviews", "facilitator_reason")
    op.drop_column("reviews", "facilitator_user_id")
    op.drop_column("reviews", "responsible")
    op.alter_column("plans", "worker_id", existing_type=sa.UUID(), nullable=False)
    op.alter_column("plans", "organisation_id", existing_type=sa.UUID(), nullable=False)
    op.drop_constraint(op.f("fk_plan_versions_passed_on_by_user_id"), "plan_versions", type_="foreignkey")
    op.drop_column("plan_versions", "passed_on_why")
    op.drop_column("plan_versions", "passed_on_by_user_id")
    op.drop_column("plan_versions", "passed_on_at")
    op.drop_column("plans", "planned_by")
    op.drop_constraint(op.f("fk_plan_items_listing_id"), "plan_items", type_="foreignkey")
    op.drop_constraint(op.f("fk_plan_items_need_id"), "plan_items", type_="foreignkey")
    op.drop_column("plan_items", "route")
    op.drop_column("plan_items", "priced_on")
    op.drop_column("plan_items", "weekly_quantity")
    op.drop_column("plan_items", "price_unit")
    op.drop_column("plan_items", "unit_price_pence")
    op.drop_column("plan_items", "listing_id")
    op.drop_column("plan_items", "need_id")
    op.drop_constraint(op.f("fk_people_photo_file_id"), "people", type_="foreignkey")
    op.drop_column("people", "photo_file_id")
    op.drop_constraint(op.f("fk_budgets_decided_by_user_id"), "budgets", type_="foreignkey")
    op.drop_constraint(op.f("fk_budgets_assessment_id"), "budgets", type_="foreignkey")
    op.drop_constraint(op.f("fk_budgets_indicative_id"), "budgets", type_="foreignkey")
    op.drop_constraint(op.f("fk_budgets_financial_assessment_id"), "budgets", type_="foreignkey")
    op.drop_constraint(op.f("fk_budgets_ras_version_id"), "budgets", type_="foreignkey")
    op.drop_index("uq_money_movements_payday", table_name="money_movements")
    op.create_index(
        "uq_money_movements_payday",
        "money_movements",
        ["budget_id", "happened_on"],
        unique=True,
        postgresql_where=sa.text("budget_id IS NOT NULL"),
    )
    op.drop_constraint(op.f("ck_budgets_one_rhythm"), "budgets", type_="check")
    op.drop_constraint(op.f("ck_budgets_rhythm"), "budgets", type_="check")
    op.drop_constraint(op.f("ck_budgets_direct"), "budgets", type_="check")
    op.drop_column("budgets", "paid_to")
    op.drop_column("budgets", "pays_monthly")
    op.drop_column("budgets", "pay_every_weeks")
    op.drop_column("budgets", "direct_weekly_pence")
    op.drop_column("budgets", "decided_by_user_id")
    op.drop_column("budgets", "variance_reason")
    op.drop_column("budgets", "indicative_id")
    op.drop_column("budgets", "may_change_on")
    op.drop_column("budgets", "annual_pence")
    op.drop_column("budgets", "point_value_pence")
    op.drop_column("budgets", "points")
    op.drop_column("budgets", "financial_assessment_id")
    op.drop_column("budgets", "ras_version_id")
    op.drop_column("budgets", "assessment_id")
    op.drop_column("budgets", "one_off_pence")
    op.drop_column("budgets", "kind")
    op.drop_index("ix_review_notes_review_id", table_name="review_notes")
    op.drop_table("review_notes")
    op.drop_index("ix_review_invites_review_id", table_name="review_invites")
    op.drop_table("review_invites")
    op.drop_index(
        "uq_plan_showcases_month",
        table_name="plan_showcases",
        postgresql_where=sa.text("published_at IS NOT NULL AND withdrawn_at IS NULL"),
    )
    op.drop_table("plan_showcases")
    op.drop_table("plan_sections")
    op.drop_index("uq_plan_asks_open", table_name="plan_asks", postgresql_where=sa.text("status = 'open'"))
    op.drop_index("ix_plan_asks_council_status", table_name="plan_asks")
    op.drop_table("plan_asks")
    op.drop_index(
        "uq_panel_cases_open", table_name="panel_cases", postgresql_where=sa.text("status IN ('asked', 'listed')")
    )
    op.drop_index("ix_panel_cases_council_status", table_name="panel_cases")
    op.drop_table("panel_cases")
    op.drop_index("ix_outcome_results_council", table_name="outcome_results")
    op.drop_table("outcome_results")
    op.drop_index("ix_plan_helpers_plan_id", table_name="plan_helpers")
    op.drop_table("plan_helpers")
    op.drop_index("uq_early_starts_open", table_name="early_starts", postgresql_where=sa.text("ended_at IS NULL"))
    op.drop_index("ix_early_starts_council", table_name="early_starts")
    op.drop_table("early_starts")
    op.drop_index(
        "uq_direct_payment_setups_weekly",
        table_name="direct_payment_setups",
        postgresql_where=sa.text("status IN ('draft', 'offered', 'agreed', 'started') AND frequency <> 'once'"),
    )
    op.drop_index(
        "uq_direct_payment_setups_open",
        table_name="direct_payment_setups",
        postgresql_where=sa.text("status IN ('draft', 'offered', 'agreed')"),
    )
    op.drop_table("direct_payment_setups")
    op.drop_index("ix_protections_person_id", table_name="protections")
    op.drop_index("ix_protections_council_review", table_name="protections")
    op.drop_table("protections")
    op.drop_table("budget_parts")
    op.drop_index(
        "uq_budget_challenges_open", table_name="budget_challenges", postgresql_where=sa.text("status = 'open'")
    )
    op.drop_index("ix_budget_challenges_council_status", table_name="budget_challenges")
    op.drop_table("budget_challenges")
    op.drop_table("assessed_needs")
    op.drop_index("ix_record_views_person_id", table_name="record_views")
    op.drop_table("record_views")
    op.drop_table("ras_months")
    op.drop_table("ras_cases")
    op.drop_index("ix_profile_entries_person_id", table_name="profile_entries")
    op.drop_table("profile_entries")
    op.drop_index("ix_plan_shares_person_id", table_name="plan_shares")
    op.drop_index("ix_plan_shares_organisation_id", table_name="plan_shares")
    op.drop_table("plan_shares")
    op.drop_index("uq_person_stages_open", table_name="person_stages", postgresql_where=sa.text("ended_on IS NULL"))
    op.drop_index("ix_person_stages_person_id", table_name="person_stages")
    op.drop_table("person_stages")
    op.drop_index("ix_front_door_contacts_person_id", table_name="front_door_contacts")
    op.drop_index("ix_front_door_contacts_council", table_name="front_door_contacts")
    op.drop_table("front_door_contacts")
    op.drop_table("financial_assessments")
    op.drop_index("uq_crises_open", table_name="crises", postgresql_where=sa.text("ended_on IS NULL"))
    op.drop_table("crises")
    op.drop_index("ix_assessments_person_id", table_name="assessments")
    op.drop_index("ix_assessments_council", table_name="assessments")
    op.drop_table("assessments")
    op.drop_index("ix_ras_versions_council", table_name="ras_versions")
    op.drop_table("ras_versions")
    op.drop_index("ix_exchange_runs_council", table_name="exchange_runs")
    op.drop_table("exchange_runs")
    op.drop_table("approval_limits")
