/// The values that variables had when they were first used, or were set to, while one request or session is served.
///
/// Subrequests share their parent's. Forgetting all is one addition: an entry counts only with the current stamp.
final class VariableValues {
    private struct Entry {
        var stamp: UInt32 = 0
        /// -1 for a variable found to have no value.
        var start: Int32 = 0
        var count: Int32 = 0
    }

    enum Lookup {
        case unknown
        case missing
        case range(Range<Int>)
    }

    private let entries = List<Entry>()
    private var stamp: UInt32 = 1
    private let arena = Buffer(capacity: 512)
    /// Space for values on their way, used as a stack: whoever appends truncates back to where it began.
    private(set) lazy var scratch = Buffer(capacity: 256)
    /// How many evaluations are under way, each started by the one before.
    var depth = 0

    init() {}

    /// Forgets all values, keeps the memory.
    func reset() {
        arena.removeAll()
        stamp &+= 1
        if stamp == 0 {
            for index in entries.indices { entries[index].stamp = 0 }
            stamp = 1
        }
    }

    func lookup(_ variable: VariableIndex) -> Lookup {
        guard variable.value < entries.count else { return .unknown }
        let entry = entries[variable.value]
        guard entry.stamp == stamp else { return .unknown }
        guard entry.start >= 0 else { return .missing }
        return .range(Int(entry.start)..<Int(entry.start) + Int(entry.count))
    }

    @_lifetime(borrow self)
    func span(_ range: Range<Int>) -> Span<UInt8> {
        let bytes = arena
        // The buffer is a constant of this object, so it lives as long.
        return unsafe _overrideLifetime(bytes.span(range), borrowing: self)
    }

    func append(_ range: Range<Int>, to out: Buffer) {
        out.append(arena, range)
    }

    /// Keeps a copy of the bytes without making it any variable's value.
    func keep(_ bytes: Span<UInt8>) -> Range<Int> {
        let start = arena.count
        arena.append(bytes)
        return start..<arena.count
    }

    func set(_ variable: VariableIndex, _ bytes: Span<UInt8>) {
        set(variable, to: keep(bytes))
    }

    /// The same of another buffer's bytes, whose span would count a reference to it.
    func set(_ variable: VariableIndex, _ source: Buffer, _ bytes: Range<Int>) {
        let start = arena.count
        arena.append(source, bytes)
        set(variable, to: start..<arena.count)
    }

    private func set(_ variable: VariableIndex, to range: Range<Int>) {
        guard let end = Int32(exactly: range.upperBound) else { return setMissing(variable) }
        let start = Int32(truncatingIfNeeded: range.lowerBound)
        store(Entry(stamp: stamp, start: start, count: end - start), variable)
    }

    func setMissing(_ variable: VariableIndex) {
        store(Entry(stamp: stamp, start: -1), variable)
    }

    func forget(_ variable: VariableIndex) {
        if variable.value < entries.count { entries[variable.value].stamp = 0 }
    }

    private func store(_ entry: Entry, _ variable: VariableIndex) {
        if variable.value >= entries.count {
            for _ in entries.count...variable.value { entries.append(Entry()) }
        }
        entries[variable.value] = entry
    }
}

/// The value of a variable where it lies among the values of its scope.
struct VariableValue {
    private let values: VariableValues
    private let range: Range<Int>

    init(values: VariableValues, range: Range<Int>) {
        self.values = values
        self.range = range
    }

    var count: Int { range.count }
    var isEmpty: Bool { range.isEmpty }
    var span: Span<UInt8> {
        @_lifetime(borrow self) get { values.span(range) }
    }
}
