"""The page's way to restore a backup also holds for a backup from before an upgrade."""

import os
import subprocess
from pathlib import Path
from shutil import which

import sqlalchemy as sa
from alembic import command

from app.store.engine import normalise_url
from app.store.health import newest_migration
from app.store.migrate import configuration, upgrade
from tests.pages.markdown import Page
from tests.pages.shell import SECONDS, reader_folder
from tests.support.databases import PostgresDatabases

BEFORE = "0022"  # later migrations add tables that refer to those of the backup
TODAY = "INSERT INTO companies VALUES (gen_random_uuid(), 'Of today', now(), now())"


def test_backup_of_an_older_schema_replaces_everything(postgresql_databases: PostgresDatabases, tmp_path: Path):
    (back_up,) = (block for block in Page("docs/operating.md").blocks() if "pg_dump --format" in block.text[:20])
    (restore,) = (block for block in Page("docs/operating.md").blocks() if "pg_restore" in block.text)
    dump, restored = back_up.text.splitlines()[0], restore.text.split("after-restore --dry-run")[0].rpartition("\n")[0]
    folder = reader_folder(tmp_path, str(which("curl")))
    with postgresql_databases.blank() as url:
        command.upgrade(configuration(url), BEFORE)
        env = os.environ | {
            "DATABASE_URL": url.replace("+psycopg2", ""),
            "PATH": f"{folder}/shims:{os.environ['PATH']}",
        }
        engine = sa.create_engine(normalise_url(url), poolclass=sa.NullPool)
        for script in (dump, restored):
            command_line = ["bash", "-euc", script]
            done = subprocess.run(command_line, cwd=folder, env=env, capture_output=True, text=True, timeout=SECONDS)
            assert done.returncode == 0, done.stderr
            if script == dump:
                upgrade(url)
                with engine.begin() as connection:
                    connection.execute(sa.text(TODAY))
        with engine.connect() as connection:
            assert connection.scalar(sa.text("SELECT count(*) FROM companies")) == 0
            assert connection.scalar(sa.text("SELECT version_num FROM alembic_version")) == newest_migration()
