"""The set-based half of the directory import: staged rows are merged with what is held, then written at once.

The rules of the merge, for one location:
- a source that says nothing about a field, or leaves it empty, never erases what is known;
- ratings are replaced as a block by a source that speaks of all of them, because a rating can be withdrawn;
- facts older than those held change nothing;
- a row is written only when the hash of its facts changes, so the same file a second time writes nothing.
Rows marked `is_example` are made up for demonstrations and take no part in any of this.
"""

# Facts of a location in the order of the staging table, and what each becomes when merged: `s` is staged, `h` held,
# `p` the postcode directory. Only these enter the hash.
FACTS: dict[str, str] = {
    "provider_id": "COALESCE(s.provider_id, h.provider_id)",
    "provider_name": "COALESCE(s.provider_name, h.provider_name, '')",
    "name": "s.name",
    "name_key": "s.name_key",
    "also_known_as": "COALESCE(s.also_known_as, h.also_known_as, '')",
    "is_care_home": "COALESCE(s.is_care_home, h.is_care_home, false)",
    "service_types": "COALESCE(s.service_types, h.service_types, '{}')",
    "specialisms": "COALESCE(s.specialisms, h.specialisms, '{}')",
    "beds": "COALESCE(s.beds, h.beds)",
    "address_line": "COALESCE(s.address_line, h.address_line, '')",
    "town": "COALESCE(s.town, h.town, '')",
    "county": "COALESCE(s.county, h.county, '')",
    "postcode": "COALESCE(s.postcode, h.postcode, '')",
    "local_authority": "COALESCE(s.local_authority, h.local_authority, '')",
    "region": "COALESCE(s.region, h.region, '')",
    # A location that moved must not keep the coordinates of its old postcode.
    "lad_code": (
        "COALESCE(s.lad_code, CASE WHEN s.postcode IS NULL OR s.postcode = h.postcode THEN nullif(h.lad_code, '') END,"
        " p.lad_code, '')"
    ),
    "lat": "COALESCE(s.lat, CASE WHEN s.postcode IS NULL OR s.postcode = h.postcode THEN h.lat END, p.lat)",
    "lon": "COALESCE(s.lon, CASE WHEN s.postcode IS NULL OR s.postcode = h.postcode THEN h.lon END, p.lon)",
    "phone": "COALESCE(s.phone, h.phone, '')",
    "website": "COALESCE(s.website, h.website, '')",
    "rating_overall": "COALESCE(CASE WHEN s.says_overall THEN s.rating_overall ELSE h.rating_overall END, '')",
    "ratings": "r.merged",
    # A source that gives the word we know and no date leaves the date; another word has no date but its own.
    "rated_on": (
        "CASE WHEN s.says_overall THEN COALESCE(s.rated_on, CASE WHEN h.rating_overall = s.rating_overall"
        " THEN h.rated_on END) ELSE h.rated_on END"
    ),
    "inspected_on": "COALESCE(s.inspected_on, h.inspected_on)",
    "is_registered": "COALESCE(s.is_registered, h.is_registered, true)",
    "is_dormant": "COALESCE(s.is_dormant, h.is_dormant, false)",
    "registered_on": "COALESCE(s.registered_on, h.registered_on)",
    "closed_on": "CASE WHEN s.is_registered THEN NULL ELSE COALESCE(s.closed_on, h.closed_on) END",
    "successor_id": "COALESCE(s.successor_id, h.successor_id)",
    "url": "s.url",
}

