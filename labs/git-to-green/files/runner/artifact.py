"""Copies files of a job to the artifacts of its run, or back."""

import glob
import os
import shutil
import sys
from pathlib import Path

store = Path(os.environ["LAB_ARTIFACTS"])
name = os.environ["NAME"]
if "/" in name or name.startswith("."):
    sys.exit(f"not a name of an artifact: {name}")

if sys.argv[1] == "upload":
    found = [Path(path) for pattern in os.environ["FILES"].split("\n") if pattern.strip()
             for path in glob.glob(pattern.strip(), recursive=True)]
    files = sorted({file for path in found for file in ([path] if path.is_file() else path.rglob("*")) if file.is_file()})
    if not files:
        print("No files were found with the provided path:", os.environ["FILES"])
        sys.exit(1 if os.environ["NONE"] == "error" else 0)
    # As GitHub: names begin below the deepest folder that all files share.
    roots = [path if path.is_dir() else path.parent for path in found]
    root = Path(os.path.commonpath([os.path.abspath(path) for path in roots]))
    if (store / name).exists():
        sys.exit(f"there is an artifact {name} already in this run")
    for file in files:
        to = store / name / Path(os.path.abspath(file)).relative_to(root)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, to)
    print(f"kept {len(files)} files as {name}")
else:
    names = [name] if name else sorted(path.name for path in store.iterdir())
    for each in names:
        if not (store / each).is_dir():
            sys.exit(f"no artifact {each} in this run")
        to = Path(os.environ["TO"]) if name else Path(os.environ["TO"]) / each
        shutil.copytree(store / each, to, dirs_exist_ok=True)
        print(f"got {each}")
