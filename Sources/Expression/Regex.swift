import CPCRE2

/// How a match ended.
enum MatchResult: Equatable, Sendable {
    case matched
    case noMatch
    /// The limits of matching were reached, or the subject is not what the pattern demands: PCRE2's code.
    case failed(Int32)
}

/// A regular expression of PCRE2.
///
/// It never changes once it is bound, and PCRE2 allows a compiled pattern to be shared: hence the unchecked conformance.
@safe
final class Regex: @unchecked Sendable {
    private let code: OpaquePointer
    let pattern: ByteString
    /// The number of groups, without the whole match.
    let groupCount: Int
    /// The named groups, in the order of names.
    let namedGroups: [(name: ByteString, group: Int)]
    /// Set when a registry has declared the named groups' variables.
    private var variables: [(variable: VariableIndex, group: Int)] = []

    /// Compiles the pattern, and declares the variables of its named groups.
    init(
        pattern: ByteString, caseless: Bool = false, jit: Bool = true,
        registry: VariableRegistry? = nil
    ) throws(ConfigurationError) {
        self.pattern = pattern
        let code = try unsafe Self.compile(pattern, caseless: caseless)
        unsafe self.code = code
        var groups: UInt32 = 0
        _ = unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_CAPTURECOUNT), &groups)
        groupCount = Int(groups)
        unsafe namedGroups = Self.names(of: code)
        if jit {
            // Without just-in-time code (not built in, or memory that must not be executed) the pattern is interpreted.
            _ = unsafe pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
        }
        guard let registry else { return }
        for (name, group) in namedGroups {
            variables.append((try registry.declareCapture(name), group))
        }
    }

    deinit {
        unsafe pcre2_code_free_8(code)
    }

    private static func compile(
        _ pattern: ByteString, caseless: Bool
    ) throws(ConfigurationError) -> OpaquePointer {
        var failure: Int32 = 0
        var offset = 0
        let options = caseless ? UInt32(PCRE2_CASELESS) : 0
        let code = unsafe pattern.bytes.withUnsafeBufferPointer { bytes in
            unsafe pcre2_compile_8(bytes.baseAddress, bytes.count, options, &failure, &offset, nil)
        }
        if let code = unsafe code { return unsafe code }
        let reason = MatchContext.message(failure)
        var message = "pcre2_compile() failed: \(reason) in \"\(pattern.text)\""
        if offset < pattern.count {
            message += " at \"\(pattern.slice(offset..<pattern.count).text)\""
        }
        throw ConfigurationError(message)
    }

    private static func names(of code: OpaquePointer) -> [(name: ByteString, group: Int)] {
        var count: UInt32 = 0
        var size: UInt32 = 0
        var table: UnsafePointer<UInt8>?
        _ = unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMECOUNT), &count)
        _ = unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMEENTRYSIZE), &size)
        _ = unsafe pcre2_pattern_info_8(code, UInt32(PCRE2_INFO_NAMETABLE), &table)
        guard let table = unsafe table, size > 2 else { return [] }
        // Each entry: the group's number in two bytes, the name, zeros.
        let entries = unsafe UnsafeBufferPointer(start: table, count: Int(count) * Int(size))
        return (0..<Int(count)).map { number in
            let start = number * Int(size)
            let group = unsafe Int(entries[start]) << 8 | Int(entries[start + 1])
            let name = unsafe entries[start + 2..<start + Int(size)].prefix { $0 != 0 }
            return unsafe (ByteString(Array(name)), group)
        }
    }

    /// Matches without keeping the groups.
    func match(_ subject: Span<UInt8>) -> MatchResult {
        unsafe MatchContext.match(code, subject)
    }

    /// Matches and keeps the groups.
    func match(_ subject: Span<UInt8>, captures: Captures) -> MatchResult {
        // As in nginx, a match of an expression without groups makes `$1` empty.
        guard groupCount > 0 else {
            let result = match(subject)
            if result == .matched { captures.reset() }
            return result
        }
        return unsafe MatchContext.match(
            code, subject, captures: captures, groups: groupCount)
    }

    /// Matches, keeps the groups in the scope and sets the variables of named groups. A failure is reported.
    func match(_ subject: Span<UInt8>, in scope: VariableScope) -> MatchResult {
        let result = match(subject, captures: scope.captures)
        switch result {
        case .matched:
            let captures = scope.captures
            for index in variables.indices {
                let (variable, group) = variables[index]
                scope.set(variable, captures.group(group))
            }
        case .failed(let code): scope.registry.problem(scope, .regexFailed(self, code: code))
        case .noMatch: break
        }
        return result
    }

    /// PCRE2's text for a code of a failed match.
    static func message(for code: Int32) -> String { MatchContext.message(code) }
}
