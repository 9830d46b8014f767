"""The page of memory that fault_shim.c reads: slow and failing fsync, another time."""
import mmap
import os
import struct

CONTROL, KEEPER, LINE, OTHER = 1, 2, 4, 8
_LAYOUT = struct.Struct("=iiqII")  # struct fault_page


class FaultPage:
    def __init__(self, directory):
        path = os.path.join(directory, "faults.page")
        with open(path, "wb") as file:
            file.write(bytes(4096))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self.clock_offset_ms = 0

    def sync(self, delay_ms=0, error=0, roles=CONTROL | LINE, times=0):
        """From now on fsync waits and fails so, `times` times (0: until clear)."""
        self._map[: _LAYOUT.size] = _LAYOUT.pack(delay_ms, error, self.clock_offset_ms, roles, times)

    def clock(self, offset_ms):
        """The gateway's clock is so far ahead of the machine's; rounded to seconds."""
        self.clock_offset_ms = offset_ms
        self.clear()

    def clear(self):
        self._map[: _LAYOUT.size] = _LAYOUT.pack(0, 0, self.clock_offset_ms, 0, 0)