STAGED_COLUMNS: dict[str, str] = {
    "row_number": "integer",
    "location_id": "text",
    "may_create": "boolean",
    "as_of": "text",
    "brand_name": "text",
    "company_number": "text",
    "provider_id": "text",
    "provider_name": "text",
    "name": "text",
    "name_key": "text",
    "also_known_as": "text",
    "is_care_home": "boolean",
    "service_types": "text[]",
    "specialisms": "text[]",
    "beds": "integer",
    "address_line": "text",
    "town": "text",
    "county": "text",
    "postcode": "text",
    "local_authority": "text",
    "region": "text",
    "lad_code": "text",
    "lat": "double precision",
    "lon": "double precision",
    "phone": "text",
    "website": "text",
    "says_overall": "boolean",
    "rating_overall": "text",
    # JSON: a word or null for each key question that the source speaks of, and "dates" and "groups".
    "ratings": "text",
    "is_partial": "boolean",
    "rated_on": "date",
    "inspected_on": "date",
    "is_registered": "boolean",
    "is_dormant": "boolean",
    "registered_on": "date",
    "closed_on": "date",
    "successor_id": "text",
    "url": "text",
}
STAGED_PROVIDER_COLUMNS: dict[str, str] = {
    "provider_id": "text",
    "name": "text",
    "brand_name": "text",
    "company_number": "text",
}
NOTE_COLUMNS = ("id", "import_id", "row_number", "location_id", "kind", "field", "message", "value")


def _table(name: str, columns: dict[str, str]) -> str:
    body = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"CREATE TEMPORARY TABLE IF NOT EXISTS {name} ({body}) ON COMMIT DROP"


def _hash_of(alias: str) -> str:
    """Hash over the facts of a row; as text, so the session's date style is set first."""
    return f"sha256(convert_to(ROW({', '.join(f'{alias}.{fact}' for fact in FACTS)})::text, 'UTF8'))"


PREPARE = (
    # One import at a time: two would merge with the same old state and write it over each other.
    "SELECT pg_advisory_xact_lock(hashtext('directory_imports'))",
    "SET LOCAL statement_timeout = '10min'",
    "SET LOCAL idle_in_transaction_session_timeout = '10min'",
    "SET LOCAL DateStyle = 'ISO'",
    "SET LOCAL extra_float_digits = 1",
    _table("staged_locations", STAGED_COLUMNS),
    _table("staged_providers", STAGED_PROVIDER_COLUMNS),
    "CREATE TEMPORARY TABLE IF NOT EXISTS staged_mentions (location_id text) ON COMMIT DROP",
    "TRUNCATE staged_locations, staged_providers, staged_mentions",
    "DROP TABLE IF EXISTS merged_locations",
)

# Key questions as `{"safe": "Good", …}` with "dates" (by question) and "groups" (by service or population group). A
# source of all six questions replaces the words, a partial one only its own; the date of a question stays with the
# word it was given for, and groups stay until a source has groups.
_MERGED_RATINGS = """
    SELECT CASE WHEN s.ratings IS NULL THEN a.held ELSE jsonb_strip_nulls(b.words || jsonb_build_object(
        'dates', nullif(c.dates, '{}'),
        'groups', COALESCE(nullif(a.said -> 'groups', '{}'), a.held -> 'groups')
    )) END AS merged
    FROM (SELECT COALESCE(s.ratings, '{}')::jsonb AS said, COALESCE(h.ratings, '{}') AS held) a
    CROSS JOIN LATERAL (
        SELECT jsonb_strip_nulls(
            CASE WHEN s.is_partial THEN a.held - 'dates' - 'groups' ELSE '{}' END || (a.said - 'dates' - 'groups')
        ) AS words
    ) b
    CROSS JOIN LATERAL (
        SELECT COALESCE(jsonb_object_agg(d.key, d.value) FILTER (WHERE a.held ->> d.key = b.words ->> d.key), '{}')
            || COALESCE(a.said -> 'dates', '{}') AS dates
        FROM jsonb_each(COALESCE(a.held -> 'dates', '{}')) d
    ) c
"""

MERGE = (
    "ANALYZE staged_locations",
    f"""
    CREATE TEMPORARY TABLE merged_locations ON COMMIT DROP AS
    SELECT m.*, {_hash_of("m")} AS content_hash
    FROM (
        SELECT s.row_number, s.location_id, s.as_of, s.brand_name, s.company_number,
            h.location_id IS NULL AS is_new,
            h.content_hash AS held_hash,
            h.is_registered AS was_registered,
            h.as_of AS held_as_of,
            COALESCE(s.as_of COLLATE "C" < h.as_of COLLATE "C", false) AS is_older,
            {", ".join(f"{rule} AS {fact}" for fact, rule in FACTS.items())}
        FROM staged_locations s
        LEFT JOIN regulator_locations h ON h.location_id = s.location_id AND NOT h.is_example
        LEFT JOIN postcodes p ON p.postcode = s.postcode AND s.lat IS NULL
        CROSS JOIN LATERAL ({_MERGED_RATINGS}) r
        WHERE s.may_create OR h.location_id IS NOT NULL
    ) m
    """,
    "ANALYZE merged_locations",
)

