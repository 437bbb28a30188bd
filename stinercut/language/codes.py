"""The codes of messages: each names one thing that the program tells people.

Owns: that list. Rows of a database hold codes, so one that is no longer sent keeps its words as long as rows may have
it.
Not here: the words (`words/en.json`), putting values into them (`messages`).
"""

from __future__ import annotations

from enum import StrEnum


class MessageCode(StrEnum):
    """What is told; the words for each stand in `words/en.json` under the same name."""

    AS_WRITTEN = "as_written"
    """A sentence from elsewhere: a row of before, another program, an error that has no code for its words yet."""
    ABOUT_FILE = "about_file"
    """What happened to a file."""

    # Why a jump is where it is
    FILES_ARRIVING = "files_arriving"
    PHOTOS_ARRIVING = "photos_arriving"
    NOT_COPIED = "not_copied"
    FILES_MOVED_AWAY = "files_moved_away"
    EVERY_CLIP_LEFT_OUT = "every_clip_left_out"
    PHOTOS_WITHOUT_CLIP = "photos_without_clip"
    CODE_WITHOUT_CLIP = "code_without_clip"
    FILM_NOT_FINISHED = "film_not_finished"
    OLDER_FILM_STAYS = "older_film_stays"
    RUN_BEING_RETRIED = "run_being_retried"
    CODES_READ_AGAIN = "codes_read_again"

    # Why nobody is known for files
    BEFORE_ANY_CODE = "before_any_code"
    AFTER_PAUSE = "after_pause"
    CLOCK_DISAGREES = "clock_disagrees"
    NOT_LOOKED_AT = "not_looked_at"
    NOT_READABLE = "not_readable"
    CODE_REFUSED = "code_refused"
    CODE_FOREIGN = "code_foreign"
    CODES_DIFFER = "codes_differ"
    CODES_OF_TWO = "codes_of_two"
    CODE_READ_ONCE = "code_read_once"
    CODE_OF_EARLIER_INSERTION = "code_of_earlier_insertion"
    CODE_IN_PROXY_ONLY = "code_in_proxy_only"
    BOOKING_UNDER_TWO_NAMES = "booking_under_two_names"
    BOOKING_WITH_DIFFERENT_CODES = "booking_with_different_codes"
    PASSENGER_OF_MASTER = "passenger_of_master"
    PASSENGER_WITHOUT_MASTER = "passenger_without_master"
    SPLIT_FROM_JUMP = "split_from_jump"
    SPLIT_FROM_UNIDENTIFIED = "split_from_unidentified"

    # What a step is called
    STEP_FILES = "step_files"
    STEP_TEMPLATE = "step_template"
    STEP_IDENTITY = "step_identity"
    STEP_TITLE = "step_title"
    STEP_FILM = "step_film"
    STEP_OF_FILE = "step_of_file"
    STEP_OF_FLEET = "step_of_fleet"
    REDIS_AWAY = "redis_away"
    NO_WORKER_IN_REACH = "no_worker_in_reach"

    # Why a step or a run failed
    FAILURE = "failure"
    FAILURE_OF_FILE = "failure_of_file"
    RUN_WITHOUT_FILM = "run_without_film"
    RUN_CUT_OFF = "run_cut_off"
    RUN_CANCELLED = "run_cancelled"
    RUN_GONE = "run_gone"
    RETRY_IT = "retry_it"
    PROGRAM_KILLED = "program_killed"
    OFTEN_TOO_LITTLE_MEMORY = "often_too_little_memory"
    PROGRAM_FAILED = "program_failed"
    NO_ANSWER = "no_answer"
    MAYBE_BUSY = "maybe_busy"
    NO_MEMORY = "no_memory"
    DISK_FULL = "disk_full"
    FREE_SPACE_THEN_AGAIN = "free_space_then_again"
    NO_PERMISSION = "no_permission"
    ALLOW_THEN_AGAIN = "allow_then_again"
    CATALOG_SILENT = "catalog_silent"
    MAYBE_RESTARTED = "maybe_restarted"
    STEP_UNEXPECTED = "step_unexpected"
    UNNAMED_STEP_UNEXPECTED = "unnamed_step_unexpected"
    SHOW_DETAILS = "show_details"
    STEP_FAILED = "step_failed"
    TRY_AGAIN = "try_again"
    NO_WORKER_CAME = "no_worker_came"
    REDIS_STAYED_AWAY = "redis_stayed_away"
    START_WORKER = "start_worker"
    START_REDIS = "start_redis"
    WORKER_LOST = "worker_lost"
    ENOUGH_MEMORY = "enough_memory"

    # What a step found
    PASSENGER = "passenger"
    PASSENGER_OVERRULED = "passenger_overruled"
    FILE_WITHOUT_CODE = "file_without_code"
    FILE_WITH_FOREIGN_CODE = "file_with_foreign_code"
    FILE_WITH_TWO_CODES = "file_with_two_codes"
    FILE_CODE_READ_ONCE = "file_code_read_once"
    FILE_UNREADABLE = "file_unreadable"
    DECODERS_LOST = "decoders_lost"
    PHOTOS_NOT_SHOWN = "photos_not_shown"
    PHOTOS_NOT_SHOWN_AND_MORE = "photos_not_shown_and_more"
