"""Reads what passes the relay: the T.30 commands and answers in T.38 over UDPTL (T.38 §7, §9.1), as far
as they are needed to say that a gateway was told, or has said, 'receiver not ready'."""
import collections

# The last octet of the FCF without its first bit, which tells the two stations apart (T.30 §5.3.6).
NAMES = {0x31: "MCF", 0x32: "RTN", 0x33: "RTP", 0x37: "RNR", 0x76: "RR", 0x22: "FTT", 0x21: "CFR",
         0x5F: "DCN", 0x7D: "PPS", 0x41: "DCS", 0x01: "DIS", 0x74: "EOP", 0x72: "MPS", 0x58: "CRP"}
V21_DATA = 0xC0
IS_DATA = 0xC0


def modem_of(datagram):
    """None: no data (an indicator); 0: V.21; 1, 2: V.27ter; 3 and more: V.29, V.17 (T.38 §7.2.2)."""
    if len(datagram) < 4 or datagram[3] & IS_DATA != IS_DATA:
        return None
    return (datagram[3] & 0x1E) >> 1


class Tap:
    """Frames by name and by the side that sent them."""

    def __init__(self):
        self.seen = [collections.Counter(), collections.Counter()]
        self._streams = {}

    def feed(self, sender, port, datagram):
        stream = self._streams.setdefault((sender, port), [-1, bytearray()])
        if len(datagram) < 4:
            return
        number = int.from_bytes(datagram[:2], "big")
        if number == stream[0]:
            return
        stream[0] = number
        packet = datagram[3:3 + datagram[2]]
        if len(packet) < 3 or packet[0] != V21_DATA:
            return
        self._fields(sender, stream[1], packet)

    def _fields(self, sender, frame, packet):
        at = 2
        for _ in range(packet[1]):
            if at >= len(packet):
                return
            kind, has_octets = packet[at] >> 4 & 7, packet[at] & 0x80
            at += 1
            octets = b""
            if has_octets:
                length = int.from_bytes(packet[at:at + 2], "big") + 1
                octets = packet[at + 2:at + 2 + length]
                at += 2 + length
            if kind == 0:
                frame += octets[:64]
                del frame[64:]
            elif kind in (2, 4) and frame:  # FCS OK, with or without the end of the signal
                self._frame(sender, bytes(frame))
                frame.clear()
            else:
                frame.clear()

    def _frame(self, sender, frame):
        if len(frame) >= 3 and frame[0] == 0xFF:
            name = NAMES.get(frame[2] & 0x7F)
            if name:
                self.seen[sender][name] += 1
