"""From a file to a reading: real films, real pictures, and everything that is neither."""

from __future__ import annotations

import csv
import io
import json
import os
import unicodedata
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import segno
from support import decoders as ends
from support.decoders import failing
from support.repository import REPOSITORY

from stinercut.codes import film_reader, reader, still_reader
from stinercut.codes.decoders import ZBAR, ZXING, Code, Decoder, Decoders, Gray
from stinercut.codes.evidence import FileEvidence
from stinercut.codes.making import qr_picture, write_picture
from stinercut.codes.payload import Payload, make_payload
from stinercut.codes.reader import read_file, read_film, read_picture
from stinercut.codes.reading import Reason
from stinercut.keyring import NO_KEYS
from stinercut.synthetic.camera import CameraSettings, Picture, film
from stinercut.synthetic.card import PASSENGERS
from stinercut.synthetic.qrfilm import film_pictures, make_qr_film
from stinercut.synthetic.scenes import make_clip
from stinercut.video import ffmpeg_runner as runner

ZOE = make_payload("Zoë Müller-Lüdenscheidt", "B-1", date(2026, 5, 1))
LUKASZ = make_payload("Łukasz Żółć", "B-2", date(2026, 5, 1), "TM-1")
SMALL = (480, 270)


def png(text: str, error: str = "m") -> bytes:
    out = io.BytesIO()
    segno.make(text, error=error, micro=False).save(out, kind="png", scale=8, border=4)
    return out.getvalue()


def gray(data: bytes) -> np.ndarray:
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return np.asarray(picture)


def spoiled(text: str) -> bytes:
    """A code whose finder patterns are there and whose content is not."""
    picture = gray(png(text, error="l")).copy()
    third = picture.shape[0] // 3
    picture[third : 2 * third, third : 2 * third] = 255
    return cv2.imencode(".png", picture)[1].tobytes()


def flash(target: Path, payload: Payload, shown: range, shot: CameraSettings) -> None:
    """A film with the code in some of its frames only."""
    code = cv2.resize(gray(qr_picture(payload, scale=3)), (240, 240), interpolation=cv2.INTER_AREA)
    picture = np.full((shot.size[1], shot.size[0], 3), 90, np.uint8)
    with_code = picture.copy()
    with_code[10:250, 100:340] = code[:, :, None]

    def frames() -> Iterator[Picture]:
        for number in range(shot.frames):
            yield with_code if number in shown else picture

    film(frames(), shot.size, shot, target)


def with_index_first(source: Path, target: Path) -> bytes:
    argv = ["-i", str(source), "-map", "0:v", "-map", "0:a", "-c", "copy", "-movflags", "+faststart", str(target)]
    runner.run(argv, timeout=30)
    return target.read_bytes()


# Films


def test_twenty_names_through_film_and_back(tmp_path: Path) -> None:
    for number, name in enumerate(PASSENGERS):
        payload = make_payload(name, f"B-{number}", date(2026, 5, 1), "TM-1")
        make_qr_film(payload, tmp_path / "code.mp4", size=SMALL, seconds=0.9, seed=number)
        reading = read_film(tmp_path / "code.mp4")
        assert reading.payload is not None
        assert reading.payload == payload
        assert unicodedata.is_normalized("NFC", reading.payload.passenger_name)
        assert reading.reason is None
        assert reading.decoder == "zxing-cpp"
        assert reading.frame_time is not None
        assert 0 <= reading.frame_time < 1


