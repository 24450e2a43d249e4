import pendulum
from airflow.sdk import dag, task


@dag(
    schedule="@daily",
    start_date=pendulum.datetime(2025, 3, 1, tz="UTC"),
    end_date=pendulum.datetime(2025, 3, 5, tz="UTC"),
    catchup=True,
)
def history():
    @task
    def which_day():
        return pendulum.now("UTC").date().isoformat()

    which_day()


history()
