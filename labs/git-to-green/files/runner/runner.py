"""Takes the oldest queued run, runs it, and goes on with the next."""

import os
import time
import traceback
from pathlib import Path

import yaml

from ci import CI, act, clone, label, remove


def jobs_of(tree):
    """The names of the jobs in all workflows, in their order."""
    names = []
    for path in sorted((tree / ".github/workflows").glob("*.y*ml")):
        try:
            workflow = yaml.safe_load(path.read_text())
            names += [name for name in workflow.get("jobs", {}) if name not in names]
        except (yaml.YAMLError, AttributeError, TypeError):
            pass
    return names


def run(number):
    here = CI / "runs" / number
    read = lambda name: (here / name).read_text().strip()
    repository, commit, branch, before = (read(name) for name in ("repository", "commit", "branch", "before"))
    (here / "result").write_text("running\n")
    secrets = {path.name: path.read_text() for path in (CI / "secrets").iterdir()}
    tree = clone(repository, commit, branch)
    try:
        with open(here / "log", "w") as log:
            jobs, code = act(tree, repository, commit, branch, before, here / "artifacts", secrets, log, os.environ["DATABASE_URL"])
        lines = [f"{label(job, matrix)}: {result}" for job, matrix, result in jobs]
        lines += [f"{name}: skipped" for name in jobs_of(tree) if name not in {job for job, _, _ in jobs}]
        (here / "jobs").write_text("".join(line + "\n" for line in lines))
        if not jobs:
            result = "nothing ran" if code == 0 else "failure"
        else:
            result = "success" if code == 0 else "failure"
        (here / "result").write_text(result + "\n")
    finally:
        remove(tree)


def main():
    queue = CI / "queue"
    while True:
        for path in sorted(queue.iterdir(), key=lambda path: int(path.name)):
            path.unlink(missing_ok=True)
            try:
                run(path.name)
            except FileNotFoundError:
                pass  # A reset took the run away.
            except Exception:
                traceback.print_exc()
                result = CI / "runs" / path.name / "result"
                if result.exists():
                    result.write_text("failure\n")
        time.sleep(0.2)


main()
