import CNghttp2

/// What PRIORITY frames have said of streams that did not exist yet: nghttp2 forgets it when these are opened.
///
/// A client that gives its streams an order before it opens them, as Firefox does, gives it by such frames.
struct AnnouncedPriorities {
    private struct Entry {
        let stream: Int32
        let priority: nghttp2_priority_spec
    }

    /// The latest ones: as in nginx there is a bound on what is remembered.
    private static let bound = 64
    private var entries: [Entry] = []
    private var next = 0

    var isEmpty: Bool { entries.isEmpty }

    mutating func remember(_ stream: Int32, _ priority: nghttp2_priority_spec) {
        let entry = Entry(stream: stream, priority: priority)
        if let index = entries.firstIndex(where: { $0.stream == stream }) {
            entries[index] = entry
        } else if entries.count < Self.bound {
            entries.append(entry)
        } else {
            entries[next] = entry
            next = (next + 1) % Self.bound
        }
    }

    /// Something newer was said of the stream.
    mutating func forget(_ stream: Int32) {
        guard let index = entries.firstIndex(where: { $0.stream == stream }) else { return }
        entries.swapAt(index, entries.count - 1)
        entries.removeLast()
        next = 0
    }

    /// What holds for a stream that is opened, and for those that depend on it.
    func each(about stream: Int32, _ body: (Int32, nghttp2_priority_spec) -> Void) {
        for entry in entries where entry.stream == stream { body(entry.stream, entry.priority) }
        for entry in entries where entry.priority.stream_id == stream { body(entry.stream, entry.priority) }
    }
}

extension HTTP2Session {
    /// A PRIORITY frame came.
    @unsafe
    func notePriority(_ frame: UnsafePointer<nghttp2_frame>, of stream: Int32) {
        guard role == .server else { return }
        if stream > lastPeerStream {
            priorities.remember(stream, unsafe apus_h2_priority(frame))
        } else if !priorities.isEmpty {
            priorities.forget(stream)
        }
    }

    /// A stream was opened; `saysPriority`: its head has a priority of its own.
    func applyPriorities(to stream: Int32, saysPriority: Bool) {
        guard !priorities.isEmpty else { return }
        if saysPriority { priorities.forget(stream) }
        priorities.each(about: stream) { id, priority in
            // One that says which others are to depend on it has said so already.
            var priority = priority
            priority.exclusive = 0
            unsafe nghttp2_session_change_stream_priority(session, id, &priority)
        }
    }
}
