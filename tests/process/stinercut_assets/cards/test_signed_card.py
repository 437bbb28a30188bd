"""Keys from the settings reach the reader: a card whose code is signed, where its key is known and where it isn't."""

from __future__ import annotations

import os
import time
from datetime import date
from fractions import Fraction
from pathlib import Path

import dagster as dg
import pytest
from support.identifying import identified
from support.importing import copy_requested, put_card_in

from stinercut.cards import identification, unassigned_files
from stinercut.cards.insertions import require_insertion
from stinercut.catalog import Catalog, migrate
from stinercut.codes.making import qr_picture
from stinercut.codes.payload import make_payload
from stinercut.jumps import jumps
from stinercut.keyring import KeyRing
from stinercut.settings import Settings
from stinercut.synthetic.qrfilm import film_pictures

ZOE = make_payload("Zoë Müller", "B-1", date(2026, 5, 1))
KEY = "3:" + "ab" * 32


def card_with_a_signed_code(folder: Path) -> None:
    film = folder / "DCIM" / "100GOPRO" / "GX010001.MP4"
    film.parent.mkdir(parents=True)
    picture = qr_picture(ZOE, keys=KeyRing.parse(KEY))
    film_pictures([picture], film, size=(480, 270), seconds=1, fps=Fraction(10))
    filmed = time.time() - 3600
    os.utime(film, (filmed, filmed))


def jumps_found(settings: Settings, folder: Path) -> list[str]:
    """Put the card in and identify it."""
    migrate(settings.catalog_url)
    copy_requested(settings, folder, put_card_in(settings, folder))
    with dg.DagsterInstance.ephemeral() as instance:
        return identified(instance)[0]


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (f"4:{'cd' * 32},{KEY}", "2026-05-01_B-1"),
        (f"3:{'cd' * 32}", "unidentified"),
        ("", "unidentified"),
    ],
)
def test_only_a_known_key_makes_a_passenger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keys: str, found: str
) -> None:
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STINERCUT_QR_KEYS", keys)
    card_with_a_signed_code(tmp_path / "card")
    (jump,) = jumps_found(Settings(), tmp_path / "card")
    assert found in jump


def given_back(catalog: Catalog, insertion: str) -> list[str]:
    """The jumps that are read again with the keys of now, as the hub does it when a card is in."""
    with catalog.write() as session:
        return identification.read_outdated_again(session, require_insertion(session, insertion), Settings().key_ring)


def test_a_refused_code_is_read_again_once_its_key_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And the name stands when the key is taken away again, although the jump's film is made later."""
    monkeypatch.setenv("STINERCUT_DATA", str(tmp_path / "data"))
    card_with_a_signed_code(tmp_path / "card")
    settings = Settings()
    migrate(settings.catalog_url)
    catalog = Catalog.open(settings.catalog_url)
    copy_requested(settings, tmp_path / "card", put_card_in(settings, tmp_path / "card"))
    with dg.DagsterInstance.ephemeral() as instance:
        (unknown,), first = identified(instance)
        assert "unidentified" in unknown
        monkeypatch.setenv("STINERCUT_QR_KEYS", KEY)
        insertion = put_card_in(settings, tmp_path / "card")
        with catalog.write() as session:
            again = identification.read_outdated_again(
                session, require_insertion(session, insertion), Settings().key_ring
            )
        assert again == [unknown]
        found, second = identified(instance)
        assert found == [ZOE.jump_key]
        assert first != second, "Dagster makes one run for a run key"
    monkeypatch.setenv("STINERCUT_QR_KEYS", "")
    insertion = put_card_in(settings, tmp_path / "card")
    with catalog.write() as session:
        assert not identification.read_outdated_again(
            session, require_insertion(session, insertion), Settings().key_ring
        )
        jump = jumps.require_jump(session, ZOE.jump_key)
        assert jump.passenger_name == ZOE.passenger_name
        (file,) = (place.card_file_id for place in jump.files)
        assert identification.readings_of(session, [file])[file].payload == ZOE
        assert not unassigned_files.insertions_to_identify(session)
    catalog.close()
