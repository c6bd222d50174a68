"""One process of a run: ``python audited_run.py RUN.YAML``, with the variable's lists audited.

Prints a line of JSON at each restart point: the step, the memory in use, and the counts of the audit.
"""

import json
import sys

from audit import Audit

from gnncv.engines import RunConfig, run
from gnncv.engines.folder import Folder

KILOBYTE = 1024


def resident_memory() -> int:
    """Memory of this process in bytes, as the operating system counts it."""
    with open("/proc/self/status") as file:
        line = next(line for line in file if line.startswith("VmRSS:"))
    return int(line.split()[1]) * KILOBYTE


if __name__ == "__main__":
    config = RunConfig.from_yaml(sys.argv[1])
    cv = Audit(str(config.cv))
    save = Folder.save

    def save_and_tell(folder: Folder, generation) -> None:
        save(folder, generation)
        facts = {"step": generation.step, "memory": resident_memory(), **cv.report()}
        print(json.dumps(facts), flush=True)

    Folder.save = save_and_tell  # type: ignore[method-assign]
    run(config, progress=False, cv=cv)
