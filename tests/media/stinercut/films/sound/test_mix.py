"""The sound of a film: parts at their places to the sample, music that steps back for voices, the wanted loudness."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from stinercut.errors import BadInput, StoreDamaged
from stinercut.films.picture.encoding import EncodeProfile, Segment
from stinercut.films.plan.timebase import SAMPLE_RATE
from stinercut.films.sound.mix import PEAK, Music, eased, film_sound, loudness_of
from stinercut.films.sound.speech import STEP, speech_steps
from stinercut.templates.timeline import Duck, Soundtrack
from stinercut.video import ffmpeg_runner as runner

NTSC = Fraction(30000, 1001)
Sound = NDArray[np.float64]


def noise(seconds: float, level: float, seed: int = 1) -> Sound:
    return np.random.default_rng(seed).standard_normal((round(seconds * SAMPLE_RATE), 2)) * level


def wind(seconds: float, level: float) -> Sound:
    """Pink noise that swells as gusts do."""
    count = round(seconds * SAMPLE_RATE)
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(count))
    spectrum /= np.maximum(np.fft.rfftfreq(count, 1 / SAMPLE_RATE), 20) ** 0.5
    pink = np.fft.irfft(spectrum, count)
    gusts = 1 + 0.6 * np.sin(2 * np.pi * 0.7 * np.arange(count) / SAMPLE_RATE)
    return np.repeat((level * pink / pink.std() * gusts)[:, None], 2, axis=1)


def voice(seconds: float, level: float, pitch: float = 130.0) -> Sound:
    """Harmonics with a wandering pitch, formed as a mouth does, four syllables a second."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    phase = np.cumsum(pitch * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * times))) / SAMPLE_RATE
    formants = ((500, 200, 1.0), (1500, 300, 0.5), (2500, 400, 0.25))
    out = np.zeros(len(times))
    for number in range(1, 25):
        loud = sum(np.exp(-(((number * pitch - centre) / width) ** 2)) * gain for centre, width, gain in formants)
        out += loud * np.sin(2 * np.pi * number * phase)
    out *= np.clip(np.sin(2 * np.pi * 4 * times) * 1.2 + 0.3, 0, 1)
    return np.repeat((level * out / np.abs(out).max())[:, None], 2, axis=1)


def knocks(seconds: float) -> Sound:
    """Something hits the camera every other second."""
    return ((np.arange(round(seconds * SAMPLE_RATE)) % 96000 < 40).astype(np.float64) * 0.9)[:, None]


def saved(path: Path, sound: Sound) -> Path:
    with wave.open(str(path), "wb") as target:
        target.setparams((2, 2, SAMPLE_RATE, 0, "NONE", ""))
        target.writeframes(np.clip(np.rint(sound * 32767), -32768, 32767).astype(np.int16).tobytes())
    return path


def read(path: Path) -> NDArray[np.int16]:
    with wave.open(str(path)) as source:
        return np.frombuffer(source.readframes(source.getnframes()), np.int16).reshape(-1, 2)


def segment(path: Path, frames: int, sound: Sound, rate: Fraction = Fraction(30)) -> Segment:
    """A segment of so many frames with that sound; its picture is not looked at."""
    due = EncodeProfile(320, 180, rate, 21, "ultrafast").samples(frames)
    saved(path, np.resize(sound, (due, 2)) if len(sound) < due else sound[:due])
    return Segment(path.stem, path.with_suffix(".mp4"), path, frames, rate, 0.0, False)


def made(parts: Sequence[Segment], folder: Path, music: Music | None = None, loudness: float | None = None) -> Path:
    return film_sound([(part, 1.0) for part in parts], music, loudness, folder)


def test_parts_lie_at_their_places_however_many_there_are(tmp_path: Path) -> None:
    """A rising number in each part: at 30000/1001 a frame has 1601.6 samples, and the error must not grow."""
    lengths = [7, 11, 1, 2, 13] * 12
    parts = [
        segment(tmp_path / f"{number}.wav", frames, np.full((2, 2), (number + 1) / 100), NTSC)
        for number, frames in enumerate(lengths)
    ]
    sound = read(made(parts, tmp_path))
    whole = sum(lengths)
    assert len(sound) == round(whole * SAMPLE_RATE * 1001 / 30000)
    at = 0
    for number, frames in enumerate(lengths):
        middle = round((at + frames / 2) * SAMPLE_RATE * 1001 / 30000)
        assert sound[middle, 0] == round((number + 1) / 100 * 32767), number
        at += frames


def test_volumes_and_a_short_segment(tmp_path: Path) -> None:
    part = segment(tmp_path / "a.wav", 30, noise(1, 0.1))
    half = read(film_sound([(part, 0.5), (part, 1.0)], None, None, tmp_path)).astype(float)
    assert half[:48000].std() == pytest.approx(half[48000:].std() / 2, rel=0.01)
    saved(part.audio, noise(0.9, 0.1))
    with pytest.raises(StoreDamaged, match="too short"):
        made([part], tmp_path)


@pytest.mark.parametrize(
    ("sound", "limited"),
    [(noise(6, 0.01), False), (noise(6, 0.3), False), (noise(6, 0.01) + knocks(6), True)],
)
def test_the_wanted_loudness_is_reached_below_the_highest_peak(tmp_path: Path, sound: Sound, limited: bool) -> None:
    part = segment(tmp_path / "a.wav", 180, sound)
    out = made([part], tmp_path, loudness=-16.0)
    assert loudness_of(out) == pytest.approx(-16.0, abs=0.5)
    assert np.abs(read(out).astype(int)).max() / 32768 <= PEAK + 0.002
    assert len(read(out)) == 288000
    assert (tmp_path / "limited-0.wav").exists() is limited


