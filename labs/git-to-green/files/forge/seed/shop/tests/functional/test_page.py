from selenium.webdriver.common.by import By


def test_empty_basket(browser, url):
    browser.get(url)
    assert browser.find_element(By.ID, "basket").text == "0"
