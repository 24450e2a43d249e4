"""Where the shop runs. Port 8000 takes a deployment from whoever has the token, port 8080 is the shop itself."""

import io
import os
import shutil
import subprocess
import sys
import tarfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOME = Path("/home/learner")
LIVE = HOME / "live"
TOKEN = HOME / "token"
RECORD = Path("/srv/ci/deployed")
lock = threading.Lock()
child = None


def tree_of(folder):
    """The name that Git gives the folder `shop` of a commit with these files."""
    env = {**os.environ, "GIT_DIR": str(HOME / "hash.git"), "GIT_WORK_TREE": str(folder), "GIT_INDEX_FILE": str(HOME / "hash.index")}
    git = lambda *arguments: subprocess.run(["git", *arguments], cwd=folder, env=env, check=True, capture_output=True, text=True).stdout.strip()
    if not (HOME / "hash.git").exists():
        subprocess.run(["git", "init", "-q", "--bare", env["GIT_DIR"]], check=True)
        (HOME / "hash.git/info").mkdir(exist_ok=True)
        (HOME / "hash.git/info/exclude").write_text("__pycache__/\n")
    (HOME / "hash.index").unlink(missing_ok=True)
    git("add", "shop")
    return git("write-tree", "--prefix=shop/")


def start():
    global child
    if child and child.poll() is None:
        child.terminate()
        child.wait()
    child = None
    if (LIVE / "shop").is_dir():
        child = subprocess.Popen([sys.executable, "-m", "shop"], cwd=LIVE, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


def deploy(data):
    new = HOME / "new"
    with lock:
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir()
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.extractall(new, filter="data")
        if not (new / "shop/__main__.py").is_file():
            raise ValueError("the archive has no folder `shop`")
        tree = tree_of(new)
        shutil.rmtree(LIVE, ignore_errors=True)
        new.rename(LIVE)
        start()
        with RECORD.open("a") as record:
            record.write(tree + "\n")


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.answer(200, "POST a .tar.gz with the folder shop to /deploy\n")

    def do_POST(self):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = TOKEN.read_text().strip() if TOKEN.exists() else None
        if self.path != "/deploy":
            self.answer(404, "there is /deploy\n")
        elif not token or self.headers.get("Authorization") != f"Bearer {token}":
            self.answer(401, "the token is missing or wrong\n")
        else:
            try:
                deploy(data)
            except (tarfile.TarError, ValueError, OSError, subprocess.SubprocessError) as error:
                self.answer(400, f"{error}\n")
            else:
                self.answer(200, "deployed\n")

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


with lock:
    start()
ThreadingHTTPServer(("", 8000), Handler).serve_forever()
