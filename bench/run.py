#!/usr/bin/env python3
"""Measures what users wait for, each as a ratio against a named peer in the same run.

  run.py [--rounds N] [--markdown FILE] [NAME...]   NAME: version run creates control ports forks idle backend

Everything runs with a state and a runtime directory of its own, which are removed at the end. A
budget that does not hold is marked, not failed: a busy machine is not a defect.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import selectors
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build/bin"
SPAWN = ROOT / "build/bench/spawn_bench"
AGENTKERNEL = str(BIN / "agentkernel")
BUSYBOX = "/bin/busybox"
# Sends as many bytes as it is asked for; says at which port.
SERVER = """
import socket, sys
server = socket.create_server(('127.0.0.1', int(sys.argv[1])), backlog=64)
print(server.getsockname()[1], flush=True)
piece = bytes(1 << 20)
while True:
    client, _ = server.accept()
    try:
        with client:
            left = int(client.makefile('rb').readline() or 0)
            while left:
                left -= client.send(piece[:left])
    except (OSError, ValueError):
        pass
"""
PAUSE_MS = 25  # before each timed command: an idle machine, as a user's next command finds it
RUN_TRUE = {"command": ["true"], "image": "host"}
BWRAP = ["bwrap", "--unshare-all", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "true"]


@dataclasses.dataclass
class Row:
    what: str
    value: str
    peer: str = ""
    ratio: str = ""
    budget: str = ""
    holds: str = ""

    def cells(self):
        return [self.what, self.value, self.peer, self.ratio, self.budget, self.holds]


HEADER = Row("what", "measured", "peer", "ratio", "budget", "holds")


def show_time(microseconds):
    return f"{microseconds / 1000:.2f} ms"


class Bench:
    def __init__(self, rounds, scratch, runtime):
        self.rounds = rounds
        self.scratch = scratch
        self.runtime = runtime
        self.rows = []
        self.project = scratch / "project"
        self.project.mkdir()
        (self.project / "main.py").write_text("print('hello')\n")
        self.environment = dict(
            os.environ, HOME=str(scratch / "home"), XDG_RUNTIME_DIR=str(runtime),
            XDG_DATA_HOME=str(scratch / "data"), XDG_CONFIG_HOME=str(scratch / "config"),
            XDG_CACHE_HOME=str(scratch / "cache"))
        (scratch / "home").mkdir()

    def call(self, *command, check=True):
        return subprocess.run([str(word) for word in command], env=self.environment,
                              cwd=self.project, check=check, capture_output=True, text=True)

    def latency(self, *commands, rounds=None):
        """[(p50, p99, least, failures)] in microseconds, one per command, interleaved."""
        words = []
        for command in commands:
            words += (["++"] if words else []) + list(command)
        output = self.call(SPAWN, "latency", rounds or self.rounds, PAUSE_MS, *words).stdout
        return [tuple(float(word) for word in line.split()) for line in output.splitlines()]

    def rate(self, count, in_flight, command):
        return tuple(float(word) for word in
                     self.call(SPAWN, "rate", count, in_flight, *command).stdout.split())

    def compare(self, what, mine, peers):
        """Rows for one measurement against several peers: {name: (sample, budget or None)}."""
        for name, (peer, budget) in peers.items():
            if peer[3] > 0:
                self.rows.append(Row(what, show_time(mine[0]), name, "peer failed here"))
                continue
            ratio = mine[0] / peer[0]
            value = f"{show_time(mine[0])} (p99 {show_time(mine[1])})"
            if mine[3]:
                value += f", {mine[3]:.0f} FAILED"
            self.rows.append(Row(
                what, value, f"{name} {show_time(peer[0])}", f"{ratio:.2f} x",
                f"<= {budget} x" if budget else "", self.verdict(budget, ratio <= (budget or 0) and not mine[3])))

    @staticmethod
    def verdict(budget, holds):
        return "" if budget is None else "yes" if holds else "NO"

    # -- what is measured ----------------------------------------------------------------------

    def version(self):
        mine, spawn = self.latency([AGENTKERNEL, "--version"], [BUSYBOX, "true"])
        self.compare("agentkernel --version", mine, {"static busybox true": (spawn, 2.5)})

    def runc_command(self):
        """A runc run of a bundle made of busybox; a fresh name each time, from the shell's pid."""
        bundle = self.scratch / "bundle"
        state = self.runtime / "runc"
        command = ["sh", "-c", f'exec runc --root {state} run --bundle {bundle} "ak-bench-$$"']
        if bundle.exists():
            return command
        (bundle / "rootfs/bin").mkdir(parents=True)
        shutil.copy(BUSYBOX, bundle / "rootfs/bin/busybox")
        os.symlink("busybox", bundle / "rootfs/bin/true")
        self.call("runc", "spec", "--bundle", bundle)
        config = json.loads((bundle / "config.json").read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] = ["/bin/true"]
        (bundle / "config.json").write_text(json.dumps(config))
        return command

    def warm(self):
        """Starts the daemon and lets its pool fill, as it is for a user's second command."""
        self.call(AGENTKERNEL, "run", "true")
        self.call(AGENTKERNEL, "run", "true")

    def run(self):
        self.warm()
        mine, bwrap, plain = self.latency([AGENTKERNEL, "run", "true"], BWRAP, [BUSYBOX, "true"])
        [slow] = self.latency(self.runc_command(), rounds=max(10, self.rounds // 10))
        self.compare("agentkernel run true", mine, {
            "bwrap --unshare-all": (bwrap, 1.0), "runc run": (slow, None),
            "static busybox true": (plain, None)})

    def creates(self):
        """Sandboxes per second. The budget is against a loop: one command after the other."""
        self.warm()
        runs = self.rate(self.rounds, 16, [AGENTKERNEL, "run", "true"])
        made = Crowd(self.runtime / "agentkernel/daemon.sock", 16).rate(3 * self.rounds)
        runc, few = self.runc_command(), max(20, self.rounds // 10)
        for what, mine, peers in (
                ("creates per second over the API, 16 in flight", made,
                 {"runc run, a loop": (1, runc, few, 5.0), "bwrap, a loop": (1, BWRAP, few, 1.0)}),
                ("whole CLIs per second, 16 in flight", runs,
                 {"runc run, 16 in flight": (16, runc, few, None),
                  "bwrap, 16 in flight": (16, BWRAP, self.rounds, None)})):
            for name, (in_flight, command, count, budget) in peers.items():
                self.row_rate(what, mine, name, self.rate(count, in_flight, command), budget)

    def row_rate(self, what, mine, name, peer, budget):
        """A row for two rates, each (per second, how many failed)."""
        def show(rate):
            return f"{rate[0]:.0f}/s" + (f", {rate[1]:.0f} FAILED" if rate[1] else "")

        ratio = mine[0] / peer[0]
        self.rows.append(Row(what, show(mine), f"{name} {show(peer)}", f"{ratio:.2f} x",
                             f">= {budget} x" if budget else "",
                             self.verdict(budget, ratio >= (budget or 0) and not mine[1])))

    def idle(self):
        """Private memory of everything that one idle sandbox adds."""
        self.call(AGENTKERNEL, "run", "--detach", "--name", "ak-bench-idle", "--image", "host",
                  "sleep", "300")
        try:
            total, count = private_memory(self.scratch)
            self.rows.append(Row("idle sandbox, private memory, all its processes",
                                 f"{total / 1024:.2f} MiB in {count} processes", "", "",
                                 "<= 1.5 MiB", "yes" if 0 < total <= 1536 else "NO"))
        finally:
            self.call(AGENTKERNEL, "rm", "ak-bench-idle", check=False)

    def control(self):
        """Requests to the daemon on one kept connection, and a sandbox's whole life over the API."""
        self.warm()
        api = Api(self.runtime / "agentkernel/daemon.sock")
        try:
            trips = sorted(api.timed("GET", "/health") for _ in range(10 * self.rounds))
            self.row_within("GET /health, kept connection", trips, 200)
            runs = sorted(api.timed("POST", "/run", RUN_TRUE, pause=PAUSE_MS / 1000)
                          for _ in range(self.rounds))
            self.row_within("POST /run true, kept connection, pool hit", runs, None)
            lives = sorted(self.life(api, number) for number in range(max(20, self.rounds // 10)))
            self.row_within("create, exec true, remove over the API", lives, None)
        finally:
            api.close()

    def life(self, api, number):
        name = f"ak-bench-life-{number}"
        spent = api.timed("POST", "/sandboxes", {"name": name, "image": "host"})
        try:
            spent += api.timed("POST", f"/sandboxes/{name}/exec", {"command": ["true"]})
        finally:
            spent += api.timed("DELETE", f"/sandboxes/{name}")
        return spent

    def ports(self):
        """A published port against the same server on this machine's loopback."""
        self.warm()
        with subprocess.Popen(["python3", "-c", SERVER, "0"], stdout=subprocess.PIPE, text=True) as peer:
            try:
                direct = int(peer.stdout.readline())
                self.call(AGENTKERNEL, "run", "--detach", "--name", "ak-bench-port", "--image", "host",
                          "--publish", "8000", "python3", "-c", SERVER, "8000")
                shown = json.loads(self.call(AGENTKERNEL, "inspect", "--json", "ak-bench-port").stdout)
                published = shown["ports"][0]["host_port"]
                self.reach(published)
                both = [(published, []), (direct, [])]
                for _ in range(self.rounds):
                    for port, times in both:
                        time.sleep(PAUSE_MS / 1000)
                        times.append(self.fetch(port, 1))
                mine, plain = sorted(both[0][1]), sorted(both[1][1])
                self.row_within("connect and fetch 1 byte through a published port", mine, None)
                self.rows[-1].peer = f"loopback {plain[len(plain) // 2] / 1000:.3f} ms"
                self.rows[-1].ratio = f"{mine[len(mine) // 2] / plain[len(plain) // 2]:.2f} x"
                size = 256 << 20
                rates = [max(size / self.fetch(port, size) for _ in range(5)) for port, _ in both]
                self.rows.append(Row("256 MiB through a published port", f"{rates[0]:.0f} MB/s",
                                     f"loopback {rates[1]:.0f} MB/s", f"{rates[0] / rates[1]:.2f} x"))
            finally:
                peer.terminate()
                self.call(AGENTKERNEL, "rm", "ak-bench-port", check=False)

    def reach(self, port):
        """Waits until the server behind it listens."""
        for _ in range(200):
            try:
                self.fetch(port, 1)
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError(f"nothing answers at port {port}")

    @staticmethod
    def fetch(port, size):
        """Microseconds from the connect to the last of so many bytes."""
        begin = time.perf_counter()
        with socket.create_connection(("127.0.0.1", port), 60) as client:
            client.sendall(f"{size}\n".encode())
            left, buffer = size, bytearray(1 << 18)
            while left and (got := client.recv_into(buffer)):
                left -= got
        if left:
            raise OSError("the answer was cut off")
        return (time.perf_counter() - begin) * 1e6

    def forks(self):
        """A sandbox with 1 GiB of its own, stopped: forked, beside a copy of the same bytes."""
        self.warm()
        api = Api(self.runtime / "agentkernel/daemon.sock")
        parents = [f"ak-bench-parent-{number}" for number in range(3)]
        write = {"command": ["dd", "if=/dev/zero", "of=/root/big", "bs=1M", "count=1024"]}
        try:
            for name in parents:
                api.timed("POST", "/sandboxes", {"name": name, "image": "host"})
                api.timed("POST", f"/sandboxes/{name}/exec", write)
                api.timed("POST", f"/sandboxes/{name}/stop")
            first = sorted(self.fork(api, name) for name in parents)
            again = sorted(self.fork(api, parents[0]) for _ in range(max(20, self.rounds // 10)))
            layers = self.scratch / "data/agentkernel/layers"
            big = next(layers.glob("*/root/root/big"))
            begin = time.perf_counter()
            self.call("cp", "--reflink=auto", big, self.scratch / "copy")
            copied = (time.perf_counter() - begin) * 1e6
            (self.scratch / "copy").unlink()
            self.row_within("fork of a stopped sandbox with 1 GiB of its own", first, 20_000)
            self.rows[-1].peer = f"cp {show_time(copied)}"
            self.rows[-1].ratio = f"{first[len(first) // 2] / copied:.4f} x"
            self.row_within("the next forks of it", again, 20_000)
        finally:
            for name in parents:
                self.call(AGENTKERNEL, "rm", name, check=False)
            api.close()

    def fork(self, api, name):
        spent = api.timed("POST", f"/sandboxes/{name}/fork", {"as_name": f"{name}-child"},
                          pause=PAUSE_MS / 1000)
        api.timed("DELETE", f"/sandboxes/{name}-child")
        return spent

    def row_within(self, what, times, budget):
        """A row for sorted microseconds with a budget in microseconds or none."""
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        self.rows.append(Row(what, f"{p50 / 1000:.3f} ms (p99 {p99 / 1000:.3f} ms)", "", "",
                             f"<= {budget / 1000} ms" if budget else "",
                             self.verdict(budget, p50 <= (budget or 0))))

    def backend(self):
        """What the daemon pays inside, without a process of ours: rows of backend_bench."""
        program = ROOT / "build/bench/backend_bench"
        if not program.exists():
            self.rows.append(Row("backend_bench", "not built"))
            return
        budgets = {"cold start to end of first exec": 6.0, "exec round trip, live session": 2.0}
        measured = {}
        for line in self.call(program).stdout.splitlines()[1:]:
            what, numbers = line[:44].strip(), line[44:].split()
            measured[what] = [float(number.rstrip("x")) for number in numbers]
        plain = measured.pop("plain vfork+exec of busybox true")[0]
        cold = measured["cold start to end of first exec"][0]
        for what, (p50, p99, ratio) in measured.items():
            budget = budgets.get(what)
            self.rows.append(Row(
                f"in the daemon: {what}", f"{p50:.2f} ms (p99 {p99:.2f} ms)",
                f"vfork+exec {plain:.2f} ms", f"{ratio:.2f} x", f"<= {budget} x" if budget else "",
                self.verdict(budget, ratio <= (budget or 0))))
            if what.startswith("pool claim"):
                self.rows[-1].budget, self.rows[-1].holds = "< cold", self.verdict(cold, p50 < cold)

    def stop(self):
        self.call(AGENTKERNEL, "daemon", "stop", check=False)


class Api:
    """One kept connection to the daemon."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.buffer = b""

    def close(self):
        self.socket.close()

    def timed(self, method, path, body=None, pause=0):
        """Microseconds from the request to the last byte of its answer, which must be a success."""
        time.sleep(pause)
        begin = time.perf_counter()
        self.ask(method, path, body)
        while (answer := self.answer()) is None:
            self.receive()
        spent = (time.perf_counter() - begin) * 1e6
        status, text = answer
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {text.decode()[:300]}")
        return spent

    def ask(self, method, path, body=None):
        data = json.dumps(body).encode() if body is not None else b""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(data)}\r\n\r\n"
        self.socket.sendall(head.encode() + data)

    def answer(self):
        """(status, body) once all of it has been received."""
        head, end, rest = self.buffer.partition(b"\r\n\r\n")
        fields = head.lower().split(b"\r\n")
        size = next((int(field[15:]) for field in fields if field.startswith(b"content-length:")), 0)
        if not end or len(rest) < size:
            return None
        self.buffer = rest[size:]
        return int(fields[0].split()[1]), rest[:size]

    def receive(self):
        more = self.socket.recv(65536)
        if not more:
            raise RuntimeError("the daemon closed the connection")
        self.buffer += more


class Crowd:
    """Many clients at once, each on a connection that it keeps."""

    def __init__(self, path, size):
        self.members = [Api(path) for _ in range(size)]

    def rate(self, count):
        """(sandboxes made, run and removed per second, how many failed)"""
        selector, asked, done, failed = selectors.DefaultSelector(), 0, 0, 0
        for api in self.members:
            selector.register(api.socket, selectors.EVENT_READ, api)
        begin = time.perf_counter()
        idle = list(self.members)
        while done < count:
            while idle and asked < count:
                idle.pop().ask("POST", "/run", RUN_TRUE)
                asked += 1
            for key, _ in selector.select():
                key.data.receive()
                if (answer := key.data.answer()) is not None:
                    done += 1
                    failed += answer[0] != 200
                    idle.append(key.data)
        spent = time.perf_counter() - begin
        for api in self.members:
            api.close()
        return count / spent, failed


def private_memory(scratch):
    """(KiB, processes) of those in a pid namespace below ours that run as a named sandbox's: the
    ones whose innermost pid namespace holds our `sleep 300`."""
    namespaces, processes = set(), []
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            namespace = os.readlink(entry / "ns/pid")
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended, or is not ours to look at
        processes.append((entry, namespace))
        if words[:2] == [b"sleep", b"300"]:
            namespaces.add(namespace)
    namespaces.discard(os.readlink("/proc/self/ns/pid"))
    total = count = 0
    for entry, namespace in processes:
        if namespace in namespaces:
            rollup = (entry / "smaps_rollup").read_text()
            total += sum(int(line.split()[1]) for line in rollup.splitlines()
                         if line.startswith("Private_"))
            count += 1
    return total, count


def as_table(rows):
    lines = [HEADER.cells()] + [row.cells() for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip()
                     for line in lines)


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def as_markdown(rows, rounds, load):
    lines = [HEADER.cells(), ["---"] * 6] + [row.cells() for row in rows]
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    date = datetime.date.today().isoformat()
    missed = "".join(f"- {row.what}: {row.ratio or row.value} against {row.peer or 'the budget'}, "
                     f"budget {row.budget}\n" for row in rows if row.holds == "NO") or "- none\n"
    return f"""# Benchmarks

Written by `./dev bench --markdown docs/benchmarks.md` on {date}: {os.cpu_count()} cores, {cpu_name()},
Linux {platform.release()}. Times are wall times of whole processes, p50 of {rounds} rounds; the commands of
one comparison take turns within each round, so that a drift of the machine hits all alike, with a pause
of {PAUSE_MS} ms before each (10 ms for what is measured inside the daemon). The daemon is up and its pool is warm unless a row says otherwise.

{table}

Budgets that this run missed:

{missed}
The load average was {load:.1f} when the run began. On a machine that does other work all times grow and
the ratios that depend on several processes waking each other (run, cold start, claim) grow with
them; compare runs of the same load only. What the rows say:

- `agentkernel run true` is the whole process, with the project mounted copy-on-write, limits by
  cgroup, a seccomp filter and an agent that streams; the bwrap of the comparison has none of these.
- With 16 in flight every start comes too soon for the pool: these boxes are made from nothing. The
  budget is against a loop, one command after the other; peers that also run 16 at a time are shown
  without one.
- A named sandbox's life over the API includes records that survive a power cut (fsync).
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--markdown", type=pathlib.Path)
    names = ("version", "run", "creates", "control", "ports", "forks", "idle", "backend")
    parser.add_argument("names", nargs="*", choices=[[], *names], metavar="NAME")
    options = parser.parse_args()
    if not pathlib.Path(AGENTKERNEL).exists():
        sys.exit("bench: error: build/bin/agentkernel is not there\n  Build first: ./dev build")
    load = os.getloadavg()[0]
    # Short paths: those of sockets have 107 bytes. The runtime directory is in memory, as the one
    # that a session gets is.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="ak-bench-") as name, \
            tempfile.TemporaryDirectory(prefix="ak-bench-", dir=memory) as runtime:
        bench = Bench(options.rounds, pathlib.Path(name), pathlib.Path(runtime))
        try:
            for step in options.names or names:
                try:
                    getattr(bench, step)()
                except RuntimeError as error:
                    bench.rows.append(Row(step, "FAILED"))
                    print(f"bench: {step}: {error}", file=sys.stderr)
                except subprocess.CalledProcessError as error:
                    bench.rows.append(Row(step, "FAILED"))
                    print(f"bench: {step}: {' '.join(error.cmd)}\n{error.stderr}", file=sys.stderr)
        finally:
            bench.stop()
        print(as_table(bench.rows))
        if options.markdown:
            options.markdown.write_text(as_markdown(bench.rows, options.rounds, load))


if __name__ == "__main__":
    main()
