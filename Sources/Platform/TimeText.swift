import CLinux

/// Dates in a form that somebody else chooses, as the C library writes them.
enum TimeText {
    /// Bytes that a date may take.
    private static let limit = 2_048

    /// The date in a `strftime` form; nil if it takes too many bytes, or none. The bytes of `format` end with NUL.
    static func format(_ format: [UInt8], secondsSinceEpoch seconds: Int, isLocal: Bool) -> [UInt8]? {
        precondition(format.last == 0, "a C string ends with NUL")
        var moment = time_t(seconds)
        var fields = unsafe tm()
        if isLocal {
            _ = unsafe localtime_r(&moment, &fields)
        } else {
            _ = unsafe gmtime_r(&moment, &fields)
        }
        return unsafe withUnsafeTemporaryAllocation(of: CChar.self, capacity: limit) { space in
            unsafe format.withUnsafeBufferPointer { bytes in
                guard let start = bytes.baseAddress, let out = space.baseAddress else { return nil }
                let count = unsafe start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                    unsafe strftime(out, limit, $0, &fields)
                }
                if count == 0 { return nil }
                return unsafe Array(UnsafeRawBufferPointer(start: out, count: count))
            }
        }
    }
}
