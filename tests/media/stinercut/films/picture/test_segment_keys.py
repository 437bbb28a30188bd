"""Keys of segments: those of a fixed production stay as they were, so that an update encodes no film again.

The literals were made by the release before the folders of the house. Where one changes, all segments of that kind that
customers have are encoded again: raise `CONTRACT`, `DRAWN` or `COPYING` knowingly, and write the new ones here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.footage import FIELDS

from stinercut.drawing import title_cards
from stinercut.drawing.overlays import Placed
from stinercut.films.film import Production, planned
from stinercut.films.picture import segments
from stinercut.films.picture.encoding import Segment
from stinercut.films.picture.segment_cache import SegmentRequest
from stinercut.films.picture.segments import ClipSource, FilmedClip, part_segment
from stinercut.films.picture.stream_copy import ShotPiece, StreamCopy
from stinercut.films.plan.plan import Filmed
from stinercut.jumps.cut import ClipTake
from stinercut.storage.store import Store
from stinercut.templates.aspects import aspects
from stinercut.templates.folder import load
from stinercut.video import ffmpeg_runner as runner
from stinercut.video.mp4.tracks import VideoTrack
from stinercut.video.probe import AudioInfo, Probe

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1920 1080">
  <rect width="1920" height="1080" fill="#1c5a9e"/>
  <rect x="100" y="100" width="400" height="80" fill="#ffffff" data-enter="fade" data-at="0.2" data-for="0.5"/>
  <text x="960" y="560" font-size="150">{{ passenger_name }}</text>
</svg>
"""
CUBE = "LUT_3D_SIZE 2\n" + "".join(f"{r} {g} {b}\n" for b in (0, 1) for g in (0, 1) for r in (0, 1))

DOCUMENT: dict[str, Any] = {
    "name": "keys",
    "timeline": {
        "background": "#102030",
        "tracks": [
            {"clips": [{"asset": {"type": "text", "text": "mark"}, "height": 0.05}]},
            {
                "clips": [
                    {"asset": {"type": "svg", "src": "title.svg"}, "length": 2},
                    {
                        "asset": {"type": "footage", "volume": 0.5, "trim": {"start": 0.5}},
                        "transition": {"in": "fade", "between": "crossfade", "out": "crossfade", "seconds": 0.5},
                    },
                    {"asset": {"type": "svg", "src": "outro.svg"}, "length": 2},
                ]
            },
        ],
    },
    "output": [
        {"type": "video", "width": 320, "height": 180, "fps": 30, "preset": "ultrafast"},
        {"type": "video", "name": "upright", "width": 180, "height": 320, "fit": "cover", "crf": 20},
    ],
}

ENCODED = {
    "film": [
        "a9b1c4b36bc0e131905c3ce4e764b3f9",
        "11883c86a8389cab6e1fb2d199c1fd87",
        "3c4d72ef30cd173213d66c05cbe1b1c7",
        "a0ac7c07e9f0dd3133e608c9e8f177f2",
        "fd3c4bd4bdacfd4f9ee6ea6f2fd34ff0",
        "d2a1690613102a7c9fe2c78e8e9d44a4",
        "3a9bea8afddfc4dd31d747cded393471",
        "7c402faa7c7b22c2a1e3d4b99521c44d",
        "4ca664e6a10f355503e9ea87d3172fb6",
    ],
    "upright": [
        "42514f94099a50c92e6b66dc7a2a636b",
        "201f14f036a2da8fc222baa195e346dc",
        "7f465757ed873c5838ff77a39312847e",
        "97e2621e332b7273eef711cac8a0bf3b",
        "9a56fe4a1b891a0fc2d9d59812b68100",
        "726b5417a08eb01388f924e9f80b851c",
        "f031353e0a328171a2ec4ecf33fe960a",
        "eb01c7097a78024f4b8662c7997e1e64",
        "79ce72c8adb5a61c7d37cb547d1d26f2",
    ],
}
COLOURED = [
    "a9b1c4b36bc0e131905c3ce4e764b3f9",
    "68ab4e0bd902c0148f3b95481c1ed6ee",
    "a9074895f9ad6cb6ceb58d77aaba770c",
    "18cce3048470b3e4081ef7ac93bac72a",
    "07b1bd43852001cfc248a5b9ff0060c4",
    "4e9f857a8892f3270a3d1dfbf2257bae",
    "ce83f829c860128c93df37b9fd51ab5f",
    "26eaf60a37b03dcbe4fd74f309f8750f",
    "4ca664e6a10f355503e9ea87d3172fb6",
]
COPIED = [
    "6f53703ede02411a1cf8dfb2b80f1e76",
    "81058c6fdce5411a19d484443f2b795a",
    "5982c070f5510c660e4d2597e5578b11",
    "37b91bcef4fc5c0eb2ef66104c8b73d9",
    "849a4da269f7ef6b83f6d52f21a1a25b",
    "63ae5edafe953a55c661cd8711edb6a0",
    "22a8eb3d19e59bbc2ec2bce47d634c1c",
    "1023a085612e3dad5ea2cdc60fa20778",
    "5c2d37063b9179f994a963001cd47c66",
]
FINGERPRINTS = {
    "template": "4dd43a49a3360fc79b7045ab8f4478c0",
    "clips": "709da98e59e24eeef67ce1b1bcfef06e",
    "drawings": "7abef664c304f64b8f57ea125234733b",
    "sound": "5362c3bb71ef0e47c351dd64df5c63ce",
}


