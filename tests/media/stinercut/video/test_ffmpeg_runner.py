"""Starting and stopping ffmpeg: nothing outlives its caller, and errors are said in plain words."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from support.footage import make_clip

from stinercut.errors import FfmpegFailed, MissingProgram, UnreadableVideo
from stinercut.input_limits import memory_of_ffmpeg
from stinercut.video import ffmpeg_runner as runner

ENDLESS = ["-re", "-f", "lavfi", "-i", "testsrc2=size=64x36:rate=30", "-f", "null", "-"]


_before: set[int] = set()
"""The children of this process from before the test: servers, decoders and warm Pythons of other tests."""


@pytest.fixture(autouse=True)
def _children_of_others() -> None:
    _before.clear()
    _before.update(child.pid for child in psutil.Process().children(recursive=True))


def children() -> list[psutil.Process]:
    """The processes that this test has started and that live."""
    return [child for child in psutil.Process().children(recursive=True) if _is_ours(child)]


def _is_ours(child: psutil.Process) -> bool:
    try:
        return child.pid not in _before and child.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_frames_are_counted_to_the_last(tmp_path: Path) -> None:
    seen: list[int] = []
    argv = ["-f", "lavfi", "-i", "testsrc2=size=64x36:rate=30:duration=2", str(tmp_path / "a.mp4")]
    runner.run(argv, timeout=30, on_frame=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 60


def test_too_long_is_stopped_and_said() -> None:
    with pytest.raises(FfmpegFailed, match="longer than 1 s"):
        runner.run(ENDLESS, timeout=1)
    assert children() == []


@pytest.mark.parametrize("reason", [KeyboardInterrupt, ValueError])
def test_an_exception_in_the_caller_stops_it(reason: type[BaseException]) -> None:
    def stop(_frames: int) -> None:
        assert children()
        raise reason

    with pytest.raises(reason):
        runner.run(ENDLESS, timeout=30, on_frame=stop)
    assert children() == []


def test_a_pipe_gives_exact_chunks() -> None:
    argv = ["-f", "lavfi", "-i", "color=gray:size=32x20:rate=10:duration=1", "-f", "rawvideo", "-pix_fmt", "gray", "-"]
    chunks = list(runner.read_pipe(argv, timeout=30, chunk_bytes=32 * 20))
    assert [len(chunk) for chunk in chunks] == [640] * 10


def test_closing_a_pipe_early_stops_it() -> None:
    argv = ["-re", "-f", "lavfi", "-i", "color=gray:size=32x20", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1"]
    pipe = runner.read_pipe(argv, timeout=30, chunk_bytes=640)
    next(pipe)
    assert children()
    pipe.close()
    assert children() == []


LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent-death signal is Linux's")


@LINUX
def test_it_dies_with_a_killed_parent() -> None:
    dies_with_its_parent(dict(os.environ))


@LINUX
@pytest.mark.parametrize("setpriv", [None, "#!/bin/sh\necho 'setpriv: unrecognized option: pdeathsig' >&2; exit 1\n"])
def test_without_util_linux_it_dies_with_it_too(tmp_path: Path, setpriv: str | None) -> None:
    for name in ("ffmpeg", "ffprobe"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    if setpriv is not None:
        (tmp_path / "setpriv").write_text(setpriv)
        (tmp_path / "setpriv").chmod(0o755)
    dies_with_its_parent({**os.environ, "PATH": str(tmp_path)})


def dies_with_its_parent(environment: dict[str, str]) -> None:
    """ffmpeg ends with a parent that is killed, and may take no more memory than it should."""
    code = (
        "import psutil\nfrom stinercut.video import ffmpeg_runner as runner\n"
        "tell = lambda n: print(psutil.Process().children()[0].pid, flush=True)\n"
        f"runner.run({ENDLESS!r}, timeout=60, on_frame=tell)"
    )
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.name() == "ffmpeg"
        assert child.rlimit(psutil.RLIMIT_DATA) == (memory_of_ffmpeg(), memory_of_ffmpeg())
        parent.kill()
    # Whoever adopts the orphan need not have collected it yet: a zombie runs no more.
    with contextlib.suppress(psutil.NoSuchProcess):
        deadline = time.monotonic() + 10
        while child.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
            psutil.wait_procs([child], timeout=0.05)
        assert child.status() == psutil.STATUS_ZOMBIE


def test_much_to_say_does_not_block_it(tmp_path: Path) -> None:
    damaged, log = bytearray(make_clip(tmp_path / "a.mp4", seconds=40, sound=None).read_bytes()), tmp_path / "said.log"
    index = damaged.rfind(b"moov")
    damaged[1000 : index - 1000 : 50] = bytes(len(range(1000, index - 1000, 50)))
    (tmp_path / "damaged.mp4").write_bytes(damaged)
    runner.run(["-i", str(tmp_path / "damaged.mp4"), "-f", "null", "-"], timeout=60, log=log)
    assert log.stat().st_size > 100_000  # a pipe holds 65,536 bytes


def test_a_cut_file_is_explained(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "whole.mp4")
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[:20_000])
    with pytest.raises(FfmpegFailed) as failed:
        runner.run(["-i", str(cut), "-f", "null", "-"], timeout=30, file=cut)
    assert "cut short" in failed.value.what
    assert failed.value.file == str(cut)
    assert failed.value.advice


def test_an_unknown_error_brings_ffmpegs_own_words() -> None:
    with pytest.raises(FfmpegFailed, match="nosuchfilter"):
        runner.run(["-f", "lavfi", "-i", "nosuchfilter", "-f", "null", "-"], timeout=30)


def test_a_failing_pipe_says_so(tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video at all" * 100)
    with pytest.raises(FfmpegFailed, match="no video"):
        list(runner.read_pipe(["-i", str(junk), "-f", "rawvideo", "-"], timeout=30, chunk_bytes=100, file=junk))
    with pytest.raises(UnreadableVideo, match="a text"):
        runner.ffprobe_json(junk)


def test_a_missing_program_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingProgram, match=r"apt install ffmpeg.*winget install"):
        runner.require_ffmpeg()


def test_the_build_is_named() -> None:
    assert runner.require_ffmpeg()[0].isdigit()
    assert "libavcodec" in runner.build()


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("kill -9 $$", runner.Stopped),
        ("exit 255", runner.Stopped),
        ("echo 'av_interleaved_write_frame(): No space left on device' >&2; exit 1", runner.Stopped),
        ("echo 'a.mp4: Invalid data found when processing input' >&2; exit 1", runner.Hindered),
        ("echo 'OpenEncodeSessionEx failed: out of memory (10)' >&2; exit 1", FfmpegFailed),
        ("echo '/dev/dri/renderD128: No such file or directory' >&2; exit 251", FfmpegFailed),
    ],
)
def test_who_is_to_blame_is_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str, kind: type[FfmpegFailed]
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!/bin/sh\n{words}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(FfmpegFailed) as failed:
        runner.run(["-i", "a.mp4", "b.mp4"], timeout=30)
    assert type(failed.value) is kind


BROKEN = {
    "says nothing": "#!/bin/sh\nexit 0\n",
    "fails": "#!/bin/sh\necho 'libx264.so.164: cannot open shared object file' >&2\nexit 127\n",
    "is killed": "#!/bin/sh\nkill -9 $$\n",
    "is no program": "\x00\x01 of another machine",
}


@pytest.mark.skipif(os.name == "nt", reason="shells")
@pytest.mark.parametrize("how", BROKEN)
def test_an_ffmpeg_that_does_not_run_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    program = tmp_path / "ffmpeg"
    program.write_text(BROKEN[how])
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "ffprobe").symlink_to(program)
    for ask in (runner.build, runner.require_ffmpeg):
        with pytest.raises(MissingProgram, match="ffmpeg is installed and doesn't run") as failed:
            ask()
        assert failed.value.file == str(program)


@pytest.mark.skipif(os.name == "nt", reason="shells")
@pytest.mark.parametrize("said", ["not JSON", '{"streams": [', "\\\\377"])
def test_an_ffprobe_that_says_what_nobody_understands_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    clip = make_clip(tmp_path / "a.mp4", seconds=0.1)
    program = tmp_path / "programs" / "ffprobe"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    for ask in (runner.ffprobe_json, runner.packet_times):
        with pytest.raises(UnreadableVideo, match="ffprobe says something about this file"):
            ask(clip)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the length of one word of a command is Linux's")
def test_a_program_that_can_not_be_started_is_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(runner.Stopped, match="ffmpeg can't be started: Argument list too long") as failed:
        runner.run(["-i", "x" * 200_000, "-f", "null", "-"], timeout=10, file=tmp_path / "GX010001.MP4")
    assert failed.value.file == str(tmp_path / "GX010001.MP4")
