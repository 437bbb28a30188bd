"""Photos are files of their own kind; and how many entries of a card no list names

A photo that was listed before has the kind "other" and was never asked for. Under its new kind it is asked for when its
card is in again. The endings are those of this release: a migration says the same for ever.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ENDINGS = (
    "3fr,arw,avif,cr2,cr3,crw,dcr,dng,erf,fff,gpr,heic,heif,hif,iiq,insp,jpe,jpeg,jpg,kdc,mef,mos,mpo,mrw,nef,nrw,orf,"
    "pef,png,raf,raw,rw2,rwl,sr2,srf,srw,tif,tiff,webp,x3f"
)

card_file = sa.table("card_file", sa.column("name", sa.String), sa.column("kind", sa.String))


def upgrade() -> None:
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.add_column(sa.Column("passed_over", sa.Integer(), nullable=False, server_default="0"))
    is_photo = sa.or_(*(sa.func.lower(card_file.c.name).like(f"%.{ending}") for ending in ENDINGS.split(",")))
    op.execute(card_file.update().where(card_file.c.kind == "other", is_photo).values(kind="photo"))


def downgrade() -> None:
    op.execute(card_file.update().where(card_file.c.kind == "photo").values(kind="other"))
    with op.batch_alter_table("insertion", schema=None) as batch_op:
        batch_op.drop_column("passed_over")
