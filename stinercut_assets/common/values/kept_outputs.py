"""Where the values that assets and steps hand on to each other lie, and that each is there whole or not at all.

Owns: Dagster's IO manager for values as files of JSON, written durably, in the places where Dagster's own has its
pickles. Not here: the JSON (`step_values`); footage and films, of which only paths and ids are handed on
(`stinercut.storage.store` has the bytes).

Dagster's own IO manager writes a file in its place. A power cut within the next seconds leaves an empty one, of an
asset that Dagster has noted as made; it is never made again then, and each retry ends at that file. And it reads
pickles, by which whoever can write such a file can run anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster import InitResourceContext, InputContext, OutputContext
from dagster._core.storage.upath_io_manager import escape_dotdot_segments, escape_leading_slash
from upath import UPath

from stinercut.storage.store import replace_file
from stinercut_assets.common.reporting import failures
from stinercut_assets.common.values.step_values import StepValues, ValueKind


class KeptOutputs(dg.UPathIOManager):
    """Values as JSON in a folder; those that the release before left there, as pickles, are read too."""

    def __init__(self, folder: str, values: StepValues) -> None:
        super().__init__(base_path=UPath(folder))
        self._values = values

    def make_safe_partition_path(self, base_path: Any, partition: str) -> UPath:
        """The place of a partition's value: always below the asset's folder."""
        return base_path / escape_dotdot_segments(escape_leading_slash(partition))

    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write a value durably, in the place of an older one."""
        replace_file(Path(path), self._values.encode(obj))

    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """The value. Fails, saying what to do, where it can't be read."""
        content = Path(path).read_bytes()
        with failures():
            return self._values.decode(content)


def kept_outputs(kinds: Sequence[ValueKind]) -> dg.IOManagerDefinition:
    """In the folder that Dagster's own IO manager has, for values of these kinds."""
    values = StepValues(kinds)

    @dg.io_manager(description="Values between steps, as JSON in Dagster's folder; each is whole or not there.")
    def io_manager(context: InitResourceContext) -> KeptOutputs:
        assert context.instance is not None
        return KeptOutputs(context.instance.storage_directory(), values)

    return io_manager
