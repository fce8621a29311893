import CLinux

@testable import ApusServer

/// A file or a folder.
final class FileNode {
    var bytes: [UInt8] = []
    var status = FileStatus()

    /// Notes a change at a moment in UTC milliseconds.
    func touch(at moment: Int) {
        status.size = bytes.count
        status.modified = moment / 1_000
        status.modifiedNanoseconds = moment % 1_000 * 1_000_000
        status.changed = status.modified
        status.changedNanoseconds = status.modifiedNanoseconds
    }
}

/// A file that a descriptor stands for.
final class OpenedFile {
    let node: FileNode
    let path: String
    fileprivate var position = 0
    fileprivate let flags: Int32

    init(node: FileNode, path: String, flags: Int32) {
        self.node = node
        self.path = path
        self.flags = flags
    }

    func bytes(from offset: Int, count: Int) -> ArraySlice<UInt8> {
        let start = min(max(offset, 0), node.bytes.count)
        return node.bytes[start..<min(start + max(count, 0), node.bytes.count)]
    }
}

/// Files and folders in memory.
struct SimulatedDisk {
    private var nodes: [String: FileNode] = [:]
    private var nextInode: UInt64 = 100
    /// Bytes that may still be written.
    var space = Int.max

    /// Paths of all files, for tests.
    var paths: [String] { nodes.keys.sorted() }

    private static func parent(of path: String) -> String {
        let parts = path.split(separator: "/").dropLast()
        return "/" + parts.joined(separator: "/")
    }

    private static func clean(_ path: String) throws(Errno) -> String {
        if path.isEmpty { throw .notFound }
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            if part == "." { continue }
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
            if part.utf8.count > 255 { throw .nameTooLong }
        }
        return "/" + parts.joined(separator: "/")
    }

    // MARK: - For tests

    /// Puts a file there, with the folders above it.
    @discardableResult
    mutating func put(_ path: String, _ bytes: [UInt8], at moment: Int, mode: UInt32 = 0o644)
        -> FileNode
    {
        var folder = Self.parent(of: path)
        var missing: [String] = []
        while folder != "/", nodes[folder] == nil {
            missing.append(folder)
            folder = Self.parent(of: folder)
        }
        for folder in missing {
            nodes[folder] = makeNode(UInt32(S_IFDIR) | 0o755, at: moment)
        }
        let node = nodes[path] ?? makeNode(UInt32(S_IFREG) | mode, at: moment)
        nodes[path] = node
        node.bytes = bytes
        node.touch(at: moment)
        return node
    }

    private mutating func makeNode(_ mode: UInt32, at moment: Int) -> FileNode {
        let node = FileNode()
        node.status.device = 1
        node.status.inode = nextInode
        node.status.mode = mode
        nextInode += 1
        node.touch(at: moment)
        return node
    }

    // MARK: - For the kernel

    func find(_ path: String) throws(Errno) -> FileNode {
        let clean = try Self.clean(path)
        if clean == "/" {
            let root = FileNode()
            root.status.mode = UInt32(S_IFDIR) | 0o755
            return root
        }
        if let node = nodes[clean] {
            if path.hasSuffix("/"), !node.status.isDirectory { throw .notDirectory }
            return node
        }
        try checkFolder(above: clean)
        throw .notFound
    }

    private func checkFolder(above path: String) throws(Errno) {
        let parent = Self.parent(of: path)
        if parent == "/" { return }
        guard let folder = nodes[parent] else {
            try checkFolder(above: parent)
            throw .notFound
        }
        if !folder.status.isDirectory { throw .notDirectory }
    }

    mutating func open(
        _ path: String, flags: Int32, mode: UInt32, at moment: Int
    ) throws(Errno) -> OpenedFile {
        let clean = try Self.clean(path)
        let writes = flags & O_ACCMODE != O_RDONLY
        if flags & O_CREAT != 0 {
            if nodes[clean] != nil, flags & O_EXCL != 0 { throw .exists }
            if nodes[clean] == nil {
                try checkFolder(above: clean)
                nodes[clean] = makeNode(UInt32(S_IFREG) | mode, at: moment)
            }
        }
        let node = try find(path)
        if writes, node.status.isDirectory { throw .isDirectory }
        let right: UInt32 = writes ? 0o222 : 0o444
        if node.status.mode & right == 0 { throw .accessDenied }
        if flags & O_TRUNC != 0, writes {
            node.bytes = []
            node.touch(at: moment)
        }
        return OpenedFile(node: node, path: clean, flags: flags)
    }

    mutating func write(
        _ bytes: [UInt8], to file: OpenedFile, offset: Int?, at moment: Int
    ) throws(Errno) -> Int {
        let count = min(bytes.count, space)
        if count == 0, !bytes.isEmpty { throw .noSpace }
        let node = file.node
        let start = offset ?? (file.flags & O_APPEND != 0 ? node.bytes.count : file.position)
        if node.bytes.count < start {
            node.bytes += Array(repeating: 0, count: start - node.bytes.count)
        }
        let end = min(start + count, node.bytes.count)
        node.bytes.replaceSubrange(start..<end, with: bytes[..<count])
        if offset == nil { file.position = start + count }
        if space < .max { space -= count }
        node.touch(at: moment)
        return count
    }

    /// The names in a folder, the dots that every folder has included.
    func names(in path: String) throws(Errno) -> [String] {
        guard try find(path).status.isDirectory else { throw .notDirectory }
        let folder = try Self.clean(path)
        let inside = nodes.keys.filter { $0 != "/" && Self.parent(of: $0) == folder }
        return [".", ".."] + inside.map { String($0.split(separator: "/").last ?? "") }.sorted()
    }

    /// The path without dots: there are no links here.
    func realPath(_ path: String) throws(Errno) -> String {
        _ = try find(path)
        return try Self.clean(path)
    }

    mutating func makeFolder(_ path: String, mode: UInt32, at moment: Int) throws(Errno) {
        let clean = try Self.clean(path)
        if nodes[clean] != nil { throw .exists }
        try checkFolder(above: clean)
        nodes[clean] = makeNode(UInt32(S_IFDIR) | mode, at: moment)
    }

    mutating func unlink(_ path: String) throws(Errno) {
        let node = try find(path)
        if node.status.isDirectory { throw .isDirectory }
        nodes[try Self.clean(path)] = nil
    }
}
