"""Handles a detector's message: changes the catalog, and gives the answer and the next requests.

Owns: one function from a message to its effects, which touches only the catalog and the store. Not here: sockets
(`socket`), numbers that may be lost (`copy_progress`).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from stinercut.cards import copy_requests, copy_results, identification, insertions, manifests, probable_files
from stinercut.catalog import Catalog
from stinercut.catalog.models import Insertion
from stinercut.errors import BadInput, NotFound, StoreDamaged
from stinercut.failures import messages_for_pages, sentence_for_pages
from stinercut.keyring import NO_KEYS, KeyRing
from stinercut.language.codes import MessageCode
from stinercut.language.messages import Message, worded
from stinercut.language.refusal_codes import RefusalCode
from stinercut.protocol import (
    Ack,
    CardError,
    CopyError,
    CopyRequest,
    Envelope,
    ErrorCode,
    FileCopied,
    FileList,
    Inserted,
    Refused,
    Removed,
    SampleRequest,
    Samples,
    refusal,
)
from stinercut.protocol import Message as WireMessage
from stinercut.protocol.details import told
from stinercut.storage.file_samples import sample_of
from stinercut.storage.store import Store

log = logging.getLogger("hub.cards.detector_messages")

FILES_PER_REQUEST = 5000
"""The protocol's limit for one request."""

Request = CopyRequest | SampleRequest


@dataclass(frozen=True)
class Effects:
    """The messages to send after the catalog has committed."""

    reply: Ack | Refused
    requests: tuple[Request, ...] = ()


