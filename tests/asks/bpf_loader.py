"""Loads an eBPF program by bpf(2) and keeps it attached until standard input ends. Run as a script.

    connect CGROUP NAME VIP PORT BACKEND PORT    connect(2) to VIP:PORT goes to BACKEND:PORT, as in Cilium
    ingress LINK NAME                            sees every packet that comes in, and lets it pass
    filter LINK NAME FOLDER                      the same in the older way, by tc; FOLDER is of type bpf

The bytes are put together by hand: no compiler is needed. The kernel detaches what nobody holds any more.
Source: linux/bpf.h; the kernel's Documentation/bpf/standardization/instruction-set.rst.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import subprocess
import sys

CALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
PROG_LOAD, OBJ_PIN, LINK_CREATE = 5, 6, 28
SCHED_CLS, CGROUP_SOCK_ADDR = 3, 18
INET4_CONNECT, TCX_INGRESS = 10, 46
ADDRESS, PORT = 4, 24
"""Where `user_ip4` and `user_port` lie in struct bpf_sock_addr, both in the order of the network."""

libc = ctypes.CDLL(None, use_errno=True)


def bpf(command: int, layout: str, *values: object) -> int:
    attributes = ctypes.create_string_buffer(struct.pack(f"={layout}", *values), 128)
    result: int = libc.syscall(CALLS[os.uname().machine], command, attributes, len(attributes))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def instruction(code: int, dst: int = 0, src: int = 0, offset: int = 0, number: int = 0) -> bytes:
    return struct.pack("=BBhi", code, src << 4 | dst, offset, number)


def returning(number: int) -> bytes:
    return instruction(0xB7, number=number) + instruction(0x95)  # r0 = number; exit


def as_read(network: bytes) -> int:
    """What a 32-bit load of these bytes gives on this machine."""
    return int(struct.unpack("=i", network)[0])


def redirecting(vip: str, port: int, backend: str, backend_port: int) -> bytes:
    """If the destination is the one address and port, it becomes the other."""
    address, to_address = (as_read(socket.inet_aton(each)) for each in (vip, backend))
    number, to_number = (as_read(struct.pack("!HH", each, 0)) for each in (port, backend_port))
    load, unequal, move, store = 0x61, 0x56, 0xB4, 0x63
    return b"".join(
        [
            instruction(load, 2, 1, ADDRESS),
            instruction(unequal, 2, offset=6, number=address),
            instruction(load, 2, 1, PORT),
            instruction(unequal, 2, offset=4, number=number),
            instruction(move, 2, number=to_address),
            instruction(store, 1, 2, ADDRESS),
            instruction(move, 2, number=to_number),
            instruction(store, 1, 2, PORT),
            returning(1),
        ]
    )


def loaded(kind: int, name: str, program: bytes, hook: int = 0) -> int:
    code, licence = ctypes.create_string_buffer(program, len(program)), ctypes.create_string_buffer(b"GPL")
    pointers = ctypes.addressof(code), ctypes.addressof(licence)
    layout = "IIQQIIQII16sII"
    return bpf(
        PROG_LOAD, layout, kind, len(program) // 8, *pointers, 0, 0, 0, 0, 0, name.encode()[:15], 0, hook
    )


def pinned(program: int, path: str) -> None:
    name = ctypes.create_string_buffer(path.encode())
    bpf(OBJ_PIN, "QII", ctypes.addressof(name), program, 0)


def tc(*arguments: str) -> None:
    subprocess.run(["tc", *arguments], check=True)


def main(what: str, where: str, name: str, *more: str) -> None:
    if what == "filter":
        (folder,) = more
        pinned(loaded(SCHED_CLS, name, returning(0)), f"{folder}/{name}")
        tc("qdisc", "add", "dev", where, "clsact")
        try:
            tc("filter", "add", "dev", where, "ingress", "bpf", "da", "pinned", f"{folder}/{name}")
            print("ready", flush=True)
            sys.stdin.read()
        finally:
            tc("qdisc", "del", "dev", where, "clsact")
        return
    if what == "connect":
        vip, port, backend, backend_port = more
        program = redirecting(vip, int(port), backend, int(backend_port))
        loaded_as = loaded(CGROUP_SOCK_ADDR, name, program, INET4_CONNECT)
        target, hook = os.open(where, os.O_RDONLY), INET4_CONNECT
    else:
        loaded_as = loaded(SCHED_CLS, name, returning(-1))
        target, hook = socket.if_nametoindex(where), TCX_INGRESS
    bpf(LINK_CREATE, "IIII16x", loaded_as, target, hook, 0)
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
