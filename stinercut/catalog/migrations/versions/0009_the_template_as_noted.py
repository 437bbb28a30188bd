"""Which data version of its template the lineage noted for a film: a template may change while a film is made"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.add_column(sa.Column("template_noted", sa.String(length=128), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.drop_column("template_noted")
