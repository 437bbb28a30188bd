"""Access rights of the data folder: this account, and a group if one shares it.

Owns: making the folder with these rights, closing a folder that is open to every account, and the umask for everything
in it. Not here: where the folder is (`stinercut.settings`), reporting that a folder can't be closed
(`app.doctor.machine`).

Nearly every file contains people's names. On systems without such rights (Windows) this module does nothing.
"""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Final

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode
from stinercut.settings import Settings

OURS_ALONE: Final = 0o700
OUR_GROUPS: Final = 0o2770
"""Including the bit that gives everything in the folder the folder's group."""
_OTHERS: Final = 0o007


def keep_private(settings: Settings) -> None:
    """Make the data folder, or close it to other accounts, and close all new files of this process to them.

    Child processes inherit that. A folder of another owner stays as it is, and so does a folder for everybody, such as
    /tmp: closing it would close it to the whole machine. Raises BadInput for an unknown group.
    """
    folder = settings.data
    if os.name != "posix":
        folder.mkdir(parents=True, exist_ok=True)
        return
    if not folder.exists():
        folder.mkdir(mode=OURS_ALONE, parents=True, exist_ok=True)
    _close(folder, settings.data_group)
    os.umask(umask_for(_mode(folder)))


def follow_folder(folder: Path) -> None:
    """Make all new files of this process as open as that folder, whose rights the hub's side has decided."""
    if os.name == "posix" and folder.is_dir():
        os.umask(~_mode(folder) & 0o077)


def umask_for(mode: int) -> int:
    """The umask for a folder of that mode: its group gets the folder's rights, others get none."""
    return ~mode & 0o070 | _OTHERS


def is_open_to_others(folder: Path) -> bool:
    """Whether every account of this machine can look into it."""
    return os.name == "posix" and bool(_mode(folder) & _OTHERS)


def is_everybodys(folder: Path) -> bool:
    """Whether the folder is for the files of all accounts of the machine (shown by the sticky bit)."""
    return is_open_to_others(folder) and bool(_mode(folder) & stat.S_ISVTX)


def _close(folder: Path, group: str) -> None:
    if folder.stat().st_uid != os.geteuid() or is_everybodys(folder):
        return
    if group:
        _give(folder, group)
        if _mode(folder) & OUR_GROUPS != OUR_GROUPS or is_open_to_others(folder):
            folder.chmod(OUR_GROUPS)
    elif is_open_to_others(folder):
        folder.chmod(OURS_ALONE)


def _give(folder: Path, group: str) -> None:
    try:
        shutil.chown(folder, group=int(group) if group.isdecimal() else group)
    except LookupError:
        raise BadInput(
            Message.of(SetupCode.NO_SUCH_GROUP, group=repr(group)), advice=Message.of(SetupCode.MAKE_THE_GROUP)
        ) from None
    except PermissionError:
        raise BadInput(
            Message.of(SetupCode.GROUP_NOT_OURS, group=repr(group)),
            file=folder,
            advice=Message.of(SetupCode.JOIN_THE_GROUP),
        ) from None


def _mode(folder: Path) -> int:
    return folder.stat().st_mode & 0o7777
