"""Forgets every DAG, run, XCom, backfill, connection, variable and log; Airflow goes on running.

SQL on the metadata database rather than `DELETE /api/v2/dags/…`, which refuses while a task runs and knows DAGs only.
"""

import contextlib
import os
import re
import shutil
import signal
import time
from datetime import UTC, datetime
from pathlib import Path

import psycopg2
from psycopg2.errors import LockNotAvailable

# What Airflow itself needs: its schema's version, its own processes, where DAG files lie, how logs are named, pools.
KEEP = ["alembic_version", "job", "dag_bundle", "log_template", "slot_pool"]
TABLES = "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)"
# How LocalExecutor's workers call themselves while they look after a task instance, and the process that runs it.
BUSY = re.compile(rb"airflow worker -- LocalExecutor: [0-9a-f-]{36}")
TASK = re.compile(rb"airflow worker -- [0-9a-f-]{36}")


def forget(base, cursor):
    # A learner who looks around in here may have left a transaction open.
    cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
                   " AND application_name = 'psql' AND xact_start IS NOT NULL")
    cursor.execute(TABLES, (KEEP,))
    tables = [name for (name,) in cursor.fetchall()]
    base.commit()
    # The scheduler and the DAG processor break when rows vanish between their reading and their writing. This lock is only
    # given when nobody is in the middle of a transaction, and by not queueing for it nobody is held up or runs into a deadlock.
    lock = f"LOCK TABLE {', '.join([*tables, 'slot_pool'])} IN ACCESS EXCLUSIVE MODE"
    deadline = time.monotonic() + 5
    while True:
        try:
            cursor.execute(lock if time.monotonic() > deadline else f"{lock} NOWAIT")
            break
        except LockNotAvailable:
            base.rollback()
            time.sleep(0.01)
    # Every table goes, so no foreign key needs to be looked at; a session that replays, as replicas do, looks at none.
    cursor.execute("SET LOCAL session_replication_role = replica")
    for table in tables:
        cursor.execute(f"DELETE FROM {table}")
    cursor.execute("DELETE FROM slot_pool WHERE pool <> 'default_pool'")
    cursor.execute("UPDATE slot_pool SET slots = 128, include_deferred = false")
    base.commit()


def processes(name):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if name.match((process / "cmdline").read_bytes()):
                found.append(int(process.name))
    return found


def end_parsing(base, cursor):
    """Waits until the DAG processor has looked at its folder once more: what it was reading of a file that is gone by now
    would else come back as a DAG a moment after everything was forgotten."""
    begun = datetime.now(UTC)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        cursor.execute("SELECT count(*) FROM dag_bundle WHERE active AND (last_refreshed IS NULL OR last_refreshed < %s)", (begun,))
        (late,) = cursor.fetchone()
        base.commit()
        if not late:
            return
        time.sleep(0.02)


def end_tasks():
    """Waits for busy workers too: a late word about an old run could be taken for one about a new run of the same name.

    A second is what they need to see that their task has ended; one that was just about to begin a task takes longer.
    """
    deadline = time.monotonic() + 2
    while processes(BUSY) and time.monotonic() < deadline:
        for task in processes(TASK):
            with contextlib.suppress(ProcessLookupError):
                os.kill(task, signal.SIGKILL)
        time.sleep(0.05)


base = psycopg2.connect(os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", ""))
with base.cursor() as cursor:
    end_parsing(base, cursor)
    forget(base, cursor)
end_tasks()
for logs in (Path(os.environ["AIRFLOW_HOME"]) / "logs").glob("dag_id=*"):
    shutil.rmtree(logs, ignore_errors=True)
