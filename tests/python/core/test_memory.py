"""How much memory an evaluation takes, the making of its neighbor list included."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import gnncv

SHIPPED = Path(gnncv.__file__).parent / "demo" / "models" / "argon.pt"
SCRIPT = """
import json, re, sys
from pathlib import Path
import numpy as np
from ase import Atoms
import torch
import gnncv

def memory(name):
    return 1024 * int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

torch.set_num_threads(1)
cells, edge = (20, 20, 41), 5.71
corners = np.stack(np.meshgrid(*(np.arange(n) for n in cells), indexing="ij"), axis=-1).reshape(-1, 1, 3)
basis = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
positions = (corners + basis).reshape(-1, 3) * edge
positions += np.random.default_rng(int(sys.argv[2])).normal(0, 0.3, positions.shape)
frames = [positions + shift for shift in np.random.default_rng(0).normal(0, 0.4, (4, *positions.shape))]
cv = gnncv.CollectiveVariable(sys.argv[1], num_threads=1)
cv.bind(["Ar"] * len(positions))
cell, pbc = np.diag(np.array(cells) * edge), np.array([True] * 3)
Path("/proc/self/clear_refs").write_text("5")  # the largest resident size begins anew
before = memory("VmHWM")
peaks = []
for frame in frames:
    cv.compute(frame, cell, pbc, outputs=["progress"])
    peaks.append((memory("VmHWM") - before) / len(positions))
pairs = cv.statistics["n_candidates"] / len(positions)
print(json.dumps([peaks, pairs, cv.statistics["n_rebuilds"]]))
"""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from Linux's /proc")
def test_memory_of_a_step_and_of_a_new_list(generator):
    """Bytes an atom: the model's numbers of each site (invariants to l = 6) and those of its candidates."""
    words = [sys.executable, "-c", SCRIPT, str(SHIPPED), str(generator.integers(1000))]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    peaks, candidates, n_rebuilds = json.loads(done.stdout)
    assert n_rebuilds == len(peaks)
    assert peaks[0] < 4000 + 60 * candidates
    assert peaks[-1] < 1.1 * peaks[0]  # nothing is added from list to list
