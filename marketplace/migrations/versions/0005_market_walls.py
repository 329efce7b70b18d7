"""Walls around the tables of the market: councils see their own rows, records are only ever added.

Revision: 0005
After: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

APP_ROLE = "marketplace_app"

OWN_COUNCIL = (
    "choice_records",
    "enquiries",
    "enquiry_messages",
    "feedback",
    "listing_drafts",
    "regulator_links",
    "saved_list_comments",
    "saved_list_items",
    "saved_list_shares",
    "saved_lists",
    "saved_searches",
    "unmet_needs",
)
"""Tables whose rows belong to one council and are seen by it alone."""

PUBLIC_READ = ("synonym_groups",)
"""Tables whose rows belong to one council and may be read by anybody: search uses the words of all."""

APPEND_ONLY = ("choice_records", "listing_versions")

IN_SCOPE = (
    "(current_setting('app.councils', true) = '*' OR council_id = ANY (string_to_array("
    "nullif(nullif(current_setting('app.councils', true), ''), '*'), ',')::uuid[]))"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in (*OWN_COUNCIL, *PUBLIC_READ):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    for table in OWN_COUNCIL:
        op.execute(f"CREATE POLICY own_council ON {table} USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
    for table in PUBLIC_READ:
        op.execute(f"CREATE POLICY read_by_all ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY own_council_insert ON {table} FOR INSERT WITH CHECK {IN_SCOPE}")
        op.execute(f"CREATE POLICY own_council_update ON {table} FOR UPDATE USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
        op.execute(f"CREATE POLICY own_council_delete ON {table} FOR DELETE USING {IN_SCOPE}")
    for table in APPEND_ONLY:
        op.execute(f"REVOKE UPDATE, DELETE ON {table} FROM {APP_ROLE}")
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(f"DROP TRIGGER never_truncated ON {table}")
    for table in PUBLIC_READ:
        for policy in ("read_by_all", "own_council_insert", "own_council_update", "own_council_delete"):
            op.execute(f"DROP POLICY {policy} ON {table}")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
    for table in (*OWN_COUNCIL, *PUBLIC_READ):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
