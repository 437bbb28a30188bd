"""Known files: second findings of a file, and looking up what has the same size"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card_file_alias",
        sa.Column("card_file_id", sa.Integer(), nullable=False),
        sa.Column("same_as", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["card_file_id"], ["card_file.card_file_id"]),
        sa.ForeignKeyConstraint(["same_as"], ["card_file.card_file_id"]),
        sa.PrimaryKeyConstraint("card_file_id"),
    )
    op.create_index(op.f("ix_card_file_alias_same_as"), "card_file_alias", ["same_as"], unique=False)
    op.create_index("ix_card_file_card_size", "card_file", ["card_id", "size"], unique=False)
    op.create_index(op.f("ix_imported_file_size"), "imported_file", ["size"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_imported_file_size"), table_name="imported_file")
    op.drop_index("ix_card_file_card_size", table_name="card_file")
    op.drop_table("card_file_alias")
