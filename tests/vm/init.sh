#!/bin/sh
# Process 1 of the guest: sets up what systemd would (pure cgroup v2, delegation, a user with
# subordinate ids), mounts the build where the test programs expect it, runs them as root and as
# that user, and hands the reports back on the third disk.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts /dev/pts
ln -sf pts/ptmx /dev/ptmx
ln -sf /proc/self/fd /dev/fd
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t tmpfs -o mode=0755 run /run
# /tmp stays on the root disk, as Debian 12 has it: in kernel 6.1 a tmpfs can neither be id-mapped nor
# be an overlay's upper directory in a user namespace.
chmod 1777 /tmp
mount -t securityfs security /sys/kernel/security 2>/dev/null
for module in /ak-vm/modules/*.ko; do insmod "$module" 2>/dev/null; done
chmod 666 /dev/fuse /dev/net/tun 2>/dev/null
ip link set lo up
hostname ak-vm
mount --make-rshared /

# The build is a disk of its own; the tests know it by the path it was built at.
. /ak-vm/build-path
mkdir -p "$AK_SOURCE"
mount -t ext4 /dev/vdb "$AK_SOURCE" || echo "AK-VM-FAIL no build disk"
. "$AK_SOURCE/ak-vm-run"

# What systemd makes: slices with every controller, a service for root, and a delegated manager for
# the user. Processes sit in leaves only.
cgroup=/sys/fs/cgroup
mount -t cgroup2 -o nsdelegate cgroup2 $cgroup
controllers() { for c in $(cat "$1/cgroup.controllers"); do echo "+$c" >"$1/cgroup.subtree_control"; done; }
user=$cgroup/user.slice/user-1000.slice/user@1000.service
mkdir -p $cgroup/init.scope $cgroup/system.slice/test.service
echo 1 >$cgroup/init.scope/cgroup.procs
controllers $cgroup
controllers $cgroup/system.slice
mkdir -p $user
controllers $cgroup/user.slice
controllers $cgroup/user.slice/user-1000.slice
chown 1000:1000 $user $user/cgroup.procs $user/cgroup.subtree_control $user/cgroup.threads
controllers $user
install -d -m 700 -o 1000 -g 1000 /run/user/1000
chown -R 1000:1000 /home/tester

echo "AK-VM-BOOTED kernel $(uname -r), cgroup v2 only: $(cat $cgroup/cgroup.controllers)"
mkdir -m 1777 /results
mount -t tmpfs -o mode=1777 results /results

run() { # WHO PROGRAM
  name=$(basename "$2")
  echo "AK-VM-RUN $1 $name"
  if [ "$1" = root ]; then
    # ${3:+...} passes the filter only when there is one.
    sh -c 'echo $$ >"$0"; exec "$@"' $cgroup/system.slice/test.service/cgroup.procs \
      env GTEST_COLOR=no AK_TEST_TIER=vm "GTEST_OUTPUT=xml:/results/root-$name.xml" ${AK_FILTER:+"GTEST_FILTER=$AK_FILTER"} \
      timeout "$AK_TIMEOUT" "$2"
  else
    # A scope of its own, as systemd-run --user --scope makes: a program may turn its group into an
    # inner one, which no later process can join.
    mkdir "$user/$name.scope"
    chown -R 1000:1000 "$user/$name.scope"
    sh -c 'echo $$ >"$0"; exec "$@"' "$user/$name.scope/cgroup.procs" \
      env -i "PATH=$PATH" HOME=/home/tester LANG=C.UTF-8 XDG_RUNTIME_DIR=/run/user/1000 \
      AK_TEST_TIER=vm "GTEST_OUTPUT=xml:/results/user-$name.xml" ${AK_FILTER:+"GTEST_FILTER=$AK_FILTER"} \
      setpriv --reuid=1000 --regid=1000 --init-groups --inh-caps=-all \
      timeout "$AK_TIMEOUT" "$2"
  fi </dev/null
  echo "$1 $name $?" >>/results/status
}

cd /tmp || exit 1
: >/results/status
for program in $AK_PROGRAMS; do
  for who in $AK_WHO; do run "$who" "$AK_SOURCE/$program"; done
done
tar -C /results -cf /dev/vdc .
echo "AK-VM-DONE"
sync
busybox reboot -f
