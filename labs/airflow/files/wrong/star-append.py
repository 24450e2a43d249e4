import pendulum
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag, task

CUSTOMERS = """
    INSERT INTO dim_customer (customer_id, name, region) VALUES (%s, %s, %s)
    ON CONFLICT (customer_id) DO UPDATE SET name = EXCLUDED.name, region = EXCLUDED.region
"""
PRODUCTS = """
    INSERT INTO dim_product (product_id, name, category) VALUES (%s, %s, %s)
    ON CONFLICT (product_id) DO UPDATE SET name = EXCLUDED.name, category = EXCLUDED.category
"""
SALES = """
    INSERT INTO fact_sales (order_id, date_key, customer_key, product_key, quantity, amount)
    SELECT %s, date_key, customer_key, product_key, %s, %s
    FROM dim_date, dim_customer, dim_product
    WHERE day = %s AND customer_id = %s AND product_id = %s
"""


def rows(query):
    return PostgresHook("shop").get_records(query)


def write(*statements):
    """All of it in one transaction: a reader sees the table before or after, never in between."""
    with PostgresHook("warehouse").get_conn() as connection, connection.cursor() as cursor:
        for statement, values in statements:
            cursor.executemany(statement, values)


@dag(schedule=None, start_date=pendulum.datetime(2025, 1, 1, tz="UTC"), max_active_runs=1)
def star():
    @task
    def customers():
        write((CUSTOMERS, rows("SELECT id, name, region FROM customer")))

    @task
    def products():
        write((PRODUCTS, rows("SELECT id, name, category FROM product")))

    @task
    def sales():
        orders = rows("SELECT id, quantity, amount, ordered_on, customer_id, product_id FROM orders")
        write((SALES, orders))

    [customers(), products()] >> sales()


star()
