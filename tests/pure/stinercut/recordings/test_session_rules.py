"""How a card falls into jumps: never a wrong name, never a lost file."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stinercut.codes.payload import Payload, make_payload
from stinercut.codes.reading import Reading, Reason
from stinercut.language.messages import as_written, worded
from stinercut.recordings.filming_order import CardVideo, in_order_on_card
from stinercut.recordings.session_rules import (
    AFTER_PAUSE,
    BEFORE_ANY_CODE,
    CLOCK_DISAGREES,
    Session,
    SessionRules,
    split,
)

DAY = date(2026, 5, 1)
ZOE = make_payload("Zoë Müller", "B-1", DAY)
LUKASZ = make_payload("Łukasz Żółć", "B-2", DAY)
SIAN = make_payload("Siân Ó Briain", "B-3", DAY)
RULES = SessionRules(gap=timedelta(minutes=45))
NO_CODE = Reading(reason=Reason.NO_QR_FOUND)


def video(number: int, minute: float, *, chapter: int = 1, name: str = "", folder: str = "DCIM/100GOPRO") -> CardVideo:
    name = name or f"GX{chapter:02d}{number:04d}.MP4"
    return CardVideo(
        file_id=crc32(f"{folder}/{name}".encode()),
        name=name,
        folder=folder,
        recorded=datetime(2026, 5, 1, 9) + timedelta(minutes=minute),
        size=1000,
        recording=f"{number:04d}",
        chapter=chapter,
    )


def reading(said: Payload | Reason) -> Reading:
    return Reading(payload=said) if isinstance(said, Payload) else Reading(reason=said)


def sessions(*items: tuple[CardVideo, Payload | Reason | None], unread: Sequence[CardVideo] = ()) -> list[Session]:
    readings = {file.file_id: reading(said) for file, said in items if said is not None}
    return split([file for file, _ in items], readings, RULES, {file.file_id for file in unread})


def test_a_long_recording_that_shows_the_code_is_in_the_film() -> None:
    """Else the only recording of a jump would be taken for a film of a code."""
    only, following, short = video(1, 0), video(2, 5), video(3, 6)
    readings = {
        only.file_id: Reading(payload=ZOE, film_seconds=95.0),
        short.file_id: Reading(payload=ZOE, film_seconds=30.0),
    }
    (found,) = split([only, following, short], readings, RULES)
    assert found == Session(ZOE, ids(only, short), ids(only, following))


def ids(*files: CardVideo) -> tuple[int, ...]:
    return tuple(file.file_id for file in files)


def test_an_ordinary_morning() -> None:
    a, a1, a2, b, b1 = video(1, 0), video(2, 5), video(3, 9), video(4, 50), video(5, 55)
    assert sessions((a, ZOE), (a1, Reason.NO_QR_FOUND), (a2, None), (b, LUKASZ), (b1, None)) == [
        Session(ZOE, ids(a), ids(a1, a2)),
        Session(LUKASZ, ids(b), ids(b1)),
    ]


def test_no_files_no_sessions() -> None:
    assert split([], {}, RULES) == []


def test_before_the_first_code_nobody_is_known() -> None:
    early, code, clip = video(1, 0), video(2, 5), video(3, 6)
    first, second = sessions((early, None), (code, ZOE), (clip, None))
    assert (first.payload, first.clips, first.why) == (None, ids(early), BEFORE_ANY_CODE)
    assert (second.payload, second.clips) == (ZOE, ids(clip))


def test_two_codes_in_a_row() -> None:
    a, b, clip = video(1, 0), video(2, 1), video(3, 5)
    assert sessions((a, ZOE), (b, LUKASZ), (clip, None)) == [
        Session(ZOE, ids(a), ()),
        Session(LUKASZ, ids(b), ids(clip)),
    ]


def test_a_jump_without_a_code_between_two_with_one() -> None:
    """A long pause before it parts it from the one, its successor's code from the other."""
    a, a1, lost, lost1, b, b1 = (video(n, at) for n, at in enumerate((0, 5, 70, 75, 90, 95), start=1))
    assert sessions((a, ZOE), (a1, None), (lost, None), (lost1, None), (b, LUKASZ), (b1, None)) == [
        Session(ZOE, ids(a), ids(a1)),
        Session(None, (), ids(lost, lost1), AFTER_PAUSE),
        Session(LUKASZ, ids(b), ids(b1)),
    ]


def test_two_cameras_of_one_booking_on_one_card_are_one_jump() -> None:
    hand, hand1 = video(1, 0), video(2, 5)
    wing, wing1 = video(71, 1, folder="DCIM/101GOPRO"), video(72, 6, folder="DCIM/101GOPRO")
    assert sessions((hand, ZOE), (hand1, None), (wing, ZOE), (wing1, None)) == [
        Session(ZOE, ids(hand, wing), ids(hand1, wing1))
    ]


