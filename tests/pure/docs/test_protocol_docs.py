"""docs/protocol.md against the code: every example is a message, every message and code has its place."""

from __future__ import annotations

import re
from typing import get_args

from support.repository import REPOSITORY

from stinercut.protocol import SPOKEN, ErrorCode, Hello, Message, Welcome, decode, encode
from stinercut.protocol.messages import FILES_PER_CHUNK, MAX_FRAME_BYTES
from stinercut.settings import Settings

PAGE = (REPOSITORY / "docs" / "protocol.md").read_text()
EXAMPLES: list[str] = re.findall(r"```json\n(.*?)\n```", PAGE, re.S)
HEADINGS: list[str] = re.findall(r"^### `(.*?)`", PAGE, re.M)


def test_every_message_has_a_heading_and_an_example_of_just_that() -> None:
    types = [kind.model_fields["type"].default for kind in get_args(Message)]
    assert sorted(HEADINGS) == sorted(types)
    for heading, section in zip(HEADINGS, re.split(r"^### .*$", PAGE, flags=re.M)[1:], strict=True):
        [example] = re.findall(r"```json\n(.*?)\n```", section, re.S)
        assert decode(example).body.type == heading


def test_every_example_is_whole() -> None:
    """With all its fields: encoding it again gives the same text."""
    for example in EXAMPLES:
        envelope = decode(example)
        assert encode(envelope.body, envelope.id).replace(" ", "") == example.replace(" ", "")


def test_every_code_is_explained() -> None:
    assert re.findall(r"^\| `([A-Z_]+)` \|", PAGE, re.M) == [code.value for code in ErrorCode]


def test_the_numbers_are_the_codes() -> None:
    assert f"{MAX_FRAME_BYTES:,}".replace(",", " ") in PAGE
    assert f"at most {FILES_PER_CHUNK} files" in PAGE
    assert f":{Settings.model_fields['hub_port'].default}/ws/detector" in PAGE
    for example in map(decode, EXAMPLES):
        match example.body:
            case Hello() as hello:
                assert (hello.min_version, hello.max_version) == (SPOKEN.lowest, SPOKEN.highest)
            case Welcome() as welcome:
                assert (welcome.min_version, welcome.max_version) == (SPOKEN.lowest, SPOKEN.highest)
                assert welcome.version == SPOKEN.highest
            case _:
                pass
