/// nginx's notations for sizes and times.
enum Units {
    static func number(_ text: ByteString) -> Int? { text.span.decimalValue }
    static func size(_ text: ByteString) -> Int? { size(text.span) }
    static func offset(_ text: ByteString) -> Int? { offset(text.span) }
    static func milliseconds(_ text: ByteString) -> Int? { milliseconds(text.span) }
    static func seconds(_ text: ByteString) -> Int? { seconds(text.span) }

    /// Bytes, with `k` or `m` in either case; nil if it is not a size.
    static func size(_ text: Span<UInt8>) -> Int? {
        scaled(text, largest: 20)
    }

    /// Bytes, with `k`, `m` or `g` in either case; nil if it is not one.
    static func offset(_ text: Span<UInt8>) -> Int? {
        scaled(text, largest: 30)
    }

    private static func scaled(_ text: Span<UInt8>, largest: Int) -> Int? {
        guard !text.isEmpty else { return nil }
        let shift: Int
        switch text[text.count - 1].asciiLowercased {
        case UInt8(ascii: "k"): shift = 10
        case UInt8(ascii: "m"): shift = 20
        case UInt8(ascii: "g") where largest >= 30: shift = 30
        default: return text.decimalValue
        }
        guard let value = text.extracting(0..<text.count - 1).decimalValue else { return nil }
        guard value <= Int.max >> shift else { return nil }
        return value << shift
    }

    /// A time as milliseconds: `1d 2h`, `500ms`, `30` (seconds). Nil if it is not one.
    static func milliseconds(_ text: Span<UInt8>) -> Int? {
        time(text, inSeconds: false)
    }

    /// A time as seconds. nginx takes no `ms` here, but years and months. Nil if it is not one.
    static func seconds(_ text: Span<UInt8>) -> Int? {
        time(text, inSeconds: true)
    }

    /// The units in the order in which they must come; a plain space after a number stands for seconds and must be last.
    private enum Step: Int {
        case start, year, month, week, day, hour, minute, second, millisecond, last
    }

    private static func time(_ text: Span<UInt8>, inSeconds: Bool) -> Int? {
        var step = inSeconds ? Step.start : .month
        var value = 0
        var total = 0
        var hasDigits = false
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte.isASCIIDigit {
                let (product, overflow) = value.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(Int(byte &- ASCII.zero))
                if overflow || carry { return nil }
                value = sum
                hasDigits = true
                continue
            }
            let isMilliseconds =
                byte == UInt8(ascii: "m") && index < text.count && text[index] == UInt8(ascii: "s")
            guard let (next, seconds) = unit(byte, isMilliseconds: isMilliseconds) else {
                return nil
            }
            // Every unit must be smaller than the one before; a space is refused after seconds.
            let bound = next == .last ? Step.second : next
            guard step.rawValue < bound.rawValue else { return nil }
            if next == .millisecond {
                if inSeconds { return nil }
                index += 1
            }
            step = next
            let scale = next == .millisecond || inSeconds ? seconds : seconds * 1000
            let (scaledValue, overflow) = value.multipliedReportingOverflow(by: scale)
            let (sum, carry) = total.addingReportingOverflow(scaledValue)
            if overflow || carry { return nil }
            total = sum
            value = 0
            while index < text.count, text[index] == ASCII.space { index += 1 }
        }
        guard hasDigits else { return nil }
        let (rest, overflow) = value.multipliedReportingOverflow(by: inSeconds ? 1 : 1000)
        let (sum, carry) = total.addingReportingOverflow(rest)
        return overflow || carry ? nil : sum
    }

    private static func unit(_ byte: UInt8, isMilliseconds: Bool) -> (Step, Int)? {
        switch byte {
        case UInt8(ascii: "y"): (.year, 31_536_000)
        case UInt8(ascii: "M"): (.month, 2_592_000)
        case UInt8(ascii: "w"): (.week, 604_800)
        case UInt8(ascii: "d"): (.day, 86_400)
        case UInt8(ascii: "h"): (.hour, 3_600)
        case UInt8(ascii: "m"): isMilliseconds ? (.millisecond, 1) : (.minute, 60)
        case UInt8(ascii: "s"): (.second, 1)
        case ASCII.space: (.last, 1)
        default: nil
        }
    }
}
