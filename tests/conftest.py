"""Random numbers for every test, and the shared modules of this folder (analytic_cv, ...) for import."""

import os
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none; the summary counts it."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if marked:
        import torch

        if not torch.cuda.is_available():
            for item in marked:
                item.add_marker(pytest.mark.skip(reason="needs a GPU that torch can use"))


@pytest.fixture
def generator(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers of the test's own seed, printed when it fails; GNNCV_SEED=N draws others."""
    seed = [zlib.crc32(request.node.name.encode()), int(os.environ.get("GNNCV_SEED", "0"))]
    print(f"seed of {request.node.name}: {seed}")
    return np.random.default_rng(seed)
