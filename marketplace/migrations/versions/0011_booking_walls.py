"""Walls of bookings: councils apart, workers and places held once, signed terms and records at the door never changed.

Revision: 0011
After: 0010
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

OWN_COUNCIL = (
    "agreement_pauses",
    "agreement_rates",
    "agreement_terms",
    "alert_contacts",
    "approval_rules",
    "audit_items",
    "back_ups",
    "calendar_feeds",
    "card_disputes",
    "card_payment_visits",
    "card_reconciliations",
    "card_refunds",
    "contact_preferences",
    "direct_payment_arrangements",
    "direct_payment_audits",
    "employer_duties",
    "employments",
    "family_exceptions",
    "money_asks",
    "money_movements",
    "movement_visits",
    "receipts",
    "reconciliation_differences",
    "representations",
    "support_agreements",
    "thread_files",
    "thread_messages",
    "threads",
    "timesheet_lines",
    "timesheets",
    "visit_alerts",
    "visit_patterns",
    "visit_places",
    "visit_proposals",
    "visit_records",
    "visit_workers",
)
"""Tables whose rows belong to one council and are seen by it alone."""

APPEND_ONLY = ("visit_records",)

IN_SCOPE = (
    "(current_setting('app.councils', true) = '*' OR council_id = ANY (string_to_array("
    "nullif(nullif(current_setting('app.councils', true), ''), '*'), ',')::uuid[]))"
)

HOLDING = (
    "'awaiting_payment', 'requested', 'planned', 'accepted', 'in_progress', 'claimed', 'approved', 'part_approved', "
    "'disputed'"
)
HOLDING_BEFORE = "'awaiting_payment', 'requested', 'accepted', 'claimed', 'approved', 'disputed'"

WAGES = "National Minimum Wage rates, GOV.UK"
INSURANCE = "Rates and thresholds for employers, GOV.UK"
PENSION = "Automatic enrolment earnings thresholds, Department for Work and Pensions"
HOLIDAY = "Working Time Regulations 1998, regulations 13, 13A and 15B"
SICK_PAY = "Statutory Sick Pay: employer guide, GOV.UK"
LIABILITY = "Employers' Liability (Compulsory Insurance) Act 1969"
LAW = (
    ("wage_21", 1_221, "pence", "2025-04-01", WAGES),
    ("wage_18", 1_000, "pence", "2025-04-01", WAGES),
    ("wage_16", 755, "pence", "2025-04-01", WAGES),
    ("wage_21", 1_271, "pence", "2026-04-01", WAGES),
    ("wage_18", 1_085, "pence", "2026-04-01", WAGES),
    ("wage_16", 800, "pence", "2026-04-01", WAGES),
    ("insurance_rate", 1_500, "basis_points", "2025-04-06", INSURANCE),
    ("insurance_threshold", 500_000, "pence_a_year", "2025-04-06", INSURANCE),
    ("insurance_under_21_limit", 5_027_000, "pence_a_year", "2025-04-06", INSURANCE),
    ("employment_allowance", 1_050_000, "pence_a_year", "2025-04-06", INSURANCE),
    ("pension_trigger", 1_000_000, "pence_a_year", "2025-04-06", PENSION),
    ("pension_lower", 624_000, "pence_a_year", "2025-04-06", PENSION),
    ("pension_upper", 5_027_000, "pence_a_year", "2025-04-06", PENSION),
    ("pension_employer_rate", 300, "basis_points", "2025-04-06", PENSION),
    ("pension_total_rate", 800, "basis_points", "2025-04-06", PENSION),
    ("holiday_weeks", 56, "weeks_tenths", "2024-04-01", HOLIDAY),
    ("holiday_accrual", 1_207, "basis_points", "2024-04-01", HOLIDAY),
    ("sick_pay", 11_875, "pence_a_week", "2025-04-06", SICK_PAY),
    ("sick_pay", 12_325, "pence_a_week", "2026-04-06", SICK_PAY),
    ("sick_pay_share", 10_000, "basis_points", "2025-04-06", SICK_PAY),
    ("sick_pay_share", 8_000, "basis_points", "2026-04-06", SICK_PAY),
    ("liability_cover", 500_000_000, "pence", "1999-01-01", LIABILITY),
    ("liability_fine", 250_000, "pence", "1999-01-01", LIABILITY),
)
"""Figures of the law (domain.md 4.4): key, value, unit, first day, source. A later figure is a later row."""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    for table in OWN_COUNCIL:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY own_council ON {table} USING {IN_SCOPE} WITH CHECK {IN_SCOPE}")
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER never_truncated BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    _terms_stay()
    _sent_timesheets_stay()
    _holds()
    _representations()
    _refunds()
    values = ", ".join(
        f"(gen_random_uuid(), '{key}', {value}, '{unit}', '{first}', '{source.replace(chr(39), chr(39) * 2)}')"
        for key, value, unit, first, source in LAW
    )
    op.execute(f"INSERT INTO law_rates (id, key, value, unit, starts_on, source) VALUES {values}")


def _terms_stay() -> None:
    """What was offered and signed is never changed; only signatures and the answer are added."""
    op.execute(
        """
        CREATE FUNCTION refuse_changed_terms() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            answers text[] := ARRAY['status', 'person_signed_at', 'person_signed_by_user_id', 'person_signature',
                'provider_signed_at', 'provider_signed_by_user_id', 'provider_signature'];
        BEGIN
            IF TG_OP = 'UPDATE' AND OLD.status = 'offered' AND to_jsonb(NEW) - answers = to_jsonb(OLD) - answers THEN
                RETURN NEW;
            END IF;
            IF OLD.status <> 'draft' THEN
                RAISE EXCEPTION 'offered terms never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'offered_terms_stay';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER offered_stays BEFORE UPDATE OR DELETE ON agreement_terms "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_terms()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_changed_rates() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            terms uuid := CASE WHEN TG_OP = 'INSERT' THEN NEW.terms_id ELSE OLD.terms_id END;
        BEGIN
            IF EXISTS (SELECT FROM agreement_terms t WHERE t.id = terms AND t.status <> 'draft') THEN
                RAISE EXCEPTION 'offered rates never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'offered_rates_stay';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER offered_stays BEFORE INSERT OR UPDATE OR DELETE ON agreement_rates "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_rates()"
    )