def test_a_clip_without_a_code(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", 5, 1.0, SMALL)
    reading = read_file(tmp_path / "clip.mp4")
    assert reading.reason is Reason.NO_QR_FOUND
    assert not reading.hides_identity


def test_two_passengers_in_one_film_are_refused(tmp_path: Path) -> None:
    film_pictures([qr_picture(ZOE), qr_picture(LUKASZ)], tmp_path / "two.mp4", size=SMALL, seconds=3)
    reading = read_film(tmp_path / "two.mp4")
    assert reading.payload is None
    assert reading.reason is Reason.TWO_PAYLOADS
    for payload in (ZOE, LUKASZ):
        assert payload.passenger_name in reading.words
        assert payload.booking_id in (reading.raw or "")


def test_a_second_passenger_late_and_in_one_frame_is_noticed(tmp_path: Path) -> None:
    shot = CameraSettings(seconds=4, size=SMALL, seed=1, fps=Fraction(4))
    code_frames = {payload: gray(qr_picture(payload, scale=4)) for payload in (ZOE, LUKASZ)}

    def frames() -> Iterator[Picture]:
        for number in range(shot.frames):
            code = cv2.resize(code_frames[LUKASZ if number == 14 else ZOE], (260, 260), interpolation=cv2.INTER_AREA)
            picture = np.full((SMALL[1], SMALL[0], 3), 120, np.uint8)
            picture[5:265, 100:360] = code[:, :, None]
            yield picture

    film(frames(), SMALL, shot, tmp_path / "late.mp4")
    assert read_film(tmp_path / "late.mp4").reason is Reason.TWO_PAYLOADS


def test_a_foreign_code_is_named_and_no_identity(tmp_path: Path) -> None:
    film_pictures([png("oC15dTmNLeA!MBOOT=1")], tmp_path / "foreign.mp4", size=SMALL, seconds=1)
    reading = read_film(tmp_path / "foreign.mp4")
    assert reading.reason is Reason.INVALID_QR
    assert reading.raw == "oC15dTmNLeA!MBOOT=1"
    assert "not one of ours" in reading.words


def test_a_payload_of_wrong_form_says_which_field(tmp_path: Path) -> None:
    fields = json.loads(ZOE.text()) | {"jump_date": "1.5.2026"}
    film_pictures([png(json.dumps(fields))], tmp_path / "form.mp4", size=SMALL, seconds=1)
    reading = read_film(tmp_path / "form.mp4")
    assert reading.reason is Reason.INVALID_QR
    assert "the day of the jump" in reading.words


def test_a_foreign_code_beside_a_passengers_is_ignored(tmp_path: Path) -> None:
    film_pictures([png("WIFI:S:zone;;"), qr_picture(ZOE)], tmp_path / "both.mp4", size=SMALL, seconds=3)
    assert read_film(tmp_path / "both.mp4").payload == ZOE


def test_a_code_that_nobody_can_read_is_not_no_code(tmp_path: Path) -> None:
    """Else the clips after it would go under the name before it."""
    film_pictures([spoiled("x" * 60)], tmp_path / "spoiled.mp4", size=SMALL, seconds=1)
    reading = read_film(tmp_path / "spoiled.mp4")
    assert reading.reason is Reason.INVALID_QR
    assert reading.raw is None
    assert "could not be read" in reading.words
    assert reading.hides_identity


def test_one_frame_alone_is_no_identity(tmp_path: Path) -> None:
    flash(tmp_path / "once.mp4", ZOE, range(4, 5), CameraSettings(seconds=3, size=SMALL, seed=1, fps=Fraction(4)))
    reading = read_film(tmp_path / "once.mp4")
    assert reading.payload is None
    assert reading.reason is Reason.NOT_CONFIRMED
    assert reading.raw == ZOE.text()


def test_one_frame_shown_long_is_still_one_frame(tmp_path: Path) -> None:
    """At 1 frame a second each frame would be sampled four times."""
    flash(tmp_path / "slow.mp4", ZOE, range(2, 3), CameraSettings(seconds=5, size=SMALL, seed=1, fps=Fraction(1)))
    assert read_film(tmp_path / "slow.mp4").reason is Reason.NOT_CONFIRMED


def test_a_glimpse_is_confirmed_by_looking_closer(tmp_path: Path) -> None:
    flash(tmp_path / "glimpse.mp4", ZOE, range(28, 34), CameraSettings(seconds=3, size=SMALL, seed=1, fps=Fraction(30)))
    assert read_film(tmp_path / "glimpse.mp4").payload == ZOE


def test_a_code_that_comes_late_is_found(tmp_path: Path) -> None:
    flash(tmp_path / "late.mp4", ZOE, range(110, 120), CameraSettings(seconds=12, size=SMALL, seed=1, fps=Fraction(10)))
    reading = read_film(tmp_path / "late.mp4")
    assert reading.payload == ZOE
    assert reading.frame_time is not None
    assert 10.9 < reading.frame_time < 12


def test_a_dim_and_blurred_code_needs_the_heavy_pass(tmp_path: Path) -> None:
    """Found by CLAHE or unsharp masking; none of the plain frames gives it."""
    code = cv2.resize(gray(qr_picture(ZOE, scale=4)), (170, 170), interpolation=cv2.INTER_AREA)
    shot = CameraSettings(seconds=2, size=SMALL, seed=1, fps=Fraction(10))

    def frames() -> Iterator[Picture]:
        for number in range(shot.frames):
            picture = np.full((SMALL[1], SMALL[0]), 255, np.uint8)
            picture[50:220, 150 + number % 3 : 320 + number % 3] = code
            picture = cv2.GaussianBlur(picture, (0, 0), 1.6)
            picture = cv2.convertScaleAbs(picture, alpha=0.1, beta=100)
            yield np.repeat(np.asarray(picture)[:, :, None], 3, axis=2)

    film(frames(), SMALL, shot, tmp_path / "dim.mp4")
    assert read_film(tmp_path / "dim.mp4").payload == ZOE


# Key frames


def test_an_easy_film_is_read_from_its_key_frames_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=3)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the film was probed, or decoded as a whole")

    monkeypatch.setattr(film_reader, "probe", never)
    monkeypatch.setattr(film_reader, "gray_frames", never)
    reading = read_film(tmp_path / "code.mp4")
    assert reading.payload == ZOE
    assert reading.film_seconds == pytest.approx(3, abs=0.05)


