"""ASC-MHL manifests: the structure that the specification wants, and the reference tool where it is installed."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from xml.etree import ElementTree as Xml

from support.mhl_tool import CHECKS, mhl_tool, needs_mhl_tool

from stinercut.cards import mhl
from stinercut.storage.store import hash_file

NOW = datetime(2026, 6, 1, 12, 30, 15, 999, tzinfo=timezone(timedelta(hours=2)))
CREATOR = mhl.Creator("stinercut-hub", "0.1.0", NOW, "Import 00.")
FILMED = datetime(2026, 6, 1, 9, 0)
NAMES = {"m": "urn:ASC:MHL:v2.0", "c": "urn:ASC:MHL:DIRECTORY:v2.0"}


def media(root: Path, path: str, content: bytes = b"footage") -> mhl.MediaFile:
    """A real file and its line in a manifest."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return mhl.MediaFile(path, len(content), FILMED, hash_file(file), NOW)


def write(root: Path, files: list[mhl.MediaFile]) -> Path:
    """An import folder's manifest and chain, as the hub writes them. Returns the manifest."""
    folder = root / mhl.FOLDER
    folder.mkdir()
    name, content = mhl.manifest_name(1, root.name, NOW), mhl.manifest(CREATOR, files)
    (folder / name).write_bytes(content)
    (folder / mhl.CHAIN_FILE).write_bytes(mhl.chain([(name, content)]))
    return folder / name


def test_a_manifest_lists_every_file_with_its_hash_and_time(tmp_path: Path) -> None:
    files = [media(tmp_path, "DCIM/100GOPRO/GX010002.MP4", b"b"), media(tmp_path, "DCIM/100GOPRO/GX010001.MP4", b"a")]
    root = Xml.fromstring(mhl.manifest(CREATOR, files))
    assert (root.tag, root.get("version")) == ("{urn:ASC:MHL:v2.0}hashlist", "2.0")
    assert [child.tag.split("}")[1] for child in root] == ["creatorinfo", "processinfo", "hashes"]
    listed = [
        (path.text, path.get("size"), path.get("lastmodificationdate"))
        for path in root.iterfind(".//m:hash/m:path", NAMES)
    ]
    assert listed == [(f"DCIM/100GOPRO/GX01000{n}.MP4", "1", "2026-06-01T09:00:00") for n in (1, 2)]
    digests = [(one.text, one.get("action"), one.get("hashdate")) for one in root.iterfind(".//m:hash/m:xxh128", NAMES)]
    assert digests == [(file.xxh128, "original", "2026-06-01T10:30:15+00:00") for file in reversed(files)]
    folders = [path.text for path in root.iterfind(".//m:directoryhash/m:path", NAMES)]
    assert folders == ["DCIM", "DCIM/100GOPRO"]
    process = root.find("m:processinfo", NAMES)
    assert process is not None
    assert [child.tag.split("}")[1] for child in process] == ["process", "roothash", "ignore"]


def test_a_folder_hash_changes_with_content_and_its_structure_with_a_name(tmp_path: Path) -> None:
    def roots(*files: mhl.MediaFile) -> tuple[str | None, str | None]:
        root = Xml.fromstring(mhl.manifest(CREATOR, files))
        return tuple(
            root.findtext(f".//m:roothash/m:{kind}/m:xxh128", None, NAMES) for kind in ("content", "structure")
        )  # type: ignore[return-value]

    first, other = media(tmp_path, "DCIM/A.MP4", b"1"), media(tmp_path, "DCIM/B.MP4", b"2")
    renamed = media(tmp_path, "DCIM/C.MP4", b"2")
    assert roots(first, other) == roots(other, first)
    assert roots(first, other)[0] == roots(first, renamed)[0]
    assert roots(first, other)[1] != roots(first, renamed)[1]
    assert roots(first) != roots(first, other)


def test_names_are_escaped_and_those_that_xml_has_no_characters_for_are_told(tmp_path: Path) -> None:
    odd = media(tmp_path, "DCIM/<a> & \u2018b\u2019 \U0001f3a5.MP4")
    root = Xml.fromstring(mhl.manifest(CREATOR, [odd]))
    assert root.findtext(".//m:hash/m:path", None, NAMES) == odd.path
    assert mhl.can_be_listed(odd.path)
    assert not any(map(mhl.can_be_listed, ("a\x00", "a\nb", "\udc80", "\uffff")))


def test_the_chain_names_each_manifest_by_its_c4_id() -> None:
    root = Xml.fromstring(mhl.chain([("0001_a.mhl", b"one"), ("0002_a.mhl", b"two")]))
    entries = [
        (one.get("sequencenr"), one.findtext("c:path", None, NAMES), one.findtext("c:c4", None, NAMES)) for one in root
    ]
    assert entries == [("1", "0001_a.mhl", mhl.c4_id(b"one")), ("2", "0002_a.mhl", mhl.c4_id(b"two"))]


def test_a_c4_id_is_the_sha512_in_base_58() -> None:
    # The empty file's id, from the C4 framework's own documentation.
    assert (
        mhl.c4_id(b"") == "c459dsjfscH38cYeXXYogktxf4Cd9ibshE3BHUo6a58hBXmRQdZrAkZzsWcbWtDg5oQstpDuni4Hirj75GEmTc1sFT"
    )
    digits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    number = 0
    for mark in mhl.c4_id(b"x")[2:]:
        number = number * 58 + digits.index(mark)
    assert number.to_bytes(64, "big") == hashlib.sha512(b"x").digest()
    assert len(mhl.c4_id(b"x")) == 90


def test_a_manifest_is_named_after_generation_folder_and_moment() -> None:
    assert mhl.manifest_name(1, "GOPRO_2026-06-01_1", NOW) == "0001_GOPRO_2026-06-01_1_2026-06-01_103015Z.mhl"
    assert NOW.astimezone(UTC).hour == 10


@needs_mhl_tool
def test_the_reference_tool_accepts_it_and_notices_damage(tmp_path: Path) -> None:
    root = tmp_path / "GOPRO_2026-06-01_1"
    files = [
        media(root, "DCIM/100GOPRO/GX010001.MP4", b"one"),
        media(root, "DCIM/101GOPRO/GX010001.MP4", b"two"),
        media(root, "MISC/\u017d.txt", b""),
    ]
    write(root, files)

    def tool(program: str, *arguments: str) -> int:
        return mhl_tool(program, *arguments, str(root))

    def all_well() -> list[bool]:
        return [tool(*check) == 0 for check in (*CHECKS, ("ascmhl", "info"))]

    assert all_well() == [True] * 4
    assert tool("ascmhl", "create", "-h", "xxh128") == 0  # A second generation continues the chain.
    assert len(list((root / mhl.FOLDER).glob("*.mhl"))) == 2
    (root / files[0].path).write_bytes(b"0ne")
    assert tool("ascmhl-debug", "verify") != 0
