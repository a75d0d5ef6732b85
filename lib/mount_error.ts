/** What keeps a file system from being mounted, and what to do about it. */
const REMEDIES = {
  EFUSE_NO_DEVICE:
    'load the module (modprobe fuse); in a container pass the device (docker run --device /dev/fuse)',
  EFUSE_DEVICE_DENIED:
    '/dev/fuse must be readable and writable for this user: chmod 666 /dev/fuse, as udev does',
  EFUSE_NOT_PERMITTED:
    'run as root or install fusermount3 (Debian: apt-get install fuse3); in a container add ' +
    '--cap-add SYS_ADMIN (and --security-opt apparmor=unconfined where AppArmor is used)',
  EFUSE_NO_FUSERMOUNT: 'install it (Debian: apt-get install fuse3), or run as root',
  EFUSE_FUSERMOUNT: 'see what it says',
  EFUSE_ALLOW_OTHER: 'add a line user_allow_other to /etc/fuse.conf, or run as root',
  EFUSE_AUTO_UNMOUNT: 'let root in by allowRoot or allowOther, or mount as root',
  EFUSE_STALE_MOUNT: "umount -l it (fusermount3 -u -z), or mount with staleMount: 'replace'",
  EFUSE_NO_CONTROL: 'mount -t fusectl none /sys/fs/fuse/connections',
  EFUSE_NO_UNSHARE: 'install util-linux; only `unshare -Urm` needs it',
  EFUSE_NO_USERNS:
    'raise user.max_user_namespaces by sysctl(8), on Ubuntu set ' +
    'kernel.apparmor_restrict_unprivileged_userns=0; in a container its seccomp profile may forbid it',
  EFUSE_NO_EXTFUSE: 'nothing is lacking: only kernels patched for it have it',
  EFUSE_TOO_MANY: 'unmount some, or raise mount_max in /etc/fuse.conf',
} as const satisfies Readonly<Record<string, string>>

/** Stable: a program may decide by it. */
export type MountErrorCode = keyof typeof REMEDIES

/** What to do. */
export const remedyOf = (code: MountErrorCode): string => REMEDIES[code]

/** Nothing was mounted. The message ends with what to do; `cause` is the system's error, if any. */
export class MountError extends Error {
  override readonly name = 'MountError'
  readonly code: MountErrorCode

  constructor(code: MountErrorCode, what: string, cause?: unknown) {
    super(`${code}: ${what}: ${REMEDIES[code]}`, cause === undefined ? {} : { cause })
    this.code = code
  }
}
