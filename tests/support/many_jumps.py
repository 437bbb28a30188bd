"""Years of a dropzone in the catalog: tens of thousands of finished jumps, written in bulk.

Owns: rows that a bench or a test measures queries over. Not here: footage, objects in the store, single jumps to
work on (`seeding`).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlalchemy import insert

from stinercut.catalog import Catalog
from stinercut.catalog.models import Card, CardFile, Film, ImportedFile, Insertion, Jump, JumpFile, ManifestEntry


def fill(catalog: Catalog, jumps: int, fingerprint: str) -> None:
    """So many finished jumps with two clips each, on cards of twenty jumps, over the last years.

    `fingerprint`: of the template that their films were made with.
    """
    per_card, today, now = 20, date.today(), datetime.now(UTC)
    files_of = 3
    with catalog.write() as session:
        for first in range(0, jumps, 5000):
            numbers = range(first, min(first + 5000, jumps))
            cards = sorted({n // per_card for n in numbers})
            days = {n: today - timedelta(days=(jumps - n) // 100) for n in numbers}
            session.execute(insert(Card), [{"card_id": f"c{c}", "label": "GOPRO", "kind": "volume"} for c in cards])
            session.execute(
                insert(Insertion),
                [
                    {"insertion_id": f"i{c}", "card_id": f"c{c}", "detector_id": "local", "chunks_seen": [0],
                     "chunks_total": 1, "inserted_at": now - timedelta(days=(jumps // per_card - c) // 5),
                     "listed_at": now, "removed_at": now}
                    for c in cards
                ],
            )  # fmt: skip
            rows = [(n, part, files_of * n + part + 1) for n in numbers for part in range(files_of)]
            session.execute(
                insert(CardFile),
                [
                    {"card_file_id": row, "card_id": f"c{n // per_card}", "folder": "DCIM", "name": f"GX{row:08}.MP4",
                     "size": 60_000_000 + row, "modified": datetime.combine(days[n], datetime.min.time()),
                     "kind": "video", "recording": str(row), "chapter": 0}
                    for n, _, row in rows
                ],
            )  # fmt: skip
            session.execute(
                insert(ImportedFile),
                [{"card_file_id": row, "content_hash": f"{row:032x}", "size": 60_000_000 + row} for _, _, row in rows],
            )
            session.execute(
                insert(ManifestEntry),
                [
                    {"insertion_id": f"i{n // per_card}", "file_id": str(row), "card_file_id": row, "early": part == 0,
                     "state": "copied"}
                    for n, part, row in rows
                ],
            )  # fmt: skip
            keys = {n: f"{days[n]}_B-{n}" for n in numbers}
            session.execute(
                insert(Jump),
                [
                    {"jump_key": keys[n], "jump_date": days[n], "booking_id": f"B-{n}", "passenger_name": f"Anna {n}",
                     "card_id": f"c{n // per_card}", "state": "done", "wanted_version": f"{n:032x}",
                     "produced_version": f"{n:032x}", "run_id": f"run-{n}",
                     "changed_at": now - timedelta(minutes=10 + jumps - n),
                     "created_at": now - timedelta(minutes=jumps - n)}
                    for n in numbers
                ],
            )  # fmt: skip
            session.execute(
                insert(JumpFile),
                [
                    {"card_file_id": row, "jump_key": keys[n], "role": "clip" if part else "qr", "position": part}
                    for n, part, row in rows
                ],
            )
            session.execute(
                insert(Film),
                [
                    {"jump_key": keys[n], "version": f"{n:032x}", "file_name": f"{keys[n]}/{keys[n]}.mp4",
                     "passenger_name": f"Anna {n}", "template": "classic", "template_fingerprint": fingerprint,
                     "seconds": 60.0, "frames": 1800, "size": 60_000_000, "checks": [], "run_id": f"run-{n}",
                     "made_in": 60.0}
                    for n in numbers
                ],
            )  # fmt: skip
