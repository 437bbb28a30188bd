"""Wishes: a jump's template and cut, and what a film was made with and cost"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jump_cut",
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("pieces", sa.JSON(), nullable=False),
        sa.Column("decided", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["jump_key"], ["jump.jump_key"]),
        sa.PrimaryKeyConstraint("jump_key"),
    )
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.add_column(sa.Column("template", sa.String(length=64), nullable=True))
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.add_column(sa.Column("aspects", sa.JSON(), nullable=True))
        batch_op.add_column(sa.Column("drawn_seconds", sa.Float(), nullable=True))
        batch_op.add_column(sa.Column("spent_per_second", sa.Float(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.drop_column("spent_per_second")
        batch_op.drop_column("drawn_seconds")
        batch_op.drop_column("aspects")
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.drop_column("template")
    op.drop_table("jump_cut")
