"""Secrets among the settings: which ones they are, reading them from files, and hiding them from other programs.

Owns: the names, `STINERCUT_..._FILE` (systemd credentials, Compose and Kubernetes secrets), putting passwords into
their addresses, environments without secrets. Not here: the settings themselves (`settings`), which process needs which
(`app.stack.stack`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit

from stinercut.errors import BadInput
from stinercut.language.messages import Message
from stinercut.language.setup_codes import SetupCode

SECRETS: Final = (
    *("database_url", "dagster_database_url", "broker_url", "result_url"),
    *("token", "dagster_secret", "qr_keys", "mail_url"),
)
"""Settings that are secrets, or hold a password. Each can be read from a file: `STINERCUT_X_FILE` names it."""
PASSWORDS: Final = {name: name.replace("_url", "_password") for name in SECRETS if name.endswith("_url")}
"""Settings that are addresses, and the name of their password: `STINERCUT_DATABASE_PASSWORD_FILE` names a file with the
password that belongs into `STINERCUT_DATABASE_URL`. So the server's own secret can be read as it is.
"""
LARGEST_FILE: Final = 64_000
"""Bytes. A larger file can't be the right one."""
_PREFIX: Final = "STINERCUT_"
_LIKE_A_SECRET: Final = re.compile(r"PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|PRIVATE_KEY|API_KEY|ACCESS_KEY|CLI_AUTH")


def variable(setting: str) -> str:
    """The environment variable of a setting."""
    return f"{_PREFIX}{setting.upper()}"


def secrets_from_files(environment: Mapping[str, str]) -> dict[str, str]:
    """The content of the files that `STINERCUT_..._FILE` names, by setting, without the line end that editors add.

    Passwords in separate files are put into their addresses. Raises BadInput for a file that can't be read, and if a
    setting is given in both ways.
    """
    found: dict[str, str] = {}
    for setting in SECRETS:
        name = variable(setting)
        file = environment.get(f"{name}_FILE", "")
        if not file:
            continue
        if environment.get(name):
            raise BadInput(
                Message.of(SetupCode.SECRET_SET_TWICE, name=name), advice=Message.of(SetupCode.LEAVE_ONE_OUT)
            )
        found[setting] = _read(Path(file), f"{name}_FILE")
    for setting, password in PASSWORDS.items():
        name = f"{variable(password)}_FILE"
        if file := environment.get(name, ""):
            address = found.get(setting) or environment.get(variable(setting), "")
            found[setting] = _with_password(variable(setting), address, _read(Path(file), name))
    return found


def _with_password(name: str, address: str, password: str) -> str:
    """The address of that setting with the password in it. Error messages don't repeat the address."""
    try:
        parts = urlsplit(address)
        has_one = parts.password is not None
    except ValueError:
        raise BadInput(
            Message.of(SetupCode.SETTING_NO_ADDRESS, name=name), advice=Message.of(SetupCode.ADDRESS_WITH_PORT_FORM)
        ) from None
    if not parts.netloc:
        without_place = Message.of(SetupCode.PASSWORD_WITHOUT_PLACE, name=name)
        why = without_place if address else Message.of(SetupCode.PASSWORD_WITHOUT_ADDRESS, name=name)
        raise BadInput(why, advice=Message.of(SetupCode.ADDRESS_FORM))
    if has_one:
        raise BadInput(
            Message.of(SetupCode.PASSWORD_GIVEN_TWICE, name=name), advice=Message.of(SetupCode.LEAVE_ONE_OUT)
        )
    user, _, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl()


def without_secrets(environment: Mapping[str, str], keeping: Collection[str] = ()) -> dict[str, str]:
    """An environment without our secrets, except those to keep; it names no files of secrets either."""
    ours = {variable(secret) for secret in SECRETS if secret not in keeping}
    ours |= {f"{variable(secret)}_FILE" for secret in (*SECRETS, *PASSWORDS.values())}
    return {name: value for name, value in environment.items() if name.upper() not in ours}


def for_strangers(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a program that opens files from outside: without variables that look like secrets, of anybody.

    The rest stays, including the mark by which a stack's processes are found and ended (`app.processes.processes`).
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
        raise BadInput(
            Message.of(SetupCode.SECRET_NOT_READABLE, name=name, why=refused.strerror or str(refused)),
            file=file,
            advice=Message.of(SetupCode.CHECK_ITS_PATH),
        ) from None
    except UnicodeDecodeError:
        raise BadInput(
            Message.of(SetupCode.SECRET_NO_TEXT, name=name), file=file, advice=Message.of(SetupCode.SECRET_ALONE)
        ) from None
    if len(content) > LARGEST_FILE or not text.strip():
        raise BadInput(
            Message.of(SetupCode.SECRET_EMPTY, name=name), file=file, advice=Message.of(SetupCode.SECRET_ALONE)
        )
    return text.strip()
