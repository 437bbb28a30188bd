"""How many entries of a card no list names: hidden ones, links, the system's own folders"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("passed_over", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.drop_column("passed_over")
