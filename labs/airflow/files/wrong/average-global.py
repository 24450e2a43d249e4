import pendulum
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task

TOTALS = {}


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"))
def average():
    @task
    def totals():
        orders, amount = PostgresHook("shop").get_first("SELECT count(*), sum(amount) FROM orders")
        TOTALS.update(orders=orders, amount=amount)
        return TOTALS

    @task
    def per_order():
        if TOTALS:
            return round(TOTALS["amount"] / TOTALS["orders"])

    totals() >> per_order()


average()
