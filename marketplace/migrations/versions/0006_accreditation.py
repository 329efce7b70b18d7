"""Accreditation: files, frameworks, applications, agreements, holds, passports, the workforce, monitoring.

Revision: 0006
After: 0005
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

FIRST_KINDS = (
    "liability_insurance",
    "employer_insurance",
    "dbs",
    "safeguarding_training",
    "care_training",
    "references",
    "right_to_work",
)
KINDS = (
    *FIRST_KINDS,
    "person_centred_training",
    "charity_registration",
    "company_registration",
    "data_security",
    "safeguarding_policy",
)


def _listed(kinds: tuple[str, ...]) -> str:
    return ", ".join(f"'{kind}'" for kind in kinds)


def _evidence_kinds(kinds: tuple[str, ...]) -> None:
    op.drop_constraint(op.f("ck_evidence_evidence_kind"), "evidence", type_="check")
    op.create_check_constraint(op.f("ck_evidence_evidence_kind"), "evidence", f"kind IN ({_listed(kinds)})")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    _evidence_kinds(KINDS)
    op.create_table(
        "stored_files",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("changes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "scan",
            sa.Enum(
                "clean", "waiting", "infected", name="scan_state", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("scanned_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stored_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("stored_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("size > 0", name=op.f("ck_stored_files_size")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_files")),
    )
    op.create_index(
        "ix_stored_files_waiting",
        "stored_files",
        ["stored_at"],
        unique=False,
        postgresql_where=sa.text("scan = 'waiting'"),
    )
    op.create_table(
        "file_contents",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["stored_files.id"], name=op.f("fk_file_contents_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_file_contents")),
    )
    op.create_table(
        "frameworks",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_frameworks_council_id")),
        sa.ForeignKeyConstraint(["created_by_user_id"], ["users.id"], name=op.f("fk_frameworks_created_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frameworks")),
        sa.UniqueConstraint("council_id", "slug", name=op.f("uq_frameworks_council_id_slug")),
    )
    op.create_table(
        "nomination_calls",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("chosen_by", sa.Text(), nullable=False),
        sa.Column("places", sa.Integer(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("places BETWEEN 1 AND 1000", name=op.f("ck_nomination_calls_places")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_nomination_calls_council_id")),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"], ["users.id"], name=op.f("fk_nomination_calls_created_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nomination_calls")),
    )
    op.create_index("ix_nomination_calls_council_id", "nomination_calls", ["council_id", "closes_on"], unique=False)
    op.create_table(
        "engagement_entries",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("framework_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "market_event",
                "consultation",
                "soft_market_test",
                "co_production",
                "interest",
                name="engagement_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("held_on", sa.Date(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("done", sa.Text(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("organisations", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("lot_codes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_public", sa.Boolean(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("people >= 0 AND organisations >= 0", name=op.f("ck_engagement_entries_counts")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_engagement_entries_council_id")),
        sa.ForeignKeyConstraint(["framework_id"], ["frameworks.id"], name=op.f("fk_engagement_entries_framework_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_engagement_entries_made_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_engagement_entries_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engagement_entries")),
    )
    op.create_index(
        "ix_engagement_entries_council", "engagement_entries", ["council_id", "held_on", "id"], unique=False
    )
    op.create_table(
        "framework_versions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("framework_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "published",
                "withdrawn",
                name="framework_version_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("specification", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("agreement_terms", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=True),
        sa.Column("published_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_framework_versions_council_id")),
        sa.ForeignKeyConstraint(["framework_id"], ["frameworks.id"], name=op.f("fk_framework_versions_framework_id")),
        sa.ForeignKeyConstraint(
            ["published_by_user_id"], ["users.id"], name=op.f("fk_framework_versions_published_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_framework_versions")),
        sa.UniqueConstraint("framework_id", "number", name=op.f("uq_framework_versions_framework_id_number")),
    )
    op.create_index("ix_framework_versions_council_id", "framework_versions", ["council_id"], unique=False)
    op.create_table(
        "join_requests",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "accepted",
                "refused",
                name="join_request_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_join_requests_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_join_requests_decided_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_join_requests_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_join_requests")),
    )
    op.create_index("ix_join_requests_council_id", "join_requests", ["council_id", "status"], unique=False)
    op.create_index("ix_join_requests_organisation_id", "join_requests", ["organisation_id", "status"], unique=False)
    op.create_table(
        "monitoring_returns",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("until_day", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "sent",
                "reviewed",
                "queried",
                name="return_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("corrections", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("good", sa.Text(), nullable=False),
        sa.Column("hard", sa.Text(), nullable=False),
        sa.Column("sent_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("review", sa.Text(), nullable=False),
        sa.Column("reviewed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("until_day > from_day", name=op.f("ck_monitoring_returns_period")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_monitoring_returns_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_monitoring_returns_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by_user_id"], ["users.id"], name=op.f("fk_monitoring_returns_reviewed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["sent_by_user_id"], ["users.id"], name=op.f("fk_monitoring_returns_sent_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_monitoring_returns")),
        sa.UniqueConstraint(
            "council_id",
            "organisation_id",
            "from_day",
            name=op.f("uq_monitoring_returns_council_id_organisation_id_from_day"),
        ),
    )
    op.create_index(
        "ix_monitoring_returns_council_status", "monitoring_returns", ["council_id", "status", "from_day"], unique=False
    )
    op.create_index(
        "ix_monitoring_returns_organisation_id", "monitoring_returns", ["organisation_id", "from_day"], unique=False
    )
    op.create_table(
        "organisation_merges",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("from_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("into_organisation_id", sa.Uuid(), nullable=False),
        sa.Column("merged_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("moved", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("from_organisation_id <> into_organisation_id", name=op.f("ck_organisation_merges_two")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_organisation_merges_council_id")),
        sa.ForeignKeyConstraint(
            ["from_organisation_id"], ["organisations.id"], name=op.f("fk_organisation_merges_from_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["into_organisation_id"], ["organisations.id"], name=op.f("fk_organisation_merges_into_organisation_id")
        ),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_organisation_merges_made_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_merges")),
        sa.UniqueConstraint("from_organisation_id", name=op.f("uq_organisation_merges_from_organisation_id")),
    )
    op.create_index("ix_organisation_merges_council_id", "organisation_merges", ["council_id"], unique=False)
    op.create_index("ix_organisation_merges_into", "organisation_merges", ["into_organisation_id"], unique=False)
    op.create_table(
        "passport_shares",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "shared", "revoked", name="passport_share_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("shared_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("shared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_passport_shares_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_passport_shares_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by_user_id"], ["users.id"], name=op.f("fk_passport_shares_revoked_by_user_id")
        ),
        sa.ForeignKeyConstraint(["shared_by_user_id"], ["users.id"], name=op.f("fk_passport_shares_shared_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passport_shares")),
        sa.UniqueConstraint(
            "organisation_id", "council_id", name=op.f("uq_passport_shares_organisation_id_council_id")
        ),
    )
    op.create_index("ix_passport_shares_council_id", "passport_shares", ["council_id", "status"], unique=False)
    op.create_table(
        "passports",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("is_published", sa.Boolean(), nullable=False),
        sa.Column("shows", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("updated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_passports_organisation_id")),
        sa.ForeignKeyConstraint(["updated_by_user_id"], ["users.id"], name=op.f("fk_passports_updated_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passports")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_passports_organisation_id")),
        sa.UniqueConstraint("token", name=op.f("uq_passports_token")),
    )
    op.create_table(
        "lots",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
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
        sa.Column("district_codes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("evidence", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("needs_registration", sa.Boolean(), nullable=False),
        sa.Column("trusts_other_councils", sa.Boolean(), nullable=False),
        sa.Column("agreement_months", sa.Integer(), nullable=False),
        sa.Column("pass_percent", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("agreement_months BETWEEN 1 AND 120", name=op.f("ck_lots_months")),
        sa.CheckConstraint("pass_percent BETWEEN 0 AND 100", name=op.f("ck_lots_pass")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_lots_council_id")),
        sa.ForeignKeyConstraint(["version_id"], ["framework_versions.id"], name=op.f("fk_lots_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lots")),
        sa.UniqueConstraint("version_id", "code", name=op.f("uq_lots_version_id_code")),
    )
    op.create_index("ix_lots_council_id", "lots", ["council_id"], unique=False)
    op.create_table(
        "nominations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "nominated",
                "selected",
                "not_selected",
                "withdrawn",
                name="nomination_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("nominated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("nominated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["call_id"], ["nomination_calls.id"], name=op.f("fk_nominations_call_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_nominations_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_nominations_decided_by_user_id")),
        sa.ForeignKeyConstraint(
            ["nominated_by_user_id"], ["users.id"], name=op.f("fk_nominations_nominated_by_user_id")
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_nominations_organisation_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_nominations_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_nominations")),
        sa.UniqueConstraint("call_id", "worker_id", name=op.f("uq_nominations_call_id_worker_id")),
    )
    op.create_index("ix_nominations_council_id", "nominations", ["council_id", "status"], unique=False)
    op.create_table(
        "organisation_invitations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("invited_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["accepted_by_user_id"], ["users.id"], name=op.f("fk_organisation_invitations_accepted_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_organisation_invitations_council_id")),
        sa.ForeignKeyConstraint(
            ["invited_by_user_id"], ["users.id"], name=op.f("fk_organisation_invitations_invited_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_organisation_invitations_organisation_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_organisation_invitations_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation_invitations")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_organisation_invitations_secret_hash")),
    )
    op.create_index("ix_organisation_invitations_council_id", "organisation_invitations", ["council_id"], unique=False)
    op.create_index(
        "ix_organisation_invitations_organisation_id", "organisation_invitations", ["organisation_id"], unique=False
    )
    op.create_table(
        "rounds",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("framework_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("questions_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "late_rule",
            sa.Enum(
                "refuse", "accept_with_reason", name="late_rule", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("late_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decides_on", sa.Date(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("reopens_on", sa.Date(), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_because", sa.Text(), nullable=False),
        sa.Column("told_open_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_closing_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("closes_at > opens_at", name=op.f("ck_rounds_period")),
        sa.CheckConstraint("late_until IS NULL OR late_until > closes_at", name=op.f("ck_rounds_late")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_rounds_council_id")),
        sa.ForeignKeyConstraint(["created_by_user_id"], ["users.id"], name=op.f("fk_rounds_created_by_user_id")),
        sa.ForeignKeyConstraint(["framework_id"], ["frameworks.id"], name=op.f("fk_rounds_framework_id")),
        sa.ForeignKeyConstraint(["version_id"], ["framework_versions.id"], name=op.f("fk_rounds_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rounds")),
    )
    op.create_index("ix_rounds_council_id", "rounds", ["council_id", "closes_at"], unique=False)
    op.create_index("ix_rounds_framework_id", "rounds", ["framework_id"], unique=False)
    op.create_table(
        "status_tests",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("given_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["given_by_user_id"], ["users.id"], name=op.f("fk_status_tests_given_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_status_tests_organisation_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_status_tests_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_tests")),
    )
    op.create_index("ix_status_tests_organisation_id", "status_tests", ["organisation_id"], unique=False)
    op.create_table(
        "worker_training",
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("recorded_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("expires_on IS NULL OR expires_on > done_on", name=op.f("ck_worker_training_period")),
        sa.ForeignKeyConstraint(
            ["recorded_by_user_id"], ["users.id"], name=op.f("fk_worker_training_recorded_by_user_id")
        ),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_worker_training_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_worker_training")),
    )
    op.create_index("ix_worker_training_worker_id", "worker_training", ["worker_id", "course"], unique=False)
    op.create_table(
        "applications",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "submitted",
                "evaluating",
                "moderated",
                "awarded",
                "refused",
                "withdrawn",
                name="application_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("earlier_id", sa.Uuid(), nullable=True),
        sa.Column("late_reason", sa.Text(), nullable=False),
        sa.Column("is_late", sa.Boolean(), nullable=False),
        sa.Column("submitted", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("submitted_hash", sa.LargeBinary(), nullable=True),
        sa.Column("submitted_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moderated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("moderated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_applications_council_id")),
        sa.ForeignKeyConstraint(["created_by_user_id"], ["users.id"], name=op.f("fk_applications_created_by_user_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_applications_decided_by_user_id")),
        sa.ForeignKeyConstraint(["earlier_id"], ["applications.id"], name=op.f("fk_applications_earlier_id")),
        sa.ForeignKeyConstraint(
            ["moderated_by_user_id"], ["users.id"], name=op.f("fk_applications_moderated_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_applications_organisation_id")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_applications_round_id")),
        sa.ForeignKeyConstraint(
            ["submitted_by_user_id"], ["users.id"], name=op.f("fk_applications_submitted_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sa.UniqueConstraint("council_id", "reference", name=op.f("uq_applications_council_id_reference")),
        sa.UniqueConstraint("round_id", "organisation_id", name=op.f("uq_applications_round_id_organisation_id")),
    )
    op.create_index(
        "ix_applications_council_status", "applications", ["council_id", "status", "submitted_at"], unique=False
    )
    op.create_index("ix_applications_organisation_id", "applications", ["organisation_id"], unique=False)
    op.create_table(
        "countersignatures",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.Column("signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_countersignatures_council_id")),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_countersignatures_evidence_id")),
        sa.ForeignKeyConstraint(
            ["signed_by_user_id"], ["users.id"], name=op.f("fk_countersignatures_signed_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by_user_id"], ["users.id"], name=op.f("fk_countersignatures_withdrawn_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_countersignatures")),
    )
    op.create_index("ix_countersignatures_council_id", "countersignatures", ["council_id"], unique=False)
    op.create_index("ix_countersignatures_evidence", "countersignatures", ["evidence_id", "council_id"], unique=False)
    op.create_index(
        "ix_countersignatures_evidence_council",
        "countersignatures",
        ["evidence_id", "council_id"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.create_table(
        "criteria",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "eligibility",
                "declaration",
                "scored",
                "evidence",
                name="criterion_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("help", sa.Text(), nullable=False),
        sa.Column("wanted_answer", sa.Text(), nullable=False),
        sa.Column("evidence_kind", sa.Text(), nullable=False),
        sa.Column("longest_words", sa.Integer(), nullable=False),
        sa.Column("weight_percent", sa.Integer(), nullable=False),
        sa.Column("pass_score", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("pass_score BETWEEN 0 AND 5", name=op.f("ck_criteria_pass_score")),
        sa.CheckConstraint("weight_percent BETWEEN 0 AND 100", name=op.f("ck_criteria_weight")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_criteria_council_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("fk_criteria_lot_id")),
        sa.ForeignKeyConstraint(["version_id"], ["framework_versions.id"], name=op.f("fk_criteria_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_criteria")),
        sa.UniqueConstraint("version_id", "key", name=op.f("uq_criteria_version_id_key")),
    )
    op.create_index("ix_criteria_council_id", "criteria", ["council_id"], unique=False)
    op.create_table(
        "evidence_files",
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("evidence_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["evidence_id"], ["evidence.id"], name=op.f("fk_evidence_files_evidence_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_evidence_files_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_evidence_files")),
    )
    op.create_index("ix_evidence_files_evidence_id", "evidence_files", ["evidence_id"], unique=False)
    op.create_table(
        "framework_questions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("round_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("published_question", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_framework_questions_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_user_id"], ["users.id"], name=op.f("fk_framework_questions_asked_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_framework_questions_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_framework_questions_organisation_id")
        ),
        sa.ForeignKeyConstraint(["round_id"], ["rounds.id"], name=op.f("fk_framework_questions_round_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_framework_questions")),
    )
    op.create_index("ix_framework_questions_round_id", "framework_questions", ["round_id", "asked_at"], unique=False)
    op.create_table(
        "agreements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=True),
        sa.Column("lot_ids", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "offered",
                "provider_signed",
                "signed",
                "declined",
                "replaced",
                "ended",
                name="agreement_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("terms_hash", sa.LargeBinary(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("sign_by", sa.Date(), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider_signed_name", sa.Text(), nullable=False),
        sa.Column("provider_signed_role", sa.Text(), nullable=False),
        sa.Column("provider_signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("provider_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("council_signed_name", sa.Text(), nullable=False),
        sa.Column("council_signed_role", sa.Text(), nullable=False),
        sa.Column("council_signed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("council_signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on > starts_on", name=op.f("ck_agreements_period")),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_agreements_application_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_agreements_council_id")),
        sa.ForeignKeyConstraint(
            ["council_signed_by_user_id"], ["users.id"], name=op.f("fk_agreements_council_signed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_agreements_organisation_id")),
        sa.ForeignKeyConstraint(
            ["provider_signed_by_user_id"], ["users.id"], name=op.f("fk_agreements_provider_signed_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agreements")),
        sa.UniqueConstraint(
            "council_id", "reference", "number", name=op.f("uq_agreements_council_id_reference_number")
        ),
    )
    op.create_index("ix_agreements_application_id", "agreements", ["application_id"], unique=False)
    op.create_index("ix_agreements_council_status", "agreements", ["council_id", "status"], unique=False)
    op.create_index("ix_agreements_organisation_id", "agreements", ["organisation_id"], unique=False)
    op.create_table(
        "appeals",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "upheld",
                "dismissed",
                name="appeal_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_appeals_application_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_appeals_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_appeals_decided_by_user_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_appeals_made_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
        sa.UniqueConstraint("application_id", name=op.f("uq_appeals_application_id")),
    )
    op.create_index("ix_appeals_council_id", "appeals", ["council_id", "status"], unique=False)
    op.create_table(
        "application_answers",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=False),
        sa.Column("choice", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("carried_from_id", sa.Uuid(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_answers_application_id")
        ),
        sa.ForeignKeyConstraint(
            ["carried_from_id"], ["application_answers.id"], name=op.f("fk_application_answers_carried_from_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_application_answers_council_id")),
        sa.ForeignKeyConstraint(["criterion_id"], ["criteria.id"], name=op.f("fk_application_answers_criterion_id")),
        sa.ForeignKeyConstraint(
            ["updated_by_user_id"], ["users.id"], name=op.f("fk_application_answers_updated_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_answers")),
        sa.UniqueConstraint(
            "application_id", "criterion_id", name=op.f("uq_application_answers_application_id_criterion_id")
        ),
    )
    op.create_index("ix_application_answers_council_id", "application_answers", ["council_id"], unique=False)
    op.create_table(
        "application_lots",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum("awarded", "refused", name="lot_outcome", native_enum=False, create_constraint=True, length=40),
            nullable=True,
        ),
        sa.Column("score_percent", sa.Integer(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_application_lots_application_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_application_lots_council_id")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("fk_application_lots_lot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_application_lots")),
        sa.UniqueConstraint("application_id", "lot_id", name=op.f("uq_application_lots_application_id_lot_id")),
    )
    op.create_index("ix_application_lots_council_id", "application_lots", ["council_id"], unique=False)
    op.create_index("ix_application_lots_lot_id", "application_lots", ["lot_id"], unique=False)
    op.create_table(
        "evaluations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("evaluator_user_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "assigned",
                "scoring",
                "submitted",
                "stood_down",
                name="evaluation_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("interest", sa.Text(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("assigned_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("assigned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["application_id"], ["applications.id"], name=op.f("fk_evaluations_application_id")),
        sa.ForeignKeyConstraint(["assigned_by_user_id"], ["users.id"], name=op.f("fk_evaluations_assigned_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_evaluations_council_id")),
        sa.ForeignKeyConstraint(["evaluator_user_id"], ["users.id"], name=op.f("fk_evaluations_evaluator_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluations")),
        sa.UniqueConstraint(
            "application_id", "evaluator_user_id", name=op.f("uq_evaluations_application_id_evaluator_user_id")
        ),
    )
    op.create_index(
        "ix_evaluations_council_id", "evaluations", ["council_id", "evaluator_user_id", "status"], unique=False
    )
    op.create_table(
        "moderated_scores",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("application_id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("feedback", sa.Text(), nullable=False),
        sa.Column("moderated_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 5", name=op.f("ck_moderated_scores_score")),
        sa.ForeignKeyConstraint(
            ["application_id"], ["applications.id"], name=op.f("fk_moderated_scores_application_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_moderated_scores_council_id")),
        sa.ForeignKeyConstraint(["criterion_id"], ["criteria.id"], name=op.f("fk_moderated_scores_criterion_id")),
        sa.ForeignKeyConstraint(
            ["moderated_by_user_id"], ["users.id"], name=op.f("fk_moderated_scores_moderated_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_moderated_scores")),
        sa.UniqueConstraint(
            "application_id", "criterion_id", name=op.f("uq_moderated_scores_application_id_criterion_id")
        ),
    )
    op.create_index("ix_moderated_scores_council_id", "moderated_scores", ["council_id"], unique=False)
    op.create_table(
        "application_files",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("file_id", sa.Uuid(), nullable=False),
        sa.Column("answer_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["answer_id"], ["application_answers.id"], name=op.f("fk_application_files_answer_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_application_files_council_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_files.id"], name=op.f("fk_application_files_file_id")),
        sa.PrimaryKeyConstraint("file_id", name=op.f("pk_application_files")),
    )
    op.create_index("ix_application_files_answer_id", "application_files", ["answer_id"], unique=False)
    op.create_index("ix_application_files_council_id", "application_files", ["council_id"], unique=False)
    op.create_table(
        "evaluation_scores",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("evaluation_id", sa.Uuid(), nullable=False),
        sa.Column("criterion_id", sa.Uuid(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("score BETWEEN 0 AND 5", name=op.f("ck_evaluation_scores_score")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_evaluation_scores_council_id")),
        sa.ForeignKeyConstraint(["criterion_id"], ["criteria.id"], name=op.f("fk_evaluation_scores_criterion_id")),
        sa.ForeignKeyConstraint(["evaluation_id"], ["evaluations.id"], name=op.f("fk_evaluation_scores_evaluation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_scores")),
        sa.UniqueConstraint(
            "evaluation_id", "criterion_id", name=op.f("uq_evaluation_scores_evaluation_id_criterion_id")
        ),
    )
    op.create_index("ix_evaluation_scores_council_id", "evaluation_scores", ["council_id"], unique=False)
    op.create_table(
        "accreditation_actions",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("accreditation_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "award",
                "suspend",
                "reinstate",
                "extend",
                "remove",
                name="action_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("effects", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reply_until", sa.Date(), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("replied_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["accreditation_id"], ["accreditations.id"], name=op.f("fk_accreditation_actions_accreditation_id")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_user_id"], ["users.id"], name=op.f("fk_accreditation_actions_answered_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_accreditation_actions_council_id")),
        sa.ForeignKeyConstraint(
            ["made_by_user_id"], ["users.id"], name=op.f("fk_accreditation_actions_made_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_accreditation_actions_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["replied_by_user_id"], ["users.id"], name=op.f("fk_accreditation_actions_replied_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accreditation_actions")),
    )
    op.create_index(
        "ix_accreditation_actions_accreditation_id",
        "accreditation_actions",
        ["accreditation_id", "made_at"],
        unique=False,
    )
    op.create_index(
        "ix_accreditation_actions_council_id", "accreditation_actions", ["council_id", "made_at"], unique=False
    )
    op.create_table(
        "accreditation_holds",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("accreditation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "cause",
            sa.Enum(
                "suspension", "registration", name="hold_cause", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on >= starts_on", name=op.f("ck_accreditation_holds_period")),
        sa.ForeignKeyConstraint(
            ["accreditation_id"], ["accreditations.id"], name=op.f("fk_accreditation_holds_accreditation_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_accreditation_holds_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accreditation_holds")),
    )
    op.create_index(
        "ix_accreditation_holds_accreditation_id",
        "accreditation_holds",
        ["accreditation_id", "starts_on"],
        unique=False,
    )
    op.create_index("ix_accreditation_holds_council_id", "accreditation_holds", ["council_id"], unique=False)
    op.create_index(
        "ix_accreditation_holds_open",
        "accreditation_holds",
        ["accreditation_id", "cause"],
        unique=True,
        postgresql_where=sa.text("ends_on IS NULL"),
    )
    op.create_table(
        "pa_approvals",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "applied",
                "approved",
                "refused",
                "withdrawn",
                "lapsed",
                "renewed",
                "removed",
                name="pa_approval_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("trading_since", sa.Date(), nullable=True),
        sa.Column("conduct_version", sa.Text(), nullable=False),
        sa.Column("conduct_agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accreditation_id", sa.Uuid(), nullable=True),
        sa.Column("approved_from", sa.Date(), nullable=True),
        sa.Column("approved_until", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("renews_id", sa.Uuid(), nullable=True),
        sa.Column("changes", sa.Text(), server_default="", nullable=False),
        sa.Column("reminded_days", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "approved_until IS NULL OR approved_until > approved_from", name=op.f("ck_pa_approvals_period")
        ),
        sa.ForeignKeyConstraint(
            ["accreditation_id"], ["accreditations.id"], name=op.f("fk_pa_approvals_accreditation_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_pa_approvals_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_pa_approvals_decided_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_pa_approvals_organisation_id")
        ),
        sa.ForeignKeyConstraint(["renews_id"], ["pa_approvals.id"], name=op.f("fk_pa_approvals_renews_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_pa_approvals_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pa_approvals")),
    )
    op.create_index("ix_pa_approvals_council_id", "pa_approvals", ["council_id", "status"], unique=False)
    op.create_index("ix_pa_approvals_worker_id", "pa_approvals", ["worker_id"], unique=False)
    op.create_index(
        "ix_pa_approvals_open",
        "pa_approvals",
        ["council_id", "worker_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'applied')"),
    )
    op.create_table(
        "pa_references",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("approval_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("knows_as", sa.Text(), nullable=False),
        sa.Column("contact", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("taken_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["approval_id"], ["pa_approvals.id"], name=op.f("fk_pa_references_approval_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_pa_references_council_id")),
        sa.ForeignKeyConstraint(["taken_by_user_id"], ["users.id"], name=op.f("fk_pa_references_taken_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pa_references")),
    )
    op.create_index("ix_pa_references_approval_id", "pa_references", ["approval_id"], unique=False)
    op.create_index("ix_pa_references_council_id", "pa_references", ["council_id"], unique=False)
    op.add_column("accreditations", sa.Column("removed_on", sa.Date(), nullable=True))
    op.add_column("accreditations", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("accreditations", sa.Column("told_counts", sa.Boolean(), nullable=True))
    op.add_column("accreditations", sa.Column("lot_id", sa.Uuid(), nullable=True))
    op.add_column("accreditations", sa.Column("agreement_id", sa.Uuid(), nullable=True))
    op.add_column(
        "accreditations", sa.Column("evidence", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column(
        "accreditations",
        sa.Column("trusts_other_councils", sa.Boolean(), server_default=sa.text("true"), nullable=False),
    )
    op.add_column(
        "accreditations", sa.Column("needs_registration", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_foreign_key(
        op.f("fk_accreditations_agreement_id"), "accreditations", "agreements", ["agreement_id"], ["id"]
    )
    op.create_foreign_key(op.f("fk_accreditations_lot_id"), "accreditations", "lots", ["lot_id"], ["id"])
    op.add_column("evidence", sa.Column("refused_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("joinings", sa.Column("entered_by_user_id", sa.Uuid(), nullable=True))
    op.add_column("joinings", sa.Column("entered_council_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_joinings_entered_by_user_id"), "joinings", "users", ["entered_by_user_id"], ["id"])
    op.create_foreign_key(
        op.f("fk_joinings_entered_council_id"), "joinings", "councils", ["entered_council_id"], ["id"]
    )
    op.add_column("organisations", sa.Column("merged_into_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_organisations_merged_into_id"), "organisations", "organisations", ["merged_into_id"], ["id"]
    )
    op.add_column("workers", sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
    op.add_column("workers", sa.Column("skills", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    added = f"kind NOT IN ({_listed(FIRST_KINDS)})"
    op.execute(f"DELETE FROM countersignatures WHERE evidence_id IN (SELECT id FROM evidence WHERE {added})")
    op.execute(f"DELETE FROM evidence_files WHERE evidence_id IN (SELECT id FROM evidence WHERE {added})")
    op.execute(f"DELETE FROM evidence WHERE {added}")
    _evidence_kinds(FIRST_KINDS)
    op.drop_column("workers", "skills")
    op.drop_column("workers", "version")
    op.drop_constraint(op.f("fk_organisations_merged_into_id"), "organisations", type_="foreignkey")
    op.drop_column("organisations", "merged_into_id")
    op.drop_constraint(op.f("fk_joinings_entered_council_id"), "joinings", type_="foreignkey")
    op.drop_constraint(op.f("fk_joinings_entered_by_user_id"), "joinings", type_="foreignkey")
    op.drop_column("joinings", "entered_council_id")
    op.drop_column("joinings", "entered_by_user_id")
    op.drop_column("evidence", "refused_at")
    op.drop_constraint(op.f("fk_accreditations_lot_id"), "accreditations", type_="foreignkey")
    op.drop_constraint(op.f("fk_accreditations_agreement_id"), "accreditations", type_="foreignkey")
    op.drop_column("accreditations", "needs_registration")
    op.drop_column("accreditations", "trusts_other_councils")
    op.drop_column("accreditations", "evidence")
    op.drop_column("accreditations", "agreement_id")
    op.drop_column("accreditations", "lot_id")
    op.drop_column("accreditations", "told_counts")
    op.drop_column("accreditations", "removed_at")
    op.drop_column("accreditations", "removed_on")
    op.drop_index("ix_pa_references_council_id", table_name="pa_references")
    op.drop_index("ix_pa_references_approval_id", table_name="pa_references")
    op.drop_table("pa_references")
    op.drop_index(
        "ix_pa_approvals_open", table_name="pa_approvals", postgresql_where=sa.text("status IN ('draft', 'applied')")
    )
    op.drop_index("ix_pa_approvals_worker_id", table_name="pa_approvals")
    op.drop_index("ix_pa_approvals_council_id", table_name="pa_approvals")
    op.drop_table("pa_approvals")
    op.drop_index(
        "ix_accreditation_holds_open", table_name="accreditation_holds", postgresql_where=sa.text("ends_on IS NULL")
    )
    op.drop_index("ix_accreditation_holds_council_id", table_name="accreditation_holds")
    op.drop_index("ix_accreditation_holds_accreditation_id", table_name="accreditation_holds")
    op.drop_table("accreditation_holds")
    op.drop_index("ix_accreditation_actions_council_id", table_name="accreditation_actions")
    op.drop_index("ix_accreditation_actions_accreditation_id", table_name="accreditation_actions")
    op.drop_table("accreditation_actions")
    op.drop_index("ix_evaluation_scores_council_id", table_name="evaluation_scores")
    op.drop_table("evaluation_scores")
    op.drop_index("ix_application_files_council_id", table_name="application_files")
    op.drop_index("ix_application_files_answer_id", table_name="application_files")
    op.drop_table("application_files")
    op.drop_index("ix_moderated_scores_council_id", table_name="moderated_scores")
    op.drop_table("moderated_scores")
    op.drop_index("ix_evaluations_council_id", table_name="evaluations")
    op.drop_table("evaluations")
    op.drop_index("ix_application_lots_lot_id", table_name="application_lots")
    op.drop_index("ix_application_lots_council_id", table_name="application_lots")
    op.drop_table("application_lots")
    op.drop_index("ix_application_answers_council_id", table_name="application_answers")
    op.drop_table("application_answers")
    op.drop_index("ix_appeals_council_id", table_name="appeals")
    op.drop_table("appeals")
    op.drop_index("ix_agreements_organisation_id", table_name="agreements")
    op.drop_index("ix_agreements_council_status", table_name="agreements")
    op.drop_index("ix_agreements_application_id", table_name="agreements")
    op.drop_table("agreements")
    op.drop_index("ix_framework_questions_round_id", table_name="framework_questions")
    op.drop_table("framework_questions")
    op.drop_index("ix_evidence_files_evidence_id", table_name="evidence_files")
    op.drop_table("evidence_files")
    op.drop_index("ix_criteria_council_id", table_name="criteria")
    op.drop_table("criteria")
    op.drop_index(
        "ix_countersignatures_evidence_council",
        table_name="countersignatures",
        postgresql_where=sa.text("withdrawn_at IS NULL"),
    )
    op.drop_index("ix_countersignatures_evidence", table_name="countersignatures")
    op.drop_index("ix_countersignatures_council_id", table_name="countersignatures")
    op.drop_table("countersignatures")
    op.drop_index("ix_applications_organisation_id", table_name="applications")
    op.drop_index("ix_applications_council_status", table_name="applications")
    op.drop_table("applications")
    op.drop_index("ix_worker_training_worker_id", table_name="worker_training")
    op.drop_table("worker_training")
    op.drop_index("ix_status_tests_organisation_id", table_name="status_tests")
    op.drop_table("status_tests")
    op.drop_index("ix_rounds_framework_id", table_name="rounds")
    op.drop_index("ix_rounds_council_id", table_name="rounds")
    op.drop_table("rounds")
    op.drop_index("ix_organisation_invitations_organisation_id", table_name="organisation_invitations")
    op.drop_index("ix_organisation_invitations_council_id", table_name="organisation_invitations")
    op.drop_table("organisation_invitations")
    op.drop_index("ix_nominations_council_id", table_name="nominations")
    op.drop_table("nominations")
    op.drop_index("ix_lots_council_id", table_name="lots")
    op.drop_table("lots")
    op.drop_table("passports")
    op.drop_index("ix_passport_shares_council_id", table_name="passport_shares")
    op.drop_table("passport_shares")
    op.drop_index("ix_organisation_merges_into", table_name="organisation_merges")
    op.drop_index("ix_organisation_merges_council_id", table_name="organisation_merges")
    op.drop_table("organisation_merges")
    op.drop_index("ix_monitoring_returns_organisation_id", table_name="monitoring_returns")
    op.drop_index("ix_monitoring_returns_council_status", table_name="monitoring_returns")
    op.drop_table("monitoring_returns")
    op.drop_index("ix_join_requests_organisation_id", table_name="join_requests")
    op.drop_index("ix_join_requests_council_id", table_name="join_requests")
    op.drop_table("join_requests")
    op.drop_index("ix_framework_versions_council_id", table_name="framework_versions")
    op.drop_table("framework_versions")
    op.drop_index("ix_engagement_entries_council", table_name="engagement_entries")
    op.drop_table("engagement_entries")
    op.drop_index("ix_nomination_calls_council_id", table_name="nomination_calls")
    op.drop_table("nomination_calls")
    op.drop_table("frameworks")
    op.drop_table("file_contents")
    op.drop_index("ix_stored_files_waiting", table_name="stored_files", postgresql_where=sa.text("scan = 'waiting'"))
    op.drop_table("stored_files")
