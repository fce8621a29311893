/// Why a file could not be opened, or looked at, and what call said so.
struct OpenFailure: Error {
    let call: StaticString
    let errno: Errno

    /// - Parameter code: a negative error number.
    init(_ call: StaticString, _ code: Int) {
        self.call = call
        errno = Errno(Int32(-code))
    }

    /// There is something, but nothing that can be sent.
    static let notAFile = OpenFailure("open()", -Int(Errno.notFound.code))
}

/// Which symbolic links of a path are followed: `disable_symlinks`.
///
/// A path is walked part by part, each opened in the folder before it, so that nobody can put a link in the place of what was looked
/// at. As in nginx a link to a folder is reported as no folder, a link to a file as a loop.
struct LinkRule: Equatable, Sendable {
    enum Links: Sendable {
        case followed, refused
        /// Followed where a link and what it leads to belong to the same user.
        case ofOneOwner
    }

    enum Opening {
        case opened(Int32)
        case failed(OpenFailure)
    }

    var links = Links.followed
    /// So many first bytes of the path, which a slash follows, may have links of all kinds.
    var trusted = 0

    /// Opens what is at a path, which ends with a NUL, for reading.
    func open(_ path: Buffer, kernel: Kernel) -> Opening {
        if links != .followed { return walk(path, for: .reading, kernel) }
        // O_NONBLOCK: a named pipe must not hold the worker up.
        let code = kernel.open(path: path, flags: 0o4000)
        return code >= 0 ? .opened(Int32(code)) : .failed(OpenFailure("open()", code))
    }

    /// Opens what is at a path part by part; all links are followed only before `trusted`.
    func walk(_ path: Buffer, for purpose: Kernel.Purpose, _ kernel: Kernel) -> Opening {
        let end = path.count - 1
        var position = 0
        var folder = Kernel.workingFolder
        if trusted > 0 {
            let code = kernel.open(
                0..<trusted, of: path, in: folder, for: .searching, followLinks: true)
            guard code >= 0 else { return .failed(OpenFailure("open()", code)) }
            folder = Int32(code)
            position = trusted + 1
        } else if path[0] == ASCII.slash {
            // The root, with as many slashes as there are.
            let code = openRoot(kernel)
            guard code >= 0 else { return .failed(OpenFailure("openat()", code)) }
            folder = Int32(code)
            position = 1
        }
        while let slash = nextSlash(path, from: position, before: end) {
            defer { position = slash + 1 }
            if slash == position { continue }
            let code = open(position..<slash, of: path, in: folder, for: .searching, kernel)
            close(folder, kernel)
            guard code >= 0 else { return .failed(OpenFailure("openat()", code)) }
            folder = Int32(code)
        }
        let code =
            position == end
            ? openItself(folder, kernel) : open(position..<end, of: path, in: folder, for: purpose, kernel)
        close(folder, kernel)
        return code >= 0 ? .opened(Int32(code)) : .failed(OpenFailure("openat()", code))
    }

    /// The status of what is at a path, which ends with a NUL; nil: it was found.
    func look(at path: Buffer, kernel: Kernel, _ status: inout FileStatus) -> OpenFailure? {
        guard links != .followed else {
            let code = kernel.status(at: path, &status)
            return code >= 0 ? nil : OpenFailure("stat()", code)
        }
        switch open(path, kernel: kernel) {
        case .failed(let failure): return failure
        case .opened(let descriptor):
            defer { kernel.close(descriptor) }
            let code = kernel.status(of: descriptor, &status)
            return code >= 0 ? nil : OpenFailure("fstat()", code)
        }
    }

    private func nextSlash(_ path: Buffer, from start: Int, before end: Int) -> Int? {
        var index = start
        while index < end {
            if path[index] == ASCII.slash { return index }
            index += 1
        }
        return nil
    }

    private func close(_ folder: Int32, _ kernel: Kernel) {
        if folder != Kernel.workingFolder { kernel.close(folder) }
    }

    private func openRoot(_ kernel: Kernel) -> Int {
        let root = Buffer(capacity: 2)
        root.append("/\0")
        return kernel.open(0..<1, of: root, in: Kernel.workingFolder, for: .searching, followLinks: true)
    }

    /// The path ends with a slash: the last folder is opened again, to be read.
    private func openItself(_ folder: Int32, _ kernel: Kernel) -> Int {
        let name = Buffer(capacity: 2)
        name.append(".\0")
        return kernel.open(0..<1, of: name, in: folder, for: .reading, followLinks: true)
    }

    private func open(
        _ part: Range<Int>, of path: Buffer, in folder: Int32, for purpose: Kernel.Purpose, _ kernel: Kernel
    ) -> Int {
        // What somebody may be made to write to is never a link.
        let comparesOwners = links == .ofOneOwner && purpose != .appending
        let code = kernel.open(part, of: path, in: folder, for: purpose, followLinks: comparesOwners)
        guard code >= 0, comparesOwners else { return code }
        // Between the two looks somebody may put a link in the place of what was opened, or the other way round: owners are compared
        // even if there is none.
        var named = FileStatus()
        var opened = FileStatus()
        var problem = kernel.status(of: part, of: path, in: folder, &named)
        if problem >= 0 { problem = kernel.status(of: Int32(code), &opened) }
        if problem >= 0, named.owner != opened.owner { problem = -Int(Errno.tooManyLinks.code) }
        if problem >= 0 { return code }
        kernel.close(Int32(code))
        return problem
    }
}
