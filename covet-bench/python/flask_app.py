"""The endpoints on Flask, served by gunicorn."""

import store
from flask import Flask, abort, jsonify, request

app = Flask(__name__)


def need_token() -> None:
    if not store.signed_in(request.headers.get("authorization")):
        abort(401)


@app.get("/plaintext")
def plaintext():
    return "Hello, World!", {"content-type": "text/plain; charset=utf-8"}


@app.get("/json")
def message():
    return jsonify(message="Hello, World!")


@app.get("/db")
def db():
    return jsonify(store.world(store.connection(), store.random_id()))


@app.get("/queries")
def queries():
    return jsonify(store.worlds(store.clamp(request.args.get("n"))))


@app.get("/updates")
def updates():
    return jsonify(store.update(store.clamp(request.args.get("n"))))


@app.get("/cached")
def cached():
    return jsonify(store.cached(store.clamp(request.args.get("n"))))


@app.get("/users/<int:key>")
def user(key: int):
    need_token()
    row = store.user(key)
    return jsonify(row) if row else abort(404)


@app.post("/users")
def add():
    need_token()
    new = request.get_json()
    try:
        key = store.add(new["name"], new["email"], new.get("score", 0.0), new.get("active", True))
    except store.Taken:
        abort(409)
    return jsonify(id=key), 201, {"location": f"/users/{key}"}
