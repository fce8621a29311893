/// Makes an encoded path into the one that locations are matched with.
///
/// `%XX` is decoded, `.` and `..` segments are resolved, doubled slashes merged if asked, a fragment is cut off. An encoded
/// slash or dot counts as one; an encoded `%`, `#` or `?` is a plain byte. Refused: `%00`, a broken escape, a path that
/// leaves the root.
struct URINormaliser {
    /// What was found on the way.
    struct Result: Equatable, Sendable {
        /// The extension, a range of the output: after the last dot of the last segment.
        var pathExtension = ByteRange.none
        /// The arguments, a range of the input.
        var arguments = ByteRange.none
        /// Whether there is a query; one that a fragment ends may be empty.
        var hasQuery = false
        var hasPlus = false

        init() {}
    }

    private enum State: UInt8 {
        case usual, slash, dot, dotDot
    }

    private enum Verdict {
        case goOn, arguments, end, refused
    }

    private let mergesSlashes: Bool
    /// Where the path begins in the output.
    private let base: Int
    private var state = State.usual
    private var extensionStart = -1
    private var hasPlus = false

    private init(mergesSlashes: Bool, base: Int) {
        self.mergesSlashes = mergesSlashes
        self.base = base
    }

    /// Appends the path of a target to `output`; the result tells the arguments. Nil: answer 400, `client sent invalid request`.
    ///
    /// - Parameters:
    ///   - target: path, arguments and perhaps a fragment; begins with `/`, or with `?` if `isPathEmpty`.
    ///   - output: not what holds `target`.
    static func normalise(
        _ target: Span<UInt8>, mergesSlashes: Bool, isPathEmpty: Bool = false,
        into output: Buffer
    ) -> Result? {
        var normaliser = URINormaliser(mergesSlashes: mergesSlashes, base: output.count)
        if isPathEmpty { output.append(ASCII.slash) }
        return normaliser.run(target, output)
    }

    private mutating func run(_ target: Span<UInt8>, _ output: Buffer) -> Result? {
        var result = Result()
        var index = 0
        var verdict = Verdict.goOn
        while index < target.count, verdict == .goOn {
            var byte = target[index]
            index += 1
            if byte == ASCII.percent {
                guard index + 2 <= target.count, let high = target[index].hexValue,
                    let low = target[index + 1].hexValue
                else { return nil }
                index += 2
                byte = high << 4 | low
                if byte == ASCII.nul { return nil }
                if byte == ASCII.percent || byte == ASCII.hash || byte == ASCII.question {
                    output.append(byte)
                    state = .usual
                    continue
                }
            }
            verdict = put(byte, output)
        }
        if verdict == .goOn { verdict = finish(output) }
        if verdict == .refused { return nil }
        if verdict == .arguments {
            let end = target.firstIndex(of: ASCII.hash, from: index) ?? target.count
            result.arguments = ByteRange(index, end)
            result.hasQuery = index < target.count
        }
        if extensionStart >= 0, extensionStart < output.count {
            result.pathExtension = ByteRange(extensionStart, output.count)
        }
        result.hasPlus = hasPlus
        return result
    }

    /// Takes one byte of the path, decoded if it was encoded.
    private mutating func put(_ byte: UInt8, _ output: Buffer) -> Verdict {
        switch byte {
        case ASCII.slash:
            return putSlash(output)
        case ASCII.question:
            let verdict = finish(output)
            return verdict == .refused ? verdict : .arguments
        case ASCII.hash:
            let verdict = finish(output)
            return verdict == .refused ? verdict : .end
        case ASCII.dot:
            output.append(byte)
            switch state {
            case .usual: extensionStart = output.count
            case .slash: state = .dot
            case .dot: state = .dotDot
            case .dotDot: state = .usual
            }
        default:
            if byte == ASCII.plus { hasPlus = true }
            output.append(byte)
            state = .usual
        }
        return .goOn
    }

    private mutating func putSlash(_ output: Buffer) -> Verdict {
        switch state {
        case .usual:
            extensionStart = -1
            output.append(ASCII.slash)
        case .slash:
            if !mergesSlashes { output.append(ASCII.slash) }
        case .dot, .dotDot:
            if finish(output) == .refused { return .refused }
        }
        state = .slash
        return .goOn
    }

    /// Resolves a `.` or `..` segment that ends here.
    private func finish(_ output: Buffer) -> Verdict {
        switch state {
        case .usual, .slash:
            return .goOn
        case .dot:
            output.truncate(to: output.count - 1)
            return .goOn
        case .dotDot:
            // Behind the slash before the segment before "/..".
            var end = output.count - 4
            while end >= base, output[end] != ASCII.slash { end -= 1 }
            if end < base { return .refused }
            output.truncate(to: end + 1)
            return .goOn
        }
    }
}

extension RequestHead {
    /// Normalises the path if it needs it: appends it to `output` and sets `arguments` and `hasPlus`.
    ///
    /// Returns the ranges within `output` of the path and its extension, or nil: answer 400 with `invalidRequest`.
    func normalisePath(
        mergesSlashes: Bool, into output: Buffer
    ) -> (path: ByteRange, pathExtension: ByteRange)? {
        let bytes = self.bytes
        let start = output.count
        guard needsNormalising else {
            output.append(bytes.span(path))
            let shift = start - Int(path.start)
            let hasExtension = !pathExtension.isEmpty
            let moved = ByteRange(
                Int(pathExtension.start) + shift, Int(pathExtension.end) + shift)
            return (ByteRange(start, output.count), hasExtension ? moved : .none)
        }
        guard
            let result = URINormaliser.normalise(
                bytes.span(target), mergesSlashes: mergesSlashes, isPathEmpty: isPathEmpty,
                into: output)
        else { return nil }
        let offset = Int(target.start)
        arguments =
            result.arguments.isEmpty
            ? .none
            : ByteRange(Int(result.arguments.start) + offset, Int(result.arguments.end) + offset)
        hasPlus = hasPlus || result.hasPlus
        return (ByteRange(start, output.count), result.pathExtension)
    }
}
