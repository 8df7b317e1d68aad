"""The agent: the hands of kinspect in a place where the program itself never goes.

One file, standard library only, Python 3.8 or later, so that it can be handed to any machine. It lists
namespaces and eBPF programs, opens sockets, captures packets, reads /proc and runs a named tool in network
namespaces, and knows nothing of what the bytes mean: filters, packets and requests come ready-made from the
program, which also reads the answers.

Theory of operation:

1. Requests come on stdin and replies leave on stdout, one JSON object a line. A request has `id` and `op`;
   its reply has the same `id` and either `result` or `error` (`code` is the errno's name). Captured packets
   come unasked as `{"capture": id, "packets": [[time_ns, ifindex, type, protocol, length, base64], ...]}`.
2. A user namespace can only be entered by a process with one thread: it is entered before anything else.
3. A socket belongs for ever to the network namespace of the thread that made it. So one thread per network
   namespace *makes* things (sockets, processes, open files), and one loop watches them all. No other state
   is shared, and nothing waits but the loop.
4. What the network answers (refused, unreachable, silence) is a result. An error is a request that could not
   be carried out at all.
5. It leaves nothing behind: everything is a file descriptor or a child, it ends with its stdin, and it asks
   the kernel to be killed with its parent.
"""

from __future__ import annotations

import base64
import ctypes
import errno
import fcntl
import json
import mmap
import os
import queue
import re
import selectors
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Optional, Tuple

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
NS_GET_USERNS = 0xB701  # the user namespace that owns another: ioctl_ns(2)
NAMED = "/run/netns"
LOCAL = re.compile(r"\|-- (\d+\.\d+\.\d+\.\d+)\n\s+/32 host LOCAL")
PR_SET_PDEATHSIG = 1
SO_ATTACH_FILTER = 26
SOL_PACKET, PACKET_RX_RING, PACKET_STATISTICS, PACKET_VERSION, TPACKET_V2 = 263, 5, 6, 10, 1
ETH_P_ALL = 3
TP_STATUS_USER = 1
TCP_REPAIR, TCP_REPAIR_QUEUE, TCP_QUEUE_SEQ, TCP_SEND_QUEUE, REPAIR_OFF_SILENTLY = 19, 20, 21, 2, -1

BPF_CALLS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}
BPF_PROG_GET_FD_BY_ID, BPF_OBJ_GET_INFO_BY_FD, BPF_PROG_QUERY = 13, 15, 16
BPF_F_QUERY_EFFECTIVE, BPF_ATTRIBUTES, MOST_PROGRAMS = 1, 128, 64
LINK_HOOKS = {"ingress": 46, "egress": 47}
SOCKET_HOOKS = {"connect": 10, "sendmsg": 14}

FRAME_SIZE, FRAMES, BLOCK_SIZE = 2048, 1024, 65536
"""The ring: 2 MiB per capture. A frame holds the kernel's header and about 1,950 bytes of packet."""
FRAME_HEADER = struct.Struct("=IIIHHIIHH4x")  # struct tpacket2_hdr, 32 bytes
LINK_ADDRESS = struct.Struct("=HHiHBB8s")  # struct sockaddr_ll, 20 bytes
OUTPUT_LIMIT = 32 << 20

libc = ctypes.CDLL(None, use_errno=True)
Message = Dict[str, Any]


def checked(result: int) -> None:
    """Raises the OSError of a libc call that failed."""
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def enter(path: str, inode: int, kind: int) -> None:
    """Moves the calling thread into a namespace, if that path still leads to the one that was meant."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if os.fstat(descriptor).st_ino != inode:
            raise OSError(errno.ESTALE, "the namespace at %s is another one now" % path)
        checked(libc.setns(descriptor, kind))
    finally:
        os.close(descriptor)


def die_with_parent(parent: Optional[int] = None) -> None:
    """Has the kernel kill this process when the thread that started it ends; now if it has ended."""
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def inode(path: str) -> Optional[int]:
    """None = it is gone, or not ours to see."""
    try:
        return os.stat(path).st_ino
    except OSError:
        return None


def text(path: str) -> str:
    """A file's text, "" when it is gone or not ours to see."""
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""


