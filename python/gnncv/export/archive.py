"""A TorchScript archive without its debugging records, which name files of the machine that wrote it."""

import io
import warnings
from pathlib import Path

import torch

WRITTEN_BY_THE_WRITER = ("version", ".data/version", ".data/serialization_id", "byteorder")


def save_archive(scripted: torch.jit.ScriptModule, path: Path, extra_files: dict[str, str]) -> None:
    """Save a script module and texts beside it.

    ``torch.jit.save`` records for each line of code the path of the source it came from. Those records
    serve stack traces only; leaving them out makes the file smaller and keeps the paths private.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*torch.jit.*deprecated.*")
        complete = scripted.save_to_buffer(_extra_files=extra_files)
    reader = torch._C.PyTorchFileReader(io.BytesIO(complete))
    stripped = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(stripped)
    for name in reader.get_all_records():
        if name.endswith(".debug_pkl") or name in WRITTEN_BY_THE_WRITER:
            continue
        record = reader.get_record(name)
        writer.write_record(name, record, len(record))
    writer.write_end_of_file()
    path.write_bytes(stripped.getvalue())
