"""The walls the database itself holds: role, row-level security, ledger balance, append-only tables, no double booking.

Revision: 0002
After: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APP_ROLE = "marketplace_app"

OWN_COUNCIL = (
    "accruals",
    "audit_entries",
    "audit_seals",
    "bookings",
    "budgets",
    "card_payments",
    "council_settings",
    "invoice_lines",
    "invoices",
    "ledger_accounts",
    "ledger_entries",
    "ledger_lines",
    "memberships",
    "messages",
    "number_series",
    "offers",
    "capacity_reservations",
    "payment_run_invoices",
    "payment_run_lines",
    "payment_runs",
    "people",
    "plan_items",
    "plan_versions",
    "plans",
    "referrals",
    "reviews",
    "shortlists",
    "steps",
    "tariffs",
)
"""Tables whose rows belong to one council and are seen by it alone."""

PUBLIC_READ = ("accreditations",)
"""Tables whose rows belong to one council and may be read by anybody: the public register."""

APPEND_ONLY = ("ledger_entries", "ledger_lines", "audit_entries", "audit_seals", "steps")

# PostgreSQL may evaluate both sides of the OR, so the list must be readable for "*", too.
IN_SCOPE = (
    "(current_setting('app.councils', true) = '*' OR council_id = ANY (string_to_array("
    "nullif(nullif(current_setting('app.councils', true), ''), '*'), ',')::uuid[]))"
)


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute(
        f"""
        DO $$ BEGIN
            CREATE ROLE {APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
        """
    )
    op.execute(f"GRANT {APP_ROLE} TO CURRENT_USER")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {APP_ROLE}")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {APP_ROLE}")
    op.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {APP_ROLE}")
    op.execute(
        f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO {APP_ROLE}"
    )
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO {APP_ROLE}")
    op.execute(f"REVOKE ALL ON alembic_version FROM {APP_ROLE}")
    op.execute(f"GRANT SELECT ON alembic_version TO {APP_ROLE}")

    for table in OWN_COUNCIL:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_council ON {table} USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
    for table in PUBLIC_READ:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY read_by_all ON {table} FOR SELECT USING (true)")
        op.execute(f"CREATE POLICY own_council_insert ON {table} FOR INSERT WITH CHECK {IN_SCOPE}")
        op.execute(f"CREATE POLICY own_council_update ON {table} FOR UPDATE USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
        op.execute(f"CREATE POLICY own_council_delete ON {table} FOR DELETE USING {IN_SCOPE}")

    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'rows of % are only ever added', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation', CONSTRAINT = 'append_only_' || TG_TABLE_NAME;
        END $$
        """
    )
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

    # Balances are kept by the database alone; a column grant is left because row locks need one.
    op.execute(f"REVOKE UPDATE, DELETE ON ledger_accounts FROM {APP_ROLE}")
    op.execute(f"GRANT UPDATE (floor_pence) ON ledger_accounts TO {APP_ROLE}")
    op.execute(
        """
        CREATE FUNCTION keep_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = public SET app.councils = '*' AS $$
        DECLARE account ledger_accounts%ROWTYPE;
        BEGIN
            SELECT * INTO account FROM ledger_accounts WHERE id = NEW.account_id;
            IF account.council_id <> NEW.council_id OR NOT EXISTS (
                SELECT 1 FROM ledger_entries WHERE id = NEW.entry_id AND council_id = NEW.council_id
            ) THEN
                RAISE EXCEPTION 'a ledger entry stays within one council'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_one_council';
            END IF;
            IF account.is_tracked THEN
                UPDATE ledger_accounts
                SET balance_pence = balance_pence
                    + CASE WHEN (NEW.side = 'debit') = is_debit_normal THEN NEW.amount_pence ELSE -NEW.amount_pence END
                WHERE id = NEW.account_id;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute("CREATE TRIGGER keep_balance AFTER INSERT ON ledger_lines FOR EACH ROW EXECUTE FUNCTION keep_balance()")
    op.execute(
        """
        CREATE FUNCTION check_entry_balances() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
            SET search_path = public SET app.councils = '*' AS $$
        DECLARE
            -- One function serves both tables: only a line has entry_id.
            entry uuid := coalesce(to_jsonb(NEW) ->> 'entry_id', to_jsonb(NEW) ->> 'id')::uuid;
            difference bigint;
            lines bigint;
        BEGIN
            SELECT coalesce(sum(CASE side WHEN 'debit' THEN amount_pence ELSE -amount_pence END), 0), count(*)
            INTO difference, lines FROM ledger_lines WHERE entry_id = entry;
            IF difference <> 0 OR lines < 2 THEN
                RAISE EXCEPTION 'ledger entry % does not balance', entry
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'ledger_entry_balances';
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for table in ("ledger_entries", "ledger_lines"):
        op.execute(
            f"CREATE CONSTRAINT TRIGGER entry_balances AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION check_entry_balances()"
        )

    # A range type over ids lets the exclusion constraint compare "the same worker" without an extension.
    op.execute("CREATE TYPE uuid_range AS RANGE (subtype = uuid)")
    op.execute(
        """
        ALTER TABLE bookings ADD CONSTRAINT ex_bookings_worker_time EXCLUDE USING gist (
            uuid_range(worker_id, worker_id, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&
        ) WHERE (status IN ('awaiting_payment', 'requested', 'accepted', 'claimed', 'approved', 'disputed'))
        """
    )

    # What another council has taken of a shared worker's time: times and counts only, whoever asks.
    op.execute(
        """
        CREATE FUNCTION worker_busy(worker uuid, from_at timestamptz, until_at timestamptz)
            RETURNS TABLE (starts_at timestamptz, ends_at timestamptz)
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public SET app.councils = '*' AS $$
            SELECT b.starts_at, b.ends_at FROM bookings b
            WHERE b.worker_id = worker AND b.starts_at < until_at AND b.ends_at > from_at
                AND b.status IN ('awaiting_payment', 'requested', 'accepted', 'claimed', 'approved', 'disputed')
            ORDER BY b.starts_at
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION places_taken(workers uuid[], from_week date, until_week date)
            RETURNS TABLE (worker_id uuid, week_on date, place integer)
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public SET app.councils = '*' AS $$
            SELECT r.worker_id, r.week_on, r.place FROM capacity_reservations r
            WHERE r.worker_id = ANY (workers) AND r.week_on >= from_week AND r.week_on < until_week
        $$
        """
    )

    op.execute(
        """
        CREATE FUNCTION notify_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM pg_notify('outbox', '');
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER notify_outbox AFTER INSERT ON outbox_messages "
        "FOR EACH STATEMENT EXECUTE FUNCTION notify_outbox()"
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER notify_outbox ON outbox_messages")
    op.execute("DROP FUNCTION notify_outbox()")
    op.execute("DROP FUNCTION places_taken(uuid[], date, date)")
    op.execute("DROP FUNCTION worker_busy(uuid, timestamptz, timestamptz)")
    op.execute("ALTER TABLE bookings DROP CONSTRAINT ex_bookings_worker_time")
    op.execute("DROP TYPE uuid_range")
    for table in ("ledger_entries", "ledger_lines"):
        op.execute(f"DROP TRIGGER entry_balances ON {table}")
    op.execute("DROP FUNCTION check_entry_balances()")
    op.execute("DROP TRIGGER keep_balance ON ledger_lines")
    op.execute("DROP FUNCTION keep_balance()")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(f"DROP TRIGGER never_truncated ON {table}")
    op.execute("DROP FUNCTION refuse_change()")
    for table in PUBLIC_READ:
        for policy in ("read_by_all", "own_council_insert", "own_council_update", "own_council_delete"):
            op.execute(f"DROP POLICY {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON TABLES FROM {APP_ROLE}")
    op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON SEQUENCES FROM {APP_ROLE}")
    op.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {APP_ROLE}")
    op.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {APP_ROLE}")
    op.execute(f"REVOKE USAGE ON SCHEMA public FROM {APP_ROLE}")
