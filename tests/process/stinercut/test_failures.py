"""Errors as people meet them: words, the file that is named, and which answer is offered."""

from __future__ import annotations

import subprocess

import pytest
from sqlalchemy.exc import OperationalError

from stinercut.errors import (
    BadInput,
    BadTemplate,
    FfmpegFailed,
    HostNotReady,
    NameConflict,
    StinercutError,
    StoreDamaged,
    UnreadableVideo,
    WrongFilm,
)
from stinercut.failures import FailureRecord, NamedFile, reason_of, record_of, without_folders
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, all_worded
from stinercut.runs.remedies import Remedy, RemedyKind, remedies

CODE, FIRST, SECOND = (
    NamedFile(1, "GX010001.MP4", "a" * 32),
    NamedFile(2, "GX010002.MP4", "b" * 32),
    NamedFile(3, "GX010003.MP4", None),
)
FILES = [CODE, FIRST, SECOND]
LEAVE_OUT, DECIDE, TEMPLATE, RETRY = RemedyKind


class TestTheFileThatIsNamed:
    @pytest.mark.parametrize(
        "file",
        ["GX010002.MP4", "/cards/GOPRO/DCIM/GX010002.MP4", r"D:\DCIM\GX010002.MP4", f"/store/objects/bb/{'b' * 32}"],
    )
    def test_it_is_found_by_its_name_and_by_its_content(self, file: str):
        record = record_of(UnreadableVideo("it is cut short", file=file, advice="Leave it out."), FILES)
        assert (record.file, record.files, record.code) == ("GX010002.MP4", (2,), "UNREADABLE_VIDEO")
        assert record.sentence() == "GX010002.MP4: it is cut short. Leave it out."

    def test_a_step_that_is_about_one_file_names_it_whatever_went_wrong(self):
        for error in (FfmpegFailed("ffmpeg ended with an error"), ValueError("surprise")):
            record = record_of(error, FILES, [3])
            assert (record.file, record.files) == ("GX010003.MP4", (3,))

    def test_another_file_is_no_clip_and_its_folder_is_nobodys_business(self):
        record = record_of(StoreDamaged("it can't be written", file="/var/lib/stinercut/store/derived/x.ts"), FILES)
        assert (record.file, record.files) == ("x.ts", ())

    def test_several_at_once(self):
        record = record_of(UnreadableVideo("GX010002.MP4: cut short. GX010003.MP4: no video"), FILES, [2, 3])
        assert (record.file, record.files) == ("", (2, 3))


class TestWords:
    @pytest.mark.parametrize(
        ("error", "code"),
        [
            (subprocess.CalledProcessError(-9, ["/usr/bin/ffmpeg", "-hide_banner", "-version"]), "PROGRAM_KILLED"),
            (subprocess.CalledProcessError(1, ["/usr/bin/ffmpeg"]), "PROGRAM_FAILED"),
            (subprocess.TimeoutExpired(["/usr/bin/ffprobe"], 30), "NO_ANSWER"),
            (OperationalError("SELECT 1", {}, Exception("server closed the connection")), "NO_CATALOG"),
            (OSError(28, "No space left on device", "/data/store/partial/x"), "DISK_FULL"),
            (MemoryError(), "NO_MEMORY"),
            (KeyError("a bug"), "UNEXPECTED"),
        ],
    )
    def test_an_exception_is_a_sentence_and_the_rest_is_in_the_details(self, error: Exception, code: str):
        record = record_of(error, step="Check the files")
        assert record.code == code
        said = record.sentence()
        assert type(error).__name__ not in said
        assert not {"/", "[", "Errno", "'"} & set(said.split())
        assert said.endswith(".")
        assert record.details.startswith(type(error).__name__)
        assert "/usr/bin" not in record.details
        assert "/data/" not in record.details

    def test_ours_keep_their_words_and_what_ffmpeg_said_is_in_the_details(self):
        error = FfmpegFailed("ffmpeg ended with an error", file="/data/clip.mp4", advice="Try again.")
        error.add_note("$ /usr/bin/ffmpeg -i /data/clip.mp4\nInvalid data")
        record = record_of(error)
        assert record.sentence() == "clip.mp4: ffmpeg ended with an error. Try again."
        assert record.details == "$ ffmpeg -i clip.mp4\nInvalid data"

    @pytest.mark.parametrize(
        ("text", "left"),
        [
            ("Command '['/usr/bin/ffmpeg', '-version']'", "Command '['ffmpeg', '-version']'"),
            (r"C:\Stinercut\data\catalog.db is locked", "catalog.db is locked"),
            ("30000/1001 frames, 50 kB/s, see http://127.0.0.1:3000/runs/1", None),
            ("12/31: either/or", None),
        ],
    )
    def test_folders_go_and_all_else_stays(self, text: str, left: str | None):
        assert without_folders(text) == (left or text)

    def test_what_several_steps_say_alike_is_said_once(self):
        full = FailureRecord.of("DISK_FULL", "the disk is full", "Free some space.")
        assert all_worded(reason_of([full, full])) == "the disk is full. Free some space."


