"""Dagster's IO manager for values between assets and steps: each value is a file that is whole or not there.

Owns: writing these values durably as files of JSON, in the places where Dagster's own IO manager has its pickles. Not
here: the JSON (`step_values`); footage and films, of which steps hand on only paths and ids
(`stinercut.storage.store` has the bytes).

Dagster's own IO manager overwrites a file in place. A power cut within the next seconds leaves an empty file for an
asset that Dagster has noted as made: it is never made again, and each retry fails at that file. It also reads pickles,
so that anybody who can write such a file can run any code.
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
    """Values as JSON in a folder. Also reads the pickles that the previous release left there."""

    def __init__(self, folder: str, values: StepValues) -> None:
        super().__init__(base_path=UPath(folder))
        self._values = values

    def make_safe_partition_path(self, base_path: Any, partition: str) -> UPath:
        """The path of a partition's value: always below the asset's folder."""
        return base_path / escape_dotdot_segments(escape_leading_slash(partition))

    def dump_to_path(self, context: OutputContext, obj: Any, path: Any) -> None:
        """Write a value durably; it replaces an older one."""
        replace_file(Path(path), self._values.encode(obj))

    def load_from_path(self, context: InputContext, path: Any) -> Any:
        """Read a value. If it can't be read, fails with an error that tells what to do."""
        content = Path(path).read_bytes()
        with failures():
            return self._values.decode(content)


def kept_outputs(kinds: Sequence[ValueKind]) -> dg.IOManagerDefinition:
    """The IO manager for values of these kinds, in the folder that Dagster's own would use."""
    values = StepValues(kinds)

    @dg.io_manager(description="Values between steps, as JSON in Dagster's folder; each is whole or not there.")
    def io_manager(context: InitResourceContext) -> KeptOutputs:
        assert context.instance is not None
        return KeptOutputs(context.instance.storage_directory(), values)

    return io_manager
