"""Models and PLUMED inputs that the PLUMED benchmarks time, for the lattice of `plumed benchmark`.

That lattice (--atom-distribution sc) is simple cubic, 1 nm apart, and does not move. Within 1.5 nm an atom
has 18 neighbors, about as many as argon within 6 A; so the models here have a cutoff of 15 A.
"""

from __future__ import annotations

from pathlib import Path

from ase.io import read, write

from models import MODELS, write_file

CUTOFF = 15.0  # angstrom
_STRETCH = CUTOFF / 6.0


def lattice_model(folder: Path, name: str) -> Path:
    """Train one of ``models.MODELS`` with a cutoff of 15 A for one epoch (weights change no time), export it.

    Its frames are the shipped ones, stretched, so that it trains on its usual numbers of neighbors.
    """
    from gnncv.demo.frames import demo_frames
    from gnncv.demo.settings import training_config
    from gnncv.training import fit

    config = training_config(seed=0)
    for key, value in MODELS[name].items():
        setattr(config.model, key, value)
    for phase, path in demo_frames().items():
        frames = read(path, index="::20")
        for frame in frames:
            frame.set_cell(frame.cell.array * _STRETCH, scale_atoms=True)
        write(folder / f"{name}-{phase}.extxyz", frames)
        config.data.phases[phase] = [str(folder / f"{name}-{phase}.extxyz")]
    config.model.cutoff = CUTOFF
    config.training.epochs = 1
    return write_file(fit(config, folder / f"{name}-train", progress=False), folder / f"{name}.pt", "float32")


def small_network(path: Path) -> Path:
    """TorchScript of a 64x64 network with two inputs and two outputs, as PYTORCH_MODEL takes it."""
    import torch

    torch.manual_seed(0)
    layers = [torch.nn.Linear(2, 64), torch.nn.Tanh(), torch.nn.Linear(64, 64), torch.nn.Tanh()]
    torch.jit.script(torch.nn.Sequential(*layers, torch.nn.Linear(64, 2))).save(str(path))
    return path


def write_structure(path: Path, n_atoms: int) -> Path:
    """A PDB file of argon: mlcolvar's action reads species from it, and no positions."""
    with open(path, "w") as file:
        for k in range(1, n_atoms + 1):
            place = "       0.000   0.000   0.000  1.00  0.00          Ar"
            file.write(f"ATOM  {k:5d} Ar   ARG A{1 + k % 9999:4d}{place}\n")
    return path


def gnncv(load: str, model: Path, biased: bool) -> str:
    """The action, all outputs printed, with a bias on one of them or none."""
    bias = "RESTRAINT ARG=cv.progress AT=0 KAPPA=1\n" if biased else ""
    return f"{load}\ncv: GNNCV MODEL={model} ATOMS=@mdatoms\n{bias}PRINT ARG=cv.* FILE=colvar\n"


def coordination(stride: int) -> str:
    """PLUMED's own pair sum with the same neighbors, its list renewed every ``stride`` steps; 0: no list."""
    listed = f" NLIST NL_CUTOFF=1.8 NL_STRIDE={stride}" if stride else ""
    switch = "SWITCH={RATIONAL R_0=1.0 D_MAX=1.5}"
    return f"c: COORDINATION GROUPA=@mdatoms {switch}{listed}\nRESTRAINT ARG=c AT=0 KAPPA=1e-6\n"


def q6(n_atoms: int) -> str:
    """PLUMED's Steinhardt Q6, mean over atoms."""
    switch = "SWITCH={RATIONAL R_0=1.0 D_MAX=1.5}"
    return f"q: Q6 SPECIES=1-{n_atoms} {switch} MEAN\nRESTRAINT ARG=q.mean AT=0 KAPPA=1\n"


def pytorch_model(action: Path, network: Path) -> str:
    """PYTORCH_MODEL on two distances: what a call of torch costs, whatever the number of atoms."""
    return (
        f"LOAD FILE={action}\na: DISTANCE ATOMS=1,2\nb: DISTANCE ATOMS=1,3\n"
        f"m: PYTORCH_MODEL FILE={network} ARG=a,b\nRESTRAINT ARG=m.node-0 AT=0 KAPPA=1\n"
    )


def mlcolvar_action(action: Path, model: Path, structure: Path, n_atoms: int) -> str:
    """mlcolvar's own action for its graph models, its list of neighbors renewed at every tenth step."""
    return (
        f"LOAD FILE={action}\n"
        f"g: PYTORCH_GNN SYSTEM_SELECTION=1-{n_atoms} MODEL={model} STRUCTURE={structure} NL_STRIDE=10\n"
        "RESTRAINT ARG=g.node-0 AT=0 KAPPA=1\n"
    )
