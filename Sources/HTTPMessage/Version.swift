/// A version of HTTP, ordered by age.
package struct Version: Hashable, Comparable, Sendable {
    package var major: UInt8
    package var minor: UInt8

    package init(major: UInt8, minor: UInt8) {
        self.major = major
        self.minor = minor
    }

    package static let http09 = Version(major: 0, minor: 9)
    package static let http10 = Version(major: 1, minor: 0)
    package static let http11 = Version(major: 1, minor: 1)
    package static let http2 = Version(major: 2, minor: 0)
    package static let http3 = Version(major: 3, minor: 0)

    package static func < (left: Version, right: Version) -> Bool {
        left.major == right.major ? left.minor < right.minor : left.major < right.major
    }
}
