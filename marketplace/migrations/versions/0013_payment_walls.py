"""Walls of payments: councils apart, published tariffs and sent bills never changed, a supplier's month billed once.

Revision: 0013
After: 0012
"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OWN_COUNCIL = (
    "activity_times",
    "block_contracts",
    "budget_team_people",
    "budget_teams",
    "cost_codes",
    "invoice_batches",
    "journal_exports",
    "late_interests",
    "line_holds",
    "money_managements",
    "onward_payments",
    "payables",
    "payment_queries",
    "resource_contributions",
    "returned_items",
    "self_billing_agreements",
    "tariff_books",
    "tariff_claims",
    "vat_treatments",
)
"""Tables whose rows belong to one council and are seen by it alone."""

IN_SCOPE = (
    "(current_setting('app.councils', true) = '*' OR council_id = ANY (string_to_array("
    "nullif(nullif(current_setting('app.councils', true), ''), '*'), ',')::uuid[]))"
)

SOURCE = "Bank of England base rate on 31 December and 30 June, for the half-year that follows"
RATES = ((475, "2025-01-01"), (425, "2025-07-01"), (375, "2026-01-01"))
"""Reference rate of each half-year, hundredths of a per cent, and its first day. A later one is a later row."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    for table in OWN_COUNCIL:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_council ON {table} USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
    _tariffs_stay()
    _sent_bills_stay()
    values = ", ".join(
        f"(gen_random_uuid(), 'late_reference_rate', {rate}, 'basis_points', '{first}', '{SOURCE}')"
        for rate, first in RATES
    )
    op.execute(f"INSERT INTO law_rates (id, key, value, unit, starts_on, source) VALUES {values}")


def _tariffs_stay() -> None:
    """A published book and its rules stay as they are; a later book may end them."""
    op.execute(
        """
        CREATE FUNCTION refuse_changed_book() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            ends text[] := ARRAY['ends_on', 'version'];
        BEGIN
            IF OLD.status = 'draft'
                OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - ends = to_jsonb(OLD) - ends) THEN
                RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            RAISE EXCEPTION 'published tariffs never change'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_tariffs_stay';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON tariff_books "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_book()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_changed_tariff() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            ends text[] := ARRAY['ends_on'];
        BEGIN
            IF NOT EXISTS (SELECT FROM tariff_books b WHERE b.id = OLD.book_id AND b.status <> 'draft')
                OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - ends = to_jsonb(OLD) - ends) THEN
                RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            RAISE EXCEPTION 'published tariffs never change'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_tariffs_stay';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE OR DELETE ON tariffs "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_tariff()"
    )


def _sent_bills_stay() -> None:
    """What a bill says in money never changes once it has a number: only credit notes take it back."""
    op.execute(
        """
        CREATE FUNCTION refuse_changed_bill() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            moves text[] := ARRAY['status', 'hold_reason', 'reason', 'approved_by_user_id', 'approved_at', 'version',
                'due_on', 'total_pence', 'net_pence', 'vat_pence'];
        BEGIN
            IF OLD.number IS NULL
                OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - moves = to_jsonb(OLD) - moves
                    AND NEW.total_pence <= OLD.total_pence) THEN
                RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
            END IF;
            RAISE EXCEPTION 'numbered bills never change'
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'numbered_bills_stay';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER numbered_stays BEFORE UPDATE OR DELETE ON invoices "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_bill()"
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    op.execute("DELETE FROM law_rates WHERE key = 'late_reference_rate'")
    op.execute("DROP TRIGGER numbered_stays ON invoices")
    op.execute("DROP FUNCTION refuse_changed_bill()")
    for table in ("tariffs", "tariff_books"):
        op.execute(f"DROP TRIGGER published_stays ON {table}")
    op.execute("DROP FUNCTION refuse_changed_tariff()")
    op.execute("DROP FUNCTION refuse_changed_book()")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
