"""Zero wrong identities: random names over the world's scripts, made into codes, drawn or filmed, read, compared.

    python bench/names.py            10,000 names as pictures, 300 of them in films too; both forms
    python bench/names.py --quick    400 names, 10 films of each form

Ends with exit code 1 when a single name came back changed or not at all.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import cv2
import numpy as np

from stinercut.codes.decoders import ZXING, Decoder
from stinercut.codes.making import qr_picture
from stinercut.codes.payload import Payload, make_payload, parse_payload
from stinercut.codes.reader import read_film
from stinercut.errors import BadInput
from stinercut.keyring import Key, KeyRing
from stinercut.synthetic.names import SCRIPTS, random_names
from stinercut.synthetic.qrfilm import film_pictures

RING = KeyRing((Key(1, bytes(range(32))),))
FORMS = {"JSON": None, "signed": RING}
FILM_SIZE = (640, 360)


@dataclass
class Result:
    """What came of one form on one way."""

    way: str
    form: str
    read: int = 0
    wrong: int = 0
    unread: int = 0
    seconds: float = 0.0

    @property
    def number(self) -> int:
        """How many were tried."""
        return self.read + self.wrong + self.unread

    def add(self, said: list[Payload], meant: Payload) -> None:
        """Count what was read where `meant` stands."""
        if not said:
            self.unread += 1
        elif said == [meant]:
            self.read += 1
        else:
            self.wrong += 1


def measure(count: int) -> list[Result]:
    """So many names through pictures, in both forms."""
    results = [Result("picture", form) for form in FORMS]
    with Decoder(ZXING) as decoder:
        for payload in payloads(count):
            for result in results:
                began = time.monotonic()
                result.add(_through_a_picture(payload, FORMS[result.form], decoder), payload)
                result.seconds += time.monotonic() - began
    return results


def measure_films(count: int) -> list[Result]:
    """So many names, spread over the scripts, through films of their codes, in both forms."""
    results = [Result("film", form) for form in FORMS]
    with tempfile.TemporaryDirectory(prefix="bench-names-") as folder:
        film = Path(folder) / "code.mp4"
        for seed, payload in enumerate(payloads(count)):
            for result in results:
                keys = FORMS[result.form]
                film_pictures([qr_picture(payload, keys=keys)], film, size=FILM_SIZE, seconds=0.9, seed=seed)
                began = time.monotonic()
                reading = read_film(film, RING)
                result.seconds += time.monotonic() - began
                result.add([reading.payload] if reading.payload else [], payload)
    return results


def payloads(count: int) -> Iterator[Payload]:
    """Passengers whose names are as varied as their number allows."""
    for number, (_, name) in enumerate(random_names(2026, count)):
        yield make_payload(name, f"B-{number}", date(2026, 5, 1))


def _through_a_picture(payload: Payload, keys: KeyRing | None, decoder: Decoder) -> list[Payload]:
    picture = cv2.imdecode(np.frombuffer(qr_picture(payload, 4, keys), np.uint8), cv2.IMREAD_GRAYSCALE)
    try:
        return [parse_payload(code.text, RING) for code in decoder.look(np.asarray(picture, np.uint8)).codes]
    except BadInput:
        return []


def main() -> int:
    """Measure and say; the exit code."""
    parser = argparse.ArgumentParser(description="Names over the world's scripts through codes and back.")
    parser.add_argument("--quick", action="store_true", help="400 names and 10 films instead of 10,000 and 300")
    quick = parser.parse_args().quick
    results = [*measure(400 if quick else 10_000), *measure_films(10 if quick else 300)]
    print(f"Names in {len(SCRIPTS)} scripts")
    print(f"{'':9}{'':8}{'n':>7}{'read':>7}{'wrong':>7}{'not read':>10}{'ms each':>9}")
    for one in results:
        each = 1000 * one.seconds / one.number
        print(f"{one.way:9}{one.form:8}{one.number:7}{one.read:7}{one.wrong:7}{one.unread:10}{each:9.1f}")
    holds = all(one.read == one.number for one in results)
    print(f"Wanted: every name read as it was made, none changed. {'It holds.' if holds else 'IT DOES NOT HOLD.'}")
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
