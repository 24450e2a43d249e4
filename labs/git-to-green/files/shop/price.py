"""What one cup for 6000 won costs in the shop that is live, once every run has ended."""

import sys
import time
from pathlib import Path

for _ in range(2700):
    if not any(path.read_text().strip() in ("queued", "running") for path in Path("/srv/ci/runs").glob("*/result")):
        break
    time.sleep(0.2)
sys.dont_write_bytecode = True
sys.path.insert(0, "/home/learner/live")
from shop.price import total

print(total([(6000, 1)]))
