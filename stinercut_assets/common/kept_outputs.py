"""Where the values that assets and steps hand on to each other lie, and that each is there whole or not at all.

Owns: Dagster's IO manager for files with a durable way to write. Not here: footage and films, of which only paths
and ids are handed on (`stinercut.storage.store` has the bytes).

Why not Dagster's own as it is: it writes a file in its place. A power cut within the next seconds leaves an empty one,
of an asset that Dagster has noted as made; it is never made again then, and each retry ends at that file.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import InitResourceContext, OutputContext
from dagster._core.storage.fs_io_manager import PickledObjectFilesystemIOManager
from dagster._utils import PICKLE_PROTOCOL

from stinercut.storage.store import replace_file


class KeptOutputs(PickledObjectFilesystemIOManager):
    """Dagster's pickles, in the same places."""

    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write a value durably, in the place of an older one."""
        replace_file(Path(path), pickle.dumps(obj, PICKLE_PROTOCOL))


@dg.io_manager(description="Values between steps, as files in Dagster's folder; each is whole or not there.")
def kept_outputs(context: InitResourceContext) -> KeptOutputs:
    """In the folder that Dagster's own IO manager has."""
    assert context.instance is not None
    return KeptOutputs(base_dir=context.instance.storage_directory())
