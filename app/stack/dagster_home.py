"""Dagster's instance folder, and the folder with the project's own files.

Owns: which configuration an installation's Dagster gets, and putting it in its place. Not here: its content
(`dagster.yaml`, `deploy/dagster.yaml`).
"""

from __future__ import annotations

from pathlib import Path

from app.common.install_hints import install
from stinercut.errors import HostNotReady
from stinercut.settings import Settings
from stinercut.storage.store import replace_file


def project_root() -> Path:
    """The folder with `dagster.yaml` and `workspace.yaml`: the one above `app/`. Raises HostNotReady without them."""
    root = Path(__file__).resolve().parents[2]
    for name in ("dagster.yaml", "workspace.yaml"):
        if not (root / name).is_file():
            raise HostNotReady(
                "this file of the project is not there",
                file=root / name,
                advice=f"{install()} The detector alone needs none of this.",
            )
    return root


def prepare_dagster_home(settings: Settings, root: Path) -> None:
    """Make DAGSTER_HOME and put the project's `dagster.yaml` there, refreshed at each start."""
    wanted = instance_config(settings, root).read_bytes()
    target = settings.dagster_home / "dagster.yaml"
    if target.is_file() and target.read_bytes() == wanted:
        return
    replace_file(target, wanted)


def instance_config(settings: Settings, root: Path) -> Path:
    """The `dagster.yaml` in use: the embedded one, or the one for a PostgreSQL server when there is a URL for it."""
    if settings.dagster_database_url:
        return root / "deploy" / "dagster.yaml"
    return root / "dagster.yaml"
