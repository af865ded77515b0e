"""The disk: room, and whether what is written is on stable storage in good time."""

from node.probes import DiskFacts
from node.services.doctor.finding import Finding, Unknown, error, ok, unexamined, warning

MIB = 1 << 20
ERROR_BYTES, WARNING_BYTES = 256 * MIB, 2048 * MIB
"""A day of full batches is about 1 GiB."""
_LEAST_FILES = 1_000
_SLOW_SECONDS = 0.1
"""Every acknowledgement waits for one synced write."""


def check_disk(disk: DiskFacts | Unknown) -> list[Finding]:
    """Room, writing, syncing."""
    if isinstance(disk, Unknown):
        return [unexamined(disk)]
    free, found = disk.free_bytes // MIB, list[Finding]()
    if disk.trouble:
        found.append(
            error(
                "NOT_WRITABLE",
                (f"无法写入 {disk.path}：{disk.trouble}", f"cannot write to {disk.path}: {disk.trouble}"),
                ("检查磁盘空间、挂载方式与权限", "check space, mount options and permissions"),
            )
        )
    if disk.free_bytes < WARNING_BYTES:
        make = error if disk.free_bytes < ERROR_BYTES else warning
        found.append(
            make(
                "DISK_FULL" if disk.free_bytes < ERROR_BYTES else "DISK_FILLS",
                (f"{disk.path} 仅剩 {free} MiB", f"only {free} MiB are left at {disk.path}"),
                (
                    "腾出空间或扩容；磁盘写满时节点停止受理",
                    "make room or a larger disk; on a full disk the node stops taking records",
                ),
            )
        )
    if 0 <= disk.free_files < _LEAST_FILES:
        found.append(
            error(
                "NO_INODES",
                (
                    f"{disk.path} 仅剩 {disk.free_files} 个 inode",
                    f"only {disk.free_files} inodes are left at {disk.path}",
                ),
                ("删除小文件，或换用文件系统", "remove small files, or use another file system"),
            )
        )  # fmt: skip
    if disk.sync_seconds > _SLOW_SECONDS:
        found.append(
            warning(
                "SLOW_SYNC",
                (
                    f"一次同步写入需 {disk.sync_seconds * 1000:.0f} 毫秒",
                    f"one synced write takes {disk.sync_seconds * 1000:.0f} ms",
                ),
                (
                    "受理须等待同步写入：换用 SSD，或不与其他负载共用磁盘",
                    "every acknowledgement waits for one: use an SSD, or a disk of its own",
                ),
            )
        )
    return found or [
        ok(
            f"剩余 {free} MiB，同步写入 {disk.sync_seconds * 1000:.1f} 毫秒",
            f"{free} MiB left, a synced write takes {disk.sync_seconds * 1000:.1f} ms",
        )
    ]
