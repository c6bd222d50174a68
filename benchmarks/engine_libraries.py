"""Time OpenMM and ASE as `gnncv run` drives them: a process of its own for each round.

    python benchmarks/engine_libraries.py REQUEST.json

Started by engines.py. The request names the engine, the frames, the model and the cases with their numbers of
steps; the answer, a line of JSON, has the seconds of each case, or what went wrong.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from time import process_time
from typing import Any

WARM_UP = 12  # steps, a multiple of four; TorchScript compiles itself within the first few evaluations


def configuration(request: dict[str, Any], case: dict[str, Any], output: Path) -> Any:
    """The run of examples/argon or examples/openmm_plumed, with the bias of this case."""
    from gnncv.engines import RunConfig

    facts: dict[str, Any] = {
        "engine": request["engine"], "start": {"structure": request["frames"], "index": -1}, "steps": 10**6,
        "system": {
            "kind": "lennard-jones", "cutoff_angstrom": 9.1935, "tail_correction": True,
            "species": {"Ar": {"sigma_angstrom": 3.405, "epsilon_kj_mol": 0.99607}},
        },
        "ensemble": "npt", "temperature_kelvin": 82, "pressure_bar": 1, "timestep_fs": 4,
        "output": str(output),
    }  # fmt: skip
    if case["own"]:
        facts |= {"cv": request["model"], "cv_every": case["every"]}
        facts["bias"] = {"kind": "harmonic", "cv": "progress", "center": 0.5, "kappa_kj_mol": 1}
    elif case["lines"]:
        facts["bias"] = {"kind": "plumed", "lines": case["lines"]}
        if request["engine"] == "openmm":
            facts["cv_every"] = case["every"]
    return RunConfig.from_dict(facts)


def time_case(request: dict[str, Any], case: dict[str, Any], output: Path) -> float:
    """Processor seconds of the case's steps, after some that warm up."""
    import gnncv
    from gnncv.engines.one_core import OneCore
    from gnncv.engines.plumed_start import open_session
    from gnncv.engines.start import make_engine, read_start

    config = configuration(request, case, output)
    cv = None if config.cv is None else gnncv.CollectiveVariable(str(config.cv), num_threads=1)
    output.mkdir()
    session = open_session(config, None)
    try:
        with OneCore(request["engine"] == "openmm"):
            engine = make_engine(config, read_start(config), cv, 1, session)
            engine.advance(WARM_UP)
            start = process_time()
            engine.advance(case["steps"])
            return process_time() - start
    finally:
        if session is not None:
            session.close()


def main() -> None:
    """Answer one request."""
    request = json.loads(Path(sys.argv[1]).read_text())
    answer: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for number, case in enumerate(request["cases"]):
            try:
                answer[case["name"]] = time_case(request, case, Path(name) / str(number))
            except Exception as error:  # an action that an engine cannot run is a result
                answer[case["name"]] = f"{type(error).__name__}: {error}"
        os.chdir("/")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
