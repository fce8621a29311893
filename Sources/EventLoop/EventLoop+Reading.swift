/// Files that are sent without waiting for a disk, as far as the file says so (`OpenFile.reading`).
extension EventLoop {
    /// How much of a file may be sent at once, at most `limit` bytes; 0: the endpoint waits for it, or has failed.
    ///
    /// The page cache is asked about the ends of windows, since to ask costs a system call. A window whose end is not there is read
    /// by a thread, even if its beginning is: the kernel reads what it was asked about, and nothing else, so the end would seem to be
    /// there the next time, whatever lies before it. (A disk may be so fast that what was asked about is there at once. Then nobody
    /// waits for long for the rest either.)
    func readable(
        _ file: OpenFile, _ range: Range<Int>, atMost limit: Int, _ reading: FileReading, _ queue: OutputQueue,
        _ endpoint: Endpoint
    ) -> Int {
        let offset = range.lowerBound
        let last = offset + limit
        if queue.fileTask != 0 {
            // What comes before it was found to be there, and nothing behind it is asked about: see above.
            if queue.fileTaskStart > offset { return min(queue.fileTaskStart, last) - offset }
            awaitFile(endpoint)
            return 0
        }
        var end = offset
        if queue.grantedEnd > offset {
            // Read for this endpoint: it counts as there, even if the kernel needed the memory since. Else nothing might ever be sent.
            end = min(queue.grantedEnd, last)
            if reading.isCacheKnown { queue.grantedEnd = 0 }
        }
        while end < last {
            let windowEnd = min(reading.windowEnd(after: end), range.upperBound)
            // In a row, the beginning is behind an end that is there.
            if end > offset || reading.isPresent(file, at: end), reading.isPresent(file, at: windowEnd - 1) {
                end = min(windowEnd, last)
                continue
            }
            let window = reading.aligned(end..<windowEnd)
            guard let pool = reading.pool else {
                reading.note(window)
                _ = kernel.beginReading(file.descriptor, window)
                end = min(windowEnd, last)
                continue
            }
            queue.fileTask = reading.begin(window, of: file, by: pool, for: endpoint)
            queue.fileTaskStart = end
            if queue.fileTask == 0, end == offset {
                fail(endpoint, .noBuffers)
                return 0
            }
            break
        }
        if end == offset { awaitFile(endpoint) }
        return end - offset
    }

    /// Reads a part of a file into memory without waiting for a disk; EAGAIN: the endpoint waits for it, or has failed.
    func read(
        _ file: OpenFile, into buffer: Buffer, _ range: Range<Int>, _ reading: FileReading, atMost limit: Int,
        _ queue: OutputQueue, _ endpoint: Endpoint
    ) -> Int {
        let code = kernel.readPresent(file.descriptor, into: buffer, count: limit, offset: range.lowerBound)
        if Kernel.Presence(code) == .present {
            reading.sent(upTo: range.lowerBound + max(code, 0), of: file.descriptor)
            return code
        }
        let count = readable(file, range, atMost: limit, reading, queue, endpoint)
        guard count > 0 else { return -Int(Errno.again.code) }
        return kernel.read(file.descriptor, into: buffer, count: count, offset: range.lowerBound)
    }

    /// Sends no more until a thread has read what is next.
    private func awaitFile(_ endpoint: Endpoint) {
        endpoint.flags.insert(.awaitsFile)
        // The peer is not to blame.
        clearOutputDeadline(endpoint)
    }
}
