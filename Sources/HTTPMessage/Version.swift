/// A version of HTTP, ordered by age.
public struct Version: Hashable, Comparable, Sendable {
    public var major: UInt8
    public var minor: UInt8

    public init(major: UInt8, minor: UInt8) {
        self.major = major
        self.minor = minor
    }

    public static let http09 = Version(major: 0, minor: 9)
    public static let http10 = Version(major: 1, minor: 0)
    public static let http11 = Version(major: 1, minor: 1)
    public static let http2 = Version(major: 2, minor: 0)
    public static let http3 = Version(major: 3, minor: 0)

    public static func < (left: Version, right: Version) -> Bool {
        left.major == right.major ? left.minor < right.minor : left.major < right.major
    }
}
