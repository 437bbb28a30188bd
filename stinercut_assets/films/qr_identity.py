"""Asset `qr_identity` [jump]: whose jump it is, and how that is known.

Owns: comparing the jump's passenger with the codes in its own files and with people's decisions. Not here: reading the
codes (content does not change, so the catalog keeps each reading), deciding (`stinercut.review.decisions`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg

from stinercut.cards import identification
from stinercut.codes.reading import Reading
from stinercut.errors import NameConflict
from stinercut.jumps.jumps import FootageFile, JumpFootage
from stinercut.language.codes import MessageCode
from stinercut.language.fields import Parts
from stinercut.language.messages import Message, all_worded, in_a_row, worded
from stinercut.pipeline_names import QUICK_TAG
from stinercut.review import file_groups
from stinercut.review.file_groups import Word
from stinercut_assets.common.metadata import picture
from stinercut_assets.common.partitions import jumps
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy
from stinercut_assets.films.jump_steps import IDENTITY, reporter, take_over


@dataclass(frozen=True)
class Identity:
    """A passenger, the film of the code that named them (None when a person did), and what people decided.

    `decided_by` are the people whose word counts for this jump. `overruled` tells which codes name somebody else, and
    who decided against them.
    """

    passenger_name: str
    booking_id: str
    source_file: str | None
    decided_by: tuple[str, ...] = ()
    overruled: Parts = ()


def confirm_identity(
    footage: JumpFootage, readings: Mapping[int, Reading], words: Mapping[int, Word] | None = None
) -> Identity:
    """The identity on which the jump's own codes, people and its record agree. `readings`, `words` by card file id.

    A person's word about a file (`stinercut.review.file_groups.words_on`) wins over its code. Raises NameConflict when
    a code names somebody else and nobody decided about it: no film is made under a wrong name.
    """
    words = words or {}
    source: FootageFile | None = None
    overruled: list[Message] = []
    for file in footage.files:
        payload = readings[file.card_file_id].payload if file.card_file_id in readings else None
        if payload is None:
            continue
        if (payload.passenger_name, payload.booking_id) == (footage.passenger_name, footage.booking_id):
            source = source or file
            continue
        said = Message.of(MessageCode.CODE_SAYS_PASSENGER, passenger=payload.passenger_name, booking=payload.booking_id)
        word = words.get(file.card_file_id)
        if word is None:
            raise NameConflict(
                Message.of(
                    MessageCode.CODE_CONTRADICTS_JUMP,
                    said=said,
                    passenger=footage.passenger_name,
                    booking=footage.booking_id,
                ),
                file=file.name,
                advice=Message.of(MessageCode.SAY_WHOSE_JUMP),
            )
        overruled.append(
            Message.of(
                MessageCode.CODE_OVERRULED, file=file.name, said=said, who=word.who, at=f"{word.at:%Y-%m-%d %H:%M}"
            )
        )
    people = dict.fromkeys(words[file.card_file_id].who for file in footage.files if file.card_file_id in words)
    return Identity(
        footage.passenger_name, footage.booking_id, source.name if source else None, tuple(people), tuple(overruled)
    )


@dg.asset(
    partitions_def=jumps,
    group_name="identification",
    kinds={"opencv"},
    op_tags={QUICK_TAG: "true"},
    retry_policy=retry_policy("qr_identity"),
    description="The jump's passenger, confirmed by the films of the code among its files (or by a person's word).",
)
def qr_identity(
    context: dg.AssetExecutionContext, installation: Installation, imported_files: JumpFootage
) -> dg.Output[Identity]:
    """Who jumped, with the picture of the code as evidence."""
    take_over(context, installation, imported_files)
    with reporter(context, installation).doing(IDENTITY) as doing:
        with installation.catalog.read() as session:
            readings = identification.readings_of(session, [file.card_file_id for file in imported_files.files])
            words = file_groups.words_on(
                session, imported_files.jump_key, imported_files.passenger_name, imported_files.booking_id
            )
        identity = confirm_identity(imported_files, readings, words)
        doing.notes = (_note(identity),)
        for overruled in identity.overruled:
            context.log.warning("A code was overruled: %s", worded(overruled))
        metadata: dict[str, dg.MetadataValue | str] = {
            "passenger": identity.passenger_name,
            "booking": identity.booking_id,
            "source": identity.source_file or "a person",
        }
        if identity.decided_by:
            metadata["decided_by"] = ", ".join(identity.decided_by)
        if identity.overruled:
            metadata["overruled"] = all_worded(in_a_row(*identity.overruled))
        metadata |= _evidence(installation, imported_files, readings)
    return dg.Output(
        identity,
        data_version=dg.DataVersion(f"{identity.booking_id}-{identity.passenger_name}"),
        metadata=metadata,
    )


def _note(identity: Identity) -> Message:
    """The message that the board shows next to the step."""
    if not identity.overruled:
        return Message.of(MessageCode.PASSENGER, passenger=identity.passenger_name)
    return Message.of(MessageCode.PASSENGER_OVERRULED, passenger=identity.passenger_name, overruled=identity.overruled)


def _evidence(
    installation: Installation, footage: JumpFootage, readings: dict[int, Reading]
) -> dict[str, dg.MetadataValue | str]:
    """The frame in which the code was read, for people who doubt."""
    from stinercut.video.stills import jpeg_still

    for file in footage.files:
        reading = readings.get(file.card_file_id)
        if reading is not None and reading.frame_time is not None:
            path = installation.store.require(file.content_hash, file.size)
            still = jpeg_still(path, at=reading.frame_time, width=480)
            return {"code": picture(still, file.name), "decoder": reading.decoder or "-"}
    return {}
