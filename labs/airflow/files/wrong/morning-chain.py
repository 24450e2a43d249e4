import pendulum
from airflow.sdk import dag, task


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"))
def morning():
    @task
    def extract(): ...

    @task
    def clean(): ...

    @task
    def price(): ...

    @task
    def load(): ...

    extract() >> clean() >> price() >> load()


morning()
