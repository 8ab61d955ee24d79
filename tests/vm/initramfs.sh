#!/bin/busybox sh
# First program of the guest: finds the root disk and hands over. The cloud kernel has virtio as
# modules; virtio_ring must come before virtio.
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in virtio_ring virtio virtio_mmio virtio_blk; do
  /bin/busybox insmod /modules/$module.ko || echo "AK-VM-FAIL no module $module"
done
# The disks appear through ACPI in their own time; the kernel makes the nodes.
tries=0
while [ ! -b /dev/vda ] && [ $tries -lt 100 ]; do
  /bin/busybox usleep 50000
  tries=$((tries + 1))
done
/bin/busybox mount -t ext4 /dev/vda /root || echo "AK-VM-FAIL no root disk"
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /ak-vm/init
