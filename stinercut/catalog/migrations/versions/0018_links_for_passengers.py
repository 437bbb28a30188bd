"""Links for passengers, who got their film, and letters with links"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "share",
        sa.Column("share_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("salt", sa.LargeBinary(16), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by", sa.String(80), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pin_mac", sa.String(64), nullable=True),
        sa.Column("pin_failures", sa.Integer(), server_default="0", nullable=False),
        sa.Column("pin_closed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened", sa.Integer(), server_default="0", nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("downloads", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("share_id"),
        sa.UniqueConstraint("token_hash"),
    )
    op.create_index("ix_share_until", "share", ["until"])
    op.create_table(
        "share_jump",
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("jump_key", sa.String(128), nullable=False),
        sa.ForeignKeyConstraint(["share_id"], ["share.share_id"]),
        sa.ForeignKeyConstraint(["jump_key"], ["jump.jump_key"]),
        sa.PrimaryKeyConstraint("share_id", "position"),
    )
    op.create_index("ix_share_jump_jump_key", "share_jump", ["jump_key"])
    op.create_table(
        "hand_out",
        sa.Column("hand_out_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("jump_key", sa.String(128), nullable=False),
        sa.Column("way", sa.String(16), nullable=False),
        sa.Column("who", sa.String(80), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["jump_key"], ["jump.jump_key"]),
        sa.PrimaryKeyConstraint("hand_out_id"),
    )
    op.create_index("ix_hand_out_jump_key", "hand_out", ["jump_key"])
    op.create_table(
        "letter",
        sa.Column("letter_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("share_id", sa.Integer(), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("language", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem_parts", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["share_id"], ["share.share_id"]),
        sa.PrimaryKeyConstraint("letter_id"),
    )
    op.create_index("ix_letter_due", "letter", ["state", "next_try_at"])
    op.create_index("ix_letter_share_id", "letter", ["share_id"])


def downgrade() -> None:
    for table in ("letter", "hand_out", "share_jump", "share"):
        op.drop_table(table)
