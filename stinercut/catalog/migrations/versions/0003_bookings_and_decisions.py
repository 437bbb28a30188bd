"""Bookings and decisions: the office's list, and what people decided about jumps"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "booking",
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("jump_date", sa.Date(), nullable=False),
        sa.Column("booking_id", sa.String(length=32), nullable=False),
        sa.Column("passenger_name", sa.String(length=80), nullable=False),
        sa.Column("tandem_master_id", sa.String(length=32), nullable=True),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jump_key"),
    )
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_booking_jump_date"), ["jump_date"], unique=False)

    op.create_table(
        "decision",
        sa.Column("decision_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=80), nullable=False),
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("card_file_id", sa.Integer(), nullable=True),
        sa.Column("before", sa.JSON(), nullable=False),
        sa.Column("after", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["card_file_id"], ["card_file.card_file_id"]),
        sa.ForeignKeyConstraint(["jump_key"], ["jump.jump_key"]),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_decision_jump_key"), ["jump_key"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_decision_jump_key"))

    op.drop_table("decision")
    with op.batch_alter_table("booking", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_booking_jump_date"))

    op.drop_table("booking")