@pytest.mark.parametrize("reason", [Reason.INVALID_QR, Reason.TWO_PAYLOADS, Reason.NOT_CONFIRMED, Reason.UNREADABLE])
def test_what_may_hide_a_code_ends_the_name_and_is_kept_for_review(reason: Reason) -> None:
    a, a1, doubt, b1, c, c1 = (video(n, 3 * n) for n in range(1, 7))
    first, second, third = sessions((a, ZOE), (a1, None), (doubt, reason), (b1, None), (c, SIAN), (c1, None))
    assert (first.payload, first.clips) == (ZOE, ids(a1))
    assert (second.payload, second.qr_files, second.clips) == (None, (), ids(doubt, b1))
    assert doubt.name in worded(second.why)
    assert (third.payload, third.clips) == (SIAN, ids(c1))


def test_a_code_that_was_refused_says_why() -> None:
    """The name on it can be mended only by who knows what is wrong with it."""
    doubt = video(1, 0)
    why = "the passenger's name holds U+FFFD: the text was damaged on its way"
    [session] = split([doubt], {doubt.file_id: Reading(reason=Reason.INVALID_QR, detail_parts=as_written(why))}, RULES)
    assert worded(session.why) == f"{doubt.name} holds a code that could not be taken: {why}"


def test_a_small_file_that_could_not_be_looked_at_ends_the_name() -> None:
    a, a1, lost, b1 = (video(n, 3 * n) for n in range(1, 5))
    for said in (None, Reason.NO_QR_FOUND):
        first, second = sessions((a, ZOE), (a1, None), (lost, said), (b1, None), unread=[lost])
        assert first.clips == ids(a1)
        assert (second.payload, second.clips) == (None, ids(lost, b1))
        assert lost.name in worded(second.why)


def test_a_code_read_from_the_proxy_of_an_unread_file_counts() -> None:
    a, a1 = video(1, 0), video(2, 1)
    assert sessions((a, ZOE), (a1, None), unread=[a]) == [Session(ZOE, ids(a), ids(a1))]


def test_a_long_pause_ends_the_name() -> None:
    a, a1, late, later = video(1, 0), video(2, 45), video(3, 90.1), video(4, 91)
    first, second = sessions((a, ZOE), (a1, None), (late, None), (later, None))
    assert first.clips == ids(a1)
    assert (second.payload, second.clips, second.why) == (None, ids(late, later), AFTER_PAUSE)


def test_a_code_after_a_long_pause_begins_a_session() -> None:
    a, b, b1 = video(1, 0), video(2, 300), video(3, 301)
    assert [each.payload for each in sessions((a, ZOE), (b, LUKASZ), (b1, None))] == [ZOE, LUKASZ]


def test_unidentified_jumps_stay_apart_for_the_person_who_sorts_them() -> None:
    one, two, three = video(1, 0), video(2, 60), video(3, 61)
    assert [each.clips for each in sessions((one, None), (two, None), (three, None))] == [ids(one), ids(two, three)]


def test_the_same_booking_again_is_one_session() -> None:
    a, a1, b, b1, again, a2 = (video(n, 3 * n) for n in range(1, 7))
    assert sessions((a, ZOE), (a1, None), (b, LUKASZ), (b1, None), (again, ZOE), (a2, None)) == [
        Session(ZOE, ids(a, again), ids(a1, a2)),
        Session(LUKASZ, ids(b), ids(b1)),
    ]


@pytest.mark.parametrize(
    "rival", [make_payload("Somebody Else", "B-1", DAY), make_payload("Zoë Müller", "B-1", DAY, "TM-2")]
)
def test_one_booking_with_two_different_codes_is_nobodys(rival: Payload) -> None:
    a, a1, b, b1, c, c1 = (video(n, 3 * n) for n in range(1, 7))
    first, second, third = sessions((a, ZOE), (a1, None), (b, rival), (b1, None), (c, SIAN), (c1, None))
    assert (first.payload, first.qr_files, first.clips) == (None, ids(a), ids(a1))
    assert (second.payload, second.qr_files, second.clips) == (None, ids(b), ids(b1))
    for each in (first, second):
        assert "B-1" in worded(each.why)
        assert "Zoë Müller" in worded(each.why)
        assert rival.passenger_name in worded(each.why)
    assert third.payload == SIAN


def test_the_same_booking_number_on_another_day_is_another_jump() -> None:
    other = make_payload("Somebody Else", "B-1", DAY + timedelta(days=1))
    assert [each.payload for each in sessions((video(1, 0), ZOE), (video(2, 5), other))] == [ZOE, other]


def test_chapters_stay_together_and_in_order() -> None:
    code, long1, long2, short = video(1, 0), video(2, 3, chapter=1), video(2, 25, chapter=2), video(3, 20)
    (session,) = sessions((short, None), (long2, None), (code, ZOE), (long1, None))
    assert session.clips == ids(long1, long2, short)


def test_equal_times_are_ordered_by_number() -> None:
    files = [video(n, 0) for n in range(1, 8)]
    mixed = random.Random(1).sample(files, len(files))
    assert in_order_on_card(mixed) == files