UNKNOWN_LOCATIONS = """
    SELECT s.row_number, s.location_id, s.name
    FROM staged_locations s
    WHERE NOT s.may_create AND NOT EXISTS (
        SELECT FROM regulator_locations h WHERE h.location_id = s.location_id AND NOT h.is_example
    )
    ORDER BY s.row_number
"""

COUNT = """
    SELECT
        count(*) FILTER (WHERE is_new) AS created,
        count(*) FILTER (WHERE changed AND was_registered AND NOT is_registered) AS closed,
        count(*) FILTER (WHERE changed AND NOT (was_registered AND NOT is_registered)) AS updated,
        count(*) FILTER (WHERE NOT is_new AND NOT changed) AS unchanged,
        count(*) FILTER (WHERE is_older) AS older
    FROM (
        SELECT *, NOT is_new AND NOT is_older AND content_hash IS DISTINCT FROM held_hash AS changed
        FROM merged_locations
    ) m
"""

# The provider's newest name in the file, set beside what the register's own provider records say.
WRITE_PROVIDERS = """
    WITH named AS (
        SELECT provider_id,
            (array_agg(provider_name ORDER BY as_of COLLATE "C" DESC, row_number DESC)
                FILTER (WHERE provider_name <> ''))[1] AS name,
            (array_agg(brand_name ORDER BY as_of COLLATE "C" DESC, row_number DESC)
                FILTER (WHERE brand_name <> ''))[1] AS brand_name,
            (array_agg(company_number ORDER BY as_of COLLATE "C" DESC, row_number DESC)
                FILTER (WHERE company_number <> ''))[1] AS company_number,
            max(as_of COLLATE "C") AS as_of
        FROM merged_locations
        WHERE provider_id IS NOT NULL AND NOT is_older
        GROUP BY provider_id
    ), incoming AS (
        SELECT provider_id,
            COALESCE(nullif(r.name, ''), n.name, '') AS name,
            COALESCE(nullif(r.brand_name, ''), n.brand_name, '') AS brand_name,
            COALESCE(nullif(r.company_number, ''), n.company_number, '') AS company_number
        FROM named n FULL JOIN staged_providers r USING (provider_id)
        WHERE r.provider_id IS NOT NULL OR NOT EXISTS (
            -- A name from an old row must not replace the one that a newer row gave.
            SELECT FROM regulator_locations h JOIN regulator_providers rp USING (provider_id)
            WHERE h.provider_id = n.provider_id AND NOT h.is_example AND rp.name <> ''
                AND h.as_of COLLATE "C" > n.as_of
        )
    ), written AS (
        INSERT INTO regulator_providers AS rp (provider_id, name, brand_name, company_number, is_example, updated_at)
        SELECT provider_id, name, brand_name, company_number, false, :now FROM incoming
        ON CONFLICT (provider_id) DO UPDATE SET
            name = COALESCE(nullif(EXCLUDED.name, ''), rp.name),
            brand_name = COALESCE(nullif(EXCLUDED.brand_name, ''), rp.brand_name),
            company_number = COALESCE(nullif(EXCLUDED.company_number, ''), rp.company_number),
            is_example = false,
            updated_at = EXCLUDED.updated_at
        WHERE rp.is_example
            OR COALESCE(nullif(EXCLUDED.name, ''), rp.name) <> rp.name
            OR COALESCE(nullif(EXCLUDED.brand_name, ''), rp.brand_name) <> rp.brand_name
            OR COALESCE(nullif(EXCLUDED.company_number, ''), rp.company_number) <> rp.company_number
        RETURNING xmax = 0 AS is_new
    )
    SELECT count(*) FILTER (WHERE is_new) AS created, count(*) FILTER (WHERE NOT is_new) AS updated,
        (SELECT count(*) FROM incoming) - count(*) AS unchanged
    FROM written
"""

