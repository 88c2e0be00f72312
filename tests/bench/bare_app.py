"""The least that a scheduling call over HTTP can do: check a token, INSERT, publish one message, UPDATE.

It validates nothing, shares nothing fairly and keeps no history. Granian serves it with the local stack's settings,
under the paths of Punctual's routes.
"""

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import jwt
import requests
from flask import Flask, Response, jsonify, request
from psycopg2.pool import ThreadedConnectionPool
from requests.adapters import HTTPAdapter

CONNECTIONS = 20
SERVICE_SECONDS = 10.0
SCHEMA = "CREATE TABLE bare_posts (id uuid PRIMARY KEY, user_id text, due timestamptz, message_id text)"
INSERT = "INSERT INTO bare_posts (id, user_id, due) VALUES (%s, %s, %s)"
STORE_ID = "UPDATE bare_posts SET message_id = %s WHERE id = %s"
TAKE_ID = "UPDATE bare_posts SET due = NULL WHERE id = %s AND user_id = %s RETURNING message_id"


def create_app(settings: Mapping[str, str]) -> Flask:
    app = Flask(__name__, static_folder=None)
    pool = ThreadedConnectionPool(1, CONNECTIONS, settings["DATABASE_URL"])
    service, session = settings["QSTASH_URL"], requests.Session()
    session.mount("http://", HTTPAdapter(pool_maxsize=CONNECTIONS))
    session.headers["Authorization"] = f"Bearer {settings['QSTASH_TOKEN']}"
    session.trust_env = False
    publish_url = f"{service}/v2/publish/{settings['PUBLIC_BASE_URL']}/api/posts/dispatch"

    def user() -> str:
        token = request.headers["Authorization"].removeprefix("Bearer ")
        return str(jwt.decode(token, settings["AUTH_JWT_SECRET"], ["HS256"], options={"verify_aud": False})["sub"])

    @app.get("/healthz")
    def healthz() -> Response:
        return jsonify(status="ok")

    @app.post("/api/posts/<post_id>/schedule")
    def schedule(post_id: str) -> Response:
        due = datetime.fromisoformat(request.get_json()["scheduledAt"])
        _execute(pool, INSERT, post_id, user(), due)
        headers = {"Upstash-Not-Before": str(int(due.timestamp())), "Upstash-Deduplication-Id": post_id}
        published = session.post(publish_url, json={"postId": post_id}, headers=headers, timeout=SERVICE_SECONDS)
        published.raise_for_status()
        message_id = published.json()["messageId"]
        _execute(pool, STORE_ID, message_id, post_id)
        return jsonify(status="scheduled", armed=True, messageId=message_id, warnings=[])

    @app.post("/api/posts/<post_id>/unschedule")
    def unschedule(post_id: str) -> Response:
        message_id = _execute(pool, TAKE_ID, post_id, user())
        session.delete(f"{service}/v2/messages/{message_id}", timeout=SERVICE_SECONDS).raise_for_status()
        return jsonify(status="unscheduled")

    return app


def _execute(pool: ThreadedConnectionPool, statement: str, *values: Any) -> Any:
    """Execute one statement, committed by itself. Returns the first value of its first row, None without rows."""
    connection = pool.getconn()
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            row = cursor.fetchone() if cursor.description else None
    finally:
        pool.putconn(connection)
    return row[0] if row else None


def from_environment() -> Flask:
    return create_app(os.environ)
