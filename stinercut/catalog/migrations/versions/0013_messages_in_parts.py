"""Why a jump is where it is, as messages: codes and values. Rows of before keep their sentence, and no parts"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.add_column(sa.Column("reason_parts", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.drop_column("reason_parts")
