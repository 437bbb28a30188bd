"""Encoders of the hardware: found by a trial, used for a whole film, left when they fail in the middle of one."""

from __future__ import annotations

import json
import os
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from support import fake_ffmpeg
from support.clocks import NOON
from support.footage import FIELDS, as_source, make_clip, small_template

from app.doctor.machine import encoder_in_use
from stinercut.errors import BadInput, FfmpegFailed
from stinercut.films.film import Production, in_software, looked_into, make_film, planned
from stinercut.films.join import Joinable, join
from stinercut.films.picture.segments import part_segment
from stinercut.settings import Settings
from stinercut.storage.store import Store
from stinercut.video import encoders
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.encoders import HARDWARE, SOFTWARE, EncoderFailed, chosen, note_of, remembered, tried
from stinercut_assets.films.production import FilmOrder, PartsToMake, card_parts, film_order, make

NVENC = "h264_nvenc"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose hardware encodes: the folder of its ffmpeg."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join((str(fake_ffmpeg.install(folder)), os.environ["PATH"])))
    return folder


def production(store: Store, folder: Path, encoder: str) -> Production:
    """A small film of one clip."""
    clip = make_clip(folder / "clip.mp4", seconds=1)
    return planned(store, small_template(), FIELDS, looked_into([as_source(clip)]), encoder=encoder)


def test_each_encoder_here_works_or_says_why_not(tmp_path: Path) -> None:
    choice = chosen("auto", tmp_path / "note.json")
    assert {encoders.name_of(trial.encoder) for trial in choice.trials} == set(HARDWARE)
    working = [trial.encoder for trial in choice.trials if trial.works]
    assert choice.encoder == (working[0] if working else SOFTWARE)
    assert all(trial.works or len(trial.why) > 5 for trial in choice.trials)


def test_one_that_works_is_used_as_far_as_the_setting_allows(machine: Path, tmp_path: Path) -> None:
    note = tmp_path / "note.json"
    assert chosen("auto", note).encoder == NVENC
    assert chosen(NVENC, note).encoder == NVENC
    assert chosen("software", note) == encoders.Choice(SOFTWARE, "chosen by a setting", ())
    other = chosen("h264_amf", note)
    assert other.encoder == SOFTWARE
    assert other.reason.startswith("h264_amf can't be used: ")
    assert "nothing of that name" in chosen("h264_nothing", note).reason
    assert fake_ffmpeg.encodes(machine) == 1


def test_one_that_writes_nothing_does_not_work(machine: Path) -> None:
    fake_ffmpeg.order(machine, "silent")
    assert tried(NVENC).why == "it wrote something else than three frames of H.264"
    fake_ffmpeg.order(machine, "dies 0")
    assert "no free session" in tried(NVENC).why


def noon() -> datetime:
    return NOON


def test_the_answer_is_believed_for_a_day(machine: Path, tmp_path: Path) -> None:
    note = tmp_path / "deep" / "note.json"
    assert remembered(note, noon) == remembered(note, noon)
    assert fake_ffmpeg.encodes(machine) == 1
    said = json.loads(note.read_text())
    for other in ({"at": said["at"] - 25 * 3600}, {"here": ["another build"]}, {"at": said["at"] + 3600}):
        before = fake_ffmpeg.encodes(machine)
        note.write_text(json.dumps({**said, **other}))
        remembered(note, noon)
        assert fake_ffmpeg.encodes(machine) == before + 1
    note.write_text("{")
    assert remembered(note, noon)


