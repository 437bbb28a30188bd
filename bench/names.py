"""Zero wrong identities: random names over the world's scripts, made into codes, drawn, read, compared.

    python bench/names.py            10,000 names, in both forms (several minutes)
    python bench/names.py --quick    400 names

Ends with exit code 1 when a single name came back changed or not at all.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass
from datetime import date

import cv2
import numpy as np

from stinercut.errors import BadInput
from stinercut.identity.decoders import zxing
from stinercut.identity.making import qr_picture
from stinercut.identity.payload import Payload, make_payload, parse_payload
from stinercut.keyring import Key, KeyRing
from stinercut.synthetic.names import SCRIPTS, random_names

RING = KeyRing((Key(1, bytes(range(32))),))


@dataclass
class Result:
    """What came of one form."""

    form: str
    read: int = 0
    wrong: int = 0
    unread: int = 0
    seconds: float = 0.0


def measure(count: int) -> list[Result]:
    """So many names through both forms."""
    results = [Result("JSON"), Result("signed")]
    for number, (_, name) in enumerate(random_names(2026, count)):
        payload = make_payload(name, f"B-{number}", date(2026, 5, 1))
        for result in results:
            begun = time.monotonic()
            _try(payload, RING if result.form == "signed" else None, result)
            result.seconds += time.monotonic() - begun
    return results


def _try(payload: Payload, keys: KeyRing | None, result: Result) -> None:
    picture = cv2.imdecode(np.frombuffer(qr_picture(payload, 4, keys), np.uint8), cv2.IMREAD_GRAYSCALE)
    codes = zxing(np.asarray(picture)).codes
    try:
        said = [parse_payload(code.text, RING) for code in codes]
    except BadInput:
        said = []
    if not said:
        result.unread += 1
    elif said == [payload]:
        result.read += 1
    else:
        result.wrong += 1


def main() -> int:
    """Measure and say; the exit code."""
    parser = argparse.ArgumentParser(description="Names over the world's scripts through codes and back.")
    parser.add_argument("--quick", action="store_true", help="400 names instead of 10,000")
    count = 400 if parser.parse_args().quick else 10_000
    results = measure(count)
    print(f"{count} names in {len(SCRIPTS)} scripts")
    for result in results:
        each = 1000 * result.seconds / count
        print(f"{result.form:7} read {result.read}, wrong {result.wrong}, not read {result.unread}; {each:.1f} ms each")
    return 0 if all(result.read == count for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