class TestRows:
    def test_a_record_is_read_as_it_was_written(self):
        written = record_of(KeyError("a bug"), FILES, [2], Message.of(MessageCode.STEP_FILES))
        assert FailureRecord.model_validate_json(written.model_dump_json()) == written
        assert written.model_dump()["what_parts"][0]["code"] == "step_unexpected"
        assert written.sentence() == (
            "GX010002.MP4: the step “Check the files” ended in a way that nobody had thought of. Try again. "
            "If it stays, show the details to whoever looks after Stinercut."
        )

    @pytest.mark.parametrize("advice", ["", "Try {again}."])
    def test_one_of_before_has_its_sentences(self, advice: str):
        was = {"code": "ERROR", "what": "it {broke}", "advice": advice, "file": "a.mp4", "files": [1], "details": ""}
        read = FailureRecord.model_validate(was)
        assert (read.what, read.advice, read.files) == ("it {broke}", advice, (1,))
        assert read.sentence() == f"a.mp4: it {{broke}}. {advice}".rstrip()

    def test_one_of_a_newer_release_is_shown_in_plain_words(self):
        read = FailureRecord.model_validate({"code": "WIND", "what_parts": [{"code": "too_windy", "values": {}}]})
        assert (read.what, read.advice, read.sentence()) == ("Too windy", "", "Too windy.")


def record(error: type[StinercutError], *files: int) -> FailureRecord:
    return FailureRecord.of(error.code, "what happened", files=files)


class TestRemedies:
    @pytest.mark.parametrize(
        ("failures", "offered"),
        [
            ([record(UnreadableVideo, 2)], [Remedy(LEAVE_OUT, (2,))]),
            ([record(UnreadableVideo, 2, 3)], [Remedy(LEAVE_OUT, (2, 3))]),
            ([record(FfmpegFailed, 2)], [Remedy(LEAVE_OUT, (2,)), Remedy(RETRY)]),
            ([record(StoreDamaged, 2)], [Remedy(LEAVE_OUT, (2,)), Remedy(RETRY)]),
            ([record(UnreadableVideo, 2), record(HostNotReady)], [Remedy(LEAVE_OUT, (2,)), Remedy(RETRY)]),
            ([record(NameConflict, 1)], [Remedy(DECIDE)]),
            ([record(BadTemplate)], [Remedy(TEMPLATE), Remedy(RETRY)]),
            ([record(HostNotReady)], [Remedy(RETRY)]),
            ([record(WrongFilm)], [Remedy(RETRY)]),
            ([], [Remedy(RETRY)]),
        ],
    )
    def test_what_is_offered_and_what_comes_first(self, failures: list[FailureRecord], offered: list[Remedy]):
        assert remedies(failures, [2, 3]) == offered

    def test_nobody_is_left_without_an_answer(self):
        """A clip that is left out already, or an error that stays and names nothing that can be changed here."""
        for failures in ([record(UnreadableVideo, 9)], [record(BadInput)]):
            assert remedies(failures, [2, 3]) == [Remedy(RETRY)]