@dataclass(frozen=True)
class Conversation:
    """The hub's side of the conversation with detectors. A refused message changes nothing in the catalog."""

    catalog: Catalog
    store: Store
    small_file_limit: int
    keys: KeyRing = NO_KEYS
    """Codes that were refused because a key was missing are read again when their card comes back."""

    def handle(self, detector_id: str, envelope: Envelope) -> Effects:
        """Act on one message of a detector that said hello. The same message a second time changes nothing.

        A refusal is final: the detector drops the message. An error that may be gone a moment later (a locked database)
        is raised as it is, and the detector sends the message again.
        """
        try:
            requests = self._act(detector_id, envelope.body)
        except NotFound as unknown:
            return Effects(refusal(envelope.id, ErrorCode.UNKNOWN_ID, sentence_for_pages(unknown)))
        except BadInput as wrong:
            return Effects(refusal(envelope.id, ErrorCode.BAD_MESSAGE, sentence_for_pages(wrong)))
        except StoreDamaged as damaged:
            return Effects(refusal(envelope.id, ErrorCode.DEST_IO, sentence_for_pages(damaged)))
        except (ValueError, OverflowError):
            # An unforeseen fault in the message. If it were raised, the connection would end, and the detector would
            # send this message first forever, with everything else waiting behind it.
            log.exception("A message of detector %s (%s) could not be taken.", detector_id, envelope.body.type)
            return Effects(refusal(envelope.id, ErrorCode.BAD_MESSAGE, worded(Message.of(RefusalCode.HUB_CANNOT_TAKE))))
        return Effects(Ack(of=envelope.id), requests)

    def is_own(self, detector_id: str, insertion_id: str) -> bool:
        """Whether this insertion is this detector's own."""
        try:
            with self.catalog.read() as session:
                insertions.require_own_insertion(session, insertion_id, detector_id)
        except NotFound:
            return False
        return True

    def _act(self, detector_id: str, body: WireMessage) -> tuple[Request, ...]:
        """Record a message. Its insertion is looked up once, in the transaction that writes."""
        match body:
            case Inserted():
                with self.catalog.write() as session:
                    insertions.record_insertion(session, detector_id, body)
                return ()
            case FileCopied():
                self._copied(detector_id, body)
                return ()
            case Samples():
                return self._sampled(detector_id, body)
            case FileList() | CopyError() | CardError() | Removed():
                with self.catalog.write() as session:
                    insertion = insertions.require_own_insertion(session, body.insertion_id, detector_id)
                    return self._record(session, insertion, body)
            case _:
                raise BadInput(Message.of(RefusalCode.HUB_TAKES_NO, message=body.type))

    def _record(
        self, session: Session, insertion: Insertion, body: FileList | CopyError | CardError | Removed
    ) -> tuple[Request, ...]:
        match body:
            case FileList():
                if not manifests.record_file_list(session, insertion, body, self.small_file_limit, self.store.has):
                    return ()
                self._read_again(session, insertion)
                return (*_next(session, insertion), *_doubts(session, insertion))
            case CopyError():
                copy_results.record_copy_error(session, insertion, body)
            case CardError():
                insertions.record_card_error(session, insertion, body)
            case Removed():
                insertions.record_removed(session, insertion)
        return ()

    def _copied(self, detector_id: str, message: FileCopied) -> None:
        damaged = self._damage_of(message)
        with self.catalog.write() as session:
            insertion = insertions.require_own_insertion(session, message.insertion_id, detector_id)
            if damaged is None:
                copy_results.record_copied(session, insertion, message)
            else:
                copy_results.record_copy_error(session, insertion, _not_stored(message, damaged))
        if damaged is not None:
            raise damaged

    def _damage_of(self, message: FileCopied) -> StoreDamaged | None:
        try:
            self.store.require(message.content_hash, message.size)
        except StoreDamaged as damaged:
            return damaged
        return None

    def _sampled(self, detector_id: str, message: Samples) -> tuple[Request, ...]:
        # Two transactions, because reading the store takes a while and nobody else could write meanwhile.
        with self.catalog.read() as session:
            insertion = insertions.require_own_insertion(session, message.insertion_id, detector_id)
            same = probable_files.same_content(session, insertion, message.samples, self._sample_of)
        with self.catalog.write() as session:
            insertion = insertions.require_own_insertion(session, message.insertion_id, detector_id)
            probable_files.record_samples(session, insertion, message.samples, same)
            self._read_again(session, insertion)
            return _next(session, insertion)

    def _sample_of(self, content_hash: str, size: int) -> str | None:
        try:
            handle = os.open(self.store.require(content_hash, size), os.O_RDONLY | getattr(os, "O_BINARY", 0))
        except (StoreDamaged, OSError):
            return None
        try:
            return sample_of(handle, size)
        except (EOFError, OSError):
            return None
        finally:
            os.close(handle)

    def no_samples(self, insertion_id: str) -> None:
        """Note that a detector takes no samples of this card: its files in doubt are copied instead."""
        with self.catalog.write() as session:
            insertion = insertions.require_insertion(session, insertion_id)
            probable_files.give_up_samples(session, insertion)
            self._read_again(session, insertion)

    def _read_again(self, session: Session, insertion: Insertion) -> None:
        """Have refused codes of a card that is back read again: they may be accepted now."""
        identification.read_outdated_again(session, insertion, self.keys)

    def asked_before(self, detector_id: str) -> tuple[Request, ...]:
        """The requests that this detector has not answered: a broken connection may have lost them."""
        with self.catalog.read() as session:
            open_requests = copy_requests.open_requests(session, detector_id)
            open_samples = probable_files.open_samples(session, detector_id)
        copies = [request for insertion, files in open_requests for request in _requests(insertion, files)]
        samples = [request for insertion, files in open_samples for request in _sample_requests(insertion, files)]
        return (*samples, *copies)

    def next_requests(self, detector_ids: Iterable[str]) -> dict[str, tuple[CopyRequest, ...]]:
        """The next requests for these detectors, by detector id. From now on their files count as requested."""
        with self.catalog.read() as session:
            waiting = copy_requests.insertions_with_new_files(session, detector_ids)
        out: dict[str, tuple[CopyRequest, ...]] = {}
        for detector_id, insertion_id in waiting:
            with self.catalog.write() as session:
                requests = _next(session, insertions.require_insertion(session, insertion_id))
            if requests:
                out[detector_id] = (*out.get(detector_id, ()), *requests)
        return out

    def is_card_in(self, detector_ids: Iterable[str]) -> bool:
        """Whether any of these detectors has a card in."""
        with self.catalog.read() as session:
            return insertions.is_any_in(session, detector_ids)

    def card_is_out(self, insertion_id: str) -> None:
        """Note that a card is out, because its detector reports no such card."""
        with self.catalog.write() as session:
            insertions.record_removed(session, insertions.require_insertion(session, insertion_id))


def _not_stored(message: FileCopied, damaged: StoreDamaged) -> CopyError:
    """The error of a file that is not in the store: the detector takes it for done, so people must see it."""
    why = told([Message.of(MessageCode.NOT_IN_STORE, why=messages_for_pages(damaged))])
    return CopyError(
        insertion_id=message.insertion_id,
        file_id=message.file_id,
        code=ErrorCode.DEST_IO,
        detail=why.detail,
        detail_parts=why.parts,
    )


def _next(session: Session, insertion: Insertion) -> tuple[CopyRequest, ...]:
    return _requests(insertion.insertion_id, copy_requests.take_requests(session, insertion))


def _doubts(session: Session, insertion: Insertion) -> tuple[SampleRequest, ...]:
    return _sample_requests(insertion.insertion_id, probable_files.files_in_doubt(session, insertion.insertion_id))


def _sample_requests(insertion_id: str, files: list[str]) -> tuple[SampleRequest, ...]:
    return tuple(
        SampleRequest(insertion_id=insertion_id, file_ids=files[start : start + FILES_PER_REQUEST])
        for start in range(0, len(files), FILES_PER_REQUEST)
    )


def _requests(insertion_id: str, files: list[str]) -> tuple[CopyRequest, ...]:
    return tuple(
        CopyRequest(insertion_id=insertion_id, file_ids=files[start : start + FILES_PER_REQUEST])
        for start in range(0, len(files), FILES_PER_REQUEST)
    )
