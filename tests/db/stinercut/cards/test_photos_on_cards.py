"""Photos come off a card as videos do: listed, fetched, put into their jump, waited for while they are fetched."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from zlib import crc32

import pytest
from support import heard
from support.cataloguing import (
    SMALL_LIMIT,
    ask,
    catalog_in,
    copy,
    entry,
    failed,
    passenger,
    put_in,
    roles,
    row_ids,
    states,
)

from detector.card.scan import scan
from detector.sources.volumes import holds_footage
from hub.jumps.views import JumpView, jump_views
from hub.kit.views import Links
from stinercut.cards import identification, insertions, unassigned_files
from stinercut.cards.early_files import EarlyFile
from stinercut.cards.identification import FileReading
from stinercut.catalog import Catalog
from stinercut.catalog.models import Jump, JumpState
from stinercut.catalog.row_messages import reason_words
from stinercut.codes.payload import Payload
from stinercut.codes.reading import Reading, Reason
from stinercut.jumps import jumps
from stinercut.language.messages import Message
from stinercut.protocol import FileEntry, FileKind, FileList, decode, encode
from stinercut.protocol.older import frame_for
from stinercut.recordings.filming_order import CardVideo
from stinercut.recordings.session_rules import AFTER_PAUSE, BEFORE_ANY_CODE, CLOCK_DISAGREES, SessionRules, split
from stinercut.review import decisions

GAP = timedelta(minutes=45)
RULES = SessionRules(GAP)
ZOE, ANNA = passenger("Zoë Wójcik", "B-7"), passenger("Anna Müller", "B-8")


@pytest.fixture
def known(tmp_path: Path) -> Iterator[Catalog]:
    with catalog_in(tmp_path) as opened:
        yield opened


def photo(name: str, minute: float = 0, size: int = 5_000_000) -> FileEntry:
    taken = entry(name, size, minute=minute, kind=FileKind.PHOTO)
    return taken.model_copy(update={"recording": f"DCIM/100GOPRO/photo:{name.rpartition('.')[0]}"})


class TestOnACard:
    def test_a_raw_and_a_jpeg_of_one_stem_are_one_picture_and_no_companions_of_a_video(self, tmp_path: Path) -> None:
        for name in ("IMG_0001.MOV", "IMG_0001.HEIC", "IMG_0002.JPG", "IMG_0002.DNG", "notes.txt"):
            (tmp_path / "DCIM" / "100APPLE").mkdir(parents=True, exist_ok=True)
            (tmp_path / "DCIM" / "100APPLE" / name).write_bytes(b"x")
        manifest = scan(tmp_path, "i", 1000)
        files = {one.name: one for one in manifest.entries}
        assert (manifest.videos, manifest.photos) == (1, 3)
        assert files["IMG_0001.HEIC"].main_file_id is None
        assert files["IMG_0001.HEIC"].recording != files["IMG_0001.MOV"].recording
        assert files["IMG_0002.JPG"].recording == files["IMG_0002.DNG"].recording
        assert [one.name for one in manifest.entries if one.kind is FileKind.OTHER] == ["notes.txt"]
        # Thousands of them must not go before the clips of a jump.
        assert not any(manifest.sources[one.file_id].small for one in manifest.entries if one.kind is FileKind.PHOTO)

    def test_a_hub_of_version_1_is_told_of_other_files(self) -> None:
        listed = encode(FileList(insertion_id="i", index=0, total=1, files=[photo("A.JPG")], passed_over=1), "m-1")
        older = json.loads(frame_for(1, listed))["body"]
        assert [file["kind"] for file in older["files"]] == ["other"]
        assert frame_for(2, listed) == listed
        assert decode(frame_for(1, listed)).id == "m-1"


def taken(name: str, minute: float, *, is_photo: bool = True) -> CardVideo:
    when = datetime(2026, 6, 1, 9) + timedelta(minutes=minute)
    return CardVideo(crc32(name.encode()), name, "DCIM/100GOPRO", when, 1, name, is_photo=is_photo)


def split_of(
    files: Sequence[CardVideo], codes: Mapping[str, Payload]
) -> list[tuple[str | None, tuple[str, ...], Message | None]]:
    names = {file.file_id: file.name for file in files}
    readings = {id_: Reading(payload=codes[name]) for id_, name in names.items() if name in codes}
    found = split(files, readings, RULES)
    return [
        (one.payload.passenger_name if one.payload else None, tuple(names[id_] for id_ in one.photos), one.why)
        for one in found
        if one.photos
    ]


class TestTheirJump:
    def test_a_photo_belongs_to_the_code_before_it(self) -> None:
        files = [
            taken("GOPR0001.JPG", 0),
            taken("GX010002.MP4", 1, is_photo=False),
            taken("GOPR0003.JPG", 2),
            taken("GX010004.MP4", 3, is_photo=False),
            taken("GX010005.MP4", 20, is_photo=False),
            taken("GOPR0006.JPG", 21),
        ]
        assert split_of(files, {"GX010002.MP4": ZOE, "GX010005.MP4": ANNA}) == [
            (None, ("GOPR0001.JPG",), BEFORE_ANY_CODE),
            ("Zoë Wójcik", ("GOPR0003.JPG",), None),
            ("Anna Müller", ("GOPR0006.JPG",), None),
        ]

    def test_photos_in_a_long_pause_give_no_clip_a_name(self) -> None:
        """One each half hour: for a clip the pause is as long as it was."""
        code, clip = taken("GX010001.MP4", 0, is_photo=False), taken("GX010009.MP4", 100, is_photo=False)
        between = [taken(f"GOPR000{n}.JPG", 30 * n) for n in (1, 2, 3)]
        readings = {code.file_id: Reading(payload=ZOE)}
        found = split([code, *between, clip], readings, RULES)
        assert [one.clips for one in found if one.payload] == [()]
        [unknown] = [one for one in found if one.payload is None]
        assert (unknown.clips, unknown.why) == ((clip.file_id,), AFTER_PAUSE)

    def test_photos_after_a_long_pause_and_the_clips_that_follow_are_one_stretch(self) -> None:
        code = taken("GX010001.MP4", 0, is_photo=False)
        late, clip = taken("GOPR0002.JPG", 90), taken("GX010003.MP4", 95, is_photo=False)
        found = split([code, late, clip], {code.file_id: Reading(payload=ZOE)}, RULES)
        assert [(one.why, one.photos, one.clips) for one in found if not one.payload] == [
            (AFTER_PAUSE, (late.file_id,), (clip.file_id,))
        ]

    def test_a_photo_whose_number_follows_another_code_than_its_time_waits_for_a_person(self) -> None:
        files = [
            taken("GX010001.MP4", 0, is_photo=False),
            taken("GX010002.MP4", 30, is_photo=False),
            taken("GOPR0003.JPG", 1),
        ]
        assert split_of(files, {"GX010001.MP4": ZOE, "GX010002.MP4": ANNA}) == [
            (None, ("GOPR0003.JPG",), CLOCK_DISAGREES)
        ]

    def test_where_clips_belong_never_depends_on_photos(self) -> None:
        clips = [taken(f"GX0100{n:02}.MP4", 17 * n, is_photo=False) for n in range(1, 12)]
        readings = {clips[0].file_id: Reading(payload=ZOE), clips[6].file_id: Reading(payload=ANNA)}
        photos = [taken(f"G00{n:05}.JPG", 3 * n + 1) for n in range(70)]
        alone = [(one.payload, one.qr_files, one.clips) for one in split(clips, readings, RULES)]
        both = split([*clips, *photos], readings, RULES)
        assert [(one.payload, one.qr_files, one.clips) for one in both if one.qr_files or one.clips] == alone
        assert sorted(photo for one in both for photo in one.photos) == sorted(one.file_id for one in photos)


def identified(catalog: Catalog, codes: Mapping[str, Payload], insertion: str = "in-1") -> list[str]:
    """What the run of identification does, with these readings; jump keys."""
    with catalog.write() as session:
        card = insertions.require_insertion(session, insertion).card_id
        early = identification.begin(session, card)
        readings = [FileReading(file, _reading(file, codes)) for file in early]
        for one in readings:
            identification.record_reading(session, card, one.file, one.reading)
        return [one.jump_key for one in identification.finish(session, card, readings, GAP)]


def _reading(file: EarlyFile, codes: Mapping[str, Payload]) -> Reading:
    payload = codes.get(file.name)
    return Reading(payload=payload) if payload else Reading(reason=Reason.NO_QR_FOUND)


def jump(catalog: Catalog, key: str) -> Jump:
    with catalog.read() as session:
        return jumps.require_jump(session, key)


def view(catalog: Catalog, key: str) -> JumpView:
    with catalog.read() as session:
        [found] = jump_views(session, Links("http://dagster", Path("/films")), [key])
    return found


CODE, CLIP = entry("GX010001.MP4"), entry("GX010002.MP4", minute=1)
PHOTOS = [photo("GOPR0003.JPG", 2), photo("GOPR0004.JPG", 3)]


def with_photos(catalog: Catalog) -> str:
    """A jump whose clips are here and whose photos are asked for."""
    put_in(catalog, "in-1", [CODE, CLIP, *PHOTOS])
    assert ask(catalog, "in-1") == [CODE.file_id, CLIP.file_id]
    copy(catalog, "in-1", [CODE, CLIP])
    [key] = identified(catalog, {CODE.name: ZOE})
    assert ask(catalog, "in-1") == [one.file_id for one in PHOTOS]
    return key


class TestInTheCatalog:
    def test_a_film_waits_for_photos_that_are_being_copied(self, known: Catalog) -> None:
        key = with_photos(known)
        assert roles(known, key) == ["qr", "clip", "photo", "photo"]
        assert (jump(known, key).state, reason_words(jump(known, key))) == (
            JumpState.WAITING,
            "Its photos are being copied.",
        )
        assert (view(known, key).photos.pictures, view(known, key).photos.here) == (2, 0)
        assert [file.name for file in view(known, key).files] == [CODE.name, CLIP.name]
        copy(known, "in-1", PHOTOS[:1])
        assert jump(known, key).state == JumpState.WAITING
        copy(known, "in-1", PHOTOS[1:])
        assert jump(known, key).state == JumpState.READY
        with known.write() as session:
            footage = jumps.take_up(session, key, "run-1")
        assert [file.name for file in footage.photos] == ["GOPR0003.JPG", "GOPR0004.JPG"]
        assert [file.name for file in footage.clips] == [CLIP.name]

    def test_and_no_longer_than_that(self, known: Catalog) -> None:
        """One that can't be read, or whose card is out, holds no film back."""
        key = with_photos(known)
        with known.write() as session:
            heard.record_copy_error(session, failed("in-1", PHOTOS[0]))
        assert jump(known, key).state == JumpState.WAITING
        with known.write() as session:
            heard.record_removed(session, "in-1")
        without = jump(known, key)
        assert without.state == JumpState.READY
        # The card comes back: they are fetched, and then the film has another version.
        put_in(known, "in-2", [CODE, CLIP, *PHOTOS])
        assert ask(known, "in-2") == [one.file_id for one in PHOTOS]
        copy(known, "in-2", PHOTOS)
        assert jump(known, key).state == JumpState.READY
        assert jump(known, key).wanted_version != without.wanted_version

    def test_a_jump_without_photos_keeps_its_version_of_before_there_were_any(self, known: Catalog) -> None:
        put_in(known, "in-1", [CODE, CLIP])
        ask(known, "in-1")
        copy(known, "in-1", [CODE, CLIP])
        [key] = identified(known, {CODE.name: ZOE})
        before = jump(known, key).wanted_version
        put_in(known, "in-2", [CODE, CLIP, *PHOTOS])
        copy(known, "in-2", PHOTOS)
        [unknown] = identified(known, {}, "in-2")
        assert jump(known, unknown).state == JumpState.REVIEW
        assert "Zoë Wójcik" in reason_words(jump(known, unknown))
        with known.write() as session:
            decisions.join(session, "Petra", unknown, key)
        with_them = jump(known, key).wanted_version
        assert with_them != before
        with known.write() as session:
            for file in row_ids(known, "in-2", PHOTOS):
                decisions.leave_out(session, "Petra", key, file)
        assert jump(known, key).wanted_version == before
        with known.write() as session:
            for file in row_ids(known, "in-2", PHOTOS):
                decisions.put_back(session, "Petra", key, file)
        assert roles(known, key) == ["qr", "clip", "photo", "photo"]
        assert jump(known, key).wanted_version == with_them

    def test_a_card_with_nothing_but_photos_is_identified_at_once_and_fetched(self, known: Catalog) -> None:
        put_in(known, "in-1", PHOTOS)
        with known.read() as session:
            assert len(unassigned_files.insertions_to_identify(session)) == 1
        [key] = identified(known, {})
        assert (jump(known, key).state, roles(known, key)) == (JumpState.REVIEW, ["photo", "photo"])
        assert ask(known, "in-1") == [one.file_id for one in PHOTOS]

    def test_a_detector_of_version_1_calls_photos_other_files(self, known: Catalog) -> None:
        put_in(known, "in-1", [CLIP, PHOTOS[0].model_copy(update={"kind": FileKind.OTHER})])
        assert states(known, "in-1")["GOPR0003.JPG"] == "new"

    def test_of_a_jump_the_clips_come_first(self, known: Catalog) -> None:
        large = [entry(f"GX01001{n}.MP4", SMALL_LIMIT + 1, minute=n) for n in (3, 5)]
        put_in(known, "in-1", [CODE, photo("GOPR0011.JPG", 2), *large, photo("GOPR0012.JPG", 4)])
        copy(known, "in-1", [CODE])
        identified(known, {CODE.name: ZOE})
        assert [one.split("-", 1)[1] for one in ask(known, "in-1")] == [
            "GX010013_MP4", "GX010015_MP4", "GOPR0011_JPG", "GOPR0012_JPG"
        ]  # fmt: skip

    def test_a_jump_of_many_photos_is_looked_at_once_for_all_of_them(self, known: Catalog) -> None:
        many = [photo(f"G00{n:05}.JPG", 2 + n / 100, 1000 + n) for n in range(400)]
        put_in(known, "in-1", [CODE, CLIP, *many])
        copy(known, "in-1", [CODE, CLIP])
        [key] = identified(known, {CODE.name: ZOE})
        assert len(ask(known, "in-1")) == 400
        copy(known, "in-1", many)
        assert jump(known, key).state == JumpState.READY
        assert jump(known, key).turn == 1
        assert view(known, key).photos.here == 400


@pytest.mark.parametrize(
    ("folder", "is_card"),
    [
        ("DCIM/100GOPRO", True),
        ("dcim/Camera", True),
        ("PRIVATE/M4ROOT/CLIP", True),
        ("Private/AVCHD/BDMV", True),
        ("AVCHD/BDMV", True),
        ("MP_ROOT/100ANV01", True),
        ("PRIVATE/SONY", False),
        ("Documents/DCIM", False),
    ],
)
def test_what_makes_a_volume_a_card_is_its_folders_in_whatever_case(tmp_path: Path, folder: str, is_card: bool) -> None:
    (tmp_path / folder).mkdir(parents=True)
    assert holds_footage(tmp_path) is is_card
