"""Passwords are kept so that nobody reads them, and permissions grow from role to role."""

from __future__ import annotations

from itertools import pairwise

from stinercut.people import passwords
from stinercut.people.permissions import ALL_PERMISSIONS, PERMISSIONS_OF, AccountRole


def test_a_password_is_right_alone_and_kept_as_argon2id():
    kept = passwords.hashed("correct horse")
    assert kept.startswith("$argon2id$")
    assert passwords.hashed("correct horse") != kept, "each has its own salt"
    assert passwords.is_right(kept, "correct horse")
    assert not passwords.is_right(kept, "correct horsf")
    assert not passwords.is_right(None, "correct horse")
    assert not passwords.is_right(None, "nobody has this password")
    assert not passwords.is_right("no hash at all", "correct horse")
    assert not passwords.is_outdated(kept)


def test_each_role_may_do_all_that_the_one_before_may():
    for less, more in pairwise((AccountRole.SCREEN, AccountRole.DESK, AccountRole.MANAGER, AccountRole.ADMIN)):
        assert PERMISSIONS_OF[less] < PERMISSIONS_OF[more]
    assert PERMISSIONS_OF[AccountRole.ADMIN] == ALL_PERMISSIONS
    assert all(name.value.endswith(".read") for name in PERMISSIONS_OF[AccountRole.SCREEN])
