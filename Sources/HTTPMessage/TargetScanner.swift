/// Walks a request target in origin form and notes what its path holds, so that most paths need no second look.
///
/// It stops before the first byte that a target cannot hold: a control byte, a space or DEL.
struct TargetScanner: Sendable {
    private enum State: UInt8 {
        /// Just behind a slash: `.`, `/` mean that the path has to be normalised.
        case afterSlash
        case segment
        /// In the arguments, or in a path already known to need normalising.
        case rest
    }

    private var state = State.afterSlash
    private(set) var isComplex = false
    private(set) var isQuoted = false
    private(set) var hasPlus = false
    /// The index behind the first `?`, or -1. Only meant for a path that needs no normalising.
    private(set) var argumentsStart = -1
    /// The index behind the last dot of the last segment, or -1.
    private(set) var extensionStart = -1

    /// A scanner for what follows the first slash.
    init() {}

    /// A scanner for arguments alone, as in `http://example.com?a`.
    init(argumentsAt index: Int) {
        state = .rest
        argumentsStart = index
    }

    /// Whether a byte has no meaning of its own in a path. Bytes above 0x7F are taken as they are, as nginx does.
    private static func isPlain(_ byte: UInt8) -> Bool {
        if byte >= 0x40 { return byte != ASCII.delete }
        // All of 0x21 to 0x3F but # % + . / ? are plain.
        return 0x7FFF_37D6_0000_0000 as UInt64 >> UInt64(byte) & 1 != 0
    }

    /// Scans on from `cursor`; leaves it at the first byte that is not the target's or at the end.
    mutating func scan(_ bytes: Span<UInt8>, _ cursor: inout Int) {
        var index = cursor
        while index < bytes.count {
            let byte = bytes[index]
            if TargetScanner.isPlain(byte) {
                if state == .afterSlash { state = .segment }
                index &+= 1
                continue
            }
            if byte <= ASCII.space || byte == ASCII.delete { break }
            index &+= 1
            note(byte, behind: index)
        }
        cursor = index
    }

    private mutating func note(_ byte: UInt8, behind index: Int) {
        if state == .rest {
            if byte == ASCII.hash { isComplex = true }
            return
        }
        switch byte {
        case ASCII.slash:
            if state == .afterSlash {
                isComplex = true
                state = .rest
            } else {
                extensionStart = -1
                state = .afterSlash
            }
        case ASCII.dot:
            if state == .afterSlash {
                isComplex = true
                state = .rest
            } else {
                extensionStart = index
            }
        case ASCII.percent:
            isQuoted = true
            state = .rest
        case ASCII.question:
            argumentsStart = index
            state = .rest
        case ASCII.hash:
            isComplex = true
            state = .rest
        default:
            // Only `+` is left; nginx does not leave the state behind a slash for it.
            hasPlus = true
        }
    }
}

extension RequestHead {
    /// Takes over what a scanner found in the target `range`.
    func setTarget(_ range: ByteRange, _ scanner: TargetScanner) {
        target = range
        isComplex = scanner.isComplex
        isQuoted = scanner.isQuoted
        hasPlus = scanner.hasPlus
        var pathEnd = Int(range.end)
        if scanner.argumentsStart >= 0 {
            pathEnd = scanner.argumentsStart - 1
            arguments = ByteRange(scanner.argumentsStart, Int(range.end))
        }
        path = ByteRange(Int(range.start), pathEnd)
        if scanner.extensionStart >= 0 {
            pathExtension = ByteRange(scanner.extensionStart, pathEnd)
        }
    }

    /// Takes a whole target in origin form, such as HTTP/2's `:path`. False: it is malformed.
    func readTarget(_ range: ByteRange) -> Bool {
        let bytes = self.bytes
        let text = bytes.span(range)
        guard !text.isEmpty, text[0] == ASCII.slash else { return false }
        var cursor = Int(range.start) + 1
        var scanner = TargetScanner()
        scanner.scan(bytes.span(0..<Int(range.end)), &cursor)
        guard cursor == range.end else { return false }
        setTarget(range, scanner)
        return true
    }
}
