"""Secrets among the settings: which ones they are, reading them from files, and keeping them from who needs none.

Owns: the names, `STINERCUT_..._FILE` (systemd credentials, Compose and Kubernetes secrets), environments without them.
Not here: the settings themselves (`settings`), which process needs which (`app.stack`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from stinercut.errors import BadInput

SECRETS: Final = (
    *("database_url", "dagster_database_url", "broker_url", "result_url"),
    *("token", "dagster_secret", "qr_keys"),
)
"""Settings that are secrets, or hold a password. `STINERCUT_X_FILE` names a file to read each from."""
LARGEST_FILE: Final = 64_000
"""Bytes. A file that is larger is not the one that was meant."""
_PREFIX: Final = "STINERCUT_"
_LIKE_A_SECRET: Final = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_KEY|ACCESS_KEY|CLI_AUTH")


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"{_PREFIX}{setting.upper()}"


def secrets_from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """What the files hold that `STINERCUT_..._FILE` names, by setting; without the line's end that editors leave.

    Raises BadInput for a file that can't be read, and where the setting is made in both ways.
    """
    found: dict[str, str] = {}
    for setting in SECRETS:
        name = variable(setting)
        file = environment.get(f"{name}_FILE", "")
        if not file:
            continue
        if environment.get(name):
            raise BadInput(f"both {name} and {name}_FILE are set", advice="Leave one of them out.")
        found[setting] = _read(Path(file), f"{name}_FILE")
    return found


def without_secrets(environment: Mapping[str, str], keeping: Collection[str] = ()) -> dict[str, str]:
    """An environment without our secrets but for those settings; files of secrets are not named in it either."""
    ours = {variable(one) for one in SECRETS if one not in keeping}
    ours |= {f"{variable(one)}_FILE" for one in SECRETS}
    return {name: value for name, value in environment.items() if name.upper() not in ours}


def for_strangers(environment: Mapping[str, str]) -> dict[str, str]:
    """What a program gets that opens what others filmed: nothing that is called like a secret, of ours or anybody's.

    The rest stays, with it the mark by which a stack's processes are found and ended (`app.processes`).
    """
    return {
        name: value for name, value in without_secrets(environment).items() if not _LIKE_A_SECRET.search(name.upper())
    }


def _read(file: Path, name: str) -> str:
    try:
        with file.open("rb") as source:
            content = source.read(LARGEST_FILE + 1)
        text = content.decode()
    except OSError as refused:
        raise BadInput(f"{name}: can't be read: {refused.strerror}", file=file, advice="Check its path.") from None
    except UnicodeDecodeError:
        raise BadInput(f"{name}: this is no text", file=file, advice="Write the secret alone into it.") from None
    if len(content) > LARGEST_FILE or not text.strip():
        raise BadInput(f"{name}: no secret is in it", file=file, advice="Write the secret alone into it.")
    return text.strip()
