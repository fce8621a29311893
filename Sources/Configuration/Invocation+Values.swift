/// Reading arguments, with nginx's errors.
extension Invocation {
    /// The first argument as `on` or `off`.
    func flag() throws(ConfigurationError) -> Bool {
        let word = arguments[0]
        if word.span.equalsIgnoringCase("on") { return true }
        if word.span.equalsIgnoringCase("off") { return false }
        throw fail(
            "invalid value \"\(word.text)\" in \"\(name)\" directive, "
                + "it must be \"on\" or \"off\"", at: word)
    }

    /// An argument as a decimal number.
    func number(_ index: Int = 0) throws(ConfigurationError) -> Int {
        guard let value = Units.number(self[index]) else {
            throw refuse("invalid number", at: arguments[index])
        }
        return value
    }

    func check(
        _ value: Int, atLeast lowest: Int?, atMost highest: Int?
    ) throws(ConfigurationError) {
        if value >= lowest ?? .min, value <= highest ?? .max { return }
        let word = arguments.first
        if let highest {
            throw fail("value must be between \(lowest ?? 0) and \(highest)", at: word)
        }
        throw fail("value must be equal to or greater than \(lowest ?? 0)", at: word)
    }

    /// An argument as a size: bytes, `k`, `m`.
    func size(_ index: Int = 0) throws(ConfigurationError) -> Int {
        guard let value = Units.size(self[index]) else {
            throw refuse(
                "invalid value", advice: "a size is a number of bytes, or with k or m: 8k, 1m",
                at: arguments[index])
        }
        return value
    }

    /// An argument as an offset: bytes, `k`, `m`, `g`.
    func offset(_ index: Int = 0) throws(ConfigurationError) -> Int {
        guard let value = Units.offset(self[index]) else {
            throw refuse(
                "invalid value",
                advice: "a size is a number of bytes, or with k, m or g: 8k, 10m, 1g",
                at: arguments[index])
        }
        return value
    }

    /// An argument as a time in milliseconds.
    func milliseconds(_ index: Int = 0) throws(ConfigurationError) -> Int {
        guard let value = Units.milliseconds(self[index]) else {
            throw refuse("invalid value", advice: Self.timeAdvice, at: arguments[index])
        }
        return value
    }

    /// An argument as a time in seconds.
    func seconds(_ index: Int = 0) throws(ConfigurationError) -> Int {
        guard let value = Units.seconds(self[index]) else {
            throw refuse("invalid value", advice: Self.timeAdvice, at: arguments[index])
        }
        return value
    }

    private static let timeAdvice =
        "a time is a number of seconds, or with units, the largest first: 500ms, 30s, 1h30m, 1d"

    /// The index of the word among some, without regard to case.
    func choice(
        of choices: [ByteString], _ word: Word
    ) throws(ConfigurationError) -> Int {
        for (index, choice) in choices.enumerated()
        where choice.span.equalsIgnoringCase(word.span) {
            return index
        }
        let all = choices.map { "\"\($0.text)\"" }.joined(separator: ", ")
        throw invalidValue(word, advice: "it must be one of \(all)")
    }
}
