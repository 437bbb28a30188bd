"""ASC-MHL: the list of hashes that travels with footage, so that anybody can prove later that a copy is complete.

Owns: the text of a manifest and of the chain file, as pure functions from imported files to bytes, after the ASC's
specification 2.0 (namespaces `urn:ASC:MHL:v2.0` and `urn:ASC:MHL:DIRECTORY:v2.0`). Not here: writing files, choosing
the files of an import (`import_folders`).

Media is listed with the xxh3-128 that was computed while copying (`xxh128` in the format's words): nothing is read
again. Only the chain uses C4 ids, to name manifests, because the format has no other way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

import xxhash

FOLDER = "ascmhl"
"""The folder of the manifests."""
CHAIN_FILE = "ascmhl_chain.xml"
IGNORED = (".DS_Store", "ascmhl", "ascmhl/")
"""The names that the reference tool excludes from every list by default."""

_MANIFEST = "urn:ASC:MHL:v2.0"
_CHAIN = "urn:ASC:MHL:DIRECTORY:v2.0"
_C4_DIGITS = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
"""The digits of base 58 in C4 ids: no 0, I, O, l."""
_C4_LENGTH = 90


@dataclass(frozen=True)
class MediaFile:
    """A file as the manifest lists it."""

    path: str
    """Below the import's folder, with forward slashes."""
    size: int
    """Bytes."""
    modified: datetime
    """Wall-clock time as the camera wrote it, without a zone; listed unchanged."""
    xxh128: str
    """The xxh3-128 of its content, 32 hex digits."""
    hashed_at: datetime
    """When the hash was computed and verified: a moment with its zone."""


@dataclass(frozen=True)
class Creator:
    """The maker of a manifest: a place and a program, never a person."""

    host: str
    version: str
    created_at: datetime
    comment: str = ""


@dataclass(frozen=True)
class _Hashes:
    """The two hashes of a folder: over its content alone, and over content and names."""

    content: str
    structure: str


def manifest_name(generation: int, folder: str, created_at: datetime) -> str:
    """The file name of a manifest, such as `0001_GOPRO_2026-06-01_090000Z.mhl`."""
    return f"{generation:04d}_{folder}_{created_at.astimezone(UTC):%Y-%m-%d_%H%M%SZ}.mhl"


def manifest(creator: Creator, files: Sequence[MediaFile]) -> bytes:
    """A manifest of the first generation: every file with its hash, then every folder with its two hashes.

    `files` is not empty, and all paths differ. The process is called a transfer: the files came from elsewhere.
    """
    root = Xml.Element("hashlist", {"version": "2.0", "xmlns": _MANIFEST})
    _add_creator(root, creator)
    folders = _folder_hashes(files)
    process = Xml.SubElement(root, "processinfo")
    Xml.SubElement(process, "process").text = "transfer"
    _add_folder_hashes(Xml.SubElement(process, "roothash"), folders[()], creator.created_at)
    ignored = Xml.SubElement(process, "ignore")
    for pattern in IGNORED:
        Xml.SubElement(ignored, "pattern").text = pattern
    hashes = Xml.SubElement(root, "hashes")
    for file in sorted(files, key=lambda listed: listed.path):
        _add_file(hashes, file)
    for parts, folder_hashes in sorted(folders.items()):
        if parts:
            entry = Xml.SubElement(hashes, "directoryhash")
            Xml.SubElement(entry, "path").text = "/".join(parts)
            _add_folder_hashes(entry, folder_hashes, creator.created_at)
    return _document(root)


def chain(manifests: Iterable[tuple[str, bytes]]) -> bytes:
    """The chain file over manifests, each (file name, content), in the order of their generations."""
    root = Xml.Element("ascmhldirectory", {"xmlns": _CHAIN})
    for number, (name, content) in enumerate(manifests, start=1):
        entry = Xml.SubElement(root, "hashlist", {"sequencenr": str(number)})
        Xml.SubElement(entry, "path").text = name
        Xml.SubElement(entry, "c4").text = c4_id(content)
    return _document(root)


def c4_id(content: bytes) -> str:
    """The C4 id (SMPTE ST 2114): the SHA-512 in base 58, filled up to 88 digits, after the letters `c4`."""
    number = int.from_bytes(hashlib.sha512(content).digest())
    digits = ""
    while number:
        number, rest = divmod(number, 58)
        digits = _C4_DIGITS[rest] + digits
    return "c4" + digits.rjust(_C4_LENGTH - 2, _C4_DIGITS[0])


def can_be_listed(text: str) -> bool:
    """Whether a path can be written in XML 1.0, which has no characters below the space and no lone surrogates."""
    return all(mark >= " " and not "\ud800" <= mark <= "\udfff" and mark not in "\ufffe\uffff" for mark in text)


def _add_creator(root: Xml.Element, creator: Creator) -> None:
    info = Xml.SubElement(root, "creatorinfo")
    Xml.SubElement(info, "creationdate").text = _moment(creator.created_at)
    Xml.SubElement(info, "hostname").text = creator.host
    Xml.SubElement(info, "tool", {"version": creator.version}).text = "stinercut"
    if creator.comment:
        Xml.SubElement(info, "comment").text = creator.comment


def _add_file(hashes: Xml.Element, file: MediaFile) -> None:
    entry = Xml.SubElement(hashes, "hash")
    about = {"size": str(file.size), "lastmodificationdate": file.modified.replace(tzinfo=None).isoformat()}
    Xml.SubElement(entry, "path", about).text = file.path
    Xml.SubElement(entry, "xxh128", {"action": "original", "hashdate": _moment(file.hashed_at)}).text = file.xxh128


def _add_folder_hashes(entry: Xml.Element, hashes: _Hashes, moment: datetime) -> None:
    for name, value in (("content", hashes.content), ("structure", hashes.structure)):
        holder = Xml.SubElement(entry, name)
        Xml.SubElement(holder, "xxh128", {"hashdate": _moment(moment)}).text = value


def _folder_hashes(files: Iterable[MediaFile]) -> Mapping[tuple[str, ...], _Hashes]:
    """The hashes of every folder by the parts of its path; the root is `()`.

    A folder's content hash is made of its children's content hashes; its structure hash of a hash of each child's name
    and structure hash. Both are sorted, as in the reference tool.
    """
    inside: dict[tuple[str, ...], list[tuple[str, _Hashes]]] = {(): []}
    for file in files:
        *above, name = file.path.split("/")
        for depth in range(len(above) + 1):
            inside.setdefault(tuple(above[:depth]), [])
        inside[tuple(above)].append((name, _Hashes(file.xxh128, file.xxh128)))
    out: dict[tuple[str, ...], _Hashes] = {}
    for folder in sorted(inside, key=len, reverse=True):
        children = inside[folder]
        content = _over(hashes.content for _, hashes in children)
        out[folder] = _Hashes(content, _over(_named(name, hashes.structure) for name, hashes in children))
        if folder:
            inside[folder[:-1]].append((folder[-1], out[folder]))
    return out


def _named(name: str, digest: str) -> str:
    return xxhash.xxh3_128(name.encode() + bytes.fromhex(digest)).hexdigest()


def _over(digests: Iterable[str]) -> str:
    return xxhash.xxh3_128(b"".join(bytes.fromhex(digest) for digest in sorted(digests))).hexdigest()


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(microsecond=0).isoformat()


def _document(root: Xml.Element) -> bytes:
    Xml.indent(root)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + Xml.tostring(root, encoding="utf-8") + b"\n"
