/// A variable that some template or directive uses, numbered in the order of first use.
struct VariableIndex: Hashable, Sendable {
    private let number: Int32

    init(_ number: Int) { self.number = Int32(clamping: number) }

    var value: Int { Int(number) }
}

/// Appends the variable's value to the buffer; false: it has none ("not found"), and what was appended is dropped.
///
/// It only ever appends: bytes before the buffer's end on entry belong to others. It may use the space behind as scratch,
/// as long as it ends with exactly its value there (see `Buffer.truncate(to:)`).
typealias Evaluate = @Sendable (VariableScope, Buffer) -> Bool

/// The same for every variable whose name starts with a prefix; it is given the rest of the name, in lower case.
typealias EvaluatePrefixed = @Sendable (VariableScope, ByteString, Buffer) -> Bool

/// Takes the value that a `set` gives to a built-in variable, such as `$limit_rate`.
typealias Assign = @Sendable (VariableScope, Span<UInt8>) -> Void

/// How a variable may be declared again, and how long its value lasts.
struct VariableFlags: OptionSet, Sendable {
    let rawValue: UInt8

    init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Another declaration takes it over instead of being refused as a duplicate.
    static let changeable = VariableFlags(rawValue: 1)
    /// It is evaluated anew at each use.
    static let noCacheable = VariableFlags(rawValue: 2)
    /// A prefix that fits the name wins over it: what `set` declares.
    static let weak = VariableFlags(rawValue: 4)
    /// It cannot be found by name while serving, as by SSI.
    static let noHash = VariableFlags(rawValue: 8)
}

/// What can go wrong while a variable or expression is evaluated.
enum EvaluationProblem {
    /// Logged by nginx at "error".
    case cycle(VariableIndex)
    /// Logged by nginx at "warn", if `uninitialized_variable_warn` is on.
    case uninitialized(VariableIndex)
    /// Logged by nginx at "alert", with the subject. The code is PCRE2's.
    case regexFailed(Regex, code: Int32)
}
