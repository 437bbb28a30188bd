"""The environment of our processes: the settings, and only the secrets that each process needs.

Owns: `environment`, which secrets each process gets. Not here: the processes (`stack`, `worker`), what counts as a
secret (`stinercut.secrets`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from app.processes.children import Child
from stinercut.secrets import without_secrets
from stinercut.settings import Settings

LOOPBACK = "127.0.0.1"


def environment(settings: Settings, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of every child: the given one, with its settings replaced by these."""
    ours = {f"STINERCUT_{name.upper()}" for name in Settings.model_fields}
    kept = {name: value for name, value in given.items() if name.upper() not in ours}
    without_secret = settings.model_copy(update={"dagster_secret": None})
    return {
        # With glibc's default of eight arenas per core, the threads of Dagster's servers hold far more than they use.
        "MALLOC_ARENA_MAX": "2",
        **kept,
        **without_secret.environment(),
        "DAGSTER_HOME": str(settings.dagster_home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
        "PYTHONUNBUFFERED": "1",
        "STINERCUT_CODE_HOST": LOOPBACK,
    }


_FOR_CARDS = ("database_url", "qr_keys")
_FOR_STEPS = (*_FOR_CARDS, "dagster_database_url", "broker_url", "result_url")
NEEDS: Final[Mapping[str, Collection[str]]] = {
    "the catalog's set-up": ("database_url", "broker_url"),
    "the code server": _FOR_STEPS,
    "the Dagster webserver": ("dagster_database_url", "dagster_secret"),
    "the Dagster daemon": ("dagster_database_url",),
    "the hub": (*_FOR_CARDS, "token", "dagster_secret"),
    "the early reader": _FOR_CARDS,
    "the detector": ("token",),
    "the film worker": _FOR_STEPS,
    "the step worker": _FOR_STEPS,
}
"""The secrets that each process gets; a process that is not named here gets no secret."""


def with_its_secrets(child: Child) -> Child:
    """The child with an environment that holds only its own secrets."""
    kept = NEEDS.get(child.name, ())
    env = without_secrets(child.env, kept)
    if "qr_keys" not in kept:
        env.pop("STINERCUT_QR_REQUIRE_SIGNED", None)  # Without keys this setting would be refused.
    return replace(child, env=env)
