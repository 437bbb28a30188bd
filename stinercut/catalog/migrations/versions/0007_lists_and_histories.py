"""Lists of jumps in their order; the jump that a decision took files from"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.create_index("ix_jump_newest", ["jump_date", "created_at", "jump_key"], unique=False)
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.add_column(sa.Column("from_jump", sa.String(length=128), nullable=True))
        batch_op.create_index(batch_op.f("ix_decision_from_jump"), ["from_jump"], unique=False)
    decision = sa.table("decision", sa.column("from_jump"), sa.column("jump_key"), sa.column("before", sa.JSON))
    before = decision.c.before["jump"].as_string()
    op.execute(decision.update().values(from_jump=before).where(before != decision.c.jump_key))


def downgrade() -> None:
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_from_jump"))
        batch_op.drop_column("from_jump")
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.drop_index("ix_jump_newest")
