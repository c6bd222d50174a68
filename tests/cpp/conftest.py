"""Random numbers for the tests of the C++ library."""

import numpy as np
import pytest


@pytest.fixture
def generator(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers whose seed is printed when the test fails."""
    seed = int(np.random.SeedSequence().generate_state(1)[0])
    print(f"seed of {request.node.name}: {seed}")
    return np.random.default_rng(seed)
