import pendulum
from airflow.sdk import dag, task


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"), params={"rows": 0})
def gate():
    @task.branch
    def look(params):
        return "load" if params["rows"] > 0 else "nothing"

    @task
    def load(): ...

    @task
    def nothing(): ...

    @task
    def report(): ...

    look() >> [load(), nothing()] >> report()


gate()