def test_a_key_frame_seen_by_several_passes_is_one_frame(tmp_path: Path) -> None:
    """Shown from 0.44 s to 0.56 s: the key frame of 0.44 s, and the picture on the screen at 0.5 s."""
    flash(tmp_path / "once.mp4", ZOE, range(4, 5), CameraSettings(seconds=3, size=SMALL, seed=1, fps=Fraction(9)))
    assert read_film(tmp_path / "once.mp4").reason is Reason.NOT_CONFIRMED


def test_a_second_passenger_in_one_key_frame_is_noticed(tmp_path: Path) -> None:
    """Long after the first one is confirmed."""
    codes = {each: cv2.resize(gray(qr_picture(each, scale=4)), (260, 260)) for each in (ZOE, LUKASZ)}
    shot = CameraSettings(seconds=5, size=SMALL, seed=1, fps=Fraction(10))

    def frames() -> Iterator[Picture]:
        for number in range(shot.frames):
            picture = np.full((SMALL[1], SMALL[0], 3), 120, np.uint8)
            picture[5:265, 100:360] = codes[LUKASZ if number == 40 else ZOE][:, :, None]
            yield picture

    film(frames(), SMALL, shot, tmp_path / "late.mp4")
    assert read_film(tmp_path / "late.mp4").reason is Reason.TWO_PAYLOADS


def test_a_film_with_few_key_frames_is_looked_at_as_a_whole(tmp_path: Path) -> None:
    flash(tmp_path / "late.mp4", ZOE, range(43, 50), CameraSettings(seconds=6, size=SMALL, seed=1, fps=Fraction(10)))
    options = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "250", str(tmp_path / "few.mp4")]
    runner.run(["-i", str(tmp_path / "late.mp4"), *options], timeout=30)
    assert read_film(tmp_path / "few.mp4").payload == ZOE


def test_damaged_key_frames_are_made_up_for(tmp_path: Path) -> None:
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=3)
    whole = bytearray((tmp_path / "code.mp4").read_bytes())
    first = whole.index(b"mdat") + 4
    whole[first : first + 3000] = bytes(3000)
    (tmp_path / "damaged.mp4").write_bytes(whole)
    assert read_film(tmp_path / "damaged.mp4").payload == ZOE


# A decoder that is lost in the middle


def with_decoders(
    monkeypatch: pytest.MonkeyPatch, *, first: Decoder | None = None, second: Decoder | None = None
) -> None:
    monkeypatch.setattr(reader, "Decoders", lambda: Decoders(first, second))


@pytest.mark.parametrize("end", [ends.SEGFAULT, ends.KILLED, ends.STOPPED])
def test_zbar_reads_a_film_over_which_zxing_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=2)
    with_decoders(monkeypatch, first=failing(ZXING, end, timeout=0.7))
    reading = read_film(tmp_path / "code.mp4")
    assert (reading.payload, reading.decoder) == (ZOE, ZBAR)
    assert reading.lost_decoders == (ZXING,)
    assert "the decoder zxing-cpp" in reading.words
    assert "left out from then on" in reading.words


