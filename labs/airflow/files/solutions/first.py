import pendulum
from airflow.sdk import dag, task


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"))
def first():
    @task
    def hello():
        return "the shop is open"

    hello()


first()