def net_namespaces(variable: str) -> List[Any]:
    """Every network namespace that may be seen, and how many processes may not be looked into.

    Nothing is entered. Addresses come from the kernel's own table of local addresses (fib_trie), which is
    readable from outside.
    """
    inhabitants: Dict[int, List[int]] = {}
    hidden = 0
    for pid in sorted(int(entry) for entry in os.listdir("/proc") if entry.isdigit()):
        try:
            found = os.stat("/proc/%d/ns/net" % pid).st_ino
        except PermissionError:
            hidden += 1
        except OSError:  # gone
            pass
        else:
            inhabitants.setdefault(found, []).append(pid)
    names = {}
    for name in sorted(os.listdir(NAMED)) if os.path.isdir(NAMED) else ():
        named = inode(os.path.join(NAMED, name))
        if named is not None:
            names[named] = name
    listed = [
        net_namespace(each, inhabitants.get(each, []), names.get(each, ""), variable)
        for each in sorted({*inhabitants, *names})
    ]
    return [listed, hidden]


def net_namespace(number: int, pids: List[int], name: str, variable: str) -> List[Any]:
    """[[path, inode], that of its owner, [[pid, cgroup, variable], ...], name, addresses]."""
    path = os.path.join(NAMED, name) if name else "/proc/%d/ns/net" % pids[0]
    processes = [[pid, text("/proc/%d/cgroup" % pid), environment(pid, variable)] for pid in pids]
    tries = (text("/proc/%d/net/fib_trie" % pid) for pid in pids)  # the first may have ended meanwhile
    addresses = set(LOCAL.findall(next(filter(None, tries), "")))
    routable = sorted(each for each in addresses if not each.startswith("127."))
    return [[path, number], owner(path, pids), processes, name, routable]


def environment(pid: int, variable: str) -> str:
    """The value of a process's variable, "" when it has none."""
    entries = text("/proc/%d/environ" % pid).split("\0")
    return next((each[len(variable) + 1 :] for each in entries if each.startswith(variable + "=")), "")


