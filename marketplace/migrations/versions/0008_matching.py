"""Matching: weights, waiting-list runs, decisions, requirements for care.

Revision: 0008
After: 0007
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "weight_sets",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "planning",
                "care",
                "offers",
                name="weight_purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "published", name="weight_status", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("values", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("drafted_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("published_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("status = 'draft' OR starts_on IS NOT NULL", name=op.f("ck_weight_sets_published")),
        sa.CheckConstraint("number > 0", name=op.f("ck_weight_sets_number")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_weight_sets_council_id")),
        sa.ForeignKeyConstraint(["drafted_by_user_id"], ["users.id"], name=op.f("fk_weight_sets_drafted_by_user_id")),
        sa.ForeignKeyConstraint(
            ["published_by_user_id"], ["users.id"], name=op.f("fk_weight_sets_published_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weight_sets")),
        sa.UniqueConstraint("council_id", "purpose", "number", name=op.f("uq_weight_sets_council_id_purpose_number")),
    )
    op.create_index("ix_weight_sets_council_id", "weight_sets", ["council_id", "purpose", "starts_on"], unique=False)
    op.create_table(
        "assignment_runs",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "running",
                "done",
                "failed",
                "cancelled",
                name="run_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("scope", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("salt", sa.Text(), nullable=False),
        sa.Column("replaces_run_id", sa.Uuid(), nullable=True),
        sa.Column("weight_set_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("progress_done", sa.Integer(), nullable=False),
        sa.Column("progress_total", sa.Integer(), nullable=False),
        sa.Column("cancel_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("placed", sa.Integer(), nullable=False),
        sa.Column("is_optimal", sa.Boolean(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("inputs_fingerprint", sa.Text(), nullable=False),
        sa.Column("result_fingerprint", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("progress_done >= 0 AND progress_total >= 0", name=op.f("ck_assignment_runs_progress")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_assignment_runs_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_assignment_runs_council_id")),
        sa.ForeignKeyConstraint(
            ["replaces_run_id"], ["assignment_runs.id"], name=op.f("fk_assignment_runs_replaces_run_id")
        ),
        sa.ForeignKeyConstraint(["weight_set_id"], ["weight_sets.id"], name=op.f("fk_assignment_runs_weight_set_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_runs")),
        sa.UniqueConstraint("council_id", "reference", name=op.f("uq_assignment_runs_council_id_reference")),
    )
    op.create_index("ix_assignment_runs_council_id", "assignment_runs", ["council_id", "asked_at", "id"], unique=False)
    op.create_table(
        "care_hours",
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
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("band", sa.Integer(), nullable=False),
        sa.Column("free_quarters", sa.Integer(), nullable=False),
        sa.Column("awarded_quarters", sa.Integer(), server_default="0", nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("said_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("awarded_quarters >= 0", name=op.f("ck_care_hours_awarded")),
        sa.CheckConstraint("free_quarters BETWEEN 0 AND 20000", name=op.f("ck_care_hours_quarters")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6 AND band BETWEEN 0 AND 4", name=op.f("ck_care_hours_slot")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_care_hours_organisation_id")),
        sa.ForeignKeyConstraint(["said_by_user_id"], ["users.id"], name=op.f("fk_care_hours_said_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_hours")),
        sa.UniqueConstraint(
            "organisation_id",
            "service_line",
            "weekday",
            "band",
            name=op.f("uq_care_hours_organisation_id_service_line_weekday_band"),
        ),
    )
    op.create_table(
        "requirements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "open",
                "closed",
                "awarded",
                "no_offers",
                "withdrawn",
                name="requirement_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
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
        sa.Column("lot_code", sa.Text(), nullable=False),
        sa.Column(
            "route",
            sa.Enum(
                "first",
                "several",
                "lot",
                name="requirement_route",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "urgency",
            sa.Enum(
                "crisis", "urgent", "standard", name="urgency", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("outcomes", sa.Text(), nullable=False),
        sa.Column("needs", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("required_skills", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("required_gender", sa.Text(), nullable=True),
        sa.Column("essential_language", sa.Text(), nullable=True),
        sa.Column("interests", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("outward", sa.Text(), nullable=False),
        sa.Column("radius_metres", sa.Integer(), nullable=True),
        sa.Column("chosen_organisation_id", sa.Uuid(), nullable=True),
        sa.Column("excluded_organisation_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("known_organisation_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("most_providers", sa.Integer(), nullable=False),
        sa.Column("split_agreed", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("latest_start_on", sa.Date(), nullable=False),
        sa.Column("ceiling_weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("agreed_ceiling_pence", sa.BigInteger(), nullable=False),
        sa.Column("plan_version_id", sa.Uuid(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer_by", sa.DateTime(timezone=True), nullable=True),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("award_weight_set_id", sa.Uuid(), nullable=True),
        sa.Column("ranking", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("checked_text", sa.Boolean(), nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ceiling_weekly_pence >= 0", name=op.f("ck_requirements_ceiling")),
        sa.CheckConstraint("most_providers BETWEEN 1 AND 5", name=op.f("ck_requirements_most_providers")),
        sa.CheckConstraint("radius_metres BETWEEN 0 AND 500000", name=op.f("ck_requirements_radius")),
        sa.ForeignKeyConstraint(
            ["award_weight_set_id"], ["weight_sets.id"], name=op.f("fk_requirements_award_weight_set_id")
        ),
        sa.ForeignKeyConstraint(
            ["chosen_organisation_id"], ["organisations.id"], name=op.f("fk_requirements_chosen_organisation_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_requirements_council_id")),
        sa.ForeignKeyConstraint(["created_by_user_id"], ["users.id"], name=op.f("fk_requirements_created_by_user_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_requirements_person_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirements")),
        sa.UniqueConstraint("council_id", "reference", name=op.f("uq_requirements_council_id_reference")),
    )
    op.create_index("ix_requirements_open", "requirements", ["status", "service_line"], unique=False)
    op.create_index("ix_requirements_person_id", "requirements", ["person_id"], unique=False)
    op.create_index("ix_requirements_queue", "requirements", ["council_id", "status", "created_at", "id"], unique=False)
    op.create_table(
        "assignment_run_files",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("inputs", sa.LargeBinary(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_assignment_run_files_council_id")),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_runs.id"], name=op.f("fk_assignment_run_files_run_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_run_files")),
        sa.UniqueConstraint("run_id", name=op.f("uq_assignment_run_files_run_id")),
    )
    op.create_index("ix_assignment_run_files_council_id", "assignment_run_files", ["council_id"], unique=False)
    op.create_table(
        "conflicts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "sells_care",
                "family",
                "evaluator",
                "other",
                name="conflict_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("declared_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(worker_id, organisation_id) = 1", name=op.f("ck_conflicts_party")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_conflicts_council_id")),
        sa.ForeignKeyConstraint(["declared_by_user_id"], ["users.id"], name=op.f("fk_conflicts_declared_by_user_id")),
        sa.ForeignKeyConstraint(["ended_by_user_id"], ["users.id"], name=op.f("fk_conflicts_ended_by_user_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_conflicts_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_conflicts_person_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_conflicts_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conflicts")),
    )
    op.create_index("ix_conflicts_council_id", "conflicts", ["council_id", "person_id"], unique=False)
    op.create_index("ix_conflicts_worker_id", "conflicts", ["worker_id"], unique=False)
    op.create_table(
        "requirement_invitations",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decline_reason", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_requirement_invitations_council_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_requirement_invitations_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_requirement_invitations_requirement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_invitations")),
        sa.UniqueConstraint(
            "requirement_id", "organisation_id", name=op.f("uq_requirement_invitations_requirement_id_organisation_id")
        ),
    )
    op.create_index("ix_requirement_invitations_council_id", "requirement_invitations", ["council_id"], unique=False)
    op.create_index(
        "ix_requirement_invitations_organisation_id",
        "requirement_invitations",
        ["organisation_id", "invited_at"],
        unique=False,
    )
    op.create_table(
        "requirement_offers",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "submitted",
                "shortlisted",
                "won",
                "lost",
                "withdrawn",
                name="requirement_offer_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("rate_pence", sa.BigInteger(), nullable=False),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("outcomes_answer", sa.Text(), nullable=False),
        sa.Column("workers_answer", sa.Text(), nullable=False),
        sa.Column("worker_interests", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("worker_skills", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("legal_cost", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_below_cost", sa.Boolean(), nullable=False),
        sa.Column("below_cost_reason", sa.Text(), nullable=False),
        sa.Column("scores", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("rate_pence >= 0", name=op.f("ck_requirement_offers_rate")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_requirement_offers_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_requirement_offers_made_by_user_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_requirement_offers_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_requirement_offers_requirement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_offers")),
    )
    op.create_index("ix_requirement_offers_council_id", "requirement_offers", ["council_id", "status"], unique=False)
    op.create_index(
        "ix_requirement_offers_organisation_id", "requirement_offers", ["organisation_id", "status"], unique=False
    )
    op.create_index(
        "uq_requirement_offers_live",
        "requirement_offers",
        ["requirement_id", "organisation_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('draft', 'submitted', 'shortlisted', 'won')"),
    )
    op.create_table(
        "requirement_visits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_local", sa.Time(), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("workers", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "minutes BETWEEN 15 AND 1440 AND minutes % 15 = 0", name=op.f("ck_requirement_visits_minutes")
        ),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_requirement_visits_weekday")),
        sa.CheckConstraint("workers BETWEEN 1 AND 3", name=op.f("ck_requirement_visits_workers")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_requirement_visits_council_id")),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_requirement_visits_requirement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_visits")),
        sa.UniqueConstraint(
            "requirement_id",
            "weekday",
            "starts_local",
            name=op.f("uq_requirement_visits_requirement_id_weekday_starts_local"),
        ),
    )
    op.create_index("ix_requirement_visits_council_id", "requirement_visits", ["council_id"], unique=False)
    op.create_table(
        "unmet_requirements",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
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
        sa.Column("outward", sa.Text(), nullable=False),
        sa.Column("lad_code", sa.Text(), nullable=False),
        sa.Column("bands", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("quarters", sa.Integer(), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "no_offers",
                "too_far",
                "no_hours",
                "no_skill",
                "no_language",
                "no_gender",
                "price",
                "person_declined",
                name="unmet_reason",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_unmet_requirements_council_id")),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_unmet_requirements_requirement_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmet_requirements")),
        sa.UniqueConstraint("requirement_id", "round", name=op.f("uq_unmet_requirements_requirement_id_round")),
    )
    op.create_index("ix_unmet_requirements_council_id", "unmet_requirements", ["council_id", "logged_at"], unique=False)
    op.create_table(
        "assignment_rules",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum("pin", "veto", name="rule_kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_assignment_rules_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_assignment_rules_made_by_user_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_assignment_rules_referral_id")),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_runs.id"], name=op.f("fk_assignment_rules_run_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_assignment_rules_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_assignment_rules")),
        sa.UniqueConstraint(
            "run_id", "referral_id", "worker_id", name=op.f("uq_assignment_rules_run_id_referral_id_worker_id")
        ),
    )
    op.create_index("ix_assignment_rules_council_id", "assignment_rules", ["council_id"], unique=False)
    op.create_table(
        "offered_visits",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("visit_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_offered_visits_council_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["requirement_offers.id"], name=op.f("fk_offered_visits_offer_id")),
        sa.ForeignKeyConstraint(["visit_id"], ["requirement_visits.id"], name=op.f("fk_offered_visits_visit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offered_visits")),
        sa.UniqueConstraint("offer_id", "visit_id", name=op.f("uq_offered_visits_offer_id_visit_id")),
    )
    op.create_index("ix_offered_visits_council_id", "offered_visits", ["council_id"], unique=False)
    op.create_table(
        "preferences",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("requirement_id", sa.Uuid(), nullable=True),
        sa.Column(
            "how",
            sa.Enum(
                "online",
                "telephone",
                "in_person",
                "representative",
                "advocate",
                name="heard_how",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heard_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name=op.f("ck_preferences_subject")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_preferences_council_id")),
        sa.ForeignKeyConstraint(["heard_by_user_id"], ["users.id"], name=op.f("fk_preferences_heard_by_user_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_preferences_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_preferences_person_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_preferences_referral_id")),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirements.id"], name=op.f("fk_preferences_requirement_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_preferences_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preferences")),
    )
    op.create_index("ix_preferences_council_id", "preferences", ["council_id"], unique=False)
    op.create_index("ix_preferences_referral_id", "preferences", ["referral_id", "heard_at"], unique=False)
    op.create_index("ix_preferences_requirement_id", "preferences", ["requirement_id", "heard_at"], unique=False)
    op.create_table(
        "requirement_awards",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("requirement_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("preference_id", sa.Uuid(), nullable=False),
        sa.Column("visit_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("rate_pence", sa.BigInteger(), nullable=False),
        sa.Column("weekly_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("override_reason", sa.Text(), nullable=False),
        sa.Column("awarded_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("awarded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("taken_back_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("taken_back_why", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["awarded_by_user_id"], ["users.id"], name=op.f("fk_requirement_awards_awarded_by_user_id")
        ),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_requirement_awards_council_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["requirement_offers.id"], name=op.f("fk_requirement_awards_offer_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_requirement_awards_organisation_id")
        ),
        sa.ForeignKeyConstraint(
            ["preference_id"], ["preferences.id"], name=op.f("fk_requirement_awards_preference_id")
        ),
        sa.ForeignKeyConstraint(
            ["requirement_id"], ["requirements.id"], name=op.f("fk_requirement_awards_requirement_id")
        ),
        sa.ForeignKeyConstraint(
            ["taken_back_by_user_id"], ["users.id"], name=op.f("fk_requirement_awards_taken_back_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_requirement_awards")),
        sa.UniqueConstraint("offer_id", name=op.f("uq_requirement_awards_offer_id")),
    )
    op.create_index(
        "ix_requirement_awards_council_id", "requirement_awards", ["council_id", "awarded_at"], unique=False
    )
    op.create_index("ix_requirement_awards_requirement_id", "requirement_awards", ["requirement_id"], unique=False)
    op.create_table(
        "contests",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("requirement_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "upheld",
                "kept",
                "withdrawn",
                name="contest_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("wants", sa.Text(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("answered_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name=op.f("ck_contests_subject")),
        sa.ForeignKeyConstraint(["answered_by_user_id"], ["users.id"], name=op.f("fk_contests_answered_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_contests_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_contests_made_by_user_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_contests_offer_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_contests_person_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_contests_referral_id")),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirements.id"], name=op.f("fk_contests_requirement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contests")),
    )
    op.create_index("ix_contests_council_id", "contests", ["council_id", "status", "made_at"], unique=False)
    op.create_index("ix_contests_person_id", "contests", ["person_id"], unique=False)
    op.create_index(
        "uq_contests_open_referral",
        "contests",
        ["referral_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "uq_contests_open_requirement",
        "contests",
        ["requirement_id"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_table(
        "proposals",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "accepted",
                "changed",
                "rejected",
                "outdated",
                name="proposal_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column("start_on", sa.Date(), nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("own_rank", sa.Integer(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_proposals_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_proposals_decided_by_user_id")),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_proposals_offer_id")),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_proposals_referral_id")),
        sa.ForeignKeyConstraint(["run_id"], ["assignment_runs.id"], name=op.f("fk_proposals_run_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_proposals_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_proposals")),
        sa.UniqueConstraint("run_id", "referral_id", name=op.f("uq_proposals_run_id_referral_id")),
    )
    op.create_index("ix_proposals_council_id", "proposals", ["council_id", "status"], unique=False)
    op.create_index("ix_proposals_referral_id", "proposals", ["referral_id"], unique=False)
    op.create_table(
        "rematch_alerts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("referral_id", sa.Uuid(), nullable=True),
        sa.Column("requirement_id", sa.Uuid(), nullable=True),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column(
            "cause",
            sa.Enum(
                "capacity",
                "absence",
                "left",
                "standing",
                "handed_back",
                "declined",
                name="rematch_cause",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open", "handled", "gone", name="alert_status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("proposed_worker_id", sa.Uuid(), nullable=True),
        sa.Column("proposed_score", sa.Integer(), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("handled_how", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("num_nonnulls(referral_id, requirement_id) = 1", name=op.f("ck_rematch_alerts_subject")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_rematch_alerts_council_id")),
        sa.ForeignKeyConstraint(
            ["handled_by_user_id"], ["users.id"], name=op.f("fk_rematch_alerts_handled_by_user_id")
        ),
        sa.ForeignKeyConstraint(["offer_id"], ["offers.id"], name=op.f("fk_rematch_alerts_offer_id")),
        sa.ForeignKeyConstraint(
            ["proposed_worker_id"], ["workers.id"], name=op.f("fk_rematch_alerts_proposed_worker_id")
        ),
        sa.ForeignKeyConstraint(["referral_id"], ["referrals.id"], name=op.f("fk_rematch_alerts_referral_id")),
        sa.ForeignKeyConstraint(["requirement_id"], ["requirements.id"], name=op.f("fk_rematch_alerts_requirement_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rematch_alerts")),
    )
    op.create_index(
        "ix_rematch_alerts_council_id", "rematch_alerts", ["council_id", "status", "noticed_at"], unique=False
    )
    op.create_index(
        "uq_rematch_alerts_open_referral",
        "rematch_alerts",
        ["referral_id", "cause"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "uq_rematch_alerts_open_requirement",
        "rematch_alerts",
        ["requirement_id", "cause"],
        unique=True,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.add_column("offers", sa.Column("proposal_id", sa.Uuid(), nullable=True))
    op.add_column("offers", sa.Column("handed_back_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("offers", sa.Column("hand_back_reason", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(op.f("fk_offers_proposal_id"), "offers", "proposals", ["proposal_id"], ["id"])
    op.add_column("join_requests", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("people", sa.Column("ethnicity", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "referrals", sa.Column("required_skills", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("referrals", sa.Column("planned_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("SET LOCAL app.councils = '*'")
    op.execute(
        """
        UPDATE referrals r SET planned_at = p.at
        FROM (
            SELECT plans.referral_id, min(v.signed_off_at) AS at
            FROM plans
            JOIN plan_versions v ON v.plan_id = plans.id
            WHERE v.signed_off_at IS NOT NULL
            GROUP BY plans.referral_id
        ) p
        WHERE p.referral_id = r.id
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_column("referrals", "planned_at")
    op.drop_column("referrals", "required_skills")
    op.drop_column("join_requests", "reminded_at")
    op.drop_column("people", "ethnicity")
    op.drop_constraint(op.f("fk_offers_proposal_id"), "offers", type_="foreignkey")
    op.drop_column("offers", "hand_back_reason")
    op.drop_column("offers", "handed_back_at")
    op.drop_column("offers", "proposal_id")
    op.drop_index(
        "uq_rematch_alerts_open_requirement", table_name="rematch_alerts", postgresql_where=sa.text("status = 'open'")
    )
    op.drop_index(
        "uq_rematch_alerts_open_referral", table_name="rematch_alerts", postgresql_where=sa.text("status = 'open'")
    )
    op.drop_index("ix_rematch_alerts_council_id", table_name="rematch_alerts")
    op.drop_table("rematch_alerts")
    op.drop_index("ix_proposals_referral_id", table_name="proposals")
    op.drop_index("ix_proposals_council_id", table_name="proposals")
    op.drop_table("proposals")
    op.drop_index("uq_contests_open_requirement", table_name="contests", postgresql_where=sa.text("status = 'open'"))
    op.drop_index("uq_contests_open_referral", table_name="contests", postgresql_where=sa.text("status = 'open'"))
    op.drop_index("ix_contests_person_id", table_name="contests")
    op.drop_index("ix_contests_council_id", table_name="contests")
    op.drop_table("contests")
    op.drop_index("ix_requirement_awards_requirement_id", table_name="requirement_awards")
    op.drop_index("ix_requirement_awards_council_id", table_name="requirement_awards")
    op.drop_table("requirement_awards")
    op.drop_index("ix_preferences_requirement_id", table_name="preferences")
    op.drop_index("ix_preferences_referral_id", table_name="preferences")
    op.drop_index("ix_preferences_council_id", table_name="preferences")
    op.drop_table("preferences")
    op.drop_index("ix_offered_visits_council_id", table_name="offered_visits")
    op.drop_table("offered_visits")
    op.drop_index("ix_assignment_rules_council_id", table_name="assignment_rules")
    op.drop_table("assignment_rules")
    op.drop_index("ix_unmet_requirements_council_id", table_name="unmet_requirements")
    op.drop_table("unmet_requirements")
    op.drop_index("ix_requirement_visits_council_id", table_name="requirement_visits")
    op.drop_table("requirement_visits")
    op.drop_index(
        "uq_requirement_offers_live",
        table_name="requirement_offers",
        postgresql_where=sa.text("status IN ('draft', 'submitted', 'shortlisted', 'won')"),
    )
    op.drop_index("ix_requirement_offers_organisation_id", table_name="requirement_offers")
    op.drop_index("ix_requirement_offers_council_id", table_name="requirement_offers")
    op.drop_table("requirement_offers")
    op.drop_index("ix_requirement_invitations_organisation_id", table_name="requirement_invitations")
    op.drop_index("ix_requirement_invitations_council_id", table_name="requirement_invitations")
    op.drop_table("requirement_invitations")
    op.drop_index("ix_conflicts_worker_id", table_name="conflicts")
    op.drop_index("ix_conflicts_council_id", table_name="conflicts")
    op.drop_table("conflicts")
    op.drop_index("ix_assignment_run_files_council_id", table_name="assignment_run_files")
    op.drop_table("assignment_run_files")
    op.drop_index("ix_requirements_queue", table_name="requirements")
    op.drop_index("ix_requirements_person_id", table_name="requirements")
    op.drop_index("ix_requirements_open", table_name="requirements")
    op.drop_table("requirements")
    op.drop_table("care_hours")
    op.drop_index("ix_assignment_runs_council_id", table_name="assignment_runs")
    op.drop_table("assignment_runs")
    op.drop_index("ix_weight_sets_council_id", table_name="weight_sets")
    op.drop_table("weight_sets")
