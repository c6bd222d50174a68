"""Files that other programs read: PLUMED's tables, and outputs that appear whole or not at all.

Nothing here needs torch or the native library.
"""

from gnncv.files.atomic import check_output, write_atomic
from gnncv.files.colvar import Colvar, read_colvar
from gnncv.files.hills import Hills, HillsWriter, read_hills
from gnncv.files.table_writer import TableWriter

__all__ = [
    "Colvar",
    "Hills",
    "HillsWriter",
    "TableWriter",
    "check_output",
    "read_colvar",
    "read_hills",
    "write_atomic",
]
