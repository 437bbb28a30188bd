"""Asset `imported_files` [jump]: the jump's files, all present and all readable.

Owns: taking a jump up, and refusing footage that can't become a film before anything is rendered.
Not here: copying (`detector`), the record of what was imported (`stinercut.catalog`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import dagster as dg

from stinercut.catalog.models import Role
from stinercut.errors import StinercutError
from stinercut.jumps import jumps
from stinercut.jumps.jumps import FootageFile, JumpFootage
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message
from stinercut.pipeline_names import QUICK_TAG
from stinercut_assets.common.jump_tags import tag_run, tags_of
from stinercut_assets.common.metadata import table
from stinercut_assets.common.partitions import jumps as jump_partitions
from stinercut_assets.common.reporting import Reporter, failures
from stinercut_assets.common.resources import Installation
from stinercut_assets.common.retries import is_worth_a_retry, retry_policy
from stinercut_assets.films.jump_steps import FILES, TEMPLATE, all_steps, jump_page, reporter
from stinercut_assets.films.lineage import footage as footage_spec


@dataclass(frozen=True)
class Looked:
    """The result of checking a file: a row for people, and what is wrong with the file, if anything."""

    row: dict[str, str | int | float | None]
    problem: StinercutError | None
    seconds: float = 0.0


@dg.asset(
    partitions_def=jump_partitions,
    deps=[footage_spec],
    group_name="identification",
    kinds={"file"},
    op_tags={QUICK_TAG: "true"},
    retry_policy=retry_policy("imported_files"),
    description="The jump's files as they lie in the store: complete, and each one a video that can be read.",
)
def imported_files(context: dg.AssetExecutionContext, installation: Installation) -> dg.Output[JumpFootage]:
    """The jump's footage. Fails, naming every file that can't be used, before anything is rendered."""
    with failures():
        with installation.catalog.write() as session:
            footage = jumps.take_up(session, context.partition_key, context.run.run_id)
        reporting = reporter(context, installation)
        reporting.plan(all_steps(footage.clips))
    with reporting.doing(FILES) as doing:
        videos = [file for file in footage.files if file.role is not Role.PHOTO]
        looked = [_look(installation, file) for file in videos]
        # Photos are read only when their output is made; a damaged one is no reason to hold a film back.
        photos = sum(file.size for file in footage.photos)
        bad = [(file, look.problem) for file, look in zip(videos, looked, strict=True) if look.problem is not None]
        if bad:
            doing.at_fault = [file.card_file_id for file, _ in bad]
            raise _refused(bad)
    tags = tags_of(installation, footage, _template(reporting, installation, footage))
    seconds = sum(look.seconds for look in looked)
    # Tagged here and not where a run is requested, so that runs of backfills and of persons have the tags too.
    tag_run(context, tags, seconds + len(footage.photos))
    return dg.Output(
        footage,
        data_version=dg.DataVersion(footage.version),
        metadata={
            "files": table([look.row for look in looked]),
            "clips": len(footage.clips),
            "photos": len(footage.photos),
            "photo_MB": round(photos / 1e6, 1),
            "bytes": sum(file.size for file in footage.files),
            "seconds": round(seconds, 1),
            "jump": dg.MetadataValue.url(jump_page(installation, footage.jump_key)),
            **tags,
        },
    )


def _refused(bad: Sequence[tuple[FootageFile, StinercutError]]) -> StinercutError:
    """One error that names all clips that can't be used. A repeat may mend it if it may mend one of theirs."""
    first, refused = next((pair for pair in bad if is_worth_a_retry(pair[1])), bad[0])
    if len(bad) == 1:
        advice = Message.of(MessageCode.BETTER_COPY_OR_LEAVE_CLIP_OUT)
        return type(refused)(refused.what_parts, file=first.name, advice=advice)
    all_of_them = tuple(
        Message.of(MessageCode.FAILURE_OF_FILE, file=file.name, what=problem.what_parts) for file, problem in bad
    )
    return type(refused)(all_of_them, advice=Message.of(MessageCode.BETTER_COPY_OR_LEAVE_CLIPS_OUT))


def _template(reporting: Reporter, installation: Installation, footage: JumpFootage) -> str:
    """The name of the jump's template. If it can't be used, fails in a step of its own before any rendering."""
    try:
        return installation.template_of(footage.jump_key).name
    except StinercutError:
        with reporting.doing(TEMPLATE):
            raise


def _look(installation: Installation, file: FootageFile) -> Looked:
    from stinercut.video.probe import kept_probe

    row: dict[str, str | int | float | None] = {
        "file": file.name,
        "role": file.role.value,
        "MB": round(file.size / 1e6, 1),
        "recorded": file.modified.isoformat(sep=" "),
    }
    try:
        path = installation.store.require(file.content_hash, file.size)
        probed = kept_probe(installation.store, file.content_hash, path)
    except StinercutError as refused:
        # Only clips must be readable: the code in a film of the code was read long ago.
        return Looked(row, refused if file.role is Role.CLIP else None)
    row |= {
        "seconds": round(probed.duration, 2),
        "picture": f"{probed.width}x{probed.height}",
        "fps": float(round(Fraction(probed.fps), 2)),
        "video": probed.video_codec,
        "audio": probed.audio.codec if probed.audio else "none",
    }
    return Looked(row, None, probed.duration if file.role is Role.CLIP else 0.0)
