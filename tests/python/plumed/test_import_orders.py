"""torch, gnncv and PLUMED's wrapper live in one process, in whatever order they come."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path

import pytest

from gnncv.demo import shipped_model
from gnncv.plumed import Installation

PROGRAM = Path(__file__).with_name("imported_in_order.py")
ORDERS = list(permutations(("torch", "gnncv", "plumed")))
SETTINGS = ("LD_LIBRARY_PATH", "LD_PRELOAD", "PLUMED_KERNEL", "KMP_DUPLICATE_LIB_OK")


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(order))
def test_every_order_gives_the_same(order: tuple[str, ...], installation: Installation, plugin: Path) -> None:
    clean = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    words = [",".join(order), str(installation.kernel), str(plugin), str(shipped_model())]
    command = [sys.executable, str(PROGRAM), *words]
    result = subprocess.run(command, capture_output=True, text=True, env=clean, timeout=120)
    assert result.returncode == 0, result.stderr[-2000:]
    facts = json.loads(result.stdout.splitlines()[-1])
    print(facts)
    assert facts["evaluations"] == 6
    assert facts["energy_error"] < 1e-5  # float32 model
    assert facts["force_error"] < 1e-5
    assert facts["libtorch"] == 1  # one torch, one OpenMP
    assert facts["libgomp"] == 1
