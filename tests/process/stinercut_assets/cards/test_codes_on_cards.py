"""Codes on a card: which file they are found in, and what is told of it."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import segno
from support import decoders as ends
from support.decoders import failing
from support.identifying import identified
from support.importing import copy_requested, put_card_in

from app.engine.definitions import defs
from stinercut.catalog import Catalog, events, migrate
from stinercut.catalog.row_messages import messages_of_step, worded_data
from stinercut.codes import reader
from stinercut.codes.decoders import ZXING, Decoders
from stinercut.codes.making import qr_picture
from stinercut.codes.payload import make_payload
from stinercut.jumps.jumps import JumpFootage
from stinercut.language.messages import all_worded
from stinercut.settings import Settings
from stinercut.synthetic.qrfilm import film_pictures
from stinercut.synthetic.scenes import make_clip
from stinercut_assets.common.partitions import jumps

ZOE = make_payload("Zoë Müller", "B-1", date(2026, 5, 1))
FOREIGN = "oC15dTmNLeA!MBOOT=1"
SIZE = (480, 270)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The place of a card's films."""
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    films = tmp_path / "GOPRO" / "DCIM" / "100GOPRO"
    films.mkdir(parents=True)
    return films


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def code_film(folder: Path, number: int, picture: bytes, *, proxy: bool = False) -> None:
    film, small = folder / f"GX01{number:04}.MP4", folder / f"GL01{number:04}.LRV"
    film_pictures([picture], film, size=SIZE, seconds=1, fps=Fraction(10), proxy=small if proxy else None)


def foreign_code() -> bytes:
    out = io.BytesIO()
    segno.make(FOREIGN, micro=False).save(out, kind="png", scale=8, border=4)
    return out.getvalue()


def filmed_this_morning(folder: Path) -> None:
    """In the order of their numbers, a minute apart."""
    for minute, number in enumerate(sorted({file.stem[4:] for file in folder.iterdir()})):
        for file in folder.glob(f"*{number}.*"):
            at = time.time() - 7200 + 60 * minute
            os.utime(file, (at, at))


def card_in(folder: Path) -> tuple[Settings, str, list[str]]:
    """Put the card in and copy what is asked for first: settings, insertion, names of the copied files."""
    settings = Settings()
    migrate(settings.catalog_url)
    filmed_this_morning(folder)
    insertion = put_card_in(settings, folder.parents[1])
    return settings, insertion, copy_requested(settings, folder.parents[1], insertion)


def told(settings: Settings) -> dict[str, dict[str, Any]]:
    """What watchers were told about codes, by file."""
    catalog = Catalog.open(settings.catalog_url)
    with catalog.read() as session:
        found = [event for event in events.since(session, 0) if event.type.endswith(("qr_decoded", "qr_found", "_qr"))]
    catalog.close()
    return {
        str(event.data["file"]): {"type": event.type, "jump": event.jump_key, **worded_data(event)} for event in found
    }


def test_a_large_film_of_a_code_is_found_by_its_proxy_before_it_is_copied(
    folder: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STINERCUT_SMALL_FILE_LIMIT", "5000")
    code_film(folder, 1, qr_picture(ZOE), proxy=True)
    make_clip(folder / "GX010002.MP4", 1, 1.0, SIZE)
    settings, insertion, copied = card_in(folder)
    assert copied == ["GL010001.LRV"]
    assert identified(instance)[0] == [ZOE.jump_key]
    assert copy_requested(settings, folder.parents[1], insertion) == ["GX010001.MP4", "GX010002.MP4"]
    assert told(settings)["GX010001.MP4"]["passenger"] == "Zoë Müller"


def test_each_file_is_told_with_passenger_or_raw_text(folder: Path, instance: dg.DagsterInstance) -> None:
    code_film(folder, 1, qr_picture(ZOE))
    make_clip(folder / "GX010002.MP4", 1, 1.0, SIZE)
    code_film(folder, 3, foreign_code())
    settings, _, _ = card_in(folder)
    found, _ = identified(instance)
    assert len(found) == 2
    said = told(settings)
    assert {name: one["type"] for name, one in said.items()} == {
        "GX010001.MP4": "pipeline:qr_decoded",
        "GX010002.MP4": "pipeline:no_qr_found",
        "GX010003.MP4": "pipeline:invalid_qr",
    }
    code, foreign = said["GX010001.MP4"], said["GX010003.MP4"]
    assert (code["passenger"], code["booking"], code["jump"]) == ("Zoë Müller", "B-1", ZOE.jump_key)
    assert (foreign["raw"], foreign["reason"]) == (FOREIGN, "invalid_qr")
    assert "not one of ours" in foreign["detail"]


def test_a_decoder_that_crashes_is_told_and_the_step_goes_on(
    folder: Path, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    code_film(folder, 1, qr_picture(ZOE))
    settings, _, _ = card_in(folder)
    monkeypatch.setattr(reader, "Decoders", lambda: Decoders(failing(ZXING, ends.SEGFAULT)))
    assert identified(instance)[0] == [ZOE.jump_key]
    code = told(settings)["GX010001.MP4"]
    assert (code["type"], code["passenger"]) == ("pipeline:qr_decoded", "Zoë Müller")
    assert code["lost_decoders"] == [ZXING]
    assert "the decoder zxing-cpp ended by SIGSEGV" in code["detail"]
    catalog = Catalog.open(settings.catalog_url)
    with catalog.read() as session:
        notes = [all_worded(messages_of_step(step)) for step in events.steps_of(session, "card-test")]
    catalog.close()
    assert notes == ["Zoë Müller (zxing-cpp failed)"]


def test_an_empty_file_among_a_jumps_clips_is_no_doubt_and_no_clip(folder: Path, instance: dg.DagsterInstance) -> None:
    """From the card to the film's files: nothing of it is copied, and the jump is whole without it."""
    code_film(folder, 1, qr_picture(ZOE))
    make_clip(folder / "GX010002.MP4", 1, 1.0, SIZE)
    (folder / "GX010003.MP4").touch()
    make_clip(folder / "GX010004.MP4", 4, 1.0, SIZE)
    settings, insertion, copied = card_in(folder)
    assert copied == ["GX010001.MP4", "GX010002.MP4", "GX010004.MP4"]
    assert identified(instance)[0] == [ZOE.jump_key]
    assert copy_requested(settings, folder.parents[1], insertion) == []
    job = defs.resolve_implicit_global_asset_job_def().get_subset(asset_selection={dg.AssetKey("imported_files")})
    instance.add_dynamic_partitions(jumps.name or "", [ZOE.jump_key])
    result = job.execute_in_process(instance=instance, partition_key=ZOE.jump_key)
    footage: JumpFootage = result.output_for_node("imported_files")
    assert [file.name for file in footage.clips] == ["GX010002.MP4", "GX010004.MP4"]
