"""The endpoints on FastAPI with response models, served by uvicorn: what waits for the database is a plain function, which
FastAPI runs in its thread pool, as its documents advise."""

from typing import Annotated

import store
from fastapi import Depends, FastAPI, Header, HTTPException, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel

app = FastAPI()


class Message(BaseModel):
    message: str


class World(BaseModel):
    id: int
    random_number: int


class User(BaseModel):
    id: int
    name: str
    email: str
    score: float
    active: int


class NewUser(BaseModel):
    name: str
    email: str
    score: float = 0.0
    active: bool = True


class Id(BaseModel):
    id: int


def signed_in(authorization: Annotated[str | None, Header()] = None) -> None:
    if not store.signed_in(authorization):
        raise HTTPException(401)


@app.get("/plaintext", response_class=PlainTextResponse)
async def plaintext() -> str:
    return "Hello, World!"


@app.get("/json")
async def message() -> Message:
    return Message(message="Hello, World!")


@app.get("/db")
def db() -> World:
    return World(**store.world(store.connection(), store.random_id()))


@app.get("/queries")
def queries(n: str | None = None) -> list[World]:
    return [World(**row) for row in store.worlds(store.clamp(n))]


@app.get("/updates")
def updates(n: str | None = None) -> list[World]:
    return [World(**row) for row in store.update(store.clamp(n))]


@app.get("/cached")
def cached(n: str | None = None) -> list[World]:
    return [World(**row) for row in store.cached(store.clamp(n))]


@app.get("/users/{key}", dependencies=[Depends(signed_in)])
def user(key: int) -> User:
    row = store.user(key)
    if row is None:
        raise HTTPException(404)
    return User(**row)


@app.post("/users", status_code=201, dependencies=[Depends(signed_in)])
def add(new: NewUser, response: Response) -> Id:
    try:
        key = store.add(new.name, new.email, new.score, new.active)
    except store.Taken as taken:
        raise HTTPException(409) from taken
    response.headers["location"] = f"/users/{key}"
    return Id(id=key)
