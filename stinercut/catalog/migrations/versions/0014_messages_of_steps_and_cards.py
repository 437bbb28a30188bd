"""What steps say, and why a card was not identified, as messages. Rows of before keep their sentence"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.add_column(sa.Column("message_parts", sa.JSON(), nullable=True))
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("identify_error_parts", sa.JSON(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.drop_column("identify_error_parts")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_column("message_parts")
