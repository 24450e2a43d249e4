"""Runs the workflows of a commit with act, and says what became of each job."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import yaml

CI = Path("/srv/ci")
ENV = {**os.environ, "HOME": "/home/learner", "GIT_SSH_COMMAND": "ssh -o BatchMode=yes"}
# What GitHub would fetch from its own repositories is here.
ACTIONS = [
    ("upload-artifact", ["v3", "v4", "v5", "v6"]),
    ("download-artifact", ["v3", "v4", "v5", "v6"]),
    ("setup-python", ["v4", "v5", "v6"]),
]
NOISE = re.compile(r"LocalRepositoryCache|valid docker connection")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
SYSTEMS = ["ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "self-hosted"]


def clone(repository, commit, branch):
    """A clone in a folder of its own, with `commit` as the head of `branch`."""
    tree = Path(tempfile.mkdtemp(prefix="run-"))
    command = ["git", "clone", "-q", "--no-checkout", f"git@forge:{repository}.git", tree]
    for _ in range(3):
        if subprocess.run(command, env=ENV).returncode == 0:
            break
        time.sleep(1)
    subprocess.run(["git", "checkout", "-q", "-B", branch, commit], cwd=tree, env=ENV, check=True)
    return tree


def act(tree, repository, commit, branch, before, artifacts, secrets, log, database):
    """Runs the workflows of a push, writes the log, and returns [(job, matrix, result)]."""
    files = triggered(tree, branch)
    if not files:
        log.write(f"no workflow runs on a push to {branch}\n")
        return [], 0
    workflows = tree.parent / (tree.name + ".workflows")
    workflows.mkdir()
    for path in files:
        shutil.copyfile(path, workflows / path.name)
        let_red_jobs_pass(workflows / path.name)
    event = tree.parent / (tree.name + ".json")
    event.write_text(json.dumps({
        "ref": f"refs/heads/{branch}", "before": before, "after": commit, "head_commit": {"id": commit},
        "repository": {"name": repository, "full_name": f"haru/{repository}", "default_branch": "main", "owner": {"name": "haru"}},
    }))
    secret_file = tree.parent / (tree.name + ".secrets")
    secret_file.touch(mode=0o600)
    secret_file.write_text("".join(f"{name}={json.dumps(value)}\n" for name, value in secrets.items()))
    artifacts.mkdir(parents=True, exist_ok=True)
    command = [
        "act", "push", "--workflows", str(workflows), "--json", "--concurrent-jobs", "1", "--pull=false", "--no-cache-server", "--rm",
        "--eventpath", str(event), "--secret-file", str(secret_file), "--env-file", "/dev/null", "--var-file", "/dev/null",
        "--env", f"DATABASE_URL={database}", "--env", f"LAB_ARTIFACTS={artifacts}", "--env", "PYTHONDONTWRITEBYTECODE=1",
    ]
    for system in SYSTEMS:
        command += ["-P", f"{system}=-self-hosted"]
    for action, versions in ACTIONS:
        for version in versions:
            command += ["--local-repository", f"actions/{action}@{version}=/lab/actions/{action}"]
    jobs, failed = {}, {}
    process = subprocess.Popen(command, cwd=tree, env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    for line in process.stdout:
        try:
            entry = json.loads(line)
        except ValueError:
            log.write(line)
            continue
        if not isinstance(entry, dict):
            continue
        name = entry.get("job", "")
        message = COLOUR.sub("", entry.get("msg", "")).rstrip("\n")
        if entry.get("jobID"):
            key = (entry["jobID"], json.dumps(entry.get("matrix") or {}, sort_keys=True))
            jobs.setdefault(key, "started")
            if entry.get("stepResult") == "failure":
                failed[key] = failed.get(key, 0) + 1
            elif message == "Failed but continue next step":
                failed[key] = failed.get(key, 0) - 1
            if entry.get("jobResult"):
                jobs[key] = entry["jobResult"]
                # act has one result for all legs of a matrix; a leg is red only if a step of it failed.
                others = any(failed.get(other, 0) > 0 for other in jobs if other[0] == key[0] and other != key)
                if jobs[key] == "failure" and failed.get(key, 0) <= 0 and others:
                    jobs[key] = "success"
                    message = message.replace("Job failed", "Job succeeded")
        if not NOISE.search(message):
            log.write(f"[{name}] {message}\n" if name else f"{message}\n")
            log.flush()
    code = process.wait()
    for path in (event, secret_file):
        path.unlink(missing_ok=True)
    remove(workflows)
    return [(job, json.loads(matrix), result) for (job, matrix), result in jobs.items()], code


def let_red_jobs_pass(path):
    """`continue-on-error` of a job, which act does not know: on GitHub, a job that needs this one runs although it is red."""
    workflow = read(path)
    red = [job for job in workflow["jobs"].values() if isinstance(job, dict) and job.pop("continue-on-error", None) is True] if workflow else []
    if not red:
        return
    for job in red:
        for step in job.get("steps") or []:
            step.setdefault("continue-on-error", True)
    workflow["on"] = workflow.pop(True, workflow.get("on"))
    path.write_text(yaml.safe_dump(workflow, sort_keys=False, allow_unicode=True))


def read(path):
    """A workflow as an object, or None if it is none."""
    try:
        workflow = yaml.safe_load(path.read_text())
    except (yaml.YAMLError, UnicodeDecodeError):
        return None
    return workflow if isinstance(workflow, dict) and isinstance(workflow.get("jobs"), dict) else None


def workflows_of(tree):
    folder = tree / ".github/workflows"
    return sorted(path for path in folder.glob("*") if path.suffix in (".yaml", ".yml") and path.is_file())


def triggered(tree, branch):
    """The workflows that GitHub runs on a push to `branch`: act looks at the name of the event alone.

    Whatever is no workflow is among them, because act says what is wrong with it.
    """
    return [path for path in workflows_of(tree) if (workflow := read(path)) is None or on_push(workflow, branch)]


def on_push(workflow, branch):
    events = workflow.get("on", workflow.get(True))  # To YAML 1.1, `on` is true.
    if not isinstance(events, dict):
        return events == "push" or isinstance(events, list) and "push" in events
    if "push" not in events:
        return False
    push = events["push"] if isinstance(events["push"], dict) else {}
    patterns = lambda key: [push[key]] if isinstance(push[key], str) else list(push[key] or [])
    if "branches" in push:
        runs = False
        for pattern in map(str, patterns("branches")):
            # The last one that fits decides.
            if fits(pattern.removeprefix("!"), branch):
                runs = not pattern.startswith("!")
        return runs
    if "branches-ignore" in push:
        return not any(fits(str(pattern), branch) for pattern in patterns("branches-ignore"))
    return not ("tags" in push or "tags-ignore" in push)


def fits(pattern, name):
    """Whether a pattern of GitHub fits the whole name: `*` stops at a slash, `**` does not, `?` and `+` count what is before them."""
    expression = ""
    for part in re.findall(r"\*\*|\[[^]]+\]|\\.|.", pattern):
        if part in ("?", "+") or len(part) > 1 and part != "**":
            expression += part
        else:
            expression += {"**": ".*", "*": "[^/]*"}.get(part, re.escape(part))
    try:
        return re.fullmatch(expression, name) is not None
    except re.error:
        return False


def jobs_of(files):
    """The names of the jobs in workflows, in their order."""
    names = []
    for path in files:
        names += [name for name in (read(path) or {"jobs": {}})["jobs"] if name not in names]
    return names


def label(job, matrix):
    return job + "".join(f" {value}" for value in matrix.values())


def remove(tree):
    shutil.rmtree(tree, ignore_errors=True)
