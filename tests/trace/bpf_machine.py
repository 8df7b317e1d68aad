"""Classic BPF as the kernel runs it over a cooked capture: for tests that need no kernel."""

from __future__ import annotations

from kinspect.trace.bpf import SKF_AD_PROTOCOL, Program


def run(program: Program, data: bytes, ethertype: int = 0x0800) -> int:
    """How many bytes of the packet the program keeps; a load beyond the end refuses it."""
    a = x = at = 0
    memory = [0] * 16
    while True:
        code, true, false, k = program[at]
        at += 1
        if code == 0x06:
            return k
        if code == 0x28 and k == SKF_AD_PROTOCOL:
            a = ethertype
        elif code in (0x40, 0x48, 0x50):
            size = {0x40: 4, 0x48: 2, 0x50: 1}[code]
            if x + k + size > len(data):
                return 0
            a = int.from_bytes(data[x + k : x + k + size], "big")
        elif code == 0x00:
            a = k
        elif code == 0x60:
            a = memory[k]
        elif code == 0x61:
            x = memory[k]
        elif code == 0x02:
            memory[k] = a
        elif code == 0x07:
            x = a
        elif code == 0x87:
            a = x
        elif code == 0x04:
            a = (a + k) & 0xFFFFFFFF
        elif code == 0x0C:
            a = (a + x) & 0xFFFFFFFF
        elif code == 0x14:
            a = (a - k) & 0xFFFFFFFF
        elif code == 0x54:
            a &= k
        elif code == 0x64:
            a = (a << k) & 0xFFFFFFFF
        elif code == 0x15:
            at += true if a == k else false
        elif code == 0x35:
            at += true if a >= k else false
        elif code == 0x45:
            at += true if a & k else false
        else:
            raise AssertionError(f"the kernel has no instruction {code:#x}")
