"""The page of memory that fault_shim.c reads: slow and failing fsync, torn writes, another time."""
import mmap
import os
import struct

CONTROL, KEEPER, LINE, OTHER = 1, 2, 4, 8
_LAYOUT = struct.Struct("=iiqII")  # struct fault_page: fsync and clock,
_TEAR = struct.Struct("=QIIII")    # and what follows: writes


class FaultPage:
    def __init__(self, directory):
        path = os.path.join(directory, "faults.page")
        with open(path, "wb") as file:
            file.write(bytes(4096))
        os.chmod(path, 0o666)
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 4096)
        self.clock_offset_ms = 0
        self.was_moved = False

    def sync(self, delay_ms=0, error=0, roles=CONTROL | LINE, times=0):
        """From now on fsync waits and fails so, `times` times (0: until clear)."""
        self._map[: _LAYOUT.size] = _LAYOUT.pack(delay_ms, error, self.clock_offset_ms, roles, times)

    def clock(self, offset_ms):
        """The gateway's clock is so far ahead of the machine's; rounded to seconds."""
        self.clock_offset_ms = offset_ms
        self.was_moved = self.was_moved or offset_ms != 0
        self.clear()

    def clear(self):
        self._map[: _LAYOUT.size] = _LAYOUT.pack(0, 0, self.clock_offset_ms, 0, 0)

    def tear(self, path, roles, skip, share):
        """After `skip` writes to the file system of `path` one ends after this share (0 to 1) of its
        octets, and the process with it."""
        self._map[_LAYOUT.size: _LAYOUT.size + _TEAR.size] = _TEAR.pack(
            os.stat(path).st_dev, roles, skip, int(share * 1000), 0)

    def has_torn(self):
        return bool(_TEAR.unpack_from(self._map, _LAYOUT.size)[4])

    def mend(self):
        """From now on no write is torn."""
        self._map[_LAYOUT.size: _LAYOUT.size + _TEAR.size] = bytes(_TEAR.size)
