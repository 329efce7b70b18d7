"""A small Meilisearch with state: the endpoints that the search package calls, in memory, on a free loopback port.

It follows the server's published behaviour (tasks, settings, filters, typo tolerance, prefixes, synonyms, ranking
rules, facets, swaps) closely enough to run the real client against it, and refuses what the real one refuses:
attributes that are not filterable, sortable or facets, unknown indexes, a wrong key. It is not a search engine: every
question reads every document.
"""

import json
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.fakes.meilisearch_filter import FilterError, compile_filter, distance_metres

Document = dict[str, Any]
EPOCH = "2030-01-01T00:00:00.000000Z"
DEFAULT_SETTINGS: dict[str, Any] = {
    "searchableAttributes": ["*"],
    "filterableAttributes": [],
    "sortableAttributes": [],
    "rankingRules": ["words", "typo", "proximity", "attributeRank", "sort", "wordPosition", "exactness"],
    "stopWords": [],
    "synonyms": {},
    "typoTolerance": {"minWordSizeForTypos": {"oneTypo": 5, "twoTypos": 9}, "disableOnNumbers": False},
    "faceting": {"maxValuesPerFacet": 100},
    "pagination": {"maxTotalHits": 1000},
}


class Refused(Exception):
    """An error answer."""

    def __init__(self, status: int, code: str, message: str = "") -> None:
        super().__init__(message or code)
        self.status = status
        self.body = {"message": message or code, "code": code, "type": "invalid_request", "link": ""}


@dataclass
class Index:
    """One index."""

    uid: str
    primary_key: str | None
    settings: dict[str, Any] = field(default_factory=lambda: dict(DEFAULT_SETTINGS))
    documents: dict[str, Document] = field(default_factory=dict)


@dataclass
class Match:
    """How a document answers the words: how many, with how many typos, how exactly, in which attribute."""

    words: int
    typos: int
    inexact: int
    attribute: int


