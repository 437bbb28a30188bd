"""What ffmpeg was asked and what it said is kept: with the step that did it, and with the error where it failed."""

import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from support.footage import make_clip
from support.repository import REPOSITORY

from stinercut.errors import FfmpegFailed
from stinercut.video import ffmpeg_runner as runner
from stinercut_assets.common.reporting import as_failure

HOUSE: dict[str, Any] = yaml.safe_load((REPOSITORY / "dagster.yaml").read_text())


def warned(tmp_path: Path) -> list[str]:
    """An argv of which ffmpeg warns, and then does what is asked."""
    clip = make_clip(tmp_path / "a clip.mp4", seconds=0.2, sound=None)
    return ["ffmpeg", "-i", str(clip), "-pix_fmt", "yuvj420p", "-c:v", "libx264", str(tmp_path / "out.mp4")]


def test_dagster_keeps_it_with_the_step(tmp_path: Path) -> None:
    argv = warned(tmp_path)

    @dg.op
    def encoding_step() -> None:
        runner.run(argv, timeout=60, told=True)
        runner.run(["-f", "lavfi", "-i", "nullsrc", "-t", "0.1", "-f", "null", "-"], timeout=60)

    @dg.job
    def encoding_job() -> None:
        encoding_step()

    with dg.DagsterInstance.ephemeral(settings={"python_logs": HOUSE["python_logs"]}) as instance:
        result = encoding_job.execute_in_process(instance=instance)
        records = instance.all_logs(result.run_id)
    [said] = [one for one in records if not one.is_dagster_event and one.step_key == "encoding_step"]
    assert said.level == logging.INFO
    assert f"ffmpeg -i '{tmp_path / 'a clip.mp4'}' -pix_fmt yuvj420p" in said.user_message
    assert "[warning] deprecated pixel format used" in said.user_message


def test_a_flood_is_kept_small(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="stinercut.video")
    names = [word for number in range(400) for word in ("-metadata", f"comment{number}=something")]
    runner.run([*warned(tmp_path)[:-1], *names, str(tmp_path / "out.mp4")], timeout=60, told=True)
    [record] = caplog.records
    assert len(record.getMessage()) < 7_000
    assert record.getMessage().count("deprecated pixel format") == 1
    assert str(tmp_path / "out.mp4") in record.getMessage()


def test_an_error_has_it_too_and_is_told_without_the_warnings(tmp_path: Path) -> None:
    argv = warned(tmp_path)
    argv[-1] = str(tmp_path / "no such folder" / "out.mp4")
    with pytest.raises(FfmpegFailed) as told:
        runner.run(argv, timeout=60, told=True)
    with pytest.raises(FfmpegFailed) as quiet:
        runner.run(argv, timeout=60)
    assert told.value.sentence() == quiet.value.sentence()
    kept = as_failure(told.value).metadata["log"].value
    assert isinstance(kept, str)
    assert "ffmpeg -i" in kept
    assert "No such file or directory" in kept
