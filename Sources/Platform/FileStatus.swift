import CLinux

/// What the kernel knows of a file.
struct FileStatus: Equatable, Sendable {
    var device: UInt64 = 0
    var inode: UInt64 = 0
    var mode: UInt32 = 0
    var owner: UInt32 = 0
    var size = 0
    /// Seconds and nanoseconds since the epoch of the last change of content.
    var modified = 0
    var modifiedNanoseconds = 0
    /// Likewise of the last change of content or metadata; no program can set it.
    var changed = 0
    var changedNanoseconds = 0

    init() {}

    init(_ raw: CLinux.stat) {
        device = UInt64(raw.st_dev)
        inode = UInt64(raw.st_ino)
        mode = raw.st_mode
        owner = raw.st_uid
        size = Int(raw.st_size)
        modified = raw.st_mtim.tv_sec
        modifiedNanoseconds = raw.st_mtim.tv_nsec
        changed = raw.st_ctim.tv_sec
        changedNanoseconds = raw.st_ctim.tv_nsec
    }

    var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
    var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }
    /// A terminal, `/dev/null` and the like.
    var isDevice: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFCHR) }

    /// Whether both are the same file, whatever its content, owner and mode have become.
    func isSameFile(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode
    }
}
