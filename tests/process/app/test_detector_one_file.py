"""The detector as one file: only what it needs is in it, and Windows lacks none of that."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator

import grimp
import pytest
from support.commands import typed
from support.repository import REPOSITORY

from app.common.detector_host import settings_file, unit
from app.common.install_hints import install, see_where
from app.detector_cli import main as detector_main
from app.doctor.detector import greet
from stinercut.errors import BadInput
from stinercut.settings import Settings

ROOT = REPOSITORY
HOST = ROOT / "deploy" / "host"


def test_the_one_file_holds_only_what_a_detector_needs() -> None:
    """Static, as PyInstaller looks: imports inside functions count."""
    assert "from app.detector_cli import main" in (HOST / "detector_entry.py").read_text()
    packages = ("app", "sensors", "stinercut_assets", "hub", "detector", "stinercut")
    graph = grimp.build_graph(*packages, include_external_packages=True, cache_dir=None)
    found = graph.find_upstream_modules("app.detector_cli")
    assert {"detector.__main__", "app.doctor.detector", "websockets", "watchfiles"} <= found
    heavy = {"dagster", "cv2", "numpy", "PIL", "sqlalchemy", "psycopg2", "fastapi", "alembic", "uvicorn", "ffmpeg"}
    ours = {name for name in found if re.match(r"(hub|sensors|stinercut_assets)\b|stinercut\.(catalog|media)\b", name)}
    assert (found & heavy, ours) == (set(), set())


POSIX_ONLY = frozenset({"fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty"})
POSIX_NAMES = {
    "os": re.compile(r"O_(NOFOLLOW|NONBLOCK|DIRECTORY|CLOEXEC|D?SYNC)|(?i:posix)_\w+|get(e?uid|e?gid)|fork|statvfs"),
    "signal": re.compile(r"SIG(KILL|HUP|USR[12]|CHLD|PIPE)|pthread_\w+"),
    "select": re.compile(r"e?poll|POLL\w+"),
    "socket": re.compile(r"AF_UNIX|SO_REUSEPORT|socketpair"),
}
"""What these modules lack on Windows, of what somebody might use."""


def _run_at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """All that runs when a module is imported: everything but the bodies of functions and what hangs on a platform."""
    for node in ast.iter_child_nodes(tree):
        is_guarded = isinstance(node, ast.If) and "platform" in ast.unparse(node.test)
        if not is_guarded and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _run_at_import(node)


def _only_on_posix(source: str) -> list[str]:
    found: list[str] = []
    for node in _run_at_import(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found += [one.name for one in names if one.name.split(".")[0] in POSIX_ONLY]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in POSIX_ONLY:
                found.append(module)
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name in POSIX_NAMES:
                found += [f"{name}.{attr}"] if POSIX_NAMES[name].fullmatch(attr) else []
            case _:
                pass
    return found


def test_nothing_that_windows_lacks_is_needed_to_import_the_detector() -> None:
    packages = ("app", "sensors", "stinercut_assets", "hub", "detector", "stinercut")
    graph = grimp.build_graph(*packages, cache_dir=None)
    modules = {"app.detector_cli", *graph.find_upstream_modules("app.detector_cli")}
    files = [ROOT.joinpath(*name.split(".")) for name in modules]
    sources = [path.with_suffix(".py") if path.with_suffix(".py").is_file() else path / "__init__.py" for path in files]
    assert len(sources) > 30
    found = {path.name: missing for path in sources if (missing := _only_on_posix(path.read_text(encoding="utf-8")))}
    assert found == {}
    # And that the look finds what it looks for.
    guarded = "def later():\n    import pwd\nif sys.platform != 'win32':\n    import grp\n"
    bad = f"import fcntl\nFLAGS = os.O_NOFOLLOW\n{guarded}"
    assert _only_on_posix(bad) == ["fcntl", "os.O_NOFOLLOW"]


def test_the_detector_imports_where_there_are_no_posix_modules() -> None:
    """In a process of its own that calls itself Windows once everything but our own modules is imported."""
    code = (
        "import sys, types, app.detector_cli, detector.__main__, app.doctor.detector\n"
        "ours = ('app', 'detector', 'stinercut')\n"
        "mine = {name for name in sys.modules if name.split('.')[0] in ours}\n"
        "for name in mine: del sys.modules[name]\n"
        f"sys.modules.update(dict.fromkeys({sorted(POSIX_ONLY)!r}))\n"
        "sys.modules['msvcrt'] = types.ModuleType('msvcrt')\n"
        "sys.platform = 'win32'\n"
        "import app.detector_cli, detector.__main__, app.doctor.detector\n"
        "print(mine == {name for name in sys.modules if name.split('.')[0] in ours}, len(mine))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("True"), done.stdout


def test_the_recipe_names_an_entry_that_is_there() -> None:
    recipe = ast.parse((HOST / "stinercut-detector.spec").read_text())
    names = [node.value for node in ast.walk(recipe) if isinstance(node, ast.Constant)]
    assert "detector_entry.py" in names
    assert (HOST / "detector_entry.py").is_file()
    script = (HOST / "install-windows.ps1").read_text()
    assert script.isascii(), "Windows PowerShell reads a script without a mark in the house's code page"
    assert '-Argument "run"' in script
    assert (script.count("{"), script.count("(")) == (script.count("}"), script.count(")"))
    assert all(not line.endswith(" ") for line in script.splitlines()), "a line goes on only after a bare backtick"


def test_the_one_files_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, "--help", command=detector_main)
    assert (code, "run" in out, "doctor" in out) == (0, True, True)
    assert typed(capsys, "run", "--help", command=detector_main)[0] == 0


# ------------------------------------------------------------------------------------------------ what it tells people


@pytest.fixture
def one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """As PyInstaller's start marks it."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)


_as_one_file = pytest.mark.usefixtures("own_account", "one_file")


@_as_one_file
def test_the_one_file_names_its_own_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """There is no `stinercut` beside it, no checkout and no pip."""
    code, out, _ = typed(capsys, "run", "--set-up", "--hub", "ws://127.0.0.1:1", "--id", "x", command=detector_main)
    assert (code, "Next: `stinercut-detector doctor` checks" in out) == (0, True)
    assert "Written by `stinercut-detector run --set-up`" in settings_file().read_text()
    _, _, err = typed(capsys, "run", "--now", command=detector_main)
    assert "Write `stinercut-detector run --install --now`." in err
    _, out, _ = typed(capsys, "doctor", command=detector_main)
    assert "stinercut detector" not in out
    assert "stinercut doctor" not in out
    assert "pip install" not in install("detector")
    assert "--verbose" not in see_where()


@_as_one_file
def test_the_doctor_of_the_one_file_names_its_own_command() -> None:
    with pytest.raises(BadInput) as caught:
        greet(Settings(hub_url="http://127.0.0.1"))
    assert "`stinercut-detector run --set-up --hub ws://HOST:8800`" in caught.value.advice


@_as_one_file
def test_the_unit_starts_the_one_file_by_its_own_command() -> None:
    assert 'ExecStart="/opt/stinercut-detector" run\n' in unit("/opt/stinercut-detector")
