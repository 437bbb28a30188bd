"""A card may hold anything under a camera's names: no file is lost, no other person's film is read."""

from __future__ import annotations

import random
import string
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path

import dagster as dg
import pytest
from sqlalchemy import select
from support.identifying import identified
from support.importing import copy_requested, put_card_in

from stinercut.catalog import Catalog, migrate
from stinercut.catalog.models import CardFile, Jump, JumpFile, QrReading
from stinercut.codes.making import qr_picture
from stinercut.codes.payload import make_payload
from stinercut.settings import Settings
from stinercut.synthetic.qrfilm import film_pictures

ZOE = make_payload("Zoë Müller", "B-1", date(2026, 5, 1))
OTHER = make_payload("Other Passenger", "B-2", date(2026, 5, 1))
HEADS = (b"", b"\0\0\0\x18ftypmp42", b"\x1a\x45\xdf\xa3", b"RIFF\0\0\0\0AVI LIST", b"\x47" * 20, b"\0\0\1\xba", b"\xff")
TEXTS = (
    "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{0}\n#EXT-X-ENDLIST\n",
    "ffconcat version 1.0\nfile '{0}'\n",
    "file '{0}'\n",
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT1S">'
    '<Period><AdaptationSet mimeType="video/mp4"><Representation id="0" bandwidth="1"><BaseURL>{0}</BaseURL>'
    "<SegmentBase/></Representation></AdaptationSet></Period></MPD>",
    "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns={0}\r\nt=0 0\r\nm=video 5004 RTP/AVP 96\r\n",
    "{0}\n",
)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


def anything(chance: random.Random, whole: bytes, other: Path) -> bytes:
    """Content: noise behind a container's head, a text that names the other film, or a film that is damaged."""

    def noise() -> bytes:
        return chance.choice(HEADS) + chance.randbytes(chance.randrange(3000))

    def text() -> bytes:
        return chance.choice(TEXTS).format(chance.choice((str(other), f"file:{other}", other.name))).encode()

    def cut_short() -> bytes:
        return whole[: chance.randrange(1, len(whole))]

    def flipped() -> bytes:
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 40)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        return bytes(data)

    kinds: tuple[Callable[[], bytes], ...] = (noise, text, cut_short, flipped)
    return chance.choice(kinds)()


@pytest.mark.parametrize("seed", range(2))
def test_a_card_of_anything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, instance: dg.DagsterInstance, seed: int
) -> None:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    other, code = tmp_path / "other.mp4", tmp_path / "code.mp4"
    for payload, film in ((OTHER, other), (ZOE, code)):
        film_pictures([qr_picture(payload)], film, size=(480, 270), seconds=1, fps=Fraction(10))
    folder = tmp_path / "GOPRO" / "DCIM" / "100GOPRO"
    folder.mkdir(parents=True)
    chance, whole = random.Random(seed), code.read_bytes()
    for number in range(1, 17):
        ending = chance.choice(("MP4", "MP4", "MOV", "AVI", "MKV", "JPG", "DNG", "HEIC"))
        letters = "".join(chance.choices(string.ascii_uppercase, k=2))
        (folder / f"{letters}01{number:04}.{ending}").write_bytes(anything(chance, whole, other))
    (folder / other.name).symlink_to(other)
    settings = Settings()
    migrate(settings.catalog_url)
    insertion = put_card_in(settings, folder.parents[1])
    copied = copy_requested(settings, folder.parents[1], insertion)

    identified(instance)

    copied += copy_requested(settings, folder.parents[1], insertion)
    assert len(copied) == len(set(copied)) == 16

    catalog = Catalog.open(settings.catalog_url)
    with catalog.read() as session:
        held = Counter(session.execute(select(JumpFile.card_file_id)).scalars())
        files = set(session.execute(select(CardFile.card_file_id)).scalars())
        names = set(session.execute(select(Jump.passenger_name)).scalars())
        readings = str(list(session.execute(select(QrReading.reading)).scalars()))
    catalog.close()
    assert set(held) == files, "each file is in a jump or in a group that waits for a person"
    assert max(held.values()) == 1
    assert names <= {None, "", ZOE.passenger_name}
    assert OTHER.passenger_name not in readings
