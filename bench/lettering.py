"""Do two engines draw the same name? Ours and resvg's text layout, over names made by chance in the world's scripts.

    .venv/bin/python bench/lettering.py [--quick]

Says how far they are apart, how often further than the threshold of `stinercut.drawing.text_check`, how far apart
two different names are, and what asking costs. Exit code 1 where a name of one script in three is called wrong.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter

from stinercut.drawing.fonts import catalogue
from stinercut.drawing.text_check import THRESHOLD, difference
from stinercut.synthetic.names import random_names


def main() -> int:
    """Measure and say; the exit code."""
    parser = argparse.ArgumentParser(description="Two engines over names in the world's scripts.")
    parser.add_argument("--quick", action="store_true", help="400 names instead of 4,000")
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    count = 400 if chosen.quick else 4000
    began, apart, wrong, tried = time.monotonic(), [], Counter[str](), Counter[str]()
    for number, (script, name) in enumerate(random_names(chosen.seed, count)):
        found = difference(name, catalogue("Bold" if number % 2 else "Regular"))
        apart.append(found)
        tried[script] += 1
        if found > THRESHOLD:
            wrong[script] += 1
            print(f"{script}: {name} {' '.join(f'{ord(char):04X}' for char in name)}: {found:.0f}")
    each = (time.monotonic() - began) / count
    apart.sort()
    print(f"{count} names, {1000 * each:.0f} ms each; half differ by {apart[count // 2]:.0f} or less,")
    print(f"99 of 100 by {apart[count * 99 // 100]:.0f}, {sum(wrong.values())} by more than {THRESHOLD:.0f}")
    print(
        "; ".join(f"{script} {number} of {tried[script]}" for script, number in wrong.most_common()) or "none is wrong"
    )
    return int(any(number * 3 > tried[script] for script, number in wrong.items()))


if __name__ == "__main__":
    sys.exit(main())
