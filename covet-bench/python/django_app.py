"""The endpoints on Django with its ORM, in one file, served by gunicorn. No middleware: none of the endpoints needs any."""

import json
import os

import store
from django.conf import settings

settings.configure(
    ALLOWED_HOSTS=["*"],
    DEBUG=False,
    ROOT_URLCONF=__name__,
    MIDDLEWARE=[],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ["DATABASE"],
            "CONN_MAX_AGE": None,
            "OPTIONS": {
                "init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                "timeout": 5,
                "transaction_mode": "IMMEDIATE",
            },
        }
    },
)

import django  # noqa: E402

django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import IntegrityError, models, transaction  # noqa: E402
from django.http import HttpResponse, JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


class World(models.Model):
    id = models.IntegerField(primary_key=True)
    random_number = models.IntegerField()

    class Meta:
        app_label = "bench"
        db_table = "world"
        managed = False


class User(models.Model):
    id = models.AutoField(primary_key=True)
    name = models.TextField()
    email = models.TextField(unique=True)
    score = models.FloatField()
    active = models.IntegerField()

    class Meta:
        app_label = "bench"
        db_table = "user"
        managed = False


def row(world: World) -> dict:
    return {"id": world.id, "random_number": world.random_number}


def read(key: int) -> World:
    return World.objects.get(id=key)


def plaintext(_):
    return HttpResponse("Hello, World!", content_type="text/plain")


def message(_):
    return JsonResponse({"message": "Hello, World!"})


def db(_):
    return JsonResponse(row(read(store.random_id())))


def queries(request):
    count = store.clamp(request.GET.get("n"))
    return JsonResponse([row(read(store.random_id())) for _ in range(count)], safe=False)


def updates(request):
    changed = []
    with transaction.atomic():
        for _ in range(store.clamp(request.GET.get("n"))):
            world = read(store.random_id())
            world.random_number = store.random_id()
            world.save(update_fields=["random_number"])
            changed.append(row(world))
    store.forget(changed)
    return JsonResponse(changed, safe=False)


def cached(request):
    found = store.cached(store.clamp(request.GET.get("n")), load=lambda key: row(read(key)))
    return JsonResponse(found, safe=False)


def user(request, key: int):
    if not store.signed_in(request.headers.get("authorization")):
        return HttpResponse(status=401)
    found = User.objects.filter(id=key).values("id", "name", "email", "score", "active").first()
    return JsonResponse(found) if found else HttpResponse(status=404)


def users(request):
    if request.method != "POST":
        return HttpResponse(status=405)
    if not store.signed_in(request.headers.get("authorization")):
        return HttpResponse(status=401)
    new = json.loads(request.body)
    try:
        added = User.objects.create(
            name=new["name"],
            email=new["email"],
            score=new.get("score", 0.0),
            active=int(new.get("active", True)),
        )
    except IntegrityError:
        return HttpResponse(status=409)
    return JsonResponse({"id": added.id}, status=201, headers={"location": f"/users/{added.id}"})


urlpatterns = [
    path("plaintext", plaintext),
    path("json", message),
    path("db", db),
    path("queries", queries),
    path("updates", updates),
    path("cached", cached),
    path("users/<int:key>", user),
    path("users", users),
]

app = get_wsgi_application()
