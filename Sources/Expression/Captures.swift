/// The groups of the last successful match of a regular expression: what `$1` to `$9` stand for.
///
/// The subject is copied, since the captures outlive it. Memory is reused from match to match.
final class Captures {
    private let subject = Buffer(capacity: 128)
    private let groups = List<Range<Int>>()

    init() {}

    /// The number of groups, with the whole match as group 0; 0 after a match of an expression without groups.
    var count: Int { groups.count }

    /// Forgets the groups, keeps the memory.
    func reset() {
        subject.removeAll()
        groups.removeAll()
    }

    /// The text of a group: empty if it took no part in the match.
    @_lifetime(borrow self)
    func group(_ number: Int) -> Span<UInt8> {
        let text = subject
        let span = text.span(number < groups.count ? groups[number] : 0..<0)
        // The buffer is a constant of this object, so it lives as long.
        return unsafe _overrideLifetime(span, borrowing: self)
    }

    func append(group number: Int, to out: Buffer) {
        guard number < groups.count else { return }
        let text = subject
        out.append(text.span(groups[number]))
    }

    /// Takes over the groups of another scope, as a subrequest does.
    func copy(from other: Captures) {
        guard other !== self else { return }
        let text = other.subject
        start(subject: text.span)
        for index in other.groups.indices { groups.append(other.groups[index]) }
    }

    func start(subject text: Span<UInt8>) {
        groups.removeAll()
        subject.removeAll()
        subject.append(text)
    }

    func append(_ group: Range<Int>) {
        groups.append(group)
    }
}
