import pendulum
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task

AMOUNT = "SELECT sum(amount) FROM orders JOIN customer ON customer.id = customer_id WHERE region = %s"


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"))
def regions():
    @task
    def names():
        return ["Busan", "Daegu", "Seoul"]

    @task
    def amount(region):
        return PostgresHook("shop").get_first(AMOUNT, parameters=(region,))[0]

    @task
    def total(amounts):
        return sum(amounts)

    total(amount.expand(region=names()))


regions()
