/// Evaluates the texts in commands: variables of the page and of the server, and escapes.
struct SSIText {
    /// nginx's message, logged by whoever asked.
    struct Problem: Error {
        let message: ByteString
    }

    private let text: [UInt8]
    private let page: SSIPage
    private let request: Request
    private let limit: Int

    /// - Parameter limit: The longest that the value may be.
    init(_ text: [UInt8], _ page: SSIPage, _ request: Request, limit: Int) {
        self.text = text
        self.page = page
        self.request = request
        self.limit = limit
    }

    /// Appends the value. With `isPath` one that does not begin with a slash is put behind the folder of the request's path.
    func append(to out: Buffer, isPath: Bool = false) throws(Problem) {
        let start = out.count
        let hasVariables = text.contains(ASCII.dollar)
        try appendValue(to: out)
        guard isPath else { return }
        // As in nginx, variables that are all empty are no path at all.
        if hasVariables, out.count == start { return }
        if out.count > start, out[start] == ASCII.slash { return }
        let value = ByteString(out.span(start..<out.count))
        out.truncate(to: start)
        let path = request.routing.path
        if let slash = path.span.lastIndex(of: ASCII.slash) { out.append(path, 0..<slash + 1) }
        out.append(value)
    }

    private func appendValue(to out: Buffer) throws(Problem) {
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == ASCII.dollar {
                try appendVariable(at: &index, to: out)
            } else if byte == ASCII.backslash {
                guard index < text.count else { return }
                let escaped = text[index]
                index += 1
                switch escaped {
                case ASCII.backslash, ASCII.apostrophe, ASCII.quote, ASCII.dollar: break
                default: out.append(ASCII.backslash)
                }
                out.append(escaped)
            } else {
                out.append(byte)
            }
        }
    }

    private func appendVariable(at index: inout Int, to out: Buffer) throws(Problem) {
        let isBracketed = index < text.count && text[index] == ASCII.openBrace
        if isBracketed { index += 1 }
        guard index < text.count else { throw invalid }
        let start = index
        while index < text.count, Self.isNameByte(text[index]) { index += 1 }
        let name = ByteString(Array(text[start..<index])).lowercased
        if isBracketed {
            guard index < text.count, text[index] == ASCII.closeBrace else {
                throw Problem(message: "the closing bracket in \"" + name + "\" variable is missing")
            }
            index += 1
        }
        if name.isEmpty { throw invalid }
        if let value = page.value(of: name) {
            guard out.count + value.count <= limit else { throw tooLong }
            return out.append(value)
        }
        request.append(named: name.span, to: out)
        if out.count > limit { throw tooLong }
    }

    private var tooLong: Problem { Problem(message: "too long value of \"" + ByteString(text) + "\"") }

    private var invalid: Problem {
        Problem(message: "invalid variable name in \"" + ByteString(text) + "\"")
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == ASCII.underscore
    }
}
