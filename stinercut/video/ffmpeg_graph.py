"""Builds ffmpeg's graphs: the only module that imports ffmpeg-python, so that replacing the library changes one module.

Owns: inputs, filters of several streams, outputs, as ffmpeg-python makes them. Not here: which files may be inputs, and
how they are read (`ffmpeg_inputs`, which alone makes inputs), running the compiled command (`ffmpeg_runner`).

Streams are ffmpeg-python's own, which has no types: `stream.filter(...)`, `stream["v:0"]` and `outputs.compile()` are
its methods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ffmpeg


def graph_input(name: str, **options: Any) -> Any:
    """An input: a file's name, or a source described by `options`."""
    return ffmpeg.input(name, **options)


def filtered(streams: Sequence[Any], name: str, *values: Any, **options: Any) -> Any:
    """The stream that a filter makes of several streams."""
    return ffmpeg.filter(list(streams), name, *values, **options)


def output(*streams_and_target: Any, **options: Any) -> Any:
    """An output of these streams; the last of them is the name of its file."""
    return ffmpeg.output(*streams_and_target, **options)


def merged(*outputs: Any) -> Any:
    """Several outputs of one ffmpeg."""
    return ffmpeg.merge_outputs(*outputs)
