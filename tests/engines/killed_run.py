"""A program for the restart tests: run the YAML file given on the command line with the analytic variable."""

import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    from argon_runs import analytic
    from gnncv.engines import RunConfig, run

    run(RunConfig.from_yaml(sys.argv[1]), progress=False, cv=analytic())
