"""The market: drafts, versions, rates, feedback, saved lists and searches, enquiries, evidence, unmet need.

Revision: 0004
After: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.create_table(
        "choice_records",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("question", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("results", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        sa.Column("made_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_choice_records_council_id")),
        sa.ForeignKeyConstraint(["made_by_user_id"], ["users.id"], name=op.f("fk_choice_records_made_by_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_choice_records")),
    )
    op.create_index("ix_choice_records_council", "choice_records", ["council_id", "made_at", "id"], unique=False)
    op.create_table(
        "saved_lists",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("owner_user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_saved_lists_council_id")),
        sa.ForeignKeyConstraint(["owner_user_id"], ["users.id"], name=op.f("fk_saved_lists_owner_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_lists")),
    )
    op.create_index("ix_saved_lists_owner", "saved_lists", ["council_id", "owner_user_id", "updated_at"], unique=False)
    op.create_table(
        "saved_searches",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("owner_user_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("question", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_telling", sa.Boolean(), nullable=False),
        sa.Column("every_days", sa.Integer(), nullable=False),
        sa.Column("seen_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("new_ids", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("next_run_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_saved_searches_council_id")),
        sa.ForeignKeyConstraint(["owner_user_id"], ["users.id"], name=op.f("fk_saved_searches_owner_user_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_searches")),
    )
    op.create_index(
        "ix_saved_searches_due", "saved_searches", ["next_run_at"], unique=False, postgresql_where=sa.text("is_telling")
    )
    op.create_index("ix_saved_searches_owner", "saved_searches", ["council_id", "owner_user_id"], unique=False)
    op.create_table(
        "synonym_groups",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("phrases", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("is_off", sa.Boolean(), nullable=False),
        sa.Column("updated_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_synonym_groups_council_id")),
        sa.ForeignKeyConstraint(
            ["updated_by_user_id"], ["users.id"], name=op.f("fk_synonym_groups_updated_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_synonym_groups")),
    )
    op.create_index("ix_synonym_groups_council_id", "synonym_groups", ["council_id"], unique=False)
    op.create_table(
        "unmet_needs",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "source",
            sa.Enum("said", "few_results", name="unmet_source", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Text(), nullable=False),
        sa.Column("outward", sa.Text(), nullable=False),
        sa.Column("lad_code", sa.Text(), nullable=False),
        sa.Column("days", sa.Text(), nullable=False),
        sa.Column("times_of_day", sa.Text(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("times > 0", name=op.f("ck_unmet_needs_times")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_unmet_needs_council_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmet_needs")),
    )
    op.create_index(
        "uq_unmet_needs_same",
        "unmet_needs",
        ["council_id", "day", "source", "category", "wanted", "outward", "lad_code", "days", "times_of_day"],
        unique=True,
    )
    op.create_table(
        "regulator_links",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("location_id", sa.Text(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "matched",
                "in_review",
                "confirmed",
                "refused",
                "ended",
                name="regulator_link_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("register_name", sa.Text(), nullable=False),
        sa.Column("register_status", sa.Text(), nullable=False),
        sa.Column("rating", sa.Text(), nullable=False),
        sa.Column("rated_on", sa.Date(), nullable=True),
        sa.Column("locations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("differences", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_regulator_links_council_id")),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_regulator_links_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_regulator_links_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_regulator_links")),
    )
    op.create_index(
        "ix_regulator_links_organisation_id", "regulator_links", ["organisation_id", "status"], unique=False
    )
    op.create_table(
        "saved_list_comments",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("found_id", sa.Text(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_saved_list_comments_council_id")),
        sa.ForeignKeyConstraint(
            ["list_id"], ["saved_lists.id"], name=op.f("fk_saved_list_comments_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_list_comments")),
    )
    op.create_index("ix_saved_list_comments_list_id", "saved_list_comments", ["list_id", "written_at"], unique=False)
    op.create_table(
        "saved_list_items",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("found_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_saved_list_items_council_id")),
        sa.ForeignKeyConstraint(
            ["list_id"], ["saved_lists.id"], name=op.f("fk_saved_list_items_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_list_items")),
        sa.UniqueConstraint("list_id", "found_id", name=op.f("uq_saved_list_items_list_id_found_id")),
    )
    op.create_table(
        "saved_list_shares",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("shared_with", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("may_comment", sa.Boolean(), nullable=False),
        sa.Column("shows_notes", sa.Boolean(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_saved_list_shares_council_id")),
        sa.ForeignKeyConstraint(
            ["list_id"], ["saved_lists.id"], name=op.f("fk_saved_list_shares_list_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_list_shares")),
    )
    op.create_index("ix_saved_list_shares_list_id", "saved_list_shares", ["list_id"], unique=False)
    op.create_index("ix_saved_list_shares_token_hash", "saved_list_shares", ["token_hash"], unique=True)
    op.create_table(
        "joinings",
        sa.Column("secret_hash", sa.LargeBinary(), nullable=True),
        sa.Column("answers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_joinings_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_joinings")),
        sa.UniqueConstraint("organisation_id", name=op.f("uq_joinings_organisation_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_joinings_secret_hash")),
    )
    op.create_index("ix_joinings_updated_at", "joinings", ["updated_at"], unique=False)
    op.create_table(
        "evidence",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum(
                "liability_insurance",
                "employer_insurance",
                "dbs",
                "safeguarding_training",
                "care_training",
                "references",
                "right_to_work",
                name="evidence_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("cover_pence", sa.BigInteger(), nullable=True),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("given_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("refused_because", sa.Text(), nullable=False),
        sa.Column("reminded_days", sa.Integer(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("expires_on IS NULL OR expires_on > issued_on", name=op.f("ck_evidence_period")),
        sa.ForeignKeyConstraint(["given_by_user_id"], ["users.id"], name=op.f("fk_evidence_given_by_user_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_evidence_organisation_id")),
        sa.ForeignKeyConstraint(["seen_by_user_id"], ["users.id"], name=op.f("fk_evidence_seen_by_user_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_evidence_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    op.create_index("ix_evidence_expires_on", "evidence", ["expires_on"], unique=False)
    op.create_index("ix_evidence_organisation_id", "evidence", ["organisation_id", "kind"], unique=False)
    op.create_table(
        "enquiries",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kind",
            sa.Enum("question", "meeting", name="enquiry_kind", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "answered",
                "agreed",
                "declined",
                "cancelled",
                "closed",
                name="enquiry_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("asked_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("acting_for", sa.Text(), nullable=False),
        sa.Column("shown_as", sa.Text(), nullable=False),
        sa.Column(
            "meeting_place",
            sa.Enum(
                "phone",
                "video",
                "provider",
                "public",
                name="meeting_place",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("wishes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("agreed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("kind = 'question' OR meeting_place IS NOT NULL", name=op.f("ck_enquiries_meeting")),
        sa.ForeignKeyConstraint(["asked_by_user_id"], ["users.id"], name=op.f("fk_enquiries_asked_by_user_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_enquiries_council_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_enquiries_listing_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_enquiries_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_enquiries_person_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_enquiries_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiries")),
    )
    op.create_index("ix_enquiries_asker", "enquiries", ["council_id", "asked_by_user_id", "updated_at"], unique=False)
    op.create_index("ix_enquiries_listing_id", "enquiries", ["listing_id"], unique=False)
    op.create_index("ix_enquiries_person", "enquiries", ["council_id", "person_id", "updated_at"], unique=False)
    op.create_index("ix_enquiries_organisation", "enquiries", ["organisation_id", "status", "updated_at"], unique=False)
    op.create_table(
        "listing_days",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("views", sa.Integer(), nullable=False),
        sa.Column("questions", sa.Integer(), nullable=False),
        sa.Column("bookings", sa.Integer(), nullable=False),
        sa.Column("saves", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "views >= 0 AND questions >= 0 AND bookings >= 0 AND saves >= 0", name=op.f("ck_listing_days_counts")
        ),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_days_listing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("listing_id", "day", name=op.f("pk_listing_days")),
    )
    op.create_table(
        "listing_drafts",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "submitted",
                "returned",
                "published",
                "discarded",
                name="draft_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_listing_drafts_council_id")),
        sa.ForeignKeyConstraint(
            ["created_by_user_id"], ["users.id"], name=op.f("fk_listing_drafts_created_by_user_id")
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_user_id"], ["users.id"], name=op.f("fk_listing_drafts_decided_by_user_id")
        ),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_drafts_listing_id")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name=op.f("fk_listing_drafts_organisation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_drafts")),
    )
    op.create_index(
        "ix_listing_drafts_council_status", "listing_drafts", ["council_id", "status", "updated_at"], unique=False
    )
    op.create_index("ix_listing_drafts_organisation_id", "listing_drafts", ["organisation_id", "status"], unique=False)
    op.create_index(
        "uq_listing_drafts_live",
        "listing_drafts",
        ["listing_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('open', 'submitted', 'returned')"),
    )
    op.create_table(
        "listing_feedback",
        sa.Column("feedback_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.Column("visit_month", sa.Date(), nullable=False),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_listing_feedback_stars")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_feedback_listing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("feedback_id", name=op.f("pk_listing_feedback")),
    )
    op.create_index("ix_listing_feedback_listing_id", "listing_feedback", ["listing_id", "published_at"], unique=False)
    op.create_table(
        "listing_hours",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_local", sa.Time(), nullable=False),
        sa.Column("ends_local", sa.Time(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_local > starts_local", name=op.f("ck_listing_hours_order")),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_listing_hours_weekday")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_hours_listing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_hours")),
    )
    op.create_index("ix_listing_hours_listing_id", "listing_hours", ["listing_id"], unique=False)
    op.create_table(
        "listing_rates",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
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
        sa.Column("price_pence", sa.BigInteger(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("ends_on IS NULL OR ends_on > starts_on", name=op.f("ck_listing_rates_period")),
        sa.CheckConstraint("price_pence >= 0", name=op.f("ck_listing_rates_price")),
        sa.ForeignKeyConstraint(
            ["listing_id"], ["listings.id"], name=op.f("fk_listing_rates_listing_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_rates")),
        sa.UniqueConstraint(
            "listing_id", "day_kind", "starts_on", name=op.f("uq_listing_rates_listing_id_day_kind_starts_on")
        ),
    )
    op.create_table(
        "listing_versions",
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("changed", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("changed_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["changed_by_user_id"], ["users.id"], name=op.f("fk_listing_versions_changed_by_user_id")
        ),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_listing_versions_listing_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listing_versions")),
        sa.UniqueConstraint("listing_id", "number", name=op.f("uq_listing_versions_listing_id_number")),
    )
    op.create_table(
        "enquiry_messages",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("enquiry_id", sa.Uuid(), nullable=False),
        sa.Column("is_providers", sa.Boolean(), nullable=False),
        sa.Column("written_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_because", sa.Text(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_enquiry_messages_council_id")),
        sa.ForeignKeyConstraint(
            ["enquiry_id"], ["enquiries.id"], name=op.f("fk_enquiry_messages_enquiry_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["written_by_user_id"], ["users.id"], name=op.f("fk_enquiry_messages_written_by_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enquiry_messages")),
    )
    op.create_index("ix_enquiry_messages_enquiry_id", "enquiry_messages", ["enquiry_id", "written_at"], unique=False)
    op.create_index(
        "ix_enquiry_messages_reported",
        "enquiry_messages",
        ["council_id"],
        unique=False,
        postgresql_where=sa.text("reported_because <> ''"),
    )
    op.create_table(
        "feedback",
        sa.Column("council_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("listing_id", sa.Uuid(), nullable=False),
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("worker_id", sa.Uuid(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "published",
                "refused",
                "withdrawn",
                name="feedback_status",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("signed", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("given_by_user_id", sa.Uuid(), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("decided_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reply", sa.Text(), nullable=False),
        sa.Column("replied_by_user_id", sa.Uuid(), nullable=True),
        sa.Column("replied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint("stars BETWEEN 1 AND 5", name=op.f("ck_feedback_stars")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_feedback_booking_id")),
        sa.ForeignKeyConstraint(["council_id"], ["councils.id"], name=op.f("fk_feedback_council_id")),
        sa.ForeignKeyConstraint(["decided_by_user_id"], ["users.id"], name=op.f("fk_feedback_decided_by_user_id")),
        sa.ForeignKeyConstraint(["given_by_user_id"], ["users.id"], name=op.f("fk_feedback_given_by_user_id")),
        sa.ForeignKeyConstraint(["listing_id"], ["listings.id"], name=op.f("fk_feedback_listing_id")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisations.id"], name=op.f("fk_feedback_organisation_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_feedback_person_id")),
        sa.ForeignKeyConstraint(["replied_by_user_id"], ["users.id"], name=op.f("fk_feedback_replied_by_user_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["workers.id"], name=op.f("fk_feedback_worker_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feedback")),
    )
    op.create_index("ix_feedback_booking_id", "feedback", ["booking_id"], unique=True)
    op.create_index("ix_feedback_council_status", "feedback", ["council_id", "status", "given_at"], unique=False)
    op.create_index("ix_feedback_listing_id", "feedback", ["listing_id"], unique=False)
    op.create_index("ix_feedback_organisation", "feedback", ["organisation_id", "given_at"], unique=False)
    op.add_column(
        "listings",
        sa.Column(
            "hidden_why",
            sa.Enum(
                "stale",
                "evidence",
                "council",
                "register",
                name="hidden_why",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
    )
    op.add_column("listings", sa.Column("hidden_reason", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "listings",
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
    op.add_column("listings", sa.Column("vat_reason", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "listings", sa.Column("concessions", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False)
    )
    op.add_column("listings", sa.Column("concession_note", sa.Text(), server_default="", nullable=False))
    op.add_column("listings", sa.Column("access_note", sa.Text(), server_default="", nullable=False))
    op.add_column("listings", sa.Column("usual_tenths", sa.Integer(), nullable=True))
    op.add_column(
        "listings",
        sa.Column(
            "capacity_kind",
            sa.Enum(
                "not_said",
                "hours",
                "places",
                "plans",
                name="capacity_kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="not_said",
            nullable=False,
        ),
    )
    op.add_column("listings", sa.Column("capacity_free", sa.Integer(), nullable=True))
    op.add_column("listings", sa.Column("capacity_said_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "listings",
        sa.Column(
            "regulated_basis",
            sa.Enum(
                "not_regulated",
                "registered",
                "directly_engaged",
                name="regulated_basis",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="not_regulated",
            nullable=False,
        ),
    )
    op.add_column("listings", sa.Column("is_open_data", sa.Boolean(), server_default=sa.text("true"), nullable=False))
    op.add_column("listings", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("listings", sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("listings", sa.Column("checked_by_council_id", sa.Uuid(), nullable=True))
    op.add_column("listings", sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("listings", sa.Column("feedback_count", sa.Integer(), server_default="0", nullable=False))
    op.add_column("listings", sa.Column("feedback_stars", sa.Integer(), server_default="0", nullable=False))
    op.create_foreign_key(
        op.f("fk_listings_checked_by_council_id"), "listings", "councils", ["checked_by_council_id"], ["id"]
    )
    op.add_column("organisations", sa.Column("home_council_id", sa.Uuid(), nullable=True))
    op.add_column("organisations", sa.Column("safeguarding_name", sa.Text(), server_default="", nullable=False))
    op.add_column("organisations", sa.Column("safeguarding_contact", sa.Text(), server_default="", nullable=False))
    op.create_foreign_key(
        op.f("fk_organisations_home_council_id"), "organisations", "councils", ["home_council_id"], ["id"]
    )
    op.create_check_constraint(op.f("ck_listings_capacity"), "listings", "capacity_free >= 0")
    op.create_check_constraint(op.f("ck_listings_usual"), "listings", "usual_tenths > 0")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.drop_constraint(op.f("fk_organisations_home_council_id"), "organisations", type_="foreignkey")
    op.drop_column("organisations", "safeguarding_contact")
    op.drop_column("organisations", "safeguarding_name")
    op.drop_column("organisations", "home_council_id")
    op.drop_constraint(op.f("fk_listings_checked_by_council_id"), "listings", type_="foreignkey")
    op.drop_column("listings", "feedback_stars")
    op.drop_column("listings", "feedback_count")
    op.drop_column("listings", "checked_at")
    op.drop_column("listings", "checked_by_council_id")
    op.drop_column("listings", "reminded_at")
    op.drop_column("listings", "confirmed_at")
    op.drop_column("listings", "is_open_data")
    op.drop_column("listings", "regulated_basis")
    op.drop_column("listings", "capacity_said_at")
    op.drop_column("listings", "capacity_free")
    op.drop_column("listings", "capacity_kind")
    op.drop_column("listings", "usual_tenths")
    op.drop_column("listings", "access_note")
    op.drop_column("listings", "concession_note")
    op.drop_column("listings", "concessions")
    op.drop_column("listings", "vat_reason")
    op.drop_column("listings", "vat_category")
    op.drop_column("listings", "hidden_reason")
    op.drop_column("listings", "hidden_why")
    op.drop_index("ix_feedback_organisation", table_name="feedback")
    op.drop_index("ix_feedback_listing_id", table_name="feedback")
    op.drop_index("ix_feedback_council_status", table_name="feedback")
    op.drop_index("ix_feedback_booking_id", table_name="feedback")
    op.drop_table("feedback")
    op.drop_index("ix_enquiry_messages_enquiry_id", table_name="enquiry_messages")
    op.drop_table("enquiry_messages")
    op.drop_table("listing_versions")
    op.drop_table("listing_rates")
    op.drop_index("ix_listing_hours_listing_id", table_name="listing_hours")
    op.drop_table("listing_hours")
    op.drop_index("ix_listing_feedback_listing_id", table_name="listing_feedback")
    op.drop_table("listing_feedback")
    op.drop_index(
        "uq_listing_drafts_live",
        table_name="listing_drafts",
        postgresql_where=sa.text("status IN ('open', 'submitted', 'returned')"),
    )
    op.drop_index("ix_listing_drafts_organisation_id", table_name="listing_drafts")
    op.drop_index("ix_listing_drafts_council_status", table_name="listing_drafts")
    op.drop_table("listing_drafts")
    op.drop_table("listing_days")
    op.drop_index("ix_enquiries_organisation", table_name="enquiries")
    op.drop_index("ix_enquiries_listing_id", table_name="enquiries")
    op.drop_index("ix_enquiries_asker", table_name="enquiries")
    op.drop_table("enquiries")
    op.drop_index("ix_joinings_updated_at", table_name="joinings")
    op.drop_table("joinings")
    op.drop_index("ix_evidence_organisation_id", table_name="evidence")
    op.drop_index("ix_evidence_expires_on", table_name="evidence")
    op.drop_table("evidence")
    op.drop_index("ix_saved_list_shares_token_hash", table_name="saved_list_shares")
    op.drop_index("ix_saved_list_shares_list_id", table_name="saved_list_shares")
    op.drop_table("saved_list_shares")
    op.drop_table("saved_list_items")
    op.drop_index("ix_saved_list_comments_list_id", table_name="saved_list_comments")
    op.drop_table("saved_list_comments")
    op.drop_index("ix_regulator_links_organisation_id", table_name="regulator_links")
    op.drop_table("regulator_links")
    op.drop_index("uq_unmet_needs_same", table_name="unmet_needs")
    op.drop_table("unmet_needs")
    op.drop_index("ix_synonym_groups_council_id", table_name="synonym_groups")
    op.drop_table("synonym_groups")
    op.drop_index("ix_saved_searches_owner", table_name="saved_searches")
    op.drop_index("ix_saved_searches_due", table_name="saved_searches", postgresql_where=sa.text("is_telling"))
    op.drop_table("saved_searches")
    op.drop_index("ix_saved_lists_owner", table_name="saved_lists")
    op.drop_table("saved_lists")
    op.drop_index("ix_choice_records_council", table_name="choice_records")
    op.drop_table("choice_records")
