/// An error as it is shown: nginx's line in its parts, then advice.
struct Diagnostic: Sendable {
    /// `emerg`, `warn`, ...
    let level: String
    /// `MESSAGE in FILE:LINE`.
    let message: String
    /// The source line with a caret, and how to put it right. Without indentation.
    let advice: [String]

    /// The whole as printed: `nginx: [emerg] MESSAGE in FILE:LINE` and indented advice, each line with its end.
    func text(program: String = "nginx") -> String {
        var text = "\(program): [\(level)] \(message)\n"
        for line in advice { text += "    \(line)\n" }
        return text
    }
}

extension ConfigurationSource {
    /// An error with its place in words.
    func diagnostic(for error: ConfigurationError) -> Diagnostic {
        var message = Self.printable(error.message)
        if let position = error.position, files.indices.contains(position.file) {
            let file = files[position.file]
            message +=
                file.isCommandLine
                ? " in command line" : " in \(Self.printable(file.name.text)):\(position.line)"
        }
        var advice: [String] = []
        if let focus = error.focus ?? error.position { advice += excerpt(at: focus) }
        if let text = error.advice {
            advice += text.split(separator: "\n").map { Self.printable(String($0)) }
        }
        return Diagnostic(level: error.level.rawValue, message: message, advice: advice)
    }

    /// The line of a position with its number, and a caret under the column.
    private func excerpt(at position: Position) -> [String] {
        guard files.indices.contains(position.file) else { return [] }
        let file = files[position.file]
        guard let line = Self.line(position.line, of: file.text) else { return [] }
        // Of long lines, what is around the place.
        let widest = 100
        let column = min(max(position.column - 1, 0), line.count)
        var start = 0
        if line.count > widest { start = max(0, column - widest / 2) }
        let end = min(line.count, start + widest)
        let first = line.startIndex
        let before = Self.printable(
            String(decoding: line[first + start..<first + column], as: UTF8.self))
        let after = Self.printable(
            String(decoding: line[first + column..<first + end], as: UTF8.self))
        let number = file.isCommandLine ? "-g" : String(position.line)
        let margin = String(repeating: " ", count: number.utf8.count)
        let indent = String(before.map { $0 == "\t" ? "\t" : " " })
        return ["\(number) | \(before)\(after)", "\(margin) | \(indent)^"]
    }

    private static func line(_ number: Int, of text: [UInt8]) -> ArraySlice<UInt8>? {
        let span = text.span
        var start = 0
        var line = 1
        while line < number {
            guard let end = span.firstIndex(of: ASCII.lf, from: start) else { return nil }
            start = end + 1
            line += 1
        }
        var end = span.firstIndex(of: ASCII.lf, from: start) ?? text.count
        if end > start, text[end - 1] == ASCII.cr { end -= 1 }
        return end > start ? text[start..<end] : nil
    }

    /// Control characters but tab and line end as `\xNN`: a configuration may hold anything, a terminal obeys it.
    private static func printable(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 32 && $0 != 9 && $0 != 10 || $0 == 127 }) else {
            return text
        }
        let escaped = Buffer()
        for byte in text.utf8 {
            if byte < 32 && byte != 9 && byte != 10 || byte == 127 {
                escaped.append("\\x")
                escaped.append(hex: UInt64(byte), width: 2)
            } else {
                escaped.append(byte)
            }
        }
        return escaped.span.text
    }
}
