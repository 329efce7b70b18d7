"""What more the register says of a location: its provider's name, first day, dormancy and successor.

Revision: 0003
After: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.add_column("regulator_locations", sa.Column("provider_name", sa.Text(), nullable=False, server_default=""))
    op.add_column(
        "regulator_locations", sa.Column("is_dormant", sa.Boolean(), nullable=False, server_default=sa.text("false"))
    )
    op.add_column("regulator_locations", sa.Column("registered_on", sa.Date(), nullable=True))
    op.add_column("regulator_locations", sa.Column("successor_id", sa.Text(), nullable=True))


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    for column in ("successor_id", "registered_on", "is_dormant", "provider_name"):
        op.drop_column("regulator_locations", column)