def owner(path: str, pids: List[int]) -> Optional[List[Any]]:
    """The user namespace to enter before that one; None = our own will do, or more rights are needed."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        found = fcntl.ioctl(descriptor, NS_GET_USERNS)
    except OSError:  # owned by one above ours, or no namespace: only more rights would help
        return None
    finally:
        os.close(descriptor)
    number = os.fstat(found).st_ino
    os.close(found)
    paths = ("/proc/%d/ns/user" % pid for pid in pids)
    if number == inode("/proc/self/ns/user"):
        return None
    return next(([each, number] for each in paths if inode(each) == number), None)


def bpf(command: int, *fields: Tuple[str, int]) -> Tuple[int, bytes]:
    """The result of bpf(2), and what it left in the attributes, which are given as (struct format, value).

    The kernel may write to attributes that were not given, so there is room for all of them.
    """
    number = BPF_CALLS.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, "the number of bpf(2) on this machine is not known")
    attributes = struct.pack("=" + "".join(each for each, _ in fields), *(value for _, value in fields))
    buffer = ctypes.create_string_buffer(attributes, BPF_ATTRIBUTES)
    result = libc.syscall(number, command, buffer, BPF_ATTRIBUTES)
    checked(result)
    return result, buffer.raw


def programs(target: int, hook: int, flags: int = 0) -> List[str]:
    """The names of the eBPF programs at a hook of a link (its number) or a cgroup (open), in their order.

    The kernel keeps 15 characters of a name. A hook that it does not have yet has none.
    Source: linux/bpf.h, union bpf_attr.
    """
    ids = (ctypes.c_uint32 * MOST_PROGRAMS)()
    fields = (("I", target), ("I", hook), ("I", flags), ("I", 0), ("Q", ctypes.addressof(ids)))
    try:
        _, answer = bpf(BPF_PROG_QUERY, *fields, ("I", MOST_PROGRAMS), ("I", 0))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return []
        raise
    (count,) = struct.unpack_from("=I", answer, 24)
    names = []
    for each in ids[:count]:
        descriptor, _ = bpf(BPF_PROG_GET_FD_BY_ID, ("I", each), ("I", 0), ("I", 0))
        try:
            info = ctypes.create_string_buffer(80)  # struct bpf_prog_info up to its name
            bpf(BPF_OBJ_GET_INFO_BY_FD, ("I", descriptor), ("I", 80), ("Q", ctypes.addressof(info)))
            names.append(info.raw[64:80].rstrip(b"\0").decode("utf-8", "replace"))
        finally:
            os.close(descriptor)
    return names


def own_cgroup() -> Optional[str]:
    """The folder of this process in the hierarchy that has eBPF programs; None = there is none."""
    mounts = (line.split() for line in text("/proc/self/mounts").splitlines())
    root = next((words[1] for words in mounts if words[2] == "cgroup2"), None)
    own = next((line[3:] for line in text("/proc/self/cgroup").splitlines() if line.startswith("0::")), None)
    return None if root is None or own is None else root + own


class NetNamespace:
    """A thread that lives in one network namespace and makes there what the loop will watch."""

    def __init__(self, path: Optional[str], inode: int) -> None:
        self._jobs: "queue.SimpleQueue[Tuple[Callable[[], Any], queue.SimpleQueue[Any]]]" = (
            queue.SimpleQueue()
        )
        self._path, self._inode = path, inode
        threading.Thread(target=self._live, daemon=True).start()
        self.make(lambda: None)

    def _live(self) -> None:
        failure: Optional[OSError] = None
        if self._path is not None:
            try:
                enter(self._path, self._inode, CLONE_NEWNET)
            except OSError as error:
                failure = error
        while True:
            job, answer = self._jobs.get()
            try:
                if failure is not None:
                    raise failure
                answer.put((job(), None))
            except Exception as error:  # noqa: BLE001 (handed to the loop, which reports it)
                answer.put((None, error))

    def begin(self, job: Callable[[], Any]) -> "queue.SimpleQueue[Any]":
        """Has `job` run after those before it. The result has (what it gives, None) or (None, its error)."""
        answer: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._jobs.put((job, answer))
        return answer

    def make(self, job: Callable[[], Any]) -> Any:
        """The result of `job`, run in the namespace. Jobs are short: they make things and never wait."""
        result, error = self.begin(job).get()
        if error is not None:
            raise error
        return result


class Capture:
    """An AF_PACKET socket over every interface of a namespace, with a kernel filter and a mapped ring.

    The socket is of the cooked kind: what the filter and the reader see starts at the network header,
    whatever the link. It is bound last, so that no packet can come before the filter is in force.
    """

    def __init__(self, program: List[List[int]]) -> None:
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        try:
            code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
            buffer = ctypes.create_string_buffer(code, len(code))
            fprog = struct.pack("HP", len(program), ctypes.addressof(buffer))
            self.socket.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, fprog)
            self.socket.setsockopt(SOL_PACKET, PACKET_VERSION, TPACKET_V2)
            size = FRAME_SIZE * FRAMES
            ring = struct.pack("IIII", BLOCK_SIZE, size // BLOCK_SIZE, FRAME_SIZE, FRAMES)
            self.socket.setsockopt(SOL_PACKET, PACKET_RX_RING, ring)
            self.ring = mmap.mmap(self.socket.fileno(), size)
            everywhere = LINK_ADDRESS.pack(socket.AF_PACKET, socket.htons(ETH_P_ALL), 0, 0, 0, 0, b"")
            checked(libc.bind(self.socket.fileno(), everywhere, len(everywhere)))
        except BaseException:
            self.socket.close()
            raise
        self._next = 0

    def packets(self) -> List[List[Any]]:
        """Everything that waits in the ring, in the order in which the kernel saw it."""
        found = []
        for _ in range(FRAMES):
            at = self._next * FRAME_SIZE
            status, length, kept, _mac, start, seconds, nanoseconds, _, _ = FRAME_HEADER.unpack_from(
                self.ring, at
            )
            if not status & TP_STATUS_USER:
                break
            _, protocol, interface, _, type_, _, _ = LINK_ADDRESS.unpack_from(
                self.ring, at + FRAME_HEADER.size
            )
            data = self.ring[at + start : at + start + kept]
            moment = seconds * 1_000_000_000 + nanoseconds
            found.append([moment, interface, type_, socket.ntohs(protocol), length, encoded(data)])
            struct.pack_into("=I", self.ring, at, 0)
            self._next = (self._next + 1) % FRAMES
        return found

    def statistics(self) -> Message:
        """Packets that passed the filter, and those among them that found the ring full."""
        passed, lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        return {"passed": passed, "lost": lost}

    def close(self) -> None:
        self.ring.close()
        self.socket.close()


class Tool:
    """A running program whose output is collected until it ends, says too much, or its time is up."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.output: Dict[int, bytearray] = {}
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            os.set_blocking(stream.fileno(), False)
            self.output[stream.fileno()] = bytearray()

    def result(self, timed_out: bool) -> Message:
        if timed_out:
            self.process.kill()
        code = self.process.wait()
        out, err = (encoded(bytes(each)) for each in self.output.values())
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()
        return {"code": code, "stdout": out, "stderr": err, "timed_out": timed_out}


