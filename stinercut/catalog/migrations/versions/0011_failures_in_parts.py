"""What a step or a jump's run failed with, in parts: a code, words, the files that are named"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failure", sa.JSON(), nullable=True))
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.add_column(sa.Column("failures", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.drop_column("failures")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_column("failure")
