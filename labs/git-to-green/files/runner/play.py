"""Plays the workflow of a branch on a commit that is broken on purpose, and says which jobs ran. It changes nothing.

play.py gate JOB PART…      whether JOB still ran when PART was broken
play.py branch JOB…         which of the jobs run on another branch
play.py legs                the legs of `unit` when the day of an order depends on the time zone
play.py day                 whether the day of an order is right in every time zone
play.py winter              whether the winter sale is in the right months
"""

import fcntl
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from ci import ENV, act, clone, jobs_of, remove, workflows_of

REPOSITORY = "shop"
DATABASE = os.environ["DATABASE_URL"].rsplit("/", 1)[0] + "/plays"
BROKEN = {
    "price": ("shop/price.py", "\n\ndef total(*_, **__):\n    return -1\n"),
    "store": ("shop/store.py", "\n\nStore.create = lambda self: self.connection.execute('broken')\n"),
    "page": ("shop/page.py", "\n\nPAGE = '<title>broken</title>'\n"),
    "day": ("shop/day.py", "\n\ndef day(at):\n    from datetime import datetime as d\n    return d.fromtimestamp(at).date().isoformat()\n"),
    "nothing": None,
}
# The tests that notice it.
KIND = {"price": "unit", "day": "unit", "store": "integration", "page": "functional"}
CACHE = Path("/tmp/plays")


def git(tree, *arguments):
    return subprocess.run(["git", *arguments], cwd=tree, env=ENV, check=True, capture_output=True, text=True).stdout.strip()


def head():
    answer = subprocess.run(["git", "ls-remote", f"git@forge:{REPOSITORY}.git", "refs/heads/main"], env=ENV, check=True,
                            capture_output=True, text=True).stdout.split()
    return answer[0]


def play(commit, branch, part):
    """[(job, matrix, result)] of a run of `commit` as the head of `branch`, with `part` broken."""
    CACHE.mkdir(exist_ok=True)
    tree = clone(REPOSITORY, commit, branch)
    try:
        # The same files and the same workflow give the same result.
        code = b"".join(path.read_bytes() for path in sorted(Path("/lab").rglob("*")) if path.is_file())
        key = hashlib.sha256(f"{git(tree, 'rev-parse', 'HEAD^{tree}')} {branch} {part}".encode() + code).hexdigest()
        kept = CACHE / key
        if kept.exists():
            return json.loads(kept.read_text())
        # The tests of this kind decide; the others are green, so that they cannot stand in for them.
        for kind in ("unit", "integration", "functional"):
            if kind != KIND.get(part):
                remove(tree / "tests" / kind)
                (tree / "tests" / kind).mkdir(parents=True)
                (tree / "tests" / kind / "test_green.py").write_text("def test_green():\n    pass\n")
        if BROKEN[part]:
            name, addition = BROKEN[part]
            with open(tree / name, "a") as file:
                file.write(addition)
        if part == "day":
            (tree / "tests/unit/test_day.py").write_text(
                "from datetime import datetime, timezone\n\nfrom shop.day import day\n\n\n"
                "def test_late_in_the_evening():\n"
                "    at = datetime(2026, 11, 26, 23, 30, tzinfo=timezone.utc)\n"
                "    assert day(at.timestamp()) == '2026-11-27'\n")
            for path in (tree / ".github/workflows").glob("*.y*ml"):
                finish_all_legs(path)
        git(tree, "add", "--all")
        git(tree, "-c", "user.name=play", "-c", "user.email=play@haru.example", "commit", "-q", "--no-verify", "-m", "Broken on purpose")
        with tempfile.TemporaryDirectory() as artifacts:
            jobs, _ = act(tree, REPOSITORY, git(tree, "rev-parse", "HEAD"), branch, commit, Path(artifacts), {}, io.StringIO(), DATABASE)
        if jobs:
            kept.write_text(json.dumps(jobs))
        return jobs
    finally:
        remove(tree)


def jobs_at(commit):
    """The names of the jobs in the workflows of a commit."""
    tree = clone(REPOSITORY, commit, "main")
    try:
        return jobs_of(workflows_of(tree))
    finally:
        remove(tree)


def finish_all_legs(path):
    """Rewrites a workflow so that a red leg does not cancel the others."""
    workflow = yaml.safe_load(path.read_text())
    workflow["on"] = workflow.pop(True, workflow.get("on"))
    for job in workflow["jobs"].values():
        if "matrix" in (job.get("strategy") or {}):
            job["strategy"]["fail-fast"] = False
    path.write_text(yaml.safe_dump(workflow, sort_keys=False))


def ran(jobs, name):
    return any(job == name and result != "skipped" for job, _, result in jobs)


def answer(what, arguments):
    commit = head()
    needed = {"gate": arguments[:1], "branch": arguments, "legs": ["unit"]}.get(what, [])
    missing = [job for job in needed if job not in jobs_at(commit)]
    if missing:
        print(f"no job {missing[0]}")
    elif what == "gate":
        job, *parts = arguments
        for part in parts:
            passed = ran(play(commit, "main", part), job)
            print(f"{part} broken: {job} {'ran' if passed else 'stopped'}", flush=True)
            if passed:
                break
    elif what == "branch":
        jobs = play(commit, "trial", "nothing")
        for job in arguments:
            print(f"{job}: {'ran' if ran(jobs, job) else 'did not run'}")
    elif what == "legs":
        lines = set()
        for job, matrix, result in play(commit, "main", "day"):
            if job == "unit":
                zone = [str(value) for value in matrix.values() if str(value) in ("UTC", "Asia/Seoul")]
                if zone:
                    lines.add(f"{zone[0]}: {'red' if result == 'failure' else 'green'}")
        print("\n".join(sorted(lines)))
    else:
        tree = clone(REPOSITORY, commit, "main")
        try:
            module, program = {
                "day": ("shop/day.py", "from datetime import datetime as d, timezone as z; from shop.day import day; "
                        "print([str(day(d(2026, 11, *t, tzinfo=z.utc).timestamp())) for t in ((26, 23, 30), (26, 14, 59), (26, 15, 0))])"),
                "winter": ("shop/season.py", "from shop.season import winter; print([m for m in range(1, 13) if winter(m)])"),
            }[what]
            if not (tree / module).exists():
                print(f"{module} is not there")
                return
            expected = {"day": "['2026-11-27', '2026-11-26', '2026-11-27']", "winter": "[1, 2, 12]"}[what]
            for zone in ("Asia/Seoul", "UTC", "America/New_York"):
                got = subprocess.run([sys.executable, "-c", program], cwd=tree, env={**ENV, "TZ": zone, "PYTHONDONTWRITEBYTECODE": "1"},
                                     capture_output=True, text=True, timeout=60)
                if got.stdout.strip() != expected:
                    print(f"wrong in {zone}" if what == "day" else "wrong")
                    return
            print("right")
        finally:
            remove(tree)


os.chdir("/tmp")
with open("/tmp/play.lock", "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    answer(sys.argv[1], sys.argv[2:])
