import CLinux

/// The system this runs on.
enum OperatingSystem {
    /// `Linux 6.1.0`.
    static var description: String {
        var names = utsname()
        guard unsafe uname(&names) == 0 else { return "Linux" }
        return "\(text(of: names.sysname)) \(text(of: names.release))"
    }

    /// The text in one of the fixed arrays, which Swift sees as tuples.
    private static func text<Array>(of array: Array) -> String {
        unsafe withUnsafeBytes(of: array) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
    }
}
