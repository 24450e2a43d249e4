import pendulum
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"))
def average():
    @task
    def totals():
        orders, amount = PostgresHook("shop").get_first("SELECT count(*), sum(amount) FROM orders")
        return {"orders": orders, "amount": amount}

    @task
    def per_order(totals):
        return round(totals["amount"] / totals["orders"])

    per_order(totals())


average()
