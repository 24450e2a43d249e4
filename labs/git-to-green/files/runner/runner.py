"""Takes the oldest queued run, runs it, and goes on with the next."""

import os
import time
import traceback
from pathlib import Path

from ci import CI, act, clone, jobs_of, label, remove, triggered


# Is there while a run is.
RUNNING = Path("/tmp/running")


class Gone(Exception):
    """A reset took the run away, and another may have its number by now."""


def run(number):
    here = CI / "runs" / number
    mine = str(time.monotonic_ns())
    (here / "mine").write_text(mine)

    def write(name, text):
        if (here / "mine").read_text() != mine:
            raise Gone
        # At once, so that nobody reads half of it.
        (here / f"{name}.new").write_text(text)
        (here / f"{name}.new").replace(here / name)

    repository, commit, branch, before = ((here / name).read_text().strip() for name in ("repository", "commit", "branch", "before"))
    write("result", "running\n")
    secrets = {path.name: path.read_text() for path in (CI / "secrets").iterdir()}
    tree = clone(repository, commit, branch)
    try:
        with open(here / "log", "w") as log:
            jobs, code = act(tree, repository, commit, branch, before, here / "artifacts", secrets, log, os.environ["DATABASE_URL"])
        lines = [f"{label(job, matrix)}: {result}" for job, matrix, result in jobs]
        lines += [f"{name}: skipped" for name in jobs_of(triggered(tree, branch)) if name not in {job for job, _, _ in jobs}]
        write("jobs", "".join(line + "\n" for line in lines))
        if not jobs:
            write("result", "nothing ran\n" if code == 0 else "failure\n")
        else:
            write("result", "success\n" if code == 0 else "failure\n")
    finally:
        remove(tree)


def main():
    RUNNING.unlink(missing_ok=True)
    queue = CI / "queue"
    while True:
        for path in sorted(queue.iterdir(), key=lambda path: int(path.name)):
            RUNNING.touch()
            try:
                path.unlink()  # A reset may have taken it away.
                run(path.name)
            except (Gone, FileNotFoundError):
                pass
            except Exception:
                here = CI / "runs" / path.name
                if (here / "result").exists():
                    with open(here / "log", "a") as log:
                        traceback.print_exc(file=log)
                    (here / "result").write_text("failure\n")
            RUNNING.unlink()
        time.sleep(0.2)


main()
