"""Walls around the tables of accreditation, and what earlier rows mean in them.

Revision: 0007
After: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

APP_ROLE = "marketplace_app"

OWN_COUNCIL = (
    "accreditation_actions",
    "agreements",
    "appeals",
    "application_answers",
    "application_files",
    "application_lots",
    "applications",
    "evaluation_scores",
    "evaluations",
    "join_requests",
    "moderated_scores",
    "monitoring_returns",
    "nominations",
    "organisation_invitations",
    "organisation_merges",
    "pa_references",
    "passport_shares",
)
"""Tables whose rows belong to one council and are seen by it alone."""

PUBLIC_READ = (
    "accreditation_holds",
    "countersignatures",
    "criteria",
    "engagement_entries",
    "framework_questions",
    "framework_versions",
    "frameworks",
    "lots",
    "nomination_calls",
    "pa_approvals",
    "rounds",
)
"""Tables whose rows belong to one council and may be read by anybody: what organisations apply for, and what counts."""

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

    # A published version of a specification is what people applied under: the database refuses to change it.
    op.execute(
        """
        CREATE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            owner uuid;
        BEGIN
            owner := CASE WHEN TG_OP = 'INSERT' THEN NEW.version_id ELSE OLD.version_id END;
            IF EXISTS (SELECT FROM framework_versions WHERE id = owner AND status <> 'draft') THEN
                RAISE EXCEPTION 'a published specification never changes'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_' || TG_TABLE_NAME;
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    for table in ("lots", "criteria"):
        op.execute(
            f"CREATE TRIGGER published_stays BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION refuse_published_change()"
        )
    op.execute(
        """
        CREATE FUNCTION refuse_published_text() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF OLD.status <> 'draft' AND (NEW.specification, NEW.agreement_terms, NEW.changes, NEW.number,
                    NEW.framework_id, NEW.content_hash) IS DISTINCT FROM (OLD.specification, OLD.agreement_terms,
                    OLD.changes, OLD.number, OLD.framework_id, OLD.content_hash) THEN
                RAISE EXCEPTION 'a published specification never changes'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'published_framework_versions';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER published_stays BEFORE UPDATE ON framework_versions "
        "FOR EACH ROW EXECUTE FUNCTION refuse_published_text()"
    )

    # Scores that were sent are what the other evaluator did not see; terms are what both sides signed.
    op.execute(
        """
        CREATE FUNCTION refuse_sent_score() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM evaluations WHERE id = OLD.evaluation_id AND status = 'submitted') THEN
                RAISE EXCEPTION 'scores that were sent never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'sent_evaluation_scores';
            END IF;
            RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER sent_stays BEFORE UPDATE OR DELETE ON evaluation_scores "
        "FOR EACH ROW EXECUTE FUNCTION refuse_sent_score()"
    )
    op.execute(
        """
        CREATE FUNCTION refuse_other_terms() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF (NEW.terms, NEW.terms_hash, NEW.lot_ids, NEW.reference, NEW.number) IS DISTINCT FROM
                    (OLD.terms, OLD.terms_hash, OLD.lot_ids, OLD.reference, OLD.number) THEN
                RAISE EXCEPTION 'the terms of an agreement never change'
                    USING ERRCODE = 'restrict_violation', CONSTRAINT = 'agreed_terms';
            END IF;
            RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER terms_stay BEFORE UPDATE ON agreements FOR EACH ROW EXECUTE FUNCTION refuse_other_terms()"
    )

    op.execute("SET LOCAL app.councils = '*'")
    # Until now only the present was kept. What was decided last says from when it holds.
    op.execute(
        "UPDATE accreditations SET removed_on = greatest((decided_at AT TIME ZONE 'Europe/London')::date, live_from), "
        "removed_at = decided_at WHERE status = 'removed'"
    )
    op.create_check_constraint(
        op.f("ck_accreditations_removed"), "accreditations", "status <> 'removed' OR removed_on IS NOT NULL"
    )
    # Accreditations had no life-cycle rows: each gets its first one, with the state it is in.
    op.execute(
        """
        INSERT INTO steps (id, council_id, subject_kind, subject_id, from_status, to_status, at, by_user_id, why)
        SELECT gen_random_uuid(), council_id, 'accreditation', id, NULL, status, decided_at, decided_by_user_id, ''
        FROM accreditations
        """
    )
    op.execute(
        """
        INSERT INTO accreditation_holds (id, council_id, accreditation_id, cause, starts_on, made_at)
        SELECT gen_random_uuid(), council_id, id, 'suspension', (decided_at AT TIME ZONE 'Europe/London')::date,
            decided_at
        FROM accreditations WHERE status = 'suspended'
        """
    )
    op.execute("UPDATE evidence SET refused_at = coalesce(seen_at, given_at) WHERE refused_because <> ''")
    op.execute(
        """
        INSERT INTO countersignatures (id, council_id, evidence_id, signed_by_user_id, signed_at, reason)
        SELECT gen_random_uuid(), council_id, evidence_id, seen_by_user_id, seen_at, ''
        FROM (
            SELECT e.id AS evidence_id, e.seen_by_user_id, e.seen_at, coalesce(
                (SELECT m.council_id FROM memberships m
                 WHERE m.user_id = e.seen_by_user_id AND m.organisation_id IS NULL AND m.person_id IS NULL
                 ORDER BY m.starts_on, m.id LIMIT 1),
                o.home_council_id
            ) AS council_id
            FROM evidence e JOIN organisations o ON o.id = e.organisation_id
            WHERE e.seen_at IS NOT NULL AND e.refused_because = ''
        ) seen
        WHERE council_id IS NOT NULL
        """
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.execute("SET LOCAL app.councils = '*'")
    op.execute("DROP TRIGGER terms_stay ON agreements")
    op.execute("DROP FUNCTION refuse_other_terms()")
    op.execute("DROP TRIGGER sent_stays ON evaluation_scores")
    op.execute("DROP FUNCTION refuse_sent_score()")
    op.execute("DROP TRIGGER published_stays ON framework_versions")
    for table in ("lots", "criteria"):
        op.execute(f"DROP TRIGGER published_stays ON {table}")
    op.execute("DROP FUNCTION refuse_published_text()")
    op.execute("DROP FUNCTION refuse_published_change()")
    # Steps only ever grow; taking this version back is the one time when they do not.
    op.execute("ALTER TABLE steps DISABLE TRIGGER append_only")
    op.execute("DELETE FROM steps WHERE subject_kind = 'accreditation'")
    op.execute("ALTER TABLE steps ENABLE TRIGGER append_only")
    op.drop_constraint(op.f("ck_accreditations_removed"), "accreditations", type_="check")
    op.execute("DELETE FROM countersignatures")
    op.execute("DELETE FROM accreditation_holds")
    for table in PUBLIC_READ:
        for policy in ("read_by_all", "own_council_insert", "own_council_update", "own_council_delete"):
            op.execute(f"DROP POLICY {policy} ON {table}")
    for table in OWN_COUNCIL:
        op.execute(f"DROP POLICY own_council ON {table}")
    for table in (*OWN_COUNCIL, *PUBLIC_READ):
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
