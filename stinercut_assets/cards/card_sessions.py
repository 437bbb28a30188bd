"""Asset `card_sessions` [card]: which jumps a card's new files belong to.

Owns: the fan-out over early files that nobody has read yet, and the step that records the jumps found.
Not here: reading a film (`stinercut.codes.reader`), reading as files arrive (`app.codes.early_reader`), splitting
(`stinercut.recordings.session_rules`), the tables (`stinercut.catalog`).
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from stinercut.cards import identification
from stinercut.cards.early_files import EarlyFile
from stinercut.cards.identification import FileReading
from stinercut.codes.reading import Reason
from stinercut.codes.reading_notes import note_of
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


@dg.op(
    out={"files": dg.DynamicOut(EarlyFile), "expected": dg.Out(list)},
    retry_policy=retry_policy("early_files"),
)
def early_files(
    context: dg.OpExecutionContext, installation: Installation
) -> Iterator[dg.DynamicOutput[EarlyFile] | dg.Output[list[str]]]:
    """The files that may show a code: small videos, and proxies of large ones.

    Most of them were read as they arrived. Each of the others is read in a step of its own.
    """
    with failures():
        with installation.catalog.write() as session:
            files = identification.begin(session, context.partition_key, installation.settings.key_ring)
        planned = [(_planned(file, position), file.known_reading) for position, file in enumerate(files)]
        reporter = _reporter(context, installation)
        reporter.plan([step for step, _ in planned])
        reporter.done_before([(step, note_of(reading)) for step, reading in planned if reading is not None])
    unread = [file for file in files if file.known_reading is None]
    context.log.info("%d files may hold a code, %d of them are to be read", len(files), len(unread))
    for file in unread:
        yield dg.DynamicOutput(file, mapping_key=mapping_key("file", file.card_file_id), output_name="files")
    yield dg.Output([str(file.card_file_id) for file in unread], output_name="expected")


@dg.op(retry_policy=retry_policy("read_code"))
def read_code(context: dg.OpExecutionContext, installation: Installation, file: EarlyFile) -> FileReading:
    """Look for a passenger's code in one file. No code, or a file that is no video, is a result and not an error."""
    from stinercut.codes.reader import read_film

    with _reporter(context, installation).doing(_planned(file)) as doing:
        keys = installation.settings.key_ring
        reading = file.known_reading or read_film(installation.store.require(file.content_hash, file.size), keys)
        note = note_of(reading)
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
        complete = all_of(expected, readings, lambda item: str(item.file.card_file_id))
        gap = timedelta(minutes=installation.settings.session_gap_minutes)
        with installation.catalog.write() as session:
            known = identification.known_readings(session, context.partition_key, installation.settings.key_ring)
            jumps = identification.finish(session, context.partition_key, complete, gap)
    read = {item.file.card_file_id: item for item in (*known, *complete)}.values()
    for jump in jumps:
        context.log.info("Jump %s: %s", jump.jump_key, jump.why or jump.passenger)
    return dg.Output(
        [jump.jump_key for jump in jumps],
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
                    for jump in jumps
                ]
            ),
            "files": table(
                [
                    {
                        "file": item.file.name,
                        "passenger": item.reading.payload.passenger_name if item.reading.payload else None,
                        "reason": item.reading.reason.value if item.reading.reason else None,
                        "decoder": item.reading.decoder,
                        "lost decoders": ", ".join(item.reading.lost_decoders),
                        "frame at s": item.reading.frame_time,
                        "seconds": round(item.reading.seconds, 3),
                    }
                    for item in read
                ]
            ),
            "codes_read": sum(item.reading.payload is not None for item in read),
            "without_code": sum(item.reading.reason is Reason.NO_QR_FOUND for item in read),
        },
    )


@dg.graph_asset(
    partitions_def=cards,
    group_name="cards",
    kinds={"opencv", "python"},
    description=(
        "Which jumps a card's new files belong to: takes the passenger codes that were read in the small videos and "
        "proxies as they arrived (reads those that nobody has, one step a file), then splits the files into jumps by "
        "these codes. Files without an answer wait for a person."
    ),
)
def card_sessions() -> list[str]:
    """The keys of the jumps of a card's new files."""
    files, expected = early_files()
    return split_card(files.map(read_code).collect(), expected)
