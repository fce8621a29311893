import CLinux

/// What the kernel knows of a file.
public struct FileStatus: Equatable, Sendable {
    public var device: UInt64 = 0
    public var inode: UInt64 = 0
    public var mode: UInt32 = 0
    public var owner: UInt32 = 0
    public var size = 0
    /// Seconds and nanoseconds since the epoch of the last change of content.
    public var modified = 0
    public var modifiedNanoseconds = 0
    /// Likewise of the last change of content or metadata; no program can set it.
    public var changed = 0
    public var changedNanoseconds = 0

    public init() {}

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

    public var isDirectory: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFDIR) }
    public var isRegular: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFREG) }
    public var isLink: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFLNK) }
    /// A terminal, `/dev/null` and the like.
    public var isDevice: Bool { mode & UInt32(S_IFMT) == UInt32(S_IFCHR) }

    /// Whether both are the same file, whatever its content, owner and mode have become.
    public func isSameFile(as other: FileStatus) -> Bool {
        device == other.device && inode == other.inode
    }
}
