"""Makes the guest's kernel, initramfs and disks, and keeps what does not change in a cache.

The cache is $XDG_CACHE_HOME/agentkernel/vm; its file names hold a key of what they are made of, so
that a changed list of packages makes a new image and an unchanged one costs nothing.
"""

import gzip
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SUITE = "bookworm"

# In the guest: what the programs need at run time, and what the tests call.
PACKAGES = (
    "busybox-static", "passt", "uidmap", "libstdc++6", "libsodium23", "libsqlite3-0", "libseccomp2",
    "libfmt9", "libisal2", "libzstd1", "iproute2", "procps", "python3-minimal", "attr", "kmod", "zstd",
    "git")
BOOT_MODULES = ("virtio_ring", "virtio", "virtio_mmio", "virtio_blk")
GUEST_MODULES = ("overlay", "tun", "fuse", "veth", "loop", "dummy", "quota_tree", "quota_v2")


def cache_directory():
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    path = pathlib.Path(base) / "agentkernel" / "vm"
    path.mkdir(parents=True, exist_ok=True)
    return path


def key_of(*parts):
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def run(*command, **options):
    subprocess.run([str(word) for word in command], check=True, **options)


def as_root(*command):
    """Runs a command as root, or as root of a user namespace with the user's subordinate ids, so
    that the files of an image can belong to anybody."""
    prefix = [] if os.geteuid() == 0 else ["unshare", "--user", "--map-auto", "--map-root-user"]
    run(*prefix, *command)


def publish(partial, final):
    """A cache file is there whole or not at all."""
    os.replace(partial, final)
    return final


def kernel_package():
    output = subprocess.run(["apt-cache", "depends", "linux-image-cloud-amd64"], check=True,
                            capture_output=True, text=True).stdout
    for line in output.splitlines():
        if "Depends: linux-image-" in line:
            return line.split()[-1]
    raise SystemExit("vm: error: no linux-image-cloud-amd64 in the package lists\n"
                     "  Run: apt-get update")


def kernel(cache):
    """The unpacked kernel package: (vmlinuz, modules directory). Not installed on this machine."""
    package = kernel_package()
    target = cache / f"kernel-{key_of(package)}"
    if not target.exists():
        print(f"vm: fetching {package}", flush=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            # apt drops privileges to download; let it write here.
            os.chmod(scratch, 0o755)
            run("apt-get", "-q", "download", "-o", "APT::Sandbox::User=", package, cwd=scratch,
                stdout=subprocess.DEVNULL)
            [archive] = pathlib.Path(scratch).glob("*.deb")
            run("dpkg", "-x", archive, pathlib.Path(scratch) / "tree")
            publish(pathlib.Path(scratch) / "tree", target)
    [vmlinuz] = (target / "boot").glob("vmlinuz-*")
    [modules] = (target / "lib/modules").iterdir()
    return vmlinuz, modules


def module(modules, name):
    found = list(modules.rglob(f"{name}.ko"))
    if len(found) != 1:
        raise SystemExit(f"vm: error: the kernel package has no module {name}")
    return found[0]


def cpio_entry(number, name, mode, data=b"", major=0, minor=0):
    """One record of the `newc` format (the kernel's Documentation/driver-api/early-userspace)."""
    encoded = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, major, minor, len(encoded), 0)
    header = b"070701" + b"".join(b"%08X" % field for field in fields)
    padded = header + encoded
    padded += b"\0" * (-len(padded) % 4)
    return padded + data + b"\0" * (-len(data) % 4)


def initramfs(cache, modules):
    script = (HERE / "initramfs.sh").read_bytes()
    target = cache / f"initramfs-{key_of(str(modules), script.decode())}.gz"
    if target.exists():
        return target
    busybox = pathlib.Path("/bin/busybox").read_bytes()
    entries = [("bin", 0o40755, b""), ("proc", 0o40755, b""), ("dev", 0o40755, b""),
               ("root", 0o40755, b""), ("modules", 0o40755, b""),
               ("bin/busybox", 0o100755, busybox), ("init", 0o100755, script)]
    entries += [(f"modules/{name}.ko", 0o100644, module(modules, name).read_bytes())
                for name in BOOT_MODULES]
    archive = b"".join(cpio_entry(i + 1, *entry) for i, entry in enumerate(entries))
    archive += cpio_entry(len(entries) + 1, "dev/console", 0o20600, major=5, minor=1)
    archive += cpio_entry(0, "TRAILER!!!", 0)
    partial = target.with_suffix(".partial")
    partial.write_bytes(gzip.compress(archive, compresslevel=1))
    return publish(partial, target)


MAKE_ROOT = r"""
set -eu
tree=$1/tree
mkdir "$tree"
tar --exclude='./dev/*' -xf "$2" -C "$tree"
cp -r "$3/." "$tree/"
chmod 755 "$tree"
grep -q '^tester:' "$tree/etc/passwd" || {
  echo 'tester:x:1000:1000::/home/tester:/bin/sh' >>"$tree/etc/passwd"
  echo 'tester:x:1000:' >>"$tree/etc/group"
}
echo 'tester:100000:65536' | tee "$tree/etc/subuid" >"$tree/etc/subgid"
mkdir -p "$tree/home/tester"
mke2fs -q -t ext4 -d "$tree" -L ak-root "$4" 1500M
rm -rf "$tree"
"""


def root_disk(cache, modules):
    init = (HERE / "init.sh").read_text()
    base_key = key_of(SUITE, *PACKAGES)
    base = cache / f"base-{base_key}.tar"
    if not base.exists():
        print("vm: making a Debian 12 root file system (once)", flush=True)
        partial = cache / f"base-{base_key}.partial.tar"
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}",
            SUITE, partial)
        publish(partial, base)
    target = cache / f"root-{key_of(base_key, init, str(modules), MAKE_ROOT, str(ROOT))}.ext4"
    if target.exists():
        return target
    print("vm: making the root disk", flush=True)
    with tempfile.TemporaryDirectory(dir=cache) as scratch:
        extra = pathlib.Path(scratch) / "extra"
        (extra / "ak-vm/modules").mkdir(parents=True)
        for name in GUEST_MODULES:
            shutil.copy(module(modules, name), extra / "ak-vm/modules")
        (extra / "ak-vm/init").write_text(init)
        (extra / "ak-vm/init").chmod(0o755)
        (extra / "ak-vm/build-path").write_text(f"AK_SOURCE='{ROOT}'\n")
        partial = pathlib.Path(scratch) / "root.ext4"
        partial.touch()
        as_root("sh", "-c", MAKE_ROOT, "sh", scratch, base, extra, partial)
        return publish(partial, target)


def build_disk(scratch, programs, run_file):
    """A disk with the programs, the chosen tests and the test data, laid out like the checkout."""
    tree = scratch / "build-tree"
    helpers = [path for path in (ROOT / "build/tests").glob("*") if not path.name.endswith("_test")]
    for path in [*sorted((ROOT / "build/bin").glob("*")), *sorted(helpers), *programs]:
        if path.is_file() and os.access(path, os.X_OK):
            copy = tree / path.relative_to(ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            run("strip", "--strip-debug", "-o", copy, path)
    for folder in ("tests", "src", "guest"):
        if (ROOT / folder).is_dir():
            shutil.copytree(ROOT / folder, tree / folder, symlinks=True, dirs_exist_ok=True)
    (tree / "ak-vm-run").write_text(run_file)
    disk = scratch / "build.ext4"
    disk.touch()
    as_root("mke2fs", "-q", "-t", "ext4", "-d", tree, "-E", "root_owner=0:0", disk, "2G")
    return disk
