import Bytes
import CPCRE2

/// The memory that PCRE2 matches with, and the limits that it keeps to.
///
/// One for the process is enough, because a process serves with a single thread; hence the unchecked conformance.
@safe
final class MatchContext: @unchecked Sendable {
    static let shared = MatchContext()

    /// PCRE2 counts its internal calls: at most this many a match. PCRE2's own default is ten times as much, which lets a
    /// client hold a worker for long with a subject made for a careless pattern.
    static let matchLimit: UInt32 = 1_000_000
    /// Nested backtracking points of the interpreter.
    static let depthLimit: UInt32 = 100_000
    /// Memory for the interpreter's backtracking, in KiB.
    static let heapLimit: UInt32 = 16 * 1024
    /// Stack for just-in-time code, in bytes: mapped as it is needed.
    static let stackSize = 1024 * 1024
    /// PCRE2 numbers groups with 16 bits, but no configuration can name more than this many.
    static let groupLimit: UInt32 = 256

    private let context: OpaquePointer?
    private let data: OpaquePointer?

    private init() {
        unsafe context = pcre2_match_context_create_8(nil)
        unsafe data = pcre2_match_data_create_8(Self.groupLimit, nil)
        guard let context = unsafe context else { return }
        _ = unsafe pcre2_set_match_limit_8(context, Self.matchLimit)
        _ = unsafe pcre2_set_depth_limit_8(context, Self.depthLimit)
        _ = unsafe pcre2_set_heap_limit_8(context, Self.heapLimit)
        if let stack = unsafe pcre2_jit_stack_create_8(32 * 1024, Self.stackSize, nil) {
            unsafe pcre2_jit_stack_assign_8(context, nil, UnsafeMutableRawPointer(stack))
        }
    }

    func match(_ code: OpaquePointer, _ subject: Span<UInt8>) -> MatchResult {
        guard let data = unsafe data else { return .failed(PCRE2_ERROR_NOMEMORY) }
        let result = unsafe subject.withUnsafeBufferPointer { bytes in
            unsafe pcre2_match_8(code, bytes.baseAddress, bytes.count, 0, 0, data, context)
        }
        if result >= 0 { return .matched }
        return result == PCRE2_ERROR_NOMATCH ? .noMatch : .failed(result)
    }

    /// Where a group of the last successful match lies in its subject; empty if it took no part.
    func range(of group: Int) -> Range<Int> {
        guard let data = unsafe data, unsafe group < Int(pcre2_get_ovector_count_8(data)),
            let vector = unsafe pcre2_get_ovector_pointer_8(data)
        else { return 0..<0 }
        let start = unsafe vector[2 * group]
        let end = unsafe vector[2 * group + 1]
        // A group that took no part has the largest number twice; `\K` in a look-ahead can make a start behind the end.
        guard let first = Int(exactly: start), let last = Int(exactly: end), first <= last else {
            return 0..<0
        }
        return first..<last
    }

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