class Waiting:
    """A request that the loop will answer later: by an event on `watched`, or when `until` has come."""

    def __init__(self, id_: int, watched: Any, until: float, finish: Callable[[bool], Message]) -> None:
        self.id, self.watched, self.until, self.finish = id_, watched, until, finish


def encoded(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def marked(sequence: int) -> Callable[[socket.socket], None]:
    """Sets the first sequence number that a TCP socket will use. Needs NET_ADMIN in its network namespace.

    Source: Linux net/ipv4/tcp.c do_tcp_setsockopt (TCP_REPAIR, TCP_QUEUE_SEQ); tcp_v4_connect keeps a
    write_seq that is already set.
    """

    def mark(made: socket.socket) -> None:
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR_QUEUE, TCP_SEND_QUEUE)
        made.setsockopt(socket.IPPROTO_TCP, TCP_QUEUE_SEQ, struct.pack("=I", sequence))
        made.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, REPAIR_OFF_SILENTLY)

    return mark


class Agent:
    """The loop. Every `op_` method answers a request with a result, or with a Waiting."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._input = bytearray()
        self._nets: Dict[int, NetNamespace] = {}
        self._captures: Dict[int, Capture] = {}
        self._sockets: Dict[int, socket.socket] = {}
        self._waiting: List[Waiting] = []
        self._serial = 0

    def run(self) -> None:
        """Serves until stdin ends."""
        os.set_blocking(0, False)
        self._selector.register(0, selectors.EVENT_READ, self._read_requests)
        try:
            while True:
                soonest = min((each.until for each in self._waiting), default=None)
                wait = None if soonest is None else max(0.0, soonest - time.monotonic())
                for key, _ in self._selector.select(wait):
                    if self._selector.get_map().get(key.fd) is key:  # an earlier event may have closed it
                        key.data()
                now = time.monotonic()
                for each in [each for each in self._waiting if each.until <= now]:
                    self._answer(each, True)
        except EOFError:
            pass
        finally:
            for each in self._waiting:
                if isinstance(each.watched, Tool):
                    each.watched.process.kill()

    def _read_requests(self) -> None:
        data = os.read(0, 1 << 16)
        if not data:
            raise EOFError
        self._input += data
        *lines, rest = self._input.split(b"\n")
        self._input = bytearray(rest)
        for line in lines:
            self._serve(json.loads(line.decode("utf-8")))

    def _serve(self, request: Message) -> None:
        id_ = request.pop("id")
        operation = getattr(self, "op_" + request.pop("op"))
        result = self._tried(id_, lambda: operation(id_, **request))
        if isinstance(result, Waiting):
            self._waiting.append(result)

    def _answer(self, waiting: Waiting, timed_out: bool) -> None:
        if waiting in self._waiting:
            self._waiting.remove(waiting)
            self._tried(waiting.id, lambda: waiting.finish(timed_out))

    def _tried(self, id_: int, work: Callable[[], Any]) -> Any:
        """What `work` gives. It is said as the reply, and so is an error, unless it is to be waited for."""
        try:
            result = work()
        except OSError as error:
            code = errno.errorcode.get(error.errno or 0, "EIO")
            self._say({"id": id_, "error": {"code": code, "message": str(error)}})
        except Exception as error:  # noqa: BLE001 (the loop outlives any one request)
            self._say({"id": id_, "error": {"code": "EBUG", "message": repr(error)}})
        else:
            if not isinstance(result, Waiting):
                self._say({"id": id_, "result": result})
            return result

    def _say(self, message: Message) -> None:
        sys.stdout.write(json.dumps(message, separators=(",", ":")) + "\n")
        sys.stdout.flush()

    def _number(self) -> int:
        self._serial += 1
        return self._serial

    def op_enter(self, id_: int, path: Optional[str] = None, inode: int = 0) -> Message:
        """A network namespace to make things in; no path = the agent's own."""
        net = self._number()
        self._nets[net] = NetNamespace(path, inode)
        return {"net": net}

    def op_namespaces(self, id_: int, variable: str) -> List[Any]:
        """The listing, with the value of this environment variable of every process."""
        return net_namespaces(variable)

    def op_link_programs(self, id_: int, net: int, links: List[int]) -> List[Any]:
        """The eBPF programs at these links, by their numbers: [[link, hook, name], ...]."""

        def find() -> List[Any]:
            hooks = [(link, hook, number) for link in links for hook, number in LINK_HOOKS.items()]
            return [[link, hook, name] for link, hook, number in hooks for name in programs(link, number)]

        return list(self._nets[net].make(find))

    def op_socket_programs(self, id_: int) -> List[Any]:
        """The eBPF programs that the sockets of this process meet: [[hook, name], ...]."""
        cgroup = own_cgroup()
        if cgroup is None:
            return []
        descriptor = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            hooks = SOCKET_HOOKS.items()
            effective = BPF_F_QUERY_EFFECTIVE
            return [[hook, name] for hook, kind in hooks for name in programs(descriptor, kind, effective)]
        finally:
            os.close(descriptor)

    def op_read(self, id_: int, net: int, path: str) -> Message:
        """A file below /proc or /sys, as a thread of that namespace sees it."""

        def read() -> bytes:
            real = os.path.realpath(path)  # links in /proc lead everywhere
            if not real.startswith(("/proc/", "/sys/")):
                raise OSError(errno.EACCES, "only /proc and /sys are read", path)
            found = bytearray()
            with open(real, "rb", buffering=0) as file:
                # In pieces: for some of these files the kernel sets aside as much memory as one asks for.
                while len(found) < OUTPUT_LIMIT:
                    piece = file.read(1 << 16)
                    if not piece:
                        break
                    found += piece
            return bytes(found)

        return {"data": encoded(self._nets[net].make(read))}

    def op_run(self, id_: int, net: int, argv: List[str], deadline_s: float) -> Waiting:
        """A tool's exit code and output; killed when its time is up or its output beyond all measure."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin", "LC_ALL": "C"}

        def start() -> "subprocess.Popen[bytes]":
            pipe, null, here = subprocess.PIPE, subprocess.DEVNULL, os.getpid()
            return subprocess.Popen(
                argv,
                stdin=null,
                stdout=pipe,
                stderr=pipe,
                env=environment,
                start_new_session=True,
                preexec_fn=lambda: die_with_parent(here),
            )

        tool = Tool(self._nets[net].make(start))
        waiting = Waiting(id_, tool, time.monotonic() + deadline_s, tool.result)
        open_streams = set(tool.output)

        def finish(timed_out: bool) -> Message:
            for descriptor in open_streams:
                self._selector.unregister(descriptor)
            return tool.result(timed_out)

        def reader(descriptor: int) -> Callable[[], None]:
            def read() -> None:
                data = os.read(descriptor, 1 << 18)
                tool.output[descriptor] += data
                if not data:
                    self._selector.unregister(descriptor)
                    open_streams.discard(descriptor)
                if not open_streams or len(tool.output[descriptor]) > OUTPUT_LIMIT:
                    self._answer(waiting, bool(open_streams))

            return read

        for descriptor in tool.output:
            self._selector.register(descriptor, selectors.EVENT_READ, reader(descriptor))
        waiting.finish = finish
        return waiting

    def op_watch(self, id_: int, net: int, program: List[List[int]]) -> Waiting:
        """Starts a capture on all interfaces of the namespace, present and future.

        The kernel takes ten milliseconds for a ring: those of many namespaces are made side by side.
        """
        ended, end = os.pipe()

        def start() -> Capture:
            try:
                return Capture(program)
            finally:
                os.close(end)  # which wakes the loop

        made = self._nets[net].begin(start)

        def finish(timed_out: bool) -> Message:
            self._selector.unregister(ended)
            os.close(ended)
            capture, error = made.get()
            if error is not None:
                raise error
            number = self._number()
            self._captures[number] = capture
            self._selector.register(
                capture.socket, selectors.EVENT_READ, lambda: self._report_packets(number, capture)
            )
            return {"capture": number}

        waiting = Waiting(id_, None, time.monotonic() + 60, finish)
        self._selector.register(ended, selectors.EVENT_READ, lambda: self._answer(waiting, False))
        return waiting

    def _report_packets(self, number: int, capture: Capture) -> None:
        packets = capture.packets()
        if packets:
            self._say({"capture": number, "packets": packets})
        else:
            # Woken by an error, such as a link that went down: it wakes the loop until somebody has read it.
            capture.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)

    def op_unwatch(self, id_: int, capture: int) -> Message:
        """Ends a capture, after what still waits in its ring; says how many packets were lost.

        The kernel takes twenty milliseconds to close one, for which nobody has to wait.
        """
        ended = self._captures.pop(capture)
        self._selector.unregister(ended.socket)
        self._report_packets(capture, ended)
        statistics = ended.statistics()
        threading.Thread(target=ended.close, daemon=True).start()
        return statistics

    def op_connect(
        self,
        id_: int,
        net: int,
        remote: List[Any],
        deadline_s: float,
        kind: str = "tcp",
        local: Optional[List[Any]] = None,
        sequence: Optional[int] = None,
    ) -> Any:
        """A connected socket, or the error that the network gave.

        Result: {socket, local, error, started_ns, ended_ns}; one of socket and error is None.
        """
        type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
        family = socket.AF_INET6 if ":" in remote[0] else socket.AF_INET
        made = self._nets[net].make(lambda: socket.socket(family, type_))
        made.setblocking(False)
        try:
            if local is not None:
                made.bind((local[0], local[1]))
            if sequence is not None:
                marked(sequence)(made)
            started = time.time_ns()
            code = made.connect_ex((remote[0], remote[1]))
        except OSError:
            made.close()
            raise

        def finish(timed_out: bool) -> Message:
            if code == errno.EINPROGRESS:
                self._selector.unregister(made)
            failed = made.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or code
            name = "ETIMEDOUT" if timed_out else errno.errorcode.get(failed, str(failed))
            result: Message = {"socket": None, "local": list(made.getsockname()[:2]), "error": None}
            result.update({"started_ns": started, "ended_ns": time.time_ns()})
            if timed_out or failed not in (0, errno.EINPROGRESS):
                made.close()
                result["error"] = name
            else:
                result["socket"] = self._number()
                self._sockets[self._serial] = made
            return result

        if code != errno.EINPROGRESS:
            return finish(False)
        waiting = Waiting(id_, made, time.monotonic() + deadline_s, finish)
        self._selector.register(made, selectors.EVENT_WRITE, lambda: self._answer(waiting, False))
        return waiting

    def op_option(self, id_: int, handle: int, level: int, name: int, length: int) -> Message:
        """What the kernel says of a connected socket."""
        return {"data": encoded(self._sockets[handle].getsockopt(level, name, length))}

    def op_send(self, id_: int, handle: int, data: str) -> Message:
        """Sends on a connected socket: {sent, error}. What its buffer has no room for is not sent."""
        try:
            return {"sent": self._sockets[handle].send(base64.b64decode(data)), "error": None}
        except OSError as error:
            return {"sent": 0, "error": errno.errorcode.get(error.errno or 0, "EIO")}

    def op_receive(self, id_: int, handle: int, deadline_s: float, limit: int = 65536) -> Any:
        """What comes next: {data, error, ended_ns}; data "" and no error = the peer has finished."""
        made = self._sockets[handle]

        def finish(timed_out: bool) -> Message:
            self._selector.unregister(made)
            result: Message = {"data": "", "error": "ETIMEDOUT" if timed_out else None}
            if not timed_out:
                try:
                    result["data"] = encoded(made.recv(limit))
                except OSError as error:
                    result["error"] = errno.errorcode.get(error.errno or 0, "EIO")
            result["ended_ns"] = time.time_ns()
            return result

        waiting = Waiting(id_, made, time.monotonic() + deadline_s, finish)
        self._selector.register(made, selectors.EVENT_READ, lambda: self._answer(waiting, False))
        return waiting

    def op_close(self, id_: int, handle: int, reset: bool = False) -> Message:
        """Closes a socket; `reset` ends the connection at once, so that no side keeps a state of it."""
        made = self._sockets.pop(handle)
        if reset:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        made.close()
        return {}

    def op_send_packet(self, id_: int, net: int, data: str) -> Message:
        """Sends an IPv4 packet as it is, through the namespace's own routing and rules."""
        packet = base64.b64decode(data)
        destination = socket.inet_ntoa(packet[16:20])

        def send() -> int:
            with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as raw:
                started = time.time_ns()
                raw.sendto(packet, (destination, 0))
                return started

        try:
            return {"started_ns": self._nets[net].make(send), "error": None}
        except OSError as error:
            if error.errno not in (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EMSGSIZE, errno.ENOBUFS):
                raise
            return {"started_ns": time.time_ns(), "error": errno.errorcode[error.errno]}


def main(arguments: List[str]) -> None:
    """Runs the agent; `--user-namespace PATH INODE` enters one first, and becomes its root if it has one."""
    if arguments:
        _, path, number = arguments
        enter(path, int(number), CLONE_NEWUSER)
        for become in (os.setresgid, os.setresuid):
            try:
                become(0, 0, 0)
            except OSError:  # id 0 is not mapped here: the capabilities are there all the same
                pass
    # Only now: a change of credentials clears it.
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program decides when we end, by closing stdin
    Agent().run()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:  # it could not begin, or its reader is gone
        sys.exit(str(error))
