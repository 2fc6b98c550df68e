"""What the three Python servers share: the database by the standard library's sqlite3, the tokens by PyJWT, the cache by
cachetools. Settings come from the environment: DATABASE, JWKS (a file)."""

import json
import os
import random
import sqlite3
import threading

import jwt
from cachetools import TTLCache

WORLDS = 10_000
READ = "SELECT id, random_number FROM world WHERE id = ?"

_local = threading.local()
_cache: TTLCache = TTLCache(maxsize=100_000, ttl=10)
_cache_lock = threading.Lock()
# sqlite3's writers of one process take turns here instead of sleeping in SQLite's busy loop.
_write_lock = threading.Lock()
_revoked: set[str] = set()

with open(os.environ["JWKS"], encoding="utf-8") as _file:
    _key = jwt.PyJWK(json.load(_file)["keys"][0]).key


class Taken(Exception):
    """Another user has this address."""


def connection() -> sqlite3.Connection:
    """This thread's connection."""
    conn = getattr(_local, "conn", None)
    if conn is None:
        conn = sqlite3.connect(os.environ["DATABASE"], isolation_level=None, timeout=5, check_same_thread=False)
        conn.execute("PRAGMA journal_mode = WAL")
        conn.execute("PRAGMA synchronous = FULL")
        _local.conn = conn
    return conn


def random_id() -> int:
    return random.randint(1, WORLDS)


def clamp(text) -> int:
    try:
        return max(1, min(500, int(text)))
    except (TypeError, ValueError):
        return 1


def world(conn: sqlite3.Connection, key: int) -> dict:
    row = conn.execute(READ, (key,)).fetchone()
    return {"id": row[0], "random_number": row[1]}


def worlds(count: int) -> list[dict]:
    conn = connection()
    return [world(conn, random_id()) for _ in range(count)]


def update(count: int) -> list[dict]:
    conn = connection()
    with _write_lock:
        conn.execute("BEGIN IMMEDIATE")
        try:
            changed = []
            for _ in range(count):
                row = world(conn, random_id())
                row["random_number"] = random_id()
                conn.execute("UPDATE world SET random_number = ? WHERE id = ?", (row["random_number"], row["id"]))
                changed.append(row)
            conn.execute("COMMIT")
        except BaseException:
            conn.execute("ROLLBACK")
            raise
    forget(changed)
    return changed


def forget(changed: list[dict]) -> None:
    with _cache_lock:
        for row in changed:
            _cache.pop(row["id"], None)


def cached(count: int, load=None) -> list[dict]:
    found = []
    for _ in range(count):
        key = random_id()
        with _cache_lock:
            row = _cache.get(key)
        if row is None:
            row = world(connection(), key) if load is None else load(key)
            with _cache_lock:
                _cache[key] = row
        found.append(row)
    return found


def user(key: int) -> dict | None:
    row = connection().execute("SELECT id, name, email, score, active FROM user WHERE id = ?", (key,)).fetchone()
    return row and {"id": row[0], "name": row[1], "email": row[2], "score": row[3], "active": row[4]}


def add(name: str, email: str, score: float, active: bool) -> int:
    conn = connection()
    with _write_lock:
        try:
            sql = "INSERT INTO user (name, email, score, active) VALUES (?, ?, ?, ?)"
            return conn.execute(sql, (name, email, score, active)).lastrowid
        except sqlite3.IntegrityError as error:
            raise Taken from error


def signed_in(header: str | None) -> bool:
    """Whether the header holds a token that is verified and not revoked."""
    if not header or not header.startswith("Bearer "):
        return False
    try:
        claims = jwt.decode(
            header[7:], _key, algorithms=["ES256"], issuer="https://service.example", audience="service"
        )
    except jwt.PyJWTError:
        return False
    return claims["jti"] not in _revoked
