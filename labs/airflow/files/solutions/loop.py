"""Every morning: take yesterday's orders, count them, send the report."""

import pendulum
from airflow.sdk import dag, task


@dag(
    schedule="@daily",
    start_date=pendulum.datetime(2025, 1, 1, tz="UTC"),
    catchup=False,
    # Tomorrow's extract must not begin before today's report is out.
    max_active_runs=1,
)
def loop():
    @task
    def extract(): ...

    @task
    def count(): ...

    @task
    def report(): ...

    extract() >> count() >> report()


loop()
