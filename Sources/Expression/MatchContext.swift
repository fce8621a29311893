import CPCRE2

/// The memory that PCRE2 matches with, and the limits that it keeps to.
///
/// A worker has a single thread, so there is one for all patterns. It belongs to the thread to be right for any other use.
enum MatchContext {
    /// PCRE2 counts its internal calls: at most this many a match. PCRE2's own default is ten times as much, which lets a
    /// client hold a worker for long with a subject made for a careless pattern.
    static let matchLimit: UInt32 = 1_000_000
    /// Nested backtracking points of the interpreter.
    static let depthLimit: UInt32 = 250_000
    /// Memory for the interpreter's backtracking, in KiB.
    static let heapLimit: UInt32 = 32 * 1024
    /// Stack for just-in-time code, in bytes: mapped at once, filled as it is needed.
    static let stackSize = 1024 * 1024
    /// Groups above this number match, but have no text.
    static let groupLimit: UInt32 = 256

    /// Matches; with `captures`, keeps so many groups, and the whole match, of a successful match.
    static func match(
        _ code: OpaquePointer, _ subject: Span<UInt8>, captures: Captures? = nil, groups: Int = 0
    ) -> MatchResult {
        guard let matching = unsafe apus_matching() else { return .failed(PCRE2_ERROR_NOMEMORY) }
        if unsafe matching.pointee.data == nil { unsafe prepare(matching) }
        guard let data = unsafe matching.pointee.data else {
            return .failed(PCRE2_ERROR_NOMEMORY)
        }
        let context = unsafe matching.pointee.context
        let result = unsafe subject.withUnsafeBufferPointer { bytes in
            unsafe pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, 0, data, context)
        }
        guard result >= 0 else {
            return result == PCRE2_ERROR_NOMATCH ? .noMatch : .failed(result)
        }
        guard let captures else { return .matched }
        captures.start(subject: subject)
        for group in 0...groups { captures.append(unsafe range(of: group, in: data)) }
        return .matched
    }

    private static func prepare(_ matching: UnsafeMutablePointer<apus_matching>) {
        guard let context = unsafe pcre2_match_context_create_8(nil) else { return }
        _ = unsafe pcre2_set_match_limit_8(context, matchLimit)
        _ = unsafe pcre2_set_depth_limit_8(context, depthLimit)
        _ = unsafe pcre2_set_heap_limit_8(context, heapLimit)
        if let stack = unsafe pcre2_jit_stack_create_8(32 * 1024, stackSize, nil) {
            unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
        }
        unsafe matching.pointee.context = context
        unsafe matching.pointee.data = pcre2_match_data_create_8(groupLimit, nil)
    }

    /// Where a group of a successful match lies in its subject; empty if it took no part.
    private static func range(of group: Int, in data: OpaquePointer) -> Range<Int> {
        guard unsafe group < Int(pcre2_get_ovector_count_8(data)),
            let vector = unsafe pcre2_get_ovector_pointer_8(data)
        else { return 0..<0 }
        let first = unsafe vector[2 * group]
        let last = unsafe vector[2 * group + 1]
        // A group that took no part has -1 twice; `\K` in a look-ahead can put a start behind the end.
        return first >= 0 && first <= last ? first..<last : 0..<0
    }

    /// PCRE2's text for an error code.
    static func message(_ code: Int32) -> String {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = bytes.count
        let length = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
            unsafe pcre2_get_error_message_8(code, buffer.baseAddress, count)
        }
        guard length >= 0 else { return "error \(code)" }
        return String(decoding: bytes.prefix(Int(length)), as: UTF8.self)
    }
}
