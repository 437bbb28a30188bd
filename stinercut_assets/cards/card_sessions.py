"""Asset `card_sessions` [card]: which jumps a card's new files are.

Owns: the fan-out that reads codes in the early files, and the step that records the jumps found.
Not here: reading a film (`stinercut.codes.reader`), splitting (`stinercut.recordings.session_rules`), the
tables (`stinercut.catalog`).
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from stinercut.cards import identification
from stinercut.cards.identification import EarlyFile, FileReading
from stinercut.codes.reading import Reading, Reason
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, worded
from stinercut_assets.common.fanout import all_of, mapping_key
from stinercut_assets.common.metadata import table
from stinercut_assets.common.partitions import cards
from stinercut_assets.common.reporting import Planned, Reporter, failures
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import retry_policy


def _reporter(context: dg.OpExecutionContext, installation: Installation) -> Reporter:
    return Reporter(installation.catalog, context.partition_key, context.run.run_id, is_card=True)


def _planned(file: EarlyFile, position: int = 0) -> Planned:
    label = Message.of(MessageCode.STEP_OF_FILE, file=file.name)
    return Planned(step=f"code:{file.card_file_id}", label=label, position=position)


def _note(reading: Reading) -> Message:
    """What the board shows next to the file."""
    said = _found(reading)
    if not reading.lost_decoders:
        return said
    return Message.of(MessageCode.DECODERS_LOST, said=said, decoders=reading.lost_decoders)


def _found(reading: Reading) -> Message:
    match reading.reason:
        case Reason.NO_QR_FOUND:
            return Message.of(MessageCode.FILE_WITHOUT_CODE)
        case Reason.INVALID_QR:
            return Message.of(MessageCode.FILE_WITH_FOREIGN_CODE)
        case Reason.TWO_PAYLOADS:
            return Message.of(MessageCode.FILE_WITH_TWO_CODES)
        case Reason.NOT_CONFIRMED:
            return Message.of(MessageCode.FILE_CODE_READ_ONCE)
        case _ if reading.payload is not None:
            return Message.of(MessageCode.PASSENGER, passenger=reading.payload.passenger_name)
        case _:
            return Message.of(MessageCode.FILE_UNREADABLE)


@dg.op(
    out={"files": dg.DynamicOut(EarlyFile), "expected": dg.Out(list)},
    retry_policy=retry_policy("early_files"),
)
def early_files(
    context: dg.OpExecutionContext, installation: Installation
) -> Iterator[dg.DynamicOutput[EarlyFile] | dg.Output[list[str]]]:
    """The files in which a code may be: small videos, and proxies of large ones. Each is looked at in a step."""
    with failures():
        with installation.catalog.write() as session:
            files = identification.begin(session, context.partition_key, installation.settings.key_ring)
        _reporter(context, installation).plan([_planned(file, position) for position, file in enumerate(files)])
    context.log.info("%d files may hold a code", len(files))
    for file in files:
        yield dg.DynamicOutput(file, mapping_key=mapping_key("file", file.card_file_id), output_name="files")
    yield dg.Output([str(file.card_file_id) for file in files], output_name="expected")


@dg.op(retry_policy=retry_policy("read_code"))
def read_code(context: dg.OpExecutionContext, installation: Installation, file: EarlyFile) -> FileReading:
    """Look for a passenger's code in one file. A file without one, or no video at all, is an answer, not an error."""
    from stinercut.codes.reader import read_film

    with _reporter(context, installation).doing(_planned(file)) as doing:
        keys = installation.settings.key_ring
        reading = file.known_reading or read_film(installation.store.require(file.content_hash, file.size), keys)
        note = _note(reading)
        doing.notes = (note,)
        context.log.info("%s: %s", file.name, reading.words or worded(note))
        for decoder in reading.lost_decoders:
            context.log.warning("%s: %s was lost over it; the other decoder went on", file.name, decoder)
        with installation.catalog.write() as session:
            identification.record_reading(session, context.partition_key, file, reading)
    return FileReading(file, reading)


@dg.op(retry_policy=retry_policy("split_card"))
def split_card(
    context: dg.OpExecutionContext, installation: Installation, readings: list[FileReading], expected: list[str]
) -> dg.Output[list[str]]:
    """Split the card's new files into jumps and record them. Returns the jumps' keys."""
    with failures():
        complete = all_of(expected, readings, lambda one: str(one.file.card_file_id))
        gap = timedelta(minutes=installation.settings.session_gap_minutes)
        with installation.catalog.write() as session:
            found = identification.finish(session, context.partition_key, complete, gap)
    for jump in found:
        context.log.info("Jump %s: %s", jump.jump_key, jump.why or jump.passenger)
    return dg.Output(
        [jump.jump_key for jump in found],
        metadata={
            "jumps": table(
                [
                    {
                        "jump": jump.jump_key,
                        "passenger": jump.passenger or "unidentified",
                        "clips": jump.clips,
                        "photos": jump.photos,
                        "why": jump.why,
                    }
                    for jump in found
                ]
            ),
            "files": table(
                [
                    {
                        "file": one.file.name,
                        "passenger": one.reading.payload.passenger_name if one.reading.payload else None,
                        "reason": one.reading.reason.value if one.reading.reason else None,
                        "decoder": one.reading.decoder,
                        "lost decoders": ", ".join(one.reading.lost_decoders),
                        "frame at s": one.reading.frame_time,
                        "seconds": round(one.reading.seconds, 3),
                    }
                    for one in complete
                ]
            ),
            "codes_read": sum(one.reading.payload is not None for one in complete),
            "without_code": sum(one.reading.reason is Reason.NO_QR_FOUND for one in complete),
        },
    )


@dg.graph_asset(
    partitions_def=cards,
    group_name="cards",
    kinds={"opencv", "python"},
    description=(
        "Which jumps a card's new files are: passenger codes are read in the small videos and proxies (one step a "
        "file), then the files are split into jumps by them. What can't be told waits for a person."
    ),
)
def card_sessions() -> list[str]:
    """The keys of the jumps that were found on a card."""
    files, expected = early_files()
    return split_card(files.map(read_code).collect(), expected)
