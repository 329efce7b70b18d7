"""The sandbox's objects: in memory, with an optional SQLite file behind them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from marketplace.payments.sandbox.errors import no_such

Json = dict[str, Any]

_TABLES = """
create table if not exists entries (
    id text primary key, kind text not null, account text not null, sequence integer not null,
    body text not null, private text not null
);
create table if not exists answers (
    account text not null, key text not null, answer text not null, primary key (account, key)
);
"""


@dataclass
class Entry:
    """One object of one account."""

    account: str
    """Connected account that owns it; empty for the platform's own."""
    body: Json
    """What the API shows."""
    private: Json = field(default_factory=dict)
    """What only the sandbox knows; never card numbers."""
    sequence: int = 0

    @property
    def kind(self) -> str:
        return str(self.body["object"])

    @property
    def id(self) -> str:
        return str(self.body["id"])


@dataclass
class Answer:
    """A remembered answer under an idempotency key."""

    fingerprint: str
    status: int
    body: Json
    request_id: str
    created: int
    """Seconds since 1970."""


class Store:
    """Objects by kind and id, and answers by account and idempotency key.

    Every object belongs to one account and is absent for all others. Changes
    reach the file at `commit`, together.
    """

    def __init__(self, path: Path | None) -> None:
        self._entries: dict[str, dict[str, Entry]] = {}
        self._answers: dict[tuple[str, str], Answer] = {}
        self._sequence = 0
        self._dirty: dict[str, Entry] = {}
        self._dirty_answers: set[tuple[str, str]] = set()
        self._file: sqlite3.Connection | None = None
        if path is not None:
            self._open(path)

    def add(self, body: Json, account: str, private: Json | None = None) -> Entry:
        """Keep a new object."""
        self._sequence += 1
        entry = Entry(account, body, private or {}, self._sequence)
        self._entries.setdefault(entry.kind, {})[entry.id] = entry
        self.touch(entry)
        return entry

    def touch(self, entry: Entry) -> None:
        """Note that an object has changed."""
        self._dirty[entry.id] = entry

    def get(self, kind: str, object_id: str, account: str) -> Entry:
        """One object of this account.

        Raises:
            ApiError: 404, also when another account owns it.
        """
        entry = self.anyones(kind, object_id)
        if entry is None or entry.account != account:
            raise no_such(kind, object_id)
        return entry

    def anyones(self, kind: str, object_id: str) -> Entry | None:
        """One object, whoever owns it; for pages that are reached by a secret address."""
        return self._entries.get(kind, {}).get(object_id)

    def of(self, kind: str, account: str) -> list[Entry]:
        """All objects of a kind and account, newest first."""
        return [entry for entry in self.each(kind) if entry.account == account]

    def each(self, kind: str) -> Iterator[Entry]:
        """All objects of a kind, newest first, whoever owns them."""
        return reversed(list(self._entries.get(kind, {}).values()))

    def find(self, object_id: str, account: str) -> Entry | None:
        """An object of any kind by its id, for `expand`."""
        for entries in self._entries.values():
            entry = entries.get(object_id)
            if entry is not None and entry.account == account:
                return entry
        return None

    def answer(self, account: str, key: str) -> Answer | None:
        """What was answered under an idempotency key."""
        return self._answers.get((account, key))

    def keep_answer(self, account: str, key: str, answer: Answer) -> None:
        """Remember an answer under an idempotency key."""
        self._answers[(account, key)] = answer
        self._dirty_answers.add((account, key))

    def commit(self) -> None:
        """Write all changes to the file, if there is one."""
        if self._file is not None and (self._dirty or self._dirty_answers):
            with self._file:
                self._file.executemany(
                    "insert or replace into entries values (?, ?, ?, ?, ?, ?)",
                    [
                        (entry.id, entry.kind, entry.account, entry.sequence, _dump(entry.body), _dump(entry.private))
                        for entry in self._dirty.values()
                    ],
                )
                self._file.executemany(
                    "insert or replace into answers values (?, ?, ?)",
                    [(*name, _dump(vars(self._answers[name]))) for name in self._dirty_answers],
                )
        self._dirty.clear()
        self._dirty_answers.clear()

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.commit()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> None:
        path.touch(mode=0o600)
        # Exclusive: a second sandbox on the same file would overwrite the first one's objects.
        self._file = sqlite3.connect(path, timeout=5)
        self._file.execute("pragma locking_mode = exclusive")
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma synchronous = normal")
        self._file.executescript(_TABLES)
        rows = self._file.execute("select account, body, private, sequence from entries order by sequence")
        for account, body, private, sequence in rows:
            entry = Entry(account, json.loads(body), json.loads(private), sequence)
            self._entries.setdefault(entry.kind, {})[entry.id] = entry
            self._sequence = sequence
        for account, key, answer in self._file.execute("select account, key, answer from answers"):
            self._answers[(account, key)] = Answer(**json.loads(answer))


def _dump(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))
