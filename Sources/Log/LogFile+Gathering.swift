import Bytes

extension LogFiles {
    /// Writes all gathered lines: before a rotation and before the process ends.
    package func flush() {
        for file in dirty { file.flushAll(self) }
        dirty.removeAll(keepingCapacity: true)
    }
}

extension LogFile {
    func flushAll(_ files: LogFiles) {
        isDirty = false
        flushDeadline = nil
        let pending = pending
        write(pending.span, at: files.environment.clock.seconds, complaints: files.errorLog)
        pending.removeAll()
    }
}