def test_zxing_goes_on_with_the_next_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It crashes over the first frame in which it finds something; its second child reads that frame too."""
    flag = tmp_path / "crashed"
    once = f"answer[0] and not os.path.exists({str(flag)!r}) and not open({str(flag)!r}, 'w').close()"
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=2)
    with_decoders(monkeypatch, first=failing(ZXING, ends.SEGFAULT, once))
    reading = read_film(tmp_path / "code.mp4")
    assert (reading.payload, reading.decoder, reading.lost_decoders) == (ZOE, ZXING, ())
    assert "zxing-cpp ended by SIGSEGV and was started again" in reading.words


def test_a_film_over_which_zxing_is_lost_is_not_said_to_hold_no_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the clips after it could go under the name before it."""
    make_clip(tmp_path / "clip.mp4", 5, 1.0, SMALL)
    with_decoders(monkeypatch, first=failing(ZXING, ends.ABORT))
    reading = read_film(tmp_path / "clip.mp4")
    assert reading.reason is Reason.UNREADABLE
    assert "a code may have been missed" in reading.words
    assert "zxing-cpp ended by SIGABRT" in reading.words
    assert reading.hides_identity
    assert reading.is_outdated(NO_KEYS), "it is worth another look"


@pytest.mark.parametrize("end", [ends.ABORT, ends.ENDLESS])
def test_zxing_goes_on_where_zbar_is_lost_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    with_decoders(monkeypatch, second=failing(ZBAR, end, "number > 1", timeout=0.7))
    flash(tmp_path / "once.mp4", ZOE, range(4, 5), CameraSettings(seconds=3, size=SMALL, seed=1, fps=Fraction(4)))
    reading = read_film(tmp_path / "once.mp4")
    assert reading.reason is Reason.NOT_CONFIRMED
    assert (reading.raw, reading.decoder) == (ZOE.text(), ZXING)
    assert "the decoder zbar" in reading.words


def no_rungs(_picture: Gray) -> Iterator[Gray]:
    return iter(())


def no_second_sight(_picture: Gray, _readers: object, **_kept: object) -> Iterator[Code]:
    return iter(())


