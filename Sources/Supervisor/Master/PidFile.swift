/// The file that tells others the master's process number.
struct PidFile {
    let path: ByteString
    var name: String { path.text }
    /// Where an old master's number is kept while a new binary runs.
    var old: PidFile { PidFile(path: path + ".oldbin") }

    /// Writes the number. It appears at once and whole: a reader never finds the file empty, as it may with nginx.
    func write(_ process: Int32, log: ErrorLog) throws(StartFailure) {
        let text = "\(process)\n"
        do {
            if isReplaceable, writeBeside(text) { return }
            // The directory is not ours to write to, or the path is a device or a link: as nginx does it.
            let file = try File.openForWriting(name, .truncate)
            try File.write(text.utf8, to: file.number)
        } catch {
            log.write(.emerg, "open() \"\(name)\" failed", error)
            throw StartFailure()
        }
    }

    /// A regular file, or nothing yet.
    private var isReplaceable: Bool {
        do {
            return try File.isRegular(name)
        } catch {
            return error == .notFound
        }
    }

    private func writeBeside(_ text: String) -> Bool {
        let temporary = "\(name).\(Process.id).tmp"
        do {
            let file = try File.openForWriting(temporary, .truncate)
            try File.write(text.utf8, to: file.number)
            try File.rename(temporary, to: name)
            return true
        } catch {
            try? File.remove(temporary)
            return false
        }
    }

    /// Whether the file could be written. nginx leaves an empty file where there was none, which `-s` then trips over.
    func test(log: ErrorLog) throws(StartFailure) {
        var isNew = false
        do {
            _ = try File.isRegular(name)
        } catch {
            isNew = error == .notFound
        }
        do {
            let file = try File.openForWriting(name, .append)
            _ = file.number
        } catch {
            log.write(.emerg, "open() \"\(name)\" failed", error)
            throw StartFailure()
        }
        if isNew { try? File.remove(name) }
    }

    func remove(log: ErrorLog) {
        // A device is nobody's to delete: `pid /dev/null;` is met with.
        if let isRegular = try? File.isRegular(name), !isRegular { return }
        do {
            try File.remove(name)
        } catch {
            log.write(.alert, "unlink() \"\(name)\" failed", error)
        }
    }

    /// The number in the file, or what to complain of.
    func read(log: ErrorLog) -> Int32? {
        let bytes: [UInt8]
        do {
            bytes = try File.contents(name, limit: 32)
        } catch {
            log.write(.error, "open() \"\(name)\" failed", error)
            return nil
        }
        var end = bytes.count
        while end > 0, bytes[end - 1] == ASCII.lf || bytes[end - 1] == ASCII.cr { end -= 1 }
        let text = ByteString(Array(bytes[..<end]))
        guard let number = text.span.decimalValue, let process = Int32(exactly: number), process > 0
        else {
            log.write(.error, "invalid PID number \"\(text)\" in \"\(name)\"")
            return nil
        }
        return process
    }
}