def test_silence_is_not_made_loud(tmp_path: Path) -> None:
    for level in (0.0, 0.0005):
        part = segment(tmp_path / "a.wav", 90, noise(3, level))
        before = read(part.audio)
        assert np.array_equal(read(made([part], tmp_path, loudness=-16.0)), before)


def test_a_voice_is_heard_and_wind_and_engines_are_not() -> None:
    def spoken(sound: Sound) -> NDArray[np.bool_]:
        return speech_steps([np.clip(sound * 32767, -32768, 32767).astype(np.int16)])

    def engine(seconds: float) -> Sound:
        times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        tones = sum(0.05 / number * np.sin(2 * np.pi * 95 * number * times) for number in range(1, 12))
        return np.repeat(np.asarray(tones)[:, None], 2, axis=1)

    assert not spoken(wind(10, 0.1)).any()
    assert not spoken(engine(10) + wind(10, 0.03)).any()
    for background in (noise(12, 0.003), wind(12, 0.08), engine(12)):
        sound = background.copy()
        sound[4 * SAMPLE_RATE : 8 * SAMPLE_RATE] += voice(4, 0.3)
        found = spoken(sound)
        times = np.arange(len(found)) * STEP
        assert found[(times > 4.2) & (times < 7.8)].mean() > 0.7
        assert not found[(times < 3.4) | (times > 8.6)].any()


def test_music_is_repeated_faded_and_steps_back_for_a_voice(tmp_path: Path) -> None:
    footage = np.zeros((12 * SAMPLE_RATE, 2))
    footage[4 * SAMPLE_RATE : 8 * SAMPLE_RATE] = voice(4, 0.2)
    tone = np.sin(2 * np.pi * 5000 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    tune = saved(tmp_path / "tune.wav", np.repeat(0.5 * tone[:, None], 2, axis=1))
    part = segment(tmp_path / "a.wav", 360, footage)
    track = Soundtrack(src="tune.wav", volume=0.5, fade=1.0, duck=Duck(to=0.25, attack=0.2, release=0.8))
    sound = read(made([part], tmp_path, Music(track, tune)))
    assert len(sound) == 12 * SAMPLE_RATE

    def level(second: float) -> float:
        """How loud the music's own tone is around that second."""
        begin = round((second - 0.05) * SAMPLE_RATE)
        spectrum = np.abs(np.fft.rfft(sound[begin : begin + 4800, 0] / 32768 * np.hanning(4800)))
        return float(spectrum[500] / 1200)

    assert level(0.1) < 0.05
    assert level(11.9) < 0.05
    assert level(0.5) == pytest.approx(0.125, abs=0.03), "half way up"
    assert level(2.0) == pytest.approx(0.25, abs=0.02)
    assert level(3.0) == pytest.approx(0.25, abs=0.02), "it is repeated"
    assert level(6.0) == pytest.approx(0.0625, abs=0.01), "a quarter of it stays under the voice"
    assert level(10.0) == pytest.approx(0.25, abs=0.02)
    loud = read(made([part], tmp_path, Music(track.model_copy(update={"duck": None}), tune)))
    assert (
        np.abs(loud[6 * SAMPLE_RATE : 7 * SAMPLE_RATE]).mean() > np.abs(sound[6 * SAMPLE_RATE : 7 * SAMPLE_RATE]).mean()
    )


def test_a_fader_goes_down_before_and_comes_up_after() -> None:
    wanted = np.ones(200, np.float32)
    wanted[100:120] = 0.2
    gains = eased(wanted, Duck(to=0.2, attack=0.2, release=0.8))
    assert gains[89] == 1
    assert 0.2 < gains[95] < 1
    assert np.allclose(gains[100:120], 0.2)
    assert gains[119 + 20] == pytest.approx(0.6, abs=0.03)
    assert gains[119 + 41] == 1


def test_music_that_is_none(tmp_path: Path) -> None:
    part = segment(tmp_path / "a.wav", 30, noise(1, 0.1))
    (tmp_path / "tune.mp3").write_bytes(b"no music" * 100)
    with pytest.raises(BadInput, match=r"tune\.mp3: the music can't be read"):
        made([part], tmp_path, Music(Soundtrack(src="tune.mp3"), tmp_path / "tune.mp3"))
    runner.run(["-f", "lavfi", "-i", "color=s=64x64:d=1", str(tmp_path / "mute.m4a.mp4")], timeout=30)
    with pytest.raises(BadInput, match="the music can't be read"):
        made([part], tmp_path, Music(Soundtrack(src="tune.mp3"), tmp_path / "mute.m4a.mp4"))


def test_music_is_not_to_blame_where_ffmpeg_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = segment(tmp_path / "a.wav", 30, noise(1, 0.1))

    def stopped(*_: object, **__: object) -> None:
        raise runner.Stopped("the disk is full", file=tune)

    tune = segment(tmp_path / "tune.mp3", 30, noise(1, 0.1)).audio  # a WAV: a file is what it begins with
    monkeypatch.setattr(runner, "run", stopped)
    with pytest.raises(runner.Stopped, match="the disk is full"):
        made([part], tmp_path, Music(Soundtrack(src="tune.mp3"), tune))
