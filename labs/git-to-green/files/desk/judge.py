"""Runs the learner's tests on versions of the shop: right ones, which must pass, and broken ones, which must be noticed.

judge.py unit|integration|functional     one line for each version
judge.py code unit|integration|functional   whether the learner's own code is right
"""

import fcntl
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

HOME = Path("/home/learner/shop")
REFERENCE = Path("/lab/reference")
CACHE = Path("/tmp/judged")
MODULE = {"unit": "price", "integration": "store", "functional": "page"}

# Each broken version differs from the right one in one place.
BROKEN = {
    "unit": [
        ("cups ignored", "price * cups for", "price for"),
        ("members pay as others", "goods -= goods // 10", "pass"),
        ("free only above 50000", ">= FREE_FROM", "> FREE_FROM"),
        ("free by the price before the tenth",
         "    if member:\n        goods -= goods // 10\n    return goods if goods >= FREE_FROM else goods + FEE",
         "    paid = goods - goods // 10 if member else goods\n    return paid if goods >= FREE_FROM else paid + FEE"),
        ("delivery never free", "return goods if goods >= FREE_FROM else goods + FEE", "return goods + FEE"),
    ],
    "integration": [
        ("not committed", "        self.connection.commit()  # add\n", ""),
        ("sorted as text", "ORDER BY sum(cups) DESC", "ORDER BY sum(cups)::text DESC"),
        ("apostrophe breaks it", '"INSERT INTO orders VALUES (%s, %s)", (tea, cups)', 'f"INSERT INTO orders VALUES (\'{tea}\', {cups})"'),
    ],
    "functional": [
        ("cups joined as text", "Number(at(\"cups\").value)", "at(\"cups\").value"),
        ("thanks not shown", 'at("thanks").textContent = ', "const thanks = "),
        ("basket kept after the order", "  lines = []\n  show()\n", "  lines = []\n"),
    ],
}


def versions(kind):
    right = (REFERENCE / f"{MODULE[kind]}.py").read_text()
    yield "right", right
    yield "right, written otherwise", (REFERENCE / f"{MODULE[kind]}_otherwise.py").read_text()
    for name, old, new in BROKEN[kind]:
        assert right.count(old) == 1, (kind, name)
        yield name, right.replace(old, new)


def prepare(folder, kind, text):
    """A copy of the learner's files, in which the modules are ours."""
    shutil.copytree(HOME, folder, ignore=shutil.ignore_patterns(".git", "__pycache__"))
    (folder / "shop").mkdir(exist_ok=True)
    for module in ("price", "store", "page", "day"):
        shutil.copyfile(REFERENCE / f"{module}.py", folder / f"shop/{module}.py")
    (folder / f"shop/{MODULE[kind]}.py").write_text(text)


class Collected:
    """Notes whether pytest could read every file."""

    broken = False

    def pytest_collectreport(self, report):
        self.broken = self.broken or report.failed


def run(folder, kind):
    """The exit code of pytest, or None if it did not end."""
    child = os.fork()
    if child == 0:
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        os.chdir(folder)
        signal.alarm(300)
        collected = Collected()
        code = pytest.main(["-x", "--tb=no", "-p", "no:cacheprovider", f"tests/{kind}"], plugins=[collected])
        os._exit(2 if collected.broken else int(code))
    _, status = os.waitpid(child, 0)
    try:
        os.killpg(child, signal.SIGKILL)  # A browser that a test left.
    except ProcessLookupError:
        pass
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def reap():
    """Ends browsers that nobody drives any more: a run that was broken off leaves them, and they take the memory of the next one."""
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes()
            parent = (entry / "stat").read_text().rsplit(")", 1)[1].split()[1]
            if parent == "1" and (b"chromium-headless-shell" in command or b"chromedriver" in command):
                os.kill(int(entry.name), signal.SIGKILL)
        except (OSError, ValueError, IndexError):
            pass


def judge(kind):
    if not (HOME / f"tests/{kind}").is_dir():
        return [f"no folder tests/{kind}"]
    lines = []
    for name, text in versions(kind):
        with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
            tree = Path(folder) / "shop"
            prepare(tree, kind, text)
            code = run(tree, kind)
        right = name.startswith("right")
        words = {0: "passes", 1: "fails"} if right else {0: "not noticed", 1: "noticed"}
        lines.append(f"{name}: {words.get(code, {5: 'no test', None: 'does not end'}.get(code, 'cannot run'))}")
        if right and code != 0:
            break
    return lines


