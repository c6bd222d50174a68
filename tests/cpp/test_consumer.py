"""A C++ program built with find_package(gnncv) gets the same numbers as Python, without Python."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms

import gnncv
from core_model import write_core_model
from systems import BOXES, random_structure

EXAMPLE = Path(__file__).parents[2] / "examples" / "cpp_consumer"
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "LD_LIBRARY_PATH"}


@pytest.fixture(scope="module")
def consumer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built in a folder of its own."""
    if shutil.which("cmake") is None or shutil.which("c++") is None:
        pytest.skip("cmake or a C++ compiler is missing")
    build = tmp_path_factory.mktemp("consumer")
    configure = ["cmake", "-S", EXAMPLE, "-B", build, f"-DCMAKE_PREFIX_PATH={gnncv.cmake_prefix_path}"]
    flags = ["-DCMAKE_CXX_STANDARD=17", "-DCMAKE_CXX_EXTENSIONS=0", "-DCMAKE_CXX_FLAGS=-Wall -Wextra -Werror"]
    for command in ([*configure, *flags], ["cmake", "--build", build]):
        done = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return build / "cpp_consumer"


@pytest.fixture(scope="module")
def model_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_core_model(tmp_path_factory.mktemp("model") / "model.pt")


def as_text(atoms: Atoms) -> str:
    lines = [str(len(atoms)), " ".join(map(repr, atoms.cell.array.ravel().tolist()))]
    lines.append(" ".join(str(int(p)) for p in atoms.pbc))
    for symbol, position in zip(atoms.get_chemical_symbols(), atoms.positions.tolist(), strict=True):
        lines.append(" ".join([symbol, *map(repr, position)]))
    return "\n".join(lines) + "\n"


def run(consumer: Path, model: Path, text: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [consumer, model], input=text, env=ENVIRONMENT, capture_output=True, text=True, check=False
    )


def read(done: subprocess.CompletedProcess) -> dict[str, np.ndarray]:
    """Output name -> value, gradient norm, and the nine numbers of the virial."""
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    assert all(w[1] == "value" and w[3] == "gradient_norm" and w[5] == "virial" for w in words)
    return {w[0]: np.array([w[2], w[4], *w[6:]], dtype=float) for w in words}


@pytest.mark.parametrize(
    ("box", "precision", "tolerance"),
    [*((box, "float64", 1e-12) for box in BOXES), ("triclinic", "float32", 1e-6)],
)
def test_the_same_numbers_as_python(consumer, tmp_path, box, precision, tolerance, generator):
    model_path = write_core_model(tmp_path / "model.pt", precision)
    atoms = random_structure(box, 20, ["Cu", "Zr"], 3.4, generator)
    printed = read(run(consumer, model_path, as_text(atoms)))
    result = gnncv.CollectiveVariable(model_path, num_threads=1).compute(atoms)
    assert list(printed) == result.names
    for name, numbers in printed.items():
        norm = np.linalg.norm(result.gradient(name))
        expected = np.array([result[name], norm, *-result.strain(name).ravel()])
        np.testing.assert_allclose(numbers, expected, rtol=0, atol=tolerance * max(1, np.abs(expected).max()))


def test_derivatives_without_python(consumer, tmp_path, generator):
    """The printed virial and gradient norm against central differences of printed values."""
    model = write_core_model(tmp_path / "model.pt")
    atoms = random_structure("triclinic", 7, ["Cu", "Zr"], 3.4, generator)
    gradient = gnncv.CollectiveVariable(model).compute(atoms).gradient("mixed")
    printed = read(run(consumer, model, as_text(atoms)))["mixed"]
    step = 1e-4

    def value(x: float, strain: np.ndarray, along: np.ndarray) -> float:
        changed = atoms.copy()
        stretch = np.eye(3) + x * strain
        changed.set_cell(atoms.cell.array @ stretch.T)
        changed.positions = atoms.positions @ stretch.T + x * along
        return read(run(consumer, model, as_text(changed)))["mixed"][0]

    def slope(strain: np.ndarray, along: np.ndarray) -> float:
        return (value(step, strain, along) - value(-step, strain, along)) / (2 * step)

    nothing = np.zeros((3, 3)), np.zeros_like(gradient)
    strain = generator.normal(size=(3, 3))
    virial = slope(strain, nothing[1])
    assert virial == pytest.approx(-(printed[2:].reshape(3, 3) * strain).sum(), rel=1e-6, abs=1e-7)
    norm = slope(nothing[0], gradient / np.linalg.norm(gradient))
    assert norm == pytest.approx(printed[1], rel=1e-6, abs=1e-7)


def test_another_vesin_in_the_program_does_no_harm(model_path, tmp_path, generator):
    """A program may export functions of another vesin, as PLUMED's kernel does: ours calls its own."""
    (tmp_path / "main.cpp").write_text(
        "#include <cstdlib>\n"
        'extern "C" int vesin_neighbors() { std::abort(); }\nextern "C" void vesin_free() { std::abort(); }\n'
        + (EXAMPLE / "main.cpp").read_text()
    )
    package = Path(gnncv.cmake_prefix_path).parents[1]
    program = tmp_path / "program"
    command = [
        "c++",
        "-std=c++17",
        "-rdynamic",
        f"-I{package / 'include'}",
        tmp_path / "main.cpp",
        "-o",
        program,
    ]
    libraries = [f"-L{package / 'lib'}", "-lgnncv", f"-Wl,-rpath,{package / 'lib'}"]
    done = subprocess.run([*command, *libraries], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    atoms = random_structure("cubic", 7, ["Cu", "Zr"], 3.4, generator)
    assert len(read(run(program, model_path, as_text(atoms)))) == 4


def test_errors_are_one_line(consumer, model_path, tmp_path):
    text = as_text(Atoms("Cu"))
    missing = run(consumer, tmp_path / "nothing.pt", text)
    assert missing.returncode == 2
    assert missing.stderr == f"error: the model file '{tmp_path / 'nothing.pt'}' does not exist\n"
    unknown = run(consumer, model_path, text.replace("Cu", "Xe"))
    assert unknown.returncode == 2
    assert "species 'Xe', which the model does not know; it knows Cu, Zr" in unknown.stderr


def test_public_headers_are_plain_cpp17(tmp_path):
    """Each header compiles alone as C++17, with nothing of torch, Python or PLUMED in it."""
    compiler = shutil.which("c++")
    if compiler is None:
        pytest.skip("a C++ compiler is missing")
    include = Path(gnncv.cmake_prefix_path).parents[1] / "include"
    headers = sorted((include / "gnncv").glob("*.h"))
    assert len(headers) >= 6
    source = tmp_path / "headers.cpp"
    source.write_text("".join(f"#include <gnncv/{h.name}>\n#include <gnncv/{h.name}>\n" for h in headers))
    command = [compiler, "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", f"-I{include}", source]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
