"""What a process says about itself, empty for one that has ended meanwhile.

Owns: psutil's questions without psutil's errors. Not here: finding a set-up's processes (`stacks`), killing them.

A process may end between being listed and being asked, so whoever looks for one among many asks here.
"""

from __future__ import annotations

import psutil


def argv_of(process: psutil.Process) -> list[str]:
    """The process's command line, word by word."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def name_of(process: psutil.Process) -> str:
    """The process's name, as `ps` shows it."""
    try:
        return process.name()
    except psutil.Error:
        return ""


def children_of(process: psutil.Process, recursive: bool = False) -> list[psutil.Process]:
    """The processes it started that still live; with `recursive` those that they started, too."""
    try:
        return process.children(recursive=recursive)
    except psutil.Error:
        return []


def parent_pid(process: psutil.Process) -> int:
    """The number of the process that started it, 0 if that is not known any more."""
    try:
        return process.ppid()
    except psutil.Error:
        return 0