class Asked:
    """What the cache is asked for. Nothing is encoded; what other programs and libraries add is fixed."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.requests: list[SegmentRequest] = []
        monkeypatch.setattr(segments, "cached_or_made", self._noted)
        monkeypatch.setattr(segments.overlays, "overlay_of", lambda *_: Placed(Image.new("RGBA", (4, 2), "red"), 6, 8))
        monkeypatch.setattr(runner, "build", lambda: "ffmpeg of no version")
        monkeypatch.setattr(title_cards, "VERSION", "of no version")
        # Outlines of letters come from a font, by a library: not ours to hold.
        monkeypatch.setattr(title_cards, "outlined", lambda *_: None)

    def _noted(self, store: Store, wanted: SegmentRequest, *_: object) -> Segment:
        self.requests.append(wanted)
        return Segment(wanted.key, store.root, store.root, 1, wanted.profile.rate, 0.0, cached=True)

    def keys_of(self, production: Production) -> dict[str, list[str]]:
        """The keys of each output's parts, in the order of the film."""
        return {film.name: [part_segment(film.shop, part).key for part in film.plan.parts] for film in production.films}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    return Asked(monkeypatch)


def production_in(folder: Path, footage: Mapping[str, Any]) -> Production:
    """Three appearances of two clips: one whole, one that a person cut, of the file's second stream, one again."""
    document = json.loads(json.dumps(DOCUMENT))
    document["timeline"]["tracks"][1]["clips"][1]["asset"].update(footage)
    (folder / "template.json").write_text(json.dumps(document))
    (folder / "title.svg").write_text(DRAWING)
    (folder / "outro.svg").write_text(DRAWING.replace("{{ passenger_name }}", "Until the next jump"))
    (folder / "look.cube").write_text(CUBE)
    sound = AudioInfo("aac", 48000, 2)
    whole, second = Probe(3.0, 1920, 1080, Fraction(30), 0, "h264", sound, 1000, None), "GX010002.MP4"
    cut = Probe(2.5, 1920, 1080, Fraction(60), 0, "hevc", None, 1000, None, stream=1)
    first = FilmedClip(ClipSource("a" * 32, folder / "GX010001.MP4", "GX010001.MP4"), whole)
    other = FilmedClip(ClipSource("b" * 32, folder / second, second), cut)
    shown = [ClipTake(first), ClipTake(other, 0.5, 2.0), ClipTake(first, 1.0, None)]
    return planned(Store(folder / "store"), load(folder), FIELDS, shown)


def track(path: Path) -> VideoTrack:
    none = np.zeros(0, np.int64)
    empty = (none, none, none, none.astype(np.bool_))
    return VideoTrack(path, 30, 0, 320, 180, b"avc1", b"", False, True, *empty, False, 0, None, None)


def test_parts_that_are_encoded_keep_their_keys(asked: Asked, tmp_path: Path) -> None:
    assert asked.keys_of(production_in(tmp_path, {})) == ENCODED


def test_parts_with_other_colours_keep_their_keys(asked: Asked, tmp_path: Path) -> None:
    coloured = production_in(tmp_path, {"look": {"saturation": 1.2, "lut": "look.cube"}})
    assert asked.keys_of(coloured)["film"] == COLOURED


def test_parts_with_copied_frames_keep_their_keys(
    asked: Asked, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = (ShotPiece(0, 4, False), ShotPiece(4, 20, True))
    copied = StreamCopy(track(tmp_path / "GX010001.MP4"), 0, pieces)
    monkeypatch.setattr(segments, "copying_of_part", lambda *_: copied)
    assert asked.keys_of(production_in(tmp_path, {}))["film"] == COPIED


def test_a_template_keeps_its_fingerprint_and_those_of_its_aspects(tmp_path: Path) -> None:
    template = production_in(tmp_path, {}).template
    assert {"template": template.fingerprint, **aspects(template)} == FINGERPRINTS


def test_parts_with_a_workshop_of_their_own_have_the_same_keys(asked: Asked, tmp_path: Path) -> None:
    for film in production_in(tmp_path, {}).films:
        for part in film.plan.parts:
            alone = film.shop.for_parts([part])
            shown = {shot.content.take for shot in part.shots if isinstance(shot.content, Filmed)}
            assert set(alone.clips) == shown
            assert part_segment(alone, part).key == part_segment(film.shop, part).key
