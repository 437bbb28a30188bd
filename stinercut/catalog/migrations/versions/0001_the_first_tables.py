"""The first tables"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "card",
        sa.Column("card_id", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("card_id"),
    )
    op.create_table(
        "event",
        sa.Column("event_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("type", sa.String(length=48), nullable=False),
        sa.Column("card_id", sa.String(length=64), nullable=True),
        sa.Column("jump_key", sa.String(length=128), nullable=True),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("event_id"),
    )
    op.create_table(
        "step",
        sa.Column("subject", sa.String(length=128), nullable=False),
        sa.Column("step", sa.String(length=96), nullable=False),
        sa.Column("label", sa.String(length=255), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("progress", sa.Float(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("subject", "step"),
    )
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_step_changed_at"), ["changed_at"], unique=False)

    op.create_table(
        "card_file",
        sa.Column("card_file_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("card_id", sa.String(length=64), nullable=False),
        sa.Column("folder", sa.String(length=1024), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified", sa.DateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("recording", sa.String(length=1024), nullable=False),
        sa.Column("chapter", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.card_id"],
        ),
        sa.PrimaryKeyConstraint("card_file_id"),
        sa.UniqueConstraint("card_id", "folder", "name", "size", "modified"),
    )
    with op.batch_alter_table("card_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_card_file_card_id"), ["card_id"], unique=False)

    op.create_table(
        "insertion",
        sa.Column("insertion_id", sa.String(length=64), nullable=False),
        sa.Column("card_id", sa.String(length=64), nullable=False),
        sa.Column("detector_id", sa.String(length=64), nullable=False),
        sa.Column("inserted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("chunks_total", sa.Integer(), nullable=True),
        sa.Column("chunks_seen", sa.JSON(), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("identify_key", sa.String(length=64), nullable=True),
        sa.Column("identify_error", sa.Text(), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.card_id"],
        ),
        sa.PrimaryKeyConstraint("insertion_id"),
    )
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_insertion_card_id"), ["card_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_insertion_identify_key"), ["identify_key"], unique=False)

    op.create_table(
        "jump",
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("jump_date", sa.Date(), nullable=False),
        sa.Column("booking_id", sa.String(length=32), nullable=True),
        sa.Column("passenger_name", sa.String(length=80), nullable=True),
        sa.Column("tandem_master_id", sa.String(length=32), nullable=True),
        sa.Column("card_id", sa.String(length=64), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("wanted_version", sa.String(length=32), nullable=True),
        sa.Column("produced_version", sa.String(length=32), nullable=True),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_id"],
            ["card.card_id"],
        ),
        sa.PrimaryKeyConstraint("jump_key"),
    )
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jump_booking_id"), ["booking_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_jump_changed_at"), ["changed_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_jump_created_at"), ["created_at"], unique=False)
        batch_op.create_index("ix_jump_wanted", ["state", "wanted_version"], unique=False)

    op.create_table(
        "film",
        sa.Column("film_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=32), nullable=False),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("passenger_name", sa.String(length=80), nullable=False),
        sa.Column("template", sa.String(length=64), nullable=False),
        sa.Column("template_fingerprint", sa.String(length=32), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("frames", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.Column("run_id", sa.String(length=64), nullable=True),
        sa.Column("made_in", sa.Float(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["jump_key"],
            ["jump.jump_key"],
        ),
        sa.PrimaryKeyConstraint("film_id"),
    )
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_film_jump_key"), ["jump_key"], unique=False)

    op.create_table(
        "imported_file",
        sa.Column("card_file_id", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.String(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_file_id"],
            ["card_file.card_file_id"],
        ),
        sa.PrimaryKeyConstraint("card_file_id"),
    )
    with op.batch_alter_table("imported_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_imported_file_content_hash"), ["content_hash"], unique=False)

    op.create_table(
        "jump_file",
        sa.Column("card_file_id", sa.Integer(), nullable=False),
        sa.Column("jump_key", sa.String(length=128), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_file_id"],
            ["card_file.card_file_id"],
        ),
        sa.ForeignKeyConstraint(
            ["jump_key"],
            ["jump.jump_key"],
        ),
        sa.PrimaryKeyConstraint("card_file_id"),
    )
    with op.batch_alter_table("jump_file", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_jump_file_jump_key"), ["jump_key"], unique=False)

    op.create_table(
        "manifest_entry",
        sa.Column("insertion_id", sa.String(length=64), nullable=False),
        sa.Column("file_id", sa.String(length=64), nullable=False),
        sa.Column("card_file_id", sa.Integer(), nullable=False),
        sa.Column("main_file_id", sa.String(length=64), nullable=True),
        sa.Column("early", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("error_code", sa.String(length=32), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_file_id"],
            ["card_file.card_file_id"],
        ),
        sa.ForeignKeyConstraint(
            ["insertion_id"],
            ["insertion.insertion_id"],
        ),
        sa.PrimaryKeyConstraint("insertion_id", "file_id"),
    )
    with op.batch_alter_table("manifest_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_manifest_entry_card_file_id"), ["card_file_id"], unique=False)
        batch_op.create_index("ix_manifest_entry_open", ["insertion_id", "state"], unique=False)

    op.create_table(
        "qr_reading",
        sa.Column("card_file_id", sa.Integer(), nullable=False),
        sa.Column("reading", sa.JSON(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["card_file_id"],
            ["card_file.card_file_id"],
        ),
        sa.PrimaryKeyConstraint("card_file_id"),
    )


def downgrade() -> None:
    op.drop_table("qr_reading")
    with op.batch_alter_table("manifest_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_manifest_entry_open")
        batch_op.drop_index(batch_op.f("ix_manifest_entry_card_file_id"))

    op.drop_table("manifest_entry")
    with op.batch_alter_table("jump_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_jump_file_jump_key"))

    op.drop_table("jump_file")
    with op.batch_alter_table("imported_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_imported_file_content_hash"))

    op.drop_table("imported_file")
    with op.batch_alter_table("film", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_film_jump_key"))

    op.drop_table("film")
    with op.batch_alter_table("jump", schema=None) as batch_op:
        batch_op.drop_index("ix_jump_wanted")
        batch_op.drop_index(batch_op.f("ix_jump_created_at"))
        batch_op.drop_index(batch_op.f("ix_jump_changed_at"))
        batch_op.drop_index(batch_op.f("ix_jump_booking_id"))

    op.drop_table("jump")
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_insertion_identify_key"))
        batch_op.drop_index(batch_op.f("ix_insertion_card_id"))

    op.drop_table("insertion")
    with op.batch_alter_table("card_file", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_card_file_card_id"))

    op.drop_table("card_file")
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_step_changed_at"))

    op.drop_table("step")
    op.drop_table("event")
    op.drop_table("card")
