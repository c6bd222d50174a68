"""The operators' CUDA kernels: that they are in the library, and, where there is a GPU, what they compute."""

import shutil
import subprocess

import pytest
import torch
from gnncv._built_for import CUDA_ARCHITECTURES

from gnncv._native import load_operators

load_operators()
OPERATORS = [
    "averaged_densities",
    "environment_densities",
    "environment_features",
    "orientation_densities",
    "pair_distances",
    "pair_geometry",
    "table_attention",
    "table_messages",
]


def registered(operator: str, key: str) -> bool:
    return torch._C._dispatch_has_kernel_for_dispatch_key(f"gnncv::{operator}", key)


@pytest.mark.parametrize("operator", OPERATORS)
def test_kernels_and_derivatives_are_registered_where_cuda_was_compiled(operator):
    assert registered(operator, "CUDA") == bool(CUDA_ARCHITECTURES)
    assert registered(operator, "Autograd"), "its derivatives are known on one device only"


@pytest.mark.skipif(not CUDA_ARCHITECTURES, reason="gnncv was built without CUDA kernels")
def test_the_library_holds_code_for_gpus_and_needs_no_cuda_library():
    if shutil.which("readelf") is None:
        pytest.skip("no readelf")
    dump = ["readelf", "--wide", "--sections", "--dynamic", str(load_operators())]
    lines = subprocess.run(dump, capture_output=True, text=True, check=True).stdout.splitlines()
    assert any(".nv_fatbin" in line for line in lines)
    needed = [line for line in lines if "(NEEDED)" in line]
    assert needed and not [line for line in needed if "cuda" in line]
