"""Error messages for bad settings: each names the wrong variable.

Owns: the words of these messages. Not here: the settings and their allowed values (`settings`).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from stinercut.errors import BadInput

_WRITTEN = {
    **dict.fromkeys(
        ("hub_public_url", "dagster_public_url", "dagster_url"), "Write http://HOST:PORT, or https:// and a name."
    ),
    "detector_id": "Write 1 to 64 letters, digits, - and _.",
    "encoder": "Write auto, software, or a name such as h264_nvenc.",
}
"""How to write settings with a special form, which pydantic would describe as a regular expression."""

_SAID = {
    "int_parsing": "which is no whole number",
    "int_from_float": "which is no whole number",
    "float_parsing": "which is no number",
    "bool_parsing": "which is neither true nor false",
    "greater_than": "which is too small: more than {gt} is needed",
    "greater_than_equal": "which is too small: {ge} is the least",
    "less_than_equal": "which is too large: {le} is the most",
    "literal_error": "and can be {expected}",
    "string_pattern_mismatch": "which can't be used",
}
"""Our words for pydantic's kinds of refusal; other kinds keep pydantic's message."""


def bad_setting(refused: ValidationError, secrets: Collection[str]) -> BadInput:
    """The first problem, as our error. The values of `secrets` are not repeated."""
    error = refused.errors(include_url=False)[0]
    name = str(error["loc"][0]) if error["loc"] else "setting"
    given: object = error["input"]
    is_said = f"STINERCUT_{name.upper()} is " + ("set" if name in secrets else repr(given))
    return BadInput(f"{is_said}, {_why(error)}", advice=_advice(name, given))


def _why(error: ErrorDetails) -> str:
    details: dict[str, Any] = error.get("ctx", {})
    return _SAID.get(error["type"], "and that is refused: {said}").format(**details, said=error["msg"])


def _advice(name: str, given: object) -> str:
    if isinstance(given, str) and given.startswith(("tcp://", "udp://", "sctp://")):
        # Kubernetes sets STINERCUT_HUB_PORT if a Service is called stinercut-hub.
        return "A Kubernetes Service of such a name sets it: write `enableServiceLinks: false` into the pod's spec."
    return _WRITTEN.get(name, "Change it or leave it out.")
