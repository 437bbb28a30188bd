"""Why cards could not be read and files not copied, as messages. Rows of before keep their sentence"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("insertion", "manifest_entry"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("error_detail_parts", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in ("manifest_entry", "insertion"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("error_detail_parts")