PROGRAM = {
    "unit": """
from shop.price import total
for lines, member, cost in (
    ([(6000, 1)], False, 9000), ([(6000, 2), (5500, 1)], False, 20500), ([(25000, 2)], False, 50000), ([(49999, 1)], False, 52999),
    ([(60000, 1)], False, 60000), ([(50000, 1)], True, 48000), ([(55555, 1)], True, 50000), ([(55556, 1)], True, 50001), ([], False, 3000),
):
    if total(lines, member) != cost:
        print(f"total({lines}{', member=True' if member else ''}) is {total(lines, member)}, not {cost}")
        break
else:
    print("right")
""",
    "integration": """
from shop.store import Store, connect
with connect() as connection:
    connection.execute("DROP TABLE IF EXISTS orders")
    connection.commit()
    Store(connection).create()
    connection.commit()
one, other = connect(), connect()
store = Store(one)
store.add("sencha", 2)
if Store(other).best(3) != [("sencha", 2)]:
    print("an order is not there for others")
else:
    for tea, cups in (("Hana's blend", 10), ("matcha", 9), ("sencha", 1)):
        store.add(tea, cups)
    got = Store(connect()).best(2)
    print("right" if got == [("Hana's blend", 10), ("matcha", 9)] else f"best(2) is {got}")
""",
    "functional": """
import threading
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait
from shop.page import serve
server = serve()
threading.Thread(target=server.serve_forever, daemon=True).start()
options = webdriver.ChromeOptions()
options.binary_location = "/usr/bin/chromium-headless-shell"
for option in ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
    options.add_argument(option)
browser = webdriver.Chrome(options=options, service=webdriver.ChromeService("/usr/bin/chromedriver"))
def text(name):
    return browser.find_element(By.ID, name).text
def put(cups):
    field = browser.find_element(By.ID, "cups")
    field.clear()
    field.send_keys(cups)
    browser.find_element(By.ID, "add").click()
def shows(name, expected):
    try:
        WebDriverWait(browser, 20).until(lambda _: text(name) == expected)
        return True
    except Exception:
        return False
try:
    browser.get(f"http://127.0.0.1:{server.server_port}/")
    put("2")
    put("3")
    if not shows("basket", "5"):
        print(f"2 cups and 3 cups are {text('basket')}")
    else:
        browser.find_element(By.ID, "order").click()
        print("right" if shows("thanks", "Thank you: 33000 won") and shows("basket", "0") else "an order does not end as it should")
finally:
    browser.quit()
""",
}


def code(kind):
    """What the learner's own module does, next to modules that are right."""
    with tempfile.TemporaryDirectory(dir="/tmp", ignore_cleanup_errors=True) as folder:
        tree = Path(folder) / "shop"
        shutil.copytree(HOME, tree, ignore=shutil.ignore_patterns(".git", "__pycache__"))
        for module in ("price", "store", "page", "day"):
            if module != MODULE[kind]:
                shutil.copyfile(REFERENCE / f"{module}.py", tree / f"shop/{module}.py")
        # A session of its own, so that a browser that it left ends with it.
        process = subprocess.Popen([sys.executable, "-c", PROGRAM[kind]], cwd=tree, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        try:
            got, _ = process.communicate(timeout=300)
        except subprocess.TimeoutExpired:
            return ["does not end"]
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()
        return got.strip().splitlines()[:1] or ["ends with an error"]


def key(arguments):
    digest = hashlib.sha256(" ".join(arguments).encode())
    for root in (HOME, Path("/lab/reference"), Path("/lab/judge.py")):
        for path in sorted(root.rglob("*") if root.is_dir() else [root]):
            if path.is_file() and ".git" not in path.parts and "__pycache__" not in path.parts:
                digest.update(f"{path} {path.stat().st_size} ".encode() + path.read_bytes())
    return digest.hexdigest()


os.environ["DATABASE_URL"] = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/checks"
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
sys.dont_write_bytecode = True
CACHE.mkdir(exist_ok=True)
with open("/tmp/judge.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    if not HOME.is_dir():
        print("no folder shop")
        sys.exit()
    # The same files give the same answer.
    kept = CACHE / key(sys.argv[1:])
    if not kept.exists():
        reap()
        if sys.argv[1] == "code":
            lines = code(sys.argv[2])
        else:
            import pytest  # noqa: once, before the children
            import psycopg  # noqa

            lines = judge(sys.argv[1])
        # What a machine without time may have caused is asked again.
        if not any(words in line for line in lines for words in ("does not end", "fails", "cannot run", "ends with an error")):
            kept.write_text("\n".join(lines))
        print("\n".join(lines))
    else:
        print(kept.read_text())
