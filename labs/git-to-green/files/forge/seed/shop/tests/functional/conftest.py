import threading

import pytest
from selenium import webdriver

from shop.page import serve


@pytest.fixture
def browser():
    """Chromium without a window."""
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium-headless-shell"
    # The container is the sandbox: Chromium's own needs rights that a container
    # of this lab has not got. Nothing but our own page is opened.
    for option in ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
        options.add_argument(option)
    driver = webdriver.ChromeService("/usr/bin/chromedriver")
    browser = webdriver.Chrome(options=options, service=driver)
    yield browser
    browser.quit()


@pytest.fixture
def url():
    """The address of the page, served for this test."""
    server = serve()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