_WRITTEN = ("location_id", *FACTS, "as_of", "content_hash")
WRITE_LOCATIONS = f"""
    INSERT INTO regulator_locations
        ({", ".join(_WRITTEN)}, is_example, first_import_id, last_import_id, updated_at)
    SELECT {", ".join(_WRITTEN)}, false, :import_id, :import_id, :now
    FROM merged_locations
    WHERE NOT is_older AND content_hash IS DISTINCT FROM held_hash
    ORDER BY location_id
    ON CONFLICT (location_id) DO UPDATE SET
        {", ".join(f"{column} = EXCLUDED.{column}" for column in _WRITTEN[1:])},
        is_example = false, last_import_id = EXCLUDED.last_import_id, updated_at = EXCLUDED.updated_at
"""

# The same facts seen again later: only the day moves on. Rows of files that name no day stay untouched.
CONFIRM = """
    UPDATE regulator_locations h SET as_of = m.as_of
    FROM merged_locations m
    WHERE h.location_id = m.location_id AND NOT m.is_new AND NOT m.is_older
        AND m.content_hash = m.held_hash AND m.as_of COLLATE "C" > h.as_of COLLATE "C"
"""

ABSENT = """
    FROM regulator_locations h
    WHERE h.is_registered AND NOT h.is_example
        AND NOT EXISTS (SELECT FROM staged_locations s WHERE s.location_id = h.location_id)
        AND NOT EXISTS (SELECT FROM staged_mentions s WHERE s.location_id = h.location_id)
"""
COUNT_ABSENT = f"""
    SELECT count(*) AS absent,
        (SELECT count(*) FROM regulator_locations WHERE is_registered AND NOT is_example) AS registered
    {ABSENT}
"""
# The day of closing is not known: that the file no longer lists it is all it says.
CLOSE_ABSENT = f"""
    WITH gone AS (SELECT h.location_id {ABSENT})
    UPDATE regulator_locations h
    SET is_registered = false, as_of = :as_of, last_import_id = :import_id, updated_at = :now
    FROM gone WHERE gone.location_id = h.location_id
"""
REHASH_CLOSED = f"""
    UPDATE regulator_locations h SET content_hash = {_hash_of("h")}
    WHERE last_import_id = :import_id AND NOT is_registered AND NOT is_example
"""

# Registrations of one place under one name: the newest registered one is the live one, the others point to it.
# A closed location whose successor the register names points to that one.
LINK = """
    WITH ranked AS (
        SELECT location_id, first_value(location_id) OVER (
            PARTITION BY name_key, postcode
            ORDER BY is_registered DESC, as_of COLLATE "C" DESC, registered_on DESC NULLS LAST,
                length(location_id) DESC, location_id DESC
        ) AS live
        FROM regulator_locations
        WHERE NOT is_example AND postcode <> ''
    ), wanted AS (
        SELECT l.location_id,
            CASE
                WHEN r.live <> l.location_id THEN r.live
                WHEN NOT l.is_registered THEN s.location_id
            END AS superseded_by
        FROM regulator_locations l
        LEFT JOIN ranked r ON r.location_id = l.location_id
        LEFT JOIN regulator_locations s
            ON s.location_id = l.successor_id AND s.location_id <> l.location_id AND NOT s.is_example
        WHERE NOT l.is_example
    )
    UPDATE regulator_locations l SET superseded_by = wanted.superseded_by
    FROM wanted
    WHERE wanted.location_id = l.location_id AND l.superseded_by IS DISTINCT FROM wanted.superseded_by
"""
# Reports of earlier imports of the layout: what they said is in the rows by now, or was put right.
FORGET_NOTES = """
    DELETE FROM directory_import_notes WHERE import_id IN (
        SELECT id FROM directory_imports WHERE layout = :layout ORDER BY id DESC OFFSET :imports
    )
"""
COUNT_LINKED = "SELECT count(*) FROM regulator_locations WHERE superseded_by IS NOT NULL AND NOT is_example"
