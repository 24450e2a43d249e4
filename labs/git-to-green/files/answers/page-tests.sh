cat > shop/tests/functional/test_page.py <<'END'
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait


def test_order(browser, url):
    def text(name):
        return browser.find_element(By.ID, name).text

    browser.get(url)
    for cups in ("2", "3"):
        field = browser.find_element(By.ID, "cups")
        field.clear()
        field.send_keys(cups)
        browser.find_element(By.ID, "add").click()
    assert text("basket") == "5"
    browser.find_element(By.ID, "order").click()
    WebDriverWait(browser, 20).until(lambda _: text("thanks"))
    assert text("thanks") == "Thank you: 33000 won"
    assert text("basket") == "0"
END
