"""Walls of people and plans: councils apart, a published allocation system never changed, figures of the law.

Revision: 0015
After: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

OWN_COUNCIL = (
    "approval_limits",
    "assessed_needs",
    "assessments",
    "budget_challenges",
    "budget_parts",
    "council_moves",
    "crises",
    "direct_payment_setups",
    "early_starts",
    "exchange_runs",
    "financial_assessments",
    "front_door_contacts",
    "incoming_cases",
    "outcome_results",
    "panel_cases",
    "person_stages",
    "plan_asks",
    "plan_helpers",
    "plan_sections",
    "plan_showcases",
    "profile_entries",
    "protections",
    "ras_cases",
    "ras_months",
    "ras_versions",
    "record_views",
    "review_invites",
    "review_notes",
)
"""Tables whose rows belong to one council and are seen by it alone."""

SHARED_WITH_ORGANISATIONS = ("plan_shares",)
"""Read by organisations that serve the council, in its scope."""

IN_SCOPE = (
    "(current_setting('app.councils', true) = '*' OR council_id = ANY (string_to_array("
    "nullif(nullif(current_setting('app.councils', true), ''), '*'), ',')::uuid[]))"
)

SOURCE = "Social care charging for local authorities, circular for 2024 to 2025: capital limits and tariff income"
FIGURES = (
    ("capital_upper_limit", 2_325_000, "pence"),
    ("capital_lower_limit", 1_425_000, "pence"),
    ("tariff_income_step", 25_000, "pence"),
    ("tariff_income_weekly", 100, "pence"),
)
"""Above the upper limit all is paid; between the limits each step, or part of one, counts as a weekly income."""
STARTS_ON = "2024-04-08"

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


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    for table in (*OWN_COUNCIL, *SHARED_WITH_ORGANISATIONS):
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_council ON {table} USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
    _published_stays()
    values = ", ".join(
        f"(gen_random_uuid(), '{key}', {value}, '{unit}', '{STARTS_ON}', '{SOURCE}')" for key, value, unit in FIGURES
    )
    op.execute(f"INSERT INTO law_rates (id, key, value, unit, starts_on, source) VALUES {values}")


def _published_stays() -> None:
    """A published version and its sample stay as they are; a later version may end it."""
    op.execute(
        """
        CREATE FUNCTION refuse_changed_ras() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            ends text[] := ARRAY['ends_on', 'version'];
        BEGIN
            IF OLD.status <> 'published'
                OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - ends = to_jsonb(OLD) - ends) THEN
                RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            RAISE EXCEPTION 'a published allocation system never changes'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_ras_stays';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON ras_versions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_ras()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_changed_sample() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM ras_versions v
                WHERE v.status = 'published'
                  AND v.id = CASE WHEN TG_OP = 'INSERT' THEN NEW.ras_version_id ELSE OLD.ras_version_id END
            ) THEN
                RAISE EXCEPTION 'a published allocation system never changes'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_ras_stays';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE INSERT OR UPDATE OR DELETE ON ras_cases "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_sample()"
    )


def _refuse_what_would_be_lost() -> None:
    """Refuse to go back while there are rows that the schema before 0014 cannot hold.

    Each migration is a transaction of its own: 0014 would refuse with these walls down already.

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
    op.execute("SET LOCAL app.councils = '*'")
    keys = ", ".join(f"'{key}'" for key, _value, _unit in FIGURES)
    op.execute(f"DELETE FROM law_rates WHERE key IN ({keys})")
    for table in ("ras_cases", "ras_versions"):
        op.execute(f"DROP TRIGGER published_stays ON {table}")
    op.execute("DROP FUNCTION refuse_changed_sample()")
    op.execute("DROP FUNCTION refuse_changed_ras()")
    for table in (*OWN_COUNCIL, *SHARED_WITH_ORGANISATIONS):
        op.execute(f"DROP POLICY own_council ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
