"""Forgets every DAG, run, XCom, backfill, connection, variable and log; Airflow goes on running.

SQL on the metadata database rather than `DELETE /api/v2/dags/…`, which refuses while a task runs and knows DAGs only.
"""

import contextlib
import os
import re
import shutil
import signal
import time
from pathlib import Path

import psycopg2

# What Airflow itself needs: its schema's version, its own processes, where DAG files lie, how logs are named, pools.
# Import errors go with their files: the DAG processor sees to that every second.
KEEP = ["alembic_version", "job", "dag_bundle", "log_template", "slot_pool", "import_error"]
TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)"
PAUSE = "UPDATE dag SET is_paused = true"
END = [
    "UPDATE dag_run SET state = 'failed' WHERE state IN ('queued', 'running')",
    "UPDATE task_instance SET state = 'failed' WHERE state IS NULL"
    " OR state NOT IN ('success', 'failed', 'skipped', 'upstream_failed', 'removed')",
    "UPDATE backfill SET completed_at = now() WHERE completed_at IS NULL",
]
# How LocalExecutor's workers call themselves while they look after a task instance, and the process that runs it.
BUSY = re.compile(rb"airflow worker -- LocalExecutor: [0-9a-f-]{36}")
TASK = re.compile(rb"airflow worker -- [0-9a-f-]{36}")


def change(cursor, statements):
    """All in one transaction, again if another one had the rows first; gives the number of rows it changed."""
    while True:
        try:
            changed = 0
            for statement in statements:
                cursor.execute(statement)
                changed += cursor.rowcount
            cursor.connection.commit()
            return changed
        except psycopg2.extensions.TransactionRollbackError:
            cursor.connection.rollback()


def processes(name):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if name.match((process / "cmdline").read_bytes()):
                found.append(int(process.name))
        except OSError:
            pass
    return found


cursor = psycopg2.connect(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")).cursor()

# A scheduler in the middle of a run must not lose the rows that it is about to update, and must not take a late word about
# an old run for one about a new run of the same name. So first everything ends, and only then everything goes.
deadline = time.monotonic() + 5
change(cursor, [PAUSE])
while time.monotonic() < deadline:
    if change(cursor, END):
        for task in processes(TASK):
            with contextlib.suppress(ProcessLookupError):
                os.kill(task, signal.SIGKILL)
        # A whole turn of the scheduler's loop: did it begin anything new?
        time.sleep(0.5)
    elif processes(BUSY):
        time.sleep(0.05)
    else:
        break

# Nobody else looks at foreign keys either while this session replays, as replicas do.
cursor.execute(TABLES, (KEEP,))
deletes = [f'DELETE FROM "{name}"' for (name,) in cursor.fetchall()]
change(cursor, ["SET LOCAL session_replication_role = replica", *deletes,
                "DELETE FROM slot_pool WHERE pool <> 'default_pool'",
                "UPDATE slot_pool SET slots = 128, include_deferred = false"])

for logs in (Path(os.environ["AIRFLOW_HOME"]) / "logs").glob("dag_id=*"):
    shutil.rmtree(logs, ignore_errors=True)
