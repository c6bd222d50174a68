"""Print where torch and vesin are installed and which torch it is, without importing either.

Output: one line, `TORCH_DIR;TORCH_VERSION;VESIN_DIR`, which CMake reads as a list.
"""

import importlib.util
import pathlib
import runpy
import sys


def package_folder(name: str) -> pathlib.Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        sys.exit(f"gnncv is built against the installed {name}: install {name}, then build without isolation")
    return pathlib.Path(spec.origin).parent


torch = package_folder("torch")
vesin = package_folder("vesin")
version = runpy.run_path(str(torch / "version.py"))["__version__"]
print(f"{torch};{version};{vesin}", end="")
