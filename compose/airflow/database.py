"""Waits for PostgreSQL and makes the metadata database. Exit code 1: it is there, but empty, and has to be migrated."""

import os
import sys
import time
from pathlib import Path

import psycopg2

URL = os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
SERVER, NAME = URL.rsplit("/", 1)
# Only the recipe's image has it.
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


server = connect(f"{SERVER}/postgres")
server.autocommit = True
cursor = server.cursor()
cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (NAME,))
if not cursor.fetchone():
    cursor.execute(f'CREATE DATABASE "{NAME}"')

with connect(URL) as base, base.cursor() as cursor:
    cursor.execute("SELECT to_regclass('public.alembic_version')")
    if cursor.fetchone() == (None,):
        if not SCHEMA.exists():
            sys.exit(1)
        cursor.execute(SCHEMA.read_text())