def test_the_same_decoder_twice_at_one_picture_is_one_witness(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where zbar stands in for zxing-cpp its second look at the same rung says nothing new."""
    write_picture(ZOE, tmp_path / "code.png")
    monkeypatch.setattr(still_reader, "prepared", no_rungs)
    monkeypatch.setattr(still_reader, "look_again", no_second_sight)
    with_decoders(monkeypatch, first=failing(ZXING, ends.EXIT))
    reading = read_picture(tmp_path / "code.png")
    assert (reading.reason, reading.decoder) == (Reason.NOT_CONFIRMED, ZBAR)
    monkeypatch.undo()
    with_decoders(monkeypatch, first=failing(ZXING, ends.EXIT))
    reading = read_picture(tmp_path / "code.png")
    assert (reading.payload, reading.decoder, reading.lost_decoders) == (ZOE, ZBAR, (ZXING,))


# Files that are damaged, or no films


def test_what_is_no_video(tmp_path: Path) -> None:
    for name, content in {"empty.mp4": b"", "text.mp4": b"hello\n" * 100, "noise.mp4": os.urandom(5000)}.items():
        (tmp_path / name).write_bytes(content)
        reading = read_file(tmp_path / name)
        assert reading.reason is Reason.UNREADABLE, name
        assert reading.words
    assert read_file(tmp_path / "nowhere.mp4").reason is Reason.UNREADABLE
    assert read_film(tmp_path / "nowhere.mp4").reason is Reason.UNREADABLE
    assert read_file(tmp_path).reason is Reason.UNREADABLE


def test_a_film_cut_short(tmp_path: Path) -> None:
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=4)
    whole = (tmp_path / "code.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    reading = read_film(tmp_path / "cut.mp4")
    assert reading.reason is Reason.UNREADABLE
    assert "cut short" in reading.words


def test_a_film_cut_short_after_the_code(tmp_path: Path) -> None:
    make_qr_film(ZOE, tmp_path / "code.mp4", size=SMALL, seconds=6)
    whole = with_index_first(tmp_path / "code.mp4", tmp_path / "front.mp4")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    reading = read_film(tmp_path / "cut.mp4")
    assert reading.payload == ZOE
    assert "cut short" in reading.words


def test_a_film_cut_short_before_any_code_may_have_held_one(tmp_path: Path) -> None:
    make_clip(tmp_path / "clip.mp4", 5, 6.0, SMALL)
    whole = with_index_first(tmp_path / "clip.mp4", tmp_path / "front.mp4")
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    reading = read_film(tmp_path / "cut.mp4")
    assert reading.reason is Reason.UNREADABLE
    assert reading.hides_identity


# Pictures


def test_a_picture_of_a_code(tmp_path: Path) -> None:
    write_picture(ZOE, tmp_path / "code.png")
    for read in (read_file, read_picture):
        reading = read(tmp_path / "code.png")
        assert reading.payload == ZOE
        assert reading.frame_time is None


def test_pictures_are_known_by_content_not_by_name(tmp_path: Path) -> None:
    write_picture(ZOE, tmp_path / "code.png")
    (tmp_path / "code.png").rename(tmp_path / "GX010001.MP4")
    assert read_file(tmp_path / "GX010001.MP4").payload == ZOE


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".bmp", ".tif"])
def test_other_kinds_of_pictures(tmp_path: Path, suffix: str) -> None:
    cv2.imwrite(str(tmp_path / f"code{suffix}"), gray(qr_picture(ZOE)))
    assert read_file(tmp_path / f"code{suffix}").payload == ZOE


def test_a_code_on_a_transparent_ground(tmp_path: Path) -> None:
    code = gray(qr_picture(ZOE))
    cv2.imwrite(str(tmp_path / "clear.png"), np.dstack([code * 0, code * 0, code * 0, 255 - code]))
    assert read_file(tmp_path / "clear.png").payload == ZOE


def test_two_passengers_in_one_picture_are_refused(tmp_path: Path) -> None:
    pictures = [cv2.resize(gray(qr_picture(each)), (400, 400), interpolation=cv2.INTER_AREA) for each in (ZOE, LUKASZ)]
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack(pictures))
    assert read_picture(tmp_path / "two.png").reason is Reason.TWO_PAYLOADS


def test_a_damaged_picture(tmp_path: Path) -> None:
    whole = qr_picture(ZOE)
    (tmp_path / "cut.png").write_bytes(whole[:40])
    assert read_file(tmp_path / "cut.png").reason is Reason.UNREADABLE


def test_raw_text_is_fit_for_any_database(tmp_path: Path) -> None:
    (tmp_path / "long.png").write_bytes(png("nul\x00" + "x" * 1500))
    raw = read_picture(tmp_path / "long.png").raw
    assert raw is not None
    assert raw.startswith("nul\u2400xxx")
    assert len(raw) == 1000


# Real footage and photos, where they are at hand


def shared(folder: str) -> Path:
    footage = os.environ.get("STINERCUT_TEST_FOOTAGE")
    root = Path(footage).parent if footage else REPOSITORY.parent / "shared"
    if not (root / folder).is_dir():
        pytest.skip(f"no real {folder} here (STINERCUT_TEST_FOOTAGE)")
    return root / folder


def test_real_photos_of_foreign_codes_never_give_a_passenger() -> None:
    corpus = shared("qr-corpus")
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        photos = [row for row in csv.DictReader(manifest) if (corpus / row["path"]).is_file()]
    easy = [row for row in photos if row["source"] in ("zxing/qrcode-3", "zxing/qrcode-6") and row["text"].isascii()]
    chosen = easy[::2][:24]
    right = 0
    for row in chosen:
        reading = read_picture(corpus / row["path"])
        assert reading.payload is None
        assert reading.reason in (Reason.INVALID_QR, Reason.NO_QR_FOUND)
        right += reading.raw == row["text"]
    assert right >= 0.8 * len(chosen)


def test_real_photos_without_a_code_are_silent() -> None:
    """Every third; `bench/qr.py` looks at all of them."""
    corpus = shared("qr-corpus")
    with (corpus / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        photos = [corpus / row["path"] for row in csv.DictReader(manifest) if row["source"] == "negatives"]
    looked_at = 0
    with Decoders() as decoders:
        for photo in photos[::3]:
            picture, seen = still_reader.load_gray(photo), FileEvidence()
            if isinstance(picture, tuple):  # Two of a single row of pixels are no pictures to OpenCV.
                continue
            still_reader.look_at_picture(picture, decoders, seen)
            assert seen.judged(timed=False).reason is Reason.NO_QR_FOUND, photo
            looked_at += 1
    assert looked_at >= 29


@pytest.mark.parametrize("name", ["gopro/karma.mp4", "gopro/max-heromode.mp4", "intel/car-detection.mp4"])
def test_real_footage_holds_no_code(name: str) -> None:
    reading = read_file(shared("footage") / name)
    assert reading.reason is Reason.NO_QR_FOUND
    assert reading.words == ""