class FakeMeilisearch:
    """The server. `requests` keeps what was asked, as method, path and body; `sent` what came over the wire, with the
    query parameters."""

    def __init__(self, api_key: str | None = None) -> None:
        self.api_key = api_key
        self.indexes: dict[str, Index] = {}
        self.tasks: list[dict[str, Any]] = []
        self.requests: list[tuple[str, str, Any]] = []
        self.sent: list[tuple[str, str, dict[str, str], Any]] = []
        self.before: Callable[[str, str], None] | None = None
        """Called with method and path before each request is handled; may raise `Refused`."""
        self._lock = threading.Lock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                address = urlsplit(self.path)
                body = json.loads(raw) if raw else None
                fake.sent.append((self.command, address.path, dict(parse_qsl(address.query)), body))
                status, answer = fake.handle(self.command, address.path, body, self.headers)
                content = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                self.handle_any()

            def do_POST(self) -> None:
                self.handle_any()

            def do_PATCH(self) -> None:
                self.handle_any()

            def do_DELETE(self) -> None:
                self.handle_any()

            def log_message(self, format: str, *args: object) -> None:
                """Stay silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def handle(self, method: str, path: str, body: Any, headers: Any) -> tuple[int, Any]:
        self.requests.append((method, path, body))
        try:
            if self.before is not None:
                self.before(method, path)
            if self.api_key and path != "/health" and headers.get("Authorization") != f"Bearer {self.api_key}":
                raise Refused(403, "invalid_api_key")
            with self._lock:
                return self._route(method, path.strip("/").split("/"), body)
        except (Refused, FilterError) as error:
            refused = error if isinstance(error, Refused) else Refused(400, "invalid_search_filter", str(error))
            return refused.status, refused.body

    def _route(self, method: str, parts: list[str], body: Any) -> tuple[int, Any]:
        match method, parts:
            case "GET", ["health"]:
                return 200, {"status": "available"}
            case "GET", ["tasks", number]:
                return 200, self.tasks[int(number)]
            case "POST", ["indexes"]:
                return 202, self._task(
                    "indexCreation", body["uid"], lambda: self._create(body["uid"], body.get("primaryKey"))
                )
            case "POST", ["swap-indexes"]:
                return 202, self._task("indexSwap", None, lambda: [self._swap(*pair["indexes"]) for pair in body])
            case "POST", ["multi-search"]:
                return 200, {"results": [{"indexUid": q["indexUid"], **self._search(q)} for q in body["queries"]]}
            case "GET", ["indexes", uid]:
                index = self._index(uid)
                return 200, {"uid": uid, "primaryKey": index.primary_key, "createdAt": EPOCH, "updatedAt": EPOCH}
            case "DELETE", ["indexes", uid]:
                return 202, self._task("indexDeletion", uid, lambda: self.indexes.pop(self._index(uid).uid))
            case "GET", ["indexes", uid, "stats"]:
                return 200, self._stats(self._index(uid))
            case "GET", ["indexes", uid, "settings", "synonyms"]:
                return 200, self._index(uid).settings["synonyms"]
            case "PATCH", ["indexes", uid, "settings"]:
                return 202, self._task("settingsUpdate", uid, lambda: self._index(uid).settings.update(body))
            case "POST", ["indexes", uid, "documents"]:
                return 202, self._task("documentAdditionOrUpdate", uid, lambda: self._add(uid, body))
            case "POST", ["indexes", uid, "documents", "delete"]:
                return 202, self._task("documentDeletion", uid, lambda: self._delete(self._index(uid), body["filter"]))
            case "POST", ["indexes", uid, "facet-search"]:
                return 200, self._facet_search(self._index(uid), body)
        raise Refused(404, "not_found", f"{method} /{'/'.join(parts)}")

    # Tasks and indexes

    def _task(self, kind: str, uid: str | None, work: Callable[[], object]) -> dict[str, Any]:
        """Do the work at once, and remember how it went: errors of a task are in the task, not in the answer."""
        task: dict[str, Any] = {
            "uid": len(self.tasks),
            "indexUid": uid,
            "status": "succeeded",
            "type": kind,
            "enqueuedAt": EPOCH,
        }
        try:
            work()
        except (Refused, FilterError) as error:
            task |= {"status": "failed", "error": getattr(error, "body", {"code": "invalid_document_filter"})}
        self.tasks.append(task)
        return {"taskUid": task["uid"], "indexUid": uid, "status": "enqueued", "type": kind, "enqueuedAt": EPOCH}

    def _index(self, uid: str) -> Index:
        if uid not in self.indexes:
            raise Refused(404, "index_not_found", f"Index `{uid}` not found.")
        return self.indexes[uid]

    def _create(self, uid: str, primary_key: str | None) -> None:
        if uid in self.indexes:
            raise Refused(409, "index_already_exists")
        self.indexes[uid] = Index(uid, primary_key)

    def _swap(self, one: str, other: str) -> None:
        first, second = self._index(one), self._index(other)
        first.uid, second.uid = other, one
        self.indexes[one], self.indexes[other] = second, first

    def _add(self, uid: str, documents: list[Document]) -> None:
        index = self.indexes.setdefault(uid, Index(uid, "id"))
        for document in documents:
            key = str(document.get(index.primary_key or "id", ""))
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,511}", key):
                raise Refused(400, "invalid_document_id", key)
            index.documents[key] = document

    def _delete(self, index: Index, expression: Any) -> None:
        passes = compile_filter(expression, index.settings["filterableAttributes"])
        index.documents = {key: document for key, document in index.documents.items() if not passes(document)}

    def _stats(self, index: Index) -> dict[str, Any]:
        sizes = dict.fromkeys(("indexSize", "usedIndexSize", "rawDocumentDbSize", "avgDocumentSize"), 0)
        return {"numberOfDocuments": len(index.documents), "isIndexing": False, "fieldDistribution": {}, **sizes}

    # Search

    def _search(self, question: dict[str, Any]) -> dict[str, Any]:
        index = self._index(question["indexUid"])
        settings = index.settings
        passes = compile_filter(question.get("filter"), settings["filterableAttributes"])
        terms = Terms(question.get("q") or "", settings)
        found = [
            (match, document)
            for document in index.documents.values()
            if passes(document)
            and (match := terms.match(document, question.get("matchingStrategy", "last"))) is not None
        ]
        ordering = Ordering(settings, question.get("sort") or [], terms)
        found.sort(key=lambda pair: ordering.key(*pair))
        facets = question.get("facets") or []
        for name in facets:
            if name not in settings["filterableAttributes"]:
                raise Refused(400, "invalid_search_facets", name)
        answer: dict[str, Any] = {"query": question.get("q") or "", "processingTimeMs": 0}
        if facets:
            answer["facetDistribution"] = {name: _counts(found, name, settings) for name in facets}
        most = settings["pagination"]["maxTotalHits"]
        if "page" in question or "hitsPerPage" in question:
            size = question.get("hitsPerPage", 20)
            start = (question.get("page", 1) - 1) * size
            answer |= {"totalHits": min(len(found), most), "page": question.get("page", 1), "hitsPerPage": size}
        else:
            start, size = question.get("offset", 0), question.get("limit", 20)
            answer |= {"estimatedTotalHits": min(len(found), most), "limit": size, "offset": start}
        wanted = question.get("attributesToRetrieve")
        answer["hits"] = [
            {name: value for name, value in document.items() if wanted is None or name in wanted}
            | ({"_rankingScore": 1 / (1 + match.typos + match.inexact)} if question.get("showRankingScore") else {})
            for match, document in found[start : min(start + size, most)]
        ]
        return answer

    def _facet_search(self, index: Index, body: dict[str, Any]) -> dict[str, Any]:
        name, query = body["facetName"], body.get("facetQuery") or ""
        if name not in index.settings["filterableAttributes"]:
            raise Refused(400, "invalid_facet_search_facet_name", name)
        counts = Counter(value for document in index.documents.values() for value in _values(document, name))
        hits = [
            {"value": value, "count": count}
            for value, count in counts.items()
            if any(" ".join(tokens(value)[at:]).startswith(query) for at in range(len(tokens(value))))
        ]
        hits.sort(key=lambda hit: (-hit["count"], hit["value"]))
        return {"facetHits": hits[:100], "facetQuery": query, "processingTimeMs": 0}


class Terms:
    """The words of a question as the server reads them: at most ten, the last one half typed, synonyms, typos."""

    def __init__(self, text: str, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.is_open = bool(text) and text[-1].isalnum()
        words = tokens(text)[:10]
        self.words = [word for word in words if word not in settings["stopWords"]]
        self.synonyms = {tuple(tokens(k)): [tokens(v) for v in values] for k, values in settings["synonyms"].items()}

    def match(self, document: Document, strategy: str) -> Match | None:
        if not self.words:
            return Match(0, 0, 0, 0)
        attributes = [
            [tokens(value) for value in _values(document, name)] for name in self.settings["searchableAttributes"]
        ]
        best: dict[int, tuple[int, int, int]] = {}
        for start in range(len(self.words)):
            for length in range(1, min(3, len(self.words) - start) + 1):
                phrase = tuple(self.words[start : start + length])
                for other in self.synonyms.get(phrase, []):
                    at = next(
                        (i for i, texts in enumerate(attributes) if any(_holds(text, other) for text in texts)), None
                    )
                    if at is not None:
                        for position in range(start, start + length):
                            best[position] = min(best.get(position, (9, 9, 9)), (0, 1, at))
            found = self._word(start, attributes)
            if found is not None:
                best[start] = min(best.get(start, (9, 9, 9)), found)
        matched = next((i for i in range(len(self.words)) if i not in best), len(self.words))
        if matched == 0 or (strategy == "all" and matched < len(self.words)):
            return None
        used = [best[i] for i in range(matched)]
        return Match(matched, sum(u[0] for u in used), sum(u[1] for u in used), min(u[2] for u in used))

    def _word(self, position: int, attributes: list[list[list[str]]]) -> tuple[int, int, int] | None:
        word = self.words[position]
        is_prefix = self.is_open and position == len(self.words) - 1
        tolerance = self.settings["typoTolerance"]
        sizes = tolerance["minWordSizeForTypos"]
        allowed = (len(word) >= sizes["oneTypo"]) + (len(word) >= sizes["twoTypos"])
        if tolerance["disableOnNumbers"] and word.isdecimal():
            allowed = 0
        best: tuple[int, int, int] | None = None
        for at, texts in enumerate(attributes):
            for other in (other for text in texts for other in text):
                if other == word:
                    found = (0, 0, at)
                elif is_prefix and other.startswith(word):
                    found = (0, 1, at)
                elif abs(len(other) - len(word)) <= allowed and (typos := _typos(word, other)) <= allowed:
                    found = (typos, 1, at)
                else:
                    continue
                best = found if best is None else min(best, found)
        return best


class Ordering:
    """The ranking rules of an index as a sort key."""

    def __init__(self, settings: dict[str, Any], sort: list[str], terms: Terms) -> None:
        self.rules: list[str] = settings["rankingRules"]
        self.sort = sort
        for rule in sort:
            name = "_geo" if rule.startswith("_geoPoint") else rule.rsplit(":", 1)[0]
            if name not in settings["sortableAttributes"]:
                raise Refused(400, "invalid_search_sort", name)

    def key(self, match: Match, document: Document) -> list[Any]:
        key: list[Any] = []
        for rule in self.rules:
            if rule == "sort":
                key += [self._by(part, document) for part in self.sort]
            elif ":" in rule:
                key.append(self._by(rule, document))
            else:
                key.append(
                    {
                        "words": -match.words,
                        "typo": match.typos,
                        "exactness": match.inexact,
                        "attributeRank": match.attribute,
                    }.get(rule, 0)
                )
        return key

    def _by(self, rule: str, document: Document) -> tuple[bool, Any]:
        if rule.startswith("_geoPoint"):
            lat, lon = map(float, re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", rule)[:2])
            place = document.get("_geo")
            return (place is None, distance_metres(lat, lon, place["lat"], place["lng"]) if place else 0)
        name, direction = rule.rsplit(":", 1)
        assert direction == "asc"
        return (document.get(name) is None, document.get(name))


def tokens(text: str) -> list[str]:
    """Lower case, without accents, cut at everything that is no letter and no digit."""
    spread = unicodedata.normalize("NFKD", text.lower())
    return re.findall(r"[^\W_]+", "".join(c for c in spread if not unicodedata.combining(c)))


def _values(document: Document, name: str) -> list[str]:
    value = document.get(name)
    return [str(v) for v in (value if isinstance(value, list) else [] if value is None else [value])]


def _counts(found: list[tuple[Match, Document]], name: str, settings: dict[str, Any]) -> dict[str, int]:
    counts = Counter(value for _, document in found for value in _values(document, name))
    return dict(counts.most_common(settings["faceting"]["maxValuesPerFacet"]))


def _holds(text: list[str], phrase: list[str]) -> bool:
    return any(text[i : i + len(phrase)] == phrase for i in range(len(text) - len(phrase) + 1))


def _typos(word: str, other: str) -> int:
    """Damerau-Levenshtein distance (optimal alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(word, 1):
        row = [i]
        for j, compared in enumerate(other, 1):
            row.append(min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (letter != compared)))
            if i > 1 and j > 1 and letter == other[j - 2] and word[i - 2] == compared:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]
