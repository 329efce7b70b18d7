"""Schema changes (alembic). Migrations import nothing of ours."""
