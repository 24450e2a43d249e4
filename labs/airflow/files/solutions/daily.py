import pendulum
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task

COUNT = "SELECT count(*), coalesce(sum(amount), 0) FROM orders WHERE ordered_on = %s"
INSERT = "INSERT INTO daily_sales (day, orders, amount) VALUES (%s, %s, %s)"


@dag(schedule="@daily", start_date=pendulum.datetime(2025, 3, 1, tz="UTC"), catchup=False)
def daily():
    @task
    def load(ds):
        orders, amount = PostgresHook("shop").get_first(COUNT, parameters=(ds,))
        with PostgresHook("warehouse").get_conn() as connection, connection.cursor() as cursor:
            cursor.execute("DELETE FROM daily_sales WHERE day = %s", (ds,))
            cursor.execute(INSERT, (ds, orders, amount))

    load()


daily()
