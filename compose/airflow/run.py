"""All of a small Airflow in one container: the three parts that nothing works without, forked from one process.

Airflow's modules are most of its memory and most of its start; loaded once before the fork, all parts share them, and
they are loaded while the database is still coming up.
"""

import contextlib
import gc
import importlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

PARTS = [
    ["api-server"],
    # Task logs lie in this container, so nobody needs to fetch them from a log server.
    ["scheduler", "--skip-serve-logs"],
    ["dag-processor"],
]
SHARED = [
    "airflow.cli.cli_parser",
    "airflow.cli.commands.api_server_command",
    "airflow.cli.commands.dag_processor_command",
    "airflow.cli.commands.scheduler_command",
    "airflow.api_fastapi.app",
    "airflow.api_fastapi.core_api.app",
    "airflow.api_fastapi.execution_api.app",
    "airflow.dag_processing.manager",
    "airflow.executors.local_executor",
    "airflow.jobs.scheduler_job_runner",
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
]
# What an empty, migrated database holds. Only the recipe's image has it, the official one migrates.
SCHEMA = Path("/opt/metadata.sql")


def connect(url):
    deadline = time.monotonic() + 120
    while True:
        try:
            return psycopg2.connect(url, connect_timeout=3)
        except psycopg2.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def prepare_database():
    url = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    server, name = url.rsplit("/", 1)
    base = connect(f"{server}/postgres")
    base.autocommit = True
    cursor = base.cursor()
    cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,))
    if not cursor.fetchone():
        cursor.execute(f'CREATE DATABASE "{name}"')
    base.close()

    base = connect(url)
    with base, base.cursor() as cursor:
        cursor.execute("SELECT to_regclass('public.alembic_version')")
        migrated = cursor.fetchone() != (None,)
        if not migrated and SCHEMA.exists():
            cursor.execute(SCHEMA.read_text())
            migrated = True
    base.close()
    if not migrated:
        subprocess.run(["airflow", "db", "migrate"], check=True)


def write_passwords():
    path = Path(os.environ["AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"])
    path.write_text(json.dumps({os.environ["LAB_USER"]: os.environ["LAB_PASSWORD"]}))


def start(part):
    process = os.fork()
    if process == 0:
        from airflow.__main__ import main
        from setproctitle import setproctitle

        setproctitle(f"airflow {part[0]}")
        sys.argv = ["airflow", *part]
        main()
        os._exit(0)
    return process


write_passwords()
for module in SHARED:
    # A version of Airflow that has it elsewhere starts more slowly, that is all.
    with contextlib.suppress(ImportError):
        importlib.import_module(module)
prepare_database()

gc.freeze()
running = {start(part): part for part in PARTS}
while True:
    ended, _ = os.wait()
    if part := running.pop(ended, None):
        # As a service manager would do it.
        time.sleep(1)
        running[start(part)] = part
