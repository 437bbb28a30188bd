"""Asset `qr_identity` [jump]: whose jump it is, and how that is known.

Lives here: holding the jump's passenger against what the codes in its own files say. Doesn't: reading them again
(content does not change; the reading is kept in the catalog).
"""

from dataclasses import dataclass

import dagster as dg

from stinercut.catalog import identification
from stinercut.catalog.jumps import FootageFile, JumpFootage
from stinercut.errors import BadInput
from stinercut.identity.reading import Reading
from stinercut_assets.jump_steps import IDENTITY, go_on, reporter
from stinercut_assets.partitions import jumps
from stinercut_assets.pictures import picture
from stinercut_assets.resources import Installation


@dataclass(frozen=True)
class Identity:
    """A passenger, and the file that said so (None when a person did)."""

    passenger_name: str
    booking_id: str
    source_file: str | None


def confirm_identity(footage: JumpFootage, readings: dict[int, Reading]) -> Identity:
    """The identity that the jump's own codes and its record agree on. `readings` by card file id.

    Raises BadInput when a code among its files names somebody else: no film is made under a wrong name.
    """
    source: FootageFile | None = None
    for file in footage.files:
        payload = readings[file.card_file_id].payload if file.card_file_id in readings else None
        if payload is None:
            continue
        if (payload.passenger_name, payload.booking_id) != (footage.passenger_name, footage.booking_id):
            raise BadInput(
                f"its code says {payload.passenger_name} ({payload.booking_id}), the jump says "
                f"{footage.passenger_name} ({footage.booking_id})",
                file=file.name,
                advice="A person must say whose jump this is.",
            )
        source = source or file
    return Identity(footage.passenger_name, footage.booking_id, source.name if source else None)


@dg.asset(
    partitions_def=jumps,
    group_name="identification",
    kinds={"opencv"},
    description="The jump's passenger, confirmed by the films of the code among its files (or by a person's word).",
)
def qr_identity(
    context: dg.AssetExecutionContext, installation: Installation, imported_files: JumpFootage
) -> dg.Output[Identity]:
    """Who jumped, with the picture that says it."""
    go_on(context, installation)
    with reporter(context, installation).doing(IDENTITY) as doing:
        with installation.catalog.read() as session:
            readings = identification.readings_of(session, [file.card_file_id for file in imported_files.files])
        identity = confirm_identity(imported_files, readings)
        doing.note = identity.passenger_name
        metadata: dict[str, dg.MetadataValue | str] = {
            "passenger": identity.passenger_name,
            "booking": identity.booking_id,
            "source": identity.source_file or "a person",
        }
        metadata |= _evidence(installation, imported_files, readings)
    return dg.Output(
        identity,
        data_version=dg.DataVersion(f"{identity.booking_id}-{identity.passenger_name}"),
        metadata=metadata,
    )


def _evidence(
    installation: Installation, footage: JumpFootage, readings: dict[int, Reading]
) -> dict[str, dg.MetadataValue | str]:
    """The frame in which the code was read, for people who doubt."""
    from stinercut.media.stills import jpeg_still

    for file in footage.files:
        reading = readings.get(file.card_file_id)
        if reading is not None and reading.frame_time is not None:
            path = installation.store.require(file.content_hash, file.size)
            still = jpeg_still(path, at=reading.frame_time, width=480)
            return {"code": picture(still, file.name), "decoder": reading.decoder or "-"}
    return {}
