"""How many seconds of all outputs of a film show footage: what another version of its template costs"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.add_column(sa.Column("filmed_seconds", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.drop_column("filmed_seconds")