def _sent_timesheets_stay() -> None:
    """What went to the payroll is never changed; what is found later goes onto the next timesheet."""
    op.execute(
        """
        CREATE FUNCTION refuse_changed_timesheet() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status = 'sent' THEN
                RAISE EXCEPTION 'a sent timesheet never changes'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sent_timesheets_stay';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION refuse_changed_timesheet_lines() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM timesheets t WHERE t.status = 'sent'
                AND ((TG_OP <> 'INSERT' AND t.id = OLD.timesheet_id) OR (TG_OP <> 'DELETE' AND t.id = NEW.timesheet_id))
            ) THEN
                RAISE EXCEPTION 'lines of a sent timesheet never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sent_timesheets_stay';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER sent_stays BEFORE UPDATE OR DELETE ON timesheets "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_timesheet()"
    )
    op.execute(
        "CREATE TRIGGER sent_stays BEFORE INSERT OR UPDATE OR DELETE ON timesheet_lines "
        "FOR EACH ROW EXECUTE FUNCTION refuse_changed_timesheet_lines()"
    )


def _holds() -> None:
    """Workers and places are held by rows of their own, which the database keeps equal to the visit."""
    op.execute(
        f"""
        CREATE FUNCTION visit_holds(status text, called_off_at timestamptz) RETURNS boolean
            LANGUAGE sql IMMUTABLE AS $$
            SELECT status IN ({HOLDING}) AND called_off_at IS NULL
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION take_visit_times() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            SELECT b.starts_at, b.ends_at, visit_holds(b.status, b.called_off_at), b.council_id
                INTO NEW.starts_at, NEW.ends_at, NEW.is_holding, NEW.council_id
                FROM bookings b WHERE b.id = NEW.booking_id;
            IF TG_TABLE_NAME = 'visit_workers' THEN
                SELECT b.ends_at + make_interval(mins => b.travel_minutes) INTO NEW.busy_until
                    FROM bookings b WHERE b.id = NEW.booking_id;
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION keep_visit_holds() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            holds boolean := visit_holds(NEW.status, NEW.called_off_at);
            until_at timestamptz := NEW.ends_at + make_interval(mins => NEW.travel_minutes);
        BEGIN
            IF NEW.worker_id IS NULL THEN
                DELETE FROM visit_workers WHERE booking_id = NEW.id AND position = 1;
            ELSE
                INSERT INTO visit_workers (id, council_id, booking_id, position, worker_id, starts_at, ends_at,
                        busy_until, is_holding)
                    VALUES (gen_random_uuid(), NEW.council_id, NEW.id, 1, NEW.worker_id, NEW.starts_at, NEW.ends_at,
                        until_at, holds)
                    ON CONFLICT (booking_id, position) DO UPDATE SET
                        worker_id = excluded.worker_id, starts_at = excluded.starts_at, ends_at = excluded.ends_at,
                        busy_until = excluded.busy_until, is_holding = excluded.is_holding,
                        confirmed_at = CASE WHEN visit_workers.worker_id = excluded.worker_id
                            THEN visit_workers.confirmed_at END;
            END IF;
            IF TG_OP = 'UPDATE' THEN
                UPDATE visit_workers SET starts_at = NEW.starts_at, ends_at = NEW.ends_at, busy_until = until_at,
                    is_holding = holds WHERE booking_id = NEW.id AND position > 1;
                UPDATE visit_places SET starts_at = NEW.starts_at, ends_at = NEW.ends_at, is_holding = holds
                    WHERE booking_id = NEW.id;
            END IF;
            RETURN NULL;
        END $$
        """
    )
    op.execute(
        f"""
        INSERT INTO visit_workers (id, council_id, booking_id, position, worker_id, starts_at, ends_at, busy_until,
                is_holding)
            SELECT gen_random_uuid(), council_id, id, 1, worker_id, starts_at, ends_at, ends_at, status IN ({HOLDING})
            FROM bookings
        """
    )
    op.execute(
        """
        ALTER TABLE visit_workers ADD CONSTRAINT ex_visit_workers_time EXCLUDE USING gist (
            uuid_range(worker_id, worker_id, '[]') WITH &&,
            tstzrange(starts_at, busy_until) WITH &&
        ) WHERE (is_holding)
        """
    )
    op.execute(
        """
        ALTER TABLE visit_places ADD CONSTRAINT ex_visit_places_time EXCLUDE USING gist (
            uuid_range(listing_id, listing_id, '[]') WITH &&,
            int4range(place, place, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&
        ) WHERE (is_holding)
        """
    )
    op.execute("ALTER TABLE bookings DROP CONSTRAINT ex_bookings_worker_time")
    op.execute(
        "CREATE TRIGGER keep_visit_holds AFTER INSERT OR UPDATE OF status, called_off_at, starts_at, ends_at, "
        "travel_minutes, worker_id ON bookings FOR EACH ROW EXECUTE FUNCTION keep_visit_holds()"
    )
    for table in ("visit_workers", "visit_places"):
        op.execute(
            f"CREATE TRIGGER take_visit_times BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION take_visit_times()"
        )
    _worker_busy(
        "SELECT v.starts_at, v.busy_until FROM visit_workers v WHERE v.worker_id = worker AND v.is_holding "
        "AND v.starts_at < until_at AND v.busy_until > from_at ORDER BY v.starts_at"
    )


def _worker_busy(answer: str) -> None:
    """What any council has taken of a worker's time: times alone, whoever asks."""
    op.execute(
        f"""
        CREATE OR REPLACE FUNCTION worker_busy(worker uuid, from_at timestamptz, until_at timestamptz)
            RETURNS TABLE (starts_at timestamptz, ends_at timestamptz)
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public SET app.councils = '*' AS $$
            {answer}
        $$
        """
    )


def _representations() -> None:
    """Who already acts for somebody goes on doing so, with a record of it that the person can end."""
    op.execute(
        """
        INSERT INTO representations (id, council_id, person_id, user_id, membership_id, name, email, relationship,
                kind, scopes, status, starts_on, ends_on, evidence_note, asked_by_user_id, asked_at, answered_at,
                reason, version)
            SELECT gen_random_uuid(), m.council_id, m.person_id, m.user_id, m.id, u.name, u.email, '', 'nominated',
                ARRAY['profile', 'plan', 'choose', 'book', 'approve', 'money', 'employ', 'talk'], 'live', m.starts_on,
                m.ends_on, '', m.user_id, u.created_at, u.created_at, '', 1
            FROM memberships m JOIN users u ON u.id = m.user_id
            WHERE m.role = 'representative' AND m.person_id IS NOT NULL
        """
    )


def _refunds() -> None:
    """Refunds of a card payment never exceed what was taken, whoever asks at the same instant.

    The payment's row is locked first, so that two refunds of it are counted one after the other. Refunds from before
    had no row of their own; each gets one.
    """
    op.execute(
        """
        CREATE FUNCTION keep_refunds_within() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            taken bigint;
            others bigint;
        BEGIN
            IF NEW.status IN ('failed', 'refused') THEN
                RETURN NEW;
            END IF;
            SELECT p.amount_pence INTO taken FROM card_payments p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
            SELECT coalesce(sum(r.amount_pence), 0) INTO others FROM card_refunds r
                WHERE r.payment_id = NEW.payment_id AND r.id <> NEW.id AND r.status NOT IN ('failed', 'refused');
            IF taken IS NULL OR others + NEW.amount_pence > taken THEN
                RAISE EXCEPTION 'refunds exceed what was taken'
                    USING ERRCODE = 'check_violation', CONSTRAINT = 'refunds_within_captured';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER keep_refunds_within BEFORE INSERT OR UPDATE OF status, amount_pence, payment_id "
        "ON card_refunds FOR EACH ROW EXECUTE FUNCTION keep_refunds_within()"
    )
    op.execute(
        """
        INSERT INTO card_refunds
                (id, council_id, payment_id, amount_pence, status, reason, asked_at, failed_why, version)
            SELECT coalesce(refund_id, gen_random_uuid()), council_id, id, refunded_pence, 'done', '', created_at, '', 1
            FROM card_payments WHERE refunded_pence > 0
            UNION ALL
            SELECT CASE WHEN refunded_pence > 0 THEN gen_random_uuid() ELSE coalesce(refund_id, gen_random_uuid()) END,
                council_id, id, amount_pence - refunded_pence, 'asked', '', created_at, '', 1
            FROM card_payments WHERE status = 'refunding' AND refunded_pence < amount_pence
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    op.execute("DELETE FROM law_rates")
    op.execute("DELETE FROM representations")
    op.execute("DROP TRIGGER keep_refunds_within ON card_refunds")
    op.execute("DROP FUNCTION keep_refunds_within()")
    op.execute("DELETE FROM card_refunds")
    op.execute("DROP TRIGGER keep_visit_holds ON bookings")
    for table in ("visit_workers", "visit_places"):
        op.execute(f"DROP TRIGGER take_visit_times ON {table}")
    op.execute(
        f"""
        ALTER TABLE bookings ADD CONSTRAINT ex_bookings_worker_time EXCLUDE USING gist (
            uuid_range(worker_id, worker_id, '[]') WITH &&,
            tstzrange(starts_at, ends_at) WITH &&
        ) WHERE (status IN ({HOLDING_BEFORE}))
        """
    )
    _worker_busy(
        "SELECT b.starts_at, b.ends_at FROM bookings b WHERE b.worker_id = worker AND b.starts_at < until_at "
        f"AND b.ends_at > from_at AND b.status IN ({HOLDING_BEFORE}) ORDER BY b.starts_at"
    )
    op.execute("ALTER TABLE visit_places DROP CONSTRAINT ex_visit_places_time")
    op.execute("ALTER TABLE visit_workers DROP CONSTRAINT ex_visit_workers_time")
    op.execute("DELETE FROM visit_workers")
    op.execute("DROP FUNCTION keep_visit_holds()")
    op.execute("DROP FUNCTION take_visit_times()")
    op.execute("DROP FUNCTION visit_holds(text, timestamptz)")
    for table in ("agreement_terms", "agreement_rates"):
        op.execute(f"DROP TRIGGER offered_stays ON {table}")
    for table in ("timesheet_lines", "timesheets"):
        op.execute(f"DROP TRIGGER sent_stays ON {table}")
    op.execute("DROP FUNCTION refuse_changed_timesheet_lines()")
    op.execute("DROP FUNCTION refuse_changed_timesheet()")
    op.execute("DROP FUNCTION refuse_changed_rates()")
    op.execute("DROP FUNCTION refuse_changed_terms()")
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER append_only ON {table}")
        op.execute(f"DROP TRIGGER never_truncated ON {table}")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
