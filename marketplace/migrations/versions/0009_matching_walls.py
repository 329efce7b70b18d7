"""Walls around the tables of matching: a council sees its own rows; published weights never change.

Revision: 0009
After: 0008
"""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

OWN_COUNCIL = (
    "assignment_rules",
    "assignment_run_files",
    "assignment_runs",
    "conflicts",
    "contests",
    "offered_visits",
    "preferences",
    "proposals",
    "rematch_alerts",
    "requirement_awards",
    "requirement_invitations",
    "requirement_offers",
    "requirement_visits",
    "requirements",
    "unmet_requirements",
)
"""Tables whose rows belong to one council and are seen by it alone."""

PUBLIC_READ = ("weight_sets",)
"""Tables whose rows belong to one council and may be read by anybody: how the council weighs is public."""

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
    op.execute(
        """
        CREATE FUNCTION refuse_published_weights() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status = 'published' THEN
                RAISE EXCEPTION 'published weights never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_weight_sets';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON weight_sets "
        "FOR EACH ROW EXECUTE FUNCTION refuse_published_weights()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    op.execute("DROP TRIGGER published_stays ON weight_sets")
    op.execute("DROP FUNCTION refuse_published_weights()")
    for table in PUBLIC_READ:
        for policy in ("read_by_all", "own_council_insert", "own_council_update", "own_council_delete"):
            op.execute(f"DROP POLICY {policy} ON {table}")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
    for table in (*OWN_COUNCIL, *PUBLIC_READ):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
