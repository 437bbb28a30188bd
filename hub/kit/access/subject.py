"""Who asks: a person who signed in, a program with a key, this machine, or nobody.

Owns: `Subject`, and giving it to a route (`SubjectPart`). Not here: finding out who it is (`gate`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Final

from fastapi import Depends
from starlette.requests import HTTPConnection

from stinercut.people.permissions import ALL_PERMISSIONS, Permission

SCOPE_KEY: Final = "stinercut.subject"
"""Where the gate leaves the subject in a request's scope."""


class SubjectKind(StrEnum):
    """How somebody is known."""

    ACCOUNT = "account"
    API_KEY = "api_key"
    MACHINE = "machine"
    """This machine: access is open, or the installation's own secret was shown."""
    NOBODY = "nobody"


@dataclass(frozen=True)
class Subject:
    """Who asks. `login_id` and `account_id` are those of a sign-in."""

    kind: SubjectKind
    name: str
    permissions: frozenset[Permission]
    role: str = ""
    account_id: int | None = None
    login_id: int | None = None
    acting: str | None = None
    """Who gave a PIN on a shared tablet."""

    def may(self, permission: Permission) -> bool:
        """Whether the subject has this permission."""
        return permission in self.permissions

    def who(self, typed: str) -> str:
        """The name under which a decision is noted: who is signed in, and what was typed where access is open."""
        return self.acting or self.name if self.kind in (SubjectKind.ACCOUNT, SubjectKind.API_KEY) else typed


THIS_MACHINE: Final = Subject(SubjectKind.MACHINE, "this machine", ALL_PERMISSIONS)
NOBODY: Final = Subject(SubjectKind.NOBODY, "", frozenset())


async def subject_of(connection: HTTPConnection) -> Subject:
    """The subject that the gate found."""
    found = connection.scope.get(SCOPE_KEY)
    return found if isinstance(found, Subject) else NOBODY


SubjectPart = Annotated[Subject, Depends(subject_of)]
