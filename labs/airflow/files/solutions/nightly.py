import pendulum
from airflow.sdk import dag, task


@dag(
    schedule="30 2 * * *",
    start_date=pendulum.datetime(2025, 1, 1, tz="Asia/Seoul"),
    catchup=False,
)
def nightly():
    @task
    def close_the_day(): ...

    close_the_day()


nightly()
