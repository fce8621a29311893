/// A version of HTTP, ordered by age.
struct Version: Hashable, Comparable, Sendable {
    var major: UInt8
    var minor: UInt8

    init(major: UInt8, minor: UInt8) {
        self.major = major
        self.minor = minor
    }

    static let http09 = Version(major: 0, minor: 9)
    static let http10 = Version(major: 1, minor: 0)
    static let http11 = Version(major: 1, minor: 1)
    static let http2 = Version(major: 2, minor: 0)
    static let http3 = Version(major: 3, minor: 0)

    static func < (left: Version, right: Version) -> Bool {
        left.major == right.major ? left.minor < right.minor : left.major < right.major
    }
}
