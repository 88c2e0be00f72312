"""Generates millions of posts in PostgreSQL, with the same mix of statuses for every author."""

from __future__ import annotations

import sqlalchemy as sa

from app.store.engine import normalise_url
from app.store.schema.tables import attempts, posts, transitions

PER_AUTHOR = 1_000  # posts of each author, equal in small and large databases
AUTHOR = "author-0"
AGENCY = "agency"  # owns a tenth of a large database
COMPANY, CLIENT = "md5('company-' || who)::uuid", "md5('client-' || who || k % 4)::uuid"

# `n` counts all posts, `who` is the author, `k` counts the posts of one author. Of 100 posts, 10 are scheduled, 5 are
# drafts, 2 failed, 3 are cancelled, and 80 were published over the last year.
NUMBERED = f"""
    SELECT n, k, spread, who,
        CASE WHEN k % 100 < 10 THEN 'scheduled' WHEN k % 100 < 15 THEN 'draft' WHEN k % 100 < 17 THEN 'failed'
             WHEN k % 100 < 20 THEN 'cancelled' ELSE 'published' END AS status,
        now() - interval '365 days' * (1 - spread) AS at
    FROM (
        SELECT n, k, who,
            (k + 0.5)::float8 / (CASE WHEN who = '{AGENCY}' THEN :of_agency ELSE {PER_AUTHOR} END) AS spread
        FROM (
            SELECT n, CASE WHEN n < :of_agency THEN n ELSE (n - :of_agency) % {PER_AUTHOR} END AS k,
                CASE WHEN n < :of_agency THEN '{AGENCY}'
                     ELSE 'author-' || ((n - :of_agency) / {PER_AUTHOR}) END AS who
            FROM generate_series(0, :number - 1) AS n
        ) AS numbers
    ) AS spreads
"""
POSTS = f"""
INSERT INTO posts (id, user_id, company_id, client_id, social_account_id, platform, post_type, content, media, status,
    scheduled_at, next_attempt_at, generation, attempt, retry_count, arm_count, message_id, external_post_id,
    published_at, lateness_ms, error_code, created_at, updated_at)
SELECT md5('post-' || n)::uuid, who, CASE WHEN k % 5 = 0 THEN {COMPANY} END, CASE WHEN k % 5 = 0 THEN {CLIENT} END,
    md5('account-' || who)::uuid, (ARRAY['linkedin', 'linkedin', 'facebook', 'instagram'])[1 + k % 4], 'post',
    repeat('A post as long as many are. ', 10), '[]', status,
    CASE status WHEN 'draft' THEN NULL WHEN 'cancelled' THEN NULL WHEN 'scheduled' THEN due ELSE at END,
    CASE status WHEN 'scheduled' THEN due END,
    1, CASE WHEN status IN ('published', 'failed') THEN 1 ELSE 0 END, 0, 1,
    CASE status WHEN 'scheduled' THEN 'msg_' || n END, CASE status WHEN 'published' THEN 'urn:li:share:' || n END,
    CASE status WHEN 'published' THEN at END, CASE status WHEN 'published' THEN k % 40 END,
    CASE status WHEN 'failed' THEN 'missed' END, at - interval '3 days', at
FROM (SELECT *, now() + interval '1 day' + interval '25 days' * spread AS due FROM ({NUMBERED}) AS numbered) AS made
"""
ATTEMPTS = """
INSERT INTO attempts (post_id, attempt, generation, trigger, started_at, sent_at, finished_at, lateness_ms, outcome)
SELECT id, 1, 1, 'message', updated_at, updated_at, updated_at, coalesce(lateness_ms, 5), status
FROM posts WHERE status IN ('published', 'failed')
"""
TRANSITIONS = """
INSERT INTO transitions (post_id, at, to_status, reason, actor, generation, attempt)
SELECT id, created_at, 'draft', 'created', 'user', 0, 0 FROM posts
"""
ACCOUNTS = """
INSERT INTO social_accounts (id, user_id, platform, external_id, account_name, access_token, status, connected_at,
    created_at, updated_at)
SELECT md5('account-' || user_id)::uuid, user_id, 'linkedin', 'urn:li:person:1', 'Ann', 'sealed:token', 'active', now(),
    now(), now()
FROM (SELECT DISTINCT user_id FROM posts) AS authors
"""
COMPANIES = """
INSERT INTO companies (id, name, created_at, updated_at)
SELECT DISTINCT company_id, 'Acme', now(), now() FROM posts WHERE company_id IS NOT NULL
"""
MEMBERS = """
INSERT INTO memberships (company_id, user_id, role, created_at)
SELECT DISTINCT company_id, user_id, 'owner', now() FROM posts WHERE company_id IS NOT NULL
"""
OVERDUE = """
UPDATE posts SET next_attempt_at = now() - interval '1 hour' + interval '10 minutes' * random(), swept_at = NULL,
    updated_at = now() WHERE status = 'scheduled'
"""
UNARMED = """
UPDATE posts SET next_attempt_at = now() + interval '1 day' * random(), message_id = NULL, swept_at = NULL,
    updated_at = now() - interval '1 hour' WHERE status = 'scheduled'
"""
# Simulates the message service between two sweeps: all armed posts are delivered and published.
DELIVERED = """
UPDATE posts SET status = 'published', published_at = now(), next_attempt_at = NULL, message_id = NULL, swept_at = NULL
WHERE status = 'scheduled' AND swept_at IS NOT NULL
"""


def engine_for(url: str) -> sa.Engine:
    return sa.create_engine(normalise_url(url), poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")


def fill(url: str, number: int) -> None:
    """Fill an empty, migrated database with `number` posts and their related rows, then analyze it.

    To save time, the indexes are created afterwards and foreign keys are not checked.
    """
    of_agency = number // 10 if number >= 10 * PER_AUTHOR else 0
    indexes = [index for table in (posts, attempts, transitions) for index in table.indexes]
    with engine_for(url).connect() as connection:
        connection.execute(sa.text("SET session_replication_role = replica"))
        for index in indexes:
            index.drop(connection)
        connection.execute(sa.text(POSTS), {"number": number, "of_agency": of_agency})
        for statement in (ATTEMPTS, TRANSITIONS, ACCOUNTS, COMPANIES, MEMBERS):
            connection.execute(sa.text(statement))
        for index in indexes:
            index.create(connection)
    vacuum(url)


def change(url: str, statement: str) -> None:
    """Execute OVERDUE or UNARMED for all scheduled posts, then vacuum."""
    execute(url, statement)
    vacuum(url)


def vacuum(url: str) -> None:
    execute(url, "VACUUM ANALYZE")


def execute(url: str, statement: str) -> None:
    with engine_for(url).connect() as connection:
        connection.execute(sa.text(statement))