def test_a_film_is_made_by_it(machine: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    planned_film = production(store, tmp_path, NVENC)
    made = make_film(planned_film, tmp_path / "film.mp4")
    assert all(check.passed for check in made.checks)
    assert fake_ffmpeg.encodes(machine) == len(planned_film.films[0].plan.parts)


def test_one_that_fails_in_the_middle_leaves_no_trace_in_the_film(machine: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    note = note_of(store.root)
    assert chosen("auto", note).encoder == NVENC
    fake_ffmpeg.order(machine, "dies 1")
    planned_film = production(store, tmp_path, NVENC)
    made = make_film(planned_film, tmp_path / "film.mp4")
    assert all(check.passed for check in made.checks)
    making = in_software(planned_film).films[0]
    assert all(part_segment(making.shop, part).cached for part in making.plan.parts)
    after = chosen("auto", note)
    assert after.encoder == SOFTWARE
    assert "no free session" in next(trial.why for trial in after.trials if trial.encoder == NVENC)


def test_its_failure_is_told_apart_from_others(machine: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    fake_ffmpeg.order(machine, "dies 0")
    planned_film = production(store, tmp_path, NVENC)
    making = planned_film.films[0]
    with pytest.raises(EncoderFailed, match=r"h264_nvenc: .*no free session"):
        part_segment(making.shop, making.plan.parts[0])


@pytest.mark.parametrize(
    "orders",
    [
        "killed 1",
        "says 1 clip.mp4: Invalid data found when processing input",
        "says 1 segment.mp4: No space left on device",
    ],
)
def test_what_is_not_its_fault_costs_no_film_in_software(machine: Path, tmp_path: Path, orders: str) -> None:
    store = Store(tmp_path / "store")
    note = note_of(store.root)
    assert chosen("auto", note).encoder == NVENC
    planned_film = production(store, tmp_path, NVENC)
    fake_ffmpeg.order(machine, orders)
    with pytest.raises(FfmpegFailed) as failed:
        make_film(planned_film, tmp_path / "film.mp4")
    assert not isinstance(failed.value, EncoderFailed)
    assert fake_ffmpeg.encodes(machine, "s") == 0
    assert chosen("auto", note).encoder == NVENC


def test_one_that_takes_too_long_is_not_its_fault_either(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = production(Store(tmp_path / "store"), tmp_path, NVENC).films[0]
    fake_ffmpeg.order(machine, "hangs 1")
    run = runner.run

    def in_a_hurry(argv: list[str], **options: Any) -> None:
        run(argv, **{**options, "timeout": 2})

    monkeypatch.setattr(runner, "run", in_a_hurry)
    with pytest.raises(runner.Hindered, match="longer than 2 s"):
        part_segment(making.shop, making.plan.parts[0])


def test_one_that_fails_once_and_works_again_stays_in_use(machine: Path, tmp_path: Path) -> None:
    """Graphics cards encode a few films at a time and no more."""
    store = Store(tmp_path / "store")
    note = note_of(store.root)
    assert chosen("auto", note).encoder == NVENC
    planned_film = production(store, tmp_path, NVENC)
    fake_ffmpeg.order(machine, "says 1 OpenEncodeSessionEx failed: out of memory (10)")
    made = make_film(planned_film, tmp_path / "film.mp4")
    assert all(check.passed for check in made.checks)
    assert fake_ffmpeg.encodes(machine, "s") == len(planned_film.films[0].plan.parts)
    assert fake_ffmpeg.encodes(machine) >= 2, "the one that failed, and a trial"
    assert chosen("auto", note).encoder == NVENC


def test_steps_of_one_film_end_up_with_one_encoder(machine: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    note = note_of(store.root)
    assert chosen("auto", note).encoder == NVENC
    hard = production(store, tmp_path, NVENC)
    by_hardware = make(card_parts(hard), lambda _: None)
    fake_ffmpeg.order(machine, "dies 0")
    clip = next(iter(hard.films[0].shop.clips.values())).source
    parts = tuple(hard.films[0].parts_of(clip.content_hash))
    in_the_end = make([PartsToMake(hard.films[0].shop, parts)], lambda _: None)
    assert fake_ffmpeg.encodes(machine, "s") == len(parts)
    assert chosen("auto", note).encoder == SOFTWARE
    for order in (
        film_order(in_software(hard)),
        # A step that was planned before the failure was noted ends in software as well.
        film_order(hard),
    ):
        joined(order, tmp_path)
        keys = {segment.key for segment in order.segments[0]}
        assert in_the_end.parts[0].segment.key in keys
        assert not keys & {one.segment.key for one in by_hardware.parts}


def joined(order: FilmOrder, folder: Path) -> None:
    """Its film's segments go together."""
    join([Joinable(segment) for segment in order.segments[0]], folder / "joined.mp4", title="x")


def test_doctor_says_which_one_is_used_and_why(machine: Path, tmp_path: Path) -> None:
    said = encoder_in_use(Settings(data=tmp_path, encoder="auto"))
    assert said.startswith("h264_nvenc (it works here); ")
    assert "h264_vaapi: " in said
    assert encoder_in_use(Settings(data=tmp_path, encoder="software")) == "libx264 (chosen by a setting)"
    assert "h264_nothing can't be used" in encoder_in_use(Settings(data=tmp_path, encoder="h264_nothing"))


def test_two_encoders_are_never_joined(machine: Path, tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    hard = production(store, tmp_path, NVENC)
    soft = in_software(hard)
    title = part_segment(hard.films[0].shop, hard.films[0].plan.parts[0])
    clip = part_segment(soft.films[0].shop, soft.films[0].plan.parts[1])
    with pytest.raises(BadInput, match="encoded otherwise than the first"):
        join([Joinable(title), Joinable(clip)], tmp_path / "film.mp4", title="x")


def test_vaapi_gets_its_device_and_its_surfaces() -> None:
    encoder = "h264_vaapi:/dev/dri/renderD128"
    assert encoders.device_words(encoder) == ["-vaapi_device", "/dev/dri/renderD128"]
    assert encoders.filters(encoder) == ["format=nv12", "hwupload"]
    asked = encoders.options(encoder, crf=21, size=(1920, 1080), rate=Fraction(30), group=60)
    assert (asked["g"], asked["bf"], asked["qp"]) == (60, 0, 23)
