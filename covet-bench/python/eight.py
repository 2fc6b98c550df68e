"""One contender of the eight rows in Python: asked in lines of JSON on stdin, it answers in lines of JSON on stdout.

    {"count": N, "row": NAME}  ->  {"ns": [..]}        N operations, each timed alone
    {"answer": NAME}           ->  {"answer": ..}      what the operation came to, for comparison
    {"hello": FOLDER}          ->  {"versions": {..}}  first of all: where data is and databases may be

The standard library's json and sqlite3 with their defaults; `orjson` as an argument takes its place for JSON."""

import asyncio
import json
import os
import platform
import sqlite3
import sys
from time import perf_counter_ns

if "orjson" in sys.argv:
    import orjson

    dumps, loads = orjson.dumps, orjson.loads
    versions = {"orjson": orjson.__version__}
else:
    dumps, loads = json.dumps, json.loads
    versions = {"json": "of the standard library"}
versions |= {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version}

COLUMNS = "id, name, category, price, quantity, active, note, created"
SELECT = f"SELECT {COLUMNS} FROM items WHERE id >= ? ORDER BY id LIMIT 100"
INSERT = f"INSERT INTO items ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
UPDATE = "UPDATE items SET quantity = ? WHERE id = ?"
ROWS = 10_000
CALLS = 1_000


class Json:
    def __init__(self, folder: str):
        def read(name):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()

        self.texts = {name: read(f"{name}.json") for name in ("users50", "users_1mb", "string_1mb")}
        self.values = {name: json.loads(text) for name, text in self.texts.items()}

    def encode(self, name: str, count: int) -> list[int]:
        value, taken = self.values[name], []
        for _ in range(count):
            start = perf_counter_ns()
            dumps(value)
            taken.append(perf_counter_ns() - start)
        return taken

    def decode(self, name: str, count: int) -> list[int]:
        text, taken = self.texts[name], []
        for _ in range(count):
            start = perf_counter_ns()
            loads(text)
            taken.append(perf_counter_ns() - start)
        return taken

    async def gather(self, count: int) -> list[int]:
        value, taken = self.values["users50"], []

        async def one():
            return dumps(value)

        for _ in range(count):
            start = perf_counter_ns()
            await asyncio.gather(*(one() for _ in range(20)))
            taken.append(perf_counter_ns() - start)
        return taken


async def call(count: int) -> list[int]:
    """Nanoseconds of one `await`, from a thousand at a time."""

    async def nothing():
        return None

    taken = []
    for _ in range(count):
        start = perf_counter_ns()
        for _ in range(CALLS):
            await nothing()
        taken.append((perf_counter_ns() - start) // CALLS)
    return taken


class Sql:
    def __init__(self, folder: str, path: str):
        self.conn = sqlite3.connect(path, isolation_level=None)
        if path != ":memory:":
            self.conn.execute("PRAGMA journal_mode = WAL")
            self.conn.execute("PRAGMA synchronous = FULL")
        with open(os.path.join(folder, "items.sql"), encoding="utf-8") as file:
            self.conn.executescript(file.read())
        self.selected = self.inserted = self.updated = 0

    def select(self, count: int) -> list[int]:
        taken = []
        for _ in range(count):
            self.selected += 1
            key = self.selected * 7_919 % (ROWS - 100) + 1
            start = perf_counter_ns()
            self.conn.execute(SELECT, (key,)).fetchall()
            taken.append(perf_counter_ns() - start)
        return taken

    def insert(self, count: int) -> list[int]:
        taken = []
        for _ in range(count):
            self.inserted += 1
            row = (1_000_000 + self.inserted, "blue chair", "chairs", 12.5, 7, True, None, "2025-01-01T00:00:00Z")
            start = perf_counter_ns()
            self.conn.execute(INSERT, row)
            taken.append(perf_counter_ns() - start)
        return taken

    def update(self, count: int) -> list[int]:
        taken = []
        for _ in range(count):
            self.updated += 1
            values = (self.updated % 1_000, self.updated * 7_919 % ROWS + 1)
            start = perf_counter_ns()
            self.conn.execute(UPDATE, values)
            taken.append(perf_counter_ns() - start)
        return taken

    def sums(self) -> list:
        sql = "SELECT COUNT(*), SUM(id), SUM(id * quantity) FROM items"
        return list(self.conn.execute(sql).fetchone())


def text(encoded) -> str:
    return encoded if isinstance(encoded, str) else encoded.decode()


def main() -> None:
    docs = memory = disk = None
    for line in sys.stdin:
        asked = json.loads(line)
        if "hello" in asked:
            folder = asked["hello"]
            docs = Json(folder)
            memory = Sql(folder, ":memory:")
            disk = Sql(folder, os.path.join(folder, f"python-{os.getpid()}.sqlite3"))
            answer = {"versions": versions}
        elif "answer" in asked:
            answers = {
                "encode50": lambda: json.loads(text(dumps(docs.values["users50"]))),
                "decode50": lambda: loads(docs.texts["users50"]),
                "megabyte": lambda: json.loads(text(dumps(docs.values["users_1mb"]))),
                "string": lambda: json.loads(text(dumps(docs.values["string_1mb"]))),
                "select": lambda: memory.conn.execute(SELECT, (4_711,)).fetchall(),
                "insert": memory.sums,
                "update": memory.sums,
                "insert_file": disk.sums,
                "update_file": disk.sums,
                "await": lambda: None,
                "gather": lambda: [json.loads(text(dumps(docs.values["users50"]))), 20],
            }
            answer = {"answer": answers[asked["answer"]]()}
        else:
            count = asked["count"]
            runs = {
                "encode50": lambda: docs.encode("users50", count),
                "decode50": lambda: docs.decode("users50", count),
                "megabyte": lambda: docs.encode("users_1mb", count),
                "string": lambda: docs.encode("string_1mb", count),
                "select": lambda: memory.select(count),
                "insert": lambda: memory.insert(count),
                "update": lambda: memory.update(count),
                "insert_file": lambda: disk.insert(count),
                "update_file": lambda: disk.update(count),
                "await": lambda: asyncio.run(call(count)),
                "gather": lambda: asyncio.run(docs.gather(count)),
            }
            answer = {"ns": runs[asked["row"]]()}
        print(json.dumps(answer), flush=True)


main()