def test_a_clock_reset_puts_no_clip_under_another_name() -> None:
    """The clock began again at zero for each jump; by time alone Zoë's second clip follows Łukasz's code."""
    a, a1, a2 = video(10, 0), video(11, 1), video(12, 4)
    b, b1 = video(20, 2), video(21, 5)
    found = sessions((a, ZOE), (a1, None), (a2, None), (b, LUKASZ), (b1, None))
    clips = {each.payload and each.payload.passenger_name: each.clips for each in found}
    assert clips == {ZOE.passenger_name: ids(a1), LUKASZ.passenger_name: ids(b1), None: ids(a2)}
    assert [each.why for each in found if each.payload is None] == [CLOCK_DISAGREES]


def test_a_clock_reset_without_a_step_back_in_numbers() -> None:
    b, a, a1, b1 = video(20, 0), video(10, 1), video(11, 2), video(21, 3)
    found = sessions((b, LUKASZ), (a, ZOE), (a1, None), (b1, None))
    assert next(each for each in found if b1.file_id in each.clips).payload is None
    assert next(each for each in found if a1.file_id in each.clips).payload == ZOE


def test_a_new_folder_begins_new_numbers() -> None:
    code, clip = video(9999, 0), video(1, 1, folder="DCIM/101GOPRO")
    assert sessions((code, ZOE), (clip, None)) == [Session(ZOE, ids(code), ids(clip))]


def test_the_two_codecs_of_one_camera_share_a_count() -> None:
    code, clip = video(1, 0, name="GX010001.MP4"), video(2, 1, name="GH010002.MP4")
    assert sessions((code, ZOE), (clip, None)) == [Session(ZOE, ids(code), ids(clip))]


def test_names_without_numbers_or_of_other_cameras_go_by_time() -> None:
    code = video(9, 0, name="qr9.mp4")
    clips = [video(1, 1, name="karma.mp4"), video(2, 2, name="max-heromode.mp4"), video(3, 3, name="DJI_0001.MP4")]
    assert sessions((code, ZOE), *((clip, None) for clip in clips)) == [Session(ZOE, ids(code), ids(*clips))]


# Whatever lies on a card

EVENTS = st.one_of(
    st.none(),
    st.sampled_from([ZOE, LUKASZ, SIAN, make_payload("Somebody Else", "B-1", DAY)]),
    st.sampled_from(list(Reason)),
)


@st.composite
def cards(draw: st.DrawFn) -> tuple[list[CardVideo], dict[int, Reading], set[int]]:
    files: list[CardVideo] = []
    minute, number = 0.0, 1
    long = st.sampled_from([None, 4.0, 95.0])
    for _ in range(draw(st.integers(0, 14))):
        minute += draw(st.sampled_from([-30.0, 0.0, 0.5, 5.0, 44.0, 60.0]))
        number += draw(st.sampled_from([1, 1, 1, 2, -3]))
        for chapter in range(1, 1 + draw(st.sampled_from([1, 1, 1, 2]))):
            made = video(max(1, number), minute + chapter, chapter=chapter)
            if made.file_id not in {each.file_id for each in files}:
                files.append(made)
    said = {file.file_id: reading(event) for file in files if (event := draw(EVENTS)) is not None}
    readings = {file: each.model_copy(update={"film_seconds": draw(long)}) for file, each in said.items()}
    unread = {file.file_id for file in files if draw(st.integers(0, 9)) == 0}
    return draw(st.permutations(files)), readings, unread


@given(cards())
def test_every_file_is_in_exactly_one_place(card: tuple[list[CardVideo], dict[int, Reading], set[int]]) -> None:
    files, readings, unread = card
    found = split(files, readings, RULES, unread)
    placed = [each for session in found for each in {*session.qr_files, *session.clips}]
    assert sorted(placed) == sorted(file.file_id for file in files)
    for session in found:
        assert (session.payload is None) == bool(session.why)
        for each in session.qr_files:
            assert (each in session.clips) == ((readings[each].film_seconds or 0) > 30)
            assert readings[each].payload is not None
            assert session.payload in (None, readings[each].payload)
    payloads = [session.payload for session in found if session.payload]
    assert len({payload.jump_key for payload in payloads}) == len(payloads)


@given(cards())
def test_a_clip_has_only_the_name_of_the_code_right_before_it(
    card: tuple[list[CardVideo], dict[int, Reading], set[int]],
) -> None:
    files, readings, unread = card
    name_of = {each: session.payload for session in split(files, readings, RULES, unread) for each in session.clips}
    current: Payload | None = None
    latest: datetime | None = None
    for file in in_order_on_card(files):
        said = readings.get(file.file_id, NO_CODE)
        if latest is not None and file.recorded - latest > RULES.gap:
            current = None
        latest = max(file.recorded, latest or file.recorded)
        if said.payload is not None:
            current = said.payload
            continue
        if said.hides_identity or file.file_id in unread:
            current = None
            assert name_of[file.file_id] is None
        assert name_of[file.file_id] in (None, current)


@given(cards(), st.randoms())
def test_the_order_of_the_list_does_not_matter(
    card: tuple[list[CardVideo], dict[int, Reading], set[int]], dice: random.Random
) -> None:
    files, readings, unread = card
    assert split(files, readings, RULES, unread) == split(dice.sample(files, len(files)), readings, RULES, unread)
