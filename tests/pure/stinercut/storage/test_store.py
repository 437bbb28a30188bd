"""The store: visible only when whole, equal content once, never replacing, and no leftovers."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from support.clocks import NOON

from stinercut.errors import HostNotReady, StoreDamaged
from stinercut.storage.store import Store, hash_file, key_of, publish, replace_file, require_space, sweep_partials


def partial(store: Store, content: bytes) -> Path:
    path = store.partial_path()
    path.write_bytes(content)
    return path


def test_an_object_is_found_by_its_content_and_its_partial_name_is_gone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    part = partial(store, b"footage")
    content = hash_file(part)
    assert store.add_object(part, content).read_bytes() == b"footage"
    assert store.require(content, 7) == store.object_path(content)
    assert not part.exists()


def test_equal_content_is_stored_once_and_the_first_stays(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = partial(store, b"same")
    content = hash_file(first)
    inode = store.add_object(first, content).stat().st_ino
    store.add_object(partial(store, b"same"), content)
    assert store.object_path(content).stat().st_ino == inode
    assert list((tmp_path / "partial").iterdir()) == []


def test_publishing_never_replaces(tmp_path: Path) -> None:
    final = tmp_path / "final"
    final.write_bytes(b"old")
    fresh = tmp_path / "part"
    fresh.write_bytes(b"new")
    assert publish(fresh, final) is False
    assert final.read_bytes() == b"old"


class WindowsError_(OSError):
    """As Windows raises it: EINVAL stands for every number that Python doesn't know."""

    winerror = 50


@pytest.mark.parametrize("refused", [OSError(errno.EPERM, "no links"), WindowsError_(errno.EINVAL, "not supported")])
def test_publishing_works_where_links_don_t(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: OSError) -> None:
    def refuse(*_args: object) -> None:
        raise refused

    monkeypatch.setattr(os, "link", refuse)
    part = tmp_path / "part"
    part.write_bytes(b"x")
    assert publish(part, tmp_path / "final") is True
    assert (tmp_path / "final").read_bytes() == b"x"
    part.write_bytes(b"y")
    assert publish(part, tmp_path / "final") is False
    assert (tmp_path / "final").read_bytes() == b"x"


def test_a_missing_or_short_object_is_said(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(StoreDamaged, match="missing from the store"):
        store.require("0" * 32)
    content = hash_file(part := partial(store, b"four"))
    store.add_object(part, content)
    with pytest.raises(StoreDamaged, match="4 bytes where 5"):
        store.require(content, 5)


def test_deriving_publishes_only_what_ended_well(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.deriving("ab" * 16, ".wav") as path:
        path.write_bytes(b"sound")
        assert not store.derived_path("ab" * 16, ".wav").exists()
    assert store.derived_path("ab" * 16, ".wav").read_bytes() == b"sound"

    def fail_half_way() -> None:
        with store.deriving("cd" * 16, ".wav") as path:
            path.write_bytes(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert not store.derived_path("cd" * 16, ".wav").exists()
    assert list((tmp_path / "partial").iterdir()) == []


def test_keys_tell_lists_apart_that_join_to_the_same_text() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", 1) == key_of("a", "1")
    assert len(key_of()) == 32


def test_replacing_a_small_file_leaves_nothing_beside_it(tmp_path: Path) -> None:
    target = tmp_path / "poster.jpg"
    replace_file(target, b"one")
    replace_file(target, b"two")
    assert target.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_file_for_its_owner_alone_replaces_one_for_all(tmp_path: Path) -> None:
    target = tmp_path / "token"
    replace_file(target, b"for all")
    replace_file(target, b"secret", mode=0o600)
    assert target.read_bytes() == b"secret"
    assert target.stat().st_mode & 0o777 == 0o600


def test_too_little_space_is_said_with_both_figures(tmp_path: Path) -> None:
    with pytest.raises(HostNotReady, match="GB are needed"):
        require_space(tmp_path, 10**18)


def test_old_leftovers_go_and_young_ones_stay(tmp_path: Path) -> None:
    store, films = Store(tmp_path / "store"), tmp_path / "films"
    (films / "jump").mkdir(parents=True)
    old = [partial(store, b"old"), films / "jump" / ".film-1.partial.mp4"]
    old[1].write_bytes(b"old")
    film = films / "jump" / "film.mp4"
    film.write_bytes(b"film")
    for path in (*old, film):
        os.utime(path, (1, 1))
    young = partial(store, b"young")
    os.utime(young, (NOON.timestamp() - 30,) * 2)
    assert sweep_partials((store.root, films), older_than=60, moment=NOON) == 2
    assert [path.exists() for path in (*old, young, film)] == [False, False, True, True]


def test_half_a_copy_waits_for_its_card_for_a_fortnight(tmp_path: Path) -> None:
    store = Store(tmp_path)
    half, forgotten = store.partial_path("offload-local.1.part"), store.partial_path("offload-gone.2.part")
    for path, days in ((half, 10), (forgotten, 20)):
        path.write_bytes(b"half")
        os.utime(path, (NOON.timestamp() - days * 86_400,) * 2)
    assert sweep_partials((store.root,), older_than=6 * 3600, moment=NOON) == 1
    assert (half.exists(), forgotten.exists()) == (True, False)
