#!/usr/bin/env python3
"""The vm tier: runs test programs in a Debian 12 guest with kernel 6.1 and pure cgroup v2, as root
and as a user. That is what most users have, and what a CI machine often has not.

  run.py [FILTER]   FILTER names test programs (a regular expression), or test cases if none match

The guest is emulated (TCG): AK_VM_ACCEL=kvm uses KVM where it works. Ends with one line of totals.
"""

import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tarfile
import tempfile
import threading

import image

sys.path.insert(0, str(image.ROOT / "tools"))
import run_tests  # noqa: E402

# Test programs whose outcome depends on the kernel and the cgroup hierarchy.
CHOSEN = re.compile(r"(base|sys|os|launch|channel|guest|image|fault)_test$|"
                    r"conformance|security|e2e")
WHO = ("root", "user")
BOOT_SECONDS = int(os.environ.get("AK_VM_BOOT_DEADLINE", "180"))
DEADLINE_SECONDS = int(os.environ.get("AK_VM_DEADLINE", "5400"))
PROGRAM_SECONDS = int(os.environ.get("AK_VM_PROGRAM_DEADLINE", "1800"))
RESULT_BYTES = 64 << 20


def choose(pattern):
    """(programs, GoogleTest filter)"""
    directory = image.ROOT / "build/tests"
    present = sorted(path for path in directory.glob("*") if path.is_file() and
                     os.access(path, os.X_OK) and CHOSEN.search(path.name))
    if not pattern:
        return present, ""
    by_name = [path for path in present if re.search(pattern, path.name)]
    return (by_name, "") if by_name else (present, pattern if "*" in pattern else f"*{pattern}*")


def tsc_khz():
    """What the guest is told about its clock: on a busy host an emulated kernel's own measurement
    fails, and it then waits for ever for a timer that this machine type does not have."""
    return subprocess.run([image.ROOT / "build/vm/vm_tsc_khz"], check=True, capture_output=True,
                          text=True).stdout.strip()


def command(disks, vmlinuz, initramfs):
    accel = os.environ.get("AK_VM_ACCEL", "tcg")
    machine = "microvm,x-option-roms=off,pit=on,pic=on,rtc=on,isa-serial=on"
    words = ["qemu-system-x86_64", "-M", machine, "-accel", accel,
             "-cpu", "max" if accel == "tcg" else "host,-arch-capabilities",
             "-smp", "2", "-m", "2048", "-nodefaults", "-no-user-config", "-nographic",
             "-no-reboot", "-serial", "stdio", "-kernel", vmlinuz, "-initrd", initramfs,
             "-append", f"console=ttyS0 reboot=t panic=-1 quiet tsc_early_khz={tsc_khz()}"]
    for name, disk in disks:
        # The cached disks are never written: each run has a layer of its own.
        snapshot = "off" if name == "results" else "on"
        words += ["-drive", f"id={name},file={disk},format=raw,if=none,snapshot={snapshot},cache=unsafe",
                  "-device", f"virtio-blk-device,drive={name}"]
    return [str(word) for word in words]


def boot(words):
    """Shows the guest's console; True when the guest reported that it came to its end."""
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    whole = threading.Timer(DEADLINE_SECONDS, process.kill)
    start = threading.Timer(BOOT_SECONDS, process.kill)
    whole.start()
    start.start()
    done = False
    try:
        for raw in process.stdout:
            line = raw.decode(errors="backslashreplace").rstrip("\r\n")
            if line.startswith("AK-VM-BOOTED"):
                start.cancel()
            done = done or line.startswith("AK-VM-DONE")
            # What the guest's console says may hold escape sequences.
            print("  | " + re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "?", line), flush=True)
    finally:
        whole.cancel()
        start.cancel()
        process.kill()
        process.wait()
    return done


def collect(results, scratch):
    """Totals over the guest's reports; a program without report is a failure."""
    reports = scratch / "reports"
    reports.mkdir()
    with tarfile.open(results) as archive:
        for member in archive:
            if member.isfile():  # by its last name alone: the guest wrote this archive
                name = pathlib.PurePosixPath(member.name).name
                (reports / name).write_bytes(archive.extractfile(member).read())
    totals = run_tests.Totals()
    for line in (reports / "status").read_text().splitlines():
        who, name, status = line.split()
        report = reports / f"{who}-{name}.xml"
        one = run_tests.read_report(report) if report.exists() else run_tests.Totals()
        if status != "0" and one.failed == 0:
            one.failed += 1
            one.failures.append(f"{name} (exit status {status})")
        one.failures = [f"as {who}: {failure}" for failure in one.failures]
        print(f"as {who}: {name}: {one.line()}")
        totals.add(one)
    return totals


def main():
    # Ended from outside, it still ends the guest and removes its disks.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    programs, cases = choose(sys.argv[1] if len(sys.argv) > 1 else "")
    if not programs:
        raise SystemExit("vm: error: no test program matches\n  Build first: ./dev build")
    cache = image.cache_directory()
    vmlinuz, modules = image.kernel(cache)
    initramfs, root = image.initramfs(cache, modules), image.root_disk(cache, modules)
    with tempfile.TemporaryDirectory(prefix="ak-vm-", dir=cache) as name:
        scratch = pathlib.Path(name)
        run_file = "".join(f"{key}={shlex.quote(value)}\n" for key, value in {
            "AK_PROGRAMS": " ".join(str(path.relative_to(image.ROOT)) for path in programs),
            "AK_FILTER": cases, "AK_WHO": " ".join(WHO),
            "AK_TIMEOUT": str(PROGRAM_SECONDS)}.items())
        results = scratch / "results.tar"
        with open(results, "wb") as file:
            file.truncate(RESULT_BYTES)
        disks = (("root", root), ("build", image.build_disk(scratch, programs, run_file)),
                 ("results", results))
        print(f"vm: booting, to run {len(programs)} test programs as {' and as '.join(WHO)}", flush=True)
        if not boot(command(disks, vmlinuz, initramfs)):
            raise SystemExit("vm: error: the guest did not come to its end; its console is above")
        totals = collect(results, scratch)
    run_tests.show(totals)
    return 1 if totals.failed or not totals.passed else 0


if __name__ == "__main__":
    sys.exit(main())
