"""Commands as a person types them, in the process of the test.

Owns: calling `stinercut` with words. Not here: whole processes (`stacks`).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from app.cli import main


def typed(
    capsys: pytest.CaptureFixture[str], *arguments: object, command: Callable[[list[str]], object] = main
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command."""
    with pytest.raises(SystemExit) as ended:
        command([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    code = ended.value.code
    return (code if isinstance(code, int) else 0), out, err
